"""Cuts a space: the axes that the tags, markers and `Requires-Python` of a release need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from .freeform import free_axis
from .host import hosts_for
from .interpreter import Minor, TagKey, interpreters_for
from .marker import Atom, Marker
from .platform import Level
from .python import python_axis
from .space import Space

__all__ = ["MAX_POINTS", "SpaceTooLargeError", "build_space"]

MAX_POINTS = 2_000_000
"""Above this a release is `unknown (space too large)`: a bit set would take 250 kB and more."""

_FREE_VARIABLES = ("platform_release", "platform_version", "implementation_version")
_WIDE = 50
"""An axis with more values than this is worth naming when a space is too large."""


class SpaceTooLargeError(Exception):
    """The markers would need more points than MAX_POINTS; ``variables`` are to blame."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        super().__init__(variables)
        self.variables = variables


def build_space(
    *,
    tags: Iterable[Tag] = (),
    markers: Iterable[Marker] = (),
    specifiers: Iterable[SpecifierSet] = (),
    minors: Iterable[Minor] = (),
    floors: Iterable[tuple[str, Level]] = (),
) -> Space:
    """The space that these tags, markers and `Requires-Python` values need.

    ``minors`` and ``floors`` are cut besides, for the targets that a caller asks about. Raises
    SpaceTooLargeError when that would take more than MAX_POINTS points.
    """
    tags = set(tags)
    atoms = {atom.text: atom for marker in set(markers) for atom in marker.atoms()}
    by_variable: dict[str, list[Atom]] = {}
    for atom in atoms.values():
        by_variable.setdefault(atom.variable, []).append(atom)

    def constants(*variables: str) -> set[str]:
        return {
            word
            for name in variables
            for atom in by_variable.get(name, ())
            for word in _words(atom)
        }

    keys: set[TagKey] = {(tag.interpreter, tag.abi, tag.platform == "any") for tag in tags}
    interpreters = interpreters_for(
        keys, constants("implementation_name", "platform_python_implementation")
    )
    hosts = hosts_for(
        {tag.platform for tag in tags},
        constants("sys_platform", "platform_system", "os_name"),
        constants("platform_machine"),
        floors,
    )
    pythons = python_axis(
        atoms=by_variable.get("python_version", []) + by_variable.get("python_full_version", []),
        specifiers=specifiers,
        keys=keys,
        minors=minors,
        interpreters=interpreters,
        linux2="sys_platform" in by_variable,
    )
    free, too_many = [], []
    for variable in _FREE_VARIABLES:
        if variable in by_variable:
            axis = free_axis(variable, by_variable[variable])
            if axis is None:
                too_many.append(variable)
            else:
                free.append(axis)
    space = Space(
        pythons=pythons,
        interpreters=interpreters,
        hosts=hosts,
        free=tuple(free),
        cut=frozenset(atoms),
    )
    if too_many or space.size > MAX_POINTS:
        raise SpaceTooLargeError(_blamed(space, by_variable, too_many))
    return space


def _blamed(
    space: Space, by_variable: Mapping[str, object], too_many: Sequence[str]
) -> tuple[str, ...]:
    """The variables that a space has too many values of: all free-form ones, and wide axes."""
    wide = {"platform_machine": len(space.hosts), "python_full_version": len(space.pythons.values)}
    names = {name for name, count in wide.items() if name in by_variable and count > _WIDE}
    return tuple(sorted({*names, *too_many, *(axis.variable for axis in space.free)}))


def _words(atom: Atom) -> list[str]:
    """The constants of a comparison; a list in a string, as in `in "x86_64 AMD64"`, is split."""
    if atom.operator in ("in", "not in"):
        return [word for word in atom.constant.replace(",", " ").split() if word]
    return [atom.constant]
