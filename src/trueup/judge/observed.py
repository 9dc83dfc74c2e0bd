"""What a survey says of a release whose files do not all say the same as written.

The judgement is that of `check`. What is special is how much of a release is shown to it: only the
lines in which its files differ, under a version that stands for all. Releases of one project mostly
repeat the difference of the one before, so most of them are looked up instead of judged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.judge.differsby import differs_by
from trueup.judge.effective import differing_lines
from trueup.judge.promise import case_of
from trueup.judge.release import judge_release
from trueup.judge.rule import RuleSettings
from trueup.model.artifact import parse_filename
from trueup.model.filerow import AUDITABLE, FileRow, release_of
from trueup.model.finding import (
    Case,
    FieldReport,
    Finding,
    ReleaseClass,
    ReleaseReport,
    Variant,
)
from trueup.model.metadata import RESOLUTION_FIELDS, Metadata, Resolution, Unreadable
from trueup.model.release import Release, ReleaseFile
from trueup.model.requirement import parse_requirement

__all__ = ["NOT_AUDITABLE", "Observed", "Observer"]

NOT_AUDITABLE = "not auditable"
"""The class of a release of which fewer than two wheels, or none, could be compared."""

_PROJECT = canonicalize_name("p")
_VERSION = "0"
"""The name and the version under which a release is judged."""

_SETTINGS = RuleSettings(
    ignore=frozenset({"identity-mismatch", "late-upload", "shadowed-file", "unused-dynamic"})
)
"""Rules about what a survey does not look at, or that say nothing of a difference."""

_SUFFIX = re.compile(r"(\.tar)?\.[^.]+$")
_MOST_SHAPES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The verdict on a release.

    ``release_class`` is a :class:`ReleaseClass` value or NOT_AUDITABLE; ``differs`` are the
    resolution fields in which read wheels differ in meaning, ``by`` what tells those wheels apart
    (see :func:`differs_by`); ``case`` is the sdist's promise for `Requires-Dist` and ``sdist``
    what became of it: none, agrees, differs, unknown.
    """

    release_class: str
    at_least: bool = False
    only_in: str | None = None
    case: str
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
        audited = [row for row in rows if row.source in AUDITABLE and row.requires_dist is not None]
        silent = {row.filename for row in audited if _is_silent(row)}
        shown = [row for row in rows if row.filename not in silent]
        wheels = [row for row in audited if not row.is_sdist]
        if not wheels or (len(wheels) < 2 and len(audited) < 2):
            return _not_auditable(rows)
        release = release_of(shown, origin="survey")
        if release is None:
            return replace(_not_auditable(rows), reason="its version is no version (PEP 440)")
        reduced, fields = _reduce(release), _fields(audited)
        found = self._known.get((reduced.look, fields))
        if found is None:
            found = _judge(reduced.release, fields)
            self.judged += 1
            if len(self._known) < _MOST_SHAPES:
                self._known[reduced.look, fields] = found
        else:
            self.looked_up += 1
        if silent and found.sdist == "none":
            found = replace(found, sdist="unknown", case="unknown")
        return _renamed(found, release, reduced.names)


def _is_silent(row: FileRow) -> bool:
    """Whether an sdist's promise cannot be known, for want of `Dynamic`."""
    return row.is_sdist and row.dynamic is None and _minor(row) >= (2, 2)


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
        case="unknown",
        advice="unknown",
        sdist="unknown" if any(row.is_sdist for row in rows) else "none",
        reason=f"the rows of its files come from: {', '.join(sources)}",
    )


def _judge(release: Release, fields: frozenset[str]) -> Observed:
    report = judge_release(release, settings=_SETTINGS, fields=fields)
    differing = tuple(
        field for field in report.fields if field.field.lower() in fields and _differs(field)
    )
    return Observed(
        release_class=report.release_class.value,
        at_least=report.at_least,
        only_in=report.only_in,
        case=case_of(release.sdists, release.wheels, "requires-dist").value,
        advice=report.advice.value,
        sdist=_sdist(release, report),
        differs=tuple(field.field for field in differing),
        by=differs_by(release) if differing else (),
        variants=tuple((field.field, variant) for field in differing for variant in field.variants),
        findings=report.findings,
        reason=report.class_reason,
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
    """A release without what its files have in common, under names that stand for all.

    ``look`` is equal for releases that are judged alike; ``names`` gives the real file names.
    """

    release: Release
    look: tuple[object, ...]
    names: Mapping[str, str]


def _reduce(release: Release) -> _Reduced:
    resolutions = [
        found for file in release.files if isinstance(found := file.reading.resolution, Resolution)
    ]
    kept = frozenset(differing_lines(resolutions))
    # What a release says of its own project means something else under another name.
    project = release.project if release.project in kept else _PROJECT
    names = {_stand_in(file, project): file.filename for file in release.files}
    if len(names) < len(release.files):
        names = {file.filename: file.filename for file in release.files}
    stand_ins = {real: stand_in for stand_in, real in names.items()}
    files = tuple(
        sorted(
            (_without(file, stand_ins[file.filename], project, kept) for file in release.files),
            key=lambda file: file.filename,
        )
    )
    reduced = replace(release, project=project, version=Version(_VERSION), files=files)
    look = tuple((file.filename, file.artifact.index_requires_python, file.artifact.yanked,
                  _said(file)) for file in files)  # fmt: skip
    return _Reduced(release=reduced, look=look, names=names)


def _stand_in(file: ReleaseFile, project: str) -> str:
    """A file name of the same tags, whose project and version stand for all."""
    distribution = project.replace("-", "_")
    if file.artifact.is_wheel:
        return "-".join([distribution, _VERSION, *file.filename.split("-")[2:]])
    if file.artifact.is_sdist:
        return f"{distribution}-{_VERSION}{_SUFFIX.search(file.filename)[0]}"  # type: ignore[index]
    return file.filename


def _without(
    file: ReleaseFile, filename: str, project: NormalizedName, kept: Collection[str]
) -> ReleaseFile:
    """The file with the requirements on these projects only."""
    artifact = replace(
        file.artifact,
        filename=filename,
        url=filename,
        name=parse_filename(filename, project),
        hashes={},
        size=None,
        upload_time=None,
    )
    metadata = file.reading.metadata
    if isinstance(metadata, Metadata) and isinstance(metadata.resolution, Resolution):
        headers = [
            (name, {"name": project, "version": _VERSION}.get(name, value))
            for name, value in metadata.headers
            if name != "requires-dist" or parse_requirement(value).project in kept
        ]
        digest = hashlib.sha256(repr(headers).encode()).hexdigest()
        metadata = replace(metadata, headers=tuple(headers), digest=digest)
    return ReleaseFile(artifact=artifact, reading=replace(file.reading, metadata=metadata))


def _said(file: ReleaseFile) -> tuple[object, ...]:
    metadata = file.reading.metadata
    return (metadata.reason,) if isinstance(metadata, Unreadable) else metadata.headers


def _renamed(found: Observed, release: Release, names: Mapping[str, str]) -> Observed:
    """The verdict in the names of the release."""
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names, reverse=True)))

    def named(text: str) -> str:
        return pattern.sub(lambda match: names[match[0]], text)

    def shown(finding: Finding) -> Finding:
        return replace(
            finding,
            project=release.project,
            version=str(release.version),
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
