"""The report as one self-contained HTML file: no network, readable without JavaScript."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.interfaces.report.evidence import LISTED_FILES, legend, short_names
from trueup.interfaces.report.paste import pyproject
from trueup.interfaces.report.words import (
    NOTHING_MORE,
    advice_words,
    count,
    counts,
    in_order,
    natural,
    origin,
    shorten,
    summary,
    titled,
    visible,
)
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.finding import (
    FieldReport,
    FileReport,
    ReleaseClass,
    ReleaseReport,
    Report,
    Severity,
    Variant,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["render_html", "render_page"]

_HUES = 8
_OPEN_RELEASES = 12
_OPEN_VARIANTS = 6


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
class _VariantView:
    """One variant of a field: ``lines`` are its values, each with whether all wheels have it."""

    id: str
    letter: str
    hue: str
    region: str
    files: tuple[str, ...]
    lines: tuple[tuple[str, bool], ...]

    @property
    def odd(self) -> bool:
        """Whether this is not the commonest variant of its field."""
        return self.letter != "A"

    @property
    def common(self) -> int:
        return sum(common for _, common in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FieldView:
    """One column of the matrix and its part of the legend."""

    id: str
    name: str
    class_value: str | None
    case: str
    variants: tuple[_VariantView, ...]

    @property
    def differs(self) -> bool:
        return len(self.variants) > 1

    @property
    def open(self) -> bool:
        return 1 < len(self.variants) <= _OPEN_VARIANTS


@dataclass(frozen=True, slots=True, kw_only=True)
class _RowView:
    """One row of the matrix; a cell is None where nothing is known of the file in that field."""

    file: FileReport
    lead: str
    rest: str
    cells: tuple[_VariantView | None, ...]


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
    fields: tuple[_FieldView, ...]
    rows: tuple[_RowView, ...]
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
    fields = tuple(
        sorted(
            (_field(f"{ident}-f{n}", field) for n, field in enumerate(release.fields, 1)),
            key=lambda field: not field.differs,
        )
    )
    cells = [
        {name: variant for variant in field.variants for name in variant.files} for field in fields
    ]
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
        fields=fields,
        rows=tuple(
            _row(file, [column.get(file.filename) for column in cells])
            for file in in_order(release.files)
        ),
        pyproject=pyproject(release.merged) if release.merged is not None else None,
    )


def _row(file: FileReport, cells: Sequence[_VariantView | None]) -> _RowView:
    lead, rest = "", file.filename
    if isinstance(parse_filename(file.filename), WheelName):
        # Name and version are the same in every row: what tells wheels apart comes after.
        name, version, rest = file.filename.split("-", 2)
        lead = f"{name}-{version}-"
    return _RowView(file=file, lead=lead, rest=rest, cells=tuple(cells))


def _field(ident: str, field: FieldReport) -> _FieldView:
    # The commonest first, so that what is colourful is what is unusual.
    variants = sorted(
        field.variants, key=lambda item: (-len(item.files), sorted(map(natural, item.files)))
    )
    common = _common(variants)
    return _FieldView(
        id=ident,
        name=field.field,
        class_value=field.release_class.value if field.release_class else None,
        case=field.case.value,
        variants=tuple(
            _VariantView(
                id=f"{ident}-v{number}",
                letter=_letter(number),
                hue=_hue(number) if len(variants) > 1 else "same",
                region=variant.region,
                files=tuple(sorted(variant.files, key=natural)),
                lines=tuple((line, line in common) for line in variant.values),
            )
            for number, variant in enumerate(variants)
        ),
    )


def _common(variants: Sequence[Variant]) -> frozenset[str]:
    """What all wheels say; an sdist without wheels beside it has no say in it."""
    with_wheels = [variant for variant in variants if any(map(_is_wheel, variant.files))]
    values: Iterable[tuple[str, ...]] = [item.values for item in with_wheels or variants]
    return frozenset.intersection(*map(frozenset[str], values)) if values else frozenset()


def _is_wheel(filename: str) -> bool:
    return filename.endswith(".whl")


def _hue(number: int) -> str:
    """The quiet colour for the commonest variant only; the others take turns."""
    return "h0" if number == 0 else f"h{1 + (number - 1) % (_HUES - 1)}"


def _letter(number: int) -> str:
    """A to Z, then AA, AB and on."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
