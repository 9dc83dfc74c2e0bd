"""The index says that the project is archived, deprecated or quarantined.

PEP 792: *archived* expects no more releases, *deprecated* has a successor, and what is *quarantined*
is held to be unsafe and offered to no installer. The files are judged all the same.

**Before**: the index page says `"project-status": {"status": "quarantined"}`.

**After**: nothing to mend in the files; look at the project's page on the index.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Finding, Severity

__all__ = ["RULE"]

CODE = "project-status"


def _check(judgement: Judgement) -> Iterator[Finding]:
    status = judgement.release.status
    if status is not None and status != "active":
        yield judgement.finding(
            CODE,
            Severity.WARNING if status == "quarantined" else Severity.INFO,
            f"the index says that the project is {status}",
        )


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
