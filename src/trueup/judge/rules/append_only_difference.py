"""A wheel lacks, changes or reorders what its sdist lists in an append-only field.

From metadata 2.6 on (PEP 808), a multiple-use field that stands in the sdist *and* in `Dynamic` may
only grow: the sdist's items stand in the wheel, in their order, with others before, between or
after. Between published files this is a finding and no proof.

**Before**: the sdist says `Dynamic: Requires-Dist` and `Requires-Dist: numpy>=2`; the wheel says
`Requires-Dist: numpy>=2.1`.

**After**: the wheel says `Requires-Dist: numpy>=2` and, on top, `Requires-Dist: numpy>=2.1`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.judge.rules.undeclared_difference import difference_evidence
from trueup.model.finding import Case, Finding, Severity
from trueup.model.metadata import title

__all__ = ["RULE"]

CODE = "append-only-difference"


def _check(judgement: Judgement) -> Iterator[Finding]:
    broken = [
        item
        for item in judgement.relations
        if item[2].case is Case.APPEND_ONLY and item[2].kept is False
    ]
    for field in dict.fromkeys(item[2].field for item in broken):
        found = [item for item in broken if item[2].field == field]
        yield judgement.finding(
            CODE,
            Severity.WARNING,
            f"`{title(field)}` may only grow from `{found[0][0].filename}` to a wheel, and did not",
            evidence=difference_evidence(judgement, found),
            field=field,
            hint="keep the sdist's entries in their order, and only add to them",
        )


RULE = Rule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
