"""The steps of the database lead to its tables, from nothing and from each version before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Engine, MetaData, insert, select, text

from trueup.sources.store import schema
from trueup.sources.store.contents import Contents
from trueup.sources.store.failures import StoreError
from trueup.sources.store.schema import open_engine, revision_of, upgrade
from trueup.sources.store.store import Store
from trueup.sources.store.tables import METADATA


def difference(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))


def bring_to(engine: Engine, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def test_from_nothing(engine: Engine) -> None:
    upgrade(engine)
    assert difference(engine) == []
    assert Store(engine).generation() == 0
    upgrade(engine)
    assert Store(engine).generation() == 0


RECORDED = sorted((Path(__file__).parents[2] / "cases" / "store").glob("*.sql"))
"""Databases that were used with each step as the newest; see `tests.sources.store.record`."""

MADE_ANEW = frozenset({"alembic_version", "generation", "lease", "page"})
"""Tables whose rows a step may take away or change: they follow from the others."""

Rows = list[dict[str, Any]]


def recorded(path: Path) -> dict[str, Rows]:
    """The rows of a recorded database, by table."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(path.read_text())
        database.row_factory = sqlite3.Row
        names = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {
            name: [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
            for name in names
        }


def load(engine: Engine, path: Path) -> None:
    """A database as it was: the file itself in SQLite, its rows in the tables of that step else."""
    if engine.dialect.name == "sqlite":
        assert engine.url.database is not None
        with closing(sqlite3.connect(engine.url.database)) as database:
            database.executescript(path.read_text())
        return
    bring_to(engine, path.stem)
    tables = MetaData()
    tables.reflect(engine)
    rows = recorded(path)
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            if table.name not in ("alembic_version", "generation"):
                for row in rows[table.name]:
                    # SQLite has no truth values, only numbers.
                    values = {
                        column.name: bool(row[column.name])
                        if isinstance(column.type, Boolean) and row[column.name] is not None
                        else row[column.name]
                        for column in table.columns
                    }
                    connection.execute(insert(table).values(**values))


def kept(engine: Engine, name: str, columns: Iterable[str]) -> Rows:
    """The rows of a table now, with these columns."""
    table = METADATA.tables[name]
    with engine.connect() as connection:
        found = connection.execute(select(*(table.c[column] for column in columns)))
        return [dict(row._mapping) for row in found]


def by_content(rows: Rows) -> list[str]:
    # SQLite has no truth values, only numbers.
    return sorted(
        repr(sorted((key, int(one) if isinstance(one, bool) else one) for key, one in row.items()))
        for row in rows
    )


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_from_each_version_before_everything_is_kept(tmp_path: Path, path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'index.db'}")
    try:
        goes_up(engine, path)
    finally:
        engine.dispose()


def test_on_a_server_too(engine: Engine) -> None:
    goes_up(engine, RECORDED[0])


def goes_up(engine: Engine, path: Path) -> None:
    """A recorded database becomes the newest, and loses nothing."""
    load(engine, path)
    upgrade(engine)
    assert difference(engine) == []
    for name, rows in recorded(path).items():
        if name in METADATA.tables and name not in MADE_ANEW and rows:
            now = kept(engine, name, rows[0])
            assert by_content(now) == by_content(rows), name
    store = Store(engine)
    files = [file for one in store.releases("main") for file in one.files]
    assert [(file.filename.rpartition("-")[2], file.yanked) for file in files] == [
        ("manylinux_2_17_x86_64.whl", None),
        ("win_amd64.whl", "broken"),
    ]
    assert [one.state for one in store.releases("main", state=None)] == ["published", "staged"]
    assert len(store.releases("mpi")) == 1
    assert [one.name for one in store.all()] == ["tests"]
    assert store.remote("public") is not None
    assert len(list(Contents(engine).derived_rows())) == 2


def test_who_is_logged_in_stays_when_tables_are_made_anew(engine: Engine) -> None:
    bring_to(engine, "0012")
    rows: dict[str, dict[str, object]] = {
        "token": {
            "id": 7, "digest": "d", "name": "n", "scope": '[["*"], ["upload"], ["*"]]', "made": 1,
        },
        "publisher": {
            "id": 5, "kind": "oidc", "issuer": "i", "subject": "{}", "claims": "{}",
            "pinned": "{}", "projects": "[]", "channels": '["main"]', "made": 1.0,
        },
        "session": {"digest": "s", "token": 7, "made": 1.0, "expires": 2.0},
        "minted": {"token": 7, "publisher": 5},
    }  # fmt: skip
    with engine.begin() as connection:
        for name, row in rows.items():
            connection.execute(insert(METADATA.tables[name]).values(**row))
    upgrade(engine)
    assert difference(engine) == []
    assert {name: kept(engine, name, row) for name, row in rows.items()} == {
        name: [row] for name, row in rows.items()
    }
    store = Store(engine)
    assert store.remove_publisher(5, who="me")
    left = [kept(engine, name, rows[name]) for name in ("token", "session", "minted")]
    assert left == [[], [], []]


def test_a_step_that_fails_leaves_what_was(engine: Engine) -> None:
    """Steps that cannot be done, here because a table is in the way, are undone as a whole."""
    load(engine, RECORDED[0])
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE lease (something INTEGER)"))
    with pytest.raises(StoreError, match="the database cannot be prepared"):
        upgrade(engine)
    with engine.begin() as connection:
        assert revision_of(connection) == "0001"
        connection.execute(text("DROP TABLE lease"))
    upgrade(engine)
    assert difference(engine) == []


def test_a_database_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"by a newer trueup \(step 9999\)"):
        upgrade(engine)


def test_several_workers_start_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [engine] * 4))
    assert difference(engine) == []
