"""The list of projects with its search, and the page of one project."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import Version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trueup.features.serve.desk import MAIN, Desk, View
from trueup.interfaces.web.install import base_of, commands
from trueup.interfaces.web.judged import Judgements
from trueup.interfaces.web.listed import FileRow, Listed, listed
from trueup.interfaces.web.paging import Sheet, sheet_of
from trueup.interfaces.web.releaserows import ReleaseRow, judged_rows, summary_row
from trueup.interfaces.web.render import page, release_address
from trueup.interfaces.web.visitor import Door, Visitor
from trueup.model.errors import NotFoundError
from trueup.sources.store.catalogue import FoundProject, ReleaseSummary
from trueup.sources.store.store import State

__all__ = ["ProjectPages"]

_PROJECTS = 100
_RELEASES = 50


class ProjectPages:
    """What is published here, and what is behind."""

    def __init__(self, desk: Desk, door: Door, judgements: Judgements) -> None:
        self._desk = desk
        self._door = door
        self._judgements = judgements

    async def projects(self, request: Request) -> Response:
        """All projects, or those with a text in their name."""
        visitor = await self._door.visitor(request)
        query = request.query_params.get("q", "").strip()[:200]
        wanted = str(canonicalize_name(query))
        sheet, found = await run_in_threadpool(
            self._find, wanted, sheet_of(request, size=_PROJECTS)
        )
        upstream, base = self._desk.upstream is not None, base_of(request)
        exact = found and found[0].name == wanted
        waiting = await run_in_threadpool(self._waits, visitor)
        return page(
            "projects.html", visitor, title="Projects", projects=found, query=query,
            sheet=sheet, base=base, upstream=upstream, waiting=waiting,
            pip=commands(base, None, "NAME")[0].lines[0][1],
            ask=wanted if upstream and not exact and _is_name(query) else None,
        )  # fmt: skip

    def _find(self, text: str, sheet: Sheet) -> tuple[Sheet, Sequence[FoundProject]]:
        find = self._desk.store.find_projects
        total, found = find(MAIN, text, offset=sheet.offset, limit=sheet.size)
        there = sheet.of(total)
        if there.number != sheet.number:
            _, found = find(MAIN, text, offset=there.offset, limit=there.size)
        return there, found

    def _waits(self, visitor: Visitor) -> int:
        if not visitor.is_known:
            return 0
        found = self._desk.store.summaries(states=(State.STAGED, State.QUARANTINED))
        return sum(visitor.works_on(one.channel, one.project) for one in found)

    async def project(self, request: Request) -> Response:
        """One project: its releases, how to install it."""
        visitor = await self._door.visitor(request)
        text = request.path_params["project"]
        if not _is_name(text):
            raise NotFoundError("no such project", place=(text,))
        project = canonicalize_name(text)
        if project != text:
            return RedirectResponse(f"/p/{project}", status_code=301)
        found, rows, hosted = await run_in_threadpool(self._rows, project, visitor)
        sheet = sheet_of(request, size=_RELEASES).of(len(rows))
        shown = await run_in_threadpool(judged_rows, self._desk.store, sheet.cut(rows))
        return page(
            "project.html", visitor, title=project, project=project, listed=found, hosted=hosted,
            rows=shown, sheet=sheet,
            newest=next((row for row in rows if row.state in (None, State.PUBLISHED)), None),
            views=commands(base_of(request), None, project),
        )  # fmt: skip

    def _rows(
        self, project: NormalizedName, visitor: Visitor
    ) -> tuple[Listed | None, Sequence[ReleaseRow], bool]:
        """What is listed of a project, its releases, the newest first; whether it is published
        here.
        """
        kept = self._desk.store.summaries(project=project)
        hosted = any(one.channel == MAIN and one.state is State.PUBLISHED for one in kept)
        shown = [
            one
            for one in kept
            if _is_public(one)
            or visitor.works_on(one.channel, project)
            or (one.state is State.PUBLISHED and visitor.sees(one.channel, project))
        ]
        rows = [summary_row(one, private=not _is_public(one)) for one in shown]
        found = None
        if hosted or self._desk.upstream is not None:
            try:
                found = listed(self._desk, View(), project)
            except NotFoundError:
                if not rows:
                    raise
        elif not rows:
            raise NotFoundError("no such project", place=(project,))
        if found is not None and not hosted:
            rows += [
                self._behind(project, version, files) for version, files in found.versions.items()
            ]
        rows.sort(key=lambda row: (row.version, row.channel or ""), reverse=True)
        return found, rows, hosted

    def _behind(
        self, project: NormalizedName, version: Version, files: Sequence[FileRow]
    ) -> ReleaseRow:
        report = self._judgements.known(project, version)
        sizes = [file.size for file in files]
        return ReleaseRow(
            id=None,
            project=project,
            version=version,
            href=release_address(MAIN, project, version, private=False),
            channel=None,
            state=None,
            kind=None if report is None else report.class_words,
            findings=None if report is None else len(report.findings),
            files=len(files),
            size=None if None in sizes else sum(size or 0 for size in sizes),
            newest=max((file.uploaded or 0.0 for file in files), default=0.0) or None,
            yanked=sum(file.yanked is not None for file in files),
        )


def _is_public(one: ReleaseSummary) -> bool:
    return one.channel == MAIN and one.state is State.PUBLISHED


def _is_name(text: str) -> bool:
    try:
        canonicalize_name(text, validate=True)
    except InvalidName:
        return False
    return len(text) <= 256
