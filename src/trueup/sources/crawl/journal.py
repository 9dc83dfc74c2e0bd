"""What a crawl has done, so that one that was killed at any moment goes on: nothing lost, nothing twice.

A project is settled in one transaction with all its rows, which replace those it had. Rows wait here
until they are part of the dataset; what is known of projects stays for the next crawl.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec
from packaging.utils import canonicalize_name

from trueup.model.errors import SourceError, UsageError
from trueup.sources.crawl.records import Known, Outcome, Settled, Tally
from trueup.sources.crawl.texts import Text

__all__ = ["Journal"]

_FORMAT = "1"
_MOMENT = "%Y%m%dT%H%M%S"
_PAGES = 8192
"""Pages of 4 KiB that are written anew before they are brought to their place."""
_TOGETHER = 64
"""Projects that are written in one transaction."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- wanted, done: the last crawl that was to read a project, and the last that did; listed: the serial
-- number that the index's list gave; serial, etag, manner: what it was last read at, and how.
CREATE TABLE IF NOT EXISTS project (
    name TEXT PRIMARY KEY, wanted INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    listed INTEGER, versions TEXT, serial INTEGER, etag TEXT, manner TEXT, outcome TEXT, problem TEXT
) WITHOUT ROWID;
-- Rows that are not yet in the dataset; part: the import they are about to be part of.
CREATE TABLE IF NOT EXISTS waiting (name TEXT PRIMARY KEY, part TEXT, rows BLOB NOT NULL);
-- Metadata that was read, by its sha256 or by that of its archive: it cannot change.
CREATE TABLE IF NOT EXISTS text (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


_ENCODER = msgspec.msgpack.Encoder()
_TEXT = msgspec.msgpack.Decoder(Text)


class Journal:
    """A journal in a file, for one process at a time; close it after use.

    ``manner`` says how projects are read: what was read in another way is read again; ``kind`` ends
    the names of imports. Raises
    UsageError for a journal that another crawl has open, SourceError for one that cannot be used.
    """

    def __init__(self, path: Path, *, manner: str = "", kind: str = "crawl") -> None:
        self.path, self._kind = path, kind
        self._manner = manner
        self._pending: list[Settled] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path.with_name(f"{path.name}-lock"))
            self._connection = sqlite3.connect(path, isolation_level=None)
            with self._told():
                for pragma in (
                    "journal_mode = WAL",
                    "synchronous = NORMAL",
                    f"wal_autocheckpoint = {_PAGES}",
                ):
                    self._connection.execute(f"PRAGMA {pragma}").fetchall()
                self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from error
        if self._about("format", _FORMAT) != _FORMAT:
            raise SourceError("was written by another version of trueup", place=(str(path),))
        self.has_texts = bool(self._one("SELECT EXISTS (SELECT 1 FROM text)"))

    def close(self) -> None:
        """Close it; another process may open it then."""
        self._connection.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- crawls -----------------------------------------------------------------------------------

    def begin(self, request: str) -> bool:
        """Go on with the last crawl if it asked for the same and is not finished; else a new one.

        Returns whether it goes on with a list of projects that was read to its end.
        """
        with self._told(), self._change():
            if self._about("request") == request and self._about("state") != "finished":
                return self._about("state") == "listed"
            number = self.number + 1
            for key, value in (("crawl", str(number)), ("request", request), ("state", "begun")):
                self._set(key, value)
        return False

    @property
    def number(self) -> int:
        """The number of the crawl; the first is 1."""
        return int(self._about("crawl") or 0)

    def want(self, names: Iterable[tuple[str, int | None]]) -> None:
        """Add projects of the index's list, with their serial numbers."""
        self._want((name, serial, None) for name, serial in names)

    def want_versions(self, names: Iterable[tuple[str, tuple[str, ...] | None]]) -> None:
        """Add named projects, of which some versions are wanted, or all (None)."""
        self._want(
            (name, None, None if versions is None else json.dumps(versions))
            for name, versions in names
        )

    def _want(self, entries: Iterable[tuple[str, int | None, str | None]]) -> None:
        number = self.number
        with self._told(), self._change() as connection:
            connection.executemany(
                "INSERT INTO project (name, wanted, listed, versions) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET "
                "wanted = excluded.wanted, listed = excluded.listed, versions = excluded.versions",
                ((name, number, listed, versions) for name, listed, versions in entries),
            )

    def listed(self) -> int:
        """All projects are known; those that have not changed are done. Returns how many these are."""
        with self._told(), self._change() as connection:
            done = connection.execute(
                "UPDATE project SET done = wanted, outcome = ? WHERE wanted = ? AND done < wanted "
                "AND serial = listed AND manner = ? AND versions IS NULL",
                (Outcome.SAME, self.number, self._manner),
            )
            self._set("state", "listed")
        return done.rowcount

    def finish(self) -> None:
        """The crawl is over: the next one begins anew."""
        with self._told(), self._change():
            self._set("state", "finished")

    def todo(self, after: str, count: int) -> list[Known]:
        """The next projects that are to be read, by name."""
        rows = self._connection.execute(
            "SELECT name, listed, versions, CASE WHEN manner = ? AND versions IS NULL THEN etag END "
            "FROM project WHERE wanted = ? AND done < wanted AND name > ? ORDER BY name LIMIT ?",
            (self._manner, self.number, after, count),
        )
        return [
            Known(
                name=canonicalize_name(name),
                listed=listed,
                versions=None if versions is None else tuple(json.loads(versions)),
                etag=etag,
            )
            for name, listed, versions, etag in rows
        ]

    def tally(self) -> Tally:
        """The crawl so far."""
        self.flush()
        found = dict(
            self._connection.execute(
                "SELECT CASE WHEN done < wanted THEN '' ELSE outcome END, count(*) "
                "FROM project WHERE wanted = ? GROUP BY 1",
                (self.number,),
            ).fetchall()
        )
        return Tally(
            wanted=sum(found.values()),
            left=found.get("", 0),
            read=found.get(Outcome.READ, 0),
            same=found.get(Outcome.SAME, 0),
            gone=found.get(Outcome.GONE, 0),
            unread=found.get(Outcome.UNREAD, 0),
        )

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """Project, outcome and problem of those that gave any in this crawl, by name.

        What has not changed was named when it was read.
        """
        self.flush()
        yield from self._connection.execute(
            "SELECT name, outcome, problem FROM project WHERE wanted = ? AND done = wanted "
            "AND problem IS NOT NULL AND outcome <> ? ORDER BY name",
            (self.number, Outcome.SAME),
        )

    # --- projects ---------------------------------------------------------------------------------

    def settle(self, settled: Settled) -> None:
        """A project is done; written with the next ones, all of it or nothing."""
        self._pending.append(settled)
        if len(self._pending) >= _TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what was settled."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        with self._told(), self._change() as connection:
            connection.executemany(
                "UPDATE project SET done = wanted, outcome = ?, problem = ?, "
                # Some versions are not the project: all of them are read when they are wanted.
                "manner = CASE WHEN versions IS NULL THEN ? END, "
                "serial = CASE WHEN ? THEN listed END, "
                "etag = CASE WHEN ? THEN coalesce(?, CASE WHEN ? THEN etag END) END WHERE name = ?",
                [
                    (one.outcome, one.problem, self._manner,
                     known := one.whole and one.outcome in (Outcome.READ, Outcome.SAME),
                     known, one.etag, one.outcome == Outcome.SAME, one.name)
                    for one in pending
                ],
            )  # fmt: skip
            connection.executemany(
                "INSERT OR REPLACE INTO waiting VALUES (?, NULL, ?)",
                [(one.name, _ENCODER.encode(one.rows)) for one in pending if one.rows is not None],
            )
            texts = [(key, _ENCODER.encode(text)) for one in pending for key, text in one.texts]
            if texts:
                connection.executemany("INSERT OR IGNORE INTO text VALUES (?, ?)", texts)

    def text(self, key: bytes) -> Text | None:
        """Metadata that an earlier crawl read."""
        if not self.has_texts:
            return None
        row = self._connection.execute("SELECT value FROM text WHERE key = ?", (key,)).fetchone()
        return None if row is None else _TEXT.decode(row[0])

    # --- parts of the dataset ---------------------------------------------------------------------

    def waiting(self) -> int:
        """How many projects have rows that are not yet in the dataset."""
        self.flush()
        count = self._one("SELECT count(*) FROM waiting")
        assert isinstance(count, int)
        return count

    def unfinished(self) -> str | None:
        """The import that was begun and not finished, with the very rows that it had; or None."""
        found = self._one("SELECT part FROM waiting WHERE part IS NOT NULL LIMIT 1")
        return None if found is None else str(found)

    def gather(self, moment: datetime) -> str | None:
        """The name of a new import, for all rows that wait; None if there are none.

        ``moment`` becomes the name, or the next second that was not used before.
        """
        if not self.waiting():
            return None
        origin = self.name(moment)
        with self._told(), self._change() as connection:
            connection.execute("UPDATE waiting SET part = ?", (origin,))
        return origin

    def name(self, moment: datetime) -> str:
        """The name of a new import, used by none before."""
        last = self._about("moment")
        if last is not None:
            before = datetime.strptime(last, _MOMENT).replace(tzinfo=UTC)
            moment = max(moment, before + timedelta(seconds=1))
        with self._told():
            self._set("moment", f"{moment:{_MOMENT}}")
        return f"{moment:{_MOMENT}}-{self._kind}"

    def forget(self, origin: str) -> None:
        """The rows of an import are part of the dataset now."""
        with self._told(), self._change() as connection:
            connection.execute("DELETE FROM waiting WHERE part = ?", (origin,))
            self._set("last", origin)

    @property
    def last(self) -> str | None:
        """The last import that became part of the dataset."""
        return self._about("last")

    def begin_anew(self) -> None:
        """Forget all projects: the dataset that had them is gone. What was read of files is true."""
        with self._told(), self._change() as connection:
            connection.execute("DELETE FROM project")
            connection.execute("DELETE FROM waiting")
            connection.execute("DELETE FROM about WHERE key IN ('request', 'state', 'last')")

    # --- the database -----------------------------------------------------------------------------

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def _one(self, sql: str) -> object:
        row = self._connection.execute(sql).fetchone()
        return None if row is None else row[0]

    def _about(self, key: str, first: str | None = None) -> str | None:
        """What is written under a key; ``first`` is written if there is nothing."""
        row = self._connection.execute("SELECT value FROM about WHERE key = ?", (key,)).fetchone()
        if row is None and first is not None:
            self._set(key, first)
        return first if row is None else str(row[0])

    def _set(self, key: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (key, value))


def _locked(path: Path) -> sqlite3.Connection:
    """A lock that the system gives back, however its holder ends."""
    connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        raise UsageError(
            "another crawl is at work on this dataset",
            hint="wait for it, or use another dataset",
            place=(str(path),),
        ) from error
    return connection


def _unusable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"the journal of the crawl cannot be used: {error}",
        hint="put it aside to begin anew: what is in the dataset stays",
        place=(str(path),),
    )
