"""The places where the files of a lock are: its indexes, mirrors of them, folders, the cache."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from packaging.utils import NormalizedName

from trueup.interfaces.wanted import Places
from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import NotFoundError, SourceError, TrueupError
from trueup.model.metadata import Unreadable
from trueup.model.release import How, Reading
from trueup.model.watcher import Watcher
from trueup.sources.cache import Cache, MemoryCache, open_cache
from trueup.sources.config import index_config
from trueup.sources.folder import FolderSource
from trueup.sources.index import IndexSource
from trueup.sources.mapped import MappedSource
from trueup.sources.offline import OfflineClient
from trueup.sources.source import Listing, Source

__all__ = ["LockPlaces"]


class LockPlaces:
    """Gives the source of an index that a lock names, and reads files wherever they are.

    ``index`` wins over what the lock and the configuration say; ``find_links`` are folders whose
    files win over those of the same name on an index; ``mapping`` moves addresses on index pages;
    ``offline`` uses what earlier runs kept and the folders, nothing else; pages that were kept are
    believed for ``page_age`` seconds. A context manager.
    """

    def __init__(
        self,
        *,
        index: Sequence[str] = (),
        find_links: Sequence[Path] = (),
        mapping: Mapping[str, str],
        offline: bool = False,
        environ: Mapping[str, str],
        directory: Path,
        keep: bool = True,
        page_age: float = 0,
        watcher: Watcher | None = None,
    ) -> None:
        self._index = tuple(index)
        self._mapping = mapping
        self._environ = environ
        self._directory = directory
        self._watcher = watcher or Watcher()
        self._offline = offline
        self._keep = keep
        self.folder = FolderSource(find_links) if find_links else None
        self._places = Places(
            index=index,
            environ=environ,
            directory=directory,
            keep=keep,
            watcher=watcher,
            page_age=page_age,
        )
        self._kept: Cache | None = None
        self._lock = threading.RLock()
        self._sources: dict[str | None, _Joined] = {}
        self._owners = _Owners()

    def source_for(self, index: str | None) -> Source:
        """The source of an index address; None: the configured ones."""
        with self._lock:
            key = None if self._index else index
            if key not in self._sources:
                inner: Source = self._offline_index(key) if self._offline else self._open(key)
                if self._mapping:
                    inner = MappedSource(inner, self._mapping)
                self._sources[key] = _Joined(inner, self.folder, self._owners)
            return self._sources[key]

    def read(self, artifact: Artifact) -> Reading:
        """The metadata of one file; a place that does not answer makes it unread, with the reason."""
        try:
            return (self._owners.of(artifact) or self._any()).read(artifact)
        except TrueupError as error:
            # Without the address, so that one reason stays one reason for many files.
            found = f": found {error.found}" if error.found is not None else ""
            hint = f"; {error.hint}" if error.hint is not None else ""
            reason = f"{error.what}{found}{hint}"
            return Reading(metadata=Unreadable(reason=reason), how=How.NOT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._places.__exit__(kind, error, traceback)
        if self._kept is not None:
            self._kept.close()

    def _any(self) -> Source:
        """A source for a file that no page lists: any can fetch an address."""
        with self._lock:
            opened = next(iter(self._sources.values()), None)
        return opened if opened is not None else self.source_for(None)

    def _open(self, index: str | None) -> Source:
        return self._places.configured() if index is None else self._places.named(index)

    def _offline_index(self, index: str | None) -> Source:
        if self._kept is None:
            self._kept = (
                open_cache(self._environ, watcher=self._watcher) if self._keep else MemoryCache()
            )
        urls = self._index or (() if index is None else (index,))
        config = index_config(urls, environ=self._environ, directory=self._directory)
        return IndexSource(config.urls, OfflineClient(), self._kept, watcher=self._watcher)


@dataclass(slots=True)
class _Owners:
    """Who lists a file: a folder by the file's path, an index by its project.

    By project, because going through all files of a page would make each of them.
    """

    folders: dict[str, Source] = field(default_factory=dict)
    indexes: dict[NormalizedName, Source] = field(default_factory=dict)

    def of(self, artifact: Artifact) -> Source | None:
        """The source to read a file from; None if it is on no page."""
        if artifact.url in self.folders or isinstance(artifact.name, OtherName):
            return self.folders.get(artifact.url)
        return self.indexes.get(artifact.name.project)


class _Joined:
    """An index and a folder as one source; ``owners`` learns who lists what."""

    def __init__(self, index: Source, folder: Source | None, owners: _Owners) -> None:
        self._index = index
        self._folder = folder
        self._owners = owners

    def listing(self, project: NormalizedName) -> Listing:
        """The files of the folder, and those of the index that the folder does not have."""
        local = self._local(project)
        try:
            listing = self._index.listing(project)
        except SourceError:
            if local is None:
                raise
            return local
        self._owners.indexes.setdefault(project, self._index)
        if local is None:
            return listing
        names = {file.filename for file in local.files}
        others = (file for file in listing.files if file.filename not in names)
        return Listing(
            project=project,
            files=(*local.files, *others),
            origin=listing.origin,
            status=listing.status,
        )

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        return self._index.read(artifact, deep=deep)

    def _local(self, project: NormalizedName) -> Listing | None:
        if self._folder is None:
            return None
        try:
            local = self._folder.listing(project)
        except NotFoundError:
            return None
        self._owners.folders.update((file.url, self._folder) for file in local.files)
        return local
