"""What a resolver is told by an index that does not hold out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from tests.build import make_wheel
from tests.index_server import IndexServer, Status
from trueup.interfaces.wanted import Places
from trueup.model.errors import NotFoundError, SourceError
from trueup.model.metadata import Unreadable
from trueup.sources.supply import Supply

DEMO = NormalizedName("demo")
ALWAYS = 1_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[IndexServer]:
    make_wheel(tmp_path, "demo", "1.0")
    with IndexServer() as server:
        server.add_folder(tmp_path)
        yield server


@pytest.fixture
def supply(server: IndexServer, tmp_path: Path) -> Iterator[Supply]:
    with Places(index=[server.url], environ=os.environ, directory=tmp_path, keep=False) as places:
        yield Supply(places.named)


def test_a_busy_index_is_no_damaged_file(server: IndexServer, supply: Supply) -> None:
    server.fault("/files/", Status(503), times=ALWAYS)
    (file,) = supply.listing(DEMO).files
    for _ in range(2):
        with pytest.raises(SourceError, match="no usable answer"):
            supply.read(file)
    # It is given up once, not once for every thread that wants the file.
    assert server.count(path="/files/") == 5


def test_a_file_that_is_gone_is_unread(server: IndexServer, supply: Supply) -> None:
    server.fault("/files/", Status(404), times=ALWAYS)
    (file,) = supply.listing(DEMO).files
    metadata = supply.read(file).metadata
    assert isinstance(metadata, Unreadable)
    assert "404" in metadata.reason
    assert supply.read(file).metadata is metadata


def test_a_project_that_is_nowhere_is_asked_for_once(server: IndexServer, supply: Supply) -> None:
    for _ in range(2):
        with pytest.raises(NotFoundError, match="no such project"):
            supply.listing(NormalizedName("gone"))
    assert server.count(path="/simple/gone") == 1
