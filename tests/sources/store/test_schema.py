"""The steps of the database lead to its tables, from nothing and from each version before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, select

from trueup.sources.store import schema
from trueup.sources.store.schema import upgrade
from trueup.sources.store.store import Store
from trueup.sources.store.tables import METADATA, TOKENS


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


@pytest.mark.parametrize("version", ["0001"])
def test_from_a_version_before_with_what_is_there(engine: Engine, version: str) -> None:
    bring_to(engine, version)
    with engine.begin() as connection:
        row = {"digest": "0" * 64, "name": "old", "scope": "[[], [], []]", "made": 1.0}
        connection.execute(insert(TOKENS).values(**row))
    upgrade(engine)
    assert difference(engine) == []
    assert Store(engine).generation() == 0
    with engine.connect() as connection:
        assert connection.execute(select(TOKENS.c.name)).scalars().all() == ["old"]


def test_several_workers_start_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [engine] * 4))
    assert difference(engine) == []
