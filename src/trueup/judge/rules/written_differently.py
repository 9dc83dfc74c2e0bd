"""The wheels say the same in different words.

Spelling that means the same everywhere a wheel is chosen (`uniform`): harmless for installers, and
a sign that the wheels were not built from one source in one way.

**Before**: one wheel says `Requires-Dist: colorama; os_name == "nt"`, the other
`Requires-Dist: colorama; sys_platform == "win32"`.

**After**: both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from packaging.utils import NormalizedName

from trueup.judge.effective import differing_lines
from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Evidence, Finding, ReleaseClass, Severity
from trueup.model.metadata import Resolution, title

__all__ = ["RULE"]

CODE = "written-differently"


def _check(judgement: Judgement) -> Iterator[Finding]:
    for classification in judgement.classifications:
        if classification.release_class is not ReleaseClass.UNIFORM:
            continue
        resolutions = [resolution for resolution, _ in classification.groups]
        projects = differing_lines(resolutions).keys()
        fields = {
            "requires-dist": bool(projects),
            "requires-python": len({item.requires_python for item in resolutions}) > 1,
            "provides-extra": len({item.provides_extra for item in resolutions}) > 1,
            "default-extra": len({item.default_extra for item in resolutions}) > 1,
        }
        differing = [field for field, differs in fields.items() if differs]
        yield judgement.finding(
            CODE,
            Severity.INFO,
            "the wheels differ as written, and mean the same wherever one is chosen",
            evidence=[
                Evidence(
                    files=tuple(classification.wheels[n].filename for n in members),
                    says=tuple(_says(resolution, projects, differing)),
                )
                for resolution, members in classification.groups
            ],
            field=differing[0] if len(differing) == 1 else None,
        )


def _says(
    resolution: Resolution, projects: Set[NormalizedName], differing: list[str]
) -> Iterator[str]:
    """What a wheel says in the fields that differ, the requirements without their field's name."""
    yield from sorted(str(line) for line in resolution.requires_dist if line.project in projects)
    if "requires-python" in differing and resolution.requires_python is not None:
        yield f"Requires-Python: {resolution.requires_python}"
    for field, extras in (
        ("provides-extra", resolution.provides_extra),
        ("default-extra", resolution.default_extra),
    ):
        if field in differing:
            yield from (f"{title(field)}: {extra}" for extra in sorted(extras))


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
