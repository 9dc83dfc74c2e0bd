"""What `trueup verify` says of locks as JSON, in the documented shape ``trueup.lock-report/1``."""

from __future__ import annotations

from typing import Any

import trueup
from trueup.interfaces.report.json import dumps, finding_value, totals
from trueup.interfaces.report.lockwords import lock_place
from trueup.interfaces.report.words import origin
from trueup.model.finding import Finding
from trueup.model.lockreport import LockReport, NotProven, VerifyReport

__all__ = ["LOCK_SCHEMA", "render_lock_json"]

LOCK_SCHEMA = "trueup.lock-report/1"
"""The name and version of the shape; a change that can break a reader raises the number."""


def render_lock_json(report: VerifyReport) -> str:
    """The report as JSON text that ends with a line break.

    Keys come in a fixed order and nothing depends on the clock or the place, so equal reports give
    equal bytes. Described in `docs/reference/lock-report-json.md`.
    """
    return dumps(
        {
            "schema": LOCK_SCHEMA,
            "tool": {"name": "trueup", "version": trueup.__version__},
            "summary": {
                "locks": len(report.locks),
                **totals(report.findings, known=report.known, failures=len(report.failures)),
                "not_proven": len(report.not_proven),
            },
            "locks": [_lock(lock) for lock in report.locks],
            "failures": _failures(report.unread),
        }
    )


def _lock(lock: LockReport) -> dict[str, Any]:
    return {
        "path": lock.path,
        "kind": lock.kind,
        "verdict": lock.verdict.value,
        "targets": list(lock.targets),
        "entries": lock.entries,
        "files": lock.files,
        "read": lock.read,
        "known": lock.known,
        "findings": [_finding(finding, lock) for finding in lock.findings],
        "not_proven": [_not_proven(item) for item in lock.not_proven],
        "failures": _failures(lock.failures),
        "workarounds": [{"for": what, "text": text} for what, text in lock.workarounds],
    }


def _finding(finding: Finding, lock: LockReport) -> dict[str, Any]:
    return {**finding_value(finding), "line": lock_place(finding, lock)[1]}


def _not_proven(item: NotProven) -> dict[str, Any]:
    return {
        "project": item.project,
        "version": item.version,
        "file": item.file,
        "where": item.where,
        "reason": item.reason,
    }


def _failures(failures: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"target": origin(target), "reason": reason} for target, reason in failures]
