"""One version per project: the adapter to `nab_resolver`, a PubGrub solver.

Nothing outside this module knows the library. Its packages are plain strings here (`name` or
`name[extra]`), because it hashes and compares them all the time.

Decisions come in a fixed order: what clashed often, then what the user asks for, then the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

from nab_resolver.errors import ResolutionError, ResolutionTerminatedError
from nab_resolver.resolver import BaseProvider, Resolver
from nab_resolver.types import (
    Incompatibility,
    IncompatibilityCause,
    RangeProtocol,
    RangeRelation,
    RootRequirement,
)
from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock.explain import Clash, Failure, Lack, Need, Way, explain
from trueup.features.lock.offer import Node, Offer, Wish

__all__ = ["LIMIT", "Clash", "Node", "Offer", "Solved", "Wish", "solve"]

LIMIT = 10_000
"""Rounds of the search (a decision or a conflict each). Real inputs of 500 packages take some
600; random dense ones would go on for hours."""

MANY_CONFLICTS = 5
"""A package that clashed this often is decided early, as uv does."""

WAYS_TRIED = 4
"""Requirements that are relaxed, one after another, to find out what would help."""

WAY_LIMIT = 300
"""Rounds that finding out what would help may take, for each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """One version for each project that is needed.

    ``edges`` are what each chosen node asks for, in the order of the names; ``extras`` are the
    extras asked of each project (projects without any are left out); ``rounds`` is the work.
    """

    pins: Mapping[NormalizedName, Version]
    edges: Mapping[Node, tuple[Node, ...]]
    extras: Mapping[NormalizedName, frozenset[NormalizedName]]
    rounds: int


class _Range(VersionRange):
    """`packaging`'s range with the one method more that the solver wants."""

    __slots__ = ()

    def relation(self, other: VersionRange) -> RangeRelation:
        return _RELATIONS[self.is_subset(other), self.is_disjoint(other)]


_RELATIONS = {(item.is_subset, item.is_disjoint): item for item in RangeRelation}
_FULL = _Range.full(admit_arbitrary=False)


@lru_cache(maxsize=65536)
def _range(versions: VersionRange) -> VersionRange:
    # An operation gives the type of its left side.
    return _FULL & versions


@lru_cache(maxsize=65536)
def _exactly(version: Version) -> VersionRange:
    return _Range.singleton(version)


@lru_cache(maxsize=65536)
def _from_to(first: Version, after: Version | None) -> VersionRange:
    """From a version, included, to another, left out.

    Made of complements, because these do not ask for pre-releases even where a bound is one.
    """
    below = ~_range(SpecifierSet(f">={first}").to_range())
    if after is None:
        return ~below
    return ~_range(SpecifierSet(f">={after}").to_range()) - below


class _Desk:
    """The offer as the solver wants it, each question asked once."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.nodes: dict[str, Node] = {}
        self._needs: dict[tuple[str, Version], dict[str, VersionRange]] = {}
        self._next: dict[NormalizedName, dict[Version, Version]] = {}

    def key(self, node: Node) -> str:
        key = str(node)
        self.nodes[key] = node
        return key

    def needs(self, key: str, version: Version) -> dict[str, VersionRange]:
        found = self._needs.get((key, version))
        if found is None:
            node = self.nodes[key]
            found = self._with_bases(self.offer.needs(node, version))
            if node.extra is not None:
                base = self.key(node.base)
                found[base] = _exactly(version) & found.get(base, _FULL)
            self._needs[key, version] = found
        return found

    def stretch(self, project: NormalizedName, version: Version) -> VersionRange | None:
        """The version with all that nobody made between it and the next one.

        What the solver learns of neighbours then joins to one interval. Without this, a thousand
        versions that clash one by one make ranges of a thousand intervals.
        """
        after = self._next.get(project)
        if after is None:
            every = self.offer.versions(project)
            after = self._next[project] = dict(pairwise(every))
        following = after.get(version)
        if version.local is not None or (following is not None and following.local is not None):
            return None  # PEP 440 has no ordered comparison with local versions.
        return _from_to(version, following)

    def _with_bases(self, needs: Mapping[Node, VersionRange]) -> dict[str, VersionRange]:
        """Whoever needs an extra needs its project in the same range.

        The extra's own edge says so only for one version at a time; without this the solver
        would learn a conflict anew from each.
        """
        found: dict[str, VersionRange] = {}
        for node in sorted(needs, key=str):
            versions = _range(needs[node])
            for part in dict.fromkeys((node.base, node)):
                key = self.key(part)
                found[key] = found[key] & versions if key in found else versions
        return found

    def roots(self, wishes: Sequence[Wish]) -> list[RootRequirement[str, Version]]:
        """The wishes in an order that does not depend on how they were given."""
        return [
            RootRequirement(self.key(part), cast("RangeProtocol[Version]", versions), wish)
            for wish in sorted(wishes, key=lambda wish: (str(wish.node), wish.text, wish.origin))
            for versions in (_range(wish.versions),)
            for part in dict.fromkeys((wish.node.base, wish.node))
        ]


class _Provider(BaseProvider[str, Version]):
    """Answers the solver from the desk; one per attempt."""

    def __init__(self, desk: _Desk, preferred: Mapping[NormalizedName, Version]) -> None:
        self._desk = desk
        self._preferred = preferred
        self._ranges: Mapping[str, Any] = {}
        self._conflicts: Mapping[str, int] = {}

    def receive_partial_solution_hint(
        self, positive_ranges: Mapping[str, Any], decisions: Mapping[str, Version]
    ) -> None:
        self._ranges = positive_ranges

    def choose_version(self, package: str, version_range: Any) -> Version | None:
        node = self._desk.nodes[package]
        if node.extra is not None:
            # An extra has the version of its project, where that fits; where it does not, the
            # edge between them is what clashes, and not a lack of versions.
            project = self._ranges.get(node.project)
            if project is not None:
                chosen = self._pick(node.project, version_range & project)
                if chosen is not None:
                    return chosen
        return self._pick(node.project, version_range)

    def _pick(self, project: NormalizedName, versions: VersionRange) -> Version | None:
        if versions.is_empty:
            return None
        wanted = self._preferred.get(project)
        if (
            wanted is not None
            and wanted in versions
            and self._desk.offer.pick(project, _exactly(wanted)) == wanted
        ):
            return wanted
        return self._desk.offer.pick(project, versions)

    def has_satisfying_version(self, package: str, version_range: Any) -> bool:
        return self.choose_version(package, version_range) is not None

    def get_dependencies(self, package: str, version: Version) -> Mapping[str, Any]:
        return self._desk.needs(package, version)

    def prioritize(
        self,
        package: str,
        version_range: object,
        conflict_counts: Mapping[str, int],
        culprit_counts: Mapping[str, int] | None = None,
    ) -> int:
        self._conflicts = conflict_counts
        return 0 if conflict_counts.get(package, 0) >= MANY_CONFLICTS else 1

    def widen_decision(self, package: str, version: Version) -> Any:
        # Most searches have no conflict, and nothing to learn from one.
        if not self._conflicts:
            return None
        return self._desk.stretch(self._desk.nodes[package].project, version)


class _PinsOfNodes(Mapping[str, Version]):
    """Preferred versions by package of the solver: an extra has its project's."""

    def __init__(self, preferred: Mapping[NormalizedName, Version]) -> None:
        self._preferred = preferred

    def __getitem__(self, package: str) -> Version:
        return self._preferred[NormalizedName(package.partition("[")[0])]

    def __iter__(self) -> Iterator[str]:
        return iter(self._preferred)

    def __len__(self) -> int:
        return len(self._preferred)


def solve(
    offer: Offer,
    wishes: Sequence[Wish],
    preferred: Mapping[NormalizedName, Version] | None = None,
    *,
    limit: int = LIMIT,
) -> Solved | Clash:
    """Choose one version per project so that all wishes, and all that follows, are met.

    ``preferred`` are versions to try before what the offer would pick (those of an existing lock,
    or of another target); where they fit together no search is needed. ``limit`` bounds the work
    in rounds, not in time: the same input always gives the same answer, in whatever order the
    wishes come.
    """
    desk = _Desk(offer)
    outcome = _attempt(desk, wishes, preferred or {}, limit)
    if isinstance(outcome, Solved):
        return outcome
    if not outcome.limited:
        outcome = _with_ways(desk, wishes, outcome, limit)
    return explain(offer, outcome)


def _attempt(
    desk: _Desk, wishes: Sequence[Wish], preferred: Mapping[NormalizedName, Version], limit: int
) -> Solved | Failure:
    roots = desk.roots(wishes)
    if preferred:
        trial = _resolver(desk, preferred, limit)
        pins = trial.try_resolve_preferred(roots, _PinsOfNodes(preferred))
        if pins is not None:
            return _solved(desk, roots, pins, trial.stats.rounds)
    resolver = _resolver(desk, preferred, limit)
    try:
        pins = resolver.resolve(roots)
    except ResolutionTerminatedError:
        # Whether a solution exists stays open, also where the library lost its way.
        return Failure(limited=True, rounds=resolver.stats.rounds, busiest=_busiest(resolver))
    except ResolutionError as error:
        return _failure(desk, error, resolver.stats.rounds)
    return _solved(desk, roots, pins, resolver.stats.rounds)


def _resolver(
    desk: _Desk, preferred: Mapping[NormalizedName, Version], limit: int
) -> Resolver[str, Version]:
    return Resolver(
        _Provider(desk, preferred),
        max_iterations=limit,
        range_type=cast("type[RangeProtocol[Any]]", _Range),
        root_version=Version("0"),
        # The library words every failure; its text is not used.
        format_range=lambda _: "",
    )


def _solved(
    desk: _Desk,
    roots: Sequence[RootRequirement[str, Version]],
    pins: Mapping[str, Version],
    rounds: int,
) -> Solved:
    reached = dict.fromkeys(root.package for root in roots)
    waiting = list(reached)
    edges: dict[Node, tuple[Node, ...]] = {}
    extras: dict[NormalizedName, set[NormalizedName]] = {}
    while waiting:
        key = waiting.pop()
        node = desk.nodes[key]
        needs = desk.needs(key, pins[key])
        edges[node] = tuple(desk.nodes[need] for need in sorted(needs))
        if node.extra is not None:
            extras.setdefault(node.project, set()).add(node.extra)
        waiting += [need for need in needs if need not in reached]
        reached.update(dict.fromkeys(needs))
    return Solved(
        pins={
            node.project: pins[str(node)] for node in sorted(edges, key=str) if node.extra is None
        },
        edges={node: edges[node] for node in sorted(edges, key=str)},
        extras={project: frozenset(extras[project]) for project in sorted(extras)},
        rounds=rounds,
    )


def _busiest(resolver: Resolver[str, Version]) -> tuple[str, ...]:
    """The projects that clashed most often, worst first."""
    counts: dict[str, int] = {}
    for package, count in resolver.stats.package_conflict_counts.items():
        project = package.partition("[")[0]
        counts[project] = counts.get(project, 0) + count
    return tuple(sorted(counts, key=lambda project: (-counts[project], project))[:3])


def _failure(desk: _Desk, error: ResolutionError, rounds: int) -> Failure:
    """The facts that a proof rests on, without its steps."""
    wishes: dict[Wish, None] = {}
    needs: dict[Need, None] = {}
    lacks: dict[Lack, None] = {}
    # Only a search that was cut short leaves no proof.
    assert error.incompatibility is not None
    for step in error.incompatibility.walk():
        match step.cause:
            case IncompatibilityCause.ROOT:
                wishes[step.origin] = None
            case IncompatibilityCause.NO_VERSIONS:
                (term,) = step.terms
                project = desk.nodes[term.package].project
                lacks[Lack(project=project, versions=_versions(term.constraint))] = None
            case IncompatibilityCause.DEPENDENCY:
                needs[_need(desk, step)] = None
            case _:
                continue
    return Failure(
        limited=False,
        rounds=rounds,
        wishes=tuple(wishes),
        needs=tuple(need for need in needs if not _is_tie(need)),
        lacks=tuple(lacks),
    )


def _need(desk: _Desk, step: Incompatibility[Any, Any]) -> Need:
    parent = step.terms[0]
    # A requirement of a package on itself has its two terms merged into one.
    child, versions = (
        (step.terms[1].package, step.terms[1].constraint)
        if len(step.terms) > 1
        else (parent.package, step.dependency_range)
    )
    return Need(
        parent=desk.nodes[parent.package],
        parents=_versions(parent.constraint),
        child=desk.nodes[child],
        versions=_versions(versions),
    )


def _versions(constraint: RangeProtocol[Any] | None) -> VersionRange:
    # The solver holds nothing but the ranges that it was given, and what it made of them.
    return cast("VersionRange", constraint)


def _is_tie(need: Need) -> bool:
    """Is it the edge from an extra to its own project, which nobody wrote."""
    return need.parent.extra is not None and need.child == need.parent.base


def _with_ways(desk: _Desk, wishes: Sequence[Wish], failure: Failure, limit: int) -> Failure:
    """Find out which single wish would have to give way, and to which version."""
    ways: list[Way] = []
    for wish in sorted(failure.wishes, key=lambda wish: (wish.text, wish.origin))[:WAYS_TRIED]:
        if _range(wish.versions) == _FULL:
            continue
        relaxed = [replace(one, versions=_FULL) if one == wish else one for one in wishes]
        outcome = _attempt(desk, relaxed, {}, min(limit, WAY_LIMIT))
        if isinstance(outcome, Solved):
            ways.append(Way(wish=wish, version=outcome.pins[wish.node.project]))
    return replace(failure, ways=tuple(ways))
