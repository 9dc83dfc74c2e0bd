"""One line of `Requires-Dist`, parsed by `packaging`, normalised, and shared.

65,000 requirement lines of real releases hold 2,600 distinct strings, so parsing is cached.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from packaging.ranges import VersionRange
from packaging.requirements import Requirement as PackagingRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from .marker import Marker, parse_marker

__all__ = ["Requirement", "parse_requirement", "parse_specifiers", "version_range"]


MAX_LENGTH = 32_768
"""Characters of a requirement or specifier set; no real one comes near."""


MAX_CLAUSES = 300
"""Real specifiers have up to some dozen clauses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A requirement, equal to another where `packaging` calls the normalised forms equal.

    ``text`` is as written, and does not count for equality.
    """

    project: NormalizedName
    extras: frozenset[NormalizedName]
    specifier: SpecifierSet
    url: str | None
    marker: Marker | None
    text: str = field(compare=False)
    _hash: int = field(compare=False, repr=False)
    _bare: str = field(compare=False, repr=False)

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return self.with_marker(self.marker.text if self.marker else None)

    @property
    def bare(self) -> str:
        """The requirement without its marker, normalised: ``numpy[x]<2,>=1``."""
        return self._bare

    @property
    def versions(self) -> VersionRange:
        """The versions that it admits."""
        return _versions(self)

    @property
    def without_marker(self) -> Requirement:
        """The same requirement, wherever it is read."""
        return self if self.marker is None else parse_requirement(self.bare)

    def with_marker(self, marker: str | None) -> str:
        """The requirement under another marker (None for none)."""
        if marker is None:
            return self.bare
        # PEP 508: a URL ends at white space, so the semicolon after one needs a space before it.
        return f"{self.bare} ; {marker}" if self.url is not None else f"{self.bare}; {marker}"


@lru_cache(maxsize=65536)
def parse_requirement(text: str) -> Requirement:
    """Parse one requirement.

    Raises ValueError, with the reason in one line, if `packaging` cannot read it or it uses a
    marker that cannot be evaluated from core metadata.
    """
    try:
        _check_length(text)
        parsed = PackagingRequirement(text)
        marker = parse_marker(parsed.marker) if parsed.marker is not None else None
        _check_clauses(parsed.specifier)
        _check_numbers(parsed.specifier, text)
        project = canonicalize_name(parsed.name)
        extras = frozenset(canonicalize_name(extra) for extra in parsed.extras)
        key = hash((project, extras, parsed.specifier, parsed.url, marker))
    except ValueError as error:
        raise ValueError(_reason(error)) from error
    except RecursionError as error:
        raise ValueError("its marker is nested too deeply") from error
    return Requirement(
        project=project,
        extras=extras,
        specifier=parsed.specifier,
        url=parsed.url,
        marker=marker,
        text=text,
        _hash=key,
        # Asked for often, and `packaging` sorts a specifier each time that it is written.
        _bare=f"{project}{_in_brackets(extras)}"
        + (f" @ {parsed.url}" if parsed.url is not None else str(parsed.specifier)),
    )


def _in_brackets(extras: frozenset[NormalizedName]) -> str:
    return f"[{','.join(sorted(extras))}]" if extras else ""


@lru_cache(maxsize=16384)
def parse_specifiers(text: str) -> SpecifierSet:
    """Parse a specifier set such as ``>=3.9,<4``; raises ValueError with the reason."""
    try:
        _check_length(text)
        parsed = SpecifierSet(text)
        _check_clauses(parsed)
        _check_numbers(parsed, text)
    except ValueError as error:
        raise ValueError(_reason(error)) from error
    return parsed


@lru_cache(maxsize=65536)
def _versions(requirement: Requirement) -> VersionRange:
    # A requirement keeps its hash, a specifier set computes its own anew for every look-up.
    return version_range(requirement.specifier)


@lru_cache(maxsize=65536)
def version_range(specifier: SpecifierSet) -> VersionRange:
    """The versions that a specifier set admits, as a set that can be compared."""
    return specifier.to_range()


def _check_length(text: str) -> None:
    # A line of some MB would keep `packaging` busy for minutes.
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH:,} characters")


def _check_numbers(specifier: SpecifierSet, text: str) -> None:
    """Raise ValueError now for what `packaging` would only find out when it compares versions.

    Python refuses to convert numbers of more than 4,300 digits.
    """
    if len(text) > 4000:
        hash(specifier)
        version_range(specifier)


def _reason(error: ValueError) -> str:
    text = str(error).splitlines()[0]
    return "holds a number of too many digits" if "integer string conversion" in text else text


def _check_clauses(specifier: SpecifierSet) -> None:
    """Intersecting ranges takes time that grows with the square of their number."""
    if len(specifier) > MAX_CLAUSES:
        raise ValueError(f"has {len(specifier)} version clauses, more than {MAX_CLAUSES}")
