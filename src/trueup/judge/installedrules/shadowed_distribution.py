"""A distribution is installed twice, and an import finds the one that comes first on the path.

The user's own packages come before the system's, those of a virtual environment before those of its
base. Metadata of both may be found by tools that do not stop at the first.

**Before**: `demo 2.0` in the user's site-packages, `demo 1.0` in the system's.

**After**: as it is, if it is meant; else one of them is uninstalled.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "shadowed-distribution"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for one in judgement.environment.distributions:
        first = judgement.active[one.project]
        if one is first:
            continue
        twice = one.site == first.site
        yield installed_finding(
            one,
            CODE,
            Severity.ERROR if twice else Severity.INFO,
            "stands twice in one folder" if twice else f"is hidden by {first.title}",
            evidence=[
                Evidence(files=(f"{first.site}/{first.folder}",), says=("is found",)),
                Evidence(files=(f"{one.site}/{one.folder}",), says=("is not",)),
            ],
            hint="a half-finished upgrade leaves both: install it again" if twice else None,
        )


RULE = InstalledRule(code=CODE, severity=Severity.INFO, page=__doc__, check=_check)
