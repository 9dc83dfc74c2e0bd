"""What was read once and cannot change is kept: one SQLite file in the user's cache folder.

Losing the cache never loses an answer: whatever goes wrong with it is told to the watcher, and the
work goes on without.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import sys
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from trueup.model.errors import SourceError
from trueup.model.watcher import Watcher

__all__ = ["MAX_BYTES", "Cache", "Kind", "MemoryCache", "SqliteCache", "cache_folder", "open_cache"]

T = TypeVar("T")

MAX_BYTES = 512 * 1024 * 1024
_FILE = "trueup-1.sqlite3"  # the number is the layout's: an older trueup keeps its own file
_USED_STEP = 3_600_000  # milliseconds: a finer record of use would write on every read
_LARGE = 4096  # bytes: below this compression saves nothing
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, size INTEGER NOT NULL,
    used INTEGER NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_used ON entry (used, kind, key, size);
"""


class Kind(StrEnum):
    """What is kept, and by which key."""

    METADATA = "metadata"
    """The bytes of a metadata file, by their own sha256; compared when they are taken out."""
    READING = "reading"
    """What was read of an archive, by its address and the sha256 that its listing gives."""
    PAGE = "page"
    """An index page with its validators, by its address."""
    REPOSITORY = "repository"
    """The project files of a commit, by the address of the repository and the commit."""
    LOCK = "lock"
    """What a lock that was resolved again came from, by its text and all that was asked for."""


class Cache(Protocol):
    """A store of bytes that may forget anything at any time; safe to use from several threads."""

    @property
    def path(self) -> Path | None:
        """The file, or None for one in memory."""
        ...

    def get(self, kind: Kind, key: str) -> bytes | None: ...

    def put(self, kind: Kind, key: str, value: bytes) -> None: ...

    def size(self) -> int:
        """What it takes, in bytes."""
        ...

    def clear(self) -> int:
        """Forget everything; returns how many entries there were."""
        ...

    def close(self) -> None: ...


class MemoryCache:
    """A cache that ends with the process, for `--no-cache`; it, too, is bounded."""

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max = max_bytes
        self._size = 0
        self._entries: OrderedDict[tuple[Kind, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def path(self) -> Path | None:
        return None

    def get(self, kind: Kind, key: str) -> bytes | None:
        with self._lock:
            value = self._entries.get((kind, key))
            if value is not None:
                self._entries.move_to_end((kind, key))
            return value

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        with self._lock:
            self._size += len(value) - len(self._entries.pop((kind, key), b""))
            self._entries[kind, key] = value
            while self._size > self._max:
                _, dropped = self._entries.popitem(last=False)
                self._size -= len(dropped)

    def size(self) -> int:
        return self._size

    def clear(self) -> int:
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            self._size = 0
            return count

    def close(self) -> None:
        """Nothing to close."""


class SqliteCache:
    """A cache in one SQLite file, safe for several threads and several processes at once.

    At most ``max_bytes`` of values are kept; the ones not used for longest go first. A damaged file
    is renamed to `….broken` and a new one begun; a folder that cannot be written leaves a cache
    that keeps nothing. ``now`` is the time in seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = MAX_BYTES,
        watcher: Watcher | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = folder / _FILE
        self._max = max_bytes
        self._watcher = watcher or Watcher()
        self._now = now
        self._lock = threading.RLock()
        self._known = 0
        self._unseen = 0
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._recover(error)

    @property
    def path(self) -> Path | None:
        return self._path

    def get(self, kind: Kind, key: str) -> bytes | None:
        packed = self._run(lambda connection: self._get(connection, kind, key), None)
        if packed is None:
            return None
        value = _unpacked(packed)  # here, where it keeps no other thread waiting
        if value is not None and _sound(kind, key, value):
            return value
        self._run(lambda connection: self._forget(connection, kind, key), None)
        return None

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        packed = _packed(value)
        if len(packed) <= self._max // 4:
            self._run(lambda connection: self._put(connection, kind, key, packed), None)

    def size(self) -> int:
        files = (self._path, *(self._path.with_name(_FILE + end) for end in ("-wal", "-shm")))
        return sum(file.stat().st_size for file in files if file.is_file())

    def clear(self) -> int:
        return self._run(self._clear, 0)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection = _connect(self._path)
        self._known = _sum(self._connection)

    def _get(self, connection: sqlite3.Connection, kind: Kind, key: str) -> bytes | None:
        row = connection.execute(
            "SELECT value, used FROM entry WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        if row is None:
            return None
        packed: bytes = row[0]
        if self._moment() - row[1] > _USED_STEP:
            connection.execute(
                "UPDATE entry SET used = ? WHERE kind = ? AND key = ?",
                (self._moment(), kind, key),
            )
        return packed

    def _forget(self, connection: sqlite3.Connection, kind: Kind, key: str) -> None:
        connection.execute("DELETE FROM entry WHERE kind = ? AND key = ?", (kind, key))

    def _put(self, connection: sqlite3.Connection, kind: Kind, key: str, packed: bytes) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)",
            (kind, key, packed, len(packed), self._moment()),
        )
        self._unseen += len(packed)
        # Other processes write too, so the sum is asked for again now and then.
        if self._known + self._unseen > self._max or self._unseen > self._max // 16:
            self._evict(connection)

    def _clear(self, connection: sqlite3.Connection) -> int:
        count = connection.execute("DELETE FROM entry").rowcount
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._known = self._unseen = 0
        return count

    def _moment(self) -> int:
        """Now, in milliseconds, as it is stored."""
        return int(self._now() * 1000)

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Drop what was not used for longest, until a tenth is free."""
        self._known, self._unseen = _sum(connection), 0
        if self._known <= self._max:
            return
        goal, doomed = self._known - self._max * 9 // 10, []
        rows = connection.execute("SELECT kind, key, size FROM entry ORDER BY used")
        for kind, key, size in rows:
            if goal <= 0:
                break
            doomed.append((kind, key))
            goal -= size
        rows.close()
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM entry WHERE kind = ? AND key = ?", doomed)
        # The pragma frees one page per row that is fetched.
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        self._known = _sum(connection)

    def _run(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Nothing that happens to the cache stops the work that uses it."""
        with self._lock:
            if self._connection is None:
                return otherwise
            try:
                return action(self._connection)
            except (sqlite3.Error, OSError) as error:
                self._recover(error)
                return otherwise

    def _recover(self, error: sqlite3.Error | OSError) -> None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            self._set_aside(error)
        elif code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        self._watcher.note(f"working without the cache `{self._path}`: {reason}")
        self.close()

    def _set_aside(self, error: Exception) -> None:
        self.close()
        try:
            with contextlib.suppress(sqlite3.Error), closing(_connect(self._path)) as again:
                # Another process may have put things right meanwhile.
                if again.execute("PRAGMA quick_check").fetchone()[0] == "ok":
                    self._open()
                    return
            broken = self._path.with_name(_FILE + ".broken")
            self._path.replace(broken)
            for end in ("-wal", "-shm"):
                self._path.with_name(_FILE + end).unlink(missing_ok=True)
            self._watcher.note(
                f"the cache `{self._path}` is damaged ({error}): set aside as "
                f"`{broken.name}`, a new one is begun"
            )
            self._open()
        except (OSError, sqlite3.Error) as second:
            self._give_up(second)


def open_cache(
    environ: Mapping[str, str], *, watcher: Watcher | None = None, max_bytes: int = MAX_BYTES
) -> Cache:
    """The user's cache, where :func:`cache_folder` says."""
    return SqliteCache(cache_folder(environ), watcher=watcher, max_bytes=max_bytes)


def cache_folder(environ: Mapping[str, str], *, platform: str = sys.platform) -> Path:
    """The folder of trueup's cache: ``TRUEUP_CACHE_DIR``, else what the system has for caches.

    Raises SourceError if there is neither a setting nor a home folder.
    """
    if environ.get("TRUEUP_CACHE_DIR"):
        return Path(environ["TRUEUP_CACHE_DIR"])
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "trueup" / "Cache"
    # XDG Base Directory: a relative path in the variable is to be ignored.
    if platform not in ("win32", "darwin") and environ.get("XDG_CACHE_HOME", "").startswith("/"):
        return Path(environ["XDG_CACHE_HOME"]) / "trueup"
    if not home:
        raise SourceError(
            "there is no folder for the cache", hint="set `TRUEUP_CACHE_DIR`, or use `--no-cache`"
        )
    return Path(home) / ("Library/Caches" if platform == "darwin" else ".cache") / "trueup"


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        for pragma in (
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"journal_size_limit = {8 * 1024 * 1024}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _sum(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(size), 0) FROM entry").fetchone()
    return int(row[0])


def _packed(value: bytes) -> bytes:
    if len(value) < _LARGE:
        return b"=" + value
    return b"z" + zlib.compress(value, 1)


def _unpacked(packed: bytes) -> bytes | None:
    if packed[:1] == b"=":
        return packed[1:]
    try:
        return zlib.decompress(packed[1:])
    except zlib.error:
        return None


def _sound(kind: Kind, key: str, value: bytes) -> bool:
    return kind is not Kind.METADATA or hashlib.sha256(value).hexdigest() == key
