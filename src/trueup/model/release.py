"""A release: a project, a version, and all its files, each read or said why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from packaging.utils import NormalizedName
from packaging.version import Version

from .artifact import Artifact
from .declaration import Declaration
from .metadata import Metadata, Resolution, Unreadable

__all__ = ["How", "Reading", "Release", "ReleaseFile"]


class How(StrEnum):
    """How a file's metadata was obtained."""

    FILE = "file"
    """From the whole file, whose hash was compared where the listing gives one."""
    SIDECAR = "sidecar"
    """From the index's `.metadata` file (PEP 658), whose hash was compared where one is given."""
    RANGE = "range"
    """From a part of the archive: nothing to compare a hash with, so unverified."""
    SAME_HASH = "same-hash"
    """Not fetched: the index gives the hash of a sidecar that was read for another file."""
    NOT_READ = "not-read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What reading one artifact gave.

    ``dist_info`` is the folder's name in a wheel, ``wheel_headers`` the headers of its `WHEEL`
    file with lower-cased names (None: not looked at, as when only a sidecar was read);
    ``sidecar`` is the sidecar's metadata where both it and the file's own were read;
    ``declaration`` belongs to sdists. ``verified`` says that a hash from the listing was compared.
    """

    metadata: Metadata | Unreadable
    how: How
    verified: bool = False
    dist_info: str | None = None
    wheel_headers: Mapping[str, tuple[str, ...]] | None = None
    sidecar: Metadata | Unreadable | None = None
    declaration: Declaration | Unreadable | None = None

    @property
    def resolution(self) -> Resolution | Unreadable:
        """The resolution fields, or why they are unread."""
        if isinstance(self.metadata, Unreadable):
            return self.metadata
        return self.metadata.resolution


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """One file of a release together with what reading it gave."""

    artifact: Artifact
    reading: Reading

    @property
    def filename(self) -> str:
        return self.artifact.filename


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All files of one version of one project, in one place.

    ``origin`` is the folder or the index address they come from; ``status`` is the project's status
    marker (PEP 792) where the index gives one.
    """

    project: NormalizedName
    version: Version
    files: tuple[ReleaseFile, ...]
    origin: str
    status: str | None = None
    siblings: tuple[Version, ...] = ()
    """Other versions listed in the same place that should not be: other local versions (`+cpu`) of
    the same public version, and in a folder that is to be uploaded any other version."""

    @property
    def title(self) -> str:
        return f"{self.project} {self.version}"

    @property
    def wheels(self) -> tuple[ReleaseFile, ...]:
        return tuple(file for file in self.files if file.artifact.is_wheel)

    @property
    def sdists(self) -> tuple[ReleaseFile, ...]:
        return tuple(file for file in self.files if file.artifact.is_sdist)
