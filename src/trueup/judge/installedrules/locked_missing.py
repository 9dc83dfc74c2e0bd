"""The lock installs something here that is not installed.

**Before**: `uv.lock` has `sessions 1.4` for this environment, and there is no `sessions`.

**After**: `uv sync`, `pip install -r pylock.toml`, or whatever installs from the lock, is run again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "locked-missing"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    locked = judgement.locked
    for project, entry in locked.entries.items() if locked else ():
        if project not in judgement.active and locked is not None and not locked.is_own(entry):
            yield Finding(
                code=CODE,
                severity=Severity.ERROR,
                project=project,
                version=str(entry.version or ""),
                message="is locked for this environment, and not installed",
                evidence=(Evidence(files=(entry.origin,)),),
                hint="install from the lock again",
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
