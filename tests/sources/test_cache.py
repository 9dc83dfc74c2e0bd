from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from trueup.model.errors import SourceError
from trueup.model.watcher import Watcher
from trueup.sources.cache import Cache, Kind, MemoryCache, SqliteCache, cache_folder, open_cache


class Notes(Watcher):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(params=["sqlite", "memory"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    cache: Cache = SqliteCache(tmp_path) if request.param == "sqlite" else MemoryCache()
    yield cache
    cache.close()


def test_what_was_put_is_there(cache: Cache) -> None:
    assert cache.get(Kind.PAGE, "a") is None
    for value in (b"", b"short", os.urandom(20_000), b"x" * 1_000_000):
        cache.put(Kind.PAGE, "a", value)
        assert cache.get(Kind.PAGE, "a") == value
    assert cache.get(Kind.READING, "a") is None
    assert cache.size() > 0
    assert cache.clear() == 1
    assert cache.get(Kind.PAGE, "a") is None


def test_it_outlives_the_process(tmp_path: Path) -> None:
    first = SqliteCache(tmp_path / "new" / "folder")
    first.put(Kind.PAGE, "a", b"b")
    first.close()
    second = SqliteCache(tmp_path / "new" / "folder")
    assert second.get(Kind.PAGE, "a") == b"b"
    second.close()


def test_large_texts_take_little(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path)
    cache.put(Kind.PAGE, "a", b"<a href=demo-1.0.tar.gz>" * 200_000)
    cache.close()
    assert cache.size() < 200_000


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, kind: str) -> None:
    now = [0.0]
    cache: Cache
    if kind == "sqlite":
        cache = SqliteCache(tmp_path, max_bytes=100_000, now=lambda: now[0])
    else:
        cache = MemoryCache(max_bytes=100_000)
    for number in range(40):
        now[0] += 10_000
        cache.put(Kind.PAGE, str(number), os.urandom(10_000))
        assert cache.get(Kind.PAGE, "0") is not None, "it is used all the time"
    assert cache.get(Kind.PAGE, "39") is not None
    assert cache.get(Kind.PAGE, "1") is None
    cache.close()
    if kind == "sqlite":
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 250_000


def test_one_value_may_not_push_out_all_others(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path, max_bytes=10_000)
    cache.put(Kind.PAGE, "a", b"a")
    cache.put(Kind.PAGE, "b", os.urandom(5_000))
    assert cache.get(Kind.PAGE, "b") is None
    assert cache.get(Kind.PAGE, "a") == b"a"
    cache.close()


def test_metadata_is_compared_with_its_hash(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path)
    digest = hashlib.sha256(b"good").hexdigest()
    cache.put(Kind.METADATA, digest, b"evil")
    assert cache.get(Kind.METADATA, digest) is None
    cache.put(Kind.METADATA, digest, b"good")
    assert cache.get(Kind.METADATA, digest) == b"good"
    cache.close()


def test_a_damaged_entry_is_forgotten(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path)
    cache.put(Kind.PAGE, "a", b"x" * 10_000)
    assert cache.path is not None
    with sqlite3.connect(cache.path) as other:
        other.execute("UPDATE entry SET value = 'znonsense'")
        other.execute("UPDATE entry SET value = CAST(value AS BLOB)")
    other.close()
    assert cache.get(Kind.PAGE, "a") is None
    assert cache.clear() == 0
    cache.close()


@pytest.mark.parametrize(
    "damage", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 9000]
)
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    notes = Notes()
    path = tmp_path / "trueup-1.sqlite3"
    path.write_bytes(damage)
    cache = SqliteCache(tmp_path, watcher=notes)
    cache.put(Kind.PAGE, "a", b"b")
    assert cache.get(Kind.PAGE, "a") == b"b"
    cache.close()
    assert (tmp_path / "trueup-1.sqlite3.broken").read_bytes() == damage
    assert notes.notes == [
        f"the cache `{path}` is damaged (file is not a database): set aside as "
        "`trueup-1.sqlite3.broken`, a new one is begun"
    ]


def test_a_file_damaged_while_it_is_open(tmp_path: Path) -> None:
    notes = Notes()
    cache = SqliteCache(tmp_path, watcher=notes)
    for number in range(200):
        cache.put(Kind.PAGE, str(number), os.urandom(3_000))
    cache.close()
    path = tmp_path / "trueup-1.sqlite3"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 400_000)
    cache = SqliteCache(tmp_path, watcher=notes)
    for number in range(200):
        cache.get(Kind.PAGE, str(number))
    cache.put(Kind.PAGE, "a", b"b")
    assert cache.get(Kind.PAGE, "a") == b"b"
    cache.close()
    assert len(notes.notes) == 1
    assert "is damaged" in notes.notes[0]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    notes = Notes()
    (tmp_path / "file").write_text("")
    cache = SqliteCache(tmp_path / "file", watcher=notes)
    cache.put(Kind.PAGE, "a", b"b")
    assert cache.get(Kind.PAGE, "a") is None
    assert cache.clear() == 0
    assert cache.size() == 0
    assert notes.notes == [
        f"working without the cache `{tmp_path / 'file' / 'trueup-1.sqlite3'}`: File exists"
    ]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    notes = Notes()
    path = tmp_path / "trueup-1.sqlite3"
    path.mkdir()
    cache = SqliteCache(tmp_path, watcher=notes)
    cache.put(Kind.PAGE, "a", b"b")
    assert cache.get(Kind.PAGE, "a") is None
    assert notes.notes == [f"working without the cache `{path}`: unable to open database file"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_read_only_folder() -> None:
    """In a process of its own, which gives up the rights of root where it has them."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from trueup.model.watcher import Watcher\n"
        "from trueup.sources.cache import *\n"
        "class Notes(Watcher):\n"
        "    def note(self, text): print(text)\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "cache = SqliteCache(Path(sys.argv[1]), watcher=Notes())\n"
        "cache.put(Kind.PAGE, 'a', b'b'); print(cache.get(Kind.PAGE, 'a'))\n"
    )
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        run = subprocess.run(
            [sys.executable, "-c", script, folder], capture_output=True, text=True, check=False
        )
        Path(folder).chmod(0o755)
    assert run.stdout.splitlines() == [
        f"working without the cache `{folder}/trueup-1.sqlite3`: unable to open database file",
        "None",
    ], run.stderr


def test_several_processes_at_once(tmp_path: Path) -> None:
    script = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "from trueup.sources.cache import *\n"
        "c = SqliteCache(Path(sys.argv[1]), max_bytes=300_000)\n"
        "for n in range(100):\n"
        "    value = os.urandom(5000)\n"
        "    c.put(Kind.PAGE, f'{sys.argv[2]}-{n}', value)\n"
        "    c.get(Kind.PAGE, f'0-{n}')\n"
        "    assert c.get(Kind.PAGE, f'{sys.argv[2]}-{n}') in (value, None)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(number)])
        for number in range(4)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    cache = SqliteCache(tmp_path)
    assert cache.clear() > 20
    cache.close()


def test_several_threads_at_once(cache: Cache) -> None:
    failures: list[str] = []

    def work(name: int) -> None:
        for number in range(50):
            cache.put(Kind.PAGE, f"{name}-{number}", f"{name}".encode() * 10)
            if cache.get(Kind.PAGE, f"{name}-{number}") != f"{name}".encode() * 10:
                failures.append(f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert cache.clear() == 400


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"TRUEUP_CACHE_DIR": "/x", "HOME": "/h"}, "linux", "/x"),
        ({"HOME": "/h"}, "linux", "/h/.cache/trueup"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "linux", "/c/trueup"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "c"}, "linux", "/h/.cache/trueup"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Caches/trueup"),
        ({"USERPROFILE": "/h", "LOCALAPPDATA": "/l"}, "win32", "/l/trueup/Cache"),
    ],
)
def test_where_it_is(environ: dict[str, str], platform: str, expected: str) -> None:
    assert cache_folder(environ, platform=platform) == Path(expected)


def test_nowhere() -> None:
    with pytest.raises(SourceError) as caught:
        cache_folder({})
    assert str(caught.value) == "there is no folder for the cache"
    assert caught.value.hint == "set `TRUEUP_CACHE_DIR`, or use `--no-cache`"


def test_the_users_cache(tmp_path: Path) -> None:
    cache = open_cache({"TRUEUP_CACHE_DIR": str(tmp_path)})
    assert cache.path == tmp_path / "trueup-1.sqlite3"
    cache.close()
    assert MemoryCache().path is None
