"""The lock has what a file asks for, yet does not install it everywhere the file asks for it.

The marker of the entry, or of the edge that leads to it, leaves environments out.

**Before**: `colorama` stands under `sys_platform == "win32"`, and the Cygwin wheel asks for it too.

**After**: the marker holds wherever some file asks for the project.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit
from trueup.judge.lockfinding import evidence_of, lock_finding, names_of
from trueup.judge.rule import LockRule
from trueup.model.finding import Finding, Severity
from trueup.model.space import union

__all__ = ["RULE"]

CODE = "marker-too-narrow"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.TOO_NARROW).items():
        names = names_of(trouble.problem.requirement for trouble in troubles)
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.ERROR,
            f"asks for {names} where the lock does not install it",
            points=union(trouble.points for trouble in troubles),
            selections=[one for trouble in troubles for one in trouble.selections],
            evidence=evidence_of(audit, troubles),
            field="Requires-Dist",
            hint="lock again with the metadata of all files, or with `trueup lock`",
        )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
