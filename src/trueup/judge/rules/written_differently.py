"""The wheels say the same in different words.

Spelling that means the same everywhere a wheel is chosen (`uniform`): harmless for installers, and
a sign that the wheels were not built from one source in one way.

**Before**: one wheel says `Requires-Dist: colorama; os_name == "nt"`, the other
`Requires-Dist: colorama; sys_platform == "win32"`.

**After**: both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.effective import differing_lines
from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, ReleaseClass, Severity

__all__ = ["RULE"]

CODE = "written-differently"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for classification in judgement.classifications:
        if classification.release_class is not ReleaseClass.UNIFORM:
            continue
        differing = differing_lines([resolution for resolution, _ in classification.groups])
        yield judgement.finding(
            CODE,
            Severity.INFO,
            "the wheels differ as written, and mean the same wherever one is chosen",
            evidence=[
                Evidence(
                    files=tuple(classification.wheels[n].filename for n in members),
                    says=tuple(
                        sorted(
                            str(line)
                            for line in resolution.requires_dist
                            if line.project in differing
                        )
                    ),
                )
                for resolution, members in classification.groups
            ],
            field="requires-dist",
        )


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
