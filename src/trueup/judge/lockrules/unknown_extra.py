"""A file asks for an extra that the locked file does not provide.

Installers warn of it and install the project without the extra.

**Before**: `app` asks for `openmm[cuda12]`, and on macOS the wheel of openmm has no such extra.

**After**: the requirement carries a marker, or nothing is to be done because nothing is missing
there.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit
from trueup.judge.lockfinding import evidence_of, lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Finding, Severity

__all__ = ["RULE"]

CODE = "unknown-extra"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.UNKNOWN_EXTRA).items():
        for trouble in troubles:
            assert trouble.problem.other is not None
            child = audit.entry(trouble.problem.other)
            yield lock_finding(
                audit,
                number,
                CODE,
                Severity.WARNING,
                f"asks for the extra `{trouble.problem.extra}`, which {child.title} does not "
                "provide there",
                points=trouble.points,
                selections=trouble.selections,
                evidence=evidence_of(audit, [trouble]),
                field="Provides-Extra",
                hint=f"see `{child.origin}`",
            )


RULE = LockRule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
