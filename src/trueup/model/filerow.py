"""One file of an index as a survey sees it: its resolution fields, and where they were read.

Most of an index is known from tables in which a file's values were copied from its release. Such a
row can never show a difference, so every row says where its values come from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from packaging.utils import NormalizedName

from .artifact import Artifact, parse_filename
from .metadata import Metadata, Unreadable
from .release import How, Reading, Release, ReleaseFile
from .version import parse_version

__all__ = ["AUDITABLE", "FileRow", "Provenance", "release_of"]


class Provenance(StrEnum):
    """Where a row's resolution fields come from."""

    ARCHIVE = "archive"
    """METADATA or PKG-INFO, read from the file itself."""
    SIDECAR = "sidecar"
    """The index's `.metadata` file (PEP 658)."""
    FORM = "form"
    """The form that came with the upload: per file, but written by the uploading tool."""
    RELEASE = "release"
    """Copied from the release, that is from its first file: it cannot show a difference."""
    UNREAD = "unread"


AUDITABLE = frozenset({Provenance.ARCHIVE, Provenance.SIDECAR, Provenance.FORM})
"""Sources that speak of one file, so that two of them can differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file, with its resolution fields as written.

    None means "not known", which is never the same as "empty": a table without a column for
    `Dynamic` leaves ``dynamic`` None. ``yanked`` is the reason, None where the file is not yanked
    or where that is not known; ``problem`` says why a file is unread. ``size`` is in bytes.
    """

    project: NormalizedName
    version: str
    filename: str
    source: Provenance
    metadata_version: str | None = None
    requires_python: str | None = None
    requires_dist: tuple[str, ...] | None = None
    provides_extra: tuple[str, ...] | None = None
    dynamic: tuple[str, ...] | None = None
    index_requires_python: str | None = None
    yanked: str | None = None
    uploaded: datetime | None = None
    size: int | None = None
    sha256: str | None = None
    metadata_sha256: str | None = None
    generator: str | None = None
    problem: str | None = None

    @property
    def is_sdist(self) -> bool:
        return self.artifact.is_sdist

    @property
    def artifact(self) -> Artifact:
        """The file, as an index page lists it."""
        hashes = {"sha256": self.sha256} if self.sha256 else {}
        return Artifact(
            filename=self.filename,
            url=self.filename,
            name=parse_filename(self.filename, self.project),
            size=self.size,
            hashes=hashes,
            upload_time=self.uploaded,
            index_requires_python=self.index_requires_python,
            yanked=self.yanked,
        )

    @property
    def metadata(self) -> Metadata | Unreadable:
        """What the row knows of the file's metadata."""
        if self.source not in AUDITABLE or self.requires_dist is None:
            return Unreadable(reason=self.problem or f"the source of its row is `{self.source}`")
        headers = [
            ("metadata-version", self.metadata_version or ""),
            ("name", self.project),
            ("version", self.version),
        ]
        if self.requires_python:
            headers.append(("requires-python", self.requires_python))
        headers += [("requires-dist", line) for line in self.requires_dist]
        headers += [("provides-extra", extra) for extra in self.provides_extra or ()]
        headers += [("dynamic", field) for field in self.dynamic or ()]
        # Files are told apart by it, and two rows that say the same are one.
        digest = hashlib.sha256(repr(headers).encode()).hexdigest()
        return Metadata(headers=tuple(headers), body=None, digest=digest)


_HOW = {
    Provenance.ARCHIVE: How.FILE,
    Provenance.SIDECAR: How.SIDECAR,
    Provenance.FORM: How.SIDECAR,
    Provenance.RELEASE: How.NOT_READ,
    Provenance.UNREAD: How.NOT_READ,
}


def release_of(rows: Iterable[FileRow], *, origin: str) -> Release | None:
    """The release of these rows, which are all of one; None if its version is no version."""
    ordered = sorted(rows, key=lambda row: row.filename)
    first = ordered[0]
    version = parse_version(first.version)
    if version is None:
        return None
    return Release(
        project=first.project,
        version=version,
        files=tuple(
            ReleaseFile(
                artifact=row.artifact,
                reading=Reading(metadata=row.metadata, how=_HOW[row.source]),
            )
            for row in ordered
        ),
        origin=origin,
    )
