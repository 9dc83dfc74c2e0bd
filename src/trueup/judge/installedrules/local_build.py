"""What is installed has the name of a published file, and not its content: it was built here.

pip and uv build an sdist where no wheel fits, and keep the result; others build wheels by hand. Such a
wheel is linked with what was on that machine, and nothing tells it from the published one but its
bytes. Needs `--published`.

**Before**: `demo 1.0` for `cp312-linux_x86_64`, whose RECORD is that of no published wheel.

**After**: as it is, if it is meant, best with a local version (`1.0+mpi`); else the published wheel.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.installedreport import OriginKind

__all__ = ["RULE"]

CODE = "local-build"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for origin in judgement.origins:
        one = origin.distribution
        if origin.kind is OriginKind.LOCAL_BUILD:
            yield installed_finding(
                one,
                CODE,
                Severity.INFO,
                f"is a local build: {origin.known_by}",
                evidence=[
                    Evidence(
                        files=(f"{one.site}/{one.folder}",), says=tuple(sorted(map(str, one.tags)))
                    )
                ],
            )


RULE = InstalledRule(code=CODE, severity=Severity.INFO, page=__doc__, check=_check)
