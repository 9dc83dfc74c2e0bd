"""What `trueup verify` says of locks, as text for people."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.interfaces.report.lockwords import (
    NOT_PROVEN_HINT,
    failures_alike,
    lock_headline,
    lock_summary,
    short_targets,
    told,
    unproven,
    unproven_words,
    verdict_words,
)
from trueup.interfaces.report.page import Page, join_blocks, table
from trueup.interfaces.report.words import count, listed, printable
from trueup.model.lockreport import LockReport, LockVerdict, VerifyReport

__all__ = ["render_lock_text"]

_LISTED_UNPROVEN = 10
_LISTED_NAMES = 8
_COLOUR = {
    LockVerdict.SOUND: "green",
    LockVerdict.NOT_PROVEN: "yellow",
    LockVerdict.UNSOUND: "red",
}


def render_lock_text(
    report: VerifyReport, *, colour: bool, width: int, verbose: bool = False
) -> str:
    """The report as text that ends with a line break.

    ``width`` is in terminal columns; file names and what is meant to be pasted are never broken.
    Of many warnings of one rule the first few are told in full, and all are with ``verbose``.
    """
    page = _LockPage(colour=colour, width=max(width, 40), verbose=verbose)
    blocks: list[list[str]] = []
    # Locks about which there is no more than the head to say stand below each other.
    dense: set[int] = set()
    for lock in report.locks:
        blocks.append(page.head(lock))
        if not (lock.findings or lock.not_proven or lock.failures):
            dense.add(len(blocks) - 1)
        blocks += page.findings(told(lock))
        if lock.not_proven:
            blocks.append(page.not_proven(lock))
        blocks += page.failures(lock)
        blocks += [page.workaround(f"Way out: {what}", text) for what, text in lock.workarounds]
    blocks += [page.failure(f"`{target}`", reason) for target, reason in report.unread]
    dense.add(len(blocks))
    blocks.append(page.wrap(lock_summary(report), ""))
    return "\n".join(join_blocks(blocks, dense)) + "\n"


class _LockPage(Page):
    """The blocks that only locks have."""

    __slots__ = ()

    def head(self, lock: LockReport) -> list[str]:
        colour = _COLOUR[lock.verdict]
        lines = [
            self.paint(line, colour, bold=True) for line in self.wrap(lock_headline(lock), "", "  ")
        ]
        lines += self.labelled("verdict:  ", verdict_words(lock), None)
        for number, targets in enumerate(short_targets(lock.targets)):
            lines += self.labelled("          " if number else "targets:  ", targets, None)
        return lines

    def not_proven(self, lock: LockReport) -> list[str]:
        tag = "not proven:"
        lines = self.wrap(f"{tag} {unproven_words(lock)}", "", "  ")
        lines[0] = self.paint(tag, "yellow", bold=True) + lines[0][len(tag) :]
        for group in unproven(lock.not_proven):
            lines += self.wrap(group.reason, "  ", "    ")
            files = group.files if self.verbose else group.files[:_LISTED_UNPROVEN]
            lines += self.fitting([(printable(file), printable(where)) for file, where in files])
            left = len(group.files) - len(files)
            if left:
                lines.append(f"    … and {count(left, 'more file')}; `-v` lists them")
        return [*lines, "", *self.labelled("hint: ", NOT_PROVEN_HINT)]

    def failures(self, lock: LockReport) -> list[list[str]]:
        """Things that could not be judged for one reason in one sentence."""
        number = len(lock.failures) if self.verbose else _LISTED_NAMES
        return [
            self.failure(listed([f"`{target}`" for target in targets], number), reason)
            for targets, reason in failures_alike(lock.failures)
        ]

    def fitting(self, rows: Sequence[tuple[str, str]]) -> list[str]:
        """Rows of two cells side by side where that fits, else below each other."""
        lines = ["  " + line for line in table(rows)]
        if all(len(line) <= self.width for line in lines):
            return lines
        lines = []
        for first, second in rows:
            lines += [f"    {first}", *self.wrap(second, "        ")]
        return lines
