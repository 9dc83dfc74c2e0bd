"""How much one address or one token may ask in a time: counted in the memory of one worker.

The event loop alone counts, so nothing is locked. What is kept is bounded: of too many addresses
those that asked longest ago are forgotten, which is kinder than locking strangers out.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

__all__ = ["Bucket", "Limits", "Rate", "address_of"]

_MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``count`` in ``seconds``; so many may also come at once."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """For one address, or for one token; None: no limit.

    ``requests`` are all, ``uploads`` files, ``failures`` attempts with a token that is not known.
    """

    requests: Rate | None = field(default_factory=lambda: Rate(count=60_000, seconds=60))
    uploads: Rate | None = field(default_factory=lambda: Rate(count=6_000, seconds=3600))
    failures: Rate | None = field(default_factory=lambda: Rate(count=60, seconds=60))


class Bucket:
    """Who asked how often, as one number each: when they will have a full measure again.

    That is the generic cell rate algorithm (ITU-T I.371, annex A) with a burst of the whole count.
    """

    def __init__(
        self, rate: Rate, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step = rate.seconds / rate.count
        self._span = rate.seconds
        self._most = most
        self._clock = clock
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def wait(self, key: Hashable) -> float:
        """In how many seconds this one may again; 0: now."""
        left = self._until.get(key, 0.0) + self._step - self._span - self._clock()
        # A hair too early, by the rounding of floats, is not too early.
        return left if left > 1e-9 else 0.0

    def take(self, key: Hashable) -> float:
        """Count one, if it may be; returns how many seconds to wait if not (0: counted)."""
        wait = self.wait(key)
        if not wait:
            self._until[key] = max(self._until.get(key, 0.0), self._clock()) + self._step
            self._until.move_to_end(key)
            if len(self._until) > self._most:
                self._until.popitem(last=False)
        return wait


@lru_cache(maxsize=8192)
def address_of(host: str | None) -> str | None:
    """What stands for a client: its address, of IPv6 the network of 64 bits that one customer has.

    None for this machine itself, and for what has no address.
    """
    try:
        found = ip_address((host or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        if mapped is None:
            return None if found.is_loopback else str(IPv6Address(int(found) >> 64 << 64))
        found = mapped
    return None if found.is_loopback else str(found)
