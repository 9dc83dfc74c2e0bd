"""The page of a release: what its files say, what is served of it, and what was done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from trueup.features.serve.desk import MAIN, Desk, View
from trueup.features.serve.judging import contradictions
from trueup.features.serve.policies import Policy
from trueup.interfaces.report import render_html
from trueup.interfaces.report.matrix import matrix
from trueup.interfaces.report.paste import pyproject
from trueup.interfaces.report.words import advice_words, counts
from trueup.interfaces.web.difference import Difference, difference
from trueup.interfaces.web.judged import Judgement, Judgements
from trueup.interfaces.web.listed import Change, FileRow, Listed, changes, in_order, listed, rows_of
from trueup.interfaces.web.provenance import provenance_address
from trueup.interfaces.web.render import html_response, page, release_address
from trueup.interfaces.web.visitor import Door, Visitor
from trueup.model.errors import NotFoundError, TrueupError
from trueup.model.finding import Finding, ReleaseReport, Report
from trueup.model.version import parse_version
from trueup.sources.store.store import HostedRelease, State

__all__ = ["ReleasePages", "version_in"]

_DONE = {
    "publish": "The release is published",
    "close": "The release takes no further files",
    "open": "The release takes files again",
    "yank": "What was chosen is yanked",
    "unyank": "What was chosen is not yanked any more",
}
"""What is said after a form did its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """Everything about one release; ``hosted`` None: it is of the index behind.

    ``public`` is the judgement on the release of the same version that everybody sees, where this
    one is in a channel; ``known`` whether the visitor may see more than the public.
    """

    project: NormalizedName
    version: Version
    channel: str
    hosted: HostedRelease | None
    judgement: Judgement
    public: Judgement | None
    listed: Listed | None
    files: tuple[FileRow, ...]
    known: bool

    @property
    def title(self) -> str:
        return f"{self.project} {self.version}"

    @property
    def href(self) -> str:
        return release_address(self.channel, self.project, self.version, private=self.known)

    @property
    def report(self) -> ReleaseReport | None:
        return self.judgement.report

    @property
    def state(self) -> State | None:
        return None if self.hosted is None else self.hosted.state

    @property
    def is_shown(self) -> bool:
        """Whether installers see it."""
        return self.state in (None, State.PUBLISHED)

    @property
    def is_pending(self) -> bool:
        """Whether a later look will show more."""
        both = (self.judgement, self.public)
        return any(one is not None and not one.is_done for one in both)

    @property
    def yanked(self) -> int:
        """How many files are yanked."""
        return sum(file.yanked is not None for file in self.files)

    @property
    def size(self) -> int | None:
        """All bytes; None if one does not tell."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Why a release is not published: what speaks against it, and which files are announced."""

    against: tuple[Finding, ...]
    missing: tuple[str, ...]
    is_refused: bool


class ReleasePages:
    """Releases that were uploaded, and those of the index behind."""

    def __init__(self, desk: Desk, door: Door, judgements: Judgements) -> None:
        self._desk = desk
        self._door = door
        self._judgements = judgements

    async def release(self, request: Request) -> Response:
        """Its page; while its files are being read, how far that is."""
        visitor, found = await self._asked(request)
        if "hx-request" in request.headers and not found.is_pending:
            # A page that asks again and again shows the progress; there is none any more.
            return Response(headers={"hx-refresh": "true"})
        done = _DONE.get(request.query_params.get("done", ""))
        return await self.shown(visitor, found, done=done)

    async def shown(
        self, visitor: Visitor, found: ReleaseView, *, done: str | None = None, said: str = "",
        status: int = 200,
    ) -> Response:  # fmt: skip
        """The page of a release; ``said`` is why something could not be done."""
        values = await run_in_threadpool(self._values, found, visitor)
        answer = page(
            "release.html", visitor, private=found.known, status=status, title=found.title,
            release=found, done=done, said=said, **values,
        )  # fmt: skip
        if found.hosted is None:
            # Each page costs requests to another server.
            answer.headers["x-robots-tag"] = "noindex, nofollow"
        return answer

    async def report(self, request: Request) -> Response:
        """The whole report, as `trueup check` writes it."""
        _, found = await self._asked(request)
        report = found.report
        if report is None:
            raise found.judgement.error or NotFoundError(
                "is still being read", place=(found.title,), hint="look again in a moment"
            )
        text = await run_in_threadpool(render_html, Report(releases=(report,)))
        # The page brings its own policy, with the digests of its style and script.
        return html_response(text, policy="frame-ancestors 'none'", private=found.known)

    async def _asked(self, request: Request) -> tuple[Visitor, ReleaseView]:
        channel = request.path_params.get("channel")
        visitor = await (
            self._door.visitor(request) if channel is None else self._door.known(request)
        )
        project = canonicalize_name(request.path_params["project"])
        version = version_in(request)
        return visitor, await self.find(visitor, channel, project, version)

    async def find(
        self, visitor: Visitor, channel: str | None, project: NormalizedName, version: Version
    ) -> ReleaseView:
        """A release for a visitor (channel None: as the public sees it); raises NotFoundError."""
        return await run_in_threadpool(self._find, visitor, channel, project, version)

    def _find(
        self, visitor: Visitor, channel: str | None, project: NormalizedName, version: Version
    ) -> ReleaseView:
        where = channel or MAIN
        hosted = self._desk.store.release(where, project, version)
        if hosted is not None and hosted.state is not State.PUBLISHED and channel is None:
            hosted = None
        shown = hosted is None or hosted.state is State.PUBLISHED
        may = visitor.sees if shown else visitor.works_on
        if channel is not None and (hosted is None or not may(where, project)):
            raise _absent(project, version)
        found = self._listed(where, project) if shown else None
        files = () if found is None else found.versions.get(version, ())
        if hosted is None:
            if self._desk.upstream is None or not files or self._desk.store.owns(where, project):
                raise _absent(project, version)
            judgement = self._judgements.behind(project, version)
            rows = in_order(files)
        else:
            judgement = self._judgements.hosted(hosted)
            rows = rows_of(hosted.files, files, self._attested(hosted) if shown else {})
        return ReleaseView(
            project=project,
            version=version,
            channel=where,
            hosted=hosted,
            judgement=judgement,
            public=None if where == MAIN else self._public(project, version),
            listed=found,
            files=rows,
            known=channel is not None,
        )

    def _attested(self, release: HostedRelease) -> Mapping[str, str]:
        """Where the provenance of its files is, by their names."""
        found = self._desk.store.attested(release)
        return {
            name: provenance_address(release.channel, release.project, release.version, name)
            for name in found
        }

    def _listed(self, channel: str, project: NormalizedName) -> Listed | None:
        try:
            return listed(self._desk, View(channel=channel), project)
        except NotFoundError:
            return None

    def _public(self, project: NormalizedName, version: Version) -> Judgement | None:
        """The judgement on what everybody sees under this name; None if there is nothing."""
        store = self._desk.store
        found = store.release(MAIN, project, version)
        if found is not None and found.state is State.PUBLISHED:
            return self._judgements.hosted(found)
        if self._desk.upstream is None or store.owns(MAIN, project):
            return None
        try:
            there = self._listed(MAIN, project)
        except TrueupError:
            return None
        return None if there is None or version not in there.versions else (
            self._judgements.behind(project, version)
        )  # fmt: skip

    def _values(self, found: ReleaseView, visitor: Visitor) -> dict[str, object]:
        """What the page shows beside the release itself."""
        report, hosted = found.report, found.hosted
        error = found.judgement.error
        return {
            "report": report,
            "error": None if error is None else str(error),
            "matrix": None if report is None else matrix(report, "m"),
            "paste": pyproject(report.merged) if report and report.merged else None,
            "advice": None if report is None else advice_words(report),
            "tally": "" if report is None else counts(report.files),
            "change": self._change(found),
            "waits": None if hosted is None or found.is_shown else self._waits(hosted, report),
            "differences": _differences(found),
            "history": self._history(found),
            "names_shown": visitor.works_on(found.channel, found.project),
        }

    def _change(self, found: ReleaseView) -> Change | None:
        """What the corrected view does; the page of a project behind is not made for a look."""
        if not found.is_shown or found.report is None:
            return None
        try:
            make = found.hosted is not None
            return changes(self._desk, found.channel, found.project, found.version, make=make)
        except TrueupError:
            return None

    def _waits(self, hosted: HostedRelease, report: ReleaseReport | None) -> Waits:
        policy = self._desk.policies.for_project(hosted.channel, hosted.project)
        there = {file.filename for file in hosted.files}
        against = () if report is None else tuple(contradictions(report, policy))
        return Waits(
            against=against,
            missing=tuple(name for name in hosted.expected if name not in there),
            is_refused=bool(against) and policy.contradictions is not Policy.WARN,
        )

    def _history(self, found: ReleaseView) -> Sequence[Mapping[str, Any]]:
        names = [file.filename for file in found.files]
        return self._desk.store.history(found.channel, found.project, found.version, names)


def version_in(request: Request) -> Version:
    """The version of an address; raises NotFoundError for what is none."""
    version = parse_version(request.path_params["version"])
    if version is None:
        raise NotFoundError("no such release", place=(request.path_params["project"],))
    return version


def _differences(found: ReleaseView) -> Sequence[Difference] | None:
    ours, public = found.report, found.public
    if ours is None or public is None or public.report is None:
        return None
    return difference(ours, public.report)


def _absent(project: str, version: Version) -> NotFoundError:
    return NotFoundError("no such release", place=(f"{project} {version}",))
