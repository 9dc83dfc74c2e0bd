"""The index has another hash or size for a file than the lock.

Either the lock was edited or damaged, or the index serves something else than when it was written.

**Before**: the lock says `sha256:3a…`, the index page says `sha256:7c…` for the same file.

**After**: find out which of them is right before anything is installed; then lock again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "hash-not-confirmed"


def _check(audit: Audit) -> Iterator[Finding]:
    for fact in audit.facts:
        if fact.what in ("hash", "size"):
            yield lock_finding(
                audit,
                fact.entry,
                CODE,
                Severity.ERROR,
                f"has a file whose {fact.what} the index does not confirm",
                points=audit.ground.asked,
                evidence=[
                    Evidence(
                        files=(fact.filename,),
                        says=(f"locked {fact.found}", f"the index has {fact.expected}"),
                    )
                ],
                hint="do not install it before it is clear which of them is right",
            )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
