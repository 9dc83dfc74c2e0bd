"""Something is installed that the lock does not install here.

Installers themselves (`pip`, `setuptools`, `wheel`, `uv`) and editable projects do not count.

**Before**: `ipython` was added by hand to an environment made from a lock.

**After**: it is uninstalled (`uv sync` does that), or locked.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "not-locked"
_TOOLS = frozenset({"pip", "setuptools", "wheel", "uv", "distribute"})


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    locked = judgement.locked
    if locked is None:
        return
    for project, one in judgement.active.items():
        if project not in locked.entries and project not in _TOOLS and not one.editable:
            yield installed_finding(
                one,
                CODE,
                Severity.WARNING,
                "is installed, and not locked for this environment",
                evidence=[Evidence(files=(f"{one.site}/{one.folder}",))],
            )


RULE = InstalledRule(code=CODE, severity=Severity.WARNING, page=__doc__, check=_check)
