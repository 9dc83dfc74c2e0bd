"""Which wheel an installer chooses, at every point of a space at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import BuildTag

from trueup.model.artifact import Artifact, WheelName
from trueup.model.interpreter import TagKey
from trueup.model.point import minor_of
from trueup.model.release import ReleaseFile
from trueup.model.requirement import parse_specifiers
from trueup.model.space import Space

__all__ = ["Candidate", "Choice", "candidate_of", "choose", "page_specifiers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What an installer ranks a wheel by: tags, build tag, and the page's `requires-python`."""

    tags: frozenset[Tag]
    build: BuildTag = ()
    page_requires_python: SpecifierSet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Per candidate, the points where it is chosen and those where it is accepted at all.

    Files that tie are all chosen.
    """

    chosen: tuple[int, ...]
    accepted: tuple[int, ...]


@dataclass(slots=True)
class _Group:
    """Everything about the wheels of one tag key that does not depend on the Python."""

    wheels: tuple[int, ...]
    best: dict[int, int]
    """Wheel → the hosts where it is the best of the group."""
    accepts: dict[int, int]
    cover: int


def choose(space: Space, candidates: Sequence[Candidate]) -> Choice:
    """Choose as pip does: the best tag in the order of `packaging.tags`, then the highest build."""
    groups = _Groups(space, candidates)
    chosen = [0] * len(candidates)
    accepted = [0] * len(candidates)
    row = (1 << space.host_count) - 1
    for p, python in enumerate(space.pythons.values):
        for i, interpreter in enumerate(space.interpreters):
            offset = space.offset(p, i)
            valid = remaining = (space.universe >> offset) & row
            keys = interpreter.accepted(minor_of(python)) if valid else ()
            for key in keys:
                if key not in groups.by_key:
                    continue
                group = groups.at(key, p)
                for number in group.wheels:
                    accepted[number] |= (group.accepts[number] & valid) << offset
                if group.cover & remaining:
                    for number, hosts in group.best.items():
                        chosen[number] |= (hosts & remaining) << offset
                    remaining &= ~group.cover
    return Choice(
        chosen=tuple(space.lift_plane(points) for points in chosen),
        accepted=tuple(space.lift_plane(points) for points in accepted),
    )


class _Groups:
    """The wheels of each tag key, ranked per host; the same for most Pythons, so kept."""

    def __init__(self, space: Space, candidates: Sequence[Candidate]) -> None:
        self.by_key: dict[TagKey, list[tuple[int, str]]] = {}
        for number, candidate in enumerate(candidates):
            for tag in candidate.tags:
                key = (tag.interpreter, tag.abi, tag.platform == "any")
                self.by_key.setdefault(key, []).append((number, tag.platform))
        self._admitted = [
            None
            if candidate.page_requires_python is None
            else frozenset(space.pythons.admitted(candidate.page_requires_python))
            for candidate in candidates
        ]
        self._ranks = space.platform_ranks
        self._builds = [candidate.build for candidate in candidates]
        self._host_count = space.host_count
        self._kept: dict[tuple[TagKey, tuple[int, ...]], _Group] = {}

    def at(self, key: TagKey, python: int) -> _Group:
        """The group of a key, of the wheels that the listing offers to this Python (by index)."""
        members = tuple(
            dict.fromkeys(
                number
                for number, _ in self.by_key[key]
                if (allowed := self._admitted[number]) is None or python in allowed
            )
        )
        found = self._kept.get((key, members))
        if found is None:
            found = _group(members, self.by_key[key], self._ranks, self._builds, self._host_count)
            self._kept[key, members] = found
        return found


def _group(
    members: tuple[int, ...],
    tagged: Sequence[tuple[int, str]],
    ranks: Mapping[str, Sequence[tuple[int, int]]],
    builds: Sequence[BuildTag],
    host_count: int,
) -> _Group:
    best: list[tuple[int, list[int]] | None] = [None] * host_count
    accepts = dict.fromkeys(members, 0)
    allowed = frozenset(members)
    for number, platform in tagged:
        if number not in allowed:
            continue
        for host, rank in ranks.get(platform, ()):
            accepts[number] |= 1 << host
            found = best[host]
            if found is None or rank < found[0]:
                best[host] = (rank, [number])
            elif rank == found[0] and number not in found[1]:
                found[1].append(number)
    winners: dict[int, int] = {}
    cover = 0
    for host, entry in enumerate(best):
        if entry is None:
            continue
        cover |= 1 << host
        highest = max(builds[number] for number in entry[1])
        for number in entry[1]:
            if builds[number] == highest:
                winners[number] = winners.get(number, 0) | 1 << host
    return _Group(wheels=members, best=winners, accepts=accepts, cover=cover)


def page_specifiers(artifact: Artifact) -> SpecifierSet | None:
    """What the listing shows as `requires-python`; None if nothing, or nothing that can be read.

    Installers ignore a page value that they cannot read, and so does the choice here.
    """
    if not artifact.index_requires_python:
        return None
    try:
        return parse_specifiers(artifact.index_requires_python)
    except ValueError:
        return None


def candidate_of(file: ReleaseFile) -> Candidate:
    name = file.artifact.name
    assert isinstance(name, WheelName)
    return Candidate(
        tags=name.tags, build=name.build, page_requires_python=page_specifiers(file.artifact)
    )
