"""The stores that an index of a test may have; servers are started when a test first needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serveplaces import ServePlace
from tests.stores import ObjectServer, Postgres, object_server, postgres, postgres_bin

NO_POSTGRES = pytest.mark.skipif(postgres_bin() is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture(scope="session")
def objects() -> Iterator[ObjectServer]:
    with object_server() as found:
        yield found


@pytest.fixture(params=["here", pytest.param("far", marks=NO_POSTGRES)])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ServePlace:
    """SQLite and a folder, or PostgreSQL and an object store over HTTP."""
    if request.param == "here":
        return ServePlace(data=tmp_path / "data")
    address = request.getfixturevalue("database").new()
    objects: ObjectServer = request.getfixturevalue("objects")
    store = ("--database", address, "--blobs", f"s3://{objects.bucket()}/files")
    for name, value in objects.environ.items():
        monkeypatch.setenv(name, value)
    return ServePlace(data=tmp_path / "data", store=store, environ=objects.environ)
