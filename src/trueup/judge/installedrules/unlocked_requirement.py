"""What is installed asks for something that the lock does not have: it came in at install time.

A lock records what a file asked for when it was written. Where an sdist is built when it is
installed, the build decides, and the `foo` that was locked suddenly wants `baz`.

**Before**: `foo 1.0` is locked as an sdist that asks for nothing; the wheel that was built from it
has `Requires-Dist: baz`.

**After**: the lock is made with a build (`trueup lock --allow-build foo`), or a wheel is locked.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.installed import InstalledJudgement, installed_finding
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "unlocked-requirement"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    locked = judgement.locked
    if locked is None:
        return
    for need in judgement.needs:
        entry = locked.entries.get(need.by.project)
        project = need.requirement.project
        if entry is None or project in locked.entries or project in locked.lock.excluded:
            continue
        built = any(file.is_sdist for file in entry.files)
        yield installed_finding(
            need.by,
            CODE,
            Severity.ERROR,
            f"asks for `{need.requirement.bare}`, which is not locked for this environment",
            evidence=[Evidence(files=(entry.origin,))],
            field="Requires-Dist",
            hint=f"`trueup lock --allow-build {need.by.project}` asks the build" if built else None,
        )


RULE = InstalledRule(code=CODE, severity=Severity.ERROR, page=__doc__, check=_check)
