"""A wheel is installed whose tags this interpreter does not accept.

Its extension modules are for another Python, another system or another libc, and fail when they are
imported. It happens when folders are copied between environments, and with
`pip install --platform … --target …`, where it is meant: name that environment then.

**Before**: `demo` with `Tag: cp311-cp311-manylinux_2_17_x86_64` beside a Python 3.12.

**After**: the wheel for this Python is installed.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "wheel-for-another-python"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    runtime = judgement.environment.runtime
    for one in judgement.active.values():
        # A distribution that a redistributor built has the tag of its machine, `linux_x86_64`.
        if one.tags and not one.tags & runtime.tags:
            yield installed_finding(
                one,
                CODE,
                Severity.ERROR,
                f"is not for this interpreter, {runtime.words}",
                evidence=[
                    Evidence(files=(f"{one.folder}/WHEEL",), says=tuple(sorted(map(str, one.tags))))
                ],
            )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
