"""Uploads are judged: all files of a release against all, under the policy of their project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.policies import Declarations, ProjectPolicy
from trueup.judge.release import judge_release
from trueup.model.finding import Evidence, Finding, ReleaseClass, ReleaseReport, Severity
from trueup.model.metadata import parse_metadata
from trueup.model.release import How, Reading, Release, ReleaseFile
from trueup.sources.archive import reading_of_sdist
from trueup.sources.store.blobs import Blobs
from trueup.sources.store.store import HostedFile, HostedRelease

__all__ = ["contradictions", "judge", "kept_file", "refused_files", "verdict_of", "with_refused"]

_REFUSED = "refused"
_MOST_REFUSED = 50
"""More than that many files of one release are not remembered."""


_OF_CLASSES = frozenset({"dependencies-differ", "extras-differ", "requires-python-differs"})
"""Rules whose findings say that the wheels differ, which is what the class of a release says."""


def judge(
    blobs: Blobs,
    channel: str,
    project: NormalizedName,
    version: Version,
    there: HostedRelease | None,
    new: ReleaseFile | None,
    policy: ProjectPolicy,
) -> ReleaseReport:
    """All files against all: those that are there, and the one that comes."""
    files = [kept_file(blobs, file) for file in (there.files if there is not None else ())]
    if new is not None:
        files.append(new)
    if policy.declarations is Declarations.IGNORED:
        files = [replace(one, reading=replace(one.reading, declaration=None)) for one in files]
    release = Release(
        project=project, version=version, files=tuple(files), origin=f"channel {channel}"
    )
    return judge_release(release, settings=policy.rules, suggest=True)


def kept_file(blobs: Blobs, file: HostedFile) -> ReleaseFile:
    """A file whose blob is there, with what it says."""
    artifact = file.artifact(file.filename)
    if file.core_metadata is not None:
        reading = Reading(metadata=parse_metadata(file.core_metadata), how=How.FILE, verified=True)
    else:
        data = b"".join(blobs.read(file.sha256, 0, file.size))
        reading = reading_of_sdist(BytesIO(data), artifact, verified=True)
    return ReleaseFile(artifact=artifact, reading=reading)


def contradictions(report: ReleaseReport, policy: ProjectPolicy) -> list[Finding]:
    """The findings for which a release is not accepted under a policy, the heaviest first."""
    if policy.fail_on is None:
        return []
    counts = report.release_class in policy.classes
    found = [
        one
        for one in report.findings
        if one.severity.rank >= policy.fail_on.rank and (counts or one.code not in _OF_CLASSES)
    ]
    asked = any(policy.rules.applies(code) for code in _OF_CLASSES)
    if report.release_class is ReleaseClass.UNKNOWN and counts and asked:
        found.append(_undecided(report))
    return found


def _undecided(report: ReleaseReport) -> Finding:
    """Whether the files agree cannot be said, and what cannot be said does not hold."""
    return Finding(
        code="dependencies-differ",
        severity=Severity.ERROR,
        project=report.project,
        version=report.version,
        message=f"the files cannot be compared: {report.class_reason or 'too many environments'}",
        evidence=(Evidence(files=tuple(file.filename for file in report.files)),),
        hint="simpler markers can be compared; a policy whose `classes` lack `unknown` lets it pass",
    )


def verdict_of(report: ReleaseReport) -> dict[str, Any]:
    """What is kept of a judgement, for the web page and the log."""
    return {
        "class": report.class_words,
        "advice": report.advice.value,
        "findings": [
            {
                "code": one.code,
                "severity": one.severity.value,
                "message": one.message,
                "field": one.field,
                "where": one.where,
                "files": list(one.files),
            }
            for one in report.findings
        ],
        "merged": list(report.merged.requires_dist) if report.merged is not None else None,
    }


def refused_files(release: HostedRelease | None, *, but: str) -> dict[str, str]:
    """Files of a release that were not taken because they contradict it, with the reason; but one."""
    known = (release.verdict if release is not None else None) or {}
    return {name: why for name, why in known.get(_REFUSED, {}).items() if name != but}


def with_refused(refused: Mapping[str, str]) -> dict[str, Any]:
    """What a verdict says of them: nothing if there are none."""
    return {_REFUSED: dict([*refused.items()][-_MOST_REFUSED:])} if refused else {}
