"""An entry is installed where none of its files fits.

No wheel that it lists has a tag of the target, and there is no sdist: installing ends with an error.

**Before**: the lock claims Linux aarch64, and open3d 0.19.0 has no wheel for it.

**After**: the target is left out of the lock's `environments`, or another version is locked there.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.closure import Kind
from trueup.judge.lock import Audit
from trueup.judge.lockfinding import lock_finding
from trueup.judge.rule import LockRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.lock import PlaceKind
from trueup.model.space import union

__all__ = ["RULE"]

CODE = "no-file-for-target"


def _check(audit: Audit) -> Iterator[Finding]:
    for number, troubles in audit.of_kind(Kind.NO_FILE).items():
        # Elsewhere the installer says so and stops: nothing wrong gets installed.
        points = union(trouble.points for trouble in troubles) & audit.ground.asked
        entry = audit.entry(number)
        if not points or entry.place.kind is not PlaceKind.INDEX:
            continue
        files = [file.filename for file in entry.files]
        yield lock_finding(
            audit,
            number,
            CODE,
            Severity.ERROR,
            "has no file that can be installed there" if files else "has no files at all",
            points=points,
            selections=[one for trouble in troubles for one in trouble.selections],
            evidence=[Evidence(files=(entry.origin,), says=(_listed(files),))] if files else (),
            hint="judge fewer targets with `--for`, or lock a version that has files for them",
        )


def _listed(files: list[str]) -> str:
    wheels = sum(name.endswith(".whl") for name in files)
    sdists = len(files) - wheels
    return f"lists {wheels} wheel{'s' * (wheels != 1)}, {sdists or 'no'} sdist{'s' * (sdists > 1)}"


RULE = LockRule(code=CODE, severity=Severity.ERROR, check=_check, page=__doc__)
