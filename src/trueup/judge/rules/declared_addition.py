"""Published wheels add requirements to the sdist, as declared.

The declaration under `[tool.trueup.wheels]` is met, and installers that read the file they install
do what it says. uv, Poetry and PDM read one wheel and apply its requirements everywhere, so they
also install the addition on platforms that have only the sdist, where it is not wanted and may not
exist. pip reads the sdist there.

**Before**: the sdist asks for nothing, the wheels ask for `scipy-openblas64`, nothing is declared.

**After**: `[tool.trueup.wheels] requires = ["scipy-openblas64==0.3.30.0.4"]` in the sdist's
`pyproject.toml`; this finding says what remains for users of lock files to know.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.advice import wheels_fit_everywhere
from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import Evidence, Finding, Severity

__all__ = ["RULE"]

CODE = "declared-addition"


def _check(judgement: Judgement) -> Iterator[Finding]:
    declared = judgement.declaration.wheels_require if judgement.declaration else ()
    if not declared or not judgement.wheels:
        return
    try:
        if wheels_fit_everywhere(judgement):
            return
    except SpaceTooLargeError:
        return
    yield judgement.finding(
        CODE,
        Severity.INFO,
        "uv, Poetry and PDM also lock what the wheels add for platforms that have only the sdist",
        evidence=[
            Evidence(
                files=tuple(sdist.filename for sdist in judgement.sdists),
                says=tuple(f"declares {line}" for line in sorted(map(str, declared))),
            )
        ],
        field="requires-dist",
        hint="where that matters, lock for the platforms that have wheels only",
    )


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
