"""What a lock installs, and what the installed files themselves ask for: both as sets of points.

One pass over bit sets answers for every environment at once: an entry is live on a set, a file is
taken on a subset, each of its requirements holds on a subset of that, and there an entry that
meets it must be live.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from packaging.utils import NormalizedName

from trueup.judge.picks import Group
from trueup.model.condition import Condition, Option, OptionKind, Selection
from trueup.model.lock import Edge, Lock, LockEntry
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.requirement import Requirement
from trueup.model.space import Space, union

__all__ = ["GROUP", "Closure", "Kind", "Problem", "close", "extra_of"]


class Kind(StrEnum):
    """What can be wrong with a lock at a point."""

    MISSING = "missing"
    TOO_NARROW = "too-narrow"
    OUTSIDE = "outside"
    NO_FILE = "no-file"
    PYTHON = "python"
    TWO_LIVE = "two-live"
    UNKNOWN_EXTRA = "unknown-extra"
    NOT_PROVEN = "not-proven"
    SURPLUS = "surplus"
    DIFFER = "differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and all points where it is.

    ``entry`` is the number of the entry that asks (or that is itself wrong), ``group`` that of its
    files, ``requirement`` what they ask for, ``extra`` in which context, ``other`` the number of
    the entry that does not meet it.
    """

    kind: Kind
    entry: int
    points: int
    group: int | None = None
    requirement: Requirement | None = None
    extra: NormalizedName | None = None
    other: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """The outcome for one selection of options.

    ``live`` is where each entry is installed, ``needed`` where some file or root asks for it;
    ``asked`` the same per extra. ``open`` is where something unknown is installed, so that nothing
    can be said about what is surplus.
    """

    selection: Selection
    live: tuple[int, ...]
    needed: tuple[int, ...]
    asked: Mapping[tuple[int, NormalizedName | None], int]
    problems: tuple[Problem, ...]
    open: int = 0


Key = tuple[Kind, int, int | None, Requirement | None, NormalizedName | None, int | None]


@dataclass(slots=True)
class _Walk:
    lock: Lock
    space: Space
    claimed: int
    groups: Sequence[Sequence[Group]]
    selection: Selection
    by_project: dict[NormalizedName, list[int]] = field(default_factory=dict)
    overrides: dict[NormalizedName, list[Requirement]] = field(default_factory=dict)
    live: list[int] = field(default_factory=list)
    needed: list[int] = field(default_factory=list)
    asked: dict[tuple[int, NormalizedName | None], int] = field(default_factory=dict)
    found: dict[Key, int] = field(default_factory=dict)
    open: int = 0


def close(
    lock: Lock,
    space: Space,
    claimed: int,
    groups: Sequence[Sequence[Group]],
    selection: Selection,
) -> Closure:
    """Follow what is installed under a selection, and hold it against what the files ask for.

    ``groups`` are the files of each entry by what they say (:func:`~trueup.judge.picks.groups_of`),
    ``claimed`` the points that the lock speaks for.
    """
    walk = _Walk(lock=lock, space=space, claimed=claimed, groups=groups, selection=selection)
    for number, entry in enumerate(lock.entries):
        walk.by_project.setdefault(entry.project, []).append(number)
    for requirement in lock.overrides:
        walk.overrides.setdefault(requirement.project, []).append(requirement)
    walk.live = _walked(walk) if lock.walked else _conditioned(walk)
    walk.needed = [0] * len(lock.entries)
    _follow(walk)
    _entries_alone(walk)
    return Closure(
        selection=selection,
        live=tuple(walk.live),
        needed=tuple(walk.needed),
        asked=walk.asked,
        problems=tuple(_problems(walk)),
        open=walk.open,
    )


def _holds(walk: _Walk, condition: Condition) -> int:
    """The claimed points where a condition holds under the selection."""
    left = condition.under(walk.selection)
    if isinstance(left, bool):
        return walk.claimed if left else 0
    return walk.space.where(left) & walk.claimed


def _conditioned(walk: _Walk) -> list[int]:
    return [_holds(walk, entry.condition) for entry in walk.lock.entries]


def _walked(walk: _Walk) -> list[int]:
    """Follow the lock's own edges from its roots, as its tool does."""
    limits = [_holds(walk, entry.condition) for entry in walk.lock.entries]
    reached: dict[tuple[int, NormalizedName | None], int] = {}
    pending: dict[tuple[int, NormalizedName | None], int] = {}
    for number, entry in enumerate(walk.lock.entries):
        if entry.root:
            for extra in (None, *_chosen_extras(entry, walk.selection)):
                pending[number, extra] = limits[number]
    while pending:
        (number, extra), points = pending.popitem()
        new = points & ~reached.get((number, extra), 0)
        if not new:
            continue
        reached[number, extra] = reached.get((number, extra), 0) | new
        for edge in walk.lock.entries[number].edges:
            if edge.of_extra != extra:
                continue
            there = new & _holds(walk, edge.condition)
            for child in _children(walk, edge):
                if here := there & limits[child]:
                    for wanted in (None, *edge.extras):
                        pending[child, wanted] = pending.get((child, wanted), 0) | here
    live = [0] * len(limits)
    for (number, _), points in reached.items():
        live[number] |= points
    return live


GROUP = "group-"
"""Begins the name of the extra that stands for a group of the user's."""


def extra_of(option: Option) -> NormalizedName:
    """The extra of a root that stands for an option: a group is none, and gets a name of its own."""
    return NormalizedName(
        option.name if option.kind is OptionKind.EXTRA else f"{GROUP}{option.name}"
    )


def _chosen_extras(entry: LockEntry, selection: Selection) -> list[NormalizedName]:
    return sorted(
        extra_of(option) for option in selection if option.project in (None, entry.project)
    )


def _children(walk: _Walk, edge: Edge) -> Iterator[int]:
    for number in walk.by_project.get(edge.project, ()):
        entry = walk.lock.entries[number]
        if edge.version is not None and entry.version != edge.version:
            continue
        if edge.location is not None and entry.place.location != edge.location:
            continue
        yield number


def _follow(walk: _Walk) -> None:
    """From everything that is live, follow what the files themselves ask for."""
    pending: dict[tuple[int, NormalizedName | None], int] = {}
    for number, points in enumerate(walk.live):
        if points:
            pending[number, None] = points
            entry = walk.lock.entries[number]
            pending.update(((number, extra), points) for extra in entry.extras)
            if entry.root:
                pending.update(
                    ((number, extra), points) for extra in _chosen_extras(entry, walk.selection)
                )
                walk.needed[number] |= points
    while pending:
        (number, extra), points = pending.popitem()
        new = points & ~walk.asked.get((number, extra), 0)
        if not new:
            continue
        walk.asked[number, extra] = walk.asked.get((number, extra), 0) | new
        for index, group in enumerate(walk.groups[number]):
            here = new & group.points
            if not here:
                continue
            if isinstance(group.said, Unreadable):
                walk.open |= here
                continue
            for child, wanted, there in _group_asks(walk, number, index, group.said, extra, here):
                pending[child, wanted] = pending.get((child, wanted), 0) | there


def _group_asks(
    walk: _Walk,
    number: int,
    index: int,
    said: Resolution,
    extra: NormalizedName | None,
    here: int,
) -> Iterator[tuple[int, NormalizedName, int]]:
    """What the files of one group ask for on these points; yields the extras of children."""
    for line in _lines(walk, said, extra):
        there = here & walk.space.where(line.marker, extra)
        if not there or line.project in walk.lock.excluded:
            continue
        for asked, points in _overridden(walk, line, there):
            yield from _meet(walk, number, index, asked, extra, points)


def _lines(walk: _Walk, said: Resolution, extra: NormalizedName | None) -> Iterable[Requirement]:
    if extra is None:
        return said.requires_dist
    # What holds without the extra was followed for the base already.
    return [line for line in said.requires_dist if line.marker and extra in line.marker.extras]


def _overridden(walk: _Walk, line: Requirement, points: int) -> Iterator[tuple[Requirement, int]]:
    replaced = walk.overrides.get(line.project)
    if replaced is None:
        yield line, points
        return
    for override in replaced:
        if there := points & walk.space.where(override.marker):
            yield override, there


def _meet(
    walk: _Walk,
    number: int,
    index: int,
    line: Requirement,
    extra: NormalizedName | None,
    points: int,
) -> Iterator[tuple[int, NormalizedName, int]]:
    children = walk.by_project.get(line.project, [])
    missing = points & ~union(walk.live[child] for child in children)
    if missing:
        kind = Kind.TOO_NARROW if children else Kind.MISSING
        _note(walk, (kind, number, index, line, extra, None), missing)
    for child in children:
        there = points & walk.live[child]
        if not there:
            continue
        walk.needed[child] |= there
        version = walk.lock.entries[child].version
        if version is not None and not line.specifier.contains(version, prereleases=True):
            _note(walk, (Kind.OUTSIDE, number, index, line, extra, child), there)
        for wanted in line.extras:
            unknown = union(
                group.points
                for group in walk.groups[child]
                if isinstance(group.said, Resolution) and not _provides(group.said, wanted)
            )
            if unknown & there:
                _note(
                    walk, (Kind.UNKNOWN_EXTRA, number, index, line, wanted, child), unknown & there
                )
            yield child, wanted, there


def _provides(said: Resolution, extra: NormalizedName) -> bool:
    return extra in said.provides_extra or any(
        line.marker is not None and extra in line.marker.extras for line in said.requires_dist
    )


def _entries_alone(walk: _Walk) -> None:
    """What can be wrong with an entry by itself, where it is live."""
    for number, points in enumerate(walk.live):
        if not points:
            continue
        groups = walk.groups[number]
        lost = points & ~union(group.points for group in groups)
        if lost:
            _note(walk, (Kind.NO_FILE, number, None, None, None, None), lost)
        for index, group in enumerate(groups):
            here = points & group.points
            if isinstance(group.said, Unreadable):
                if here:
                    _note(walk, (Kind.NOT_PROVEN, number, index, None, None, None), here)
            elif excluded := here & ~walk.space.admitted(group.said.requires_python):
                _note(walk, (Kind.PYTHON, number, index, None, None, None), excluded)
        entry = walk.lock.entries[number]
        if excluded := points & ~walk.space.admitted(entry.requires_python):
            _note(walk, (Kind.PYTHON, number, None, None, None, None), excluded)
    for members in walk.by_project.values():
        for position, one in enumerate(members):
            for other in members[position + 1 :]:
                if both := walk.live[one] & walk.live[other]:
                    _note(walk, (Kind.TWO_LIVE, one, None, None, None, other), both)


def _note(walk: _Walk, key: Key, points: int) -> None:
    walk.found[key] = walk.found.get(key, 0) | points


def _problems(walk: _Walk) -> Iterator[Problem]:
    for (kind, entry, group, requirement, extra, other), points in walk.found.items():
        yield Problem(
            kind=kind,
            entry=entry,
            points=points,
            group=group,
            requirement=requirement,
            extra=extra,
            other=other,
        )
