"""What `serve` keeps, as a place for a walk: the releases of a channel that everybody sees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from packaging.utils import NormalizedName

from trueup.features.survey.imports import Problem
from trueup.features.survey.walk import Content
from trueup.model.errors import TrueupError
from trueup.sources.archive import reading_of_sdist
from trueup.sources.crawl.pages import PageFile
from trueup.sources.crawl.texts import Refused, answer_of
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.releases import HostedFile
from trueup.sources.store.store import Store

__all__ = ["Hosted"]


class Hosted:
    """The published releases of a channel (:class:`~trueup.features.survey.walk.Place`).

    Of wheels the METADATA is taken that was read from them when they were uploaded.
    """

    def __init__(self, store: Store, blobs: Blobs, channel: str) -> None:
        self._store, self._blobs, self._channel = store, blobs, channel
        self.problems: Sequence[Problem] = ()
        self._loaded: tuple[NormalizedName | None, dict[str, HostedFile]] = (None, {})

    def projects(self) -> Sequence[NormalizedName]:
        return self._store.projects(self._channel)

    def files(self, project: NormalizedName) -> list[PageFile]:
        return [
            _listed(file, str(release.version))
            for release in self._store.releases(self._channel, project)
            for file in sorted(release.files, key=lambda one: one.filename)
        ]

    def content(self, project: NormalizedName, file: PageFile) -> Content:
        if self._loaded[0] != project:
            releases = self._store.releases(self._channel, project)
            files = {file.filename: file for release in releases for file in release.files}
            self._loaded = (project, files)
        hosted = self._loaded[1][file.filename]
        if hosted.core_metadata is not None:
            return hosted.core_metadata
        path = self._blobs.path(hosted.sha256)
        if path is not None:
            return str(path)
        try:
            opened = blob_file(self._blobs, hosted.sha256, hosted.size)
            return answer_of(reading_of_sdist(opened, hosted.artifact(file.filename)))
        except TrueupError as error:
            return Refused(reason=str(error))


def _listed(file: HostedFile, version: str) -> PageFile:
    return PageFile(
        filename=file.filename,
        kind="wheel" if file.filename.endswith(".whl") else "sdist",
        version=version,
        url="",
        size=file.size,
        sha256=file.sha256,
        uploaded=datetime.fromtimestamp(file.uploaded, tz=UTC).isoformat(),
        requires_python=file.requires_python,
        yanked=file.yanked,
        sidecar=None,
    )
