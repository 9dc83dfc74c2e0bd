"""The cells that a lock is resolved for: environments that no marker can tell apart.

A cell is one marker part of the targets: all its points get the same versions and, because an
installer looks no further than an entry's own list, files that ask for the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trueup.model.space import Space
from trueup.model.target import Target, target_set

__all__ = ["Cell", "cells_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """``points`` are those of the targets, ``around`` all that share their marker part.

    ``first`` is the bit of one of the points, where every marker is asked.
    """

    points: int
    around: int
    first: int
    targets: tuple[Target, ...]

    @property
    def words(self) -> str:
        """The targets by name."""
        return ", ".join(map(str, self.targets))


def cells_of(space: Space, targets: Sequence[Target], within: int) -> tuple[Cell, ...]:
    """The targets' points ``within`` a set, divided by marker part, newest Python first.

    Newest first because the versions chosen there are tried in the others, and those for older
    Pythons may not serve newer ones.
    """
    parts: dict[int, list[tuple[Target, int]]] = {}
    for target in targets:
        left = target_set(space, [target]) & within
        while left:
            around = space.spread(left & -left)
            parts.setdefault(around, []).append((target, left & around))
            left &= ~around
    cells = []
    for around, members in parts.items():
        points = 0
        for _, mine in members:
            points |= mine
        cells.append(
            Cell(
                points=points,
                around=around & space.universe,
                first=points & -points,
                targets=tuple(target for target, _ in members),
            )
        )
    return tuple(sorted(cells, key=lambda cell: -cell.first.bit_length()))
