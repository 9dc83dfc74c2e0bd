"""The Python axis of a space: intervals of versions, each with a representative final release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet

from .errors import SpaceTooLargeError
from .interpreter import Interpreter, Minor, TagKey
from .marker import Atom

__all__ = ["NEWEST_PYTHON", "PythonAxis", "python_axis"]

NEWEST_PYTHON: Minor = (3, 15)
"""The newest released Python; the axis always reaches one minor version beyond."""

_NUMBER = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,6}))?")
_MAX_MINOR = 100
_MAX_WORK = 200_000
"""Comparisons to evaluate, at about a microsecond and more each."""
_TAG_PYTHON = re.compile(r"(?:cp|pp|py|graalpy)(\d)(\d{0,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonAxis:
    """``values`` are full versions, ascending; each stands for all versions up to the next one
    that nothing in the release distinguishes from it; ``last`` are the ends of these intervals,
    ``shown`` the newest released version in each, which stands for it before a reader.
    """

    values: tuple[str, ...]
    last: tuple[str, ...]
    shown: tuple[str, ...]
    _admitted: dict[SpecifierSet, tuple[int, ...]] = field(default_factory=dict, repr=False)

    def admitted(self, specifier: SpecifierSet) -> tuple[int, ...]:
        """The indices of the versions that a `Requires-Python` admits."""
        found = self._admitted.get(specifier)
        if found is None:
            found = tuple(
                p
                for p, value in enumerate(self.values)
                if specifier.contains(value, prereleases=True)
            )
            self._admitted[specifier] = found
        return found


def python_axis(
    *,
    atoms: Sequence[Atom],
    specifiers: Iterable[SpecifierSet],
    keys: Iterable[TagKey],
    minors: Iterable[Minor],
    interpreters: Sequence[Interpreter],
    linux2: bool,
) -> PythonAxis:
    """Cut where atoms, specifiers and tags cut; merge neighbours that nothing tells apart."""
    keys, minors, specifiers = set(keys), set(minors), list(dict.fromkeys(specifiers))
    constants = [atom.constant for atom in atoms]
    constants += (item.version for specifier in specifiers for item in specifier)
    named = minors | {minor for key in keys if (minor := _tag_minor(key[0]))}
    candidates = _candidates(constants, named)
    if len(candidates) * (len(atoms) + len(specifiers) + 1) > _MAX_WORK:
        raise SpaceTooLargeError(("python_full_version", "python_version"))
    values: list[str] = []
    last: list[str] = []
    shown: list[str] = []
    previous: object = None
    acceptance: dict[Minor, object] = {}
    for version in candidates:
        minor = version[:2]
        if minor not in acceptance:
            acceptance[minor] = _acceptance(interpreters, minor, keys)
        text, short = ".".join(map(str, version)), ".".join(map(str, minor))
        signature = (
            acceptance[minor],
            tuple(
                atom.holds(short if atom.variable == "python_version" else text) for atom in atoms
            ),
            tuple(specifier.contains(text, prereleases=True) for specifier in specifiers),
            linux2 and minor < (3, 3),
            minor if minor in minors else None,
        )
        if signature != previous:
            values.append(text)
            last.append(text)
            shown.append(text)
            previous = signature
        last[-1] = text
        if minor <= NEWEST_PYTHON:
            shown[-1] = text
    return PythonAxis(values=tuple(values), last=tuple(last), shown=tuple(shown))


def _acceptance(
    interpreters: Sequence[Interpreter], minor: Minor, keys: set[TagKey]
) -> tuple[tuple[TagKey, ...] | None, ...]:
    """What each interpreter of this Python accepts of these tags; None where it does not exist."""
    return tuple(
        tuple(key for key in item.accepted(minor) if key in keys) if item.exists(minor) else None
        for item in interpreters
    )


def _candidates(constants: Iterable[str], named: set[Minor]) -> list[tuple[int, int, int]]:
    """Final releases that lie on, just below and just above everything that is compared with."""
    minors = {(2, minor) for minor in range(8)} | named
    patches: set[tuple[int, int, int]] = set()
    highest = max([NEWEST_PYTHON[1], *(minor for major, minor in named if major == 3)])
    for constant in constants:
        for match in _NUMBER.finditer(constant):
            major, minor, patch = int(match[1]), int(match[2] or 0), match[3]
            if major == 3 and minor <= _MAX_MINOR:
                highest = max(highest, minor)
            if major in (2, 3) and patch is not None and minor <= _MAX_MINOR:
                level = int(patch)
                patches |= {(major, minor, max(level - 1, 0)), (major, minor, level)}
                patches.add((major, minor, level + 1))
    minors |= {(3, minor) for minor in range(min(highest, _MAX_MINOR) + 2)} | {(4, 0)}
    return sorted(patches | {(*minor, 0) for minor in minors})


def _tag_minor(python_tag: str) -> Minor | None:
    match = _TAG_PYTHON.fullmatch(python_tag)
    if match is None or not match[2] or int(match[2]) > _MAX_MINOR:
        return None
    return int(match[1]), int(match[2])
