"""Locks of known projects: `TRUEUP_LOCKS=FOLDER just live tests/live/test_lockfiles.py`.

The folder holds one folder per lock, with the project's own files beside it, and a `README.md` whose
table tells how many packages each has.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from trueup.sources.lockfiles.read import read_lock

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif("TRUEUP_LOCKS" not in os.environ, reason="`TRUEUP_LOCKS` is not set"),
]

FOLDER = Path(os.environ.get("TRUEUP_LOCKS", "absent"))
PATTERNS = ("*/pylock*.toml", "*/Pipfile.lock", "*/*.txt")
LOCKS = sorted(
    path for pattern in PATTERNS for path in FOLDER.glob(pattern) if path.name != "SOURCE.txt"
)


def packages(name: str) -> int:
    row = re.search(
        rf"^\| `{re.escape(name)}` \|[^|]*\| *(\d+) *\|",
        (FOLDER / "README.md").read_text(),
        re.MULTILINE,
    )
    assert row is not None
    return int(row[1])


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_a_real_lock(path: Path) -> None:
    lock = read_lock(path)
    assert len(lock.entries) == packages(path.parent.name)
    for entry in lock.entries:
        assert re.fullmatch(rf"{re.escape(str(path))}:\d+", entry.origin)
        assert all(re.fullmatch(r"[a-z0-9_-]+:[0-9a-f]+", digest) for digest in entry.digests)
        assert entry.files or entry.digests or not entry.complete or not entry.version
    for fault in lock.faults:
        assert fault.origin.startswith(str(path))
        assert fault.found
        assert fault.expected
