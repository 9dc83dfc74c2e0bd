"""The wheels of a release ask for different dependencies.

uv, Poetry and PDM read one wheel and assume the rest, so whoever needs another one gets a wrong
lock, silently. `mergeable` means that one list with markers serves all wheels, and `--suggest`
prints it; `irreconcilable` means that two environments which no marker can tell apart get
different dependencies.

**Before**: the macOS wheel says `Requires-Dist: numpy`, the Linux wheel says nothing.

**After**: both say

```text
Requires-Dist: numpy; sys_platform == "darwin"
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trueup.judge.difference import Difference
from trueup.judge.effective import differing_lines, texts_at
from trueup.judge.evidence import by_region
from trueup.judge.judgement import Judgement
from trueup.judge.reconcile import Classification
from trueup.judge.rule import Rule
from trueup.judge.witness import witness
from trueup.model.finding import Evidence, Finding, ReleaseClass, Severity, Witness
from trueup.model.metadata import Resolution

__all__ = ["RULE", "where_of"]

CODE = "dependencies-differ"
FIELD = "requires-dist"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for classification in judgement.classifications:
        found = [item for item in classification.differences if item.field == FIELD]
        conflicts = [item for item in found if item.conflict]
        for item in conflicts[:1]:
            yield _conflict(judgement, classification, item, conflicts)
        if len(conflicts) < len(found):
            yield _mergeable(judgement, classification, found)


def _conflict(
    judgement: Judgement,
    classification: Classification,
    difference: Difference,
    conflicts: Sequence[Difference],
) -> Finding:
    seen = witness(classification, difference)
    count = len(conflicts)
    only = f" (only {classification.only_in})" if classification.only_in else ""
    others = "1 other difference" if count == 2 else f"{count - 1} other differences"
    more = f", nor for {others}" if count > 1 else ""
    return judgement.finding(
        CODE,
        Severity.ERROR,
        f"no marker can tell these files apart{only}{more}",
        where=where_of(seen) if seen else None,
        evidence=_conflict_evidence(classification, seen, conflicts) if seen else (),
        field=FIELD,
        hint="uv, Poetry and PDM read one of them and lock it for both",
    )


def where_of(seen: Witness) -> str:
    """The environment of a witness in words."""
    environment = dict(seen.environment)
    system = environment["platform_system"].replace("Darwin", "macOS")
    words = [f"{system} {environment['platform_machine']}"]
    words.append(f"Python {environment['python_version']}")
    if environment["implementation_name"] != "cpython":
        words.append(environment["platform_python_implementation"])
    if seen.extra:
        words.append(f"extra `{seen.extra}`")
    return ", ".join(words)


def _conflict_evidence(
    classification: Classification, seen: Witness, conflicts: Iterable[Difference]
) -> tuple[Evidence, ...]:
    """What each of the two files of a witness asks for there that the other does not.

    A witness is about one project; what the files want of the others that no marker can tell apart
    belongs beside it, or `(nothing more)` would not be true.
    """
    projects = {item.project for item in conflicts if item.extra == seen.extra}
    environment = dict(seen.environment)
    resolutions = {wheel.filename: wheel.reading.resolution for wheel in classification.wheels}
    asked = []
    for name in seen.files:
        resolution = resolutions[name]
        assert isinstance(resolution, Resolution)
        lines = (line for line in resolution.requires_dist if line.project in projects)
        asked.append(texts_at(lines, environment, seen.extra))
    common = set(asked[0]) & set(asked[1])
    return tuple(
        Evidence(
            files=(name,),
            where=part or None,
            says=tuple(text for text in texts if text not in common) or ("(nothing more)",),
        )
        for name, part, texts in zip(seen.files, seen.tag_parts, asked, strict=True)
    )


def _mergeable(
    judgement: Judgement, classification: Classification, found: list[Difference]
) -> Finding:
    projects = sorted({str(item.project) for item in found if not item.conflict})
    seen = next(
        (one for item in found if not item.conflict and (one := witness(classification, item))),
        None,
    )
    names = ", ".join(f"`{name}`" for name in projects[:3])
    if len(projects) > 3:
        names += f" and {len(projects) - 3} more"
    hint = "uv, Poetry and PDM read one of these files and lock it for all; "
    if judgement.worst.release_class is ReleaseClass.MERGEABLE:
        hint += "`trueup check --suggest` prints the one list that serves all"
    else:
        hint += "one list can serve these differences, but not the others of this release"
    return judgement.finding(
        CODE,
        Severity.ERROR,
        f"the wheels do not ask for the same: {names}",
        where=where_of(seen) if seen else None,
        evidence=_variants(classification),
        field=FIELD,
        hint=hint,
    )


def _variants(classification: Classification) -> Iterator[Evidence]:
    """What each group of wheels says that not all say, the largest group first."""
    groups = classification.chosen_groups
    differing = differing_lines([resolution for resolution, _ in groups])
    common = {line for lines in differing.values() for line in frozenset.intersection(*lines)}
    said: dict[tuple[str, ...], list[int]] = {}
    for resolution, members in groups:
        lines = {line for line in resolution.requires_dist if line.project in differing}
        says = tuple(sorted(map(str, lines - common))) or ("(nothing more)",)
        said.setdefault(says, []).extend(members)
    return by_region(classification, dict(sorted(said.items(), key=lambda item: -len(item[1]))))


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
