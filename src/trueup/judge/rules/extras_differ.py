"""The wheels of a release provide different extras.

A tool that reads one wheel warns of, or ignores, an extra that only another wheel provides, and
leaves its dependencies out of the lock.

**Before**: only the Linux wheels say `Provides-Extra: cuda12`.

**After**: all wheels say it, and its requirements carry markers:

```text
Provides-Extra: cuda12
Requires-Dist: openmm-cuda-12; sys_platform == "linux" and extra == "cuda12"
```
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.evidence import by_region
from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Finding, ReleaseClass, Severity
from trueup.model.metadata import Resolution

__all__ = ["RULE"]

CODE = "extras-differ"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for field in ("provides-extra", "default-extra"):
        yield from _check_field(judgement, field)


def _extras(resolution: Resolution, field: str) -> frozenset[str]:
    if field == "provides-extra":
        return frozenset(resolution.provides_extra)
    return frozenset(resolution.default_extra)


def _check_field(judgement: Judgement, field: str) -> Iterator[Finding]:
    for classification in judgement.classifications:
        if classification.by_field[field].rank < ReleaseClass.MERGEABLE.rank:
            continue
        if classification.release_class is ReleaseClass.UNKNOWN:
            continue
        values: dict[frozenset[str], list[int]] = {}
        for resolution, members in classification.chosen_groups:
            values.setdefault(_extras(resolution, field), []).extend(members)
        common = frozenset.intersection(*values)
        said = {
            tuple(sorted(extras - common)) or ("(none more)",): members
            for extras, members in values.items()
        }
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            "the wheels do not provide the same extras",
            evidence=by_region(classification, said),
            field=field,
            hint="declare every extra in all files, and give its requirements markers",
        )


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
