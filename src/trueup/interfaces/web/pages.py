"""The pages for people: what is published, what waits, the channels and the log, and their forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.receive import RefusedError
from trueup.interfaces.web.auditpage import AuditPage
from trueup.interfaces.web.changes import Changes
from trueup.interfaces.web.channelpages import ChannelPages
from trueup.interfaces.web.judged import Judgements
from trueup.interfaces.web.projectpages import ProjectPages
from trueup.interfaces.web.releasepage import ReleasePages
from trueup.interfaces.web.render import asset_routes, page
from trueup.interfaces.web.viewpages import ViewPages
from trueup.interfaces.web.visitor import NOBODY, Door, NobodyError, login_page
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.store.failures import StoreError
from trueup.sources.store.store import Token

__all__ = ["Pages"]

Answer = Callable[[Request], Awaitable[Response]]

_TITLES = {
    403: "Not allowed",
    404: "Not found",
    502: "No good answer from the index behind",
    503: "Not now",
}


class Pages:
    """The routes for people; ``who`` is the token of a request, or raises for want of one."""

    def __init__(self, desk: Desk, who: Callable[[Request], Awaitable[Token]]) -> None:
        judgements = Judgements(desk)
        self._door = Door(desk, who)
        self._projects = ProjectPages(desk, self._door, judgements)
        self._releases = ReleasePages(desk, self._door, judgements)
        self._channels = ChannelPages(desk, self._door)
        self._views = ViewPages(desk, self._door)
        self._audit = AuditPage(desk, self._door)
        self._changes = Changes(desk, self._door, self._releases)

    def routes(self) -> list[Route]:
        """What `trueup serve` answers to browsers."""
        one = "/channels/{channel}/{project}/{version}"
        found: dict[str, Answer] = {
            "/": self._projects.projects,
            "/p/{project}": self._projects.project,
            "/p/{project}/{version}": self._releases.release,
            "/p/{project}/{version}/report": self._releases.report,
            "/waiting": self._channels.waiting,
            "/channels": self._channels.channels,
            "/channels/{channel}": self._channels.channel,
            one: self._releases.release,
            f"{one}/report": self._releases.report,
            "/p/{project}/views/{steps:path}": self._views.view,
            "/channels/{channel}/{project}/views/{steps:path}": self._views.view,
            "/audit": self._audit.audit,
        }
        forms = [*self._door.routes(), *self._changes.routes()]
        return [
            *asset_routes(),
            *(Route(path, _for_people(answer)) for path, answer in found.items()),
            *(
                Route(one.path, _for_people(one.endpoint), methods=list(one.methods or ()))
                for one in forms
            ),
        ]


def _for_people(answer: Answer) -> Answer:
    """What goes wrong gets a page as well."""

    async def found(request: Request) -> Response:
        try:
            return await answer(request)
        except TrueupError as error:
            status = _status(error)
            request.state.error = str(error)
            if status == 401:
                to = request.url.path if request.method == "GET" else "/waiting"
                said = "" if isinstance(error, NobodyError) else str(error)
                return login_page(NOBODY, to=to, said=said, status=401)
            visitor = getattr(request.state, "visitor", NOBODY)
            shown = page(
                "absent.html", visitor, private=True, status=status,
                title=_TITLES.get(status, "Refused"), message=str(error), hint=error.hint,
            )  # fmt: skip
            shown.headers.update(error.headers if isinstance(error, RefusedError) else {})
            return shown

    return found


def _status(error: TrueupError) -> int:
    match error:
        case RefusedError():
            return error.status
        case NotFoundError():
            return 404
        case StoreError():
            return 503
        case _:
            return 502
