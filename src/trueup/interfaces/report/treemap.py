"""A squarified treemap: numbers as areas inside a box.

Source: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Area", "squarify"]


class Area(NamedTuple):
    """A rectangle by its edges, so that neighbours share theirs exactly; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def squarify(weights: Sequence[int], area: Area) -> tuple[Area, ...]:
    """For each weight a part of ``area`` as large as its share, as close to square as rows allow.

    The answer has the order of ``weights``; what weighs nothing gets a part without extent. Raises
    ValueError for a weight below zero.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError(f"weights must not be negative: {min(weights)}")
    found = [Area(area.left, area.top, area.left, area.top)] * len(weights)
    order = sorted((n for n, weight in enumerate(weights) if weight), key=lambda n: -weights[n])
    left, start = sum(weights), 0
    while start < len(order):
        end = _row_end(weights, order, start, left, area)
        taken = sum(weights[n] for n in order[start:end])
        upright = area.width >= area.height
        row, area = _cut(area, taken, left, across=upright)
        for number in order[start:end]:
            found[number], row = _cut(row, weights[number], taken, across=not upright)
            taken -= weights[number]
            left -= weights[number]
        start = end
    return tuple(found)


def _row_end(
    weights: Sequence[int], order: Sequence[int], start: int, left: int, area: Area
) -> int:
    """Where the row that begins at ``start`` ends: before the part that makes its worst worse."""
    side = min(area.width, area.height)
    scale = area.width * area.height / left
    if not side or not scale:
        return len(order)
    taken, worst = 0, float("inf")
    for end in range(start, len(order)):
        taken += weights[order[end]]
        thickness = taken * scale / side
        # The first of a row is its largest part and the last its smallest.
        lengths = [weights[order[number]] * scale / thickness for number in (start, end)]
        ratio = max(max(length / thickness, thickness / length) for length in lengths)
        if ratio > worst:
            return end
        worst = ratio
    return len(order)


def _cut(area: Area, weight: int, whole: int, *, across: bool) -> tuple[Area, Area]:
    """The share of ``weight`` in the whole, cut off at the left or (not across) the top; the rest.

    The last piece gets the far edge itself, so that rounding leaves neither gap nor overlap.
    """
    share = weight / whole
    if across:
        edge = area.right if weight == whole else area.left + area.width * share
        return area._replace(right=edge), area._replace(left=edge)
    edge = area.bottom if weight == whole else area.top + area.height * share
    return area._replace(bottom=edge), area._replace(top=edge)
