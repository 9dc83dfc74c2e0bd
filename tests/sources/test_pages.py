"""Pages that are kept: believed for a while, then asked for again, parsed only when they changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from packaging.utils import NormalizedName

from tests.build import make_wheel
from tests.index_server import IndexServer
from trueup.sources.cache import Cache, Kind, MemoryCache
from trueup.sources.http import Client
from trueup.sources.pages import Pages

DEMO = NormalizedName("demo")


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexServer]:
    folder = tmp_path_factory.mktemp("dist")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "demo", version)
    with IndexServer() as server:
        server.add_folder(folder)
        yield server


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def listed(pages: Pages, index: IndexServer) -> list[str]:
    return [file.filename for file in pages.listing(index.url, DEMO).files]


def made(cache: Cache, clock: Clock, *, max_age: float = 600) -> tuple[Pages, Client]:
    client = Client()
    return Pages(client, cache, max_age=max_age, now=clock), client


@pytest.mark.parametrize("etags", [True, False])
def test_a_page_is_believed_for_a_while(index: IndexServer, etags: bool) -> None:
    index.etags = etags
    cache, clock = MemoryCache(), Clock()
    pages, client = made(cache, clock)
    first = listed(pages, index)
    assert len(first) == 2
    clock.now += 599
    assert listed(pages, index) == first
    assert len(index.log) == 1
    clock.now += 2
    assert listed(pages, index) == first
    assert len(index.log) == 2
    # Asked again, it is current once more.
    clock.now += 599
    assert listed(pages, index) == first
    assert len(index.log) == 2
    client.close()


@pytest.mark.parametrize("etags", [True, False])
def test_a_page_that_changed_is_read_anew(
    index: IndexServer, etags: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    index.etags = etags
    cache, clock = MemoryCache(), Clock()
    pages, client = made(cache, clock)
    before = listed(pages, index)
    more = tmp_path_factory.mktemp("more")
    make_wheel(more, "demo", "3.0")
    index.add_folder(more)
    assert listed(pages, index) == before
    clock.now += 601
    assert len(listed(pages, index)) == 3
    client.close()


def test_a_clock_that_was_set_back_is_not_believed(index: IndexServer) -> None:
    cache, clock = MemoryCache(), Clock()
    pages, client = made(cache, clock)
    listed(pages, index)
    clock.now -= 10
    listed(pages, index)
    assert len(index.log) == 2
    client.close()


def test_a_page_that_was_damaged_in_the_cache_is_asked_for_again(index: IndexServer) -> None:
    cache, clock = MemoryCache(), Clock()
    pages, client = made(cache, clock)
    first = listed(pages, index)
    key = f"7 {index.url.rstrip('/')}/demo/"
    value = cache.get(Kind.PAGE, key)
    assert value is not None
    for damaged in (value[:-1] + b"\x00", value[:-1], b"", b"nonsense"):
        cache.put(Kind.PAGE, key, damaged)
        asked = len(index.log)
        assert listed(pages, index) == first
        assert len(index.log) == asked + 1
    client.close()
