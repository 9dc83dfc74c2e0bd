"""A wheel that was built here differs from its sdist or its release, and will be installed again.

pip and uv keep the wheels that they build, and take them again by name, version and tags. What a
build found on the machine on that day (a library, a variable, another version of its backend)
thereby reaches every later environment. Compared are the fields that resolution depends on: with
what the sdist promises (fields that are not `Dynamic`, PEP 643), and with `--published` or
`--wheelhouse` with the files of the release; and the sdist's hash with the one that is there now.
Needs `--wheel-cache`.

**Before**: the sdist of `demo 1.0` has no requirement, the wheel that pip built of it and keeps has
`Requires-Dist: mpi4py`.

**After**: `pip cache remove demo` or `uv cache clean demo`, and the wheel is built anew when it is
needed. What a build may add belongs into the sdist's `Dynamic`.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.cachedbuild import CacheJudgement, disagreements, sdist_changes
from trueup.judge.installed import InstalledJudgement
from trueup.judge.rule import InstalledRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.wheelcache import CachedBuild

__all__ = ["RULE"]

CODE = "cached-build-differs"


def _check(judgement: InstalledJudgement) -> Iterator[Finding]:
    builds = judgement.builds if isinstance(judgement, CacheJudgement) else ()
    for build in builds:
        for found in disagreements(build):
            (first, more, less), *rest = found.others
            others = "" if not rest else f" and of {len(rest)} more"
            yield _finding(
                build,
                f"the wheel that {build.tool} built and keeps has another `{found.field}` than that "
                f"of {first if first.startswith('its ') else f'`{first}`'}{others}",
                evidence=[
                    Evidence(
                        files=(build.filename,), says=more, where=f"only in {build.tool}'s build"
                    ),
                    *(
                        Evidence(files=(name,), says=theirs, where="only there")
                        for name, _, theirs in ((first, more, less), *rest)
                    ),
                ],
                field=found.field,
            )
        for reason in sdist_changes(build):
            yield _finding(
                build,
                f"the wheel that {build.tool} keeps was built from another sdist: {reason}",
                evidence=[
                    Evidence(files=(build.filename,), says=(f"sha256={build.source.sha256}",))
                ],
            )


def _finding(
    build: CachedBuild, message: str, *, evidence: list[Evidence], field: str | None = None
) -> Finding:
    clean = "pip cache remove" if build.tool == "pip" else "uv cache clean"
    return Finding(
        code=CODE,
        severity=Severity.WARNING,
        project=build.project,
        version=build.version,
        message=message,
        evidence=tuple(evidence),
        where=build.path,
        field=field,
        hint=f"`{clean} {build.project}`: it is built anew when it is needed",
    )


RULE = InstalledRule(code=CODE, severity=Severity.WARNING, page=__doc__, check=_check)
