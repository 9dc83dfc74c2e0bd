"""What a survey says of a release whose files do not all say the same as written.

The judgement is that of `check`. What is special is how much of a release is shown to it: only the
lines in which its files differ, under a version that stands for all. Releases of one project mostly
repeat the difference of the one before, so most of them are looked up instead of judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from packaging.utils import NormalizedName, canonicalize_name

from trueup.judge.differsby import differs_by
from trueup.judge.promise import case_of
from trueup.judge.release import judge_release
from trueup.judge.rule import RuleSettings
from trueup.model.filerow import AUDITABLE, FileRow, release_of
from trueup.model.finding import (
    Case,
    FieldReport,
    Finding,
    ReleaseClass,
    ReleaseReport,
    Variant,
)
from trueup.model.metadata import RESOLUTION_FIELDS, Unreadable
from trueup.model.release import Release
from trueup.model.requirement import parse_requirement
from trueup.model.version import parse_version

__all__ = ["NOT_AUDITABLE", "Observed", "Observer"]

NOT_AUDITABLE = "not auditable"
"""The class of a release of which fewer than two wheels, or none, could be compared."""

_PROJECT = canonicalize_name("p")
_VERSION = "0"
"""The name and the version under which a release is judged."""

_SETTINGS = RuleSettings(
    ignore=frozenset(
        {
            "identity-mismatch",
            "late-upload",
            "shadowed-file",
            "unused-dynamic",
            "written-differently",
        }
    )
)
"""Rules about what a survey does not look at, or that say nothing of a difference."""

_SDIST = re.compile(r"\.(tar\.(gz|bz2|xz|Z)|tgz|zip|tar)$")
_MOST_SHAPES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The verdict on a release.

    ``release_class`` is a :class:`ReleaseClass` value or NOT_AUDITABLE; ``differs`` are the
    resolution fields in which read wheels differ in meaning, ``by`` what tells those wheels apart
    (see :func:`differs_by`); ``promise`` is the sdist's promise for `Requires-Dist` and ``sdist``
    what became of it: none, agrees, differs, unknown.
    """

    release_class: str
    at_least: bool = False
    only_in: str | None = None
    promise: str
    advice: str
    sdist: str
    differs: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    variants: tuple[tuple[str, Variant], ...] = ()
    findings: tuple[Finding, ...] = ()
    reason: str | None = None


class Observer:
    """Judges releases, and remembers what it said of those that look the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Observed] = {}
        self.looked_up = 0
        self.judged = 0

    def observe(self, rows: Sequence[FileRow]) -> Observed:
        """The verdict on the rows of one release, in any order."""
        audited = [row for row in rows if _is_audited(row)]
        silent = {row.filename for row in audited if _is_silent(row)}
        wheels = sum(_is_wheel(row) for row in audited)
        if not wheels or (wheels < 2 and len(audited) < 2):
            return _not_auditable(rows)
        if not _is_version(rows[0].version):
            return replace(_not_auditable(rows), reason="its version is no version (PEP 440)")
        reduced, fields = (
            _reduce([row for row in rows if row.filename not in silent]),
            _fields(audited),
        )
        found = self._known.get((reduced.look, fields))
        if found is None:
            found = _judge(_release(reduced), fields)
            self.judged += 1
            if len(self._known) < _MOST_SHAPES:
                self._known[reduced.look, fields] = found
        else:
            self.looked_up += 1
        if silent and found.sdist == "none":
            found = replace(found, sdist="unknown", promise="unknown")
        return _renamed(found, rows[0], reduced.names)


def _is_audited(row: FileRow) -> bool:
    return row.source in AUDITABLE and row.requires_dist is not None


def _is_wheel(row: FileRow) -> bool:
    """By the look of its name: most releases are never taken apart further."""
    return row.filename.endswith(".whl") and 4 <= row.filename.count("-") <= 6


@lru_cache(maxsize=16384)
def _is_version(text: str) -> bool:
    return parse_version(text) is not None


def _is_silent(row: FileRow) -> bool:
    """Whether an sdist's promise cannot be known, for want of `Dynamic`."""
    return row.dynamic is None and not _is_wheel(row) and _minor(row) >= (2, 2)


def _minor(row: FileRow) -> tuple[int, int]:
    major, _, minor = (row.metadata_version or "").partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def _fields(audited: Iterable[FileRow]) -> frozenset[str]:
    """The fields that every source has: one that a table lacks cannot be compared."""
    if all(row.provides_extra is not None for row in audited):
        return frozenset(RESOLUTION_FIELDS)
    return frozenset({"requires-dist", "requires-python"})


def _not_auditable(rows: Sequence[FileRow]) -> Observed:
    sources = sorted({row.source.value for row in rows})
    return Observed(
        release_class=NOT_AUDITABLE,
        at_least=True,
        promise="unknown",
        advice="unknown",
        sdist="unknown" if any(row.is_sdist for row in rows) else "none",
        reason=f"the rows of its files come from: {', '.join(sources)}",
    )


def _judge(release: Release, fields: frozenset[str]) -> Observed:
    report = judge_release(release, settings=_SETTINGS, fields=fields)
    unread = [
        found.reason
        for file in release.wheels
        if isinstance(found := file.reading.resolution, Unreadable)
    ]
    compared = len(release.wheels) - len(unread)
    differing = tuple(
        field for field in report.fields if field.field.lower() in fields and _differs(field)
    )
    return Observed(
        # One that nothing was compared with is as good as any, but no answer.
        release_class=NOT_AUDITABLE if unread and compared < 2 else report.release_class.value,
        at_least=report.at_least,
        only_in=report.only_in,
        promise=case_of(release.sdists, release.wheels, "requires-dist").value,
        advice=report.advice.value,
        sdist=_sdist(release, report),
        differs=tuple(field.field for field in differing),
        by=differs_by(release) if differing else (),
        variants=tuple((field.field, variant) for field in differing for variant in field.variants),
        findings=report.findings,
        reason=report.class_reason or (unread[0] if unread else None),
    )


def _differs(field: FieldReport) -> bool:
    return field.release_class not in (None, ReleaseClass.IDENTICAL)


def _sdist(release: Release, report: ReleaseReport) -> str:
    if not release.sdists:
        return "none"
    codes = {finding.code for finding in report.findings}
    if "undeclared-difference" in codes or "append-only-difference" in codes:
        return "differs"
    cases = {field.case for field in report.fields}
    return "unknown" if Case.LEGACY in cases else "agrees"


# --- what is shown to the judgement ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reduced:
    """Rows of a release without what its files have in common, under names that stand for all.

    ``look`` is equal for releases that are judged alike; ``names`` gives the real file names.
    """

    rows: tuple[FileRow, ...]
    look: tuple[object, ...]
    names: Mapping[str, str]


def _reduce(rows: Sequence[FileRow]) -> _Reduced:
    project, kept = _kept(rows)
    stand_ins = {row.filename: _stand_in(row, project) for row in rows}
    if len(set(stand_ins.values())) < len(rows):
        stand_ins = {name: name for name in stand_ins}
    ordered = sorted(rows, key=lambda row: stand_ins[row.filename])
    look = tuple(
        (
            stand_ins[row.filename],
            row.metadata_version,
            row.requires_python,
            None if row.requires_dist is None else kept[row.requires_dist],
            row.provides_extra,
            row.dynamic,
            row.index_requires_python,
            row.yanked,
            row.source,
            row.problem,
        )
        for row in ordered
    )
    reduced = tuple(
        FileRow(
            project=project,
            version=_VERSION,
            filename=filename,
            metadata_version=metadata_version,
            requires_python=requires_python,
            requires_dist=requires_dist,
            provides_extra=provides_extra,
            dynamic=dynamic,
            index_requires_python=index_requires_python,
            yanked=yanked,
            source=source,
            problem=problem,
        )
        for filename, metadata_version, requires_python, requires_dist, provides_extra, dynamic, index_requires_python, yanked, source, problem in look
    )
    return _Reduced(
        rows=reduced, look=look, names={stand: real for real, stand in stand_ins.items()}
    )


_Lines = tuple[str, ...]


def _kept(rows: Sequence[FileRow]) -> tuple[NormalizedName, Mapping[_Lines, _Lines]]:
    """A name for the project, and of each list of requirements the lines that matter.

    Those are the lines on projects of which not all lists say the same. What a release says of its
    own project means something else under another name, so it keeps its own then.
    """
    project = rows[0].project
    lists = {row.requires_dist for row in rows if row.requires_dist is not None}
    try:
        parsed = {lines: frozenset(map(parse_requirement, lines)) for lines in lists}
    except ValueError:
        return project, {lines: lines for lines in lists}
    common = frozenset.intersection(*parsed.values()) if parsed else frozenset()
    projects = {line.project for found in parsed.values() for line in found - common}
    return (project if project in projects else _PROJECT), {
        lines: tuple(text for text in lines if parse_requirement(text).project in projects)
        for lines in lists
    }


def _stand_in(row: FileRow, project: str) -> str:
    """A file name of the same tags, whose project and version stand for all."""
    parts = row.filename.split("-")
    if _is_wheel(row) and parts[1] == row.version:
        return "-".join([project.replace("-", "_"), _VERSION, *parts[2:]])
    match = _SDIST.search(row.filename)
    if match is not None and row.filename[: match.start()].endswith(f"-{row.version}"):
        return f"{project.replace('-', '_')}-{_VERSION}{match[0]}"
    return row.filename


def _release(reduced: _Reduced) -> Release:
    found = release_of(reduced.rows, origin="survey")
    assert found is not None, _VERSION
    return found


def _renamed(found: Observed, row: FileRow, names: Mapping[str, str]) -> Observed:
    """The verdict in the names of the release of a row."""
    if not found.findings and not found.variants:
        return found
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names, reverse=True)))

    def named(text: str) -> str:
        return pattern.sub(lambda match: names[match[0]], text)

    def shown(finding: Finding) -> Finding:
        return replace(
            finding,
            project=row.project,
            version=row.version,
            message=named(finding.message),
            evidence=tuple(
                replace(item, files=tuple(map(named, item.files))) for item in finding.evidence
            ),
        )

    return replace(
        found,
        findings=tuple(map(shown, found.findings)),
        variants=tuple(
            (field, replace(variant, files=tuple(map(named, variant.files))))
            for field, variant in found.variants
        ),
    )
