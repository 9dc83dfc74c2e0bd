"""A request becomes one value, whatever becomes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from trueup.interfaces.web.watched import Exchange, Tally, Watched, view_of


async def _good(request: Request) -> Response:
    request.state.who = "builder"
    await request.body()
    return Response(b"answer")


async def _faulty(request: Request) -> Response:
    raise KeyError("x")


async def _left(request: Request) -> Response:
    raise ClientDisconnect


ROUTES = [
    Route("/good/{project}/{secret}", _good, methods=["POST"]),
    Route("/faulty", _faulty),
    Route("/left", _left),
]


def ask(
    app: Any, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[list[Exchange], list[Message]]:
    """One request with the body `body`; what was told, and what was sent."""
    told: list[Exchange] = []
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"body"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"", "root_path": "",
        "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    moments = iter([10.0, 10.5])
    watched = Watched(app, told.append, clock=lambda: next(moments))
    asyncio.run(watched(scope, receive, send))
    return told, sent


def test_what_is_told_of_a_request() -> None:
    told, sent = ask(
        Starlette(routes=ROUTES), "/good/demo/abc", method="POST",
        headers={"user-agent": "pip", "x-request-id": "abc.1"},
    )  # fmt: skip
    (found,) = told
    assert (found.route, found.parts) == ("/good/{project}/{secret}", {"project": "demo"})
    assert (found.id, found.who, found.agent, found.status) == ("abc.1", "builder", "pip", 200)
    assert (found.received, found.sent, found.seconds) == (4, 6, 0.5)
    assert not found.memory
    assert (b"x-request-id", b"abc.1") in sent[0]["headers"]


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 65, "é", '"', "-a"])
def test_an_id_that_could_be_anything_is_not_taken(given: str) -> None:
    told, _ = ask(Starlette(routes=ROUTES), "/left", headers={"x-request-id": given})
    assert told[0].id != given
    assert len(told[0].id) == 16


@pytest.mark.parametrize(("path", "status"), [("/faulty", 500), ("/left", 0), ("/absent", 404)])
def test_what_goes_wrong(path: str, status: int) -> None:
    told, _ = ask(Starlette(routes=ROUTES), path)
    assert told[0].status == status
    assert ("KeyError: 'x'" in (told[0].trouble or "")) == (status == 500)


def test_an_answer_that_was_cut_off_is_not_made_whole() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        ask(app, "/files/x")


def test_pages_from_memory_are_told_apart_and_counted() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab"})

    told, _ = ask(app, "/simple/demo/")
    assert told[0].memory
    tally = Tally()
    for sent in (5, 7, 0):
        tally.add("mpi", "/corrected", sent)
    tally.add(None, None, 3, "database")
    assert tally.taken() == [
        ((True, "/corrected", False, "memory"), (2, 12)),
        ((True, "/corrected", True, "memory"), (1, 0)),
        ((False, None, False, "database"), (1, 3)),
    ]


@pytest.mark.parametrize(
    ("route", "view"),
    [
        ("/simple/{project}/", "faithful"),
        ("/c/{channel}/corrected/simple/{project}/", "corrected"),
        ("/ledger/corrected/simple/{project}/", "ledger/corrected"),
        ("/legacy/", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_view_of_an_address(route: str | None, view: str) -> None:
    assert view_of(route) == view
