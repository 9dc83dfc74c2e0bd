"""A page that is read at once is the page that the store has, or none."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import Engine

from trueup.sources.store.glance import Glance
from trueup.sources.store.schema import open_engine
from trueup.sources.store.store import HostedFile, Page, State, Store

DEMO, ONE = NormalizedName("demo"), Version("1.0")
CHANNELS = ("mpi", "main")


@pytest.fixture
def glance(store: Store) -> Iterator[Glance]:
    found = Glance(store.engine)
    yield found
    found.close()


def keep(store: Store, body: bytes = b"page", project: str = DEMO) -> Page:
    return store.keep_page(
        "view", project, "json", body, generation=store.generation(), stale=project != DEMO
    )


def seen(glance: Glance, project: str = DEMO, since: float = 0.0) -> Page | None:
    found = glance.page("view", project, "json", since=since, channels=CHANNELS)
    return None if found is None else found[0]


def publish(store: Store, channel: str) -> None:
    file = HostedFile(
        filename="a.whl", sha256="a" * 64, size=1, core_metadata=None, requires_python=None,
        yanked=None, uploaded=1.0, uploader="somebody",
    )  # fmt: skip
    store.add_file(channel, DEMO, ONE, file, verdict={}, state=State.STAGED, beside=None)
    release = store.release(channel, DEMO, ONE)
    assert release is not None
    store.publish(release, who="me", verdict={})


def test_it_finds_what_the_store_has_where_the_store_is_a_file(
    store: Store, glance: Glance
) -> None:
    assert seen(glance) is None
    kept, other = keep(store), keep(store, b"stale", "other")
    if store.engine.dialect.name == "sqlite":
        assert (seen(glance), seen(glance, "other")) == (kept, other)
        assert glance.page("view", DEMO, "json", since=0, channels=()) == (kept, store.generation())
    else:
        assert seen(glance) is None
    for view, project, form in (("", DEMO, "json"), ("view", "", "json"), ("view", DEMO, "html")):
        assert glance.page(view, project, form, since=0, channels=CHANNELS) is None


@pytest.mark.parametrize(
    ("owner", "channels", "found"),
    [("main", CHANNELS, True), ("mpi", CHANNELS, True), ("mpi", ("main",), False),
     (None, CHANNELS, False)],
)  # fmt: skip
def test_an_old_page_is_true_where_a_channel_has_the_project(
    owner: str | None, channels: tuple[str, ...], found: bool, tmp_path: Path
) -> None:
    engine = opened(tmp_path)
    store, glance = Store(engine, clock=lambda: 1000.0), Glance(engine)
    if owner is not None:
        publish(store, owner)
    kept = keep(store)
    for since, expected in ((999.0, kept), (1001.0, kept if found else None)):
        page = glance.page("view", DEMO, "json", since=since, channels=channels)
        assert (None if page is None else page[0]) == expected
    glance.close()
    engine.dispose()


def opened(folder: Path) -> Engine:
    from trueup.sources.store.schema import upgrade

    engine = open_engine(f"sqlite:///{folder / 'index.db'}")
    upgrade(engine)
    return engine


def test_what_another_worker_changes_is_seen_at_once(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    store, other, glance = Store(engine), Store(opened(tmp_path)), Glance(engine)
    first = keep(store)
    assert seen(glance) == first
    publish(other, "main")
    assert seen(glance) is None
    second = keep(other, b"new")
    assert seen(glance) == second
    # It holds no transaction: all that was written ahead can be put into the file.
    with sqlite3.connect(tmp_path / "index.db") as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    connection.close()
    glance.close()
    other.engine.dispose()
    engine.dispose()


def test_what_cannot_be_read_at_once_is_not_waited_for(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    keep(Store(engine))
    engine.dispose()
    lock = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    glance, start = Glance(engine), time.monotonic()
    assert seen(glance) is None
    assert time.monotonic() - start < 4
    lock.close()
    assert seen(glance) is not None
    glance.close()


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///{0}/no?such#file.db"])
def test_no_file_is_made_where_none_is(address: str, tmp_path: Path) -> None:
    glance = Glance(open_engine(address.format(tmp_path)))
    assert seen(glance) is None
    assert list(tmp_path.iterdir()) == []
