"""A distribution is installed in a version that another one does not allow.

**Before**: `web 2.0` has `Requires-Dist: sessions<3`, and `sessions 3.1` is installed.

**After**: a version that all allow is installed; `pip install web sessions` lets the installer look for
one.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Finding, Severity

__all__ = ["RULE"]

CODE = "version-not-allowed"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for need in judgement.needs:
        if need.found is not None and not need.is_met:
            extra = f" for its extra `{need.extra}`" if need.extra else ""
            yield installed_finding(
                need.by,
                CODE,
                Severity.ERROR,
                f"asks for `{need.requirement.bare}`{extra}, and {need.found.title} is installed",
                field="Requires-Dist",
                hint=f"`pip install '{need.requirement.bare}'`, or another version of "
                f"`{need.by.project}`",
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
