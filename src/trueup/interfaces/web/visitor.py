"""Who looks at a page: nobody in particular, a token, or somebody who logged in with one.

Who logs in gets a session in a cookie that no script reads and no other site sends. What changes
anything is a form with a key of the session, so that no other site can send it either.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.refusal import ForbiddenError, RefusedError
from trueup.interfaces.web.body import read_body
from trueup.interfaces.web.render import page
from trueup.sources.store.store import Token

__all__ = ["NOBODY", "Door", "NobodyError", "Visitor"]

_COOKIE = "trueup-session"
_HOURS = 12
_LARGEST_FORM = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody with a page before them; ``session`` is what only their browser knows."""

    token: Token | None = None
    session: str | None = None

    @property
    def is_known(self) -> bool:
        return self.token is not None

    @property
    def form_key(self) -> str:
        """What forms of this session carry, and no other site can guess."""
        return hmac.new((self.session or "").encode(), b"form", hashlib.sha256).hexdigest()

    def may(self, action: str, channel: str, project: str) -> bool:
        """Whether this can be done with the forms of a page."""
        allowed = self.token is not None and self.token.scope.allows(action, channel, project)
        return allowed and self.session is not None

    def sees(self, channel: str, project: str) -> bool:
        """Whether what is published of a project there is shown."""
        return self.token is not None and self.token.scope.sees(channel, project)

    def works_on(self, channel: str, project: str) -> bool:
        """Whether what waits there is shown too, and the log."""
        return self.token is not None and self.token.scope.works_on(channel, project)


NOBODY = Visitor()


class NobodyError(RefusedError):
    """The page is only for those who log in."""

    status = 401


class Door:
    """Lets visitors in and out; ``who`` is the token of a request's header."""

    def __init__(self, desk: Desk, who: Callable[[Request], Awaitable[Token]]) -> None:
        self._desk = desk
        self._who = who

    def routes(self) -> list[Route]:
        """Logging in and out."""
        return [
            Route("/login", self._form, methods=["GET"]),
            Route("/login", self._log_in, methods=["POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
        ]

    async def visitor(self, request: Request) -> Visitor:
        """Whoever asks; raises RefusedError for a token that is not known."""
        session = request.cookies.get(_COOKIE, "")
        token = await run_in_threadpool(self._desk.store.visitor, session) if session else None
        if token is not None:
            request.state.who = token.name
            found = Visitor(token=token, session=session)
            request.state.visitor = found
            return found
        if "authorization" in request.headers:
            return Visitor(token=await self._who(request))
        return NOBODY

    async def known(self, request: Request) -> Visitor:
        """Whoever asks; raises NobodyError if that is not told."""
        found = await self.visitor(request)
        if not found.is_known:
            raise NobodyError("this page is for those who have a token")
        return found

    async def sent(self, request: Request) -> tuple[Visitor, Mapping[str, str]]:
        """Who sends a form, and its fields.

        Raises NobodyError without a session, RefusedError for a form that is not from our page.
        """
        found = await self.visitor(request)
        if found.session is None:
            raise NobodyError("this needs somebody who is logged in")
        fields = await _fields(request)
        if not hmac.compare_digest(fields.get("key", "").encode(), found.form_key.encode()):
            raise ForbiddenError("the form is not from this page", hint="load the page again")
        return found, fields

    async def _form(self, request: Request) -> Response:
        found = await self.visitor(request)
        return login_page(found, to=_inside(request.query_params.get("to", "")))

    async def _log_in(self, request: Request) -> Response:
        fields = await _fields(request)
        to, text = _inside(fields.get("to", "")), fields.get("token", "").strip()
        token = await run_in_threadpool(self._desk.store.find, text) if text else None
        if token is None:
            said = "This token is not known, or it has expired" if text else "There is no token"
            return login_page(NOBODY, to=to, said=said, status=401)
        store = self._desk.store
        session = await run_in_threadpool(store.log_in, token, seconds=_HOURS * 3600)
        answer = RedirectResponse(to, status_code=303)
        answer.set_cookie(
            _COOKIE, session, max_age=_HOURS * 3600, path="/", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    async def _log_out(self, request: Request) -> Response:
        found, _ = await self.sent(request)
        await run_in_threadpool(self._desk.store.log_out, found.session or "")
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(_COOKIE, path="/", httponly=True, samesite="strict")
        return answer


def login_page(visitor: Visitor, *, to: str, said: str = "", status: int = 200) -> Response:
    """The form that takes a token; ``to`` is where it leads."""
    answer = page(
        "login.html", visitor, private=True, status=status, title="Log in", to=to, said=said,
        hours=_HOURS,
    )  # fmt: skip
    if status == 401:
        # A challenge that browsers leave to the page: they would ask in a window of their own.
        answer.headers["www-authenticate"] = 'Bearer realm="trueup"'
    return answer


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a small form; raises RefusedError if it comes from another site."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForbiddenError("the form comes from another site")
    body = await read_body(request, _LARGEST_FORM, what="the form")
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=100))
    except ValueError as error:
        raise RefusedError("the form is malformed") from error


def _inside(path: str) -> str:
    """A path of this server; anything else could lead a visitor elsewhere."""
    safe = path.startswith("/") and not path.startswith("//") and path.isprintable()
    return path if safe and "\\" not in path else "/"
