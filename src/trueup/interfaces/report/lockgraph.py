"""Where the boxes of a graph stand: layers from left to right, whoever asks left of what it asks for.

Longest-path layers, sweeps of barycentres against crossings (Sugiyama, Tagawa and Toda, 1981), and
heights nearest to those of the neighbours. An edge across several layers has a narrow place of its
own in each, so that it passes between boxes instead of behind them.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Box", "Layout", "layout"]

_HEIGHT = 26.0
"""Pixels, as everywhere here."""
_GAP = 8.0
_LANE = 2.0
_LANE_GAP = 5.0
_BETWEEN = 64.0
_MARGIN = 16.0
_SWEEPS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle; x and y are those of its upper left corner, in pixels."""

    x: float
    y: float
    width: float
    height: float
    layer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A box for each node, and for each edge the path that is drawn (SVG 1.1, "Path data")."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    paths: tuple[str, ...]


def layout(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of these widths; an edge is a pair of places in ``widths``, from left to right.

    Circles are allowed: some edge of each is drawn from right to left.
    """
    forward = _acyclic(len(widths), edges)
    layers = _layers(len(widths), forward)
    lanes = _Lanes(layers, forward)
    order = _ordered(lanes)
    middles = _middles(lanes, order, len(widths))
    return _drawn(widths, edges, forward, lanes, middles)


def _acyclic(size: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges, those turned around that close a circle in a walk in depth."""
    children: dict[int, list[tuple[int, int]]] = {}
    entered = {child for parent, child in edges if parent != child}
    for number, (parent, child) in enumerate(edges):
        children.setdefault(parent, []).append((number, child))
    forward = list(edges)
    done: set[int] = set()
    for start in sorted(range(size), key=lambda node: node in entered):
        if start in done:
            continue
        path, on_path = [(start, iter(children.get(start, ())))], {start}
        while path:
            node, rest = path[-1]
            following = next(rest, None)
            if following is None:
                path.pop()
                on_path.discard(node)
                done.add(node)
                continue
            number, child = following
            if child in on_path:
                forward[number] = (child, node)
            elif child not in done:
                path.append((child, iter(children.get(child, ()))))
                on_path.add(child)
    return forward


def _layers(size: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The length of the longest way to each node."""
    children: dict[int, list[int]] = {}
    open_parents = [0] * size
    for parent, child in edges:
        if parent != child:
            children.setdefault(parent, []).append(child)
            open_parents[child] += 1
    layers = [0] * size
    ready = [node for node in range(size) if not open_parents[node]]
    for node in ready:
        for child in children.get(node, ()):
            layers[child] = max(layers[child], layers[node] + 1)
            open_parents[child] -= 1
            if not open_parents[child]:
                ready.append(child)
    return layers


class _Lanes:
    """The nodes and, after them, the places where edges pass a layer; each in its layer."""

    def __init__(self, layers: Sequence[int], edges: Sequence[tuple[int, int]]) -> None:
        self.layer = list(layers)
        self.chains: list[list[int]] = []
        self.left: dict[int, list[int]] = {}
        self.right: dict[int, list[int]] = {}
        for parent, child in edges:
            chain = [parent]
            for layer in range(layers[parent] + 1, layers[child]):
                chain.append(len(self.layer))
                self.layer.append(layer)
            chain.append(child)
            self.chains.append(chain)
            if parent != child:
                for one, other in pairwise(chain):
                    self.right.setdefault(one, []).append(other)
                    self.left.setdefault(other, []).append(one)
        self.columns: list[list[int]] = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for node, layer in enumerate(self.layer):
            self.columns[layer].append(node)


def _ordered(lanes: _Lanes) -> list[list[int]]:
    """The columns, in the order with the fewest crossings that some sweeps find."""
    columns = [list(column) for column in lanes.columns]
    best, fewest = [list(column) for column in columns], _crossings(lanes, columns)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        sides = lanes.left if rightwards else lanes.right
        pairs = range(1, len(columns)) if rightwards else range(len(columns) - 2, -1, -1)
        for number in pairs:
            fixed = columns[number - 1] if rightwards else columns[number + 1]
            places = {node: place for place, node in enumerate(fixed)}
            own = {node: place for place, node in enumerate(columns[number])}
            columns[number].sort(
                key=lambda node: _mean(
                    [places[other] for other in sides.get(node, ())],
                    own[node],
                )
            )
        crossings = _crossings(lanes, columns)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    return best


def _crossings(lanes: _Lanes, columns: Sequence[Sequence[int]]) -> int:
    found = 0
    for column, following in pairwise(columns):
        places = {node: place for place, node in enumerate(following)}
        ends: list[int] = []
        for node in column:
            mine = sorted(places[other] for other in lanes.right.get(node, ()))
            found += sum(len(ends) - bisect_right(ends, end) for end in mine)
            for end in mine:
                insort(ends, end)
    return found


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _middles(lanes: _Lanes, order: Sequence[Sequence[int]], size: int) -> dict[int, float]:
    """How high the middle of each node and lane is, from the top."""
    heights = [_HEIGHT if node < size else _LANE for node in range(len(lanes.layer))]
    middles: dict[int, float] = {}
    for column in order:
        middles |= _spread(column, dict.fromkeys(column, 0.0), heights)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        sides = lanes.left if rightwards else lanes.right
        for column in order if rightwards else reversed(order):
            wanted = {
                node: _mean([middles[other] for other in sides.get(node, ())], middles[node])
                for node in column
            }
            middles |= _spread(column, wanted, heights)
    top = min((middles[node] - heights[node] / 2 for node in middles), default=0.0)
    return {node: middle - top + _MARGIN for node, middle in middles.items()}


def _spread(
    column: Sequence[int], wanted: Mapping[int, float], heights: Sequence[float]
) -> dict[int, float]:
    """The middles nearest to the wanted ones (least squares) that keep order and distance.

    With the distances subtracted this is an isotonic regression: neighbours in the wrong order are
    pooled at their mean.
    """
    offsets, offset = [], 0.0
    for place, node in enumerate(column):
        if place:
            above = heights[column[place - 1]]
            gap = _LANE_GAP if above == heights[node] == _LANE else _GAP
            offset += (above + heights[node]) / 2 + gap
        offsets.append(offset)
    pools: list[tuple[float, int]] = []
    for node, shift in zip(column, offsets, strict=True):
        total, members = wanted[node] - shift, 1
        while pools and pools[-1][0] / pools[-1][1] > total / members:
            before, more = pools.pop()
            total, members = total + before, members + more
        pools.append((total, members))
    levels = [total / members for total, members in pools for _ in range(members)]
    return {node: level + shift for node, level, shift in zip(column, levels, offsets, strict=True)}


def _drawn(
    widths: Sequence[float],
    edges: Sequence[tuple[int, int]],
    forward: Sequence[tuple[int, int]],
    lanes: _Lanes,
    middles: Mapping[int, float],
) -> Layout:
    columns, x = [], _MARGIN
    for column in lanes.columns:
        widest = max((widths[node] for node in column if node < len(widths)), default=0.0)
        columns.append((x, widest))
        x += widest + _BETWEEN
    boxes = tuple(
        Box(
            x=columns[lanes.layer[node]][0],
            y=round(middles[node] - _HEIGHT / 2, 1),
            width=width,
            height=_HEIGHT,
            layer=lanes.layer[node],
        )
        for node, width in enumerate(widths)
    )
    paths = []
    for edge, turned, chain in zip(edges, forward, lanes.chains, strict=True):
        points: list[tuple[float, float]] = []
        for node in chain:
            left, widest = columns[lanes.layer[node]]
            right = left + (widths[node] if node < len(widths) else widest)
            points += [(left, middles[node]), (right, middles[node])]
        points = points[1:-1] if edge[0] != edge[1] else _loop(boxes[edge[0]])
        paths.append(_curve(points if turned == edge else points[::-1]))
    bottom = max((box.y + box.height for box in boxes), default=0.0)
    lowest = max(middles.values(), default=0.0)
    return Layout(
        width=round(max(x - _BETWEEN, _MARGIN) + _MARGIN, 1),
        height=round(max(bottom, lowest) + _MARGIN, 1),
        boxes=boxes,
        paths=tuple(paths),
    )


def _loop(box: Box) -> list[tuple[float, float]]:
    """From a box back into itself, over its right end."""
    right = box.x + box.width
    return [(right, box.y + box.height * 0.3), (right, box.y + box.height * 0.7)]


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Level through layers, in an S from one to the next."""
    text = f"M{_number(points[0][0])} {_number(points[0][1])}"
    for (x, y), (next_x, next_y) in pairwise(points):
        if y == next_y:
            text += f"H{_number(next_x)}"
            continue
        bend = (next_x - x) / 2 or 24.0
        text += (
            f"C{_number(x + bend)} {_number(y)} {_number(next_x - bend if next_x != x else x + 24)}"
            f" {_number(next_y)} {_number(next_x)} {_number(next_y)}"
        )
    return text


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
