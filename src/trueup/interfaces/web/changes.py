"""What is done to releases by forms: publish, close, yank, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packaging.utils import canonicalize_name
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from trueup.features.serve.desk import Desk
from trueup.features.serve.refusal import ForbiddenError, RefusedError
from trueup.interfaces.web.access import channel_of
from trueup.interfaces.web.releasepage import ReleasePages, ReleaseView, version_in
from trueup.interfaces.web.visitor import Door, Visitor
from trueup.model.errors import NotFoundError, TrueupError

__all__ = ["ALL_FILES", "Changes", "yank_reason"]

ALL_FILES = "*"
"""What the form says for all files of a release: no file is named so."""

_LONGEST_REASON = 1000


class Changes:
    """Forms of release pages; each leads back to a page that says what was done."""

    def __init__(self, desk: Desk, door: Door, releases: ReleasePages) -> None:
        self._desk = desk
        self._door = door
        self._releases = releases

    def routes(self) -> list[Route]:
        """One address for each form."""
        found: dict[str, Callable[[ReleaseView, Visitor, Mapping[str, str]], None]] = {
            "publish": self._publish,
            "close": self._close,
            "open": self._open,
            "delete": self._delete,
            "yank": self._yank,
            "unyank": self._unyank,
        }
        return [
            Route(
                f"/channels/{{channel}}/{{project}}/{{version}}/{name}",
                self._answer(name, change),
                methods=["POST"],
            )
            for name, change in found.items()
        ]

    def _answer(
        self, name: str, change: Callable[[ReleaseView, Visitor, Mapping[str, str]], None]
    ) -> Callable[[Request], object]:
        allowed = {"open": "close", "unyank": "yank"}.get(name, name)

        async def answer(request: Request) -> Response:
            visitor, fields = await self._door.sent(request)
            channel = channel_of(request)
            project = canonicalize_name(request.path_params["project"])
            found = await self._releases.find(visitor, channel, project, version_in(request))
            if not visitor.may(allowed, channel, project):
                raise ForbiddenError(f"your token may not {allowed} `{project}` in `{channel}`")
            try:
                await run_in_threadpool(change, found, visitor, fields)
            except RefusedError as error:
                return await self._releases.shown(
                    visitor, found, said=str(error), status=error.status
                )
            await run_in_threadpool(self._desk.follow)
            to = "/waiting?done=delete" if name == "delete" else f"{found.href}?done={name}"
            return RedirectResponse(to, status_code=303)

        return answer

    def _publish(self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str]) -> None:
        version = str(found.version)
        self._desk.publish(found.channel, found.project, version, who=_name(visitor))

    def _close(self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str]) -> None:
        assert found.hosted is not None  # a channel's release is one that was uploaded
        self._desk.store.close(found.hosted, who=_name(visitor))

    def _open(self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str]) -> None:
        assert found.hosted is not None
        self._desk.store.close(found.hosted, who=_name(visitor), closed=False)

    def _delete(self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str]) -> None:
        assert found.hosted is not None
        self._desk.store.remove(found.hosted, who=_name(visitor))

    def _yank(self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str]) -> None:
        self._set_yanked(found, visitor, fields, yank_reason(fields.get("reason", "")))

    def _unyank(self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str]) -> None:
        self._set_yanked(found, visitor, fields, None)

    def _set_yanked(
        self, found: ReleaseView, visitor: Visitor, fields: Mapping[str, str], reason: str | None
    ) -> None:
        wanted, names = fields.get("file", ""), [file.filename for file in found.files]
        chosen = names if wanted == ALL_FILES else [name for name in names if name == wanted]
        if not chosen:
            raise RefusedError("no file of this release was chosen")
        for name in chosen:
            done = self._desk.store.set_yanked(
                found.channel, found.project, name, reason, who=_name(visitor)
            )
            if not done:
                raise NotFoundError("no such file", place=(name,))


def yank_reason(text: str) -> str:
    """A reason as pages and installers show it, in one line; raises RefusedError for a long one."""
    reason = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(reason) > _LONGEST_REASON:
        raise RefusedError(
            "the reason is too long", expected=f"at most {_LONGEST_REASON} characters"
        )
    return reason


def _name(visitor: Visitor) -> str:
    if visitor.token is None:
        raise TrueupError("nobody is logged in")
    return visitor.token.name
