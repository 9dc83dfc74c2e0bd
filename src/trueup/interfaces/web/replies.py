"""Pages and files as HTTP answers: negotiated, conditional, in ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from trueup.features.serve.filed import ServedFile
from trueup.model.errors import NotFoundError
from trueup.sources.store.store import Page

__all__ = ["FORMS", "IMMUTABLE", "PageResponse", "Wishes", "file_asked", "file_response", "form_of",
           "normal_page", "send_page", "wishes_of"]  # fmt: skip

FORMS = {
    "json": "application/vnd.pypi.simple.v1+json",
    "html": "text/html; charset=utf-8",
}
"""The content types of pages."""

IMMUTABLE = "public, max-age=31536000, immutable"
"""A file below its digest never changes."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

_NO_GZIP = re.compile(rb"\bgzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)")
"""RFC 9110, 12.5.3: what has no weight is not acceptable."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
"""Longer numbers are no range of any file; what is no range is ignored (RFC 9110, 14.2)."""


class Wishes(NamedTuple):
    """What the headers of a request ask for: the form of a page (json, html), packed or not; and
    which versions the client has (the value of `If-None-Match`).
    """

    form: str
    packed: bool
    known: bytes


def wishes_of(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
    """From the headers as ASGI has them: names in lower case."""
    accept = coding = known = b""
    for name, value in headers:
        # A header that comes in several lines is one list.
        if name == b"accept":
            accept = accept + b"," + value if accept else value
        elif name == b"accept-encoding":
            coding = coding + b"," + value if coding else value
        elif name == b"if-none-match":
            known = known + b"," + value if known else value
    packed = b"gzip" in coding and (b"q=0" not in coding or _NO_GZIP.search(coding) is None)
    return Wishes(form_of(accept.decode("latin-1")), packed, known)


async def send_page(page: Page, wishes: Wishes, send: Send) -> int:
    """A page as it is kept: packed where the client takes that, 304 where it has it.

    Returns the bytes of the body.
    """
    same = bool(wishes.known) and page.etag.encode() in wishes.known
    body = b"" if same else page.packed if wishes.packed else page.body
    await send(
        _start(wishes.form, page.etag, len(body), wishes.packed, same, page.stale, page.said)
    )
    await send({"type": "http.response.body", "body": body})
    return len(body)


@lru_cache(maxsize=1024)
def _start(
    form: str,
    etag: str,
    length: int,
    packed: bool,
    same: bool,
    stale: bool,
    said: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    """How the answer begins; who sends it changes nothing of it."""
    fields = [
        (b"content-type", FORMS[form].encode()),
        (b"etag", etag.encode()),
        (b"vary", b"Accept, Accept-Encoding"),
        (b"cache-control", b"max-age=0, must-revalidate"),
        (b"content-length", str(length).encode()),
    ]
    if packed and not same:
        fields.append((b"content-encoding", b"gzip"))
    if stale:
        fields.append((b"x-trueup-stale", b"upstream did not answer; this is its last good page"))
    fields += ((name.encode(), value.encode("latin-1", "replace")) for name, value in said)
    return {
        "type": "http.response.start",
        "status": 304 if same else 200,
        "headers": tuple(fields),
    }


def normal_page(request: Request) -> RedirectResponse | None:
    """Where the page of a project is, if the address says it in another way (PEP 503); else None."""
    name = request.path_params["project"]
    project = canonicalize_name(name)
    if name == project and request.url.path.endswith("/"):
        return None
    base = request.url.path.rstrip("/").rpartition("/")[0]
    return RedirectResponse(f"{base}/{project}/", status_code=301)


def form_of(accept: str) -> str:
    """json or html, by PEP 691's rules: the better liked one, and HTML where nothing is said."""
    # Installers send few different ones, but nobody may fill the memory with long ones.
    return _known_form(accept) if len(accept) <= _LONGEST_KNOWN else _form_of(accept)


def _form_of(accept: str) -> str:
    liked = {"json": 0.0, "html": 0.0}
    for part in accept.split(","):
        kind, _, rest = part.partition(";")
        quality = re.search(r"q=([\d.]+)", rest)
        try:
            value = float(quality[1]) if quality else 1.0
        except ValueError:
            value = 0.0
        match kind.strip().lower():
            case "application/vnd.pypi.simple.v1+json" | "application/vnd.pypi.simple.latest+json":
                liked["json"] = max(liked["json"], value)
            case "text/html" | "application/vnd.pypi.simple.v1+html" | "*/*" | "text/*":
                liked["html"] = max(liked["html"], value)
    return "json" if liked["json"] and liked["json"] >= liked["html"] else "html"


_LONGEST_KNOWN = 300
_known_form = lru_cache(maxsize=256)(_form_of)


class PageResponse(Response):
    """A page for a route."""

    def __init__(self, page: Page, wishes: Wishes) -> None:
        super().__init__()
        self._page, self._wishes = page, wishes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_page(self._page, self._wishes, send)


def file_asked(request: Request) -> tuple[str, str]:
    """(sha256, file name) of an address; raises NotFoundError for what can be no digest."""
    sha256, filename = request.path_params["sha256"], request.path_params["filename"]
    if not _SHA256.fullmatch(sha256):
        raise NotFoundError("no such file", place=(filename,))
    return sha256, filename


def file_response(found: ServedFile, sha256: str, request: Request) -> Response:
    """The whole file, or one range of it (RFC 9110, 14)."""
    headers = {
        "cache-control": IMMUTABLE,
        "etag": f'"{sha256[:40]}"',
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    start, end, status = 0, found.size, 200
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is not None and (match[1] or match[2]):
        if match[1]:
            start = int(match[1])
            end = min(int(match[2]) + 1, found.size) if match[2] else found.size
        else:
            start = max(0, found.size - int(match[2]))
        if start >= end:
            headers["content-range"] = f"bytes */{found.size}"
            return Response(status_code=416, headers=headers)
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{found.size}"
    headers["content-length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    chunks: Iterator[bytes] = found.read(start, end)
    return StreamingResponse(iterate_in_threadpool(chunks), status_code=status, headers=headers)
