"""What `trueup libs` says, as one self-contained HTML page with treemaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trueup.interfaces.report.html import render_page
from trueup.interfaces.report.nativefacts import (
    FileRow,
    Kind,
    alike_in,
    exact,
    file_rows,
    gpu_order,
)
from trueup.interfaces.report.nativegpu import codes_of, devices_of
from trueup.interfaces.report.nativeloads import libraries_loaded
from trueup.interfaces.report.nativetiles import DEGREE_CLASSES, TreeMap, gpu_class, tree_map
from trueup.interfaces.report.nativewords import bytes_text, native_summary
from trueup.interfaces.report.words import count, tally
from trueup.model.finding import Finding
from trueup.model.library import Distribution, GpuKind
from trueup.model.nativereport import Degree, Duplicate, LoadedMap, NativeReport, Scope

__all__ = ["render_native_html"]

_TILES = 3000
"""In all pictures together; past that the smallest files of a package are one tile."""
_FEWEST = 120
_TOLD = 5
"""Findings of one rule that are not folded away."""

_DEGREE_WORDS: Mapping[Degree, str] = {
    Degree.BYTES: "the files are equal, byte for byte; one of them would do",
    Degree.BUILD: "one build, patched or renamed differently since; the code is equal",
    Degree.VERSION: "the same name and version; how they were built may differ, so they may be "
    "shared only after a look",
    Degree.LIBRARY: "the same name and no more; this alone is no reason to share them",
}


def render_native_html(report: NativeReport) -> str:
    """The report as the text of one HTML page: no network, readable without JavaScript."""
    rows = file_rows(report)
    order = gpu_order(rows)
    maps = _maps(report, rows, order)
    return render_page(
        "native.html",
        styles=("report.css", "native.css"),
        scripts=("native.js",),
        title=_title(report),
        summary=native_summary(report),
        figures=tuple(_figures(report, rows)),
        maps=[(one, _legends(one, order)) for one in maps],
        has_gpu=bool(order),
        has_packed=any(one.packed is not None for one in maps),
        libraries=libraries_loaded(report.maps),
        several=len(report.maps) > 1,
        scopes=tuple(_scopes(report)),
        findings=_by_rule(report.findings),
        codes=codes_of(rows, order),
        devices=devices_of(rows, order),
        all_gpu=sum(size for row in rows for _, size in row.gpu),
        components=[item for item in report.distributions if item.components],
        external=[item for item in report.distributions if item.external],
        rows=rows,
        failures=report.failures,
        notes=[(item.label, note) for item in report.distributions for note in item.notes],
        bytes_text=bytes_text,
        exact=exact,
    )


def _title(report: NativeReport) -> str:
    if len(report.distributions) == 1:
        return f"Native code of {report.distributions[0].label}"
    if len(report.maps) == 1:
        return f"Native code in {report.maps[0].layout.label}"
    return f"Native code of {count(len(report.distributions), 'distribution')}"


def _figures(report: NativeReport, rows: Sequence[FileRow]) -> Iterator[tuple[str, str, str]]:
    """What stands large at the top: (number, what it is, where to read on)."""
    disk = sum(row.file.size for row in rows)
    packed = [row.file.packed for row in rows if row.file.packed is not None]
    if rows:
        yield bytes_text(disk), f"on disk in {count(len(rows), 'native file')}", "map"
    if rows and len(packed) == len(rows):
        yield bytes_text(sum(packed)), "of that packed in wheels", "map"
    for scope in Scope:
        groups, wasted, _ = report.wasted(scope, Degree.BYTES)
        if groups:
            yield bytes_text(wasted), f"too many: same bytes {scope.value}", "duplicates"
    gpu = sum(size for row in rows for _, size in row.gpu)
    if gpu:
        yield bytes_text(gpu), "of GPU code", "gpu"
    yield f"{len(report.findings):,}", tally(report.findings), "findings"


def _maps(
    report: NativeReport, rows: Sequence[FileRow], order: Sequence[tuple[str, GpuKind]]
) -> list[TreeMap]:
    """A picture of each environment, and of the whole set unless that is one of them."""
    wanted: list[tuple[str, Sequence[FileRow], LoadedMap | None]] = []
    if not any(_everything(report, loaded.layout.distributions) for loaded in report.maps):
        label = f"everything: {count(len(report.distributions), 'distribution')}"
        wanted.append((label, rows, None))
    for loaded in report.maps:
        names = {item.filename for item in loaded.layout.distributions}
        inside = [row for row in rows if row.distribution.filename in names]
        wanted.append((loaded.layout.label, inside, loaded))
    limit = max(_TILES // max(len(wanted), 1), _FEWEST)
    return [
        tree_map(
            f"m{number}",
            label,
            inside,
            alike=alike_in(report.duplicates, loaded),
            order=order,
            loaded=loaded,
            limit=limit,
        )
        for number, (label, inside, loaded) in enumerate(wanted, start=1)
        if inside
    ]


def _everything(report: NativeReport, distributions: Iterable[Distribution]) -> bool:
    names = {item.filename for item in distributions}
    return all(item.filename in names for item in report.distributions if item.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """One line of a legend: ``size`` and ``packed`` (None: not known) of all that has its colour."""

    classes: str
    words: str
    size: int
    packed: int | None


def _legends(one: TreeMap, order: Sequence[tuple[str, GpuKind]]) -> dict[str, tuple[_Key, ...]]:
    """What the colours of each choice of colours mean, with the bytes they stand for."""
    return {
        "alike": tuple(_alike_keys(one)),
        "kind": tuple(
            _key(f"k-{kind.name.lower()}", kind.value, [r for r in one.rows if r.kind is kind])
            for kind in Kind
            if any(row.kind is kind for row in one.rows)
        ),
        "gpu": tuple(_gpu_keys(one, order)),
        "idle": tuple(_idle_keys(one)),
    }


def _alike_keys(one: TreeMap) -> Iterator[_Key]:
    for degree, classes in DEGREE_CLASSES.items():
        rows = [r for r in one.rows if (a := one.alike.get(r.key)) and a.degree is degree]
        if rows:
            yield _key(classes, f"{degree.value} as another", rows)
    alone = [row for row in one.rows if row.key not in one.alike]
    once = [row for row in alone if row.kind is Kind.LIBRARY]
    if once:
        yield _key("d-once", "library, there once", once)
    others = [row for row in alone if row.kind is not Kind.LIBRARY]
    if others:
        yield _key("d-not", "no library, not compared", others)


def _gpu_keys(one: TreeMap, order: Sequence[tuple[str, GpuKind]]) -> Iterator[_Key]:
    sums: dict[tuple[str, GpuKind], int] = {}
    for row in one.rows:
        for code, size in row.gpu:
            key = (code.target, code.kind)
            sums[key] = sums.get(key, 0) + size
    for target, kind in order:
        if (target, kind) in sums:
            words = f"{target} ({kind.value})"
            size = sums[target, kind]
            yield _Key(classes=gpu_class(order, target, kind), words=words, size=size, packed=None)
    rest = one.size - sum(sums.values())
    yield _Key(classes="rest", words="all else", size=rest, packed=None)


def _idle_keys(one: TreeMap) -> Iterator[_Key]:
    debug = sum(row.debug or 0 for row in one.rows)
    padding = sum(row.padding or 0 for row in one.rows)
    for classes, words, size in (
        ("i-debug", "debug information", debug),
        ("i-padding", "padding between sections", padding),
        ("rest", "all else", one.size - debug - padding),
    ):
        yield _Key(classes=classes, words=words, size=size, packed=None)


def _key(classes: str, words: str, rows: Sequence[FileRow]) -> _Key:
    packed = [row.file.packed for row in rows if row.file.packed is not None]
    return _Key(
        classes=classes,
        words=words,
        size=sum(row.file.size for row in rows),
        packed=sum(packed) if len(packed) == len(rows) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ScopeView:
    """Duplicates between the same things: totals by degree, then each group at its surest."""

    id: str
    words: str
    degrees: tuple[tuple[Degree, str, int, int, int], ...]
    groups: tuple[Duplicate, ...]


def _scopes(report: NativeReport) -> Iterator[_ScopeView]:
    for number, scope in enumerate(Scope, start=1):
        groups = [one for one in report.duplicates if one.scope is scope]
        if groups:
            yield _ScopeView(
                id=f"s{number}",
                words=scope.value,
                degrees=tuple(
                    (degree, _DEGREE_WORDS[degree], *report.wasted(scope, degree))
                    for degree in Degree
                ),
                groups=tuple(_surest(groups)),
            )


def _surest(groups: Iterable[Duplicate]) -> list[Duplicate]:
    """Each set of copies once, at the surest degree that holds for it; the most wasteful first."""
    told: dict[frozenset[tuple[str, str]], Duplicate] = {}
    for group in groups:
        told.setdefault(frozenset((copy.filename, copy.path) for copy in group.copies), group)
    return sorted(told.values(), key=lambda group: -group.wasted)


def _by_rule(
    findings: Iterable[Finding],
) -> list[tuple[str, Sequence[Finding], Sequence[Finding]]]:
    """The findings of each rule: those that are told at once, and those that are folded away."""
    rules: dict[str, list[Finding]] = {}
    for finding in findings:
        rules.setdefault(finding.code, []).append(finding)
    return [(code, found[:_TOLD], found[_TOLD:]) for code, found in rules.items()]
