"""The report as one self-contained HTML file: no network, readable without JavaScript."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.interfaces.report.evidence import LISTED_FILES, legend, short_names
from trueup.interfaces.report.matrix import MatrixField, MatrixRow, matrix
from trueup.interfaces.report.paste import pyproject
from trueup.interfaces.report.words import (
    NOTHING_MORE,
    advice_words,
    count,
    counts,
    origin,
    shorten,
    summary,
    titled,
    visible,
)
from trueup.model.finding import (
    ReleaseClass,
    ReleaseReport,
    Report,
    Severity,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["render_html", "render_page"]

_OPEN_RELEASES = 12


def render_html(report: Report) -> str:
    """The report as the text of one HTML page.

    Style and script are inside, and a content security policy in the page admits these two by
    their hashes and nothing else, so that no value from a file could run or load anything even if
    it escaped from its place.
    """
    return render_page(
        "report.html",
        title=_title(report),
        summary=summary(report),
        releases=[
            _release(number, release, open_limit=_OPEN_RELEASES)
            for number, release in enumerate(report.releases, start=1)
        ],
        failures=report.failures,
    )


def render_page(
    template: str,
    *,
    styles: Sequence[str] = ("report.css",),
    scripts: Sequence[str] = ("report.js",),
    **values: object,
) -> str:
    """One of our templates with these values, and with style and script and their hashes.

    ``styles`` and ``scripts`` are files beside the template, one after the other in the page.
    """
    environment = _environment()
    style, script = _assets(environment, styles), _assets(environment, scripts)
    return environment.get_template(template).render(
        **values,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _environment() -> Environment:
    # Imported here, because no other format needs it and starting must stay quick.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("trueup.interfaces.report"),
        autoescape=True,
        undefined=StrictUndefined,
        # Every value passes here before it is escaped: none can smuggle a control character in.
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        code=_code, said=_said, lines=_lines, count=count, shorten=shorten, legend=legend
    )
    environment.filters |= {"short_names": short_names, "titled": titled}
    environment.globals |= {"nothing_more": NOTHING_MORE, "listed_files": LISTED_FILES}
    return environment


def _assets(environment: Environment, names: Iterable[str]) -> Markup:
    from markupsafe import Markup

    loader = environment.loader
    assert loader is not None
    text = "".join(loader.get_source(environment, name)[0] for name in names)
    return Markup(text)  # noqa: S704 (our own files, not a value from a report)


def _hash(text: str) -> Markup:
    from markupsafe import Markup

    digest = hashlib.sha256(text.encode()).digest()
    return Markup("'sha256-{}'").format(base64.b64encode(digest).decode())


def _code(text: str) -> Markup:
    """Running text whose pairs of backticks become code."""
    from markupsafe import Markup

    parts = visible(text).split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def _said(text: str) -> Markup:
    """A value from a file as code; one of our own sentences has its code marked already."""
    from markupsafe import Markup

    return _code(text) if text.count("`") >= 2 else Markup("<code>{}</code>").format(visible(text))


def _lines(text: str) -> Markup:
    """Text of several lines, whose line breaks are meant."""
    from markupsafe import Markup

    return Markup("\n").join(visible(line) for line in text.removesuffix("\n").split("\n"))


def _title(report: Report) -> str:
    if len(report.releases) == 1:
        return f"{report.releases[0].project} {report.releases[0].version}"
    return count(len(report.releases), "release")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReleaseView:
    """One release with everything that the template shows of it."""

    id: str
    report: ReleaseReport
    origin: str
    counts: str
    advice: str
    tally: tuple[tuple[str, int], ...]
    open: bool
    fields: tuple[MatrixField, ...]
    rows: tuple[MatrixRow, ...]
    pyproject: str | None

    @property
    def title(self) -> str:
        return f"{self.report.project} {self.report.version}"

    @property
    def kind(self) -> str:
        """What colours the badge: a lower bound is not good news by itself."""
        release_class = self.report.release_class
        if self.report.at_least and release_class.rank < ReleaseClass.MERGEABLE.rank:
            return ReleaseClass.UNKNOWN.value
        return release_class.value


def _release(number: int, release: ReleaseReport, *, open_limit: int) -> _ReleaseView:
    ident = f"r{number}"
    shown = matrix(release, ident)
    severities = [finding.severity for finding in release.findings]
    return _ReleaseView(
        id=ident,
        report=release,
        origin=origin(release.origin),
        counts=counts(release.files),
        advice=advice_words(release),
        tally=tuple(
            (severity.value, severities.count(severity))
            for severity in (Severity.ERROR, Severity.WARNING, Severity.INFO)
            if severity in severities
        ),
        open=number <= open_limit and (bool(release.findings) or number == 1),
        fields=shown.fields,
        rows=shown.rows,
        pyproject=pyproject(release.merged) if release.merged is not None else None,
    )
