"""`prove` of well-known sdists on the configured index: `just live tests/live/test_prove.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandboxed import sandbox_or_skip

pytestmark = pytest.mark.live

HOLDS = (
    "six==1.17.0", "requests==2.34.2", "flask==3.1.3", "attrs==26.1.0", "packaging==26.3",
    "click==8.5.1", "idna==3.20", "urllib3==2.8.0", "certifi==2026.10.18", "python-dateutil==4.0.0",
    "markupsafe==3.0.4", "pyyaml==6.0.3", "psutil==7.2.2", "greenlet==3.5.6", "wrapt==2.5.2",
)  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    sandbox_or_skip()
    program = Path(sys.executable).with_name("trueup")
    return subprocess.run(
        [program, "prove", *arguments], capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.parametrize("name", HOLDS)
def test_these_hold(name: str, tmp_path: Path) -> None:
    record = tmp_path / "proof.json"
    done = run(name, "--record", str(record))
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(record.read_text())
    assert document["holds"]
    assert all(wheel["differences"] == [] for wheel in document["wheels"])
    assert {run["condition"]["name"] for run in document["runs"]} > {"again", "clock", "locale"}


def test_one_that_depends_on_the_platform() -> None:
    done = run("hy==1.0a2", "--condition", "again,platform")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "platform Windows AMD64: more `pyreadline>=2.1`" in done.stdout
    assert "likely: setup.py:70: if os.name == 'nt': (uses `os.name`)" in done.stdout


def test_a_wheel_from_another_python() -> None:
    done = run("apache-libcloud==2.7.0", "--condition", "again")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Requires-Dist: more `enum34`, `typing`" in done.stdout


def test_a_large_one_ends_at_its_time_limit() -> None:
    done = run("xgboost==3.0.5", "--wheels", "--time", "30", "--condition", "again")
    assert done.returncode == 2
    assert "building its wheel failed: it took more than 30 s" in done.stderr


def test_one_that_is_explained_without_building() -> None:
    done = run("--explain", "mysqlclient==2.3.1", "--for", "cp312-linux-x86_64")
    assert done.returncode == 1
    assert "an installer would build it" in done.stdout
    assert "needs: a C compiler" in done.stdout
