"""One entry lists files that ask for different things, and no marker tells which one is taken.

Which of them an installer takes depends on the machine's glibc, macOS version or interpreter. If
everything that any of them asks for is locked, some machines get packages that they do not need; if
not, `missing-requirement` says what is lost.

**Before**: one entry lists a wheel for glibc 2.28 that asks for `nvidia-nccl-cu12` and one for glibc
2.17 that does not.

**After**: the entry lists files of one kind only, as `trueup lock` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.picks import Group
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Resolution

__all__ = ["RULE"]

CODE = "files-differ"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, groups, points in audit.differing():
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.WARNING,
            "lists files that ask for different things where no marker tells them apart",
            points=points,
            evidence=_evidence(audit, groups, points),
            field="Requires-Dist",
            hint="drop the files of one kind from the entry; `trueup lock` does",
        )


def _evidence(audit: Audit, groups: tuple[Group, ...], points: int) -> Iterator[Evidence]:
    asked = [
        frozenset(map(str, group.said.requires_dist)) if isinstance(group.said, Resolution)
        else frozenset()
        for group in groups
    ]  # fmt: skip
    common = frozenset.intersection(*asked)
    for group, lines in zip(groups, asked, strict=True):
        yield Evidence(
            files=group.names,
            says=tuple(sorted(lines - common)) or ("(nothing more)",),
            where=audit.where(group.points & points or group.points),
        )


RULE = LockRule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
