"""Trusted publishing as uploaders ask for it: the audience, a token for an identity, an end to it.

Sources: PEP 807 (draft) for `/.well-known/pytp` and for errors as problem details; what uv, twine
and `gh-action-pypi-publish` call today, which print `errors` with `code` and
`description`.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.exchange import Exchange
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.trusted import AmbiguousError, UntrustedError
from trueup.interfaces.web import reason
from trueup.interfaces.web.access import channel_of
from trueup.interfaces.web.body import read_body
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.oidc import InvalidIdentityError, IssuerError, Keys, UnreadableIdentityError
from trueup.sources.store.publishers import UsedError

__all__ = ["Oidc"]

_LARGEST = 64 * 1024
"""Bytes of a request; identities have one or two kilobytes."""
_AT_ONCE = 4
"""So many are exchanged at a time: an issuer that hangs must not take the threads of readers."""
_FRESH = {"cache-control": "no-store"}
_PYTP = "application/vnd.pypi.pytp.v1+json"
_FEATURES = ("multi-use-token",)
"""PEP 807, "Feature Negotiation"."""
_UPLOAD = re.compile(r"(?P<prefix>/c/[a-z0-9][a-z0-9-]{0,62})?/legacy/", re.ASCII)

_CODES: list[tuple[type[TrueupError], str, int]] = [
    (UnreadableIdentityError, "invalid-payload", 422),
    (InvalidIdentityError, "invalid-token", 422),
    (UsedError, "invalid-reuse-token", 422),
    (UntrustedError, "invalid-publisher", 422),
    (AmbiguousError, "ambiguous-publisher", 422),
    (NotFoundError, "not-enabled", 404),
    (IssuerError, "issuer-unavailable", 503),
]
"""Errors by the codes that clients know, as far as there is one, and their status."""


class _PayloadError(RefusedError):
    status = 422


class Oidc:
    """The routes of trusted publishing."""

    def __init__(self, desk: Desk) -> None:
        self._exchange = Exchange(desk.store, Keys(os.environ))
        self._limiter: CapacityLimiter | None = None

    def routes(self) -> list[Route]:
        """What uploaders ask before they upload, and after."""
        return [
            Route("/.well-known/pytp", self.discover),
            Route("/_/oidc/audience", self.audience),
            Route("/_/oidc/burn-token", self.burn, methods=["POST"]),
            Route("/_/oidc/mint-token", self.mint, methods=["POST"]),
            # What uploaders called before other services than GitHub were trusted, and some still.
            Route("/_/oidc/github/mint-token", self.mint, methods=["POST"]),
            Route("/c/{channel}/_/oidc/mint-token", self.mint, methods=["POST"]),
        ]

    async def discover(self, request: Request) -> Response:
        """Where to ask for tokens for uploads to ``?discover=/legacy/``."""
        wanted = _UPLOAD.fullmatch(request.query_params.get("discover", ""))
        if wanted is None:
            return _failed(request, NotFoundError("nothing is uploaded there"))
        if not _accepts(request.headers.get("accept", "")):
            return Response(status_code=406)
        try:
            await self._run(self._exchange.audience)
        except TrueupError as error:
            return _failed(request, error)
        # As the client addressed this index: it takes no other host for an answer.
        base = str(request.base_url).rstrip("/")
        found = {
            "audience-endpoint": f"{base}/_/oidc/audience",
            "token-mint-endpoint": f"{base}{wanted['prefix'] or ''}/_/oidc/mint-token",
            "features": list(_FEATURES),
            "default-features": list(_FEATURES),
        }
        return JSONResponse(found, media_type=_PYTP, headers=_FRESH)

    async def audience(self, request: Request) -> Response:
        """Whom an identity must be meant for."""
        try:
            found = await self._run(self._exchange.audience)
        except TrueupError as error:
            return _failed(request, error)
        return JSONResponse({"audience": found}, headers=_FRESH)

    async def mint(self, request: Request) -> Response:
        """A token for an identity, ``{"token": …}``."""
        try:
            channel = channel_of(request) if "channel" in request.path_params else None
            text = await _token_of(request)
            made = await self._run(lambda: self._exchange.mint(text, channel=channel))
        except TrueupError as error:
            return _failed(request, error)
        request.state.who = made.name
        found = {"success": True, "token": made.text, "expires": made.expires}
        return JSONResponse(found, headers=_FRESH)

    async def burn(self, request: Request) -> Response:
        """An end to a minted token; whether there was one is told to nobody."""
        try:
            text = await _token_of(request)
            await self._run(lambda: self._exchange.burn(text))
        except TrueupError as error:
            return _failed(request, error)
        return JSONResponse({"message": "Accepted"}, status_code=202, headers=_FRESH)

    async def _run(self, work: Any) -> Any:
        if self._limiter is None:
            self._limiter = CapacityLimiter(_AT_ONCE)
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)


async def _token_of(request: Request) -> str:
    """The token in the body, whatever type it claims to have (`curl -d` says it is a form)."""
    body = await read_body(request, _LARGEST)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _PayloadError("the request is no JSON") from error
    text = found.get("token") if isinstance(found, dict) else None
    if not isinstance(text, str) or not text.isascii():
        raise _PayloadError("the request has no token", expected='`{"token": "…"}`')
    unknown = [one for one in _list(found.get("features")) if one not in _FEATURES]
    if unknown:
        raise _PayloadError(
            "the token cannot be made in the way that is asked for", expected=f"`{_FEATURES[0]}`"
        )
    return text


def _list(found: Any) -> list[Any]:
    return [] if found is None else found if isinstance(found, list) else [found]


def _accepts(header: str) -> bool:
    """PEP 807, "Constraints": no other type is asked for; clients of today ask for any."""
    kinds = {one.partition(";")[0].strip().lower() for one in header.split(",")} - {""}
    return not kinds or bool(kinds & {_PYTP, "application/json", "application/*", "*/*"})


def _failed(request: Request, error: TrueupError) -> Response:
    """Problem details (RFC 9457) that are the errors of today's clients, too."""
    known = next(((code, status) for kind, code, status in _CODES if isinstance(error, kind)), None)
    if known is None:
        known = (
            ("invalid-payload", 422) if isinstance(error, RefusedError) else ("unavailable", 503)
        )
    code, status = known
    description = str(error) + (f"\nhint: {error.hint}" if error.hint else "")
    reason.say(str(error))
    request.state.error = str(error)
    body = {
        "type": "about:blank",
        "title": "Token request failed",
        "status": status,
        "detail": description,
        "message": "Token request failed",
        "errors": [{"code": code, "description": description}],
    }
    return JSONResponse(
        body, status_code=status, media_type="application/problem+json", headers=_FRESH
    )
