"""A split that is cut short, by a signal or by a full disk: whole wheels or none."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.compiler import needs_compiler
from tests.natives import LINUX, native_wheel

pytestmark = [needs_compiler]

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"


def command(*arguments: str | Path, folder: Path) -> list[str]:
    return [
        str(Path(sys.executable).with_name("trueup")),
        "split",
        *map(str, arguments),
        "-o",
        str(folder),
        "-q",
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """The files that are there for others; those of a work that was cut short are hidden."""
    if not folder.exists():
        return {}
    return {one.name: one.read_bytes() for one in folder.iterdir() if not one.name.startswith(".")}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Wheels that take a moment to be written."""
    dist = tmp_path / "dist"
    payload = random.Random(5).randbytes(4_000_000)
    for python in (f"{THIS}-{THIS}", "cp310-cp310", "cp39-cp39"):
        native_wheel(dist, python=python, files={"demo/table.bin": payload})
    return dist


def test_killed_at_any_moment_there_are_whole_wheels_or_none(release: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    subprocess.run(command(release, folder=tmp_path / "whole"), check=True, timeout=60)
    took = time.monotonic() - started
    whole = contents(tmp_path / "whole")
    assert len(whole) == 4
    originals = {path.name: path.read_bytes() for path in release.glob("*.whl")}
    moments = random.Random(20261121)
    out = tmp_path / "out"
    for _ in range(6):
        process = subprocess.Popen(
            command(release, folder=out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.3, 1.0) * took)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        for name, data in contents(out).items():
            assert data == whole[name], name
        assert {path.name: path.read_bytes() for path in release.glob("*.whl")} == originals
    subprocess.run(command(release, folder=out), check=True, timeout=60)
    assert contents(out) == whole


def test_a_full_disk_leaves_what_was_there(release: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f"demo_libs-1.0-py3-none-{LINUX}.whl").write_bytes(b"of before")
    done = subprocess.run(
        command(release, folder=out), capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(contents(out).values()) == [b"of before"]
    assert [path.name for path in out.iterdir()] == [f"demo_libs-1.0-py3-none-{LINUX}.whl"]


def test_neither_clock_nor_order_nor_place_is_in_the_bytes(release: Path, tmp_path: Path) -> None:
    wheels = sorted(release.glob("*.whl"))
    made = []
    for number, (epoch, named) in enumerate(
        [("0", wheels), ("1893456000", wheels[::-1]), ("315532800", [release])]
    ):
        folder = tmp_path / f"out{number}"
        environ = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": str(number)}
        subprocess.run(command(*named, folder=folder), check=True, timeout=60, env=environ)
        made.append(contents(folder))
    assert made[0] == made[1] == made[2]
