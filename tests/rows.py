"""Rows of a survey, from recorded releases and from a few words."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.utils import canonicalize_name

from tests.corpus import release as recorded_release
from trueup.model.filerow import FileRow, Provenance
from trueup.model.metadata import Metadata
from trueup.model.release import Release

__all__ = ["recorded_rows", "row", "rows_of"]


def recorded_rows(name: str) -> list[FileRow]:
    """The rows of a recorded release, as if its sidecars had been read."""
    return rows_of(recorded_release(name))


def rows_of(release: Release, source: Provenance = Provenance.SIDECAR) -> list[FileRow]:
    """The rows of a release's files."""
    found = []
    for file in release.files:
        metadata, artifact = file.reading.metadata, file.artifact
        read = metadata if isinstance(metadata, Metadata) else None
        found.append(
            FileRow(
                project=release.project,
                version=str(release.version),
                filename=artifact.filename,
                source=source if read else Provenance.UNREAD,
                metadata_version=read.first("metadata-version") if read else None,
                requires_python=read.first("requires-python") if read else None,
                requires_dist=read.fields.get("requires-dist", ()) if read else None,
                provides_extra=read.fields.get("provides-extra", ()) if read else None,
                dynamic=read.fields.get("dynamic", ()) if read else None,
                index_requires_python=artifact.index_requires_python,
                yanked=artifact.yanked,
                uploaded=artifact.upload_time,
                size=artifact.size,
                sha256=artifact.hashes.get("sha256"),
            )
        )
    return found


def row(
    filename: str,
    requires: Sequence[str] | None = (),
    *,
    source: Provenance = Provenance.SIDECAR,
    metadata_version: str = "2.4",
    python: str | None = None,
    extras: Sequence[str] | None = (),
    dynamic: Sequence[str] | None = (),
) -> FileRow:
    """A row of the project and the version that its file name says."""
    parts = filename.removesuffix(".tar.gz").split("-")
    return FileRow(
        project=canonicalize_name(parts[0]),
        version=parts[1],
        filename=filename,
        source=source,
        metadata_version=metadata_version,
        requires_python=python,
        requires_dist=None if requires is None else tuple(requires),
        provides_extra=None if extras is None else tuple(extras),
        dynamic=None if dynamic is None else tuple(dynamic),
    )
