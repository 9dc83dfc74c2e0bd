"""What `trueup libs` says, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from rich.cells import cell_len

from trueup.interfaces.report.columns import columns, cut
from trueup.interfaces.report.evidence import LISTED_FILES
from trueup.interfaces.report.nativecopies import copy_rows, told_groups
from trueup.interfaces.report.nativewords import (
    brief_label,
    brief_path,
    bytes_text,
    device_rows,
    gpu_rows,
    library_label,
    native_summary,
    pins_words,
    together,
    used_words,
    users_of,
)
from trueup.interfaces.report.page import Page, join_blocks
from trueup.interfaces.report.words import count, natural, printable
from trueup.judge.gpu import needed_for
from trueup.model.gpu import Gpu
from trueup.model.library import Distribution, NativeFile
from trueup.model.metadata import Unreadable
from trueup.model.nativereport import Degree, Duplicate, LoadedMap, NativeReport, Scope

__all__ = ["render_native_text"]

_SHOWN_LIBRARIES = 12
_SHOWN_GROUPS = 6
_SHOWN_FILES = 3
_SHOWN_TARGETS = 12
_SHOWN_USERS = 3
_GIVEN = 12
"""Cells that names give up for who uses them, before that goes to a line of its own."""


def render_native_text(
    report: NativeReport,
    *,
    colour: bool,
    width: int,
    verbose: bool = False,
    gpu: Gpu | None = None,
    pins: bool = False,
) -> str:
    """The report as text that ends with a line break; ``verbose`` lists every file and user.

    ``gpu`` adds what this device loads of the GPU code. ``pins`` leaves the map out and says how
    many libraries were compared with what distributions were made against.
    """
    page = _NativePage(colour=colour, width=max(width, 40), verbose=verbose)
    if pins:
        blocks = [*page.findings(report.findings), page.wrap(pins_words(report), "")]
        blocks[:0] = [page.failure(f"`{target}`", reason) for target, reason in report.failures]
        return "\n".join(join_blocks(blocks)) + "\n"
    blocks = page.environments(report.maps)
    placed = {id(item) for loaded in report.maps for item in loaded.layout.distributions}
    rest = [item for item in report.distributions if item.files and id(item) not in placed]
    if rest:
        title = "In no environment above" if report.maps else "Native files"
        told = [line for block in page.blocks(rest, None) for line in block]
        blocks.append([*page.title(title), *told])
    blocks += page.duplicates(report)
    blocks += page.gpu(report)
    if gpu is not None:
        blocks.append(page.device(report, gpu))
    blocks += page.findings(report.findings)
    blocks += [page.failure(f"`{target}`", reason) for target, reason in report.failures]
    blocks.append(page.wrap(native_summary(report), ""))
    return "\n".join(join_blocks(blocks)) + "\n"


_Tail: TypeAlias = list[str] | str | None
"""Who uses a file, or else a sentence on it."""


def _tail(file: NativeFile, loaded: LoadedMap | None) -> _Tail:
    if isinstance(file.images, Unreadable):
        return library_label(file)
    return users_of(file, loaded) if loaded is not None else None


def _is_program(file: NativeFile) -> bool:
    return bool(file.readable) and library_label(file) == "program"


class _NativePage(Page):
    """The blocks that only native maps have."""

    __slots__ = ()

    def environments(self, maps: Sequence[LoadedMap]) -> list[list[str]]:
        """A block for each environment; those of which there is the same to say have one."""
        alike: dict[tuple[tuple[str, ...], ...], list[str]] = {}
        for loaded in maps:
            whole = tuple(self.blocks(loaded.layout.distributions, loaded))
            alike.setdefault(whole, []).append(loaded.layout.label)
        told: set[tuple[str, ...]] = set()
        found = []
        for whole, labels in alike.items():
            lines = self.title(together(labels))
            for block in whole:
                known = len(block) > 2 and block[1:] in told and not self.verbose
                lines += [block[0], "    libraries as above"] if known else block
                told.add(block[1:])
            found.append(lines)
        return found

    def title(self, text: str) -> list[str]:
        return [self.paint(line, bold=True) for line in self.wrap(text, "", "  ")]

    def files(
        self, files: tuple[str, ...], short: Mapping[tuple[str, ...], str]
    ) -> tuple[str, ...]:
        """Of many files of one package the first: their number alone would tell nobody which."""
        if len(files) > LISTED_FILES and not self.verbose:
            if any(file.endswith(".whl") for file in files):
                return (printable(short[files]),)
            more = f"… and {len(files) - _SHOWN_FILES:,} more files"
            return (*map(printable, files[:_SHOWN_FILES]), more)
        return tuple(map(printable, files))

    def blocks(
        self, distributions: Iterable[Distribution], loaded: LoadedMap | None
    ) -> Iterator[tuple[str, ...]]:
        """A line for each distribution, and below it its libraries with who uses them."""
        for item in sorted(distributions, key=lambda item: item.project):
            size = sum(file.size for file in item.files)
            modules = sum(file.is_extension for file in item.files)
            facts = [count(len(item.files), "file"), bytes_text(size)]
            if modules:
                facts.insert(1, count(modules, "extension module"))
            label = printable(item.label)
            lines = [f"  {self.paint(label, 'cyan')}   {', '.join(facts)}"]
            lines += self.libraries(item, loaded)
            for note in item.notes:
                lines += self.labelled("note: ", note, "yellow", indent="    ")
            yield tuple(lines)

    def libraries(self, item: Distribution, loaded: LoadedMap | None) -> list[str]:
        files = [
            file
            for file in item.files
            if self.verbose or not file.is_extension or isinstance(file.images, Unreadable)
        ]
        if not self.verbose and all(_is_program(file) for file in files):
            return []  # Such as the launchers for Windows that pip carries: there is no library.
        files.sort(key=lambda file: (-file.size, natural(file.path)))
        shown = files if self.verbose else files[:_SHOWN_LIBRARIES]
        lines = self.rows(
            [
                (
                    printable(file.path if self.verbose else brief_path(file.path)),
                    bytes_text(file.size),
                    printable(self.label(file)),
                )
                for file in shown
            ],
            [_tail(file, loaded) for file in shown],
        )
        left = len(files) - len(shown)
        return [*lines, f"    … and {left:,} more; `-v` lists them"] if left else lines

    def label(self, file: NativeFile) -> str:
        if self.verbose and not isinstance(file.images, Unreadable):
            return library_label(file)
        return brief_label(file)

    def rows(self, rows: Sequence[tuple[str, ...]], users: Sequence[_Tail]) -> list[str]:
        """Files in columns, at the end who uses each: as many names as the line has room for."""
        if not rows:
            return []
        least = max(
            (len(used_words(one, 0)) for one in users if not isinstance(one, str)), default=0
        )
        whole = self.verbose
        lines = columns(rows, width=self.width, indent="    ", right={1}, whole=whole)
        end = max(map(cell_len, lines)) + 3
        if end + least > self.width and not whole:
            # First the names give room, then who uses them goes to a line of its own.
            left = self.width - least
            narrow = columns(rows, width=left - 3, indent="    ", right={1})
            if max(map(cell_len, narrow)) > left - 3 or end - left > _GIVEN:
                return self.below(lines, users)
            lines, end = narrow, left
        return [
            line + " " * (end - cell_len(line)) + words if (words := self.used(one, end)) else line
            for line, one in zip(lines, users, strict=True)
        ]

    def below(self, lines: Sequence[str], users: Sequence[_Tail]) -> list[str]:
        found = []
        for line, one in zip(lines, users, strict=True):
            words = self.used(one, 6)
            found += [line, *([f"      {words}"] if words else [])]
        return found

    def used(self, users: _Tail, start: int) -> str:
        """The longest wording that fits behind column ``start``."""
        if isinstance(users, str):
            text = printable(users)
            return text if self.verbose else cut(text, self.width - start)
        for limit in range(_SHOWN_USERS, -1, -1):
            words = printable(used_words(users, limit))
            if self.verbose or start + cell_len(words) <= self.width:
                return words
        return words

    def duplicates(self, report: NativeReport) -> Iterator[list[str]]:
        for scope in Scope:
            groups = [one for one in report.duplicates if one.scope is scope]
            if not groups:
                continue
            stored = any(group.wasted_packed is not None for group in groups)
            rows = [("", "groups", "on disk", "packed" if stored else "")]
            before = (0, 0, 0)
            for degree in Degree:
                number, disk, packed = wasted = report.wasted(scope, degree)
                if wasted != before:
                    before = wasted
                    less = bytes_text(packed) if stored else ""
                    rows.append((degree.value, f"{number:,}", bytes_text(disk), less))
            each = "; each line includes those above it" if len(rows) > 2 else ""
            yield [
                *self.title(f"There more than once, {scope.value}{each}"),
                *columns(rows, width=self.width, right={1, 2, 3}),
                *self.groups(groups),
            ]

    def groups(self, groups: Sequence[Duplicate]) -> Iterator[str]:
        """The most wasteful groups; what is within a larger one is told in its title."""
        told = told_groups(groups)
        one_place = len({group.where for group in groups}) == 1
        for group, within in told if self.verbose else told[:_SHOWN_GROUPS]:
            yield ""
            parts = [f"{bytes_text(group.wasted)} too many", group.degree.value]
            parts += [f"{len(one.copies)} of them {one.degree.value}" for one in within[:1]]
            parts += [] if one_place else [group.where]
            yield from self.wrap(f"{group.library}: {', '.join(parts)}", "  ", "    ")
            yield from columns(
                copy_rows(group, whole=self.verbose),
                width=self.width,
                indent="    ",
                right={1},
                whole=self.verbose,
            )
        if len(told) > _SHOWN_GROUPS and not self.verbose:
            yield ""
            more = count(len(told) - _SHOWN_GROUPS, "more group")
            yield f"  … and {more}; `-v` lists them"

    def gpu(self, report: NativeReport) -> Iterator[list[str]]:
        for item in report.distributions:
            rows = gpu_rows(item)
            shown = rows
            if not self.verbose and len(rows) > _SHOWN_TARGETS:
                least = sorted((size for *_, size in rows), reverse=True)[_SHOWN_TARGETS - 1]
                shown = [row for row in rows if row[-1] >= least][:_SHOWN_TARGETS]
            if not rows:
                continue
            whole = sum(size for *_, size in rows)
            lines = columns(
                [(printable(t), kind, bytes_text(size)) for t, kind, size in shown],
                width=self.width,
                right={2},
                whole=self.verbose,
            )
            left = len(rows) - len(shown)
            if left:
                size = whole - sum(size for *_, size in shown)
                lines.append(f"  … and {left:,} more with {bytes_text(size)}; `-v` lists them")
            yield [*self.title(f"GPU code of {item.label}: {bytes_text(whole)}"), *lines]

    def device(self, report: NativeReport, gpu: Gpu) -> list[str]:
        rows = device_rows(report, gpu)
        if not rows:
            return [f"no file has GPU code, so {gpu} needs none"]
        codes = [
            (needed_for(image.gpu, gpu), image.gpu)
            for item in report.distributions
            for file in item.files
            for image in file.readable
        ]
        needed = sum(code.size for some, _ in codes for code in some)
        known = sum(code.size for _, all_of_it in codes for code in all_of_it)
        title = f"{gpu} needs {bytes_text(needed)} of {bytes_text(known)}"
        fits = [row for row in rows if row[-1]]
        shown = rows if self.verbose else fits
        lines = columns(
            [(*map(printable, row[:-1]), printable(row[-1]) or "nothing fits") for row in shown],
            width=self.width,
            right={1, 3},
            whole=self.verbose,
        )
        if left := len(rows) - len(shown):
            lines.append(f"  … and {count(left, 'file')} of which nothing fits")
        return [self.paint(title, bold=True), *lines]
