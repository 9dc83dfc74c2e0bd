"""What a list of requirements means at every point: effective dependencies (model, "Words")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.ranges import VersionRange
from packaging.utils import NormalizedName

from trueup.model.errors import SpaceTooLargeError
from trueup.model.metadata import Resolution
from trueup.model.requirement import Requirement, version_range
from trueup.model.space import Space

__all__ = [
    "Dependency",
    "Lines",
    "by_project",
    "contexts",
    "differing_lines",
    "partition",
    "texts_at",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """What is asked of one project: extras, versions, and direct URLs, markers evaluated away.

    All empty ranges are equal. Requirements with several URLs keep them all: they conflict.
    """

    extras: frozenset[NormalizedName]
    versions: VersionRange
    urls: frozenset[str]


Lines = frozenset[Requirement]

_BITS_PER_WORK = 20_000
_MAX_WORK = 1_000_000
"""Divisions of a set, larger sets counting more; about a second."""


def by_project(requirements: Iterable[Requirement]) -> dict[NormalizedName, Lines]:
    """The lines for each project."""
    found: dict[NormalizedName, set[Requirement]] = {}
    for requirement in requirements:
        found.setdefault(requirement.project, set()).add(requirement)
    return {project: frozenset(lines) for project, lines in found.items()}


def contexts(lines: Iterable[Requirement]) -> tuple[str | None, ...]:
    """The base package (None) and every extra that can change whether a line is live.

    Raises SpaceTooLargeError for more lines in more contexts than could be compared in seconds.
    """
    lines = tuple(lines)
    extras = {extra for line in lines if line.marker for extra in line.marker.extras}
    if len(extras) * len(lines) > _MAX_WORK // 5:
        raise SpaceTooLargeError(("extra",))
    return (None, *sorted(extras))


def partition(
    space: Space, lines: Lines, extra: str | None, points: int
) -> dict[Dependency | None, int]:
    """Divide points by what the lines of one project ask for there; None where nothing is asked."""
    cells: list[tuple[int, tuple[Requirement, ...]]] = [(points, ())]
    work = 0
    for line in sorted(lines, key=lambda line: line.text):
        where = space.where(line.marker, extra) & points
        if not where:
            continue
        work += len(cells) * (1 + space.size // _BITS_PER_WORK)
        if work > _MAX_WORK:
            raise SpaceTooLargeError((f"requirements of {line.project}",))
        divided = []
        for cell, live in cells:
            if inside := cell & where:
                divided.append((inside, (*live, line)))
            if outside := cell & ~where:
                divided.append((outside, live))
        cells = divided
    result: dict[Dependency | None, int] = {}
    for cell, live in cells:
        value = _dependency(frozenset(live)) if live else None
        result[value] = result.get(value, 0) | cell
    return result


@lru_cache(maxsize=16384)
def _dependency(live: Lines) -> Dependency:
    versions = VersionRange.full()
    extras: frozenset[NormalizedName] = frozenset()
    for line in live:
        versions = versions.intersection(version_range(line.specifier))
        extras |= line.extras
    return Dependency(
        extras=extras,
        versions=versions,
        urls=frozenset(line.url for line in live if line.url is not None),
    )


def texts_at(
    lines: Iterable[Requirement], environment: Mapping[str, str], extra: str | None
) -> tuple[str, ...]:
    """The lines live in one environment, without their markers, sorted."""
    values = {**environment, "extra": extra or ""}
    return tuple(
        sorted({line.bare for line in lines if line.marker is None or line.marker.holds(values)})
    )


def differing_lines(
    resolutions: Sequence[Resolution],
) -> dict[NormalizedName, tuple[Lines, ...]]:
    """For each project that is not asked for in the same lines by all: the lines of each."""
    tables = [by_project(resolution.requires_dist) for resolution in resolutions]
    result = {}
    for project in sorted({project for table in tables for project in table}):
        lines = tuple(table.get(project, frozenset()) for table in tables)
        if len(set(lines)) > 1:
            result[project] = lines
    return result
