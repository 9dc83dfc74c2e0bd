"""The report as text for people: readable without colour, and in 80 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import click
from rich.cells import cell_len

from trueup.interfaces.report.evidence import LISTED_FILES, legend, short_names
from trueup.interfaces.report.paste import pyproject
from trueup.interfaces.report.words import (
    NOTHING_MORE,
    count,
    headline,
    in_order,
    origin,
    printable,
    summary,
)
from trueup.model.finding import (
    Advice,
    Evidence,
    Finding,
    Merged,
    ReleaseClass,
    ReleaseReport,
    Report,
    Severity,
    Witness,
)

__all__ = ["render_text"]

_LISTED_RELEASES = 10
_LISTED_VALUES = 6
_LISTED_EVIDENCE = 8
_LISTED_REQUIREMENTS = 20
_GAP = "   "
_SUGGEST = re.compile(r"; `trueup check --suggest` prints [^;]*")

_SEVERITY_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_CLASS_COLOUR = {
    ReleaseClass.IDENTICAL: "green",
    ReleaseClass.UNIFORM: "green",
    ReleaseClass.MERGEABLE: "yellow",
    ReleaseClass.IRRECONCILABLE: "red",
    ReleaseClass.UNKNOWN: "magenta",
}
_FIXES = {
    ReleaseClass.MERGEABLE: (
        "give every wheel the one list, with markers, in `pyproject.toml`, instead of choosing "
        "while building; then upload all files under a new version"
    ),
    ReleaseClass.IRRECONCILABLE: (
        "make the files named above ask for the same, or move what differs into an extra or "
        "a project of its own; then upload all files under a new version"
    ),
}


def render_text(
    report: Report,
    *,
    colour: bool,
    width: int,
    verbose: bool = False,
    suggest: bool = False,
    fix_hint: bool = False,
) -> str:
    """The report as text that ends with a line break.

    ``width`` is in terminal columns; file names and what is meant to be pasted are never broken.
    ``verbose`` lists every file, every value, and the environments that show the differences;
    Of many releases those that agree are only counted, unless ``verbose``;
    ``suggest`` adds the merged list for a `pyproject.toml` and the work-arounds for users of the
    release as published; ``fix_hint`` tells the maintainer how such a release is put right.
    """
    page = _Page(colour=colour, width=max(width, 40), verbose=verbose, suggest=suggest)
    blocks: list[list[str]] = []
    many = len(report.releases) > _LISTED_RELEASES and not verbose
    agreeing = [release for release in report.releases if many and _agrees(release)]
    # Releases about which there is no more than one line to say stand below each other.
    dense: set[int] = set()
    for release in report.releases:
        if many and _agrees(release):
            continue
        blocks.append(page.head(release))
        if len(blocks[-1]) == 1:
            dense.add(len(blocks) - 1)
        blocks += [page.finding(finding) for finding in release.findings]
        if verbose:
            blocks += page.details(release)
        if release.merged is not None:
            if suggest:
                blocks.append(page.suggestion(release, release.merged))
            elif release.release_class.rank >= ReleaseClass.MERGEABLE.rank:
                blocks.append(page.merged(release, release.merged))
        elif release.only_in is not None and not suggest:
            blocks.append(page.wrap(_ask_for(release.only_in), ""))
        if suggest:
            blocks += [page.workaround(what, text) for what, text in release.workarounds]
        if fix_hint and (fix := _FIXES.get(release.release_class)) is not None:
            blocks.append(page.labelled("fix: ", fix, indent=""))
    blocks += [page.failure(target, reason) for target, reason in report.failures]
    if agreeing:
        dense.add(len(blocks))
        blocks.append(page.wrap(_agree(len(agreeing)), ""))
    dense.add(len(blocks))
    blocks.append(page.wrap(summary(report), ""))
    if many:
        blocks[-1] += page.found(report)
    return "\n".join(_join(blocks, dense)) + "\n"


def _join(blocks: Sequence[list[str]], dense: Set[int]) -> Iterable[str]:
    """The blocks with blank lines between them, except between two that are dense."""
    for number, block in enumerate(blocks):
        if number and not ({number - 1, number} <= dense):
            yield ""
        yield from block


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Lays blocks of lines out for one width, with or without colour."""

    colour: bool
    width: int
    verbose: bool
    suggest: bool

    def paint(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        if not self.colour or not (colour or bold):
            return text
        return click.style(text, fg=colour, bold=bold or None)

    def wrap(self, text: str, indent: str, hanging: str | None = None) -> list[str]:
        """Lines of at most the width, unless one word alone is longer."""
        return textwrap.wrap(
            printable(text),
            self.width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def labelled(
        self, label: str, text: str, colour: str | None = "cyan", *, indent: str = "  "
    ) -> list[str]:
        """``  hint: …``, its further lines under the first."""
        lines = self.wrap(label + text, indent, indent + " " * len(label))
        start = len(indent) + len(label.rstrip())
        lines[0] = indent + self.paint(label.rstrip(), colour) + lines[0][start:]
        return lines

    def head(self, release: ReleaseReport) -> list[str]:
        colour = _CLASS_COLOUR[release.release_class]
        lines = [
            self.paint(line, colour, bold=True) for line in self.wrap(headline(release), "", "  ")
        ]
        # That one file may be read is said above; why it may not is news.
        if release.advice_reason and (self.verbose or release.advice is not Advice.READ_ONE):
            reason = f"{release.advice.value} ({release.advice_reason})"
            lines += self.labelled("advice:  ", reason, None)
        return lines

    def finding(self, finding: Finding) -> list[str]:
        tag = f"{finding.severity.value}[{printable(finding.code)}]:"
        title = f"{finding.project} {finding.version}: {finding.message}"
        lines = self.wrap(f"{tag} {title}", "", "  ")
        colour = _SEVERITY_COLOUR[finding.severity]
        lines[0] = self.paint(tag, colour, bold=True) + lines[0][len(tag) :]
        if finding.field is not None and self.verbose:
            lines += self.labelled("field:  ", finding.field, None)
        if finding.where is not None:
            lines += self.labelled("where:  ", finding.where, None)
        lines += self.evidence(finding.evidence)
        if (meaning := legend(finding)) is not None:
            lines += self.wrap(f"({meaning})", "  ", "   ")
        hint = finding.hint
        if hint is not None and self.suggest:
            hint = _SUGGEST.sub("", hint)
        if hint is not None:
            lines += ["", *self.labelled("hint: ", hint)]
        return lines

    def found(self, report: Report) -> list[str]:
        """The releases with findings once more, where many others stood between them."""
        lines: list[str] = []
        for release in report.releases:
            alone = summary(Report(releases=(release,))).removesuffix(" in 1 release")
            if release.findings:
                lines += self.wrap(f"{release.project} {release.version}: {alone}", "  ", "    ")
        return lines

    def evidence(self, evidence: Sequence[Evidence]) -> list[str]:
        shown = evidence if self.verbose else evidence[:_LISTED_EVIDENCE]
        compared = any(item.says for item in evidence)
        short = short_names(evidence)
        rows = [
            _Row(
                files=self.files(item.files, short),
                where=printable(item.where or ""),
                says=self.says(item.says, compared),
            )
            for item in shown
        ]
        lines = self.columns(rows) or self.stacked(rows)
        left = len(evidence) - len(shown)
        return [*lines, f"  … and {left:,} more"] if left else lines

    def files(
        self, files: tuple[str, ...], short: Mapping[tuple[str, ...], str]
    ) -> tuple[str, ...]:
        if len(files) > LISTED_FILES and not self.verbose:
            return (printable(short[files]),)
        return tuple(map(printable, files))

    def says(self, says: Sequence[str], compared: bool) -> tuple[str, ...]:
        if not says:
            return (NOTHING_MORE,) if compared else ()
        if len(says) > _LISTED_VALUES and not self.verbose:
            left = len(says) - _LISTED_VALUES
            return (*map(printable, says[:_LISTED_VALUES]), f"… and {left:,} more")
        return tuple(map(printable, says))

    def columns(self, rows: Sequence[_Row]) -> list[str] | None:
        """One table, if every row has one file and all fits the width; otherwise None."""
        if any(len(row.files) != 1 and (row.where or row.says) for row in rows):
            return None
        files = max((cell_len(name) for row in rows for name in row.files), default=0)
        where = max((cell_len(row.where) for row in rows), default=0)
        lines: list[str] = []
        for row in rows:
            first = row.files[0] if row.files else ""
            rest: list[str] = [first, *([row.where] if where else []), *row.says[:1]]
            lines.append("  " + _aligned(rest, (files, where) if where else (files,)))
            lines += ["  " + name for name in row.files[1:]]
            indent = "  " + " " * files + _GAP + (" " * where + _GAP if where else "")
            lines += [indent + value for value in row.says[1:]]
        return lines if all(cell_len(line) <= self.width for line in lines) else None

    def stacked(self, rows: Sequence[_Row]) -> list[str]:
        """The files of each row, and below them, further in, where and what they say."""
        widest = max((cell_len(row.where) for row in rows), default=0)
        lines: list[str] = []
        for row in rows:
            lines += ["  " + name for name in row.files]
            if widest > self.width // 2 or not row.says:
                lines += self.wrap(row.where, "      ")
                lead = "        " if row.where else "      "
            else:
                gap = _GAP if widest else ""
                lead = "      " + row.where + " " * (widest - cell_len(row.where)) + gap
            indent = " " * cell_len(lead)
            for number, value in enumerate(row.says):
                lines += self.wrap(value, indent if number else lead, indent + "  ")
        return lines

    def merged(self, release: ReleaseReport, merged: Merged) -> list[str]:
        """The merged list as core metadata; of a long one, what is not in every wheel anyway."""
        lines = self.wrap(_serves(merged), "")
        differing = {field.field for field in release.fields if len(field.variants) > 1}
        if merged.requires_python is not None and "Requires-Python" in differing:
            lines.append(f"  Requires-Python: {printable(merged.requires_python)}")
        shown = merged.requires_dist
        if len(shown) > _LISTED_REQUIREMENTS and not self.verbose:
            common = _common_requirements(release)
            shown = tuple(line for line in shown if line not in common)[:_LISTED_REQUIREMENTS]
        lines += [f"  Requires-Dist: {printable(line)}" for line in shown]
        if "Provides-Extra" in differing:
            lines += [f"  Provides-Extra: {printable(extra)}" for extra in merged.provides_extra]
        left = len(merged.requires_dist) - len(shown)
        if left:
            lines.append(f"  … and {left:,} more; `--suggest` prints all")
        return lines + self.notes(merged)

    def suggestion(self, release: ReleaseReport, merged: Merged) -> list[str]:
        title = f"{release.project} {release.version}"
        lines = self.wrap(f"{_serves(merged)} In `pyproject.toml` of {title}:", "")
        return [*lines, "", *pyproject(merged).splitlines(), *self.notes(merged)]

    def notes(self, merged: Merged) -> list[str]:
        if not merged.notes:
            return []
        return ["", *(line for note in merged.notes for line in self.labelled("note: ", note))]

    def workaround(self, what: str, text: str) -> list[str]:
        lines = self.wrap(f"Work-around for users: {what}", "")
        return [*lines, "", *map(printable, text.removesuffix("\n").split("\n"))]

    def failure(self, target: str, reason: str) -> list[str]:
        lines = self.wrap(f"error: could not judge `{target}`: {reason}", "", "  ")
        lines[0] = self.paint("error:", "red", bold=True) + lines[0].removeprefix("error:")
        return lines

    def details(self, release: ReleaseReport) -> list[list[str]]:
        files = [
            (
                file.status.value,
                printable(file.how),
                "verified" if file.verified else "unverified",
                printable(file.filename) + (f": {printable(file.reason)}" if file.reason else ""),
            )
            for file in in_order(release.files)
        ]
        fields = [
            (
                printable(item.field),
                item.release_class.value if item.release_class else "no class",
                f"promise: {item.case.value}",
                count(len(item.variants), "variant"),
            )
            for item in release.fields
        ]
        blocks = [["files of " + printable(origin(release.origin)), *_table(files)]]
        blocks += [["fields", *_table(fields)]] if fields else []
        return blocks + [self.witness(witness) for witness in release.witnesses]

    def witness(self, witness: Witness) -> list[str]:
        environment = ", ".join(f"{name} = {value}" for name, value in witness.environment)
        extra = f", extra `{witness.extra}`" if witness.extra is not None else ""
        lines = self.wrap(f"to see it by hand: {witness.field}{extra}", "")
        lines += self.labelled("environment:  ", environment, None)
        for name, tags, values in zip(
            witness.files, witness.tag_parts, witness.values, strict=True
        ):
            lines += [f"  {printable(name)}", *([f"      {printable(tags)}"] if tags else [])]
            lines += [f"      {printable(value)}" for value in values or ("(nothing)",)]
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One piece of evidence, ready to print."""

    files: tuple[str, ...]
    where: str
    says: tuple[str, ...]


def _agrees(release: ReleaseReport) -> bool:
    """Whether one line is all that there is to say: nothing found, and nothing unread."""
    return (
        not release.findings
        and not release.at_least
        and release.release_class.rank < ReleaseClass.MERGEABLE.rank
    )


def _agree(number: int) -> str:
    return f"{count(number, 'release')} {'agrees' if number == 1 else 'agree'}; `-v` lists them"


def _ask_for(only_in: str) -> str:
    return (
        "`trueup check --suggest` prints the list that serves all the rest, "
        f"everything but {only_in}, where there is one"
    )


def _serves(merged: Merged) -> str:
    if merged.residue is not None:
        return f"One list serves every wheel, except for {merged.residue}."
    return "One list serves every wheel."


def _common_requirements(release: ReleaseReport) -> frozenset[str]:
    """The lines that every wheel has as they are."""
    variants = [
        frozenset(variant.values)
        for field in release.fields
        if field.field == "Requires-Dist"
        for variant in field.variants
        if any(name.endswith(".whl") for name in variant.files)
    ]
    return frozenset.intersection(*variants) if variants else frozenset()


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return ["  " + _aligned(row, widths) for row in rows]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells side by side; the last, or what has no width, stays as long as it is."""
    padded = [
        cell + " " * (widths[number] - cell_len(cell)) if number < len(widths) else cell
        for number, cell in enumerate(cells)
    ]
    return _GAP.join(padded).rstrip()
