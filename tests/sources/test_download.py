"""Whole files of an index, saved in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.build import make_wheel
from tests.index_server import IndexServer
from trueup.model.errors import ArchiveError
from trueup.sources.http import Client
from trueup.sources.index import IndexSource
from trueup.sources.transport import HttpSettings

DEMO = canonicalize_name("demo")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[IndexServer, Path]]:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    with IndexServer() as server:
        server.add(wheel.name, wheel)
        yield server, wheel


def opened(server: IndexServer) -> IndexSource:
    return IndexSource([server.url], Client(HttpSettings(timeout=10)))


def test_a_file_arrives_as_it_is(served: tuple[IndexServer, Path], tmp_path: Path) -> None:
    server, wheel = served
    (tmp_path / "to").mkdir()
    with opened(server) as source:
        (artifact,) = source.listing(DEMO).files
        path = source.download(artifact, tmp_path / "to")
    assert path == tmp_path / "to" / wheel.name
    assert path.read_bytes() == wheel.read_bytes()


def test_a_file_from_a_tree_of_pages(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    page = tmp_path / "tree/demo/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="{wheel.as_uri()}">{wheel.name}</a>')
    tree = (tmp_path / "tree").as_uri()
    (tmp_path / "to").mkdir()
    with IndexSource([tree], Client(HttpSettings())) as source:
        (artifact,) = source.listing(DEMO).files
        assert source.download(artifact, tmp_path / "to").read_bytes() == wheel.read_bytes()


def test_what_the_listing_does_not_vouch_for_is_not_kept(
    served: tuple[IndexServer, Path], tmp_path: Path
) -> None:
    server, wheel = served
    server.add(wheel.name, wheel, sha256="0" * 64)
    (tmp_path / "to").mkdir()
    with opened(server) as source, pytest.raises(ArchiveError, match="sha256 is not the one"):
        source.download(source.listing(DEMO).files[0], tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize("name", ["../evil.whl", "below/evil.whl", "/evil.whl"])
def test_a_name_that_leads_elsewhere_is_refused(
    name: str, served: tuple[IndexServer, Path], tmp_path: Path
) -> None:
    server, _ = served
    (tmp_path / "to").mkdir()
    with opened(server) as source:
        artifact = replace(source.listing(DEMO).files[0], filename=name)
        with pytest.raises(ArchiveError, match="leads out of its folder"):
            source.download(artifact, tmp_path / "to")
