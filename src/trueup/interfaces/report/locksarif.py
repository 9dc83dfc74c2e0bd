"""What `trueup verify` says of locks, as SARIF 2.1.0: each result at its line of the lock."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.interfaces.report.lockwords import lock_place
from trueup.interfaces.report.sarif import sarif_document
from trueup.judge.rule import RulePage
from trueup.model.lockreport import VerifyReport

__all__ = ["render_lock_sarif"]


def render_lock_sarif(report: VerifyReport, rules: Iterable[RulePage]) -> str:
    """One SARIF run as JSON text that ends with a line break; ``rules`` are those in force."""
    findings = [
        (finding, lock_place(finding, lock)) for lock in report.locks for finding in lock.findings
    ]
    return sarif_document(findings, report.failures, rules)
