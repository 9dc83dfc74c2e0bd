"""The judgement on a lock: what it would install against what the installed files ask for.

Model, "What a sound lock is". Everything is decided on the space of the targets, which holds every
environment that no marker tells apart from a target: a lock cannot choose who picks from its list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from trueup.judge.closure import Closure, Kind, Problem, close, extra_of
from trueup.judge.picks import Group, Pick, Readings, groups_of, picks_of
from trueup.judge.promise import equal_within
from trueup.judge.region import describe
from trueup.model.condition import Condition, Selection
from trueup.model.finding import Severity
from trueup.model.grid import grid, unsettled
from trueup.model.lock import Lock, LockEntry, Place, PlaceKind
from trueup.model.marker import MARKER_VARIABLES, Marker
from trueup.model.metadata import Resolution
from trueup.model.requirement import parse_requirement
from trueup.model.space import Space, union
from trueup.model.target import Target, minors_of, target_set

__all__ = ["ROOTS", "Audit", "FileFact", "Ground", "Trouble", "audit", "ground_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """What an index says against a file of a lock (``what``: `yanked`, `vanished`, `hash`, `size`)."""

    entry: int
    filename: str
    what: str
    found: str
    expected: str


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a lock is judged on.

    ``asked`` are the points of the targets that the lock claims, ``claimed`` adds those that share
    a marker part with one of them, without those that next to nobody has; ``unclaimed`` are targets
    that the lock's own `environments` or `requires-python` leave out.
    """

    space: Space
    targets: tuple[Target, ...]
    asked: int
    claimed: int
    picks: tuple[tuple[Pick, ...], ...]
    unclaimed: tuple[Target, ...] = ()


def ground_of(lock: Lock, targets: Sequence[Target], *, said: Iterable[Resolution] = ()) -> Ground:
    """The space of the targets, cut as the lock and what its files say need it, and the picks.

    Raises SpaceTooLargeError.
    """
    markers, specifiers = _cuts(lock, tuple(said))
    minors = minors_of(targets)
    space = grid(targets)
    finer = unsettled(space, markers, minors)
    space = grid(targets, markers=finer, specifiers=specifiers)
    asked = target_set(space, targets) & space.admitted(lock.requires_python)
    if lock.environments:
        asked &= union(space.where(marker) for marker in lock.environments)
    claimed = asked | (space.spread(asked) & space.universe & ~space.rare)
    return Ground(
        space=space,
        targets=tuple(targets),
        asked=asked,
        claimed=claimed,
        picks=picks_of(lock, space, claimed),
        unclaimed=tuple(t for t in targets if not target_set(space, [t]) & asked),
    )


def _cuts(
    lock: Lock, said: Iterable[Resolution]
) -> tuple[frozenset[Marker], frozenset[SpecifierSet]]:
    """The markers and `Requires-Python` values that may cut within a target."""
    conditions = {entry.condition for entry in lock.entries}
    conditions |= {edge.condition for entry in lock.entries for edge in entry.edges}
    markers = {marker for condition in conditions for marker in _atoms(condition)}
    markers |= set(lock.environments)
    markers |= {line.marker for line in lock.overrides if line.marker}
    specifiers = {entry.requires_python for entry in lock.entries} | {lock.requires_python}
    said = [*said, *(entry.own for entry in lock.entries if entry.own)]
    for metadata in lock.given.values():
        if isinstance(metadata.resolution, Resolution):
            said.append(metadata.resolution)
    for resolution in said:
        markers |= {line.marker for line in resolution.requires_dist if line.marker}
        specifiers.add(resolution.requires_python)
    return frozenset(markers), frozenset(item for item in specifiers if item is not None)


def _atoms(condition: Condition) -> Iterator[Marker]:
    """Its comparisons of environment variables, each as a marker of its own."""
    if condition.text:
        for atom in Marker(condition.text).atoms():
            if atom.variable in MARKER_VARIABLES:
                yield Marker(atom.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A problem over all selections of options in which it shows."""

    problem: Problem
    points: int
    selections: tuple[Selection, ...]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What holding a lock against its files gave; the rules turn it into findings."""

    lock: Lock
    ground: Ground
    groups: tuple[tuple[Group, ...], ...]
    closures: tuple[Closure, ...]
    facts: tuple[FileFact, ...] = ()

    @cached_property
    def troubles(self) -> tuple[Trouble, ...]:
        """Every problem once, in the order of the entries."""
        found: dict[tuple[object, ...], tuple[Problem, int, list[Selection]]] = {}
        for closure in self.closures:
            for problem in (*closure.problems, *self._surplus(closure)):
                key = (
                    problem.entry, problem.kind, problem.group, problem.requirement,
                    problem.extra, problem.other,
                )  # fmt: skip
                first, points, selections = found.get(key, (problem, 0, []))
                found[key] = (first, points | problem.points, [*selections, closure.selection])
        troubles = [
            Trouble(problem=first, points=points, selections=tuple(selections))
            for first, points, selections in found.values()
        ]
        return tuple(sorted(troubles, key=lambda item: (item.problem.entry, item.problem.kind)))

    def of_kind(self, *kinds: Kind) -> dict[int, list[Trouble]]:
        """The troubles of these kinds, by the number of the entry they belong to."""
        found: dict[int, list[Trouble]] = {}
        for trouble in self.troubles:
            if trouble.problem.kind in kinds:
                found.setdefault(trouble.problem.entry, []).append(trouble)
        return found

    def entry(self, number: int) -> LockEntry:
        return self.lock.entries[number]

    def live(self, number: int) -> int:
        """Where an entry is installed under any selection."""
        return union(closure.live[number] for closure in self.closures)

    def differing(self) -> Iterator[tuple[int, tuple[Group, ...], int]]:
        """Entries whose files differ where no marker tells them apart: number, groups, points."""
        for number, groups in enumerate(self.groups):
            live = self.live(number)
            alive = [group for group in groups if group.points & live]
            bad: list[Group] = []
            where = 0
            for position, one in enumerate(alive):
                for other in alive[position + 1 :]:
                    overlap = self._overlap(one, other, live)
                    if overlap and not self._same(number, one, other, overlap):
                        bad += [group for group in (one, other) if group not in bad]
                        where |= overlap
            if bad:
                yield number, tuple(bad), where

    def _overlap(self, one: Group, other: Group, live: int) -> int:
        """The points whose marker part lets an installer take a file of either group."""
        space = self.ground.space
        return space.spread(one.points & live) & space.spread(other.points & live)

    def _same(self, number: int, one: Group, other: Group, points: int) -> bool:
        """Whether two groups ask for the same there, with the extras that anything asks for."""
        if not (isinstance(one.said, Resolution) and isinstance(other.said, Resolution)):
            return True  # What is unknown is told as such, not as a difference.
        extras = {
            extra
            for closure in self.closures
            for (entry, extra), asked in closure.asked.items()
            if entry == number and asked & points
        }
        return equal_within(self.ground.space, points, one.said, other.said, extras=extras)

    def _surplus(self, closure: Closure) -> Iterator[Problem]:
        if not (self.lock.walked and self.lock.complete_roots):
            return
        for number, (live, needed) in enumerate(zip(closure.live, closure.needed, strict=True)):
            extra = live & ~needed & ~closure.open & self.ground.asked
            if extra:
                yield Problem(kind=Kind.SURPLUS, entry=number, points=extra)

    def severity(self, severity: Severity, points: int) -> Severity:
        """One lighter where no target is concerned, only what no marker tells apart from one."""
        if points & self.ground.asked or severity is Severity.INFO:
            return severity
        return Severity.WARNING if severity is Severity.ERROR else Severity.INFO

    def where(self, points: int, selections: Sequence[Selection] = ()) -> str:
        """Environments in words, with the options that have to be chosen."""
        asked = points & self.ground.asked
        within = self.ground.asked if asked else self.ground.claimed
        text = describe(self.ground.space, asked or points, within)
        if not asked:
            text += " (no target, but no marker tells it from one)"
        if selections and self.lock.default not in selections:
            options = min(selections, key=lambda item: (len(item), sorted(map(str, item))))
            names = sorted(map(str, options - self.lock.default))
            if names:
                text += f", with {' and '.join(names)}"
        return text

    def targets(self, points: int) -> tuple[str, ...]:
        """The targets that have one of these points."""
        return tuple(
            str(target)
            for target in self.ground.targets
            if target_set(self.ground.space, [target]) & points
        )


def audit(
    lock: Lock,
    targets: Sequence[Target],
    readings: Readings,
    *,
    facts: Sequence[FileFact] = (),
    selections: Sequence[Selection] = (),
) -> Audit:
    """Hold a lock against what its files say (``readings``, of the picks of :func:`ground_of`).

    ``selections`` are the choices of options to look at (none: those of the lock). Raises
    SpaceTooLargeError.
    """
    lock = _with_roots(lock)
    said = {
        reading.resolution
        for reading in readings.values()
        if isinstance(reading.resolution, Resolution)
    }
    ground = ground_of(lock, targets, said=said)
    groups = tuple(
        groups_of(lock, entry, picks, readings, ground.claimed)
        for entry, picks in zip(lock.entries, ground.picks, strict=True)
    )
    closures = tuple(
        close(lock, ground.space, ground.claimed, groups, selection)
        for selection in (selections or tuple(lock.selections()))
    )
    return Audit(lock=lock, ground=ground, groups=groups, closures=closures, facts=tuple(facts))


ROOTS = NormalizedName("your requirements")
"""Stands where a project would, for what the user asked for; no project has such a name."""


def _with_roots(lock: Lock) -> Lock:
    """The lock with one more entry, last, that asks for what its user asked for.

    A `pylock.toml` installs what it lists; whether that is all can only be told where it records
    the requirements that it was made from.
    """
    if not (lock.roots or lock.option_roots) or any(entry.root for entry in lock.entries):
        return lock
    lines = {parse_requirement(text) for text in lock.roots}
    for option, text in lock.option_roots:
        line = parse_requirement(text)
        own = f"({line.marker.text}) and " if line.marker is not None else ""
        lines.add(parse_requirement(line.with_marker(f'{own}extra == "{extra_of(option)}"')))
    root = LockEntry(
        project=ROOTS,
        version=None,
        origin=lock.path,
        place=Place(kind=PlaceKind.DIRECTORY),
        root=True,
        own=Resolution(
            requires_dist=frozenset(lines),
            requires_python=None,
            provides_extra=frozenset(map(extra_of, lock.options)),
        ),
    )
    return replace(lock, entries=(*lock.entries, root))


def facts_by_entry(facts: Iterable[FileFact]) -> Mapping[int, tuple[FileFact, ...]]:
    """The facts of each entry, by its number."""
    found: dict[int, tuple[FileFact, ...]] = {}
    for fact in facts:
        found[fact.entry] = (*found.get(fact.entry, ()), fact)
    return found
