"""Two entries of one project are installed in the same environment.

PEP 751 ("Installing") makes that an error; other tools take one of them.

**Before**: `numpy 1.26.4` without a marker, and `numpy 2.1.0` under `python_version >= "3.12"`.

**After**: the first stands under `python_version < "3.12"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "two-live-entries"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.TWO_LIVE).items():
        for trouble in troubles:
            assert trouble.problem.other is not None
            pair = (audit.entry(number), audit.entry(trouble.problem.other))
            yield lock_finding(
                audit,
                number,
                CODE,
                Severity.ERROR,
                "stands in two entries that are installed together",
                points=trouble.points,
                selections=trouble.selections,
                evidence=[
                    Evidence(
                        files=(entry.origin,),
                        says=tuple(filter(None, (str(entry.version), str(entry.condition)))),
                    )
                    for entry in pair
                ],
                hint="give them markers that exclude each other",
            )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
