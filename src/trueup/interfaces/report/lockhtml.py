"""What `trueup verify` says of locks, as one self-contained HTML file."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.interfaces.report.html import render_page
from trueup.interfaces.report.lockwords import (
    NOT_PROVEN_HINT,
    Unproven,
    lock_counts,
    lock_summary,
    short_targets,
    told,
    unproven,
    unproven_words,
    verdict_words,
)
from trueup.interfaces.report.words import count
from trueup.model.finding import Finding
from trueup.model.lockreport import LockReport, VerifyReport

__all__ = ["render_lock_html"]


def render_lock_html(report: VerifyReport) -> str:
    """The report as the text of one HTML page: no network, readable without JavaScript."""
    return render_page(
        "lock.html",
        title=_title(report),
        summary=lock_summary(report),
        locks=[_view(number, lock) for number, lock in enumerate(report.locks, start=1)],
        failures=report.failures,
        not_proven_hint=NOT_PROVEN_HINT,
    )


def _title(report: VerifyReport) -> str:
    return report.locks[0].path if len(report.locks) == 1 else count(len(report.locks), "lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class _LockView:
    """One lock with everything that the template shows of it; ``kind`` colours the badge."""

    id: str
    report: LockReport
    kind: str
    words: str
    counts: str
    short_targets: tuple[str, ...]
    findings: tuple[Finding, ...]
    unproven: tuple[Unproven, ...]
    unproven_words: str


def _view(number: int, lock: LockReport) -> _LockView:
    return _LockView(
        id=f"l{number}",
        report=lock,
        kind=lock.verdict.value.replace(" ", "-"),
        words=verdict_words(lock),
        counts=lock_counts(lock),
        short_targets=short_targets(lock.targets),
        findings=told(lock),
        unproven=unproven(lock.not_proven),
        unproven_words=unproven_words(lock),
    )
