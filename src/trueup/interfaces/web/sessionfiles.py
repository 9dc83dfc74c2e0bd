"""Files of publishing sessions over HTTP: announced, sent, completed, given up.

Source: PEP 694 (draft of July 2026), "File Upload Session", and "http-post-bytes" of its mechanisms.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.session import Sessions
from trueup.interfaces.web.sessionasking import Asking
from trueup.interfaces.web.sessionwire import (
    MECHANISM,
    Announcing,
    Links,
    OtherTypeError,
    Plain,
    UnprocessableError,
    check_accept,
    file_body,
    read,
    read_bytes,
    reply,
    speaking,
)
from trueup.interfaces.web.upload import FullError
from trueup.sources.store.publishing import PublishingSession, SessionFile

__all__ = ["SessionFiles"]

_BATCH = 1024 * 1024
"""So many bytes are hashed and written at once; other requests are answered meanwhile."""


class SessionFiles:
    """The routes of one file, below those of its session."""

    def __init__(self, sessions: Sessions, asking: Asking, desk: Desk) -> None:
        self._sessions = sessions
        self._asking = asking
        self._desk = desk

    def routes(self, base: str) -> list[Route]:
        one = f"{base}/{{file}}"
        return [
            Route(base, speaking(self.announce), methods=["POST"]),
            Route(one, speaking(self.status), methods=["GET"]),
            Route(one, speaking(self.drop), methods=["DELETE"]),
            Route(f"{one}/bytes", speaking(self.take), methods=["POST"]),
            Route(f"{one}/attestations", speaking(self.attest), methods=["POST"]),
            Route(f"{one}/complete", speaking(self.complete), methods=["POST"]),
        ]

    async def announce(self, request: Request) -> Response:
        _, session = await self._asking.session(request)
        asked = await read(request, Announcing)
        if asked.mechanism != MECHANISM:
            raise UnprocessableError(
                "`mechanism`", found=f"`{asked.mechanism[:100]}`", expected=f"`{MECHANISM}`"
            )
        file = await run_in_threadpool(
            self._sessions.announce,
            session,
            asked.filename,
            size=asked.size,
            hashes=asked.hashes,
            said=asked.metadata,
        )
        return await self._answer(request, session.id, file.id, status=202)

    async def status(self, request: Request) -> Response:
        _, session = await self._asking.session(request)
        file = self._file(request, session)
        check_accept(request)
        return await self._answer(request, session.id, file.id)

    async def drop(self, request: Request) -> Response:
        token, session = await self._asking.session(request)
        file = self._file(request, session)
        await run_in_threadpool(self._sessions.drop, session, file, who=token.name)
        return Response(status_code=204)

    async def take(self, request: Request) -> Response:
        """The bytes: onto the disk, hashed on the way, and no more of them than were announced."""
        token, session = await self._asking.session(request)
        self._asking.uploads(token, request)
        file = self._file(request, session)
        _check_type(request, "application/octet-stream")
        with TemporaryDirectory(prefix="upload-", dir=self._desk.blobs.scratch) as folder:
            path = Path(folder) / "upload"
            size, digests = await _received(request, file, path)
            await run_in_threadpool(
                self._sessions.keep, session, file, path, size=size, digests=digests
            )
        return Response(status_code=204)

    async def attest(self, request: Request) -> Response:
        """A JSON list of attestations (PEP 740); the last one sent before completion counts."""
        token, session = await self._asking.session(request)
        file = self._file(request, session)
        _check_type(request, "application/json")
        try:
            text = (await read_bytes(request)).decode()
        except UnicodeDecodeError as error:
            raise RefusedError(f"`{file.filename}`: the attestations are no UTF-8") from error
        uploader = await run_in_threadpool(self._desk.store.terms_of, token.id)
        await run_in_threadpool(self._sessions.attest, session, file, text, uploader)
        return Response(status_code=204)

    async def complete(self, request: Request) -> Response:
        token, session = await self._asking.session(request)
        file = self._file(request, session)
        await read(request, Plain)
        await run_in_threadpool(self._sessions.complete, session, file, who=token.name)
        return await self._answer(request, session.id, file.id, status=201)

    def _file(self, request: Request, session: PublishingSession) -> SessionFile:
        return self._sessions.file(session, request.path_params["file"])

    async def _answer(
        self, request: Request, session: str, file: str, *, status: int = 200
    ) -> Response:
        found = await run_in_threadpool(self._sessions.find, session)
        told = await run_in_threadpool(self._sessions.file_status, found, file)
        links = Links(request, found.channel)
        return reply(
            file_body(links, found, told),
            status=status,
            location=None if status == 200 else links.file(session, file),
            retry=True,
        )


def _check_type(request: Request, expected: str) -> None:
    said = request.headers.get("content-type", expected)
    if said.partition(";")[0].strip().lower() != expected:
        raise OtherTypeError("`Content-Type`", found=f"`{said[:100]}`", expected=f"`{expected}`")


class _Kept:
    """What arrives of a file: hashed and written in any thread, one call after the other."""

    def __init__(self, file: SessionFile, path: Path) -> None:
        names = {"sha256", *file.hashes}
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        self._file = file
        self._path = path
        path.touch()

    def keep(self, parts: list[bytes]) -> None:
        """Append; raises FullError."""
        try:
            with self._path.open("ab") as target:
                for part in parts:
                    for one in self._hashes.values():
                        one.update(part)
                    target.write(part)
        except OSError as error:
            raise FullError(
                f"`{self._file.filename}` cannot be kept: {error.strerror or error}",
                hint="nothing of it was kept; the index needs space on its disk",
            ) from error

    def digests(self) -> dict[str, str]:
        return {name: one.hexdigest() for name, one in self._hashes.items()}


async def _received(request: Request, file: SessionFile, path: Path) -> tuple[int, dict[str, str]]:
    """(bytes, digests: sha256 and what was announced); raises RefusedError for too many."""
    kept, size, waiting, parts = _Kept(file, path), 0, 0, list[bytes]()
    async for chunk in request.stream():
        size, waiting = size + len(chunk), waiting + len(chunk)
        if size > file.size:
            raise RefusedError(
                f"`{file.filename}` is larger than was announced",
                expected=f"{file.size:,} bytes",
            )
        parts.append(chunk)
        if waiting >= _BATCH:
            await run_in_threadpool(kept.keep, parts)
            waiting, parts = 0, []
    await run_in_threadpool(kept.keep, parts)
    return size, kept.digests()
