"""The metadata of what is installed differs from that of the published file it comes from.

A redistributor relaxed a bound, dropped a requirement, or an in-house build added one. That may be
meant; a tool that reads the index assumes something else than what is here. Fields that a patch
ledger (`--ledger`) accounts for are only information. Needs `--published`.

**Before**: the published `demo 1.0` has `Requires-Dist: six<2`, the installed one `Requires-Dist: six`.

**After**: the change stands in the ledger of who made it, or the published file is installed.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "changed-metadata"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    for origin in judgement.origins:
        for field, published, installed in origin.changed:
            explained = field in origin.explained
            yield installed_finding(
                origin.distribution,
                CODE,
                Severity.INFO if explained else Severity.WARNING,
                f"its `{field}` is not that of `{origin.filename}`"
                + (", as the ledger has it" if explained else ""),
                evidence=[
                    Evidence(files=(origin.filename or "",), says=published, where="published"),
                    Evidence(
                        files=(f"{origin.distribution.folder}/METADATA",),
                        says=installed,
                        where="installed",
                    ),
                ],
                field=field,
            )


RULE = InstalledRule(code=CODE, severity=Severity.WARNING, page=__doc__, check=_check)
