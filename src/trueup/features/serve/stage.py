"""What is staged in a publishing session, for those who know its secret: an index of one release."""

from __future__ import annotations

from packaging.utils import NormalizedName

from trueup.features.serve.desk import Desk
from trueup.features.serve.filed import ServedFile
from trueup.features.serve.shelves import file_path
from trueup.model.errors import NotFoundError
from trueup.sources.source import Listing
from trueup.sources.store.publishing import PublishingSession
from trueup.sources.store.store import HostedFile

__all__ = ["Stages"]


class Stages:
    """Reads from the database each time: a stage changes, and is read by few."""

    def __init__(self, desk: Desk) -> None:
        self._store = desk.store
        self._desk = desk

    def project(self, stage: str) -> NormalizedName:
        """The one project that it has; raises NotFoundError."""
        return self._session(stage).project

    def listing(self, stage: str, project: NormalizedName) -> Listing:
        """What is staged of a project, as its page lists it; raises NotFoundError."""
        files = self._files(stage) if self.project(stage) == project else ()
        if not files:
            raise NotFoundError("nothing is staged of this project", place=(project,))
        base = f"/stage/{stage}"
        return Listing(
            project=project,
            files=[one.artifact(base + file_path(one.sha256, one.filename)) for one in files],
            origin=f"stage of {project}",
        )

    def file(self, stage: str, sha256: str, filename: str) -> ServedFile:
        """A file that is staged; raises NotFoundError."""
        found, read = self._file(stage, sha256, filename), self._desk.blobs.read
        return ServedFile(
            filename=filename,
            size=found.size,
            read=lambda start, end: read(sha256, start, end),
        )

    def metadata(self, stage: str, sha256: str, filename: str) -> bytes:
        """The METADATA of a wheel that is staged; raises NotFoundError."""
        data = self._file(stage, sha256, filename).core_metadata
        if data is None:
            raise NotFoundError("no such file", place=(f"{filename}.metadata",))
        return data

    def _session(self, stage: str) -> PublishingSession:
        session = self._store.staged_session(stage)
        if session is None:
            raise NotFoundError("no such stage")
        return session

    def _files(self, stage: str) -> tuple[HostedFile, ...]:
        session = self._session(stage)
        release = self._store.release(session.channel, session.project, session.version)
        return () if release is None else release.files

    def _file(self, stage: str, sha256: str, filename: str) -> HostedFile:
        for file in self._files(stage):
            if (file.sha256, file.filename) == (sha256, filename):
                return file
        raise NotFoundError("no such file", place=(filename,))
