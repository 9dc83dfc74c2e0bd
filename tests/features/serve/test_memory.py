"""What is remembered of pages, and for how long."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from trueup.features.serve.memory import PageKey, PageMemory
from trueup.sources.store.store import Page


def page(size: int, name: str = "") -> Page:
    return Page(body=bytes(size), packed=b"", etag=f'"{name}"', made=0.0, stale=False)


def key(name: str) -> PageKey:
    return "view", name, "json"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_page_is_true_for_one_state_and_until_its_time() -> None:
    clock, one = Clock(), page(10)
    memory = PageMemory(100, 1, clock)
    assert memory.find(key("a")) is None
    memory.keep(key("a"), one, generation=1, until=110.0)
    assert memory.find(key("a")) is one
    clock.now = 110.5
    assert memory.find(key("a")) is None
    memory.keep(key("a"), one, generation=1, until=120.0)
    assert memory.find(key("a")) is one
    memory.saw(2)
    assert memory.find(key("a")) is None
    memory.saw(1)
    assert memory.find(key("a")) is None, "an older state is no news"


def test_an_older_page_does_not_replace_a_newer_one() -> None:
    memory, old, new = PageMemory(100, 1, Clock()), page(10, "old"), page(10, "new")
    memory.keep(key("a"), new, generation=2, until=200.0)
    memory.keep(key("a"), old, generation=1, until=200.0)
    assert memory.find(key("a")) is new
    memory.keep(key("b"), old, generation=1, until=200.0)
    assert memory.find(key("b")) is None, "made under a state that is gone"


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    memory = PageMemory(100, 1, Clock())
    for name in "abc":
        memory.keep(key(name), page(30), generation=1, until=200.0)
    assert memory.find(key("a")) is not None
    memory.keep(key("d"), page(30), generation=1, until=200.0)
    assert [name for name in "abcd" if memory.find(key(name))] == ["a", "c", "d"]
    memory.keep(key("a"), page(90), generation=1, until=200.0)
    assert [name for name in "abcd" if memory.find(key(name))] == ["a"], "by bytes, not by number"


def test_a_page_that_is_too_large_is_not_kept_and_costs_no_other() -> None:
    memory = PageMemory(50, 1, Clock())
    memory.keep(key("a"), page(30), generation=1, until=200.0)
    memory.keep(key("b"), page(51), generation=1, until=200.0)
    assert (memory.find(key("b")), memory.find(key("a")) is not None) == (None, True)
    memory.keep(key("a"), page(51), generation=1, until=200.0)
    assert memory.find(key("a")) is None, "it has grown"
    nothing = PageMemory(0, 1, Clock())
    nothing.keep(key("a"), page(1), generation=1, until=200.0)
    assert nothing.find(key("a")) is None


def test_threads_that_ask_and_keep_at_once() -> None:
    memory = PageMemory(200, 1, Clock())

    def work(seed: int) -> int:
        chance, found = random.Random(seed), 0
        for _ in range(3000):
            name = str(chance.randrange(20))
            held = memory.find(key(name))
            found += held is not None
            assert held is None or held.etag == f'"{name}"'
            memory.keep(key(name), page(chance.randrange(40), name), generation=1, until=200.0)
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    kept = [found for n in range(20) if (found := memory.find(key(str(n)))) is not None]
    assert 0 < sum(len(one.body) for one in kept) <= 200
