"""What nobody asked for a token yet takes neither memory nor time for good; tried over a socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.waiting import until
from trueup.interfaces.web import reason
from trueup.interfaces.web.bounded import Bounded


class Hasty(Bounded):
    patience = 0.2


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses `/no` with a reason, takes its time for `/slow`."""
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    if scope["path"] == "/no":
        reason.say("not for you")
    status = 403 if scope["path"] == "/no" else 200
    await send({"type": "http.response.start", "status": status, "headers": [
        (b"content-length", b"0")]})  # fmt: skip
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def serving(protocol: type[Bounded]) -> Iterator[int]:
    """A real server of the library, with such connections."""
    reason.install()
    config = uvicorn.Config(
        answer, http=protocol, lifespan="off", log_config=None, log_level="critical"
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        until(lambda: server.started, "the server does not come up")
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Bounded) as found:
        yield found


@pytest.fixture(scope="module")
def hasty() -> Iterator[int]:
    with serving(Hasty) as found:
        yield found


def talk(port: int, *pieces: bytes, until_close: bool = False) -> list[bytes]:
    """The status lines of what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        got = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            if not until_close:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65536):
                got += more
        except ConnectionError:
            pass  # closed while there was more to send
    return [line for line in got.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def get(path: str, *fields: bytes) -> bytes:
    return b"\r\n".join([f"GET {path} HTTP/1.1".encode(), b"Host: x", *fields, b"", b""])


LAST = b"Connection: close"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\n", *(b"x-%d: %s\r\n" % (n, b"a" * 5000) for n in range(400))],
        [b"GET / HTTP/1.1\r\nx: ", *[b"a" * 50_000] * 40],
        [b"GET /", *[b"a" * 50_000] * 40],
    ],
    ids=["many fields", "a large field", "a long address"],
)
def test_a_head_has_a_largest_size(pieces: list[bytes], port: int) -> None:
    assert all(line.startswith(b"HTTP/1.1 431 ") for line in talk(port, *pieces, until_close=True))
    assert talk(port, get("/", LAST)) == [b"HTTP/1.1 200 OK"]


def test_what_an_installer_sends_fits(port: int) -> None:
    fields = [b"authorization: Basic " + b"a" * 8000, b"cookie: " + b"b" * 8000, LAST]
    whole = get("/", *fields)
    pieces = [whole[at : at + 1000] for at in range(0, len(whole), 1000)]
    assert talk(port, *pieces, until_close=True) == [b"HTTP/1.1 200 OK"]


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(begun: bytes, hasty: int) -> None:
    assert talk(hasty, begun, until_close=True) == []


def test_an_answer_under_way_is_finished_whatever_follows(hasty: int) -> None:
    assert talk(hasty, get("/slow") + b"GET /", until_close=True) == [b"HTTP/1.1 200 OK"]


def test_a_reason_is_that_of_one_request(port: int) -> None:
    """The second one came before the first was answered."""
    assert talk(port, get("/no") + get("/", LAST), until_close=True) == [
        b"HTTP/1.1 403 not for you",
        b"HTTP/1.1 200 OK",
    ]
