"""The environments that the markers and tags of one release can tell apart, as bit sets.

Two environments that nothing in the release distinguishes are the same point, so the space is a
small finite product of axes, an environment set is one Python `int`, and equality is decidable. A
bit's index is ``((free * pythons + python) * interpreters + interpreter) * hosts + host``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from packaging.specifiers import SpecifierSet

from .freeform import FreeAxis
from .interpreter import Interpreter
from .marker import And, Atom, Marker, Node
from .platform import Host, Platform
from .point import LAST_LINUX2, Point, minor_of
from .python import PythonAxis

__all__ = ["Space", "union"]

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Space:
    """The product of the axes, and the sets that markers and specifiers stand for in it."""

    pythons: PythonAxis
    interpreters: tuple[Interpreter, ...]
    hosts: tuple[Host, ...]
    free: tuple[FreeAxis, ...] = ()
    cut: frozenset[str] = frozenset()
    """The texts of the comparisons that it was cut by."""
    cut_specifiers: frozenset[SpecifierSet] = frozenset()
    """The `Requires-Python` values that it was cut by."""
    _markers: dict[tuple[str, str | None], int] = field(default_factory=dict, repr=False)
    _admitted: dict[int, tuple[SpecifierSet, int]] = field(default_factory=dict, repr=False)
    """By identity: equal ones are shared mostly, and `packaging` takes long to hash one."""
    _atoms: dict[str, int] = field(default_factory=dict, repr=False)

    @cached_property
    def host_count(self) -> int:
        return len(self.hosts)

    @cached_property
    def block(self) -> int:
        """Points per Python value."""
        return len(self.interpreters) * self.host_count

    @cached_property
    def plane(self) -> int:
        """Points per combination of free-form values."""
        return self.block * len(self.pythons.values)

    @cached_property
    def size(self) -> int:
        size = self.plane
        for axis in self.free:
            size *= len(axis.values)
        return size

    @cached_property
    def everything(self) -> int:
        return (1 << self.size) - 1

    @cached_property
    def universe(self) -> int:
        """The points that can exist: no free-threaded Python 3.8, no wide Unicode on Windows."""
        narrow = any(item.name == "cpython" and item.abi == "m" for item in self.interpreters)
        real = self._row(lambda host: host.real)
        linux = self._row(lambda host: host.real and host.platform.sys_platform == "linux")
        valid = 0
        for p, python in enumerate(self.pythons.values):
            minor = minor_of(python)
            for i, interpreter in enumerate(self.interpreters):
                if interpreter.exists(minor):
                    wide = interpreter.name == "cpython" and not interpreter.abi
                    only_linux = narrow and wide and minor <= LAST_LINUX2
                    valid |= (linux if only_linux else real) << self.offset(p, i)
        return self.lift_plane(valid)

    def _row(self, test: Callable[[Host], bool]) -> int:
        """One row of hosts, those that pass the test."""
        return sum(1 << h for h, host in enumerate(self.hosts) if test(host))

    @cached_property
    def rare(self) -> int:
        """The points in environments that next to nobody has."""
        return self.host_set(lambda host: host.rare is not None)

    def offset(self, python: int, interpreter: int) -> int:
        """The first bit of a row of hosts, in the first plane."""
        return (python * len(self.interpreters) + interpreter) * self.host_count

    def lift_plane(self, plane: int) -> int:
        """Repeat a set of the first plane for all free-form values."""
        return plane * _repeat(self.plane, self.size)

    @cached_property
    def platform_ranks(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Platform tag → (host number, rank of the tag there), for the hosts that accept it."""
        ranks: dict[str, list[tuple[int, int]]] = {"any": [(h, 0) for h in range(len(self.hosts))]}
        for h, host in enumerate(self.hosts):
            for rank, tag in enumerate(host.tags):
                ranks.setdefault(tag, []).append((h, rank))
        return {tag: tuple(found) for tag, found in ranks.items()}

    def host_set(self, test: Callable[[Host], bool]) -> int:
        """The points whose host passes the test."""
        return self.by_host(test).get(True, 0)

    def by_host(self, key: Callable[[Host], T]) -> dict[T, int]:
        """The points, divided by a property of their host, in the order of the hosts."""
        masks: dict[T, int] = {}
        for h, host in enumerate(self.hosts):
            masks[key(host)] = masks.get(key(host), 0) | 1 << h
        lift = _repeat(self.host_count, self.size)
        return {value: mask * lift for value, mask in masks.items()}

    def by_interpreter(self, key: Callable[[Interpreter], T]) -> dict[T, int]:
        """The points, divided by a property of their interpreter."""
        row = (1 << self.host_count) - 1
        masks: dict[T, int] = {}
        for i, item in enumerate(self.interpreters):
            masks[key(item)] = masks.get(key(item), 0) | row << (i * self.host_count)
        lift = _repeat(self.block, self.size)
        return {value: mask * lift for value, mask in masks.items()}

    def interpreter_set(self, test: Callable[[Interpreter], bool]) -> int:
        """The points whose interpreter passes the test."""
        return self.by_interpreter(test).get(True, 0)

    def python_set(self, indices: Iterable[int]) -> int:
        """The points with these Python values, by index."""
        block = (1 << self.block) - 1
        return self.lift_plane(sum(block << (p * self.block) for p in indices))

    def admitted(self, specifier: SpecifierSet | None) -> int:
        """The points whose Python a `Requires-Python` admits (None admits all)."""
        if specifier is None:
            return self.everything
        known = self._admitted.get(id(specifier))
        if known is None or known[0] is not specifier:
            points = self.python_set(self.pythons.admitted(specifier))
            known = self._admitted[id(specifier)] = (specifier, points)
        return known[1]

    def knows(self, marker: Marker) -> bool:
        """Whether the space is cut where this marker cuts, so that it may be asked about it.

        A space is built from the markers that matter; another one may split a point.
        """
        return all(atom.variable == "extra" or atom.text in self.cut for atom in marker.atoms())

    def where(self, marker: Marker | None, extra: str | None = None) -> int:
        """The points where a marker holds, in the context of an extra or of none."""
        if marker is None:
            return self.everything
        key = (marker.text, extra if extra in marker.extras else None)
        found = self._markers.get(key)
        if found is None:
            found = self._markers[key] = self._where(marker.tree, key[1])
        return found

    def _where(self, node: Node, extra: str | None) -> int:
        if isinstance(node, Atom):
            if node.variable == "extra":
                return self.everything if node.holds(extra or "") else 0
            found = self._atoms.get(node.text)
            if found is None:
                found = self._atoms[node.text] = self._atom(node)
            return found
        parts = [self._where(part, extra) for part in node.parts]
        result = parts[0]
        for part in parts[1:]:
            result = result & part if isinstance(node, And) else result | part
        return result

    def _atom(self, atom: Atom) -> int:
        match atom.variable:
            case "python_version":
                return self.python_set(
                    p
                    for p, value in enumerate(self.pythons.values)
                    if atom.holds(".".join(value.split(".")[:2]))
                )
            case "python_full_version":
                return self.python_set(
                    p for p, value in enumerate(self.pythons.values) if atom.holds(value)
                )
            case "implementation_name":
                return self.interpreter_set(lambda item: atom.holds(item.name))
            case "platform_python_implementation":
                return self.interpreter_set(lambda item: atom.holds(item.implementation))
            case "sys_platform":
                return self._sys_platform(atom)
            case "platform_system" | "os_name" as name:
                return self.host_set(lambda host: atom.holds(getattr(host.platform, name)))
            case "platform_machine":
                return self.host_set(lambda host: atom.holds(host.machine))
        return self._free_set(atom)

    def _sys_platform(self, atom: Atom) -> int:
        new = self.host_set(lambda host: atom.holds(host.platform.sys_platform))
        old_pythons = [
            p for p, value in enumerate(self.pythons.values) if minor_of(value) <= LAST_LINUX2
        ]
        if not old_pythons:
            return new
        # Before Python 3.3 `sys.platform` was `linux2` on Linux.
        linux = self.host_set(lambda host: host.platform.sys_platform == "linux")
        old = self.python_set(old_pythons)
        linux2 = linux if atom.holds("linux2") else 0
        return (new & ~(linux & old)) | (linux2 & old)

    def _free_set(self, atom: Atom) -> int:
        for axis, sets in zip(self.free, self.free_sets(), strict=True):
            if axis.variable == atom.variable:
                holds = (
                    points
                    for value, points in zip(axis.values, sets, strict=True)
                    if atom.holds(value)
                )
                return union(holds)
        raise AssertionError(f"no axis for `{atom.variable}`")

    def free_sets(self) -> tuple[tuple[int, ...], ...]:
        """For each free-form variable, the points of each of its values."""
        result = []
        stride = self.plane
        for axis in self.free:
            size = stride * len(axis.values)
            block = (1 << stride) - 1
            lift = _repeat(size, self.size)
            result.append(tuple((block << (f * stride)) * lift for f in range(len(axis.values))))
            stride = size
        return tuple(result)

    def spread(self, points: int) -> int:
        """All points that share their marker part with one of these."""
        return self._spread(self._spread(points, self._interpreter_groups), self._host_groups)

    def _spread(self, points: int, groups: Sequence[tuple[int, tuple[int, ...]]]) -> int:
        result = points
        for first, shifts in groups:
            # Gather the group's members on its first one, then give each the result.
            gathered = points & first
            for shift in shifts:
                gathered |= (points >> shift) & first
            if gathered:
                result |= gathered
                for shift in shifts:
                    result |= gathered << shift
        return result

    @cached_property
    def _host_groups(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        groups: dict[tuple[Platform, str], list[int]] = {}
        for h, host in enumerate(self.hosts):
            groups.setdefault(host.marker_part, []).append(h)
        lift = _repeat(self.host_count, self.size)
        return tuple(
            ((1 << members[0]) * lift, tuple(member - members[0] for member in members[1:]))
            for members in groups.values()
            if len(members) > 1
        )

    @cached_property
    def _interpreter_groups(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        groups: dict[tuple[str, str], list[int]] = {}
        for i, item in enumerate(self.interpreters):
            groups.setdefault((item.name, item.implementation), []).append(i)
        lift = _repeat(self.block, self.size)
        row = (1 << self.host_count) - 1
        return tuple(
            (
                (row << (members[0] * self.host_count)) * lift,
                tuple((member - members[0]) * self.host_count for member in members[1:]),
            )
            for members in groups.values()
            if len(members) > 1
        )

    def point(self, index: int) -> Point:
        """The environment of one bit."""
        rest, h = divmod(index, self.host_count)
        rest, i = divmod(rest, len(self.interpreters))
        rest, p = divmod(rest, len(self.pythons.values))
        free = []
        for axis in self.free:
            rest, f = divmod(rest, len(axis.values))
            free.append((axis.variable, axis.values[f]))
        return Point(
            python=self.pythons.shown[p],
            interpreter=self.interpreters[i],
            host=self.hosts[h],
            free=tuple(free),
        )

    def newest(self, points: int) -> int:
        """The index of one of these points: the newest Python, then the most usual environment."""
        for p in range(len(self.pythons.values) - 1, -1, -1):
            if found := points & self.python_set([p]):
                return (found & -found).bit_length() - 1
        raise ValueError("the set is empty")

    def indices(self, points: int) -> Iterator[int]:
        """The indices of all points of a set, ascending."""
        while points:
            low = points & -points
            yield low.bit_length() - 1
            points ^= low


def union(sets: Iterable[int]) -> int:
    """The points that lie in any of the sets."""
    result = 0
    for points in sets:
        result |= points
    return result


def _repeat(block: int, size: int) -> int:
    """The number with a 1 at every multiple of ``block`` below ``size``."""
    return ((1 << size) - 1) // ((1 << block) - 1)
