"""What a request holds, if that is not much."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from trueup.features.serve.refusal import RefusedError, TooLargeError
from trueup.sources.limits import size_text

__all__ = ["read_body"]

_PATIENCE = 60.0
"""Seconds that any body may take."""

_SLOWEST = 16 * 1024
"""Bytes per second that one comes with, where it may be large."""


class SlowError(RefusedError):
    """Nobody waits for good, least of all for those who need no token."""

    status = 408


async def read_body(request: Request, limit: int, *, what: str = "the request") -> bytes:
    """All of it; raises TooLargeError as soon as it is more than ``limit`` bytes, SlowError if it
    does not come.
    """
    seconds = _PATIENCE + limit / _SLOWEST
    try:
        async with asyncio.timeout(seconds):
            return await _all(request, limit, what)
    except TimeoutError as error:
        raise SlowError(f"{what} did not arrive", expected=f"within {seconds:.0f} s") from error


async def _all(request: Request, limit: int, what: str) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise TooLargeError(f"{what} is too large", expected=f"at most {size_text(limit)}")
    return bytes(data)
