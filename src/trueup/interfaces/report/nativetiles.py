"""The treemaps of native files: packages, in them files, in those what takes their room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from trueup.interfaces.report.nativefacts import FileRow, Kind, Likeness, exact, generation
from trueup.interfaces.report.nativewords import used_by
from trueup.interfaces.report.treemap import Area, squarify
from trueup.interfaces.report.words import count
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.library import Distribution, GpuKind
from trueup.model.nativereport import Degree, LoadedMap

__all__ = ["DEGREE_CLASSES", "Group", "Part", "Tile", "TreeMap", "gpu_class", "tree_map"]

_WIDE, _TALL = Area(0, 0, 1200, 680), Area(0, 0, 600, 860)
"""The pictures that are laid out: for a window, and for a telephone."""
_NOWHERE = Area(0, 0, 0, 0)
_UNITS = 100
"""Coordinates are told in hundredths, so that a small package can be looked at from close by."""
_LEAST_PART = 0.002
_SHADES = 10
_CHARACTER, _LINE = 7.3, 16.0
"""Pixels of a character of a monospaced font of 12 pixels, rounded up, and of a line of it."""
_MARGIN = 5.0
_SHORTEST, _LITTLE = 4, 9
_LIB = re.compile(r"\Alib(?=\w)")

DEGREE_CLASSES: Mapping[Degree, str] = {
    Degree.BYTES: "d-bytes",
    Degree.BUILD: "d-build",
    Degree.VERSION: "d-version",
    Degree.LIBRARY: "d-library",
}
_KIND_CLASSES: Mapping[Kind, str] = {
    Kind.LIBRARY: "k-library",
    Kind.MODULE: "k-module",
    Kind.PROGRAM: "k-program",
    Kind.UNREAD: "k-unread",
}


class Label(NamedTuple):
    """A name, as much of it as fits, and where its line begins."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What takes some of a file's bytes: code for one GPU, debug information, padding."""

    name: str
    classes: str
    size: int
    areas: tuple[Area, ...]

    @property
    def geometry(self) -> str:
        return _geometry(self.areas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A file, or the smaller files of a package together (then there is no ``row``)."""

    name: str
    up: int
    classes: str
    facts: tuple[str, ...]
    size: int
    packed: int | None
    row: int | None
    group: int | None
    areas: tuple[Area, ...]
    parts: tuple[Part, ...]
    lower: bool
    """Whether the name of the package stands where its own would."""

    @property
    def geometry(self) -> str:
        return _geometry(self.areas)

    @property
    def label(self) -> Label | None:
        return _label(self.name, self.areas[0], 1 if self.lower else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A package, or one of its wheels; ``up`` is the group that it is in, 0 the whole."""

    number: int
    up: int
    name: str
    files: int
    size: int
    packed: int | None
    areas: tuple[Area, ...]

    @property
    def geometry(self) -> str:
        return _geometry(self.areas)

    @property
    def label(self) -> Label | None:
        """Only of an outermost one: two names in one corner are none."""
        return _label(self.name, self.areas[0], 0) if self.up == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeMap:
    """One picture; inner groups come after the groups that they are in."""

    id: str
    label: str
    size: int
    packed: int | None
    groups: tuple[Group, ...]
    tiles: tuple[Tile, ...]
    rows: tuple[FileRow, ...]
    alike: Mapping[tuple[str, str], Likeness]

    @property
    def width(self) -> int:
        return int(_WIDE.width)

    @property
    def height(self) -> int:
        return int(_WIDE.height)


def gpu_class(order: Sequence[tuple[str, GpuKind]], target: str, kind: GpuKind) -> str:
    """One of ten shades, the newest generation the darkest; dashed for what is no machine code."""
    if kind is GpuKind.UNREAD:
        return "g-unread"
    read = list(dict.fromkeys(generation(one) for one, what in order if what is not GpuKind.UNREAD))
    shade = round(read.index(generation(target)) * (_SHADES - 1) / max(len(read) - 1, 1))
    return f"g{shade}" if kind is GpuKind.BINARY else f"g{shade} ptx"


def tree_map(
    ident: str,
    label: str,
    rows: Sequence[FileRow],
    *,
    alike: Mapping[tuple[str, str], Likeness],
    order: Sequence[tuple[str, GpuKind]],
    loaded: LoadedMap | None,
    limit: int,
) -> TreeMap:
    """The picture of these files; past ``limit`` tiles the smallest of a package are one."""
    whole = _tree(rows, limit)
    layouts: tuple[Area, ...] = (_WIDE, _TALL)
    if whole.packed is not None:
        layouts *= 2
    drawing = _Drawing(alike=alike, order=order, loaded=loaded)
    drawing.children(whole, 0, layouts)
    return TreeMap(
        id=ident,
        label=label,
        size=whole.size,
        packed=whole.packed,
        groups=tuple(drawing.groups),
        tiles=tuple(drawing.tiles),
        rows=tuple(rows),
        alike=alike,
    )


@dataclass(slots=True, kw_only=True)
class _Node:
    """A group with what is in it, or (no children) a leaf with the files it stands for."""

    name: str
    children: list[_Node] = field(default_factory=list)
    rows: list[FileRow] = field(default_factory=list)

    @property
    def files(self) -> int:
        return len(self.rows) + sum(child.files for child in self.children)

    @property
    def size(self) -> int:
        return sum(row.file.size for row in self.rows) + sum(c.size for c in self.children)

    @property
    def packed(self) -> int | None:
        """None where it is unknown for any file: a part of a sum is no sum."""
        sizes = [row.file.packed for row in self.rows] + [c.packed for c in self.children]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) and known else None


def _tree(rows: Sequence[FileRow], limit: int) -> _Node:
    """Package, wheel (where there are several of a package), file."""
    packages: dict[str, dict[str, list[FileRow]]] = {}
    single = {row.number for row in rows[:limit]}
    for row in rows:
        wheels = packages.setdefault(row.distribution.project, {})
        wheels.setdefault(row.distribution.filename, []).append(row)
    whole = _Node(name="")
    for project, wheels in sorted(packages.items()):
        inner = [
            _Node(name=_inner_name(files[0].distribution), children=_leaves(files, single))
            for _, files in sorted(wheels.items())
        ]
        if len(inner) == 1:
            (files,) = wheels.values()
            inner[0].name = files[0].distribution.label
            whole.children += inner
        else:
            whole.children.append(_Node(name=project, children=inner))
    return whole.children[0] if len(whole.children) == 1 else whole


def _inner_name(item: Distribution) -> str:
    """A wheel beside others of its project: its version, Python and first platform."""
    if not isinstance(parse_filename(item.filename), WheelName):
        return item.filename
    python, _, platform = item.filename.removesuffix(".whl").rsplit("-", 3)[1:]
    return f"{item.version} {python} {platform.partition('.')[0]}"


def _leaves(rows: Sequence[FileRow], single: set[int]) -> list[_Node]:
    leaves = [_Node(name=row.file.filename, rows=[row]) for row in rows if row.number in single]
    small = [row for row in rows if row.number not in single]
    if small:
        leaves.append(_Node(name=count(len(small), "smaller file"), rows=small))
    return leaves


@dataclass(slots=True, kw_only=True)
class _Drawing:
    """Gathers groups and tiles while the areas are shared out."""

    alike: Mapping[tuple[str, str], Likeness]
    order: Sequence[tuple[str, GpuKind]]
    loaded: LoadedMap | None
    groups: list[Group] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    corner: Area = _NOWHERE
    """Where the name of the outermost group stands."""

    def children(self, node: _Node, up: int, areas: tuple[Area, ...]) -> None:
        nodes = [child for child in node.children if child.size]
        disk, packed = [c.size for c in nodes], [c.packed or 0 for c in nodes]
        shared = [
            squarify(packed if number >= 2 else disk, area) for number, area in enumerate(areas)
        ]
        for child, parts in zip(nodes, zip(*shared, strict=True), strict=True):
            if child.children:
                self.group(child, up, parts)
            else:
                self.tiles.append(self.tile(child, up, parts))

    def group(self, node: _Node, up: int, areas: tuple[Area, ...]) -> None:
        number = len(self.groups) + 1
        self.groups.append(
            Group(
                number=number,
                up=up,
                name=node.name,
                files=node.files,
                size=node.size,
                packed=node.packed,
                areas=areas,
            )
        )
        if up == 0:
            self.corner = _corner(self.groups[-1])
        self.children(node, number, areas)

    def tile(self, node: _Node, up: int, areas: tuple[Area, ...]) -> Tile:
        row = node.rows[0] if len(node.rows) == 1 else None
        alike = self.alike.get(row.key) if row is not None else None
        return Tile(
            name=node.name,
            up=up,
            classes=_classes(row, alike),
            facts=tuple(self.facts(node, row, alike)),
            size=node.size,
            packed=node.packed,
            row=row.number if row is not None else None,
            group=alike.group if alike is not None else None,
            areas=areas,
            parts=tuple(self.parts(row, areas[:2])) if row is not None else (),
            lower=_meet(areas[0], self.corner),
        )

    def facts(self, node: _Node, row: FileRow | None, alike: Likeness | None) -> Iterator[str]:
        packed = f", {exact(node.packed)} packed" if node.packed is not None else ""
        sizes = f"{exact(node.size)} on disk{packed}"
        if row is None:
            yield f"{node.name} of {node.rows[0].distribution.label}"
            yield sizes
            return
        yield row.file.path
        yield f"{_called(row)} of {row.distribution.label}"
        yield sizes
        if alike is not None:
            yield f"{alike.degree.value} as {count(alike.others, 'other')}"
        yield from _takes(row)
        if self.loaded is not None and (users := used_by(row.file, self.loaded)):
            yield users

    def parts(self, row: FileRow, areas: tuple[Area, ...]) -> Iterator[Part]:
        codes = [
            (code.target, f"of-gpu {gpu_class(self.order, code.target, code.kind)}", size)
            for code, size in row.gpu
        ]
        yield from _parts(codes, row.file.size, areas)
        idle = [
            ("debug information", "of-idle i-debug", row.debug or 0),
            ("padding", "of-idle i-padding", row.padding or 0),
        ]
        yield from _parts(idle, row.file.size, areas)


def _classes(row: FileRow | None, alike: Likeness | None) -> str:
    if row is None:
        return "k-many d-not"
    if alike is not None:
        degree = DEGREE_CLASSES[alike.degree]
    else:
        degree = "d-once" if row.kind is Kind.LIBRARY else "d-not"
    return f"{_KIND_CLASSES[row.kind]} {degree}"


def _called(row: FileRow) -> str:
    if row.kind is Kind.UNREAD:
        return row.says
    return f"{row.kind.value} {row.says}".rstrip()


def _takes(row: FileRow) -> Iterator[str]:
    """What takes a file's bytes without being its code."""
    for code, size in row.gpu:
        yield f"{code.target} ({code.kind.value}): {exact(size)}"
    if row.debug:
        yield f"debug information: {exact(row.debug)}"
    if row.padding:
        yield f"padding: {exact(row.padding)}"


def _parts(
    told: Sequence[tuple[str, str, int]], whole: int, areas: tuple[Area, ...]
) -> Iterator[Part]:
    """The parts as areas inside their file's, unless they contradict its size."""
    rest = whole - sum(size for _, _, size in told)
    if rest < 0:
        return
    sizes = [*(size for _, _, size in told), rest]
    shared = [squarify(sizes, area) for area in areas]
    for (name, classes, size), *parts in zip(told, *(s[:-1] for s in shared), strict=True):
        if size >= whole * _LEAST_PART and size:
            yield Part(name=name, classes=classes, size=size, areas=tuple(parts))


def _label(name: str, area: Area, line: int) -> Label | None:
    """The name inside an area, below ``line`` other lines; None where nothing of use fits."""
    room = int((area.width - 2 * _MARGIN) / _CHARACTER)
    if room < min(len(name), _SHORTEST) or area.height < (line + 1) * _LINE + _MARGIN:
        return None
    if len(name) > room and room < _LITTLE:
        # Where little fits, the three letters that nearly all have in common say least.
        name = _LIB.sub("", name)
    text = name if len(name) <= room else f"{name[: room - 1]}…"
    return Label(text, round(area.left + _MARGIN, 1), round(area.top + (line + 1) * _LINE, 1))


def _corner(group: Group) -> Area:
    label, area = group.label, group.areas[0]
    if label is None:
        return _NOWHERE
    width = len(label.text) * _CHARACTER + 2 * _MARGIN
    return area._replace(right=area.left + width, bottom=area.top + _LINE + _MARGIN)


def _meet(one: Area, other: Area) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def _geometry(areas: Sequence[Area]) -> str:
    """The edges of each layout's area, in hundredths: neighbours round to the same number."""
    return " ".join(str(round(edge * _UNITS)) for area in areas for edge in area)
