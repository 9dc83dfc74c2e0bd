"""What `trueup serve` does per second, and what large uploads and releases cost it."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, sleep

import httpx2
import pytest

from tests.build import make_wheel
from tests.serving import Server, serving

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

MEBIBYTE = 1024 * 1024
JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data", "--hosted-only", cwd=tmp_path) as found:
        yield found


def peak(server: Server) -> float:
    """The most memory that the server has held so far, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def requests_per_second(url: str, *headers: str) -> float:
    """By wrk: one thread, 16 connections, 8 seconds."""
    words = [word for header in headers for word in ("-H", header)]
    done = subprocess.run(
        ["wrk", "-t1", "-c16", "-d8s", *words, url], capture_output=True, text=True, check=True
    )
    assert "Non-2xx" not in done.stdout, done.stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found is not None
    return float(found[1])


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


BARE = """
import sys
from pathlib import Path
import uvicorn
body = Path(sys.argv[1]).read_bytes()
start = {"type": "http.response.start", "status": 200,
         "headers": [(b"content-length", str(len(body)).encode())]}
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send(start)
        await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False, lifespan="off")
"""
"""The same server without us: an application that knows one answer."""


@contextmanager
def bare(body: Path) -> Iterator[tuple[str, int]]:
    """Its address and process number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", BARE, body, str(port)])
    try:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(200):
            with suppress(httpx2.HTTPError):
                httpx2.get(url)
                break
            sleep(0.05)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def processor_seconds(pid: int) -> float:
    """What a process has used of a processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(name: str, pid: int, url: str, *headers: str) -> None:
    """Pages per second, and per second that the server had a processor."""
    before = processor_seconds(pid)
    speed = requests_per_second(url, *headers)
    used = processor_seconds(pid) - before
    print(f"{name}: {speed:,.0f} pages/s, {speed * 8 / used:,.0f} per processor second")


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk measures")
def test_pages_per_second(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--hosted-only", cwd=tmp_path) as server:
        publish_files(server, tmp_path / "dist", 148)
        for accept in (JSON, "text/html"):
            server.get("/simple/demo/", accept=accept)
    body = tmp_path / "page"
    with serving(data, "--hosted-only", cwd=tmp_path) as server:
        url = f"{server.url}/simple/demo/"
        with httpx2.Client(headers={"accept-encoding": "identity", "accept": JSON}) as client:
            client.get(f"{server.url}/health")
            for place in ("the database, after a restart", "memory"):
                start = perf_counter()
                page = client.get(url)
                print(f"\none page from {place}: {(perf_counter() - start) * 1000:.1f} ms")
        print(f"page: {len(page.content) / 1000:.0f} KB")
        body.write_bytes(page.content)
        with bare(body) as (other, pid):
            for _ in range(2):
                for coding in ("identity", "gzip"):
                    headers = (f"Accept: {JSON}", f"Accept-Encoding: {coding}")
                    report(coding, server.process.pid, url, *headers)
                report("bare uvicorn, identity", pid, other)
        print(f"peak memory: {peak(server):.0f} MiB")


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
    for number in range(3):
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
    best = {name: min(values) for name, values in times.items()}
    print("\n" + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in best.items()))
    print(f"speed: {best['copy'] / best['upload']:.0%} of copying and hashing")
    print(f"peak memory: {before:.0f} MiB before, {peak(server):.0f} MiB after")
