"""The reason phrase of an answer: all that twine shows of a refusal unless it is told to be verbose.

ASGI has no place for it; uvicorn's status lines are looked up in a table, and this one says what
the request in question was refused for.
"""

from __future__ import annotations

from contextvars import ContextVar

__all__ = ["install", "say"]

_REASON: ContextVar[str | None] = ContextVar("reason", default=None)
_LONGEST = 300


class _Lines(dict[int, bytes]):
    def __getitem__(self, code: int) -> bytes:
        reason = _REASON.get()
        if reason is None:
            return super().__getitem__(code)
        # Said once: a request that was sent before this answer is answered in the same context.
        _REASON.set(None)
        text = "".join(c if " " <= c <= "~" else "?" for c in reason)[:_LONGEST]
        return b"HTTP/1.1 %d %s\r\n" % (code, text.encode("ascii"))


def install() -> None:
    """Have uvicorn send what was said; without its httptools protocol nothing happens."""
    try:
        from uvicorn.protocols.http import httptools_impl
    except ImportError:
        return
    if not isinstance(httptools_impl.STATUS_LINE, _Lines):
        httptools_impl.STATUS_LINE = _Lines(httptools_impl.STATUS_LINE)


def say(reason: str) -> None:
    """The reason phrase of the answer to this request."""
    _REASON.set(reason)
