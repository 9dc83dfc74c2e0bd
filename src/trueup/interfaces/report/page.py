"""Blocks of lines for people: what the text reports of releases and of locks are laid out with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import click
from rich.cells import cell_len

from trueup.interfaces.report.evidence import LISTED_FILES, legend, short_names
from trueup.interfaces.report.words import NOTHING_MORE, listed, printable, titled
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["Page", "aligned", "join_blocks", "table"]

_LISTED_VALUES = 6
_LISTED_EVIDENCE = 8
_LISTED_NAMES = 8
_LISTED_ALIKE = {Severity.ERROR: 20, Severity.WARNING: 5, Severity.INFO: 5}
"""So many findings of one rule are told in full."""
_GAP = "   "

_SEVERITY_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def join_blocks(blocks: Sequence[list[str]], dense: Set[int] = frozenset()) -> Iterable[str]:
    """The blocks with blank lines between them, except between two that are dense."""
    for number, block in enumerate(blocks):
        if number and not ({number - 1, number} <= dense):
            yield ""
        yield from block


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Lays blocks of lines out for one width, with or without colour.

    ``verbose`` lists every piece of evidence, every file and every value.
    """

    colour: bool
    width: int
    verbose: bool

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

    def finding(self, finding: Finding) -> list[str]:
        """The shape of a finding: what, where, the evidence, the hint."""
        tag = f"{finding.severity.value}[{printable(finding.code)}]:"
        lines = self.wrap(f"{tag} {titled(finding)}", "", "  ")
        colour = _SEVERITY_COLOUR[finding.severity]
        lines[0] = self.paint(tag, colour, bold=True) + lines[0][len(tag) :]
        if finding.field is not None and self.verbose:
            lines += self.labelled("field:  ", finding.field, None)
        if finding.where is not None:
            lines += self.labelled("where:  ", finding.where, None)
        lines += self.evidence(finding.evidence)
        if (meaning := legend(finding)) is not None:
            lines += self.wrap(f"({meaning})", "  ", "   ")
        if finding.hint is not None:
            lines += ["", *self.labelled("hint: ", finding.hint)]
        return lines

    def findings(self, findings: Sequence[Finding]) -> list[list[str]]:
        """The first of each rule in full, then the names of the rest."""
        shown: list[Finding] = []
        rest: dict[tuple[Severity, str], list[Finding]] = {}
        seen: dict[str, int] = {}
        for finding in findings:
            seen[finding.code] = seen.get(finding.code, 0) + 1
            if self.verbose or seen[finding.code] <= _LISTED_ALIKE[finding.severity]:
                shown.append(finding)
            else:
                rest.setdefault((finding.severity, finding.code), []).append(finding)
        return [*map(self.finding, shown), *self.left_out(rest)]

    def left_out(
        self, rest: Mapping[tuple[Severity, str], Sequence[Finding]]
    ) -> Iterable[list[str]]:
        for (severity, code), findings in rest.items():
            names = list(dict.fromkeys(f"{one.project} {one.version}".strip() for one in findings))
            number = f"{len(findings):,} more like these"
            yield self.wrap(
                f"{severity.value}[{code}]: {number}: {listed(names, _LISTED_NAMES)}; `-v` shows them",
                "",
                "  ",
            )

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
            lines.append("  " + aligned(rest, (files, where) if where else (files,)))
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

    def workaround(self, title: str, text: str) -> list[str]:
        """What is meant to be pasted, as it is, below its title."""
        lines = self.wrap(title, "")
        return [*lines, "", *map(printable, text.removesuffix("\n").split("\n"))]

    def failure(self, what: str, reason: str) -> list[str]:
        """What could not be judged, its name in backticks, and why."""
        lines = self.wrap(f"error: could not judge {what}: {reason}", "", "  ")
        lines[0] = self.paint("error:", "red", bold=True) + lines[0].removeprefix("error:")
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One piece of evidence, ready to print."""

    files: tuple[str, ...]
    where: str
    says: tuple[str, ...]


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of as many cells each, in columns."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return ["  " + aligned(row, widths) for row in rows]


def aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells side by side; the last, or what has no width, stays as long as it is."""
    padded = [
        cell + " " * (widths[number] - cell_len(cell)) if number < len(widths) else cell
        for number, cell in enumerate(cells)
    ]
    return _GAP.join(padded).rstrip()
