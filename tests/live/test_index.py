"""The configured index, for real: run with `just live`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.model.errors import NotFoundError
from trueup.model.metadata import Metadata
from trueup.sources.cache import SqliteCache
from trueup.sources.config import index_config
from trueup.sources.index import IndexSource, open_index
from trueup.sources.release import gather

pytestmark = pytest.mark.live


def opened(folder: Path) -> IndexSource:
    config = index_config(environ=os.environ)
    return open_index(config, environ=os.environ, cache=SqliteCache(folder))


@pytest.fixture
def source(tmp_path: Path) -> Iterator[IndexSource]:
    with opened(tmp_path) as source:
        yield source


@pytest.mark.parametrize(
    ("project", "version", "wheels", "sdists"),
    [("nmslib", "2.1.1", 34, 1), ("xgboost", "3.0.5", 7, 1)],
)
def test_a_real_release(
    source: IndexSource, tmp_path: Path, project: str, version: str, wheels: int, sdists: int
) -> None:
    release = gather(source, project, Version(version))
    assert len(release.wheels) == wheels
    assert len(release.sdists) == sdists
    assert all(isinstance(file.reading.metadata, Metadata) for file in release.files)
    assert source.sent <= 1.4 * (wheels + sdists)
    source.close()
    with opened(tmp_path) as again:
        assert gather(again, project, Version(version)) == release
        assert again.sent == 1, "the second run asks for the page alone"


def test_the_deep_way_agrees(source: IndexSource) -> None:
    shallow = gather(source, "tomli", Version("2.0.1"))
    deep = gather(source, "tomli", Version("2.0.1"), deep=True)
    assert all(file.reading.verified for file in deep.files)
    assert [file.reading.metadata for file in shallow.files] == [
        file.reading.metadata for file in deep.files
    ]


def test_a_name_that_nobody_has(source: IndexSource) -> None:
    with pytest.raises(NotFoundError):
        source.listing(canonicalize_name("trueup-has-no-such-project-0123456789"))
