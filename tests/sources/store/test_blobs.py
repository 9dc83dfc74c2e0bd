"""Blobs by their digests: the same laws for a folder and for an object store over real HTTP."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stores import ObjectServer, object_server
from trueup.model.errors import NotFoundError
from trueup.sources.store.blobs import Blobs, ObjectBlobs, blob_file, open_blobs
from trueup.sources.store.failures import StoreError
from trueup.sources.store.scratch import open_scratch


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectServer]:
    with object_server() as found:
        yield found


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    if request.param == "folder":
        return open_blobs(str(tmp_path / "blobs"), tmp_path)
    server: ObjectServer = request.getfixturevalue("objects")
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    return open_blobs(f"s3://{server.bucket()}/some/prefix", tmp_path)


def put(blobs: Blobs, data: bytes) -> str:
    path = blobs.scratch / f"file-{hashlib.md5(data).hexdigest()}"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    blobs.put(digest, path)
    assert not path.exists(), "the file is taken over"
    return digest


def read(blobs: Blobs, digest: str, start: int, end: int) -> bytes:
    return b"".join(blobs.read(digest, start, end))


def test_what_is_put_is_there(blobs: Blobs) -> None:
    digest = put(blobs, b"0123456789")
    assert blobs.size(digest) == 10
    assert read(blobs, digest, 0, 10) == b"0123456789"
    assert read(blobs, digest, 3, 5) == b"34"
    assert list(blobs.all()) == [digest]
    file = blob_file(blobs, digest, 10)
    file.seek(-3, 2)
    assert (file.read(2), file.tell()) == (b"78", 9)


def test_what_nobody_put_for_a_while_can_be_dropped(blobs: Blobs) -> None:
    digest = put(blobs, b"0123456789")
    now = time.time()
    assert not blobs.drop(digest, before=now - 60)
    assert blobs.size(digest) == 10
    assert blobs.drop(digest, before=now + 60)
    assert blobs.size(digest) is None
    assert not blobs.drop(digest, before=now + 60)
    assert list(blobs.scratch.glob("drop-*")) == []


def test_what_is_put_again_counts_as_new(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path / "blobs"), tmp_path)
    path = blobs.path(put(blobs, b"x"))
    assert path is not None
    os.utime(path, (1, 1))
    put(blobs, b"x")
    assert path.stat().st_mtime > 1


def test_a_file_that_cannot_be_read_is_no_file_that_is_not_there(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path / "blobs"), tmp_path)
    path = blobs.path("0" * 64)
    assert path is not None
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        read(blobs, "0" * 64, 0, 1)
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be read: Not a directory"):
        blobs.size("0" * 64)


def test_what_is_not_there(blobs: Blobs) -> None:
    assert blobs.size("0" * 64) is None
    with pytest.raises(NotFoundError, match="is not kept"):
        read(blobs, "0" * 64, 0, 1)
    blobs.delete("0" * 64)
    digest = put(blobs, b"x")
    blobs.delete(digest)
    assert (blobs.size(digest), list(blobs.all())) == (None, [])


def test_the_same_again_also_at_the_same_time(blobs: Blobs) -> None:
    data = b"same" * 100_000
    paths = [blobs.scratch / str(number) for number in range(6)]
    for path in paths:
        path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda path: blobs.put(digest, path), paths))
    assert read(blobs, digest, 0, len(data)) == data
    assert not any(path.exists() for path in paths)


def test_more_than_one_part(blobs: Blobs) -> None:
    """Above the size from which an object store is given a file in parts."""
    data = b"".join(number.to_bytes(4, "big") for number in range(5_000_000))
    digest = put(blobs, data)
    assert blobs.size(digest) == len(data) == 20_000_000
    assert read(blobs, digest, 0, len(data)) == data
    assert read(blobs, digest, 9_999_998, 10_000_003) == data[9_999_998:10_000_003]


def test_a_damaged_blob_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path / "blobs"), tmp_path)
    digest = put(blobs, b"whole")
    next((tmp_path / "blobs").glob(f"*/*/{digest}")).write_bytes(b"ha")
    put(blobs, b"whole")
    assert read(blobs, digest, 0, 5) == b"whole"


def test_an_object_store_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ObjectServer("http://127.0.0.1:9").environ.items():
        monkeypatch.setenv(name, value)
    quick = {"max_retries": 0}
    blobs = ObjectBlobs("s3://none", tmp_path, retry_config=quick)
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be kept"):
        blobs.put("0" * 64, path)
    assert path.exists(), "what was not kept is still its owner's"
    with pytest.raises(StoreError, match="cannot be looked for"):
        blobs.size("0" * 64)
    with pytest.raises(StoreError, match="cannot be read"):
        read(blobs, "0" * 64, 0, 1)


def test_a_digest_is_never_a_path(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path / "blobs"), tmp_path)
    for name in ("../../etc/passwd", "A" * 64, "0" * 63):
        with pytest.raises(ValueError, match="is no sha256"):
            blobs.size(name)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        open_blobs(str(tmp_path / "file" / "blobs"), tmp_path)


def test_what_a_dead_process_left_is_taken_away_and_what_a_living_one_has_stays(
    tmp_path: Path,
) -> None:
    code = (
        "import os, sys; from pathlib import Path; "
        "from trueup.sources.store.scratch import open_scratch; "
        "folder = open_scratch(Path(sys.argv[1])); (folder / 'half').touch(); "
        "print(folder, flush=True); os._exit(9) if sys.argv[2] == 'die' else sys.stdin.read()"
    )

    def start(what: str) -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), what],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    dead, left = start("die")
    dead.communicate(timeout=20)
    assert (left / "half").exists()
    alive, used = start("live")
    own = open_scratch(tmp_path)
    assert not left.exists()
    assert (used / "half").exists()
    assert own.is_dir()
    alive.communicate("", timeout=20)
    assert not used.exists(), "a process that ends takes its folder away"
