"""A file's metadata could not be read.

A release of which one file is unread cannot be said to agree: the class is then a lower bound and
the report says "at least". Installers refuse most such files too, or skip the version.

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
    for file in judged_files(judgement.release):
        metadata, resolution = file.reading.metadata, file.reading.resolution
        if isinstance(resolution, Unreadable):
            part = "" if isinstance(metadata, Unreadable) else "resolution fields of "
            yield judgement.finding(
                CODE,
                Severity.ERROR,
                f"the {part}metadata of `{file.filename}` cannot be read: {resolution.reason}"
                if not part
                else f"the resolution fields of `{file.filename}` cannot be read: {resolution.reason}",
                evidence=[Evidence(files=(file.filename,))],
                hint=resolution.hint or "build the file again, or leave it out of the release",
            )
        if isinstance(file.reading.declaration, Unreadable):
            yield judgement.finding(
                CODE,
                Severity.ERROR,
                f"the `pyproject.toml` in `{file.filename}` cannot be read: "
                f"{file.reading.declaration.reason}",
                evidence=[Evidence(files=(file.filename,))],
                hint=file.reading.declaration.hint,
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
