"""Wheels that an installer built here and keeps: later installations take them by their tags alone."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import NormalizedName

from .metadata import Metadata, Unreadable

__all__ = ["BuiltFrom", "CachedBuild"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFrom:
    """The sdist, repository or folder that a wheel was built from, as far as the cache tells.

    ``place`` is an address, or words for a place that the cache only keeps a key of; ``sha256`` is
    that of the sdist (None: not recorded), ``now`` that of the file that is at a local address now
    (None: not a file, or gone). ``metadata`` is what the sdist itself says, ``known_by`` where that
    was read (None: nowhere).
    """

    place: str
    sha256: str | None = None
    now: str | None = None
    metadata: Metadata | Unreadable | None = None
    known_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedBuild:
    """One wheel in the cache of ``tool`` (`pip` or `uv`), at ``path``.

    ``published`` are the files of its release that it was compared with: their names and what they
    say; ``published_sdists`` the sha256 of each sdist of the release, where it is known. Both are
    None if that was not asked, or there is no such release.
    """

    tool: str
    path: str
    filename: str
    project: NormalizedName
    version: str
    tags: frozenset[Tag]
    metadata: Metadata | Unreadable
    source: BuiltFrom
    published: tuple[tuple[str, Metadata | Unreadable], ...] | None = None
    published_sdists: tuple[tuple[str, str], ...] | None = None

    @property
    def requirements(self) -> tuple[str, ...] | None:
        """What it asks for, sorted; None if that cannot be read."""
        if isinstance(self.metadata, Unreadable):
            return None
        resolution = self.metadata.resolution
        if isinstance(resolution, Unreadable):
            return None
        return tuple(sorted(map(str, resolution.requires_dist)))
