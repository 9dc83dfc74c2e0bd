"""What `trueup serve` keeps when it is killed, when its disk is full, when what it needs is away."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from tests.build import make_wheel
from tests.forwarding import Line
from tests.serveplaces import JSON, ServePlace, digest, files_of, start
from tests.serving import Server
from tests.stores import ObjectServer, Postgres, postgres, postgres_bin
from tests.waiting import until

KILLS = int(os.environ.get("TRUEUP_KILLS", "6"))
"""How often a server is killed, over all stores; `just soak` asks for more."""

SEED = int(os.environ.get("TRUEUP_SEED", "1"))
NO_POSTGRES = pytest.mark.skipif(postgres_bin() is None, reason="PostgreSQL is not installed")


# --- the same on every store ------------------------------------------------------------------------


def test_an_index_does_the_same_on_every_store(place: ServePlace, tmp_path: Path) -> None:
    large = make_wheel(
        tmp_path,
        "large",
        "1.0",
        files={"large/data.bin": random.Random(SEED).randbytes(20_000_000)},
    )
    tags = ("py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64")
    pair = [
        make_wheel(tmp_path, "demo", "1.0", tags=tag, requires=[f"r{number}"])
        for number, tag in enumerate(tags)
    ]
    with start(place, "--hosted-only", "--policy", "warn") as server:
        assert server.upload(large).status_code == 200
        assert server.upload(large).status_code == 409
        assert server.post("/api/large/1.0/publish").status_code == 200
        url = f"/files/{digest(large)}/{large.name}"
        assert server.get(url).content == large.read_bytes()
        part = server.get(url, range="bytes=9999990-10000009")
        assert (part.status_code, part.content) == (206, large.read_bytes()[9999990:10000010])
        for path in pair:
            assert server.upload(path).status_code == 200
            assert files_of(server, "demo") == {}
        assert server.post("/api/demo/1.0/publish").status_code == 200
        assert files_of(server, "demo") == {path.name: digest(path) for path in pair}
        page = server.get("/corrected/simple/demo/", accept=JSON).json()["files"]
        assert len(page) == 4
        for file in page:
            content = server.get(file["url"]).content
            assert hashlib.sha256(content).hexdigest() == file["hashes"]["sha256"]
        more = make_wheel(tmp_path, "demo", "1.0", tags="py3-none-any", requires=["r0"])
        warned = server.upload(more)
        assert warned.status_code == 200, "this policy takes what contradicts, and says so"
        assert warned.json()["findings"]
        assert len(files_of(server, "demo")) == 3
        assert server.post(f"/api/demo/yank/{pair[0].name}?reason=bad").status_code == 200
        assert 'data-yanked="bad"' in server.get("/simple/demo/").text
        assert server.post("/api/demo/1.0/delete").status_code == 200
        assert files_of(server, "demo") == {}
    assert (
        place.fsck() == "0 files lost, 0 blobs that nothing needs" or "0 files lost" in place.fsck()
    )


# --- killed -----------------------------------------------------------------------------------------


class Uploads:
    """Uploaders that go on until the index is away, and remember what it acknowledged."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._folder = folder
        self._chance = chance
        self._lock = threading.Lock()
        self._count = 0
        self.releases: dict[str, list[Path]] = {}
        self.taken: set[Path] = set()
        self.published: set[str] = set()

    def _next(self) -> tuple[str, list[Path]]:
        with self._lock:
            self._count += 1
            name = f"r{self._count}"
            payload = self._chance.randbytes(self._chance.choice([10, 300_000, 2_000_000]))
            self.releases[name] = [
                make_wheel(self._folder, name, "1.0", tags=tag, files={f"{name}/x": payload})
                for tag in ("py3-none-any", "py3-none-win_amd64")
            ]
            return name, self.releases[name]

    def run(self, server: Server) -> None:
        """Until a request fails; the moment of that is not ours to choose."""
        while True:
            name, paths = self._next()
            try:
                for path in paths:
                    answer = server.upload(path)
                    assert answer.status_code == 200, answer.text
                    self.taken.add(path)
                answer = server.post(f"/api/{name}/1.0/publish")
                assert answer.status_code == 200, answer.text
                self.published.add(name)
                assert len(files_of(server, name)) == 2
            except httpx2.HTTPError:
                return

    def watch(self, server: Server) -> None:
        """Read pages all the while: nothing, or everything."""
        while True:
            for name in list(self.releases)[-2:]:
                try:
                    assert len(files_of(server, name)) in (0, 2)
                except httpx2.HTTPError:
                    return

    def check(self, server: Server) -> None:
        """What was acknowledged is there, and no release in part."""
        for name, paths in self.releases.items():
            shown = files_of(server, name)
            assert shown in ({}, {path.name: digest(path) for path in paths})
            if name in self.published:
                assert shown
            taken = [path for path in paths if path in self.taken]
            if taken:
                kept = {f["filename"]: f["sha256"] for f in server.release(name, "1.0")["files"]}
                assert {path.name: digest(path) for path in taken}.items() <= kept.items()

    def finish(self, server: Server) -> None:
        """What was cut off can be done again."""
        for name, paths in self.releases.items():
            if name not in self.published:
                for path in paths:
                    assert server.upload(path).status_code in (200, 409)
                assert server.post(f"/api/{name}/1.0/publish").status_code == 200
                self.taken |= set(paths)
                self.published.add(name)


def test_killed_at_any_moment_it_loses_nothing_and_shows_nothing_half(
    place: ServePlace, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    (tmp_path / "dist").mkdir()
    uploads, token = Uploads(tmp_path / "dist", chance), None
    for _ in range(-(-KILLS * (3 if place.store else 5) // 8)):
        with start(place, "--hosted-only", token=token) as server:
            token = server.token
            uploads.check(server)
            assert place.unfinished() == []
            uploads.finish(server)
            with ThreadPoolExecutor(3) as pool:
                running = [pool.submit(uploads.run, server) for _ in range(2)]
                running.append(pool.submit(uploads.watch, server))
                time.sleep(chance.uniform(0.1, 1.2))
                server.process.kill()
                for one in running:
                    one.result(timeout=30)
        assert place.lost() == ()
    with start(place, "--hosted-only", token=token) as server:
        uploads.check(server)
        uploads.finish(server)
        for name, paths in uploads.releases.items():
            assert files_of(server, name) == {path.name: digest(path) for path in paths}
            for path in paths:
                assert server.get(f"/files/{digest(path)}/{path.name}").content == path.read_bytes()
    assert place.fsck() == "0 files lost, 0 blobs that nothing needs"


# --- the database is away ---------------------------------------------------------------------------


@NO_POSTGRES
def test_a_database_that_starts_anew_under_load(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    with postgres() as database:
        place = ServePlace(data=tmp_path / "data", store=("--database", database.new()))
        with start(place, "--hosted-only") as server:
            stop = threading.Event()
            seen: set[tuple[int, str]] = set()
            taken: list[tuple[str, Path]] = []

            def upload(part: int) -> None:
                number = 0
                while not stop.is_set():
                    number += 1
                    name = f"p{part}n{number}"
                    path = make_wheel(tmp_path / "dist", name, "1.0")
                    answer = server.upload(path)
                    seen.add((answer.status_code, answer.reason_phrase))
                    if answer.status_code == 200:
                        taken.append((name, path))

            with ThreadPoolExecutor(2) as pool:
                running = [pool.submit(upload, part) for part in range(2)]
                until(lambda: len(taken) > 3)
                database.stop()
                until(lambda: any(status == 503 for status, _ in seen))
                answer = server.get("/health")
                assert answer.status_code == 503
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["title"] == "the store does not answer"
                before = len(taken)
                database.start()
                until(lambda: len(taken) > before + 3)
                stop.set()
                for one in running:
                    one.result(timeout=30)
            assert seen == {(200, "OK"), (503, "the database does not answer")}
            for name, path in taken:
                assert server.release(name, "1.0")["files"][0]["sha256"] == digest(path)
            assert place.unfinished() == []
        assert place.fsck().startswith("0 files lost")


# --- the disk is full -------------------------------------------------------------------------------


def test_a_file_that_the_disk_does_not_take(place: ServePlace, tmp_path: Path) -> None:
    """The system refuses to let files grow above a limit, as a quota does."""
    wheel = make_wheel(
        tmp_path, "demo", "1.0", files={"demo/x": random.Random(SEED).randbytes(6_000_000)}
    )
    with start(place, "--hosted-only") as server:
        limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (5_000_000, limits[1]))
        answer = server.upload(wheel)
        assert answer.status_code == 507
        assert answer.json()["title"] == "the store is full"
        assert answer.reason_phrase.startswith(f"`{wheel.name}` cannot be kept: File too large")
        assert place.unfinished() == []
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
        assert server.upload(wheel).status_code == 200
        assert server.post("/api/demo/1.0/publish").status_code == 200
    assert place.fsck() == "0 files lost, 0 blobs that nothing needs"


def fill(path: Path) -> None:
    """Until nothing more can be written."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_any_space(small_disk: Path, place: ServePlace, tmp_path: Path) -> None:
    place = replace(place, data=small_disk / "data")
    far = bool(place.store)
    first = make_wheel(tmp_path, "first", "1.0")
    second = make_wheel(tmp_path, "second", "1.0", files={"second/x": os.urandom(1_000_000)})
    with start(place, "--hosted-only") as server:
        server.upload(first)
        server.post("/api/first/1.0/publish")
        fill(small_disk / "rest")
        for _ in range(3):
            answer = server.upload(second)
            assert answer.status_code in (503, 507)
            assert answer.headers["content-type"] == "application/problem+json"
        assert files_of(server, "first") == {first.name: digest(first)}, "reading goes on"
        assert server.get("/simple/first/").status_code == 200
        # A database elsewhere needs no space here.
        assert server.post("/api/first/1.0/delete").status_code == (200 if far else 503)
        assert files_of(server, "first") == ({} if far else {first.name: digest(first)})
        assert place.unfinished() == []
        (small_disk / "rest").unlink()
        assert server.upload(second).status_code == 200
        assert server.post("/api/second/1.0/publish").status_code == 200
    assert place.fsck() == f"0 files lost, {1 if far else 0} blobs that nothing needs"


# --- the blobs are away -----------------------------------------------------------------------------


@NO_POSTGRES
def test_an_object_store_that_is_away_for_a_while(
    database: Postgres, objects: ObjectServer, tmp_path: Path
) -> None:
    first = make_wheel(tmp_path, "first", "1.0")
    with Line(int(objects.url.rpartition(":")[2])) as line:
        environ = objects.environ | {
            "AWS_ENDPOINT": f"http://127.0.0.1:{line.port}", "AWS_TIMEOUT": "1s",
        }  # fmt: skip
        store = ("--database", database.new(), "--blobs", f"s3://{objects.bucket()}/files")
        place = ServePlace(data=tmp_path / "data", store=store, environ=environ)
        with start(place, "--hosted-only") as server:
            assert server.upload(first).status_code == 200
            assert server.post("/api/first/1.0/publish").status_code == 200
            url = f"/files/{digest(first)}/{first.name}"
            for name, trouble in {"cut": line.cut, "silent": line.silence}.items():
                other = make_wheel(tmp_path, name, "1.0")
                assert server.get(url).content == first.read_bytes()
                trouble()
                with ThreadPoolExecutor(2) as pool:
                    answers = [pool.submit(server.upload, other), pool.submit(server.get, url)]
                    assert files_of(server, "first") == {first.name: digest(first)}, "pages go on"
                    for answer in (one.result(timeout=60) for one in answers):
                        assert answer.status_code == 503
                        assert answer.json()["title"] == "the store does not answer"
                        assert "\n" not in answer.json()["detail"]
                line.mend()
                assert server.release(name, "1.0").get("files", []) == []
                assert server.upload(other).status_code == 200
                assert server.post(f"/api/{name}/1.0/publish").status_code == 200
            assert place.unfinished() == []
        assert place.fsck() == "0 files lost, 0 blobs that nothing needs"


# --- somebody else has the database -----------------------------------------------------------------


def test_a_database_that_another_program_writes_to(tmp_path: Path) -> None:
    place = ServePlace(data=tmp_path / "data")
    first, second = (make_wheel(tmp_path, name, "1.0") for name in ("first", "second"))
    with start(place, "--hosted-only") as server, ThreadPoolExecutor(1) as pool:
        assert server.upload(first).status_code == 200
        assert server.post("/api/first/1.0/publish").status_code == 200
        other = sqlite3.connect(place.data / "index.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        upload = pool.submit(server.upload, second)
        for accept in (JSON, "text/html"):
            page = server.get("/simple/first/", accept=accept)
            assert (page.status_code, first.name in page.text) == (200, True), "reading goes on"
        time.sleep(0.5)
        assert not upload.done()
        other.execute("ROLLBACK")
        other.close()
        assert upload.result(timeout=30).status_code == 200
