"""The documented differences from `pip check` and `uv pip check`, in one environment with all of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.build import make_wheel
from trueup.interfaces.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "judge-an-environment.md"
ROWS = [
    # what the page calls it, who is complained of, and whether pip, uv and trueup complain
    ("an extra that something installed asks for lacks a requirement", "extras", "- - x"),
    ("`Requires-Python` does not admit the interpreter", "old", "- x x"),
    ("the tags of the wheel do not fit the interpreter", "foreign", "x x x"),
    ("a file of RECORD is missing, or has another content", "holed", "- - x"),
    ("there is no RECORD", "bare", "- - x"),
    ("a `*.dist-info` folder without METADATA", "mute", "- x x"),
    ("a version that is none (`Version: best`)", "best", "- x -"),
    ("a requirement that cannot be parsed", "garbled", "x x x"),
    ("METADATA that is not UTF-8", "latin", "x - -"),
    ("two versions of one project in one folder", "twice", "- x x"),
    ("two distributions own one file", "first", "- - x"),
    ("a requirement with an address (`b @ https://…`)", "address", "- - -"),
]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, set[str]]:
    """What pip and uv print, and whom this program complains of."""
    folder = tmp_path_factory.mktemp("differences")
    venv.create(folder / "env", with_pip=False)
    (site,) = (folder / "env").glob("lib/python3*/site-packages")
    _install(folder)
    _damage(site)
    pip = _run(sys.executable, "-m", "pip", "--python", str(folder / "env"), "check")
    uv = _run(find_uv_bin(), "pip", "check", "--python", str(folder / "env"))
    report = folder / "report.json"
    command = ["env", "--python", str(folder / "env"), "--format", "json", "--output", str(report)]
    assert main(command) == 1
    findings = json.loads(report.read_text("utf-8"))["findings"]
    return pip, uv, {one["project"] for one in findings if one["severity"] != "info"}


@pytest.mark.parametrize(("row", "project", "expected"), ROWS, ids=[row[1] for row in ROWS])
def test_who_complains(
    complaints: tuple[str, str, set[str]], row: str, project: str, expected: str
) -> None:
    pip, uv, ours = complaints
    found = {
        "uv": re.search(rf"`{project}`", uv) is not None,
        "trueup": project in ours,
    }
    # The page is about pip 26; the one that came with an interpreter may be older.
    if version("pip") >= "26":
        found["pip"] = re.search(rf"\b{project}\b", pip) is not None
    wanted = dict(zip(("pip", "uv", "trueup"), expected.split(), strict=True))
    assert {name: "x" if said else "-" for name, said in found.items()} == {
        name: wanted[name] for name in found
    }
    assert f"\n| {row} |" in PAGE.read_text("utf-8")


def _install(folder: Path) -> None:
    wheels = folder / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "asks", "1.0", requires=["extras[more]"])
    make_wheel(wheels, "extras", "1.0", requires=['absent; extra == "more"'], extras=["more"])
    make_wheel(wheels, "old", "1.0", requires_python=">=3")
    make_wheel(wheels, "latin", "1.0", requires=["asks"])
    make_wheel(wheels, "garbled", "1.0", requires=["asks"])
    make_wheel(wheels, "address", "1.0", requires=["asks @ https://index.test/asks-9.tar.gz"])
    make_wheel(wheels, "first", "1.0", files={"shared/x.py": b"1"})
    make_wheel(wheels, "second", "1.0", files={"shared/x.py": b"2"})
    make_wheel(wheels, "holed", "1.0", files={"holed/core.py": b"1"})
    for name in ("foreign", "bare", "mute", "best", "twice"):
        make_wheel(wheels, name, "1.0")
    command = [find_uv_bin(), "pip", "install", "--quiet", "--python", str(folder / "env"),
               "--no-index", "--no-deps", "--no-config", "--link-mode", "copy"]  # fmt: skip
    command += ["--cache-dir", str(folder / "cache")]
    subprocess.run([*command, *map(str, wheels.iterdir())], check=True, timeout=100)


def _damage(site: Path) -> None:
    def edit(name: str, before: bytes, after: bytes, file: str = "METADATA") -> None:
        path = site / f"{name}-1.0.dist-info" / file
        data = path.read_bytes()
        assert before in data
        path.write_bytes(data.replace(before, after))

    edit("old", b"Requires-Python: >=3", b"Requires-Python: >=99")
    edit("foreign", b"py3-none-any", b"cp27-cp27mu-win32", "WHEEL")
    edit("best", b"Version: 1.0", b"Version: best")
    edit("garbled", b"Requires-Dist: asks", b"Requires-Dist: asks >= is")
    edit("latin", b"Requires-Dist:", "Author: José\nRequires-Dist:".encode("latin-1"))
    (site / "holed" / "core.py").unlink()
    (site / "bare-1.0.dist-info" / "RECORD").unlink()
    (site / "mute-1.0.dist-info" / "METADATA").unlink()
    other = site / "twice-0.9.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: twice\nVersion: 0.9\n")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    return done.stdout + done.stderr
