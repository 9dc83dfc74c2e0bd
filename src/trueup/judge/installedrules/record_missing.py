"""A distribution has no list of its files, so nobody can say whether they are whole, or remove them.

Debian removes RECORD from what it installs on purpose: `dpkg` knows the files. Elsewhere it is a
half-removed distribution, or one that `setup.py install` put there.

**Before**: `demo-1.0.dist-info/` without RECORD.

**After**: the distribution is installed again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installed import Layout
from trueup.model.metadata import Unreadable

__all__ = ["RULE"]

CODE = "record-missing"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for one in judgement.environment.distributions:
        place = Evidence(files=(f"{one.site}/{one.folder}",))
        if isinstance(one.record, Unreadable):
            yield installed_finding(one, CODE, Severity.ERROR, one.record.reason, evidence=[place])
        elif one.record is None and one.owner is None and not one.editable:
            severity = Severity.INFO if one.layout is Layout.EGG_INFO else Severity.WARNING
            yield installed_finding(
                one, CODE, severity, "has no list of its files", evidence=[place]
            )


RULE = InstalledRule(code=CODE, severity=Severity.WARNING, page=__doc__, check=_check)
