"""Who asks: the token of a request, and what it allows."""

from __future__ import annotations

import base64

from packaging.utils import canonicalize_name
from packaging.version import Version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from trueup.features.serve.desk import MAIN, Desk
from trueup.features.serve.names import CHANNEL
from trueup.features.serve.refusal import ForbiddenError, RefusedError
from trueup.interfaces.web.limited import Rates
from trueup.interfaces.web.rates import Limits
from trueup.model.errors import NotFoundError
from trueup.model.version import parse_version
from trueup.sources.store.store import HostedRelease, State, Token

__all__ = ["Access", "channel_of", "credentials"]


class Access:
    """Reads and checks tokens for all routes; ``rates`` counts what is asked with them."""

    def __init__(self, desk: Desk, rates: Rates | None = None) -> None:
        self._desk = desk
        self._rates = rates or Rates(Limits())

    async def token(self, request: Request) -> Token:
        """The token of a request; raises RefusedError (401) for want of one."""
        text = credentials(request.headers.get("authorization", ""))
        token = await run_in_threadpool(self._desk.store.find, text) if text else None
        if token is None:
            raise _UnknownError(
                "a token is needed" if not text else "the token is not known, or has expired",
                hint="`trueup serve token NAME` makes one; the user is `__token__`",
            )
        request.state.who = token.name
        self._rates.asked(token)
        return token

    def uploads(self, token: Token, request: Request) -> None:
        """Count an upload that is about to be read; raises RefusedError (429)."""
        self._rates.upload(token, None if request.client is None else request.client.host)

    def may(self, token: Token, action: str, channel: str, project: str) -> None:
        """Raises RefusedError (403) if the token does not allow this."""
        if not token.scope.allows(action, channel, project):
            raise self.forbidden(token, action, channel, project)

    def sees(self, token: Token, channel: str, project: str) -> None:
        """Raises RefusedError (403) if the token shows nothing of a project there."""
        if not token.scope.sees(channel, project):
            raise self.forbidden(token, "look at", channel, project)

    async def release(self, request: Request) -> HostedRelease:
        """The release that an address names, whatever its state; raises NotFoundError."""
        channel, project = channel_of(request), canonicalize_name(request.path_params["project"])
        version = parse_version(request.path_params["version"])
        if version is None:
            raise NotFoundError("no such release", place=(project,))
        found = await run_in_threadpool(self._desk.store.release, channel, project, version)
        if found is None:
            raise _absent(project, version)
        return found

    async def looked_at(self, request: Request) -> HostedRelease:
        """The same for a token that shows it; raises RefusedError, NotFoundError."""
        token = await self.token(request)
        channel, project = channel_of(request), request.path_params["project"]
        self.sees(token, channel, project)
        found = await self.release(request)
        # What waits is for those who work on it.
        if found.state is not State.PUBLISHED and not token.scope.works_on(channel, project):
            raise _absent(found.project, found.version)
        return found

    def forbidden(
        self, token: Token, action: str, channel: str, project: str | None
    ) -> RefusedError:
        """The refusal (403); ``project`` None: all that the channel has."""
        what = f"`{project}` in " if project is not None else ""
        return ForbiddenError(
            f"the token `{token.name}` may not {action} {what}channel `{channel}`"
        )


def _absent(project: str, version: Version) -> NotFoundError:
    return NotFoundError("no such release", place=(f"{project} {version}",))


class _UnknownError(RefusedError):
    status = 401


def channel_of(request: Request) -> str:
    """The channel that an address names; raises NotFoundError for what cannot be one."""
    channel: str = request.path_params.get("channel", MAIN)
    if not CHANNEL.fullmatch(channel):
        raise NotFoundError("no such channel", place=(channel,))
    return channel


def credentials(header: str) -> str:
    """The token of `Authorization`: Bearer, or Basic with the user `__token__`."""
    kind, _, rest = header.partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            user, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:  # no base64, no UTF-8, no ASCII
            return ""
        return secret if user == "__token__" else ""
    return ""
