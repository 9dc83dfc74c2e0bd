"""The work-around that `--suggest` prints, pasted into a project and locked by a real uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trueup
from tests.build import make_wheel

UV = shutil.which(
    "uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)

CASES = {
    "by platform": (
        {"py3-none-win_amd64": ["left"], "py3-none-manylinux_2_17_x86_64": ["right"]},
        {("left", "1"), ("right", "1")},
    ),
    # uv forks also for environments that do not exist, such as Linux on a machine called AMD64.
    "what excludes each other": (
        {"py3-none-any": ["left>=2"], "py3-none-win_amd64": ["left==1"]},
        {("left", "1"), ("left", "2")},
    ),
}


@pytest.mark.skipif(UV is None, reason="uv comes with the test extra")
@pytest.mark.parametrize("name", CASES)
def test_uv_locks_what_every_wheel_asks_for(name: str, tmp_path: Path) -> None:
    files, expected = CASES[name]
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for tags, requires in files.items():
        make_wheel(wheels, "demo", "1", tags=tags, requires=requires)
    report = trueup.check(sorted(map(str, wheels.glob("*.whl"))), suggest=True)
    ((_, text),) = report.releases[0].workarounds
    for project, version in (("left", "1"), ("left", "2"), ("right", "1")):
        make_wheel(wheels, project, version)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.9"\n'
        'dependencies = ["demo==1"]\n\n[tool.uv]\nfind-links = ["./wheels"]\nno-index = true\n\n'
        + text,
        encoding="utf-8",
    )
    assert UV is not None
    done = subprocess.run(
        [UV, "lock", "--offline", "--python", sys.executable],
        cwd=tmp_path,
        env={**os.environ, "UV_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lock = tomllib.loads((tmp_path / "uv.lock").read_text("utf-8"))
    (demo,) = (item for item in lock["package"] if item["name"] == "demo")
    found = {(item["name"], item.get("version", "1")) for item in demo["dependencies"]}
    assert found == expected
