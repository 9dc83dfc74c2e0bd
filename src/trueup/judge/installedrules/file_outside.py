"""RECORD lists files outside of the environment.

Uninstalling would remove them. Installers that follow the specification refuse such a wheel.

**Before**: `../../../../etc/cron.d/demo,,` in RECORD.

**After**: the row is gone. Do not uninstall the distribution before that.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installed import FileState

__all__ = ["RULE"]

CODE = "file-outside"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for one in judgement.environment.distributions:
        paths = tuple(path for path, state in one.faults if state is FileState.OUTSIDE)
        if paths:
            yield installed_finding(
                one,
                CODE,
                Severity.ERROR,
                "its RECORD lists files outside of the environment",
                evidence=[Evidence(files=paths)],
                hint=f"remove these rows from `{one.folder}/RECORD` before it is uninstalled",
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
