"""One holds a lease at a time; who is gone does not hold it for long."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from trueup.sources.store.store import Store


def test_a_lease_is_held_by_one_until_its_end(store: Store) -> None:
    now = [100.0]
    store.clock = lambda: now[0]
    assert store.hold("chores", "one", 30)
    assert not store.hold("chores", "two", 30)
    assert store.hold("other", "two", 30)
    now[0] = 120
    assert store.hold("chores", "one", 30), "kept for another half minute"
    now[0] = 149
    assert not store.hold("chores", "two", 30)
    now[0] = 150
    assert store.hold("chores", "two", 30)
    assert not store.hold("chores", "one", 30)


def test_a_lease_that_is_given_back_is_free(store: Store) -> None:
    store.hold("chores", "one", 30)
    store.give_back("chores", "two")
    assert not store.hold("chores", "two", 30)
    store.give_back("chores", "one")
    assert store.hold("chores", "two", 30)


def test_of_many_who_ask_at_once_one_has_it(store: Store) -> None:
    start = threading.Barrier(6)

    def ask(name: str) -> bool:
        start.wait()
        return store.hold("chores", name, 30)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, map(str, range(6)))) == 1
