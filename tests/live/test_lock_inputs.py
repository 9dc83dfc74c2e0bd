"""Realistic inputs, locked for nine targets and installed: `just live tests/live/test_lock_inputs.py`.

`TRUEUP_RECORD_INPUTS=docs/reference/lock-inputs.md` writes what was found into that page.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from uv import find_uv_bin

pytestmark = pytest.mark.live

PYTHONS = ("cp311", "cp312", "cp313")
PLATFORMS = ("linux-x86_64-glibc2.28", "macos-arm64", "windows-amd64")
TARGETS = f"{{{','.join(PYTHONS)}}}-{{{','.join(PLATFORMS)}}}"


@dataclass(frozen=True, kw_only=True)
class Input:
    """Requirements of a project and of its group `dev`; ``large`` ones are not downloaded."""

    requires: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    large: bool = False


INPUTS = {
    "Flask web app": Input(requires=("flask", "gunicorn", "flask-sqlalchemy", "flask-login")),
    "Django, psycopg, Celery": Input(requires=("django", "psycopg[binary]", "celery[redis]")),
    "JupyterLab, scikit-learn, pandas": Input(requires=("jupyterlab", "scikit-learn", "pandas")),
    "torch": Input(requires=("torch",), large=True),
    "xgboost": Input(requires=("xgboost==3.0.5",), large=True),
    "TensorFlow": Input(requires=("tensorflow",), large=True),
    "open3d": Input(requires=("open3d",), large=True),
    "Apache Beam": Input(requires=("apache-beam",), large=True),
    "FastAPI, SQLAlchemy": Input(requires=("fastapi[standard]", "sqlalchemy[asyncio]")),
    "Scrapy": Input(requires=("scrapy",)),
    "Polars, PyArrow, DuckDB": Input(requires=("polars", "pyarrow", "duckdb")),
    "black, mypy, pytest as group `dev`": Input(dev=("black", "mypy", "pytest")),
}


@dataclass(kw_only=True)
class Row:
    """What one input gave, for the table."""

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    unserved: list[dict[str, Any]] = field(default_factory=list)
    """What `trueup lock` said of targets that it could not serve."""


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    found: list[Row] = []
    yield found
    page = os.environ.get("TRUEUP_RECORD_INPUTS")
    if page is not None:
        record(Path(page), found)


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with a cache of trueup that starts empty."""
    environment = {**os.environ, "TRUEUP_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800,
        check=False,
    )  # fmt: skip


def trueup(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(Path(sys.executable).with_name("trueup"), *arguments, folder=folder)


def passed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def project(folder: Path, wanted: Input) -> None:
    lines = ["[project]", 'name = "app"', 'version = "0"', 'requires-python = ">=3.11"']
    lines += [f"dependencies = {json.dumps(wanted.requires)}"]
    if wanted.dev:
        lines += ["[dependency-groups]", f"dev = {json.dumps(wanted.dev)}"]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def environment(folder: Path, name: str) -> Path:
    """A fresh environment; the path of its Python."""
    passed(run(sys.executable, "-m", "venv", "--without-pip", name, folder=folder))
    return folder / name / "bin" / "python"


def pip(python: Path, *arguments: str) -> tuple[str | Path, ...]:
    return (
        sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", *arguments
    )  # fmt: skip


def installed(folder: Path, python: Path) -> dict[str, str]:
    listed = passed(
        run(find_uv_bin(), "pip", "list", "--format=json", "--python", python, folder=folder)
    )
    return {canonicalize_name(item["name"]): item["version"] for item in json.loads(listed)}


def through_uv(folder: Path, *, dry: bool) -> dict[str, str]:
    """What `uv pip sync` installs, or would."""
    python = environment(folder, "uv")
    uv = (find_uv_bin(), "pip")
    sync = (*uv, "sync", "--python", python, "pylock.toml")
    if dry:
        done = run(*sync, "--dry-run", folder=folder)
        passed(done)
        return dict(re.findall(r"^ \+ (\S+)==(\S+)", done.stderr, re.MULTILINE))
    passed(run(*sync, folder=folder))
    passed(run(*uv, "check", "--python", python, folder=folder))
    return installed(folder, python)


def through_pip(folder: Path, *, dry: bool) -> dict[str, str]:
    """What `pip install -r` installs, or would."""
    python = environment(folder, "pip")
    install = pip(python, "install", "-q", "-r", "pylock.toml")
    if dry:
        report = json.loads(passed(run(*install, "--dry-run", "--report", "-", folder=folder)))
        found = [item["metadata"] for item in report["install"]]
        return {canonicalize_name(item["name"]): item["version"] for item in found}
    passed(run(*install, folder=folder))
    passed(run(*pip(python, "check"), folder=folder))
    return installed(folder, python)


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("name", INPUTS)
def test_a_realistic_input(name: str, rows: list[Row], tmp_path: Path) -> None:
    wanted, row = INPUTS[name], Row(name=name)
    rows.append(row)
    project(tmp_path, wanted)
    done, row.cells["cold, s"] = timed(tmp_path, "lock", "--for", TARGETS, "--json")
    row.unserved = [item for item in events(done) if item["event"] == "unserved"]
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    document = tomllib.loads((tmp_path / "pylock.toml").read_text("utf-8"))
    packages = document["packages"]
    row.cells["packages"] = str(len({one["name"] for one in packages}))
    row.cells["files"] = str(sum(len(one.get("wheels", ())) + ("sdist" in one) for one in packages))
    row.cells["targets"] = f"{len(document['tool']['trueup']['targets'])} of 9"
    again, row.cells["warm, s"] = timed(tmp_path, "lock", "--for", TARGETS, "--check")
    assert again.returncode == 0, again.stderr
    verified = trueup(tmp_path, "verify", "pylock.toml", "--format", "json")
    row.cells["`verify`"] = verdict(verified)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    by_uv = through_uv(tmp_path, dry=wanted.large)
    by_pip = through_pip(tmp_path, dry=wanted.large)
    assert by_uv == by_pip
    row.cells["uv and pip"] = f"{'would install' if wanted.large else 'installed'} {len(by_pip)}"


def timed(folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], str]:
    started = time.monotonic()
    done = trueup(folder, *arguments)
    return done, f"{time.monotonic() - started:.1f}"


def verdict(done: subprocess.CompletedProcess[str]) -> str:
    """The verdict, and what it leaves open."""
    (lock,) = json.loads(done.stdout)["locks"]
    left = [item["file"] for item in lock["not_proven"]]
    return f"{lock['verdict']}{': ' if left else ''}{', '.join(left)}"


# --- the page -----------------------------------------------------------------------------------

COLUMNS = ("packages", "files", "targets", "cold, s", "warm, s", "`verify`", "uv and pip")


def table(found: Sequence[Row]) -> str:
    lines = [f"| input | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    lines += [
        f"| {row.name} | {' | '.join(row.cells.get(one, '—') for one in COLUMNS)} |"
        for row in found
    ]
    for row in found:
        for item in row.unserved:
            targets = ", ".join(f"`{target}`" for target in item["targets"])
            lines += [
                f"\n{row.name}, not served: {targets}\n", "```text", *item["reason"], "```"
            ]  # fmt: skip
    return "\n".join(lines)


def record(page: Path, found: Sequence[Row]) -> None:
    """Replace the table of a page."""
    after, count = re.subn(
        r"(?<=<!-- inputs: written by the live test -->\n).*?(?=\n<!-- end of inputs -->)",
        lambda _: table(found),
        page.read_text("utf-8"),
        flags=re.DOTALL,
    )
    assert count == 1
    page.write_text(after, encoding="utf-8")
