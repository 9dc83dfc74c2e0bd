"""The ways to choose among options that exclude each other: each is resolved by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from trueup.judge.conditions import Choice
from trueup.model.condition import Option, Selection
from trueup.model.errors import UsageError
from trueup.model.lockrequest import LockRequest

__all__ = ["LIMIT", "Fork", "choices_of", "forks"]

LIMIT = 512
"""Ways to choose; each is a resolution of its own, for every target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """One way to choose among options that exclude each other.

    ``numbers`` are those of the choices (:func:`choices_of`), ``chosen`` the options that they
    choose together, ``refused`` the others that some conflict names.
    """

    numbers: tuple[int, ...] = ()
    chosen: Selection = frozenset()
    refused: Selection = frozenset()


def choices_of(conflicts: Sequence[Selection]) -> tuple[tuple[Choice, ...], ...]:
    """For all options that conflicts tie together, directly or not, what can be chosen of them.

    Choosing nothing comes first. Raises UsageError if there are more than LIMIT ways in all.
    """
    ties: list[tuple[Selection, list[Selection]]] = []
    for group in conflicts:
        mine = [tie for tie in ties if tie[0] & group]
        ties = [tie for tie in ties if tie not in mine]
        names = group.union(*(tie[0] for tie in mine))
        ties.append((names, [*(part for tie in mine for part in tie[1]), group]))
    ties.sort(key=lambda tie: min(option.sort_key for option in tie[0]))
    found = []
    for names, groups in ties:
        found.append(_choices(names, groups))
        if prod(map(len, found)) > LIMIT:
            raise UsageError(
                f"there are more than {LIMIT} ways to choose among options that exclude each other",
                hint="join what belongs together to larger sets in `conflicts`, or lock fewer "
                "extras and groups",
            )
    return tuple(found)


def _choices(names: Selection, groups: Sequence[Selection]) -> tuple[Choice, ...]:
    every: list[Selection] = [frozenset()]
    for option in sorted(names, key=_key):
        rivals = {rival for group in groups if option in group for rival in group}
        every += [chosen | {option} for chosen in every if not chosen & rivals]
        if len(every) > LIMIT:
            break  # the caller refuses them all
    every.sort(key=lambda chosen: [_key(option) for option in sorted(chosen, key=_key)])
    return tuple(
        Choice(
            chosen=chosen,
            # What a conflict rules out besides these needs no asking.
            besides=frozenset(
                option
                for option in names - chosen
                if not any(option in group and chosen & group for group in groups)
            ),
        )
        for chosen in every
    )


def _key(option: Option) -> tuple[str, str, str]:
    return option.sort_key


def forks(request: LockRequest) -> tuple[Fork, ...]:
    """Every way to choose, nothing chosen first; one that chooses nothing where nothing conflicts.

    Raises UsageError if there are too many.
    """
    choices = choices_of(request.conflicts)
    every = frozenset[Option]().union(*request.conflicts)
    found = []
    for numbers in product(*(range(len(part)) for part in choices)):
        picked = (choices[position][number].chosen for position, number in enumerate(numbers))
        chosen = frozenset[Option]().union(*picked)
        found.append(Fork(numbers=numbers, chosen=chosen, refused=every - chosen))
    return tuple(found)
