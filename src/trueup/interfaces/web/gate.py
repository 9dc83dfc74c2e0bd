"""Who may read: a gate before everything that a private channel shows, under whatever address.

What belongs to no channel in particular belongs to the main one, so that a new address is closed
until it is listed here as one that looks after itself.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from packaging.utils import canonicalize_name
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trueup.features.serve.desk import MAIN, Desk
from trueup.features.serve.policies import ReadRules
from trueup.features.serve.refusal import RefusedError
from trueup.interfaces.web.access import Access
from trueup.interfaces.web.problems import refused
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.store.store import Token

__all__ = ["Gate"]

_OPEN = re.compile(
    r"/(?:health|metrics|login|logout|[a-z0-9.-]+\.(?:css|js|svg|ico|png))"
    # Pages that show each visitor what their token allows.
    r"|/(?:channels|waiting|audit)(?:/.*)?"
    r"|/(?:\.well-known|stage)/.*"
    r"|(?:/c/[^/]*)?/(?:legacy|api|upload|_)/.*",
    re.ASCII | re.DOTALL,
)
"""Addresses that say nothing of what is kept, or ask for a token themselves."""

_FILE = re.compile(r"/files/(?P<sha256>[^/]*)/.*", re.DOTALL)
_CHANNEL = re.compile(r"/c/(?P<channel>[^/]*)(?P<rest>/.*)?", re.DOTALL)
_PAGE = re.compile(r"(?:/[^/]+)*/simple/(?P<project>[^/]+)/?", re.DOTALL)
_INTEGRITY = re.compile(r"(?:/c/[^/]*)?/integrity/(?P<project>[^/]+)/.*", re.DOTALL)
_SIMPLE = re.compile(r"(?:/[^/]+)*/simple(?:/.*)?", re.DOTALL)
_PEOPLE = re.compile(r"/p/(?P<project>[^/]+)(?:/.*)?", re.DOTALL)
_COOKIE = "trueup-session"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What an address shows; ``project`` None: a list. ``people`` look with what they may do."""

    channel: str
    project: str | None
    people: bool = False


class Gate:
    """Lets requests through to ``routes`` that may see what they ask for."""

    def __init__(self, desk: Desk, access: Access, readers: ReadRules, routes: ASGIApp) -> None:
        self._desk = desk
        self._access = access
        self._readers = readers
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _OPEN.fullmatch(scope["path"]):
            await self._routes(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            private = await self._passed(request)
        except TrueupError as error:
            answer = _login(request, error) or await refused(request, error)
            answer.headers["cache-control"] = "private, no-store"
            await answer(scope, receive, send)
            return
        await self._routes(scope, receive, _privately(send) if private else send)

    async def _passed(self, request: Request) -> bool:
        """Whether the answer is for this reader only; raises RefusedError, NotFoundError."""
        # The path as the routes see it; what `url` makes of it may end at a `?` within.
        path: str = request.scope["path"]
        file = _FILE.fullmatch(path)
        if file is not None:
            return await self._file(request, file["sha256"])
        asked = _asked(path)
        needed = self._readers.needed(asked.channel)
        if needed:
            token = await self._token(request, people=asked.people)
            for channel in needed:
                await self._check(token, channel, asked)
        return bool(needed)

    async def _file(self, request: Request, sha256: str) -> bool:
        """A digest is no way around: a file is for those who may see a page that names it."""
        holders = await run_in_threadpool(self._desk.store.holders, sha256)
        if any(not self._readers.needed(one.channel or MAIN) for one in holders):
            return False
        # Who has no token hears the same of a file that is there and of one that is not.
        token = await self._token(request, people=False)
        for one in holders:
            needed = self._readers.needed(one.channel or MAIN)
            if all(token.scope.allows("read", channel, one.project) for channel in needed):
                return True
            if one.channel is None and all(_reads(token, channel) for channel in needed):
                return True
        raise NotFoundError("no such file", place=(sha256,))

    async def _token(self, request: Request, *, people: bool) -> Token:
        session = request.cookies.get(_COOKIE, "") if people else ""
        if session and "authorization" not in request.headers:
            found = await run_in_threadpool(self._desk.store.visitor, session)
            if found is not None:
                return found
        return await self._access.token(request)

    async def _check(self, token: Token, channel: str, asked: _Asked) -> None:
        project = asked.project
        if asked.people:
            actions = token.scope.actions
            if not any(token.scope.allows(one, channel, project or "*") for one in actions):
                raise self._access.forbidden(token, "read", channel, project)
            return
        if token.scope.allows("read", channel, project or "*"):
            return
        # A token for some projects also shows what these depend on, if it is not the channel's own.
        own = project is None or await run_in_threadpool(
            self._desk.store.owns, channel, canonicalize_name(project)
        )
        if own or not _reads(token, channel):
            raise self._access.forbidden(token, "read", channel, project)


def _login(request: Request, error: TrueupError) -> Response | None:
    """Where people are sent who show nothing: browsers would ask in a window of their own."""
    path: str = request.scope["path"]
    unknown = isinstance(error, RefusedError) and error.status == 401
    looks = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    shows = "authorization" in request.headers or bool(_FILE.fullmatch(path))
    if not unknown or not looks or shows or not _asked(path).people:
        return None
    return RedirectResponse(f"/login?to={quote(path)}", status_code=303)


def _reads(token: Token, channel: str) -> bool:
    """Whether a token may read anything in a channel."""
    return any(token.scope.allows("read", channel, project) for project in token.scope.projects)


def _asked(path: str) -> _Asked:
    found = _CHANNEL.fullmatch(path)
    channel = MAIN if found is None else found["channel"]
    # A project may be called `simple`.
    people = _PEOPLE.fullmatch(path)
    if people is not None:
        return _Asked(channel=channel, project=people["project"], people=True)
    attested = _INTEGRITY.fullmatch(path)
    if attested is not None:
        return _Asked(channel=channel, project=attested["project"])
    if _SIMPLE.fullmatch(path):
        page = _PAGE.fullmatch(path)
        return _Asked(channel=channel, project=None if page is None else page["project"])
    return _Asked(channel=channel, project=None, people=True)


def _privately(send: Send) -> Callable[[Message], Awaitable[None]]:
    """What is sent is kept by nobody but who asked."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() not in (b"cache-control", b"vary")
            ]
            given = dict(message.get("headers", ()))
            kept = given.get(b"cache-control", b"").decode("latin-1")
            rest = [part for part in map(str.strip, kept.split(",")) if part]
            words = ["private", *(one for one in rest if one not in ("public", "private"))]
            varies = [given.get(b"vary", b"").decode("latin-1"), "Authorization", "Cookie"]
            fields.append((b"cache-control", ", ".join(words).encode("latin-1")))
            fields.append((b"vary", ", ".join(filter(None, varies)).encode("latin-1")))
            message = {**message, "headers": fields}
        await send(message)

    return sent
