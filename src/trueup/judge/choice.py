"""Which wheel an installer chooses, at every point of a space at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import BuildTag

from trueup.model.interpreter import TagKey
from trueup.model.space import Space

__all__ = ["Candidate", "Choice", "choose"]


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
    by_key: dict[TagKey, list[tuple[int, str]]] = {}
    for number, candidate in enumerate(candidates):
        for tag in candidate.tags:
            key = (tag.interpreter, tag.abi, tag.platform == "any")
            by_key.setdefault(key, []).append((number, tag.platform))
    ranks = _platform_ranks(space, candidates)
    admitted = [
        None
        if candidate.page_requires_python is None
        else frozenset(space.pythons.admitted(candidate.page_requires_python))
        for candidate in candidates
    ]
    groups: dict[tuple[TagKey, tuple[int, ...]], _Group] = {}
    chosen = [0] * len(candidates)
    accepted = [0] * len(candidates)
    builds = [candidate.build for candidate in candidates]
    universe = space.universe
    row = (1 << space.host_count) - 1
    for p, python in enumerate(space.pythons.values):
        major, minor = map(int, python.split(".")[:2])
        for i, interpreter in enumerate(space.interpreters):
            offset = space.offset(p, i)
            remaining = (universe >> offset) & row
            if not remaining:
                continue
            valid = remaining
            for key in interpreter.accepted((major, minor)):
                if key not in by_key:
                    continue
                members = tuple(
                    dict.fromkeys(
                        number
                        for number, _ in by_key[key]
                        if (allowed := admitted[number]) is None or p in allowed
                    )
                )
                group = groups.get((key, members))
                if group is None:
                    group = _group(members, by_key[key], ranks, builds, space.host_count)
                    groups[key, members] = group
                for number in group.wheels:
                    accepted[number] |= (group.accepts[number] & valid) << offset
                if group.cover & remaining:
                    for number, hosts in group.best.items():
                        if taken := hosts & remaining:
                            chosen[number] |= taken << offset
                    remaining &= ~group.cover
    return Choice(
        chosen=tuple(space.lift_plane(points) for points in chosen),
        accepted=tuple(space.lift_plane(points) for points in accepted),
    )


def _platform_ranks(
    space: Space, candidates: Sequence[Candidate]
) -> dict[str, list[tuple[int, int]]]:
    """Platform tag → (host number, rank of the tag there), for hosts that accept it."""
    tables = [{tag: rank for rank, tag in enumerate(host.tags)} for host in space.hosts]
    platforms = {tag.platform for candidate in candidates for tag in candidate.tags}
    ranks = {
        platform: [(h, table[platform]) for h, table in enumerate(tables) if platform in table]
        for platform in platforms
    }
    ranks["any"] = [(h, 0) for h in range(len(tables))]
    return ranks


def _group(
    members: tuple[int, ...],
    tagged: Sequence[tuple[int, str]],
    ranks: dict[str, list[tuple[int, int]]],
    builds: Sequence[BuildTag],
    host_count: int,
) -> _Group:
    best: list[tuple[int, list[int]] | None] = [None] * host_count
    accepts = dict.fromkeys(members, 0)
    allowed = frozenset(members)
    for number, platform in tagged:
        if number not in allowed:
            continue
        for host, rank in ranks[platform]:
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
