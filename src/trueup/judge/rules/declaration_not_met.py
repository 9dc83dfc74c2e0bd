"""The wheels are not what the sdist declares about them.

`[tool.trueup.wheels] requires` in the sdist's `pyproject.toml` says what published wheels add to the
sdist's `Requires-Dist`: exactly these, in every wheel. `as-built` names projects that each wheel
pins with `==` to the version it was built against.

**Before**: the sdist declares `requires = ["scipy-openblas64==0.3.30.0.4"]`; the macOS wheel lacks it.

**After**: `trueup amend --declared` or the build adds the requirement to every wheel.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import NormalizedName, canonicalize_name

from trueup.judge.judgement import Judgement
from trueup.judge.promise import equal_everywhere
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Resolution
from trueup.model.requirement import Requirement

__all__ = ["RULE"]

CODE = "declaration-not-met"


def _check(judgement: Judgement) -> Iterator[Finding]:
    declaration = judgement.declaration
    if declaration is None or not (declaration.wheels_require or declaration.as_built):
        return
    sdist = next((item for item in judgement.sdists if item.reading.declaration), None)
    if sdist is None or not isinstance(sdist.reading.resolution, Resolution):
        return
    base = sdist.reading.resolution.requires_dist
    pinned = {canonicalize_name(name) for name in declaration.as_built}
    groups: dict[tuple[str, ...], list[str]] = {}
    for wheel in judgement.wheels:
        own = wheel.reading.resolution
        if not isinstance(own, Resolution):
            continue
        pins = {line for line in own.requires_dist - base if _is_pin(line, pinned)}
        expected = base | set(declaration.wheels_require) | pins
        unpinned = pinned - {line.project for line in pins}
        if not unpinned and equal_everywhere(expected, own.requires_dist) is not False:
            continue
        says = tuple(f"- {line}" for line in sorted(map(str, expected - own.requires_dist)))
        says += tuple(f"+ {line}" for line in sorted(map(str, own.requires_dist - expected)))
        says += tuple(f"- {name}== (as built)" for name in sorted(unpinned))
        groups.setdefault(says, []).append(wheel.filename)
    if groups:
        yield judgement.finding(
            CODE,
            Severity.ERROR,
            "wheels are not the sdist plus exactly what `[tool.trueup.wheels]` declares",
            evidence=[Evidence(files=tuple(names), says=says) for says, names in groups.items()],
            field="requires-dist",
            hint="add the declared requirements to every wheel, or correct the declaration",
        )


def _is_pin(line: Requirement, projects: set[NormalizedName]) -> bool:
    specifiers = list(line.specifier)
    return line.project in projects and len(specifiers) == 1 and specifiers[0].operator == "=="


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
