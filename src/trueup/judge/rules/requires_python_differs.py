"""The wheels of a release have different `Requires-Python`.

An index shows one value per file at best, and one per release in practice, and a lock holds one:
which Pythons a release supports then depends on the file that a tool happened to read.

**Before**: the cp313 wheels say `>=3.9,<3.14`, the others `>=3.9,<3.13`.

**After**: all say `>=3.9,<3.14`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.evidence import by_region
from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.judge.rules.dependencies_differ import where_of
from trueup.judge.witness import witness
from trueup.model.finding import Finding, ReleaseClass, Severity

__all__ = ["RULE"]

CODE = "requires-python-differs"
FIELD = "requires-python"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for classification in judgement.classifications:
        found = classification.by_field[FIELD]
        if found not in (ReleaseClass.MERGEABLE, ReleaseClass.IRRECONCILABLE):
            continue
        said: dict[tuple[str, ...], list[int]] = {}
        for resolution, members in classification.chosen_groups:
            specifier = resolution.requires_python
            text = "any Python" if specifier is None else str(specifier)
            said.setdefault((text,), []).extend(members)
        difference = next(item for item in classification.differences if item.field == FIELD)
        seen = witness(classification, difference)
        merged = found is ReleaseClass.MERGEABLE
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            "the wheels do not admit the same Pythons"
            + ("" if merged else ", and no single range serves all of them"),
            where=where_of(seen) if seen else None,
            evidence=by_region(classification, said),
            field=FIELD,
            hint="give all files one `Requires-Python`"
            + ("; `trueup check --suggest` prints it" if merged else ""),
        )


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
