"""A file would be installed whose dependencies only a build would tell.

That is neither right nor wrong: the sdist promises nothing, so nobody can say what the wheel built
from it will ask for. The verdict on the lock is `not proven`.

**Before**: on Python 3.12 the lock leaves only the sdist of nmslib 2.1.1, whose `Requires-Dist` is
dynamic.

**After**: a wheel is locked, or `trueup prove` has built the sdist and recorded what it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Unreadable
from trueup.model.space import union

__all__ = ["RULE"]

CODE = "sdist-not-proven"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.NOT_PROVEN).items():
        evidence = []
        for trouble in troubles:
            assert trouble.problem.group is not None
            group = audit.groups[number][trouble.problem.group]
            assert isinstance(group.said, Unreadable)
            names = group.names or (audit.entry(number).origin,)
            evidence.append(Evidence(files=names, says=(group.said.reason,)))
        points = union(trouble.points for trouble in troubles)
        if not points & audit.ground.asked:
            continue  # No target builds it, and it was not looked at.
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.WARNING,
            "is not proven: what it asks for is unknown before it is built",
            points=points,
            selections=[one for trouble in troubles for one in trouble.selections],
            evidence=evidence,
            hint=f"prove it with `trueup prove {audit.entry(number).project}"
            f"=={audit.entry(number).version}`, or lock a version with a wheel",
        )


RULE = LockRule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
