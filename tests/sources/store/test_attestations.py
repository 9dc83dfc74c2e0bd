"""Provenance is kept with its file, and not beyond."""

from __future__ import annotations

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import Engine

from trueup.sources.store.schema import upgrade
from trueup.sources.store.store import HostedFile, State, Store

DEMO, ONE = NormalizedName("demo"), Version("1.0")
SHA = "0" * 64


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> Store:
    upgrade(engine)
    return Store(engine, clock=clock)


def keep(store: Store, document: str, *, channel: str = "main", name: str = "a.whl") -> bool:
    return store.keep_provenance(channel, name, SHA, document)


def test_each_file_of_each_channel_has_its_own(store: Store) -> None:
    assert keep(store, "one")
    assert keep(store, "two", channel="mpi")
    assert keep(store, "three", name="b.whl")
    assert store.provenance("main", "a.whl", SHA) == "one"
    assert store.provenance("mpi", "a.whl", SHA) == "two"
    assert store.provenance("main", "b.whl", SHA) == "three"
    assert store.provenance("main", "a.whl", "1" * 64) is None
    assert store.provenance("other", "a.whl", SHA) is None


def test_the_first_stays(store: Store) -> None:
    assert keep(store, "one")
    assert not keep(store, "two")
    assert store.provenance("main", "a.whl", SHA) == "one"
    store.drop_provenance("main", "a.whl", SHA)
    assert keep(store, "two")


def test_what_has_no_file_is_forgotten_after_a_day(store: Store, clock: Clock) -> None:
    store.add_file(
        "main", DEMO, ONE,
        HostedFile(
            filename="a.whl", sha256=SHA, size=1, core_metadata=None, requires_python=None,
            yanked=None, uploaded=1.0, uploader="somebody",
        ),
        verdict={}, state=State.STAGED, beside=None,
    )  # fmt: skip
    keep(store, "one")
    keep(store, "two", name="b.whl")
    clock.now += 86401
    keep(store, "three", name="c.whl")
    found = [store.provenance("main", f"{name}.whl", SHA) for name in "abc"]
    assert found == ["one", None, "three"]
