"""What `trueup libs` says, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trueup.interfaces.report.nativewords import (
    bytes_text,
    device_rows,
    gpu_rows,
    library_label,
    native_summary,
    short_path,
    used_by,
)
from trueup.interfaces.report.page import Page, join_blocks, table
from trueup.interfaces.report.words import count, printable
from trueup.judge.gpu import needed_for
from trueup.judge.wholoads import LoadedCopy, who_loads
from trueup.model.gpu import Gpu
from trueup.model.library import Distribution
from trueup.model.loading import Found, Link
from trueup.model.nativereport import Degree, Duplicate, LoadedMap, NativeReport, Scope

__all__ = ["render_native_text", "render_who"]

_SHOWN_LIBRARIES = 12
_SHOWN_GROUPS = 6
_SHOWN_USERS = 4


def render_native_text(
    report: NativeReport,
    *,
    colour: bool,
    width: int,
    verbose: bool = False,
    gpu: Gpu | None = None,
) -> str:
    """The report as text that ends with a line break; ``verbose`` lists every file and user.

    ``gpu`` adds what this device loads of the GPU code.
    """
    page = _NativePage(colour=colour, width=max(width, 40), verbose=verbose)
    blocks = [page.environment(loaded) for loaded in report.maps]
    placed = {id(item) for loaded in report.maps for item in loaded.layout.distributions}
    rest = [item for item in report.distributions if item.files and id(item) not in placed]
    if rest:
        title = "In no environment above" if report.maps else "Native files"
        blocks.append(page.distributions(title, rest, None))
    blocks += page.duplicates(report)
    blocks += page.gpu(report)
    if gpu is not None:
        blocks.append(page.device(report, gpu))
    blocks += page.findings(report.findings)
    blocks += [page.failure(f"`{target}`", reason) for target, reason in report.failures]
    blocks.append(page.wrap(native_summary(report), ""))
    return "\n".join(join_blocks(blocks)) + "\n"


def render_who(
    maps: Sequence[LoadedMap], library: str, *, colour: bool, width: int, verbose: bool = False
) -> str:
    """``libs --who``: each copy of a library, and who gets it, per environment."""
    page = _NativePage(colour=colour, width=max(width, 40), verbose=verbose)
    blocks = [
        page.copies(loaded, copies, library)
        for loaded in maps
        if (copies := who_loads(loaded, library))
    ]
    if not blocks:
        blocks = [page.wrap(f"no file is, holds or asks for a library named `{library}`", "")]
    return "\n".join(join_blocks(blocks)) + "\n"


class _NativePage(Page):
    """The blocks that only native maps have."""

    __slots__ = ()

    def environment(self, loaded: LoadedMap) -> list[str]:
        return self.distributions(loaded.layout.label, loaded.layout.distributions, loaded)

    def distributions(
        self, title: str, distributions: Iterable[Distribution], loaded: LoadedMap | None
    ) -> list[str]:
        """A line for each distribution, and below it its libraries with who uses them."""
        lines = [self.paint(title, bold=True)]
        for item in sorted(distributions, key=lambda item: item.project):
            size = sum(file.size for file in item.files)
            modules = sum(file.is_extension for file in item.files)
            lines.append(
                f"  {self.paint(printable(item.label), 'cyan')}   {count(len(item.files), 'file')}"
                f", {count(modules, 'extension module')}, {bytes_text(size)}"
            )
            lines += self.libraries(item, loaded)
            for note in item.notes:
                lines += self.labelled("note: ", note, "yellow", indent="    ")
        return lines

    def libraries(self, item: Distribution, loaded: LoadedMap | None) -> list[str]:
        files = [file for file in item.files if self.verbose or not file.is_extension]
        files.sort(key=lambda file: (-file.size, file.path))
        shown = files if self.verbose else files[:_SHOWN_LIBRARIES]
        rows = [
            (
                printable(short_path(file.path) if not self.verbose else file.path),
                bytes_text(file.size),
                printable(library_label(file)),
                used_by(file, loaded) if loaded is not None else "",
            )
            for file in shown
        ]
        lines = ["  " + line for line in table(rows)] if rows else []
        left = len(files) - len(shown)
        return [*lines, f"    … and {left:,} more; `-v` lists them"] if left else lines

    def duplicates(self, report: NativeReport) -> Iterator[list[str]]:
        for scope in Scope:
            groups = [one for one in report.duplicates if one.scope is scope]
            if not groups:
                continue
            rows = [("", "groups", "on disk", "packed")]
            for degree in Degree:
                number, disk, packed = report.wasted(scope, degree)
                rows.append((degree.value, f"{number:,}", bytes_text(disk), bytes_text(packed)))
            yield [
                self.paint(f"There more than once, {scope.value}", bold=True),
                *table(rows),
                *self.groups(groups),
            ]

    def groups(self, groups: Sequence[Duplicate]) -> Iterator[str]:
        """The most wasteful groups, each at the surest degree that holds for it."""
        seen: set[frozenset[tuple[str, str]]] = set()
        told: list[Duplicate] = []
        for group in groups:
            members = frozenset((copy.filename, copy.path) for copy in group.copies)
            if members not in seen:
                seen.add(members)
                told.append(group)
        told.sort(key=lambda group: -group.wasted)
        for group in told if self.verbose else told[:_SHOWN_GROUPS]:
            yield ""
            yield (
                f"  {printable(group.library)}: {group.degree.value}, "
                f"{bytes_text(group.wasted)} too many ({group.where})"
            )
            yield from (
                "  " + line
                for line in table(
                    [
                        (printable(copy.filename), printable(copy.path), bytes_text(copy.size))
                        for copy in group.copies
                    ]
                )
            )
        if len(told) > _SHOWN_GROUPS and not self.verbose:
            yield f"  … and {len(told) - _SHOWN_GROUPS:,} more groups; `-v` lists them"

    def gpu(self, report: NativeReport) -> Iterator[list[str]]:
        rows = gpu_rows(report)
        if rows:
            yield [self.paint("GPU code", bold=True), *table(rows)]

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
        return [self.paint(title, bold=True), *table(rows)]

    def copies(self, loaded: LoadedMap, copies: Sequence[LoadedCopy], library: str) -> list[str]:
        number = sum(copy.path is not None for copy in copies)
        copies_text = "1 copy" if number == 1 else f"{number:,} copies"
        lines = [self.paint(f"{loaded.layout.label}: {copies_text} of `{library}`", bold=True)]
        for copy in copies:
            lines += ["", *self.copy(copy)]
        return lines

    def copy(self, copy: LoadedCopy) -> list[str]:
        lines = [f"  {self.paint(printable(copy.path or copy.wanted), 'cyan')}"]
        if copy.distribution is not None and copy.file is not None:
            how = ", linked into it statically" if copy.static else ""
            size = bytes_text(copy.file.size)
            lines += self.wrap(f"of {copy.distribution.label}, {size}{how}", "    ")
        for text in copy.says:
            lines += self.wrap(text, "    ", "      ")
        if copy.static:
            return lines
        if not copy.links:
            return [*lines, "    nobody asks for it by name"]
        if copy.path is None:
            found = copy.links[0].found
            words = {
                Found.MISSING: "nobody here provides it",
                Found.SYSTEM: "expected of the system",
            }
            lines.append(f"    {words.get(found, found.value)}; asked for by:")
        shown = copy.links if self.verbose else copy.links[:_SHOWN_USERS]
        lines += [
            "    " + line for line in table([(printable(x.user), self.how(x)) for x in shown])
        ]
        left = len(copy.links) - len(shown)
        return [*lines, f"      … and {left:,} more; `-v` lists them"] if left else lines

    def how(self, link: Link) -> str:
        """Through what the loader gets there."""
        if link.through is None:
            return link.found.value if link.path is not None else ""
        whose = "" if link.owner in (None, link.user) else f" of {short_path(link.owner or '')}"
        return printable(f"{link.found.value} {link.through}{whose}")
