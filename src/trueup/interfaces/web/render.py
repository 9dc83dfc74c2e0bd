"""Pages for people as HTML: templates, style, scripts, and what a browser may do with them.

Everything works without script. Values from files are escaped, and the content security policy
admits nothing but the style sheet and the scripts of this server.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from trueup.interfaces.report.evidence import LISTED_FILES, legend, short_names
from trueup.interfaces.report.words import NOTHING_MORE, count, shorten, visible
from trueup.model.errors import NotFoundError

if TYPE_CHECKING:
    from trueup.interfaces.web.visitor import Visitor

__all__ = ["asset_routes", "html_response", "page", "release_address"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin"}

_HTMX = "sha384-0895/pl2MU10Hqc6jd4RvrthNlDiE9U1tWmX7WRESftEDRosgxNsQG/Ze9YMRzHq"
"""htmx 2.0.3 as its makers published it: the package that brings it is not theirs."""


def page(
    template: str, visitor: Visitor, *, title: str, private: bool = False, status: int = 200,
    **values: object,
) -> Response:  # fmt: skip
    """A page made from one of our templates; a ``private`` one is not kept by browsers."""
    text = _environment().get_template(template).render(title=title, visitor=visitor, **values)
    return html_response(text, private=private or visitor.is_known, status=status)


def html_response(
    text: str, *, private: bool, status: int = 200, policy: str = _POLICY
) -> Response:
    """HTML with the headers that keep it safe."""
    headers = {
        **_HEADERS,
        "content-security-policy": policy,
        "cache-control": "no-store" if private else "no-cache",
        "vary": "Cookie, Authorization, HX-Request",
    }
    return HTMLResponse(text, status_code=status, headers=headers)


def release_address(channel: str, project: str, version: object, *, private: bool) -> str:
    """The path of a release's page: of the public one, or of the one that a token shows."""
    base = f"/channels/{channel}" if private else "/p"
    return f"{base}/{project}/{version}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("trueup.interfaces.web"), PackageLoader("trueup.interfaces.report")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        # Every value passes here before it is escaped: none can smuggle a control character in.
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "code": _code, "said": _said, "count": count, "shorten": shorten, "legend": legend,
        "short_names": short_names, "moment": _moment, "day": _day, "bytes": _bytes,
        "lines": _lines, "one_up": _one_up,
    }  # fmt: skip
    environment.globals |= {
        "listed_files": LISTED_FILES, "nothing_more": NOTHING_MORE, "address": release_address,
        "asset": _address_of, "htmx": _HTMX if _assets()["htmx.js"] else None,
    }  # fmt: skip
    return environment


def _code(text: str) -> Markup:
    """Running text whose pairs of backticks become code."""
    parts: Iterable[tuple[int, str]] = enumerate(visible(text).split("`"))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in parts
    )


def _said(text: str) -> Markup:
    """A value from a file as code; one of our own sentences has its code marked already."""
    return _code(text) if text.count("`") >= 2 else Markup("<code>{}</code>").format(visible(text))


def _lines(text: str) -> Markup:
    """Text of several lines, whose line breaks are meant."""
    return Markup("\n").join(visible(line) for line in text.removesuffix("\n").split("\n"))


def _one_up(text: Markup) -> Markup:
    """Findings of the report, whose headings lie one level deeper than here."""
    # What comes from files is escaped and holds no tag.
    return Markup(str(text).replace("<h4>", "<h3>").replace("</h4>", "</h3>"))  # noqa: S704


def _moment(seconds: float) -> Markup:
    found = datetime.fromtimestamp(seconds, tz=UTC)
    return _time(found, f"{found:%Y-%m-%d %H:%M:%S} UTC")


def _day(seconds: float | None) -> Markup:
    """The day; the moment is told on demand."""
    if seconds is None:
        return Markup("–")
    found = datetime.fromtimestamp(seconds, tz=UTC)
    return _time(found, f"{found:%Y-%m-%d}")


def _time(found: datetime, words: str) -> Markup:
    said = f"{found:%Y-%m-%dT%H:%M:%SZ}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(said, said, words)


def _bytes(number: int | None) -> str:
    """``12.4 MB``: so that sizes can be compared at a glance."""
    if number is None:
        return "–"
    size, units = float(number), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{number:,} {units[0]}" if units[0] == "bytes" else f"{size:.3g} {units[0]}"


# --- what pages load ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    """A file that pages load, by a name that changes with it."""

    body: bytes
    packed: bytes
    kind: str

    @property
    def mark(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:12]


def asset_routes() -> list[Route]:
    """Where browsers get style and scripts."""
    return [Route(f"/{name}", _answer_asset) for name in _assets()]


async def _answer_asset(request: Request) -> Response:
    found = _assets()[request.url.path.removeprefix("/")]
    if found is None:
        raise NotFoundError("no such file", place=(request.url.path,))
    lasting = request.query_params.get("v") == found.mark
    kept = "public, max-age=31536000, immutable" if lasting else "no-cache"
    headers = {**_HEADERS, "cache-control": kept, "vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.body, media_type=found.kind, headers=headers)
    headers["content-encoding"] = "gzip"
    return Response(found.packed, media_type=found.kind, headers=headers)


def _address_of(name: str) -> str:
    found = _assets()[name]
    return f"/{name}" if found is None else f"/{name}?v={found.mark}"


@cache
def _assets() -> dict[str, _Asset | None]:
    report, web = "trueup.interfaces.report", "trueup.interfaces.web"
    return {
        "style.css": _asset(_template(report, "report.css") + _template(web, "pages.css"), "css"),
        "report.js": _asset(_template(report, "report.js"), "javascript"),
        "htmx.js": _htmx(),
    }


def _template(package: str, name: str) -> bytes:
    return files(package).joinpath("templates", name).read_bytes()


def _asset(body: bytes, kind: str) -> _Asset:
    return _Asset(body=body, packed=gzip.compress(body, 9, mtime=0), kind=f"text/{kind}")


def _htmx() -> _Asset | None:
    """htmx from the package that brings it; without it, or with another one, pages do without."""
    # The package is for another framework and is not imported: only its file is read.
    spec = find_spec("js_lib_htmx")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder, "static", "htmx", "htmx.min.js")
        body = path.read_bytes() if path.is_file() else b""
        digest = base64.b64encode(hashlib.sha384(body).digest()).decode()
        if f"sha384-{digest}" == _HTMX:
            return _asset(body, "javascript")
    return None
