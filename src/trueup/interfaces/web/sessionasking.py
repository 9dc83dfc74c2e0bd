"""Who asks about which publishing session: looked up and checked on each request."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from trueup.features.serve.session import Sessions
from trueup.interfaces.web.access import Access, channel_of
from trueup.model.errors import NotFoundError
from trueup.sources.store.publishing import PublishingSession
from trueup.sources.store.store import Token

__all__ = ["Asking"]


class Asking:
    """A token that may upload the project may do anything with its session but publish it, whoever
    opened it (PEP 694, "Authentication"): one job may build, another publish.
    """

    def __init__(self, sessions: Sessions, access: Access) -> None:
        self._sessions = sessions
        self._access = access

    async def session(
        self, request: Request, action: str = "upload"
    ) -> tuple[Token, PublishingSession]:
        """The token, and the session that the address names; raises RefusedError, NotFoundError."""
        token = await self._access.token(request)
        found = await run_in_threadpool(self._sessions.find, request.path_params["session"])
        if found.channel != channel_of(request):
            raise NotFoundError("no such session")
        self._access.may(token, action, found.channel, found.project)
        return token, found

    def uploads(self, token: Token, request: Request) -> None:
        """Count a file that is about to be read; raises RefusedError (429)."""
        self._access.uploads(token, request)
