"""Channels with what they shadow, and the releases that wait to be published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trueup.features.serve.desk import MAIN, Desk
from trueup.interfaces.web.access import channel_of
from trueup.interfaces.web.install import base_of, commands
from trueup.interfaces.web.paging import sheet_of
from trueup.interfaces.web.releaserows import judged_rows, summary_row
from trueup.interfaces.web.render import page
from trueup.interfaces.web.visitor import Door, Visitor
from trueup.model.errors import NotFoundError
from trueup.sources.store.catalogue import ReleaseSummary
from trueup.sources.store.store import State

__all__ = ["ChannelPages"]

_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A project of a channel: which versions it publishes there, and what that hides from its
    readers: the main channel's project, or the one of the index behind (seen at ``since``).
    """

    project: NormalizedName
    versions: tuple[str, ...]
    hides: str | None
    since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    name: str
    projects: int
    published: int
    waiting: int


class ChannelPages:
    """For those who have a token: everybody sees what they may read or change."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk = desk
        self._door = door

    async def channels(self, request: Request) -> Response:
        """All channels."""
        visitor = await self._door.known(request)
        found = await run_in_threadpool(self._seen, visitor)
        names = sorted({one.channel for one in found})
        channels = [_channel(name, [one for one in found if one.channel == name]) for name in names]
        return page(
            "channels.html", visitor, private=True, title="Channels", channels=channels,
            base=base_of(request),
        )  # fmt: skip

    def _seen(
        self, visitor: Visitor, channel: str | None = None, *states: State
    ) -> list[ReleaseSummary]:
        found = self._desk.store.summaries(channel=channel, states=states or tuple(State))
        return [
            one
            for one in found
            if visitor.works_on(one.channel, one.project)
            or (one.state is State.PUBLISHED and visitor.sees(one.channel, one.project))
        ]

    async def channel(self, request: Request) -> Response:
        """One channel: its releases, and what they stand before."""
        visitor = await self._door.known(request)
        name = channel_of(request)
        found = await run_in_threadpool(self._seen, visitor, name)
        if not found:
            raise NotFoundError("no such channel", place=(name,))
        shadows = await run_in_threadpool(self._shadows, name, found) if name != MAIN else ()
        rows = [summary_row(one, private=True) for one in found]
        rows.sort(key=lambda row: row.version, reverse=True)
        rows.sort(key=lambda row: row.project)
        sheet = sheet_of(request, size=_SHOWN).of(len(rows))
        shown = await run_in_threadpool(judged_rows, self._desk.store, sheet.cut(rows))
        return page(
            "channel.html", visitor, private=True, title=f"Channel {name}", channel=name,
            rows=shown, sheet=sheet, shadows=shadows,
            base=base_of(request), main=MAIN, upstream=self._desk.upstream is not None,
            views=commands(base_of(request), None if name == MAIN else name, "PROJECT"),
        )  # fmt: skip

    def _shadows(self, channel: str, found: Sequence[ReleaseSummary]) -> Sequence[Shadow]:
        published = [one for one in found if one.state is State.PUBLISHED]
        return [
            self._shadow(project, [one for one in published if one.project == project])
            for project in sorted({one.project for one in published})
        ]

    def _shadow(self, project: NormalizedName, found: Sequence[ReleaseSummary]) -> Shadow:
        versions = tuple(str(version) for version in sorted({one.version for one in found}))
        if self._desk.store.owns(MAIN, project):
            return Shadow(project=project, versions=versions, hides="main")
        kept = self._desk.store.remote(project)
        return Shadow(
            project=project,
            versions=versions,
            hides=None if kept is None else "behind",
            since=None if kept is None else kept[1],
        )

    async def waiting(self, request: Request) -> Response:
        """What is staged or set aside, in all channels."""
        visitor = await self._door.known(request)
        found = await run_in_threadpool(self._seen, visitor, None, State.STAGED, State.QUARANTINED)
        rows = [summary_row(one, private=True) for one in found]
        sheet = sheet_of(request, size=_SHOWN).of(len(rows))
        shown = await run_in_threadpool(judged_rows, self._desk.store, sheet.cut(rows))
        done = "The release is deleted" if request.query_params.get("done") == "delete" else None
        return page(
            "waiting.html", visitor, private=True, title="Waiting releases", done=done,
            rows=shown, sheet=sheet,
        )  # fmt: skip


def _channel(name: str, found: Sequence[ReleaseSummary]) -> _Channel:
    published = sum(one.state is State.PUBLISHED for one in found)
    return _Channel(
        name=name,
        projects=len({one.project for one in found}),
        published=published,
        waiting=len(found) - published,
    )
