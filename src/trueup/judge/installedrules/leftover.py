"""Something is left of an installation that was interrupted.

pip renames what it replaces (`~ip`) and removes it at the end; a process that was killed leaves it
there.

**Before**: `~umpy/` beside `numpy/`.

**After**: the folder is removed by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "leftover"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for site, name, what in judgement.environment.leftovers:
        yield Finding(
            code=CODE,
            severity=Severity.WARNING,
            project=name,
            version="",
            message=f"is left over: {what}",
            evidence=(Evidence(files=(f"{site}/{name}",)),),
            hint="remove it by hand",
        )


RULE = InstalledRule(code=CODE, severity=Severity.WARNING, page=__doc__, check=_check)
