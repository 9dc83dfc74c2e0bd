"""A pinned version is not one that a file asks for.

pip refuses to install such a lock, uv and Poetry install it.

**Before**: `lib` is pinned to 1.4, and the Windows wheel of `app` asks for `lib>=2`.

**After**: one entry for `lib` with 1.4 and one with 2.0, each under its marker; or one version that
serves all files.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit, Trouble
from trueup.judge.lockfinding import evidence_of, lock_finding, names_of
from trueup.judge.rule import LockRule
from trueup.model.finding import Finding, Severity
from trueup.model.space import union

__all__ = ["RULE"]

CODE = "version-outside-range"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.OUTSIDE).items():
        by_pin: dict[int, list[Trouble]] = {}
        for trouble in troubles:
            assert trouble.problem.other is not None
            by_pin.setdefault(trouble.problem.other, []).append(trouble)
        for pin, members in by_pin.items():
            names = names_of(trouble.problem.requirement for trouble in members)
            yield lock_finding(
                audit,
                number,
                CODE,
                Severity.ERROR,
                f"asks for {names}, and the lock installs {audit.entry(pin).version}",
                points=union(trouble.points for trouble in members),
                selections=[one for trouble in members for one in trouble.selections],
                evidence=evidence_of(audit, members),
                field="Requires-Dist",
                hint=f"see `{audit.entry(pin).origin}`; lock again, with a constraint if need be",
            )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
