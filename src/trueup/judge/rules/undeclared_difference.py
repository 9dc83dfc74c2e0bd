"""A wheel differs from its sdist in a field that the sdist calls static.

From metadata 2.2 on, a field that `Dynamic` does not name is a promise: every wheel built from the
sdist has the sdist's value (PEP 643). A published wheel need not come from the published sdist, so
this is a finding and no proof. Differences in fields that do not decide what gets installed are
information; in evidence, `+` is what only the wheel says and `-` what only the sdist says.

**Before**: the sdist (2.4, nothing dynamic) has no requirements, the manylinux wheel says
`Requires-Dist: nvidia-nccl-cu12; platform_system == "Linux"`.

**After**: either the sdist says so too, or `Dynamic: Requires-Dist`, or the addition is declared:

```toml
[tool.trueup.wheels]
requires = ["nvidia-nccl-cu12"]
```
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.promise import Relation
from trueup.judge.rule import Rule
from trueup.model.finding import Case, Evidence, Finding, Severity
from trueup.model.metadata import title
from trueup.model.release import ReleaseFile

__all__ = ["RULE", "difference_evidence"]

CODE = "undeclared-difference"
_FIELDS = ("requires-dist", "requires-python", "provides-extra")
_NOT_DESCRIPTIVE = frozenset({*_FIELDS, "name", "version", "import-name", "import-namespace"})
"""Resolution fields, and what has rules of its own."""


def _check(judgement: Judgement) -> Iterator[Finding]:
    declared = judgement.declaration is not None and bool(
        judgement.declaration.wheels_require or judgement.declaration.as_built
    )
    for field in _FIELDS:
        if declared and field == "requires-dist":
            # What the declaration demands has a rule of its own.
            continue
        found = [
            item
            for item in judgement.relations
            if item[2].field == field and item[2].kept is False and item[2].case is Case.STATIC
        ]
        if found:
            sdist = found[0][0].filename
            yield judgement.finding(
                CODE,
                Severity.WARNING,
                f"`{title(field)}` is static in `{sdist}`, and wheels have something else",
                evidence=difference_evidence(judgement, found),
                field=field,
                hint="put the difference into the sdist, mark the field dynamic, or declare it "
                "under `[tool.trueup.wheels]`",
            )
    yield from _descriptive(judgement)


def _descriptive(judgement: Judgement) -> Iterator[Finding]:
    """Static fields that decide nothing about what gets installed: worth knowing, no more."""
    found: dict[str, dict[str, None]] = {}
    for _, wheel, relation in judgement.relations:
        if relation.kept is False and relation.case is Case.STATIC:
            for name in judgement.same_metadata(wheel):
                found.setdefault(relation.field, {})[name] = None
    fields = {field: names for field, names in found.items() if field not in _NOT_DESCRIPTIVE}
    if fields:
        yield judgement.finding(
            CODE,
            Severity.INFO,
            "wheels differ from the sdist in static fields that do not decide what gets installed: "
            + ", ".join(f"`{title(field)}`" for field in fields),
            evidence=[
                Evidence(files=tuple(names), says=(f"another `{title(field)}`",))
                for field, names in fields.items()
            ],
        )


def difference_evidence(
    judgement: Judgement, found: list[tuple[ReleaseFile, ReleaseFile, Relation]]
) -> Iterator[Evidence]:
    """The wheels with what they have over the sdist, and what they lack of it."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for _, wheel, relation in found:
        says = tuple(f"+ {text}" for text in relation.added)
        says += tuple(f"- {text}" for text in relation.missing)
        groups.setdefault(says, []).extend(judgement.same_metadata(wheel))
    for says, names in groups.items():
        yield Evidence(files=tuple(dict.fromkeys(names)), says=says or ("another order",))


RULE = Rule(code=CODE, severity=Severity.WARNING, check=_check, page=__doc__)
