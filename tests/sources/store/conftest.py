"""Every law of the store holds on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.stores import Postgres, postgres, postgres_bin
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import Store

BOTH = [
    "sqlite",
    pytest.param(
        "postgresql",
        marks=pytest.mark.skipif(postgres_bin() is None, reason="PostgreSQL is not installed"),
    ),
]


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture(params=BOTH)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.db'}"
    server: Postgres = request.getfixturevalue("server")
    return server.new()


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    found = open_engine(address)
    yield found
    found.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    upgrade(engine)
    return Store(engine)
