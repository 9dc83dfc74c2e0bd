"""The judgement on one release: class, advice, findings, and everything a report shows."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.judge.advice import advise
from trueup.judge.evidence import region_of
from trueup.judge.judgement import Judgement
from trueup.judge.merge import Unmergeable
from trueup.judge.promise import case_of
from trueup.judge.reconcile import classify, judged_files
from trueup.judge.rule import RuleSettings
from trueup.judge.rules import RULES
from trueup.judge.witness import witnesses
from trueup.judge.workaround import workarounds
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import (
    FieldReport,
    FileReport,
    Finding,
    Merged,
    ReleaseClass,
    ReleaseReport,
    Variant,
)
from trueup.model.metadata import (
    RESOLUTION_FIELDS,
    Metadata,
    Resolution,
    Unreadable,
    canonical_values,
    title,
)
from trueup.model.release import Release, ReleaseFile
from trueup.model.target import Target

__all__ = ["judge_release"]

_NO_SETTINGS = RuleSettings()


def judge_release(
    release: Release,
    *,
    settings: RuleSettings = _NO_SETTINGS,
    targets: Sequence[Target] = (),
    fields: frozenset[str] | None = None,
    suggest: bool = False,
) -> ReleaseReport:
    """Judge a release by all rules that the settings select.

    ``targets`` limits the environments (none: all); ``fields`` limits the class, the findings and the
    matrix, but not the advice, to these core metadata fields (lower-cased; None: all); ``suggest`` adds the merged metadata and
    the work-arounds for users of the release as it is.
    """
    judgement = Judgement(
        release=release,
        classifications=classify(release, targets),
        targets=tuple(targets),
    )
    worst = judgement.worst
    release_class = max(
        (worst.by_field[field] for field in RESOLUTION_FIELDS if not fields or field in fields),
        key=lambda item: item.rank,
        default=ReleaseClass.IDENTICAL,
    )
    advice, reason = advise(judgement)
    merged = judgement.merged if suggest or release_class is ReleaseClass.MERGEABLE else None
    return ReleaseReport(
        project=release.project,
        version=str(release.version),
        origin=release.origin,
        release_class=release_class,
        at_least=any(item.unread for item in judgement.classifications),
        advice=advice,
        advice_reason=reason,
        files=_files(judgement),
        fields=tuple(
            _field(judgement, field) for field in _shown(judgement) if not fields or field in fields
        ),
        findings=_findings(judgement, settings, fields),
        witnesses=tuple(
            found
            for item in judgement.classifications
            for found in witnesses(item)
            if not fields or found.field.lower() in fields
        ),
        merged=merged if isinstance(merged, Merged) else None,
        only_in=worst.only_in if release_class is ReleaseClass.IRRECONCILABLE else None,
        class_reason=worst.reason or (merged.reason if isinstance(merged, Unmergeable) else None),
        workarounds=workarounds(judgement) if suggest else (),
    )


def _findings(
    judgement: Judgement, settings: RuleSettings, fields: frozenset[str] | None
) -> tuple[Finding, ...]:
    """Heaviest first, and in the order of the rules."""
    found = [
        settings.graded(finding)
        for rule in RULES
        if settings.applies(rule.code)
        for finding in rule.check(judgement)
        if not fields or finding.field is None or finding.field.lower() in fields
    ]
    return tuple(sorted(found, key=lambda finding: -finding.severity.rank))


def _files(judgement: Judgement) -> tuple[FileReport, ...]:
    reports = []
    for file in judgement.release.files:
        metadata = file.reading.metadata
        resolution = file.reading.resolution
        status = judgement.statuses[file.filename]
        label = getattr(file.artifact.name, "variant", None)
        reports.append(
            FileReport(
                filename=file.filename,
                status=status,
                how=file.reading.how.value,
                verified=file.reading.verified,
                digest=metadata.digest if isinstance(metadata, Metadata) else None,
                reason=resolution.reason
                if isinstance(resolution, Unreadable)
                else getattr(file.artifact.name, "reason", None),
                variant_label=label,
            )
        )
    return tuple(reports)


def _shown(judgement: Judgement) -> tuple[str, ...]:
    """The resolution fields that occur, and every other field in which files differ."""
    read = [metadata for _, metadata in judgement.read]
    names = {name for metadata in read for name in metadata.fields} - set(RESOLUTION_FIELDS)
    differing = sorted(
        name for name in names if len({canonical_values(metadata, name) for metadata in read}) > 1
    )
    if len({canonical_values(metadata, "description") for metadata in read}) > 1:
        differing.append("description")
    return (*RESOLUTION_FIELDS[:3], *dict.fromkeys(differing))


def _field(judgement: Judgement, field: str) -> FieldReport:
    groups: dict[tuple[str, ...], list[ReleaseFile]] = {}
    for file in judged_files(judgement.release):
        values = _values(file, field)
        if values is not None:
            groups.setdefault(values, []).append(file)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return FieldReport(
        field=title(field),
        release_class=max(
            (item.by_field[field] for item in judgement.classifications),
            key=lambda item: item.rank,
        )
        if field in RESOLUTION_FIELDS
        else None,
        case=case_of(judgement.sdists, judgement.wheels, field),
        variants=tuple(
            Variant(
                files=tuple(sorted(file.filename for file in files)),
                values=values,
                region=_region(judgement, files) if len(groups) > 1 else "everywhere",
            )
            for values, files in ordered
        ),
    )


def _values(file: ReleaseFile, field: str) -> tuple[str, ...] | None:
    """What a file says in a field, normalised; None if that cannot be read."""
    metadata, resolution = file.reading.metadata, file.reading.resolution
    if isinstance(metadata, Unreadable):
        return None
    if field not in ("requires-dist", "requires-python"):
        return tuple(sorted(_short(value) for value in canonical_values(metadata, field)))
    if not isinstance(resolution, Resolution):
        return None
    if field == "requires-python":
        specifier = resolution.requires_python
        return () if specifier is None else (str(specifier),)
    return tuple(sorted(map(str, resolution.requires_dist)))


def _short(value: str) -> str:
    """Descriptions run to megabytes; a report needs to tell them apart, not to hold them."""
    return value if len(value) <= 200 else f"{value[:120]}... ({len(value)} characters)"


def _region(judgement: Judgement, files: Sequence[ReleaseFile]) -> str:
    """Where an installer chooses one of these files."""
    parts = []
    for item in judgement.classifications:
        members = [n for n, wheel in enumerate(item.wheels) if wheel in files]
        if not members:
            continue
        try:
            text = region_of(item, members)
        except SpaceTooLargeError:
            text = "unknown"
        parts.append(text if item.label is None else f"variant {item.label}: {text}")
    if any(file.artifact.is_sdist for file in files):
        parts.append("the sdist")
    return "; ".join(parts)
