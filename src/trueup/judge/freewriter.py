"""Writes which values of a free-form variable are meant, in comparisons that files make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

from packaging.markers import Marker as PackagingMarker

from trueup.model.freeform import FreeAxis
from trueup.model.marker import Atom, parse_marker

__all__ = ["free_writer"]

Values = frozenset[int]

_OPPOSITE = {
    "<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "==", "in": "not in",
    "not in": "in",
}  # fmt: skip


def free_writer(axis: FreeAxis, atoms: Iterable[Atom]) -> Callable[[Values, Values], str | None]:
    """A writer for the axis: of the values that must be admitted, and of those that may be.

    It uses these comparisons and their opposites: `platform_release >= "20"` of a file tells no
    values apart that nobody asks about. The writer returns None where they cannot say it.
    """
    every = frozenset(range(len(axis.values)))
    sets: dict[str, Values] = {}
    for atom in sorted(atoms, key=lambda atom: atom.text):
        if atom.variable == axis.variable:
            for one in (atom, *_opposite(atom)):
                sets[one.text] = frozenset(v for v in every if one.holds(axis.values[v]))

    def write(must: Values, may: Values) -> str | None:
        if may == every:
            return ""
        for text, values in sets.items():
            if must <= values <= may:
                return text
        for (one, first), (two, second) in combinations(sets.items(), 2):
            if must <= first & second <= may:
                return f"{one} and {two}"
        clauses: list[str] = []
        left = set(must)
        while left:
            found = _clause(sets, min(left), may)
            if found is None:
                return None
            clauses.append(found[0])
            left -= found[1]
        return " or ".join(clauses)

    return write


def _clause(sets: dict[str, Values], value: int, may: Values) -> tuple[str, Values] | None:
    """A conjunction that holds for a value and for nothing that may not be."""
    texts: list[str] = []
    inside: Values = frozenset[int]().union(*sets.values())
    around = {text: values for text, values in sets.items() if value in values}
    while inside - may or not texts:
        if not around:
            return None
        left = inside - may
        best = min(around, key=lambda text: len(left & around[text]))
        inside &= around.pop(best)
        texts.append(best)
    return " and ".join(texts), inside


def _opposite(atom: Atom) -> Iterable[Atom]:
    operator = _OPPOSITE.get(atom.operator)
    if operator is None:
        return
    text = atom.text.replace(f" {atom.operator} ", f" {operator} ", 1)
    try:
        found = list(parse_marker(PackagingMarker(text)).atoms())
    except ValueError:
        return  # a constant that looks like an operator
    yield from (one for one in found if one.variable == atom.variable)
