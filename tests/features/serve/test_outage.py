"""Who waits for an index that does not answer, and who is told at once."""

from __future__ import annotations

import pytest

from trueup.features.serve.outage import Outage
from trueup.model.errors import NotFoundError, SourceError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def ask(outage: Outage, clock: Clock, seconds: float, error: Exception | None) -> str:
    """What somebody hears who asks, where the index needs so many seconds."""
    try:
        with outage.asking():
            clock.now += seconds
            if error is not None:
                raise error
    except NotFoundError:
        return "not there"
    except SourceError as told:
        return "told at once" if "not asked" in str(told) else "failed"
    return "answered"


SILENT = SourceError("silence for 15 s")


def test_one_waits_in_vain_and_the_others_do_not() -> None:
    clock = Clock()
    outage = Outage(clock)
    assert ask(outage, clock, 15, SILENT) == "failed"
    assert [ask(outage, clock, 15, SILENT) for _ in range(3)] == ["told at once"] * 3
    clock.now += 11
    assert ask(outage, clock, 15, SILENT) == "failed", "somebody looks again"
    assert ask(outage, clock, 15, SILENT) == "told at once"
    clock.now += 11
    assert ask(outage, clock, 0.1, None) == "answered"
    assert ask(outage, clock, 0.1, None) == "answered"


def test_while_one_looks_again_the_others_go_on() -> None:
    clock = Clock()
    outage = Outage(clock)
    ask(outage, clock, 15, SILENT)
    clock.now += 11
    with outage.asking():
        clock.now += 5
        assert ask(outage, clock, 1, None) == "told at once"
    assert ask(outage, clock, 1, None) == "answered"


@pytest.mark.parametrize(
    ("seconds", "error", "heard"),
    [
        (0.2, SourceError("status 500"), "failed"),
        (0.1, NotFoundError("no such project"), "not there"),
        (15.0, NotFoundError("no such project"), "not there"),
        (15.0, None, "answered"),
    ],
)
def test_a_fault_that_is_told_at_once_and_an_answer_that_takes_time_stop_nobody(
    seconds: float, error: Exception | None, heard: str
) -> None:
    clock = Clock()
    outage = Outage(clock)
    assert [ask(outage, clock, seconds, error) for _ in range(3)] == [heard] * 3


def test_others_go_on_for_as_long_as_one_waited() -> None:
    clock = Clock()
    outage = Outage(clock)
    assert ask(outage, clock, 1, SILENT) == "failed"
    clock.now += 0.9
    assert ask(outage, clock, 1, SILENT) == "told at once"
    clock.now += 0.2
    assert ask(outage, clock, 0.1, None) == "answered"


def test_it_says_what_the_other_heard() -> None:
    clock = Clock()
    outage = Outage(clock)
    ask(outage, clock, 15, SILENT)
    with pytest.raises(SourceError, match="silence for 15 s"), outage.asking():
        raise AssertionError("it is not asked")
