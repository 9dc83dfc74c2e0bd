"""Where the files of an index come from: its own channels, and the index behind it.

Each is a source, and a source around sources: the first one that owns a project serves it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from packaging.utils import NormalizedName

from trueup.features.serve.outage import Outage
from trueup.features.serve.outcome import Account
from trueup.features.serve.watch import DeskWatcher, asking
from trueup.model.artifact import Artifact
from trueup.model.errors import NotFoundError, TrueupError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import How, Reading
from trueup.sources.archive import reading_of_sdist
from trueup.sources.index import IndexSource
from trueup.sources.simple import parse_page
from trueup.sources.simplepage import page_json
from trueup.sources.source import Listing, Source
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.store import Store

__all__ = ["Hosted", "Joined", "JustTold", "Shelf", "Upstream", "file_path"]

_JSON = "application/vnd.pypi.simple.v1+json"
_JUST_TOLD = 300.0
"""Seconds for which a page is made again out of the same listing."""
_TOLD = 32
_KEPT = "https://index.test/"
"""Kept listings hold whole addresses; this only stands where an address must."""


def file_path(sha256: str, filename: str) -> str:
    """The path of a file below the root of the server; its bytes never change."""
    return f"/files/{sha256}/{filename}"


class Shelf(Source, Protocol):
    """A source that knows which projects are its own."""

    def owns(self, project: NormalizedName) -> bool:
        """Whether it has the project; raises SourceError if that cannot be said."""
        ...

    def stale(self, project: NormalizedName) -> bool:
        """Whether the last listing was an old one, because what is behind did not answer."""
        ...

    def accounts(self, project: NormalizedName) -> Sequence[Account]:
        """What became of the releases that were looked into for the last listing."""
        ...

    def superseded(self, project: NormalizedName) -> frozenset[str]:
        """Files of the last listing that only stand there for locks: others took their places."""
        ...


class Hosted:
    """The published releases of one channel."""

    def __init__(self, store: Store, blobs: Blobs, channel: str) -> None:
        self._store = store
        self._blobs = blobs
        self.channel = channel

    def owns(self, project: NormalizedName) -> bool:
        return self._store.owns(self.channel, project)

    def stale(self, project: NormalizedName) -> bool:
        return False

    def accounts(self, project: NormalizedName) -> Sequence[Account]:
        return ()

    def superseded(self, project: NormalizedName) -> frozenset[str]:
        return frozenset()

    def listing(self, project: NormalizedName) -> Listing:
        releases = self._store.releases(self.channel, project)
        if not releases:
            raise NotFoundError("no such project", place=(project,))
        files = [
            file.artifact(file_path(file.sha256, file.filename))
            for release in releases
            for file in release.files
        ]
        return Listing(project=project, files=files, origin=f"channel {self.channel}")

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        file = self._store.hosted_file(artifact.hashes["sha256"])
        if file is None:
            reason = "is not published here any more"
            return Reading(metadata=Unreadable(reason=reason), how=How.NOT_READ)
        if file.core_metadata is not None:
            return Reading(metadata=parse_metadata(file.core_metadata), how=How.FILE, verified=True)
        return reading_of_sdist(blob_file(self._blobs, file.sha256, file.size), artifact)


@dataclass(kw_only=True)
class _Lent:
    """A source, and how many read from it now; the last one closes it if it is out of use."""

    source: IndexSource
    readers: int = 0


class Upstream:
    """The index behind this one; when it does not answer, what it said last.

    ``open_index`` gives a source that asks anew: a source remembers what it was told.
    """

    def __init__(
        self,
        store: Store,
        open_index: Callable[[], IndexSource],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._clock = clock
        self._told: OrderedDict[str, tuple[float, Listing]] = OrderedDict()
        self._open = open_index
        self._lent: _Lent | None = None
        self._stale: set[str] = set()
        self._outage = Outage()
        self._lock = threading.Lock()
        self.watcher = DeskWatcher()

    def owns(self, project: NormalizedName) -> bool:
        try:
            self.listing(project)
        except NotFoundError:
            return False
        return True

    def stale(self, project: NormalizedName) -> bool:
        return project in self._stale

    def accounts(self, project: NormalizedName) -> Sequence[Account]:
        return ()

    def superseded(self, project: NormalizedName) -> frozenset[str]:
        return frozenset()

    def listing(self, project: NormalizedName) -> Listing:
        """The upstream page with our own addresses; its files are fetched when they are asked for."""
        try:
            # A source remembers what it was told, so each look at a page needs a new one.
            with (
                self._outage.asking(),
                asking(self.watcher, "page", project),
                self._open() as source,
            ):
                listing = source.listing(project)
        except NotFoundError:
            raise
        except TrueupError:
            kept = self._store.remote(project)
            if kept is None:
                raise
            found = parse_page(kept[0], content_type=_JSON, url=_KEPT, project=project)
            listing = found.listing(project)
            self._stale.add(project)
        else:
            self._stale.discard(project)
            self._keep(listing)
        files = [_ours(file) for file in listing.files]
        ours = Listing(project=project, files=files, origin=listing.origin, status=listing.status)
        with self._lock:
            self._told.pop(project, None)
            if project not in self._stale:
                self._told[project] = self._clock(), ours
            while len(self._told) > _TOLD:
                self._told.popitem(last=False)
        return ours

    def told(self, project: NormalizedName) -> Listing | None:
        """What was said a moment ago, if it was good; then nobody asks again."""
        with self._lock:
            told = self._told.get(project)
        fresh = told is not None and 0 <= self._clock() - told[0] < _JUST_TOLD
        return told[1] if told is not None and fresh else None

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        lent = self._lend()
        good = False
        try:
            with asking(self.watcher, "metadata", artifact.filename):
                found = lent.source.read(self.theirs(artifact), deep=deep)
            good = not isinstance(found.metadata, Unreadable)
        finally:
            self._give_back(lent, good=good)
        return found

    def download(self, artifact: Artifact, folder: Path) -> Path:
        """Fetch a file, verified, into a folder; raises SourceError."""
        # A server that did not answer is asked no more by the same source.
        with asking(self.watcher, "file", artifact.filename), self._open() as source:
            return source.download(artifact, folder)

    def sidecar(self, artifact: Artifact) -> bytes:
        """Fetch the sidecar of a wheel where it really is; raises SourceError."""
        with asking(self.watcher, "metadata", artifact.filename), self._open() as source:
            return source.sidecar(artifact)

    def _lend(self) -> _Lent:
        """The source that reads files, opened when it is first needed."""
        with self._lock:
            if self._lent is None:
                self._lent = _Lent(source=self._open())
            self._lent.readers += 1
            return self._lent

    def _give_back(self, lent: _Lent, *, good: bool) -> None:
        """A source that failed is not asked again; others may still be reading from it."""
        with self._lock:
            lent.readers -= 1
            if not good and self._lent is lent:
                self._lent = None
            over = self._lent is not lent and lent.readers == 0
        if over:
            lent.source.close()

    def theirs(self, artifact: Artifact) -> Artifact:
        """The same file where it really is."""
        known = self._store.remote_file(artifact.hashes.get("sha256", ""))
        return artifact if known is None else replace(artifact, url=known.url)

    def _keep(self, listing: Listing) -> None:
        files = [
            (file.hashes["sha256"], file.filename, file.url, file.size, _advertised(file))
            for file in listing.files
            if "sha256" in file.hashes
        ]
        self._store.keep_remote(listing.project, page_json(listing), files)

    def close(self) -> None:
        """Give up the connections."""
        with self._lock:
            lent, self._lent = self._lent, None
            over = lent is not None and lent.readers == 0
        if lent is not None and over:
            lent.source.close()


class JustTold:
    """The index behind, for a page that is made again because releases were looked into."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.owns = upstream.owns
        self.stale = upstream.stale
        self.accounts = upstream.accounts
        self.superseded = upstream.superseded
        self.read = upstream.read

    def listing(self, project: NormalizedName) -> Listing:
        return self._upstream.told(project) or self._upstream.listing(project)


def _advertised(file: Artifact) -> str | None:
    """The sha256 of the sidecar; empty where one is advertised without it, None where none is."""
    return None if file.core_metadata is None else file.core_metadata.get("sha256", "")


def _ours(file: Artifact) -> Artifact:
    sha256 = file.hashes.get("sha256")
    return file if sha256 is None else replace(file, url=file_path(sha256, file.filename))


class Joined:
    """Several shelves, one after the other: the first that owns a project wins, for all its files.

    Merging them would let a stranger's release of the same name slip in (dependency confusion).
    """

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        self._shelves = tuple(shelves)
        self._owners: dict[NormalizedName, Shelf] = {}

    def owner(self, project: NormalizedName) -> Shelf:
        """The shelf that has the project, asked for once; raises NotFoundError."""
        known = self._owners.get(project)
        if known is not None:
            return known
        for shelf in self._shelves:
            if shelf.owns(project):
                self._owners[project] = shelf
                return shelf
        raise NotFoundError("no such project", place=(project,))

    def owns(self, project: NormalizedName) -> bool:
        return any(shelf.owns(project) for shelf in self._shelves)

    def stale(self, project: NormalizedName) -> bool:
        return self.owner(project).stale(project)

    def accounts(self, project: NormalizedName) -> Sequence[Account]:
        return ()

    def superseded(self, project: NormalizedName) -> frozenset[str]:
        return frozenset()

    def listing(self, project: NormalizedName) -> Listing:
        # Asking whether a shelf owns the project would ask an upstream index twice.
        for shelf in self._shelves:
            try:
                found = shelf.listing(project)
            except NotFoundError:
                continue
            self._owners[project] = shelf
            return found
        raise NotFoundError("no such project", place=(project,))

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        name = artifact.name
        project = getattr(name, "project", None)
        if project is None:
            return Reading(metadata=Unreadable(reason="is no artifact"), how=How.NOT_READ)
        return self.owner(project).read(artifact, deep=deep)
