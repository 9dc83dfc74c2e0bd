"""The lock installs something where no file asks for it.

Harmless most of the time, and the other side of an inconsistent release: a tool that read one file
applies its requirements to all.

**Before**: `tensorflow-intel` is installed on Linux because the Windows wheel was read.

**After**: the edge carries `sys_platform == "win32"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.space import union

__all__ = ["RULE"]

CODE = "surplus-entry"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.SURPLUS).items():
        parents = sorted(
            {
                entry.title
                for entry in audit.lock.entries
                for edge in entry.edges
                if edge.project == audit.entry(number).project
            }
        )
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.INFO,
            "is installed where no file asks for it",
            points=union(trouble.points for trouble in troubles),
            selections=[one for trouble in troubles for one in trouble.selections],
            evidence=[
                Evidence(
                    files=(audit.entry(number).origin,),
                    says=(f"comes through {', '.join(parents)}",) if parents else (),
                )
            ],
        )


RULE = LockRule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
