"""A process takes its folder for unfinished files with it, and those of dead ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trueup.sources.store.scratch import open_scratch

OPENS = """
import os, sys
from pathlib import Path
from trueup.sources.store.scratch import open_scratch
folder = open_scratch(Path(sys.argv[1]))
(folder / "unfinished").write_bytes(b"x")
if sys.argv[2] == "dies":
    os.kill(os.getpid(), 9)
"""


def run(folder: Path, how: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", OPENS, folder, how],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_at_its_end_a_process_closes_and_removes_what_it_opened(tmp_path: Path) -> None:
    assert run(tmp_path, "ends") == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there, folders are left for a day")
def test_the_next_process_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    assert run(tmp_path, "dies")[0] == -9
    (left,) = tmp_path.iterdir()
    mine = open_scratch(tmp_path)
    assert mine != left
    assert list(tmp_path.iterdir()) == [mine]
    second = open_scratch(tmp_path)
    assert set(tmp_path.iterdir()) == {mine, second}, "one that is in use stays"
