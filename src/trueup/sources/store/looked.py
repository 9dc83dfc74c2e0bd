"""What is there of an index, looked at from outside: nothing is made, and no table changed."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from trueup.model.errors import UsageError
from trueup.sources.store.failures import StoreError
from trueup.sources.store.schema import open_engine
from trueup.sources.store.tables import RELEASES

__all__ = ["LookedAt", "look_at_blobs", "look_at_database"]

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What became of looking: ``said`` are sentences; ``channels`` the number of releases by
    channel (None: there is no table of releases yet).
    """

    said: str
    channels: dict[str, int] | None = None


def look_at_database(url: str) -> LookedAt:
    """Whether a database answers, and what its tables are; raises UsageError, StoreError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UsageError(f"the database cannot be opened: {error}") from error
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(Path(parsed.database or ""))
    where = f"{parsed.get_backend_name()}, `{parsed.set(password=None).render_as_string()}`"
    return _tables(url, where)


def _sqlite(path: Path) -> LookedAt:
    where = f"SQLite, `{path}`"
    if not path.exists():
        return LookedAt(said=f"{where}: will be made{_made_in(path.parent)}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreError("cannot be written", place=(str(path),))
    # Where nobody writes, SQLite need not make the files that several readers and writers share.
    alone = not path.with_name(f"{path.name}-wal").exists()
    address = f"sqlite:///file:{path}?uri=true&mode=ro{'&immutable=1' if alone else ''}"
    return _tables(address, where)


def _tables(url: str, where: str) -> LookedAt:
    # What `open_engine` prepares would change a file of SQLite.
    engine = create_engine(url) if url.startswith("sqlite:") else open_engine(url)
    try:
        with engine.connect() as connection:
            return _state(connection, where)
    except SQLAlchemyError as error:
        raise StoreError(
            f"the database does not answer: {where}", hint=str(error.args[0])
        ) from error
    finally:
        engine.dispose()


def _state(connection: Connection, where: str) -> LookedAt:
    now = MigrationContext.configure(connection).get_current_revision()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    if now is None:
        return LookedAt(said=f"{where}: is empty, tables will be made")
    if now not in {one.revision for one in script.walk_revisions()}:
        raise StoreError(
            f"the tables were made by a newer trueup: {where}",
            found=f"step {now}",
            expected=f"at most step {newest}",
        )
    counts: Any = select(RELEASES.c.channel, func.count()).group_by(RELEASES.c.channel)
    channels = {row[0]: row[1] for row in connection.execute(counts)}
    how = "is up to date"
    if now != newest:
        how = f"will be brought from step {now} to {newest}"
    return LookedAt(said=f"{where}: {how}", channels=channels)


def look_at_blobs(where: str) -> str:
    """Whether files can be kept there; raises UsageError, StoreError.

    What an object store allows shows only when it is asked for: a few bytes are put there and
    deleted again.
    """
    if "://" in where:
        return _objects(where)
    path = Path(where)
    if not path.exists():
        return f"folder `{path}`: will be made{_made_in(path.parent)}"
    if not path.is_dir():
        raise StoreError("is no folder", place=(where,))
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StoreError("cannot be written", place=(where,))
    return f"folder `{path}`"


def _objects(where: str) -> str:
    import obstore
    import obstore.store

    name = f"check-{secrets.token_hex(8)}"
    try:
        store = obstore.store.from_url(where, client_options={"timeout": "15s"})
        obstore.put(store, name, b"trueup")
        obstore.delete(store, name)
    except Exception as error:  # obstore's errors share no base but this
        # What follows is the error once more, for those who debug the library.
        why = str(error).partition("\n")[0]
        raise StoreError(f"files cannot be kept: {why}", place=(where,)) from error
    return f"objects in `{where}`"


def _made_in(folder: Path) -> str:
    """Says nothing where something can be made; raises StoreError where it cannot."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise StoreError("nothing can be made there", place=(str(there),))
    return ""
