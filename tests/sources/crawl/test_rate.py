"""The pace of a crawl, by a clock that moves only when somebody sleeps."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from trueup.sources.crawl.rate import Bucket


class Time:
    """Sleepers wake in the order of their moments; nobody waits really."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def taken(time: Time, bucket: Bucket, count: int, server: str = "a") -> list[float]:
    async def run() -> list[float]:
        found = []
        for _ in range(count):
            await bucket.take(server)
            found.append(round(time.now - 100, 6))
        return found

    return asyncio.run(run())


def bucket(time: Time, rate: float, burst: float) -> Bucket:
    return Bucket(rate, burst=burst, clock=time.clock, sleep=time.sleep)


@pytest.mark.parametrize(
    ("rate", "burst", "expected"),
    [
        (10, 1, [0, 0.1, 0.2, 0.3, 0.4]),
        (10, 3, [0, 0, 0, 0.1, 0.2]),
        (0.5, 1, [0, 2, 4, 6, 8]),
    ],
)
def test_moments(rate: float, burst: float, expected: list[float]) -> None:
    time = Time()
    assert taken(time, bucket(time, rate, burst), 5) == pytest.approx(expected)


def test_what_was_not_used_is_lost_but_for_the_burst() -> None:
    time = Time()
    some = bucket(time, 10, 2)
    taken(time, some, 1)
    time.now += 60
    moments = taken(time, some, 4)
    assert [round(b - a, 6) for a, b in pairwise(moments)] == [0, 0.1, 0.1]


def test_a_server_that_wants_a_rest_gets_it_and_others_do_not_wait() -> None:
    time = Time()
    some = bucket(time, 10, 1)
    some.pause("a", 30)
    some.pause("a", 5)
    assert taken(time, some, 2, "b") == [0, 0.1]
    assert taken(time, some, 2, "a") == [30, 30.1]


def test_many_at_once_are_served_in_turn() -> None:
    """With the real clock: twenty wait together, and none of them longer than its turn."""

    async def run() -> list[int]:
        order: list[int] = []
        some = Bucket(1000, burst=1)

        async def one(number: int) -> None:
            await some.take("a")
            order.append(number)

        await asyncio.gather(*map(one, range(20)))
        return order

    assert asyncio.run(run()) == list(range(20))
