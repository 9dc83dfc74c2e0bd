"""Requests as those see them who count and log: one value per request, after its last byte.

Pages that are there do not come here, they are counted with a plain number each (:class:`Tally`).
"""

from __future__ import annotations

import re
import secrets
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Exchange", "Place", "Tally", "Watched", "view_of"]

_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,63}", re.ASCII)
"""A request id that is taken over; others are replaced."""

_SHOWN = ("channel", "project", "version", "filename")
"""Parts of an address that are told; others may be secrets, such as those of an upload session."""


Place = tuple[bool, str | None, bool, str]
"""In a channel, the view as the address says it, whether the client had it (304), and whether the
page was in memory or had to be read from the database."""


class Tally:
    """Pages that one worker sent without waiting. Only its event loop counts: nothing is locked."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Place, list[int]] = {}

    def add(self, channel: str | None, view: str | None, sent: int, origin: str = "memory") -> None:
        """One page; no byte was sent where the client had it."""
        place = (channel is not None, view, sent == 0, origin)
        counted = self._counts.get(place)
        if counted is None:
            counted = self._counts[place] = [0, 0]
        counted[0] += 1
        counted[1] += sent

    def taken(self) -> list[tuple[Place, tuple[int, int]]]:
        """How many of each, and their bytes; from any thread."""
        return [(place, (one[0], one[1])) for place, one in list(self._counts.items())]


@dataclass(kw_only=True)
class Exchange:
    """One request and its answer; ``status`` 0: the client went before there was an answer.

    ``route`` is the template of the address, empty for one that leads nowhere; sizes are in bytes,
    times in seconds; ``error`` is why it was refused, ``trouble`` the traceback of a fault of ours.
    """

    id: str
    method: str
    path: str
    client: str | None
    agent: str
    memory: bool = False
    route: str = ""
    status: int = 0
    seconds: float = 0.0
    sent: int = 0
    received: int = 0
    who: str | None = None
    parts: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    trouble: str | None = None

    @property
    def view(self) -> str:
        return view_of(self.route)


def view_of(route: str | None) -> str:
    """The view that an address belongs to; empty where it is no page."""
    steps, found, _ = (route or "").partition("/simple/")
    return (steps.removeprefix("/c/{channel}").strip("/") or "faithful") if found else ""


class Watched:
    """An application around another, which tells of each request; gives it an id."""

    def __init__(
        self,
        inner: ASGIApp,
        tell: Callable[[Exchange], None],
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._inner = inner
        self._tell = tell
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        found, started = _begun(scope), self._clock()
        finished = False

        async def heard() -> Message:
            message = await receive()
            found.received += len(message.get("body", b""))
            return message

        async def said(message: Message) -> None:
            nonlocal finished
            if message["type"] == "http.response.start":
                found.status = message["status"]
                named = (b"x-request-id", found.id.encode("ascii"))
                message = {**message, "headers": [*message.get("headers", ()), named]}
            else:
                found.sent += len(message.get("body", b""))
                finished = not message.get("more_body", False)
            await send(message)

        try:
            await self._inner(scope, heard, said)
        except ClientDisconnect:
            # Nobody is there to hear of it; an upload that was cut off is no fault.
            found.status = 0
        except Exception:
            found.trouble = traceback.format_exc()
            # An answer that was cut off must not look whole.
            if not finished:
                raise
        finally:
            found.seconds = self._clock() - started
            _ended(found, scope)
            self._tell(found)


def _begun(scope: Scope) -> Exchange:
    headers = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    client = scope.get("client")
    return Exchange(
        id=given if _SANE.fullmatch(given) else secrets.token_hex(8),
        method=scope["method"],
        path=scope["path"],
        client=client[0] if client else None,
        agent=headers.get(b"user-agent", b"").decode("latin-1"),
    )


def _ended(found: Exchange, scope: Scope) -> None:
    # What is answered from memory never comes to the routes.
    found.memory = "app" not in scope
    route = scope.get("route")
    found.route = getattr(route, "path", "")
    state = scope.get("state", {})
    found.who, found.error = state.get("who"), state.get("error")
    given = scope.get("path_params", {})
    found.parts = {name: str(given[name]) for name in _SHOWN if name in given}
