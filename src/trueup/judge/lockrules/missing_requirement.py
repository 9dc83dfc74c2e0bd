"""A file that would be installed asks for a project that the lock does not have.

This is the silent failure: the installer succeeds, and the program fails when it imports what is
not there. It happens when the tool that wrote the lock read another file of the release.

**Before**: `uv.lock` has xgboost 3.0.5 without an edge to `nvidia-nccl-cu12`, because the wheel
that uv read does not ask for it.

**After**: the metadata that serves all files is given to uv, and `uv lock` adds the edge:

```toml
[[tool.uv.dependency-metadata]]
name = "xgboost"
version = "3.0.5"
requires-dist = ['nvidia-nccl-cu12; sys_platform == "linux"']
```
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

CODE = "missing-requirement"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.MISSING).items():
        names = names_of(trouble.problem.requirement for trouble in troubles)
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.ERROR,
            f"asks for {names}, which the lock does not have",
            points=union(trouble.points for trouble in troubles),
            selections=[one for trouble in troubles for one in trouble.selections],
            evidence=evidence_of(audit, troubles),
            field="Requires-Dist",
            hint="lock again with the metadata of all files, or with `trueup lock`",
        )


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
