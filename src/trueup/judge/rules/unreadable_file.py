"""A file's metadata could not be read.

A release of which one file is unread cannot be said to agree: the class is then a lower bound and
the report says "at least". Installers refuse most such files too, or skip the version. A wheel is
an error; an sdist is a warning, because unread it merely promises nothing.

**Before**: `METADATA` holds a requirement that is no requirement.

```text
Requires-Dist: numpy>=1.*
```

**After**

```text
Requires-Dist: numpy>=1
```
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.judgement import Judgement
from trueup.judge.reconcile import judged_files
from trueup.judge.rule import Rule
from trueup.model.artifact import OtherName
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.metadata import Unreadable

__all__ = ["RULE"]

CODE = "unreadable-file"


def _check(judgement: Judgement) -> Iterator[Finding]:
    unread: dict[tuple[str, str, str | None], list[str]] = {}
    for file in judged_files(judgement.release):
        metadata, resolution = file.reading.metadata, file.reading.resolution
        declaration = file.reading.declaration
        if isinstance(resolution, Unreadable):
            what = "metadata" if isinstance(metadata, Unreadable) else "resolution fields"
            hint = resolution.hint or "build the file again, or leave it out of the release"
            unread.setdefault((what, resolution.reason, hint), []).append(file.filename)
        if isinstance(declaration, Unreadable):
            key = ("`pyproject.toml`", declaration.reason, declaration.hint)
            unread.setdefault(key, []).append(file.filename)
    sdists = {sdist.filename for sdist in judgement.sdists}
    for (what, reason, advice), names in unread.items():
        of = f"`{names[0]}`" if len(names) == 1 else f"{len(names)} files"
        yield judgement.finding(
            CODE,
            # No installer reads an sdist's PKG-INFO before 2.2: unread, it promises nothing.
            Severity.WARNING if sdists.issuperset(names) else Severity.ERROR,
            f"the {what} of {of} cannot be read: {reason}",
            evidence=[Evidence(files=tuple(names))],
            hint=advice,
        )
    for file in judgement.release.files:
        name = file.artifact.name
        if isinstance(name, OtherName) and file.filename.endswith(".whl"):
            yield judgement.finding(
                CODE,
                Severity.ERROR,
                f"`{file.filename}` has no valid wheel file name: {name.reason}",
                evidence=[Evidence(files=(file.filename,))],
                hint="no installer takes it; build the wheel again",
            )


RULE = Rule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
