"""How much one address or token may ask: exact, bounded, and kind to this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.interfaces.web.rates import Bucket, Rate, address_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    bucket = Bucket(Rate(count=3, seconds=60), clock=clock)
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(20)]
    assert bucket.take("b") == 0
    clock.now += 19
    assert bucket.take("a") == pytest.approx(1)
    clock.now += 1
    assert bucket.take("a") == 0
    assert bucket.wait("a") == pytest.approx(20)
    clock.now += 60
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(20)]


@given(
    st.integers(1, 20),
    st.floats(0.1, 100),
    st.lists(st.floats(0, 50), min_size=1, max_size=60),
)
def test_never_more_than_the_rate(count: int, seconds: float, gaps: list[float]) -> None:
    """In no span of time more than the measure at once and what came back since."""
    clock = Clock()
    bucket = Bucket(Rate(count=count, seconds=seconds), clock=clock)
    taken: list[float] = []
    for gap in gaps:
        clock.now += gap
        if not bucket.take("a"):
            taken.append(clock.now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            span = taken[last] - taken[first]
            assert last - first + 1 <= count * (1 + span / seconds) + 1e-6


def test_memory_is_bounded() -> None:
    clock = Clock()
    bucket = Bucket(Rate(count=1, seconds=60), most=100, clock=clock)
    for number in range(1000):
        bucket.take(number)
    assert len(bucket) == 100
    assert bucket.wait(999) > 0
    assert bucket.wait(0) == 0


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None),
        ("127.8.9.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("testclient", None),
        (None, None),
    ],
)
def test_what_stands_for_a_client(host: str | None, address: str | None) -> None:
    assert address_of(host) == address
