"""Publishing sessions over HTTP: opened, looked at, extended, canceled, published.

Source: PEP 694 (draft of July 2026), which asks servers not to offer it before it is approved: hence
the option `--sessions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any

from packaging.utils import canonicalize_name
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trueup.features.serve.announced import Terms
from trueup.features.serve.desk import Desk
from trueup.features.serve.session import Sessions
from trueup.interfaces.web.access import Access, channel_of
from trueup.interfaces.web.sessionasking import Asking
from trueup.interfaces.web.sessionfiles import SessionFiles
from trueup.interfaces.web.sessionwire import (
    Extending,
    Links,
    Opening,
    Plain,
    check_accept,
    read,
    reply,
    session_body,
    speaking,
)
from trueup.interfaces.web.stages import StagePages
from trueup.model.errors import TrueupError
from trueup.sources.store.publishing import PublishingSession

__all__ = ["SessionRoutes"]

_SWEEP = 15.0
"""Seconds between looks for what has expired."""

Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


class SessionRoutes:
    """Everything about sessions, and what has to be done for them every now and then."""

    def __init__(self, desk: Desk, access: Access, *, largest: int) -> None:
        self._sessions = Sessions(desk, Terms(largest=largest))
        self._access = access
        self._asking = Asking(self._sessions, access)
        self._files = SessionFiles(self._sessions, self._asking, desk)
        self._stages = StagePages(desk)

    def routes(self) -> list[Route]:
        found = []
        for prefix in ("", "/c/{channel}"):
            base = f"{prefix}/upload"
            one = f"{base}/{{session}}"
            found += [
                Route(f"{base}/", speaking(self.open), methods=["POST"]),
                Route(one, speaking(self.status), methods=["GET"]),
                Route(one, speaking(self.cancel), methods=["DELETE"]),
                Route(f"{one}/publish", speaking(self.publish), methods=["POST"]),
                Route(f"{one}/extend", speaking(self.extend), methods=["POST"]),
                *self._files.routes(f"{one}/files"),
            ]
        return [*found, *self._stages.routes()]

    async def open(self, request: Request) -> Response:
        token = await self._access.token(request)
        asked = await read(request, Opening)
        channel = channel_of(request)
        self._access.may(token, "upload", channel, canonicalize_name(asked.name))
        session = await run_in_threadpool(
            self._sessions.open, channel, asked.name, asked.version, who=token.name
        )
        return await self._answer(request, session, status=201)

    async def status(self, request: Request) -> Response:
        _, session = await self._asking.session(request)
        check_accept(request)
        return await self._answer(request, session)

    async def cancel(self, request: Request) -> Response:
        token, session = await self._asking.session(request)
        await run_in_threadpool(self._sessions.cancel, session, who=token.name)
        return Response(status_code=204)

    async def extend(self, request: Request) -> Response:
        _, session = await self._asking.session(request)
        asked = await read(request, Extending)
        session = await run_in_threadpool(self._sessions.extend, session, asked.extend_for)
        return await self._answer(request, session)

    async def publish(self, request: Request) -> Response:
        token, session = await self._asking.session(request, "publish")
        await read(request, Plain)
        session = await run_in_threadpool(self._sessions.publish, session, who=token.name)
        return await self._answer(request, session, status=201)

    async def _answer(
        self, request: Request, session: PublishingSession, *, status: int = 200
    ) -> Response:
        links = Links(request, session.channel)
        found = await run_in_threadpool(self._sessions.status, session)
        location = links.session(session.id) if status == 201 else None
        return reply(session_body(links, found), status=status, location=location)

    # --- every now and then -------------------------------------------------------------------------

    def around(self, lifespan: Lifespan | None) -> Lifespan:
        """The same, and what has expired is ended meanwhile: also what a killed server left."""

        @asynccontextmanager
        async def living(app: Any) -> AsyncIterator[None]:
            async with nullcontext() if lifespan is None else lifespan(app):
                task = asyncio.create_task(self._sweep())
                try:
                    yield
                finally:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

        return living

    async def _sweep(self) -> None:
        while True:
            # The database may be away for a moment.
            with suppress(TrueupError):
                await run_in_threadpool(self._sessions.sweep)
            await asyncio.sleep(_SWEEP)
