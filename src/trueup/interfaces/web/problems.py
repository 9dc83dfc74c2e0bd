"""Refusals as HTTP says them: problem details (RFC 9457), and the reason phrase."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trueup.features.serve.receive import RefusedError
from trueup.interfaces.web import reason
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.store.failures import StoreError

__all__ = ["refused"]

_TITLES = {
    502: "upstream does not answer",
    503: "the store does not answer",
    507: "the store is full",
}


async def refused(request: Request, error: Exception) -> Response:
    """RFC 9457, and the reason phrase for clients that show nothing else."""
    assert isinstance(error, TrueupError)
    status = error.status if isinstance(error, RefusedError) else 502
    if isinstance(error, NotFoundError):
        status = 404
    if isinstance(error, StoreError):
        status = 503
    reason.say(str(error))
    request.state.error = str(error)
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "refused"),
        "status": status,
        "detail": str(error) + (f"\nhint: {error.hint}" if error.hint else ""),
    }
    headers = dict(error.headers) if isinstance(error, RefusedError) else {}
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="trueup"'
    return JSONResponse(
        body, status_code=status, media_type="application/problem+json", headers=headers
    )
