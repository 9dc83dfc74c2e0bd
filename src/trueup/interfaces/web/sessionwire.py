"""What publishing sessions look like on the wire: bodies, content types, addresses, refusals.

Source: PEP 694 (draft of July 2026), "Content Types", "Errors", "Publishing Session", "File Upload
Session"; problem details are RFC 9457 with the members that the PEP adds.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trueup.features.serve.desk import MAIN
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.session import FileStatus, Status
from trueup.features.serve.sessionfile import ConflictError
from trueup.interfaces.web.body import read_body
from trueup.interfaces.web.problems import refused
from trueup.model.errors import TrueupError
from trueup.sources.store.publishing import PublishingSession

__all__ = [
    "MECHANISM",
    "Announcing",
    "Extending",
    "Links",
    "Opening",
    "OtherTypeError",
    "Plain",
    "UnprocessableError",
    "check_accept",
    "file_body",
    "read",
    "read_bytes",
    "reply",
    "session_body",
    "speaking",
]

MECHANISM = "http-post-bytes"
"""The one way to send a file that every server has."""

_TYPE = "application/vnd.pypi.upload.v2+json"
_ACCEPTED = (_TYPE, "application/vnd.pypi.upload.latest+json", "application/*", "*/*")
_VERSION = "2.0"
_LARGEST = 4 * 1024 * 1024
"""Bytes of a request body; the METADATA of a file may be in it."""


class OtherTypeError(RefusedError):
    """Sent as something else than it must be."""

    status = 415


class _AcceptError(RefusedError):
    status = 406


class UnprocessableError(RefusedError):
    """Understood, and not possible here."""

    status = 422


class _Meta(msgspec.Struct):
    api_version: str = msgspec.field(name="api-version")


class Plain(msgspec.Struct):
    """A request that says nothing but that it is one."""

    meta: _Meta


class Opening(Plain):
    """A session is asked for."""

    name: str
    version: str


class Announcing(Plain):
    """A file will come; ``size`` in bytes, ``hashes`` in hexadecimal."""

    filename: str
    size: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    hashes: Annotated[dict[str, str], msgspec.Meta(max_length=32)]
    mechanism: str
    metadata: Annotated[str, msgspec.Meta(max_length=1024 * 1024)] | None = None


class Extending(Plain):
    """A session is to live longer, by so many seconds."""

    extend_for: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = msgspec.field(name="extend-for")


_Body = TypeVar("_Body", bound=Plain)


async def read(request: Request, kind: type[_Body]) -> _Body:
    """The body of a request; raises RefusedError for what is no such body."""
    check_accept(request)
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != _TYPE:
        raise OtherTypeError("`Content-Type`", found=f"`{said[:100]}`", expected=f"`{_TYPE}`")
    data = await read_bytes(request)
    try:
        body = msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RefusedError(f"the request is malformed: {str(error)[:300]}") from error
    if body.meta.api_version != _VERSION:
        found = f"`{body.meta.api_version[:40]}`"
        raise RefusedError("`meta`: `api-version`", found=found, expected=f"`{_VERSION}`")
    for name in body.__struct_fields__:
        value = getattr(body, name)
        # Databases keep neither.
        if isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
            raise RefusedError(f"`{name}` holds characters that no text has")
    return body


async def read_bytes(request: Request) -> bytes:
    """What a request holds; raises TooLargeError before it is too much for the memory."""
    return await read_body(request, _LARGEST)


def check_accept(request: Request) -> None:
    """Whether the client takes the one form there is; raises RefusedError (406)."""
    accept = request.headers.get("accept", "")
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    if accept.strip() and not any(kind in _ACCEPTED for kind in kinds):
        raise _AcceptError("`Accept`", found=f"`{accept[:100]}`", expected=f"`{_TYPE}`")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Links:
    """The addresses of a session; clients make up none."""

    def __init__(self, request: Request, channel: str) -> None:
        self._base = str(request.base_url).rstrip("/")
        self._root = f"{self._base}{'' if channel == MAIN else f'/c/{channel}'}/upload"

    def session(self, number: str) -> str:
        return f"{self._root}/{number}"

    def file(self, session: str, number: str) -> str:
        return f"{self._root}/{session}/files/{number}"

    def stage(self, stage: str) -> str:
        return f"{self._base}/stage/{stage}/simple/"


def session_body(links: Links, status: Status) -> dict[str, Any]:
    """A session as its client is told of it."""
    session = status.session
    base = links.session(session.id)
    addresses = {"session": base}
    if session.is_open:
        addresses |= {
            "upload": f"{base}/files",
            "publish": f"{base}/publish",
            "extend": f"{base}/extend",
            "stage": links.stage(session.stage),
        }
    return {
        "meta": {"api-version": _VERSION},
        "links": addresses,
        "mechanisms": [MECHANISM],
        **({"session-token": session.stage} if session.is_open else {}),
        "expires-at": _moment(session.expires),
        "status": session.state.value,
        "files": {
            one.file.filename: {
                "status": one.state.value,
                "link": links.file(session.id, one.file.id),
                "notices": list(one.notices),
            }
            for one in status.files
        },
        "notices": list(status.notices),
    }


def file_body(links: Links, session: PublishingSession, status: FileStatus) -> dict[str, Any]:
    """A file of a session as its client is told of it."""
    base = links.file(session.id, status.file.id)
    return {
        "meta": {"api-version": _VERSION},
        "links": {
            "publishing-session": links.session(session.id),
            "file-upload-session": base,
            "complete": f"{base}/complete",
        },
        "status": status.state.value,
        "expires-at": _moment(session.expires),
        "mechanism": {
            "identifier": MECHANISM,
            "file_url": f"{base}/bytes",
            "attestations_url": f"{base}/attestations",
        },
        "notices": list(status.notices),
    }


def _moment(seconds: float) -> str:
    """RFC 3339, whole seconds, UTC."""
    return datetime.fromtimestamp(int(seconds), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def reply(
    body: dict[str, Any], *, status: int = 200, location: str | None = None, retry: bool = False
) -> Response:
    """An answer; ``retry`` says when to ask again, which is never needed: nothing takes that long."""
    headers = {"cache-control": "no-store"}
    if location is not None:
        headers["location"] = location
    if retry:
        headers["retry-after"] = "1"
    return JSONResponse(body, status_code=status, headers=headers, media_type=_TYPE)


def speaking(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Refusals with the members that the PEP adds, and with the session that is in the way."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except TrueupError as error:
            return await _problem(request, error)

    return answer


async def _problem(request: Request, error: TrueupError) -> Response:
    plain = await refused(request, error)
    body: dict[str, Any] = json.loads(bytes(plain.body))
    notices = list(error.notices) if isinstance(error, ConflictError) else []
    errors = notices or [body["detail"]]
    body["meta"] = {"api-version": _VERSION}
    body["errors"] = [{"source": request.url.path, "message": one} for one in errors]
    body["notices"] = notices
    headers = {
        name: value for name, value in plain.headers.items() if not name.startswith("content-")
    }
    if isinstance(error, ConflictError) and error.session is not None:
        channel = request.path_params.get("channel", MAIN)
        headers["location"] = Links(request, channel).session(error.session)
    return JSONResponse(
        body, status_code=plain.status_code, headers=headers, media_type=plain.media_type
    )
