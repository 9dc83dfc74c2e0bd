"""Proofs of sdists over HTTP: `/api/PROJECT/VERSION/proof`, sent and shown."""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.proofs import proofs_of, take_proof
from trueup.interfaces.web.access import Access, channel_of
from trueup.interfaces.web.body import read_body
from trueup.model.errors import NotFoundError

__all__ = ["ProofRoutes"]

_LARGEST = 16 * 1024 * 1024


class ProofRoutes:
    """The routes of proofs."""

    def __init__(self, desk: Desk, access: Access) -> None:
        self._desk = desk
        self._access = access

    def routes(self) -> list[Route]:
        """One address for each release, by channel."""
        path = "/api/{project}/{version}/proof"
        return [
            Route(prefix + path, answer, methods=methods)
            for prefix in ("", "/c/{channel}")
            for answer, methods in ((self.send, ["POST"]), (self.show, ["GET"]))
        ]

    async def send(self, request: Request) -> Response:
        """Take the record in the body; it must be about an sdist of the release, and hold."""
        token = await self._access.token(request)
        channel, project = channel_of(request), request.path_params["project"]
        self._access.may(token, "upload", channel, project)
        release = await self._access.release(request)
        data = await read_body(request, _LARGEST, what="the record")
        found = await run_in_threadpool(take_proof, self._desk.store, release, data, who=token.name)
        await run_in_threadpool(self._desk.receiver(channel).reconsider, release, who=token.name)
        return JSONResponse({"filename": found.filename, "sha256": found.sha256, "holds": True})

    async def show(self, request: Request) -> Response:
        """The records of the release's sdists, by file name."""
        release = await self._access.looked_at(request)
        found = await run_in_threadpool(proofs_of, self._desk.store, release)
        if not found:
            raise NotFoundError(
                "there is no proof", place=(f"{release.project} {release.version}",)
            )
        return JSONResponse({name: json.loads(record) for name, record in sorted(found.items())})
