"""An axis for a marker variable whose values nobody can list, such as `platform_release`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from packaging.version import Version

from .marker import Atom
from .version import parse_version

__all__ = ["FreeAxis", "free_axis"]

_MAX_SUBSTRINGS = 12
"""Twelve independent substring tests already need 4,096 representatives."""
_MAX_WORK = 200_000
"""Comparisons to evaluate, at about a microsecond and more each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeAxis:
    """Representative values of one variable, no two of which its comparisons treat alike."""

    variable: str
    values: tuple[str, ...]


def free_axis(variable: str, atoms: Sequence[Atom]) -> FreeAxis | None:
    """One representative for each combination of outcomes; None if there are too many.

    Candidates are every constant, every gap between constants that compare as versions, every
    combination of substring tests, and a value that is none of these.
    """
    constants = sorted({atom.constant for atom in atoms})
    substrings = sorted(
        {atom.constant for atom in atoms if _tests_substring(atom) and atom.constant}
    )
    if len(substrings) > _MAX_SUBSTRINGS:
        return None
    candidates = ["none of these", *constants]
    for constant in constants:
        candidates += constant.replace(",", " ").split()
    versions = sorted({version for constant in constants if (version := _version(constant))})
    candidates.append("0")
    for version in versions:
        # A final release just above; the gap below is just above the version before it.
        release = ".".join(map(str, version.release))
        candidates += (str(version), f"{release}.0.0.0.1")
    for count in range(2, len(substrings) + 1):
        candidates += (" ".join(chosen) for chosen in combinations(substrings, count))
    if len(candidates) * len(atoms) > _MAX_WORK:
        return None
    found: dict[tuple[bool, ...], str] = {}
    for candidate in candidates:
        found.setdefault(tuple(atom.holds(candidate) for atom in atoms), candidate)
    return FreeAxis(variable=variable, values=tuple(found.values()))


def _tests_substring(atom: Atom) -> bool:
    """Whether the constant is looked for in the variable, as in `"Ubuntu" in platform_version`."""
    return atom.operator in ("in", "not in") and atom.text.startswith(("'", '"'))


def _version(text: str) -> Version | None:
    return parse_version(text.removesuffix(".*"))
