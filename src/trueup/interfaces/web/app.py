"""The index as an ASGI application: pages and files for installers, uploads, publishing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from trueup.features.serve.desk import Desk
from trueup.features.serve.policies import ReadRules
from trueup.features.serve.receive import Received, RefusedError
from trueup.features.serve.view import PATHS, View, ViewPath, path_of
from trueup.interfaces.web import reason
from trueup.interfaces.web.access import Access, channel_of
from trueup.interfaces.web.changes import yank_reason
from trueup.interfaces.web.gate import Gate
from trueup.interfaces.web.limited import Limited, Rates
from trueup.interfaces.web.oidc import Oidc
from trueup.interfaces.web.operation import Operation
from trueup.interfaces.web.outside import Outside
from trueup.interfaces.web.pages import Pages
from trueup.interfaces.web.problems import refused
from trueup.interfaces.web.proofs import ProofRoutes
from trueup.interfaces.web.provenance import Provenance, attesting
from trueup.interfaces.web.rates import Limits
from trueup.interfaces.web.replies import (
    FORMS,
    IMMUTABLE,
    PageResponse,
    file_asked,
    file_response,
    form_of,
    normal_page,
    send_page,
    wishes_of,
)
from trueup.interfaces.web.sessions import SessionRoutes
from trueup.interfaces.web.upload import read_form
from trueup.interfaces.web.watched import Tally
from trueup.model.artifact import OtherName, parse_filename
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.shown import shown
from trueup.sources.store.store import State

__all__ = ["Index", "make_app"]

_MOST_EXPECTED = 2_000
"""File names of a manifest; the largest releases have some hundred files."""


def _page_asked(path: str) -> ViewPath | None:
    # Installers ask for the same ones again and again, but nobody may fill the memory.
    return _known_page(path) if len(path) <= _LONGEST_KNOWN else path_of(path)


_LONGEST_KNOWN = 200
_known_page = lru_cache(maxsize=8192)(path_of)


class Index:
    """Public pages that are there are sent from here, without waiting; everything else by the
    routes.
    """

    def __init__(self, desk: Desk, routes: ASGIApp, tally: Tally, readers: ReadRules) -> None:
        self._desk = desk
        self._routes = routes
        self._tally = tally
        self._readers = None if readers.all_public else readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            asked = _page_asked(scope["path"])
            if asked is not None and not self._is_private(asked.view.channel):
                wishes = wishes_of(scope["headers"])
                origin = "memory"
                page = self._desk.remembered((asked.view.key, asked.project, wishes.form))
                if page is None:
                    origin = "database"
                    page = self._desk.glanced(asked.view, asked.project, wishes.form)
                if page is not None:
                    sent = await send_page(page, wishes, send)
                    self._tally.add(asked.channel, asked.steps or None, sent, origin)
                    return
        await self._routes(scope, receive, send)

    def _is_private(self, channel: str) -> bool:
        return self._readers is not None and bool(self._readers.needed(channel))


class _Handlers:
    """The slow ways: what must be looked up, made, received."""

    def __init__(self, desk: Desk, access: Access, *, largest: int) -> None:
        self._desk = desk
        self._access = access
        self._largest = largest
        self._outside = Outside()

    def routes(self) -> list[Route]:
        found = [
            Route("/health", self.health),
            Route("/files/{sha256}/{filename}", self.file, methods=["GET", "HEAD"]),
        ]
        for prefix in ("", "/c/{channel}"):
            for steps in PATHS:
                base = f"{prefix}{steps}/simple"
                found.append(Route(f"{base}/", self.projects))
                found.append(Route(f"{base}/{{project}}/", self.page))
                found.append(Route(f"{base}/{{project}}", self.page))
            found += [
                Route(f"{prefix}/legacy/", self.upload, methods=["POST"]),
                Route(f"{prefix}/api/{{project}}/{{version}}", self.release),
                Route(
                    f"{prefix}/api/{{project}}/{{version}}/publish", self.publish, methods=["POST"]
                ),
                Route(
                    f"{prefix}/api/{{project}}/{{version}}/delete", self.delete, methods=["POST"]
                ),
                Route(f"{prefix}/api/{{project}}/{{version}}/close", self.close, methods=["POST"]),
                Route(f"{prefix}/api/{{project}}/yank/{{filename}}", self.yank, methods=["POST"]),
            ]
        return found

    def _view(self, request: Request) -> View:
        steps = request.scope["route"].path.removeprefix("/c/{channel}").partition("/simple/")[0]
        return View.at(channel_of(request), steps)

    async def health(self, request: Request) -> Response:
        number = await run_in_threadpool(self._desk.store.generation)
        return JSONResponse({"status": "ok", "generation": number})

    async def projects(self, request: Request) -> Response:
        form = form_of(request.headers.get("accept", ""))
        body = await run_in_threadpool(self._desk.index, self._view(request), form)
        headers = {"vary": "Accept", "cache-control": "max-age=0, must-revalidate"}
        return Response(body, media_type=FORMS[form], headers=headers)

    async def page(self, request: Request) -> Response:
        elsewhere = normal_page(request)
        if elsewhere is not None:
            return elsewhere
        project = canonicalize_name(request.path_params["project"])
        wishes = wishes_of(request.scope["headers"])
        page = await self._outside.run(self._desk.page, self._view(request), project, wishes.form)
        return PageResponse(page, wishes)

    async def file(self, request: Request) -> Response:
        sha256, filename = file_asked(request)
        if filename.endswith(".metadata"):
            data = await self._outside.run(self._desk.files.sidecar, sha256)
            if data is None:
                raise NotFoundError("no such file", place=(filename,))
            headers = {"cache-control": IMMUTABLE}
            return Response(data, media_type="application/octet-stream", headers=headers)
        found = await self._outside.run(self._desk.files.file, sha256, filename)
        return file_response(found, sha256, request)

    async def upload(self, request: Request) -> Response:
        token = await self._access.token(request)
        channel = channel_of(request)
        self._access.uploads(token, request)
        with TemporaryDirectory(prefix="upload-", dir=self._desk.blobs.scratch) as folder:
            form = await read_form(
                _chunks(request),
                request.headers.get("content-type", ""),
                Path(folder),
                limit=partial(self._limit, channel),
            )
            if form.first(":action") not in ("", "file_upload"):
                found = shown(form.first(":action"))
                raise RefusedError("`:action`", found=f"`{found}`", expected="`file_upload`")
            if form.path is None or form.filename is None:
                raise RefusedError("the form has no file", expected="a part named `content`")
            self._access.may(token, "upload", channel, _project(form.filename))
            expected = _expected(form.first("trueup_expected"))
            if expected is not None:
                # The last file of a manifest publishes, whoever uploads it.
                self._access.may(token, "publish", channel, _project(form.filename))
            async with attesting(self._desk.store, form, channel, token):
                received = await run_in_threadpool(
                    self._desk.receiver(channel).receive,
                    form.path,
                    form.filename,
                    sha256=form.sha256,
                    size=form.size,
                    who=token.name,
                    said={name: form.first(name) for name in ("name", "version", "sha256_digest")},
                    expected=expected,
                )
        if received.complete:
            await self._publish(channel, received.project, str(received.version), token.name)
        elif received.state is State.PUBLISHED:
            await run_in_threadpool(self._desk.follow)
        return JSONResponse(_received(received))

    def _limit(self, channel: str, filename: str) -> int:
        own = self._desk.policies.for_project(channel, _project(filename)).largest
        return self._largest if own is None else min(own, self._largest)

    async def release(self, request: Request) -> Response:
        found = await self._access.looked_at(request)
        return JSONResponse(
            {
                "project": found.project,
                "version": str(found.version),
                "state": found.state.value,
                "closed": found.closed,
                "files": [
                    {"filename": one.filename, "sha256": one.sha256, "yanked": one.yanked}
                    for one in found.files
                ],
                "verdict": found.verdict,
            }
        )

    async def publish(self, request: Request) -> Response:
        token = await self._access.token(request)
        channel = channel_of(request)
        project = request.path_params["project"]
        self._access.may(token, "publish", channel, project)
        return await self._publish(channel, project, request.path_params["version"], token.name)

    async def _publish(self, channel: str, project: str, version: str, who: str) -> Response:
        done = await run_in_threadpool(self._desk.publish, channel, project, version, who=who)
        return JSONResponse(dict(done))

    async def delete(self, request: Request) -> Response:
        return await self._change(request, "delete", self._desk.store.remove)

    async def close(self, request: Request) -> Response:
        return await self._change(request, "close", self._desk.store.close)

    async def _change(self, request: Request, action: str, change: Callable[..., None]) -> Response:
        token = await self._access.token(request)
        self._access.may(token, action, channel_of(request), request.path_params["project"])
        found = await self._access.release(request)
        await run_in_threadpool(change, found, who=token.name)
        await run_in_threadpool(self._desk.follow)
        return JSONResponse({"project": found.project, "done": action})

    async def yank(self, request: Request) -> Response:
        """Yank a file for ``?reason=…``, or take it back with ``?undo=1``."""
        token = await self._access.token(request)
        channel, project = channel_of(request), request.path_params["project"]
        self._access.may(token, "yank", channel, project)
        said = request.query_params
        reason_text = None if said.get("undo") else yank_reason(said.get("reason", ""))
        done = await run_in_threadpool(
            self._desk.store.set_yanked,
            channel,
            canonicalize_name(project),
            request.path_params["filename"],
            reason_text,
            who=token.name,
        )
        if not done:
            raise NotFoundError("no such file", place=(request.path_params["filename"],))
        await run_in_threadpool(self._desk.follow)
        return JSONResponse({"filename": request.path_params["filename"], "yanked": reason_text})


def _project(filename: str) -> NormalizedName:
    """The project that a file belongs to, as whoever takes it sees it; raises RefusedError."""
    name = parse_filename(filename)
    if isinstance(name, OtherName):
        raise RefusedError(f"`{filename}` cannot be uploaded: {name.reason}")
    return name.project


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _expected(text: str) -> list[str] | None:
    """The manifest of a form, None if it has none; raises RefusedError."""
    if not text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise RefusedError(
            "`trueup_expected`", found=f"`{shown(text)}`", expected="a JSON list of file names"
        )
    if len(found) > _MOST_EXPECTED:
        raise RefusedError(
            "`trueup_expected`",
            found=f"{len(found):,} file names",
            expected=f"at most {_MOST_EXPECTED:,}",
        )
    return found


def _received(received: Received) -> dict[str, Any]:
    return {
        "filename": received.filename,
        "state": received.state.value,
        "findings": [
            {"code": one.code, "severity": one.severity.value, "message": one.message}
            for one in received.findings
        ],
    }


def make_app(
    desk: Desk,
    *,
    largest: int = 2 * 1024**3,
    operation: Operation | None = None,
    readers: ReadRules | None = None,
    limits: Limits | None = None,
    lifespan: Any = None,
    sessions: bool = False,
) -> ASGIApp:
    """The application; ``largest`` is the size of a file in bytes that is taken, ``operation``
    what watches it, ``lifespan`` what is done before the first request and after the last;
    ``sessions``: whether releases may be uploaded in publishing sessions as well. ``readers`` says
    for whom channels are (None: for all), ``limits`` how much one may ask.
    """
    reason.install()
    rates, readers = Rates(limits or Limits()), readers or ReadRules()
    access = Access(desk, rates)
    operation = operation or Operation(desk)
    routes = [
        *_Handlers(desk, access, largest=largest).routes(),
        *Pages(desk, access.token).routes(),
        *Oidc(desk).routes(),
        *Provenance(desk).routes(),
        *ProofRoutes(desk, access).routes(),
        *operation.routes(access),
    ]
    if sessions:
        publishing = SessionRoutes(desk, access, largest=largest)
        routes += publishing.routes()
        lifespan = publishing.around(lifespan)
    app: ASGIApp = Starlette(
        routes=routes, exception_handlers={TrueupError: refused}, lifespan=lifespan
    )
    if not readers.all_public:
        app = Gate(desk, access, readers, app)
    index = Index(desk, operation.around(app), operation.tally, readers)
    return operation.around_all(Limited(index, rates))
