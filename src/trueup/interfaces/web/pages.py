"""Pages for people: what is published, and with a token what waits, the channels, and the log.

Everything works without script; values from files are escaped, and the content security policy
admits nothing but the style sheet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from trueup.features.serve.desk import MAIN, Desk
from trueup.interfaces.report import render_html
from trueup.interfaces.report.words import count, visible
from trueup.model.errors import NotFoundError
from trueup.model.finding import ReleaseReport, Report
from trueup.sources.store.store import HostedRelease, State, Token

__all__ = ["Pages"]

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
_KEPT = 64
"""So many reports stay in memory."""

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """The values of a field that only the channel's files have, and only the public ones."""

    name: str
    here: tuple[str, ...]
    public: tuple[str, ...]


class Pages:
    """The routes for people; ``who`` is the token of a request, or raises for want of one."""

    def __init__(self, desk: Desk, who: Callable[[Request], Awaitable[Token]]) -> None:
        self._desk = desk
        self._who = who
        self._kept: dict[tuple[object, ...], ReleaseReport] = {}

    def routes(self) -> list[Route]:
        """What `trueup serve` answers to browsers."""
        one = "/channels/{channel}/{project}/{version}"
        found: dict[str, Answer] = {
            "/": self._projects,
            "/p/{project}": self._project,
            "/p/{project}/{version}": self._release,
            "/p/{project}/{version}/report": self._report,
            "/waiting": self._waiting,
            "/channels": self._channels,
            "/channels/{channel}": self._channel,
            one: self._release,
            f"{one}/report": self._report,
            "/audit": self._audit,
        }
        return [
            Route("/style.css", _style),
            *(Route(path, _or_absent(answer)) for path, answer in found.items()),
        ]

    async def _projects(self, request: Request) -> Response:
        query = request.query_params.get("q", "").strip()
        wanted = str(canonicalize_name(query))
        names = await run_in_threadpool(self._desk.store.projects, MAIN)
        shown = [name for name in names if wanted in name]
        return _page("projects.html", title="Projects", projects=shown, query=query)

    async def _project(self, request: Request) -> Response:
        project = canonicalize_name(request.path_params["project"])
        found = await run_in_threadpool(self._desk.store.releases, MAIN, project)
        if not found:
            raise NotFoundError("no such project is published here", place=(project,))
        return _releases(project, found[::-1], private=False)

    async def _waiting(self, request: Request) -> Response:
        token = await self._who(request)
        found = await run_in_threadpool(self._in_channels)
        waits = [one for one in found if one.state is not State.PUBLISHED and _sees(token, one)]
        return _releases("Waiting releases", waits, private=True, nothing="Nothing waits")

    def _in_channels(self) -> list[HostedRelease]:
        store = self._desk.store
        return [one for name in store.channels() for one in store.releases(name, state=None)]

    async def _channels(self, request: Request) -> Response:
        token = await self._who(request)
        found = await run_in_threadpool(self._in_channels)
        names = sorted({one.channel for one in found if _sees(token, one)})
        return _page("channels.html", private=True, title="Channels", channels=names)

    async def _channel(self, request: Request) -> Response:
        token = await self._who(request)
        name = request.path_params["channel"]
        found = await run_in_threadpool(self._desk.store.releases, name, state=None)
        shown = [one for one in found if _sees(token, one)]
        return _releases(f"Channel {name}", shown, private=True, nothing="It has no release")

    async def _release(self, request: Request) -> Response:
        release, private = await self._asked(request)
        difference = None
        if release.channel != MAIN:
            difference = await run_in_threadpool(self._difference, release)
        title = f"{release.project} {release.version}"
        return _page(
            "release.html", private=private, title=title, release=release, difference=difference
        )

    async def _report(self, request: Request) -> Response:
        release, private = await self._asked(request)
        report = await run_in_threadpool(self._judged, release)
        text = await run_in_threadpool(render_html, Report(releases=(report,)))
        # The page brings its own policy, with the digests of its style and script.
        return _html(text, policy="frame-ancestors 'none'", private=private)

    async def _asked(self, request: Request) -> tuple[HostedRelease, bool]:
        """The release of an address, and whether only a token shows it."""
        channel = request.path_params.get("channel")
        token = None if channel is None else await self._who(request)
        project = canonicalize_name(request.path_params["project"])
        try:
            version = Version(request.path_params["version"])
        except InvalidVersion as error:
            raise NotFoundError("no such release", place=(project,)) from error
        found = await run_in_threadpool(self._desk.store.release, channel or MAIN, project, version)
        shown = found is not None and (
            found.state is State.PUBLISHED if token is None else _sees(token, found)
        )
        if found is None or not shown:
            raise NotFoundError("no such release", place=(f"{project} {version}",))
        return found, token is not None

    def _judged(self, release: HostedRelease) -> ReleaseReport:
        # Anybody may ask for a report, as often as they like; it only changes with the files.
        said = tuple((file.filename, file.sha256, file.yanked) for file in release.files)
        key = (release.channel, release.project, release.version, said)
        found = self._kept.get(key)
        if found is None:
            found = self._desk.receiver(release.channel).report(release)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = found
        return found

    def _difference(self, release: HostedRelease) -> tuple[_Difference, ...] | None:
        """Beside the main channel's release of that version; None if there is none."""
        public = self._desk.store.release(MAIN, release.project, release.version)
        if public is None or public.state is not State.PUBLISHED:
            return None
        ours, theirs = _values(self._judged(release)), _values(self._judged(public))
        return tuple(
            _Difference(
                name=name,
                here=tuple(sorted(ours.get(name, set()) - theirs.get(name, set()))),
                public=tuple(sorted(theirs.get(name, set()) - ours.get(name, set()))),
            )
            for name in sorted({*ours, *theirs})
            if ours.get(name, set()) != theirs.get(name, set())
        )

    async def _audit(self, request: Request) -> Response:
        token = await self._who(request)
        found = await run_in_threadpool(self._desk.store.audit)
        shown = [one for one in found if _may_see(token, one["channel"], one["project"])]
        return _page("audit.html", private=True, title="Audit log", entries=shown)


def _values(report: ReleaseReport) -> dict[str, set[str]]:
    return {
        field.field: {value for variant in field.variants for value in variant.values}
        for field in report.fields
    }


def _sees(token: Token, release: HostedRelease) -> bool:
    return _may_see(token, release.channel, release.project)


def _may_see(token: Token, channel: str, project: str) -> bool:
    """Whoever may do something with a project there may look at it as well."""
    scope = token.scope
    return any(scope.allows(action, channel, project) for action in scope.actions)


def _or_absent(answer: Answer) -> Answer:
    """What is not there gets a page as well."""

    async def found(request: Request) -> Response:
        try:
            return await answer(request)
        except NotFoundError as error:
            return _page("absent.html", status=404, title="Not found", message=str(error))

    return found


async def _style(request: Request) -> Response:
    headers = {**_HEADERS, "cache-control": "max-age=3600"}
    return Response(_sheet(), media_type="text/css", headers=headers)


@cache
def _sheet() -> str:
    parts = (("trueup.interfaces.report", "report.css"), ("trueup.interfaces.web", "pages.css"))
    return "".join(
        files(package).joinpath("templates", name).read_text("utf-8") for package, name in parts
    )


def _releases(
    title: str, found: Sequence[HostedRelease], *, private: bool, nothing: str = "No release"
) -> Response:
    return _page("releases.html", private=private, title=title, releases=found, nothing=nothing)


def _page(template: str, *, private: bool = False, status: int = 200, **values: object) -> Response:
    text = _environment().get_template(template).render(private=private, **values)
    return _html(text, policy=_POLICY, private=private, status=status)


def _html(text: str, *, policy: str, private: bool, status: int = 200) -> Response:
    kept = "no-store" if private else "no-cache"
    headers = {**_HEADERS, "content-security-policy": policy, "cache-control": kept}
    return HTMLResponse(text, status_code=status, headers=headers)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trueup.interfaces.web"),
        autoescape=True,
        undefined=StrictUndefined,
        # Every value passes here before it is escaped: none can smuggle a control character in.
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": _code, "count": count, "address": _address, "moment": _moment}
    return environment


def _address(release: HostedRelease, private: bool) -> str:
    base = f"/channels/{release.channel}" if private else "/p"
    return f"{base}/{release.project}/{release.version}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


def _code(text: str) -> Markup:
    """Running text whose pairs of backticks become code."""
    parts: Iterable[tuple[int, str]] = enumerate(visible(text).split("`"))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in parts
    )
