"""A short marker that equals a set of environments wherever it matters.

Preference (model, "Merge"): no marker; a marker that some wheel already uses; then a disjunction of
as few conjunctions over platform, machine, Python and implementation as a greedy cover finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from trueup.judge.freewriter import free_writer
from trueup.model.marker import Atom, Marker
from trueup.model.python import PythonAxis
from trueup.model.space import Space, union

__all__ = ["Synthesizer"]

_MAX_CLAUSES = 24
"""A marker longer than this serves nobody; the merge is then said to be impossible to write."""

Values = frozenset[int]
Writer = Callable[[Values, Values], "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """One axis of the marker part: its values as sets, and how to write a choice of values.

    ``write`` gets the values that must be admitted and those that may be, and returns a marker,
    empty if none is needed, or None if no marker can say so.
    """

    sets: tuple[int, ...]
    write: Writer


@dataclass(frozen=True, kw_only=True)
class Synthesizer:
    """Writes markers over one space; ``relevant`` are the points where the outcome matters.

    ``known`` are the markers that the release already uses, ``free`` comparisons of free-form
    variables that may be used; without them none of these can be asked about.
    """

    space: Space
    relevant: int
    known: tuple[Marker, ...] = ()
    free: tuple[Atom, ...] = ()

    def marker(self, wanted: int, avoid: int = 0) -> str | None:
        """A marker without `extra` that holds on exactly these relevant points.

        Elsewhere it may hold, but not on the points to ``avoid``. The empty text stands for no
        marker at all, None says that no short marker does it.
        """
        wanted &= self.relevant
        unwanted = (self.relevant | avoid) & ~wanted
        if not unwanted:
            return ""
        for marker in self.known:
            if not marker.extras:
                holds = self.space.where(marker)
                if holds & self.relevant == wanted and not holds & unwanted:
                    return marker.text
        clauses: list[str] = []
        missing = wanted
        while missing:
            box = self._box(missing & -missing, unwanted)
            clause = self._write(box, missing)
            if clause is None or len(clauses) == _MAX_CLAUSES:
                return None
            clauses.append(clause)
            missing &= ~self._points(box)
        return " or ".join(clauses)

    def _box(self, seed: int, unwanted: int) -> list[Values | None]:
        """The largest product around one point that has no unwanted points.

        Per axis the values admitted, or None for all: as few axes as possible, those first that
        readers would miss least.
        """
        here: list[Values] = [
            frozenset(v for v, points in enumerate(axis.sets) if points & seed)
            for axis in self._axes
        ]
        box = self._fewest_axes(here, unwanted)
        for index, values in enumerate(box):
            if values is None:
                continue
            box[index] = None
            around = self._points(box) & unwanted
            box[index] = values | {
                v for v, points in enumerate(self._axes[index].sets) if not around & points
            }
        return box

    def _fewest_axes(self, here: Sequence[Values], unwanted: int) -> list[Values | None]:
        numbers = range(len(here))
        for count in numbers:
            for kept in combinations(reversed(numbers), count):
                box = [values if n in kept else None for n, values in enumerate(here)]
                if not self._points(box) & unwanted:
                    return box
        return list(here)

    def _points(self, box: Sequence[Values | None]) -> int:
        points = self.space.everything
        for axis, values in zip(self._axes, box, strict=True):
            if values is not None:
                points &= union(axis.sets[value] for value in values)
        return points

    def _write(self, box: Sequence[Values | None], missing: int) -> str | None:
        """The box in words; of its values only those are needed that have missing points."""
        inside = self._points(box) & missing
        texts = []
        # Written in the opposite order: the platform first, the implementation last.
        for axis, values in reversed(list(zip(self._axes, box, strict=True))):
            if values is None:
                continue
            must = frozenset(v for v in values if axis.sets[v] & inside)
            text = axis.write(must, values)
            if text is None:
                return None
            if text:
                texts.append(f"({text})" if " or " in text else text)
        return " and ".join(texts)

    @cached_property
    def _axes(self) -> tuple[_Axis, ...]:
        """In the order in which they are given up: implementation first, platform last."""
        space = self.space
        free = tuple(
            _Axis(sets=sets, write=free_writer(axis, self.free))
            for axis, sets in zip(space.free, space.free_sets(), strict=True)
        )
        named = space.by_interpreter(lambda item: (item.name, item.implementation))
        implementation = _Axis(
            sets=tuple(named.values()), write=self._implementation_writer(list(named))
        )
        python = _Axis(
            sets=tuple(space.python_set([p]) for p in range(len(space.pythons.values))),
            write=lambda must, may: _write_pythons(space.pythons, must, may),
        )
        machines = space.by_host(lambda host: host.machine)
        machine = _Axis(
            sets=tuple(machines.values()), write=_writer("platform_machine", list(machines))
        )
        platforms = space.by_host(lambda host: host.platform)
        variable = "platform_system" if self._prefers_platform_system() else "sys_platform"
        platform = _Axis(
            sets=tuple(platforms.values()),
            write=_writer(variable, [getattr(item, variable) for item in platforms]),
        )
        return (*free, implementation, python, machine, platform)

    def _implementation_writer(self, names: Sequence[tuple[str, str]]) -> Writer:
        if "platform_python_implementation" in self._variables:
            variable, column = "platform_python_implementation", 1
        else:
            variable, column = "implementation_name", 0
        return _writer(variable, [pair[column] for pair in names])

    def _prefers_platform_system(self) -> bool:
        """As the release does; and on Python 2 `sys_platform` is not `linux` but `linux2`."""
        if "sys_platform" not in self._variables and "platform_system" in self._variables:
            return True
        return any(
            tuple(map(int, value.split(".")[:2])) < (3, 3)
            and self.relevant & self.space.python_set([p])
            for p, value in enumerate(self.space.pythons.values)
        )

    @cached_property
    def _variables(self) -> frozenset[str]:
        return frozenset(atom.variable for marker in self.known for atom in marker.atoms())


def _writer(variable: str, names: Sequence[str]) -> Writer:
    """Writes a choice among named values, ``other`` being whatever has no name."""

    def write(must: Values, may: Values) -> str | None:
        excluded = [names[v] for v in range(len(names)) if v not in may]
        positive = [f'{variable} == "{names[v]}"' for v in sorted(must)]
        negative = [f'{variable} != "{name}"' for name in excluded]
        if any(names[v] == "other" for v in must):
            return " and ".join(negative) if "other" not in excluded else None
        if "other" in excluded or len(positive) <= len(negative):
            return " or ".join(positive)
        return " and ".join(negative)

    return write


def _write_pythons(axis: PythonAxis, must: Values, may: Values) -> str | None:
    """Ranges of versions, each as wide as it may be, so that it needs the fewest comparisons."""
    runs: list[tuple[int, int]] = []
    for value in sorted(must):
        if runs and value <= runs[-1][1]:
            continue
        first = last = value
        while first - 1 in may:
            first -= 1
        while last + 1 in may:
            last += 1
        runs.append((first, last))
    clauses = []
    for first, last in runs:
        bounds = []
        if first > 0:
            bounds.append(_bound(">=", axis.values[first]))
        if last + 1 < len(axis.values):
            bounds.append(_bound("<", axis.values[last + 1]))
        low, high = axis.values[first], axis.values[min(last + 1, len(axis.values) - 1)]
        if len(bounds) == 2 and _is_one_minor(low, high):
            bounds = [f'python_version == "{_minor_text(low)}"']
        clauses.append(" and ".join(bounds))
    return " or ".join(clauses)


def _bound(operator: str, version: str) -> str:
    if version.endswith(".0"):
        return f'python_version {operator} "{_minor_text(version)}"'
    return f'python_full_version {operator} "{version}"'


def _is_one_minor(low: str, high: str) -> bool:
    """Whether the versions from ``low`` up to ``high`` are those of one minor version."""
    (major, minor, patch), (next_major, next_minor, next_patch) = (
        tuple(map(int, text.split("."))) for text in (low, high)
    )
    return (major, minor + 1, 0) == (next_major, next_minor, next_patch) and patch == 0


def _minor_text(version: str) -> str:
    return version.rpartition(".")[0]
