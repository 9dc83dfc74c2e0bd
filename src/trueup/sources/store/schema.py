"""The database is opened, and brought to the newest version of its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from trueup.model.errors import UsageError
from trueup.sources.store.failures import StoreError
from trueup.sources.store.tables import METADATA

__all__ = ["knows", "open_engine", "revision_of", "upgrade"]

_MIGRATIONS = Path(__file__).parent / "migrations"
_PATIENCE = 30.0
"""Seconds that somebody who writes to SQLite waits for others who do."""

_LOCK = 0x7472756575700001
"""Any number that nobody else takes."""


def open_engine(url: str) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql://…`` (through psycopg).

    SQLite writes ahead (WAL) and waits for other writers; a commit is durable. Raises UsageError
    for an address that is none.
    """
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except (SQLAlchemyError, ModuleNotFoundError, ValueError) as error:
        raise UsageError(
            f"the database cannot be opened: {error}",
            hint="`sqlite:///path/to/file.db`, or `postgresql://host/name` with "
            "`pip install 'psycopg[binary]'`",
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: object) -> None:
    # SQLAlchemy starts transactions itself, see `_begin`.
    connection.isolation_level = None
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    # A transaction that reads first and writes later could not be promoted beside another writer;
    # one that only reads waits for nobody.
    options = connection.get_execution_options()
    if options.get("only_reads", False):
        connection.exec_driver_sql("BEGIN")
        return
    patience = options.get("patience", _PATIENCE)
    connection.exec_driver_sql(f"PRAGMA busy_timeout={round(patience * 1000)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest version; what is there stays. Raises StoreError."""
    config = _config()
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # Several workers may start at once; the first one does it.
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            found = revision_of(connection)
            if found and not knows(found):
                raise StoreError(
                    f"the database was made by a newer trueup (step {found})",
                    hint="install that one or a newer one; a backup from before works with this one",
                )
            config.attributes["connection"] = connection
            config.attributes["metadata"] = METADATA
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be prepared: {error}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def revision_of(connection: Connection) -> str:
    """The step that the tables are at; empty for a database without any."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def knows(revision: str) -> bool:
    """Whether this version of trueup can bring tables from that step to its own."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return not revision or any(step.revision == revision for step in steps)
