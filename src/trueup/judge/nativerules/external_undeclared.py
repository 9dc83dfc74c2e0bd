"""A package expects libraries of the system, and its metadata does not say so.

The policies of manylinux and musllinux leave some libraries to the system that small containers
lack (X11, OpenGL, glib, zlib), and drivers cannot be bundled. PEP 725 (a draft) lets a project
declare them in `[external]`; wheels carry that as `Requires-External`.

**Before**: a module needs `libGL.so.1`, and users meet `cannot open shared object file`.

**After**: `[external] dependencies = ["dep:generic/libgl"]`, and a line in the README.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from trueup.judge.native import NativeMap, Placement
from trueup.judge.nativefinding import names_words, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.judge.systemlibs import is_base
from trueup.judge.systempackages import driver_of, system_package
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import BinaryFormat
from trueup.model.libraryname import known_as, parse_library_name
from trueup.model.loading import Found

__all__ = ["RULE", "is_declared"]

CODE = "external-undeclared"
_USUAL = frozenset({"libz.so.1"})
"""Told of only where others are declared: nearly every Python needs it for its own `zlib`."""
_LIBPYTHON = "libpython"
# `dep:generic/gmp@>=6; os_name == 'posix'`, `pkg:generic/gmp`, or a plain `libgmp (>=6)`.
_DECLARED = re.compile(r"\s*(?:(?:dep|pkg):)?(?P<path>[^\s@;(<>=!~\[?#]+)")


def is_declared(wanted: str, external: Iterable[str]) -> bool:
    """Whether a line of Requires-External names a library, its project or its package."""
    package = system_package(wanted)
    names = {*known_as(parse_library_name(wanted).library), wanted.lower()}
    if package is not None:
        told = (package.name, package.debian, package.fedora, package.conda, package.homebrew)
        names |= {one.lower() for one in told if one}
    names |= {one.removeprefix("lib") for one in names}
    for line in external:
        match = _DECLARED.match(line.lower())
        if match and match["path"].rpartition("/")[2].removeprefix("lib") in names:
            return True
    return False


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        for project, wanted in _expected(placement).items():
            distribution = placement.by_project[project]
            missing = {
                name: users
                for name, users in sorted(wanted.items())
                if not is_declared(name, distribution.external)
                and (distribution.external or name not in _USUAL)
            }
            if missing:
                yield native_finding(
                    distribution,
                    CODE,
                    Severity.INFO,
                    f"expects {names_words(missing)} of the system and does not declare it",
                    where=placement.layout.label,
                    evidence=[
                        Evidence(files=tuple(users), says=(_who_brings(name),))
                        for name, users in missing.items()
                    ],
                    hint=_hint(missing),
                )


def _expected(placement: Placement) -> dict[str, dict[str, dict[str, None]]]:
    """Per project: what its files expect beyond the base of every system, and which files do."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for closure in placement.closures:
        for link in closure.links:
            system = link.found is Found.SYSTEM and not is_base(link.wanted, BinaryFormat.ELF)
            driver = link.found is Found.MISSING and driver_of(link.wanted) is not None
            image = placement.tree.image(link.user, closure.machine)
            elf = image is not None and image.format is BinaryFormat.ELF
            if (system and elf) or driver:
                project = placement.tree.owners[link.user]
                found.setdefault(project, {}).setdefault(link.wanted, {})[link.user] = None
    return found


def _who_brings(wanted: str) -> str:
    if (driver := driver_of(wanted)) is not None:
        return f"`{wanted}` comes with {driver}"
    if wanted.startswith(_LIBPYTHON):
        return f"`{wanted}` is there if Python was built as a shared library"
    package = system_package(wanted)
    return f"`{wanted}`: {package.words}" if package is not None and package.words else wanted


def _hint(wanted: Iterable[str]) -> str:
    names = [name for name in wanted if not name.startswith(_LIBPYTHON)]
    if not names:
        return "link modules without it: what loads them has its symbols (PEP 513)"
    packages = (system_package(name) for name in names)
    identifiers = sorted({package.identifier for package in packages if package is not None})
    return f"declare it: {', '.join(f'`{one}`' for one in identifiers) or '`Requires-External`'}"


RULE = NativeRule(code=CODE, severity=Severity.INFO, check=once_per_cause(_check), page=__doc__)
