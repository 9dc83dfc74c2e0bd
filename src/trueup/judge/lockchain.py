"""Why a package is in a lock: the way from a root to the requirement that asks for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from packaging.utils import NormalizedName

from trueup.judge.closure import GROUP, Closure
from trueup.judge.lock import ROOTS, Audit
from trueup.model.lock import LockEntry
from trueup.model.lockreport import ChainLink
from trueup.model.metadata import Resolution
from trueup.model.space import union
from trueup.model.target import target_set

__all__ = ["chains_to"]

Chain = tuple[ChainLink, ...]


def chains_to(audit: Audit, project: NormalizedName) -> dict[str, Chain]:
    """The shortest way to a project for each target; empty where nothing asks for it.

    The last link is the requirement on it, whether the lock meets it or not. The lock's default
    options are looked at first, then its others.
    """
    found: dict[str, Chain] = {}
    for target in audit.ground.targets:
        points = target_set(audit.ground.space, [target]) & audit.ground.asked
        if points:
            found[str(target)] = _first(audit, project, points)
    return found


def _first(audit: Audit, project: NormalizedName, points: int) -> Chain:
    for closure in audit.closures:
        found = _chain(audit, closure, project, points)
        if found:
            return found
    return ()


@dataclass(frozen=True, slots=True)
class _Step:
    """An entry with one of its extras (None: the entry itself), on these points."""

    entry: int
    extra: NormalizedName | None
    points: int


def _chain(audit: Audit, closure: Closure, project: NormalizedName, points: int) -> Chain:
    """Breadth first from the roots, so that the first way is the shortest."""
    pending: deque[tuple[_Step, Chain]] = deque(
        (step, ()) for step in _starts(audit, closure, points)
    )
    seen: dict[tuple[int, NormalizedName | None], int] = {}
    while pending:
        step, way = pending.popleft()
        key = (step.entry, step.extra)
        new = step.points & ~seen.get(key, 0)
        if not new:
            continue
        seen[key] = seen.get(key, 0) | new
        here = _Step(*key, new)
        links = chain(_asks(audit, closure, here), _recorded(audit, closure, here))
        for link, asked, children in links:
            if asked == project:
                return (*way, link)
            pending += ((child, (*way, link)) for child in children)
    return ()


def _starts(audit: Audit, closure: Closure, points: int) -> Iterator[_Step]:
    """The roots; in a lock that names none, what nothing else asks for."""
    live = [(number, there & points) for number, there in enumerate(closure.live)]
    rooted = any(entry.root for entry in audit.lock.entries)
    for number, there in live:
        entry = audit.entry(number)
        alone = there if entry.root else there & ~closure.needed[number]
        if alone and (entry.root or not rooted):
            extras = {key for entry_number, key in closure.asked if entry_number == number}
            for extra in sorted(extras, key=lambda key: key or ""):
                yield _Step(number, extra, alone & closure.asked[number, extra])


def _asks(
    audit: Audit, closure: Closure, step: _Step
) -> Iterator[tuple[ChainLink, NormalizedName, list[_Step]]]:
    """What the files of a step ask for there, each with the entries that meet it."""
    space, parent = audit.ground.space, audit.entry(step.entry)
    title = parent.title
    if step.extra is not None:
        title = f"{title} with {_option_words(parent, step.extra)}"
    for group in audit.groups[step.entry]:
        here = step.points & group.points
        if not here or not isinstance(group.said, Resolution):
            continue
        for line in sorted(group.said.requires_dist, key=str):
            there = here & space.where(line.marker, step.extra)
            if step.extra is not None:
                # What holds without the extra is asked for without it.
                there &= ~space.where(line.marker, None)
            if not there:
                continue
            link = ChainLink(
                parent=title,
                file=group.names[0] if group.names else None,
                requirement=str(line),
                where=audit.where(there, [closure.selection]),
            )
            yield link, line.project, list(_met(audit, closure, line.project, line.extras, there))


def _option_words(parent: LockEntry, extra: NormalizedName) -> str:
    """An extra; of what the user asked for, a group may stand behind it."""
    if parent.project == ROOTS and extra.startswith(GROUP):
        return f"group `{extra.removeprefix(GROUP)}`"
    return f"extra `{extra}`"


def _recorded(
    audit: Audit, closure: Closure, step: _Step
) -> Iterator[tuple[ChainLink, NormalizedName, list[_Step]]]:
    """What the lock itself says that an entry asks for, where no file of it could be read."""
    parent = audit.entry(step.entry)
    read = (
        group.points for group in audit.groups[step.entry] if isinstance(group.said, Resolution)
    )
    left = step.points & ~union(read)
    for edge in parent.edges if left else ():
        holds = edge.condition.under(closure.selection)
        if edge.of_extra != step.extra or holds is False:
            continue
        there = left if holds is True else left & audit.ground.space.where(holds)
        if there:
            link = ChainLink(
                parent=parent.title,
                file=None,
                requirement=str(edge.requirement or edge.project),
                where=audit.where(there, [closure.selection]),
            )
            yield link, edge.project, list(_met(audit, closure, edge.project, edge.extras, there))


def _met(
    audit: Audit,
    closure: Closure,
    project: NormalizedName,
    extras: frozenset[NormalizedName],
    points: int,
) -> Iterator[_Step]:
    for number, entry in enumerate(audit.lock.entries):
        there = points & closure.live[number] if entry.project == project else 0
        if there:
            yield from (_Step(number, extra, there) for extra in (None, *sorted(extras)))
