"""One database: transactions, the generation that readers follow, and the audit log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from trueup.sources.store.failures import ChangedError, StoreError
from trueup.sources.store.tables import AUDIT, GENERATION, PAGES

__all__ = ["Database", "upsert"]

_NOTED = "trueup-noted"
"""Where a connection keeps what its transaction noted."""


def _nobody(entry: Mapping[str, Any]) -> None:
    """Nobody listens."""


class Database:
    """One database. Its errors become StoreError."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.clock = clock
        self.on_write: Callable[[Mapping[str, Any]], None] = _nobody
        # Several selects of one look must see one state: SQLite's transactions do, PostgreSQL's
        # only if they are asked to.
        isolation = {"isolation_level": "REPEATABLE READ"}
        self._reader = engine.execution_options(
            only_reads=True, **(isolation if engine.dialect.name == "postgresql" else {})
        )

    @contextmanager
    def change(self, *, patience: float | None = None) -> Iterator[Connection]:
        """A transaction: all of it happens, or nothing.

        ``patience`` are the seconds that it waits for others who write, None: as long as is usual.
        Raises ChangedError if somebody else wrote the same first, StoreError. What it noted in the
        audit log is told to ``on_write`` afterwards.
        """
        noted: list[Mapping[str, Any]] = []
        engine = self.engine
        if patience is not None:
            engine = engine.execution_options(patience=patience)
        with _told(), engine.begin() as connection:
            if patience is not None and engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(patience * 1000)}")
            connection.info[_NOTED] = noted
            yield connection
        for entry in noted:
            self.on_write(entry)

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """One state of the database, to read from; it waits for no writer."""
        with _told(), self._reader.begin() as connection:
            yield connection

    def seen(self, connection: Connection, project: str) -> None:
        """Pages of the project are out of date, in every view and every worker."""
        # The number comes first, because its row is the lock that `keep_page` takes: a page of
        # the old state is either kept before, and deleted here, or not kept at all.
        connection.execute(update(GENERATION).values(number=GENERATION.c.number + 1))
        connection.execute(delete(PAGES).where(PAGES.c.project.in_((project, ""))))

    def generation(self) -> int:
        """A number that grows with every change that readers can see."""
        with self.look() as connection:
            return int(connection.execute(select(GENERATION.c.number)).scalar_one())

    def note(
        self, connection: Connection, who: str, action: str, channel: str, project: str,
        version: str, filename: str | None, detail: str | None,
    ) -> None:  # fmt: skip
        entry = {
            "at": self.clock(), "who": who, "action": action, "channel": channel,
            "project": project, "version": version, "filename": filename, "detail": detail,
        }  # fmt: skip
        connection.execute(insert(AUDIT).values(**entry))
        connection.info[_NOTED].append(entry)

    def audit(self, limit: int = 200) -> tuple[Mapping[str, Any], ...]:
        """The newest entries of the audit log."""
        with self.look() as connection:
            rows = connection.execute(select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit))
            return tuple(row._asdict() for row in rows)


@contextmanager
def _told() -> Iterator[None]:
    """What the database says, in our own errors."""
    try:
        yield
    except IntegrityError as error:
        raise ChangedError("somebody else wrote the same at the same time") from error
    except SQLAlchemyError as error:
        raise StoreError("the database does not answer", hint=str(error.args[0])) from error


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace those with the same primary key, also beside others that do so.

    Rows are written in the order of their keys, so that two writers never wait for each other.
    """
    keys = [column.name for column in table.primary_key]
    family = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = family.insert(table)
    others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    if ordered:
        connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=others), ordered
        )
