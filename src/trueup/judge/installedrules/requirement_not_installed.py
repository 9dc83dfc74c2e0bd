"""A distribution asks for another one that is not installed.

Only requirements count whose markers hold for this interpreter, and extras that something installed
asks for.

**Before**: `web 2.0` has `Requires-Dist: sessions>=1`, and there is no `sessions`.

**After**: `sessions` is installed, or whoever removed it removes `web` as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Finding, Severity

__all__ = ["RULE"]

CODE = "requirement-not-installed"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for need in judgement.needs:
        if need.found is None:
            extra = f" for its extra `{need.extra}`" if need.extra else ""
            yield installed_finding(
                need.by,
                CODE,
                Severity.ERROR,
                f"asks for `{need.requirement.bare}`{extra}, which is not installed",
                field="Requires-Dist",
                hint=f"`pip install '{need.requirement.bare}'`",
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
