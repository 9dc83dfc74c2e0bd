"""What `libs` says: who loads which copy, what is there twice, and what is dangerous about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .finding import Finding, Severity
from .library import Distribution
from .loading import Closure, Layout

__all__ = ["Copy", "Degree", "Duplicate", "LoadedMap", "NativeReport", "Scope"]


class Degree(StrEnum):
    """How much alike two copies are, from the surest to the weakest; each includes those before.

    Only the first two are facts about the bytes; the others tell what *may* be shared.
    """

    BYTES = "same bytes"
    BUILD = "same build"
    VERSION = "same library and version"
    LIBRARY = "same library"


class Scope(StrEnum):
    """Between what the copies are."""

    WHEEL = "within one distribution"
    PACKAGES = "across packages, in one environment"
    RELEASE = "across the wheels of one release"
    RELEASES = "across releases of one project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy: which distribution brings it, where, and its sizes in bytes."""

    project: str
    version: str
    filename: str
    path: str
    size: int
    packed: int | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Copies that are alike to a degree; ``where`` the platform or the environment.

    ``wasted`` are the bytes of all but the largest copy, ``wasted_packed`` the same as stored in
    the wheels (None: nothing is packed).
    """

    scope: Scope
    degree: Degree
    library: str
    where: str
    copies: tuple[Copy, ...]

    @property
    def wasted(self) -> int:
        sizes = [copy.size for copy in self.copies]
        return sum(sizes) - max(sizes)

    @property
    def wasted_packed(self) -> int | None:
        sizes = [copy.packed for copy in self.copies if copy.packed is not None]
        return sum(sizes) - max(sizes) if sizes else None


@dataclass(frozen=True, kw_only=True)
class LoadedMap:
    """One environment: what stands side by side in it, and what the loader does with it."""

    layout: Layout
    closures: tuple[Closure, ...]


@dataclass(frozen=True, kw_only=True)
class NativeReport:
    """Everything; ``failures`` are (what was asked for, why it could not be looked at)."""

    distributions: tuple[Distribution, ...]
    maps: tuple[LoadedMap, ...]
    duplicates: tuple[Duplicate, ...]
    findings: tuple[Finding, ...]
    failures: tuple[tuple[str, str], ...] = ()

    def worst(self) -> Severity | None:
        """The heaviest severity found, None if nothing was."""
        return max((item.severity for item in self.findings), key=lambda s: s.rank, default=None)

    def wasted(self, scope: Scope, degree: Degree) -> tuple[int, int, int]:
        """(groups, bytes on disk, bytes as packed) of one scope and degree."""
        return _sums(d for d in self.duplicates if d.scope is scope and d.degree is degree)


def _sums(duplicates: Iterable[Duplicate]) -> tuple[int, int, int]:
    groups = disk = packed = 0
    for duplicate in duplicates:
        groups += 1
        disk += duplicate.wasted
        packed += duplicate.wasted_packed or 0
    return groups, disk, packed
