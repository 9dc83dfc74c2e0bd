"""A file that would be installed excludes the Python in its `Requires-Python`.

pip and uv refuse it there; they do not fall back to another file of the release.

**Before**: the lock claims Python 3.9, and the pinned wheel says `Requires-Python: >=3.10`.

**After**: the lock's `requires-python` starts at 3.10, or an older version is pinned for 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit, Trouble
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Resolution
from trueup.model.space import union

__all__ = ["RULE"]

CODE = "python-excluded"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.PYTHON).items():
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.ERROR,
            "excludes a Python for which it is locked",
            points=union(trouble.points for trouble in troubles),
            selections=[one for trouble in troubles for one in trouble.selections],
            evidence=[_evidence(audit, trouble) for trouble in troubles],
            field="Requires-Python",
            hint="narrow the lock's `requires-python`, or pin another version there",
        )


def _evidence(audit: Audit, trouble: Trouble) -> Evidence:
    entry, group = trouble.problem.entry, trouble.problem.group
    if group is None:
        said = audit.entry(entry).requires_python
        return Evidence(files=(audit.entry(entry).origin,), says=(f"requires-python {said}",))
    found = audit.groups[entry][group]
    assert isinstance(found.said, Resolution)
    return Evidence(
        files=found.names,
        says=(str(found.said.requires_python),),
        where=audit.where(trouble.points),
    )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
