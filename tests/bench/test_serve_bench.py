"""What large uploads and releases cost `trueup serve`; `just bench-serve` counts its pages."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from tests.build import make_wheel
from tests.processes import load, memory
from tests.serving import Server, serving

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

MEBIBYTE = 1024 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data", "--hosted-only", cwd=tmp_path) as found:
        yield found


def peak(server: Server) -> float:
    """The most memory that the server has held so far, in MiB."""
    return memory([server.process.pid], peak=True)


def publish_files(server: Server, folder: Path, count: int) -> float:
    """Upload a release of so many wheels, and publish it; returns the seconds of the latter."""
    folder.mkdir()
    for number in range(count):
        tag = f"cp3{number % 5 + 9}-abi3-manylinux_2_{17 + number // 5}_x86_64"
        path = make_wheel(folder, "demo", "1.0", tags=tag, requires=["one>=1", "two; extra == 'x'"])
        assert server.upload(path).status_code == 200
    start = perf_counter()
    assert server.post("/api/demo/1.0/publish").status_code == 200
    return perf_counter() - start


def test_publishing_a_release_of_175_files(server: Server, tmp_path: Path) -> None:
    seconds = publish_files(server, tmp_path / "dist", 175)
    print(f"\npublishing 175 files: {seconds:.2f} s")


def copied(path: Path, folder: Path) -> float:
    """What it takes to copy a file, have it on the disk, and know its hash."""
    target = folder / "copy"
    start = perf_counter()
    shutil.copyfile(path, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
        hashlib.file_digest(file, "sha256").hexdigest()
    seconds = perf_counter() - start
    target.unlink()
    return seconds


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl uploads without reading it all")
def test_uploading_a_wheel_of_500_mib(server: Server, tmp_path: Path) -> None:
    noise = random.Random(0)
    times: dict[str, list[float]] = {"copy": [], "upload": []}
    before = 0.0
    for number in range(5):
        path = make_wheel(
            tmp_path, "large", f"{number + 1}.0", compression=zipfile.ZIP_STORED,
            files={f"large/lib{n}.so": noise.randbytes(63 * MEBIBYTE) for n in range(8)},
        )  # fmt: skip
        times["copy"].append(copied(path, tmp_path))
        before = before or peak(server)
        start = perf_counter()
        done = subprocess.run(
            ["curl", "-sS", "--fail-with-body", "-u", f"__token__:{server.token}", "-H", "Expect:",
             "-F", ":action=file_upload", "-F", f"content=@{path}", f"{server.url}/legacy/"],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        times["upload"].append(perf_counter() - start)
        assert done.returncode == 0, done.stdout + done.stderr
        path.unlink()
    for kind, chosen in (("best", min), ("median", median)):
        found = {name: chosen(values) for name, values in times.items()}
        said = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.items())
        speed = found["copy"] / found["upload"]
        print(f"\n{kind}: {said}: {speed:.0%} of the speed of copying and hashing")
    print(f"load {load()}")
    print(f"peak memory: {before:.0f} MiB before, {peak(server):.0f} MiB after")
