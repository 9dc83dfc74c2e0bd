"""What `libs` says: who loads which copy, what is there twice, and what is dangerous about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from .finding import Finding, Severity
from .library import Distribution, NativeFile
from .loading import Closure, Found, Layout, Link

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

    @cached_property
    def files(self) -> Mapping[str, tuple[Distribution, NativeFile]]:
        """Every file by its path, with whose it is."""
        return {
            file.path: (distribution, file)
            for distribution in self.layout.distributions
            for file in distribution.files
        }

    @cached_property
    def users(self) -> Mapping[str, tuple[Link, ...]]:
        """The links that lead to each copy, by its path; each once, with how it is found first."""
        found: dict[str, dict[tuple[str, str], Link]] = {}
        for closure in self.closures:
            for link in closure.links:
                if link.path is None:
                    continue
                links = found.setdefault(link.path, {})
                key = (link.user, link.wanted)
                if key not in links or links[key].found is Found.LOADED:
                    links[key] = link
        return {path: tuple(links.values()) for path, links in found.items()}


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
