"""How fast a crawl may ask: so many requests a second in all, and pauses where a server wants them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["Bucket"]


class Bucket:
    """One token bucket for all servers: ``rate`` requests a second, at most ``burst`` at once.

    Whoever asks gets the next free moment and sleeps until then, so waiting is fair. ``clock``
    (monotonic seconds) and ``sleep`` are what it needs from the outside world.
    """

    def __init__(
        self,
        rate: float,
        *,
        burst: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._step = 1 / rate
        self._ahead = self._step * max(1.0, rate if burst is None else burst)
        self._clock, self._sleep = clock, sleep
        self._next = 0.0
        self._pauses: dict[str, float] = {}

    async def take(self, server: str) -> None:
        """Wait until the next request may be sent to a server."""
        while self._pauses and (until := self._pauses.get(server)) is not None:
            wait = until - self._clock()
            if wait <= 0:
                del self._pauses[server]
                break
            await self._sleep(wait)
        now = self._clock()
        # A moment that nobody used is lost, but for the burst.
        at = max(self._next, now - self._ahead + self._step)
        self._next = at + self._step
        if at > now:
            await self._sleep(at - now)

    def pause(self, server: str, seconds: float) -> None:
        """Send nothing to a server for so long."""
        until = self._clock() + seconds
        self._pauses[server] = max(until, self._pauses.get(server, 0.0))
