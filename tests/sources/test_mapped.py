"""Addresses moved to a mirror, and work without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.build import make_wheel
from tests.index_server import IndexServer
from trueup.model.errors import SourceError
from trueup.model.metadata import Metadata
from trueup.sources.cache import MemoryCache
from trueup.sources.http import Client
from trueup.sources.index import IndexSource
from trueup.sources.mapped import MappedSource, moved
from trueup.sources.offline import OfflineClient

DEMO = canonicalize_name("demo")
MAPPING = {
    "https://index.test/": "http://127.0.0.1:8080/",
    "https://index.test/files/": "file:///srv/",
    "https://files.test": "https://mirror.test",
}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://index.test/simple/", "http://127.0.0.1:8080/simple/"),
        ("https://index.test/files/a.whl", "file:///srv/a.whl"),
        ("https://files.test/a", "https://mirror.test/a"),
        ("https://other.test/https://index.test/", "https://other.test/https://index.test/"),
        ("", ""),
    ],
)
def test_moved(url: str, expected: str) -> None:
    assert moved(url, MAPPING) == expected


def test_pages_name_the_mirror_and_files_are_read_from_there(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    with IndexServer() as pages, IndexServer() as files, Client() as client:
        pages.add_folder(tmp_path)
        files.add_folder(tmp_path)
        source = MappedSource(IndexSource([pages.url], client), {pages.origin: files.origin})
        (file,) = source.listing(DEMO).files
        assert file.url == files.file_url("demo-1.0-py3-none-any.whl")
        assert isinstance(source.read(file).metadata, Metadata)
        assert len(files.log) == 1


def test_offline_gives_what_was_kept_and_nothing_else(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    cache = MemoryCache()
    with IndexServer() as server:
        server.add_folder(tmp_path)
        with Client() as client:
            online = IndexSource([server.url], client, cache)
            listing = online.listing(DEMO)
            reading = online.read(listing.files[0])
        before = len(server.log)
        offline = IndexSource([server.url], OfflineClient(), cache)
        assert list(offline.listing(DEMO).files) == list(listing.files)
        assert offline.read(listing.files[0]).metadata == reading.metadata
        with pytest.raises(SourceError, match="is not in the cache"):
            offline.listing(canonicalize_name("other"))
        assert len(server.log) == before
