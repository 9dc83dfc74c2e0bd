"""Waiting for what comes true: until a deadline, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["until"]

_T = TypeVar("_T")


def until(
    find: Callable[[], _T], said: str = "it does not come true", *, seconds: float = 60.0
) -> _T:
    """What is found, as soon as that is true; fails with what is ``said``."""
    end = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < end, said
        time.sleep(0.02)
    return found
