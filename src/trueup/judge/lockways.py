"""The way out of an unsound lock, ready to paste, for the tool that wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.judge.closure import Kind
from trueup.judge.judgement import Judgement
from trueup.judge.lock import Audit
from trueup.judge.picks import Readings, key_of
from trueup.judge.reconcile import classify
from trueup.judge.workaround import toml_string, workarounds
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import Finding, Merged, ReleaseClass
from trueup.model.lock import LockKind
from trueup.model.release import Release, ReleaseFile
from trueup.model.requirement import parse_requirement

__all__ = ["dependency_metadata", "ways_out"]

Way = tuple[str, str]
"""What it is for, and the text to paste."""

_CODES = frozenset(
    {"missing-requirement", "marker-too-narrow", "version-outside-range", "files-differ"}
)


def ways_out(audit: Audit, findings: Sequence[Finding], readings: Readings) -> tuple[Way, ...]:
    """For every release of the lock whose files disagree and about which something was found."""
    wanted = {(item.project, item.version) for item in findings if item.code in _CODES}
    found: dict[Way, None] = {}
    for number, entry in enumerate(audit.lock.entries):
        if (entry.project, str(entry.version or "")) in wanted:
            for way in _ways(audit, number, readings):
                found[way] = None
    if found:
        found["or lock with trueup, which reads the file of every target", "trueup lock"] = None
    return tuple(found)


def dependency_metadata(audit: Audit, readings: Readings) -> tuple[str, ...]:
    """`[[tool.uv.dependency-metadata]]` for every release of the lock whose files disagree."""
    texts: dict[str, None] = {}
    for number in range(len(audit.lock.entries)):
        judgement = _judgement(audit, number, readings)
        if judgement is not None and isinstance(judgement.merged, Merged):
            for _, text in workarounds(judgement):
                texts[text] = None
    return tuple(texts)


def _ways(audit: Audit, number: int, readings: Readings) -> Iterator[Way]:
    judgement = _judgement(audit, number, readings)
    if judgement is None or judgement.worst.release_class.rank < ReleaseClass.MERGEABLE.rank:
        return
    title = audit.entry(number).title
    if audit.lock.kind is LockKind.UV or not isinstance(judgement.merged, Merged):
        yield from workarounds(judgement)
        return
    lines = _explicit(audit, number, judgement.merged)
    if not lines:
        return
    text = "\n".join(lines)
    match audit.lock.kind:
        case LockKind.POETRY | LockKind.PDM:
            quoted = "\n".join(f"  {toml_string(line)}," for line in lines)
            tool = "Poetry" if audit.lock.kind is LockKind.POETRY else "PDM"
            yield (
                f"{tool}, in `[project] dependencies`: what files of {title} ask for, explicitly",
                quoted,
            )
        case LockKind.PIPFILE | LockKind.REQUIREMENTS:
            yield f"in the requirements: what files of {title} ask for, explicitly", text
        case _:
            yield f"requirements that files of {title} have, with their markers", text


def _explicit(audit: Audit, number: int, merged: Merged) -> list[str]:
    """The lines of the merged list for projects that the lock lacks or has too narrowly."""
    kinds = (Kind.MISSING, Kind.TOO_NARROW, Kind.OUTSIDE)
    lacking = {
        trouble.problem.requirement.project
        for trouble in audit.of_kind(*kinds).get(number, [])
        if trouble.problem.requirement is not None
    }
    return [line for line in merged.requires_dist if parse_requirement(line).project in lacking]


def _judgement(audit: Audit, number: int, readings: Readings) -> Judgement | None:
    entry = audit.entry(number)
    files = tuple(
        ReleaseFile(artifact=pick.artifact, reading=readings[key_of(pick.artifact)])
        for pick in audit.ground.picks[number]
        if key_of(pick.artifact) in readings
    )
    if entry.version is None or len(files) < 2:
        return None
    release = Release(
        project=entry.project,
        version=entry.version,
        files=files,
        origin=entry.place.location or audit.lock.path,
    )
    try:
        return Judgement(release=release, classifications=classify(release))
    except SpaceTooLargeError:
        return None
