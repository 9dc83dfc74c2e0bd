"""Cuts a space: the axes that the tags, markers and `Requires-Python` of a release need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag

from .errors import SpaceTooLargeError
from .freeform import free_axis
from .host import KNOWN_MACHINES, hosts_for
from .interpreter import Minor, TagKey, interpreters_for
from .marker import Atom, Marker
from .platform import PLATFORMS, Host, Level
from .python import python_axis
from .space import Space

__all__ = ["MAX_POINTS", "build_space"]

MAX_POINTS = 2_000_000
"""Above this a release is `unknown (space too large)`: a bit set would take 250 kB and more."""

_FREE_VARIABLES = ("platform_release", "platform_version", "implementation_version")
_MAX_NAMES = 2_000
"""More platform tags, machines or systems than this are nonsense; nobody can want them told apart."""
_WIDE = 50
"""An axis with more values than this is worth naming when a space is too large."""


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
    SpaceTooLargeError when that would take more than MAX_POINTS points, or too long to find out.
    """
    tags = set(tags)
    atoms = {atom.text: atom for marker in set(markers) for atom in marker.atoms()}
    by_variable: dict[str, list[Atom]] = {}
    for atom in atoms.values():
        by_variable.setdefault(atom.variable, []).append(atom)
    keys: set[TagKey] = {(tag.interpreter, tag.abi, tag.platform == "any") for tag in tags}
    interpreters = interpreters_for(
        keys, _constants(by_variable, "implementation_name", "platform_python_implementation")
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
        hosts=_hosts(tags, by_variable, floors),
        free=tuple(free),
        cut=frozenset(atoms),
    )
    if too_many or space.size > MAX_POINTS:
        raise SpaceTooLargeError(_blamed(space, by_variable, too_many))
    return space


def _hosts(
    tags: set[Tag],
    by_variable: Mapping[str, Sequence[Atom]],
    floors: Iterable[tuple[str, Level]],
) -> tuple[Host, ...]:
    platforms = _constants(by_variable, "sys_platform", "platform_system")
    os_names = _constants(by_variable, "os_name")
    machines = _constants(by_variable, "platform_machine")
    # `in` is a substring test: what stands in the list is not all that it can hold for.
    if _has_substring_tests(by_variable, "platform_machine"):
        machines |= set(KNOWN_MACHINES)
    if _has_substring_tests(by_variable, "sys_platform", "platform_system", "os_name"):
        platforms |= {item.sys_platform for item in PLATFORMS.values()}
    tagged = {tag.platform for tag in tags}
    for names, blame in (
        (tagged, "tags"),
        (machines, "platform_machine"),
        (platforms, "sys_platform"),
    ):
        if len(names) > _MAX_NAMES:
            raise SpaceTooLargeError((blame,))
    if (len(platforms) + len(os_names)) * len(machines) > MAX_POINTS // 100:
        raise SpaceTooLargeError(("platform_machine", "sys_platform"))
    return hosts_for(tagged, platforms, os_names, machines, floors)


def _has_substring_tests(by_variable: Mapping[str, Sequence[Atom]], *variables: str) -> bool:
    return any(
        atom.operator in ("in", "not in")
        for name in variables
        for atom in by_variable.get(name, ())
    )


def _constants(by_variable: Mapping[str, Sequence[Atom]], *variables: str) -> set[str]:
    return {
        word for name in variables for atom in by_variable.get(name, ()) for word in _words(atom)
    }


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
