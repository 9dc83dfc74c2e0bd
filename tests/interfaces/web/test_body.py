"""Small bodies are read whole, unless they are large or do not come."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from trueup.features.serve.refusal import RefusedError
from trueup.interfaces.web import body


def read(*pieces: bytes, every: float = 0.0, limit: int = 100) -> bytes:
    left = list(pieces)

    async def receive() -> Message:
        await asyncio.sleep(every)
        data = left.pop(0)
        return {"type": "http.request", "body": data, "more_body": bool(left)}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    return asyncio.run(body.read_body(request, limit, what="the form"))


def test_all_of_it_is_read() -> None:
    assert read(b"one ", b"", b"two") == b"one two"


def test_it_may_not_be_large() -> None:
    with pytest.raises(RefusedError, match="the form is too large") as caught:
        read(b"x" * 60, b"x" * 60)
    assert caught.value.status == 413


def test_a_body_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_PATIENCE", 0.05)
    with pytest.raises(RefusedError, match="the form did not arrive") as caught:
        read(*[b"x"] * 50, every=0.01)
    assert caught.value.status == 408
