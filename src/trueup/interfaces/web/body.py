"""What a request holds, if that is not much."""

from __future__ import annotations

from starlette.requests import Request

from trueup.features.serve.refusal import TooLargeError
from trueup.sources.limits import size_text

__all__ = ["read_body"]


async def read_body(request: Request, limit: int, *, what: str = "the request") -> bytes:
    """All of it; raises TooLargeError as soon as it is more than ``limit`` bytes."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise TooLargeError(f"{what} is too large", expected=f"at most {size_text(limit)}")
    return bytes(data)
