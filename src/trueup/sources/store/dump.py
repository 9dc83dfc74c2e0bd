"""A whole database as one file, taken while others write, and back again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from trueup.model.errors import UsageError
from trueup.sources.store.database import Database
from trueup.sources.store.failures import StoreError

__all__ = ["dumped", "is_empty", "restore"]

_CONTENT = frozenset({"audit", "derived", "file", "release", "remote", "token"})
"""Tables that have rows only in an index that somebody used."""


@contextmanager
def dumped(database: Database, target: Path) -> Iterator[Connection]:
    """Write the database to a new file; the connection sees the very state that the file has.

    SQLite: its online backup; readers and writers wait for nobody. PostgreSQL: `pg_dump` of a
    snapshot. Raises StoreError, UsageError if there is no `pg_dump`.
    """
    if database.engine.dialect.name == "sqlite":
        _dump_sqlite(database.engine, target)
        address = f"{target.absolute().as_uri()}?mode=ro"
        engine = create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(address, uri=True, timeout=30)
        )
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()
    else:
        with database.look() as connection:
            name = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            _postgres(
                "pg_dump", database.engine, "--format=custom", "--no-owner", "--no-privileges",
                f"--snapshot={name}", f"--file={target}",
            )  # fmt: skip
            yield connection


def _dump_sqlite(engine: Engine, target: Path) -> None:
    try:
        with closing(sqlite3.connect(target)) as copy:
            raw = engine.raw_connection()
            try:
                source = raw.driver_connection
                assert isinstance(source, sqlite3.Connection)
                # In one step: it sees one state, and no writer makes it begin anew.
                source.backup(copy)
            finally:
                raw.close()
            # As one file, without the files beside it that writing ahead needs.
            copy.execute("PRAGMA journal_mode=DELETE")
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"the database cannot be copied: {error}") from error


def is_empty(engine: Engine) -> bool:
    """Whether nothing is kept in a database; its tables may be there. Raises StoreError."""
    try:
        names = _CONTENT & set(inspect(engine).get_table_names())
        with engine.connect() as connection:
            return not any(
                connection.execute(select(text("1")).select_from(table(name)).limit(1)).first()
                for name in names
            )
    except SQLAlchemyError as error:
        raise StoreError("the database does not answer", hint=str(error.args[0])) from error


def restore(engine: Engine, source: Path) -> None:
    """Fill an empty database with what was dumped from one of its kind; all of it, or nothing.

    Raises StoreError, UsageError if there is no `pg_restore`.
    """
    if engine.dialect.name == "sqlite":
        try:
            with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old:
                raw = engine.raw_connection()
                try:
                    target = raw.driver_connection
                    assert isinstance(target, sqlite3.Connection)
                    old.backup(target)
                finally:
                    raw.close()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise StoreError(f"the database cannot be filled: {error}") from error
    else:
        _postgres(
            "pg_restore", engine, "--clean", "--if-exists", "--no-owner", "--no-privileges",
            "--single-transaction", "--exit-on-error", str(source),
        )  # fmt: skip
    # Its connections know the tables as they were.
    engine.dispose()


def _postgres(program: str, engine: Engine, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise UsageError(
            f"`{program}` is not installed, and PostgreSQL is copied by nothing else",
            hint="install the client programs of PostgreSQL (Debian: `postgresql-client`), of the "
            "server's version or newer",
        )
    # The password stands in the environment, not on a command line that others can list.
    url = engine.url.set(drivername="postgresql", password=None)
    environ: Mapping[str, str] = dict(os.environ)
    if engine.url.password is not None:
        environ = {**environ, "PGPASSWORD": str(engine.url.password)}
    done = subprocess.run(  # noqa: S603
        [path, "--dbname", url.render_as_string(), *arguments],
        env=environ, capture_output=True, text=True, errors="replace", check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise StoreError(
            f"`{program}` failed: {said[-1] if said else f'exit code {done.returncode}'}",
            hint="its version must be that of the server, or newer",
        )
