"""A distribution did not come from an index: it is editable, or was installed from an address or a folder.

That is often meant. It is told because nothing published can be compared with it, and because a lock
that names a version says nothing about it.

**Before**: `direct_url.json` with a folder of this machine.

**After**: as it is, or installed from the index.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installed import DirectUrl
from trueup.model.metadata import Unreadable

__all__ = ["RULE"]

CODE = "not-from-an-index"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for one in judgement.environment.distributions:
        found = one.direct_url
        if isinstance(found, Unreadable):
            yield installed_finding(one, CODE, Severity.WARNING, found.reason)
        elif isinstance(found, DirectUrl):
            commit = f" at {found.commit[:12]}" if found.commit else ""
            how = "is editable, from" if found.editable else "was installed from"
            yield installed_finding(
                one,
                CODE,
                Severity.INFO,
                f"{how} `{found.url}`{commit}",
                evidence=[Evidence(files=(f"{one.folder}/direct_url.json",))],
            )


RULE = InstalledRule(code=CODE, severity=Severity.INFO, page=__doc__, check=_check)
