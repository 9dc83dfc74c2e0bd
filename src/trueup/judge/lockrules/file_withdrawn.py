"""A file of the lock was yanked, or is no longer on the index.

A yanked file (PEP 592) still installs from a lock; one that vanished does not. Both mean that its
publisher does not want it used any more.

**Before**: the lock pins `lib 2.0`, which was yanked for data loss.

**After**: lock again; resolvers leave yanked files out.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.lock import Audit, FileFact
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "file-withdrawn"


def _check(audit: Audit) -> Iterator[Finding]:
    by_entry: dict[tuple[int, str], list[FileFact]] = {}
    for fact in audit.facts:
        if fact.what in ("yanked", "vanished"):
            by_entry.setdefault((fact.entry, fact.what), []).append(fact)
    for (number, what), facts in by_entry.items():
        files = tuple(fact.filename for fact in facts if fact.filename)
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.WARNING,
            "was yanked" if what == "yanked" else "is no longer on the index",
            points=audit.ground.asked,
            evidence=[
                Evidence(
                    files=files or (audit.entry(number).origin,),
                    says=tuple(dict.fromkeys(fact.found for fact in facts if fact.found)),
                )
            ],
            hint="lock again; nothing else takes it out of the lock",
        )


RULE = LockRule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
