"""The place holds other versions that do not belong beside this one.

`2.1.0+cpu` and `2.1.0+cu126` are different builds with different requirements on purpose. They are
judged each for itself, and no merge goes across them; a tool that takes `==2.1.0` gets either
(information). In a folder that is about to be uploaded, a file of another version is most likely
left over from an earlier build (warning).

**Before**: `dist/` holds `demo-1.0-…whl` and `demo-0.9-…whl`.

**After**: `dist/` holds the files of one version.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from trueup.judge.judgement import Judgement
from trueup.judge.rule import Rule
from trueup.model.finding import Finding, Severity

__all__ = ["RULE"]

CODE = "mixed-scope"


def _check(judgement: Judgement) -> Iterator[Finding]:
    release = judgement.release
    local = [item for item in release.siblings if item.public == release.version.public]
    other = [item for item in release.siblings if item not in local]
    if local:
        yield judgement.finding(
            CODE,
            Severity.INFO,
            f"the same public version is listed there as {_names(local)} as well; "
            "each is judged by itself",
            hint="keep local versions apart, in folders or indexes of their own",
        )
    if other:
        yield judgement.finding(
            CODE,
            Severity.WARNING,
            f"`{release.origin}` holds {_names(other)} as well; an upload would publish both",
            hint="empty the folder before the build, or name the files that are meant",
        )


def _names(versions: list[Version]) -> str:
    return ", ".join(f"`{version}`" for version in versions)


RULE = Rule(code=CODE, severity=Severity.INFO, check=_check, page=__doc__)
