"""The sdist calls a resolution field dynamic, and every wheel has the sdist's value.

`Dynamic` makes lockers read every wheel, or refuse the sdist. Where nothing ever differs the mark
costs its users something and gives them nothing.

**Before**: `Dynamic: Requires-Dist` in the sdist, and all wheels have the sdist's requirements.

**After**: the dependencies stand under `[project] dependencies`, and `Dynamic` is gone.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.promise import case_of
from trueup.judge.rule import Rule
from trueup.model.finding import Case, Evidence, Finding, Severity
from trueup.model.metadata import RESOLUTION_FIELDS, Resolution, title

__all__ = ["RULE"]

CODE = "unused-dynamic"


def _check(judgement: Judgement) -> Iterator[Finding]:
    resolutions = [wheel.reading.resolution for wheel in judgement.wheels]
    for sdist in judgement.sdists:
        own = sdist.reading.resolution
        if not resolutions or not isinstance(own, Resolution):
            continue
        fields = [
            field
            for field in RESOLUTION_FIELDS
            if case_of([sdist], judgement.wheels, field) in (Case.DYNAMIC, Case.APPEND_ONLY)
            and all(
                isinstance(found, Resolution) and _value(found, field) == _value(own, field)
                for found in resolutions
            )
        ]
        if fields:
            names = ", ".join(f"`{title(field)}`" for field in fields)
            yield judgement.finding(
                CODE,
                Severity.INFO,
                f"`{sdist.filename}` calls {names} dynamic, and no wheel differs in it",
                evidence=[Evidence(files=(sdist.filename,))],
                field=fields[0] if len(fields) == 1 else None,
                hint="write it statically under `[project]`, or declare what a local build may add under "
                "`[tool.trueup.dynamic]`",
            )


def _value(resolution: Resolution, field: str) -> object:
    return getattr(resolution, field.replace("-", "_"))


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
