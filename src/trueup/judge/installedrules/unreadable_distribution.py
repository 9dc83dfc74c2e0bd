"""A distribution's own metadata cannot be read, so nothing that it asks for is known.

Half-removed packages leave a `*.dist-info` folder without METADATA; a wrong encoding or a broken
header hides requirements.

**Before**: `demo-1.0.dist-info/` with a RECORD and nothing else.

**After**: the distribution is installed again (`pip install --force-reinstall --no-deps demo`), or
the folder is removed.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Unreadable

__all__ = ["RULE"]

CODE = "unreadable-distribution"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for one in judgement.environment.distributions:
        metadata = one.metadata
        found = metadata if isinstance(metadata, Unreadable) else metadata.resolution
        if isinstance(found, Unreadable):
            yield installed_finding(
                one,
                CODE,
                Severity.ERROR,
                f"what it asks for is not known: {found.reason}",
                evidence=[Evidence(files=(f"{one.site}/{one.folder}",))],
                hint=f"install it again, or remove `{one.folder}` if it is what is left of it",
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
