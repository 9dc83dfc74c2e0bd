"""The metadata of a file is not what it was when the lock was written.

`trueup lock` records the sha256 of every metadata file that it read. A sidecar can change without
the wheel, and then resolvers and installers see different things.

**Before**: the lock recorded `sha256:3a…` for the METADATA of `lib-1.0-py3-none-any.whl`.

**After**: find out why it changed; then lock again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "metadata-changed"


def _check(audit: Audit) -> Iterator[Finding]:
    for fact in audit.facts:
        if fact.what == "metadata":
            yield lock_finding(
                audit,
                fact.entry,
                CODE,
                Severity.ERROR,
                "has other metadata than when it was locked",
                points=audit.ground.asked,
                evidence=[
                    Evidence(
                        files=(fact.filename,),
                        says=(f"locked {fact.found}", f"now {fact.expected}"),
                    )
                ],
                hint="a sidecar may have been replaced; compare it with the wheel's `METADATA`",
            )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
