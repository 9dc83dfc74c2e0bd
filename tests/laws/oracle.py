"""The definitions of the model by brute force: `packaging` alone, point by point.

Nothing here uses bit sets. The points themselves come from the space under test; that they are
enough is the matter of other tests (real installers, recorded releases).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.ranges import VersionRange
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags
from packaging.utils import BuildTag, canonicalize_name

from trueup.model.point import Point

__all__ = ["Wheel", "chosen_at", "effective", "extras_of", "tags_at"]

Effective = dict[str, tuple[frozenset[str], VersionRange, frozenset[str]]]


class Wheel:
    """A wheel by its tags, build and metadata text lines."""

    def __init__(
        self, tags: frozenset[Tag], build: BuildTag, requires: Sequence[str], extras: Sequence[str]
    ) -> None:
        self.tags = tags
        self.build = build
        self.requires = [Requirement(line) for line in requires]
        self.extras = frozenset(canonicalize_name(extra) for extra in extras)


def tags_at(point: Point) -> list[Tag]:
    """What an interpreter at this point accepts, best first, as `packaging.tags.sys_tags` does."""
    major, minor = (int(part) for part in point.python.split(".")[:2])
    platforms = list(point.host.tags) or ["no_such_platform"]
    nodot = f"{major}{minor}"
    name, abi = point.interpreter.name, point.interpreter.abi
    if name == "cpython":
        if not abi:
            abi = "mu" if (major, minor) <= (3, 2) else "m" if (major, minor) <= (3, 7) else ""
        tags = list(cpython_tags((major, minor), [f"cp{nodot}{abi}"], platforms))
        return [*tags, *compatible_tags((major, minor), f"cp{nodot}", platforms)]
    if name == "pypy":
        tags = list(generic_tags(f"pp{nodot}", [f"pypy{nodot}_pp{abi}"], platforms))
        return [*tags, *compatible_tags((major, minor), "pp3", platforms)]
    tags = list(generic_tags(f"{name}{nodot}", ["none"], platforms))
    return [*tags, *compatible_tags((major, minor), None, platforms)]


def chosen_at(point: Point, wheels: Sequence[Wheel]) -> list[int]:
    """The numbers of the wheels that an installer chooses there; several if they tie."""
    order = {tag: rank for rank, tag in reversed(list(enumerate(tags_at(point))))}
    ranked = []
    for number, wheel in enumerate(wheels):
        ranks = [order[tag] for tag in wheel.tags if tag in order]
        if ranks:
            ranked.append((min(ranks), wheel.build, number))
    if not ranked:
        return []
    best = min(rank for rank, _, _ in ranked)
    build = max(build for rank, build, _ in ranked if rank == best)
    return [number for rank, tag, number in ranked if (rank, tag) == (best, build)]


def extras_of(wheels: Sequence[Wheel], named: Sequence[str]) -> list[str | None]:
    """The base package and every extra there is."""
    found = {extra for wheel in wheels for extra in wheel.extras} | set(named)
    return [None, *sorted(found)]


def effective(
    requires: Sequence[Requirement], environment: Mapping[str, str], extra: str | None
) -> Effective:
    """Effective dependencies: project → (extras, versions, URLs)."""
    result: Effective = {}
    values = {**environment, "extra": extra or ""}
    for line in requires:
        if line.marker is not None and not line.marker.evaluate(values):
            continue
        project = canonicalize_name(line.name)
        extras, versions, urls = result.get(
            project, (frozenset(), VersionRange.full(), frozenset())
        )
        result[project] = (
            extras | {canonicalize_name(name) for name in line.extras},
            versions.intersection(SpecifierSet(str(line.specifier)).to_range()),
            urls | ({line.url} if line.url else frozenset()),
        )
    return result
