"""Columns that keep to the width: figures to the right, long names cut in their middle."""

from __future__ import annotations

from collections.abc import Sequence, Set

from rich.cells import cell_len

__all__ = ["columns", "cut"]

_GAP = "   "
_LEAST = 16
"""Cells that a column keeps, however narrow the terminal."""


def columns(
    rows: Sequence[tuple[str, ...]],
    *,
    width: int,
    indent: str = "  ",
    right: Set[int] = frozenset(),
    whole: bool = False,
) -> list[str]:
    """Rows of as many cells each, in columns, in lines of at most ``width`` cells.

    Columns numbered in ``right`` hold figures and end at one edge; they are never cut. Of the
    others the widest is cut first. ``whole`` cuts nothing. A column without text takes no room.
    """
    used = [n for n, column in enumerate(zip(*rows, strict=True)) if any(column)]
    sizes = {n: max(cell_len(row[n]) for row in rows) for n in used}
    room = width - len(indent) - len(_GAP) * (len(used) - 1)
    while not whole and (over := sum(sizes.values()) - room) > 0:
        widest = max((n for n in used if n not in right), key=lambda n: sizes[n], default=None)
        if widest is None or sizes[widest] <= _LEAST:
            break
        # No further than to the next widest, so that two long columns are cut alike.
        others = [sizes[n] for n in used if n not in right and n != widest]
        floor = max([_LEAST, *(size for size in others if size < sizes[widest])])
        sizes[widest] = max(floor, sizes[widest] - over, _LEAST)
        if sizes[widest] in others and over > 1:
            sizes[widest] -= 1
    return [
        (indent + _GAP.join(_cell(row[n], sizes[n], to_right=n in right) for n in used)).rstrip()
        for row in rows
    ]


def _cell(text: str, size: int, *, to_right: bool) -> str:
    text = cut(text, size)
    blank = " " * (size - cell_len(text))
    return blank + text if to_right else text + blank


def cut(text: str, size: int) -> str:
    """Text of at most ``size`` cells: both ends stay, for names differ at either."""
    if cell_len(text) <= size:
        return text
    keep = size - 1
    while keep > 1:
        head, tail = (keep + 1) // 2, keep // 2
        short = f"{text[:head]}…{text[-tail:]}"
        if cell_len(short) <= size:
            return short
        keep -= 1
    return "…"
