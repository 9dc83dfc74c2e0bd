"""The space of a few declared targets, cut at every level that a tag can name.

A lock speaks of many releases at once, and of declared environments only. So its space is not cut
by the tags of one release: it holds every environment that shares its marker part with a target
(no marker can tell them apart), at every libc and macOS level there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from packaging.specifiers import SpecifierSet

from .axes import MAX_POINTS
from .errors import SpaceTooLargeError
from .freeform import free_axis
from .host import hosts_for
from .interpreter import Interpreter, interpreters_for
from .marker import Atom, Marker
from .platform import Host
from .python import PythonAxis, python_axis
from .space import Space
from .target import Target, floors_of, minors_of, target_set

__all__ = ["environment_of", "grid", "unsettled", "unsettled_specifiers"]

_NEWEST_GLIBC = 48
"""glibc 2.43 was current in 2026; a machine with 2.48 is years away."""
_NEWEST_MACOS = 27
_FREE_VARIABLES = ("platform_release", "platform_version", "implementation_version")


def grid(
    targets: Sequence[Target],
    *,
    markers: Iterable[Marker] = (),
    specifiers: Iterable[SpecifierSet] = (),
) -> Space:
    """The space of these targets and of everything that shares a marker part with one of them.

    ``markers`` and ``specifiers`` cut it where they distinguish patch releases of a target's
    Python, or anything else that a target leaves open; the others hold or fail for a whole target
    anyway. Raises SpaceTooLargeError above MAX_POINTS.
    """
    atoms = {atom.text: atom for marker in set(markers) for atom in marker.atoms()}
    specifiers = frozenset(specifiers)
    hosts = _hosts(targets)
    names = {target.implementation for target in targets}
    interpreters = tuple(item for item in _interpreters(targets) if item.name in names)
    free, too_many = [], []
    for variable in _FREE_VARIABLES:
        mine = [atom for atom in atoms.values() if atom.variable == variable]
        axis = free_axis(variable, mine) if mine else None
        if axis is not None:
            free.append(axis)
        elif mine:
            too_many.append(variable)
    space = Space(
        pythons=_pythons(targets, atoms.values(), specifiers, interpreters),
        interpreters=interpreters,
        hosts=hosts,
        free=tuple(free),
        cut=frozenset(atoms),
        cut_specifiers=specifiers,
    )
    if too_many or space.size > MAX_POINTS:
        raise SpaceTooLargeError((*too_many, *(axis.variable for axis in free)))
    return space


def environment_of(target: Target) -> dict[str, str]:
    """Values for every marker variable but `extra`, of one environment of a target."""
    space = grid([target])
    points = target_set(space, [target])
    return space.point((points & -points).bit_length() - 1).environment()


def unsettled(
    space: Space, markers: Iterable[Marker], minors: Collection[tuple[int, int]]
) -> frozenset[Marker]:
    """The markers that ask for more than the space was cut by: it must be made anew with them."""
    return frozenset(
        marker
        for marker in markers
        if any(
            atom.text not in space.cut and not _settled(atom, frozenset(minors))
            for atom in marker.atoms()
        )
    )


def unsettled_specifiers(
    space: Space, specifiers: Iterable[SpecifierSet], minors: Collection[tuple[int, int]]
) -> frozenset[SpecifierSet]:
    """The `Requires-Python` values that divide a Python that the space does not divide there."""
    return frozenset(
        specifier
        for specifier in specifiers
        if specifier not in space.cut_specifiers
        and not _admits_whole_minors(specifier, frozenset(minors))
    )


@lru_cache(maxsize=4096)
def _admits_whole_minors(specifier: SpecifierSet, minors: frozenset[tuple[int, int]]) -> bool:
    axis = python_axis(
        atoms=[], specifiers=[specifier], keys=(), minors=minors, interpreters=(), linux2=False
    )
    return all(value.endswith(".0") or _minor(value) not in minors for value in axis.values)


def _settled(atom: Atom, minors: frozenset[tuple[int, int]]) -> bool:
    """Whether a target alone decides the comparison."""
    if atom.variable in _FREE_VARIABLES:
        return False
    if atom.variable != "python_full_version":
        return True
    return _same_for_all_patches(atom, minors)


@lru_cache(maxsize=16384)
def _same_for_all_patches(atom: Atom, minors: frozenset[tuple[int, int]]) -> bool:
    axis = python_axis(
        atoms=[atom], specifiers=(), keys=(), minors=minors, interpreters=(), linux2=False
    )
    return all(value.endswith(".0") or _minor(value) not in minors for value in axis.values)


def _minor(value: str) -> tuple[int, int]:
    major, minor, _ = value.split(".")
    return int(major), int(minor)


def _pythons(
    targets: Sequence[Target],
    atoms: Iterable[Atom],
    specifiers: Iterable[SpecifierSet],
    interpreters: Sequence[Interpreter],
) -> PythonAxis:
    minors = minors_of(targets)
    axis = python_axis(
        atoms=[a for a in atoms if a.variable in ("python_version", "python_full_version")],
        specifiers=specifiers,
        keys=(),
        minors=minors,
        interpreters=interpreters,
        linux2=False,
    )
    kept = [p for p, value in enumerate(axis.values) if _minor(value) in minors]
    return PythonAxis(
        values=tuple(axis.values[p] for p in kept),
        last=tuple(axis.last[p] for p in kept),
        shown=tuple(axis.shown[p] for p in kept),
    )


def _interpreters(targets: Sequence[Target]) -> tuple[Interpreter, ...]:
    """Those of the targets, and a free-threaded CPython where one can be."""
    return interpreters_for(
        {(f"cp{major}{minor}", f"cp{major}{minor}t", False) for major, minor in minors_of(targets)},
        {target.implementation for target in targets},
    )


def _hosts(targets: Sequence[Target]) -> tuple[Host, ...]:
    parts = {(target.sys_platform, target.host_machine) for target in targets}
    tags = {tag for target in targets for tag in _level_tags(target.system, target.machine)}
    found = hosts_for(tags, (), (), {target.host_machine for target in targets}, floors_of(targets))
    return tuple(
        host
        for host in found
        if (host.platform.sys_platform, host.machine) in parts and host.real and host.tags
    )


def _level_tags(system: str, machine: str) -> Iterable[str]:
    if system == "windows":
        return ("win_amd64", "win32", "win_arm64")
    if system == "macos":
        old = () if machine == "arm64" else (f"macosx_10_{n}_{machine}" for n in range(4, 17))
        return (*old, *(f"macosx_{n}_0_{machine}" for n in range(11, _NEWEST_MACOS + 1)))
    oldest = 5 if machine in ("x86_64", "i686") else 17
    return (
        *(f"manylinux_2_{n}_{machine}" for n in range(oldest, _NEWEST_GLIBC + 1)),
        *(f"musllinux_1_{n}_{machine}" for n in range(1, 3)),
    )
