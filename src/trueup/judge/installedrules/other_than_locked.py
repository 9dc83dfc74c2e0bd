"""Something is installed in another version than the locked one, or from another file.

Files are told apart by the hash in `direct_url.json` and by the tags in `WHEEL`; which of two wheels
with the same tags it was cannot be seen here.

**Before**: `uv.lock` has `sessions 1.4`, and `sessions 1.5` is installed.

**After**: it is installed from the lock again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "other-than-locked"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    locked = judgement.locked
    for project, entry in locked.entries.items() if locked else ():
        one = judgement.active.get(project)
        if one is None or locked is None or locked.is_own(entry):
            continue
        place = Evidence(files=(entry.origin,))
        if entry.version is not None and one.version != entry.version:
            yield installed_finding(
                one,
                CODE,
                Severity.ERROR,
                f"is installed, and {entry.title} is locked",
                evidence=[place],
                hint="install from the lock again",
            )
        elif (other := locked.other_file(entry, one)) is not None:
            yield installed_finding(
                one,
                CODE,
                Severity.WARNING,
                f"is none of the locked files: {other}",
                evidence=[place],
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
