"""Threads for what may ask the index behind: if that hangs, uploads and other answers go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import CapacityLimiter

__all__ = ["Outside"]

_AT_ONCE = 64

_Found = TypeVar("_Found")
_Arguments = TypeVarTuple("_Arguments")


class Outside:
    """Runs functions in threads that nothing else waits for."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None

    async def run(
        self, function: Callable[[*_Arguments], _Found], *arguments: *_Arguments
    ) -> _Found:
        """The result of a function that may wait for somebody else's server."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(_AT_ONCE)
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._limiter)
