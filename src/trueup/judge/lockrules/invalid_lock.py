"""The lock is not what its format demands.

Some installers refuse it, others read it in a way of their own. A newer minor version of the format
is a warning: PEP 751 has it read all the same.

**Before**: `pylock.toml` without `created-by`, which PEP 751 requires.

**After**: the lock is written by a tool that validates what it writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.lock import Audit
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "invalid-lock"


def _check(audit: Audit) -> Iterator[Finding]:
    for fault in audit.lock.faults:
        yield Finding(
            code=CODE,
            severity=Severity.WARNING if fault.tolerated else Severity.ERROR,
            project=fault.project or "",
            version=str(fault.version) if fault.version is not None else "",
            origin=fault.origin,
            message=f"`{fault.key}` is newer than what is understood"
            if fault.tolerated
            else f"`{fault.key}` is not what the format demands",
            evidence=(
                Evidence(
                    files=(fault.origin,),
                    says=(f"found {fault.found}", f"expected {fault.expected}"),
                ),
            ),
        )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
