"""Where a resolver gets its candidates: indexes, assigned ones, and folders of wheels, as one."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from packaging.utils import NormalizedName

from trueup.judge.picks import FileKey, key_of
from trueup.judge.promise import case_of
from trueup.model.artifact import Artifact
from trueup.model.errors import NotFoundError, SourceError
from trueup.model.finding import Case
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.release import Reading, ReleaseFile
from trueup.sources.index import IndexSource
from trueup.sources.sdistbuild import Proofs
from trueup.sources.source import Listing, Source

__all__ = ["Build", "Supply"]

Build = Callable[[Artifact], Resolution | Unreadable]
"""Builds an sdist where that does no harm, and says what its wheel asks for."""

_STRONG = ("sha256", "sha384", "sha512")


class Supply:
    """Listings and readings for a resolver, each asked for once; safe to use from several threads.

    ``source_for`` gives the source of an index address (None: the configured ones), ``folder`` the
    files of `--find-links`, which win over files of the same name on an index. ``build`` and ``proofs`` are asked for what sdists do
    not tell.
    """

    def __init__(
        self,
        source_for: Callable[[str | None], Source],
        *,
        folder: Source | None = None,
        build: Build | None = None,
        proofs: Proofs | None = None,
    ) -> None:
        self._source_for = source_for
        self._folder = folder
        self._build = build
        self._proofs = proofs
        self._built: dict[FileKey, Resolution | Unreadable] = {}
        self._lock = threading.Lock()
        self._flights: dict[object, threading.Lock] = {}
        self._listings: dict[tuple[NormalizedName, str | None], Listing | SourceError] = {}
        self._readings: dict[FileKey, Reading] = {}
        self._failures: dict[FileKey, SourceError] = {}
        self._local: set[FileKey] = set()

    def listing(self, project: NormalizedName, index: str | None = None) -> Listing:
        """All files of a project, on one index (None: on the configured ones).

        Raises NotFoundError if no place has it, SourceError if one cannot answer.
        """
        key = (project, index)
        with self._flight(key):
            found = self._listings.get(key)
            if found is None:
                try:
                    found = self._find(project, index)
                except SourceError as error:
                    found = error
                self._listings[key] = found
        if isinstance(found, SourceError):
            raise found
        return found

    def read(self, artifact: Artifact) -> Reading:
        """The metadata of one file, read once.

        Raises SourceError if its place does not answer; it is not asked again then.
        """
        key = key_of(artifact)
        found = self._readings.get(key)
        if found is not None:
            return found
        with self._flight(key):
            found = self._readings.get(key)
            if found is None:
                if key in self._failures:
                    raise self._failures[key]
                try:
                    found = _answered(self._reader(artifact).read(artifact))
                except SourceError as error:
                    self._failures[key] = error
                    raise
                self._readings[key] = found
            return found

    @property
    def readings(self) -> Mapping[FileKey, Reading]:
        """Everything read so far."""
        return self._readings

    def with_hash(self, artifact: Artifact) -> Artifact:
        """The artifact with a strong hash, computed from the file where its listing gives none.

        Raises SourceError or ArchiveError if it cannot be fetched.
        """
        if any(name in artifact.hashes for name in _STRONG):
            return artifact
        if key_of(artifact) in self._local:
            return _hashed(artifact, Path(artifact.url))
        source = self._reader(artifact)
        assert isinstance(source, IndexSource)
        with tempfile.TemporaryDirectory(prefix="trueup-") as folder:
            return _hashed(artifact, source.download(artifact, Path(folder)))

    def proved(self, sdist: Artifact) -> Resolution | None:
        """What a recorded proof says that an sdist asks for; None if there is none."""
        metadata = self.read(sdist).metadata
        if self._proofs is None or isinstance(metadata, Unreadable):
            return None
        return self._proofs.says(sdist, metadata)

    def built(self, sdist: Artifact) -> Resolution | Unreadable:
        """What an sdist is found to ask for by building it, once."""
        key = key_of(sdist)
        with self._flight(("build", key)):
            if key not in self._built:
                assert self._build is not None
                self._built[key] = self._build(sdist)
            return self._built[key]

    def promise(self, sdist: Artifact) -> str | None:
        """Why the dependencies of an sdist are known: `static`, `declared`, `proved` or `built`."""
        if key_of(sdist) in self._built:
            return "built"
        if self.proved(sdist) is not None:
            return "proved"
        file = ReleaseFile(artifact=sdist, reading=self.read(sdist))
        return "static" if case_of((file,), (), "requires-dist") is Case.STATIC else "declared"

    def is_local(self, artifact: Artifact) -> bool:
        """Whether it lies in a folder, so that its address is a path."""
        return key_of(artifact) in self._local

    def _find(self, project: NormalizedName, index: str | None) -> Listing:
        listing: Listing | None = None
        missing: NotFoundError | None = None
        try:
            listing = self._source_for(index).listing(project)
        except NotFoundError as error:
            missing = error
        if self._folder is not None:
            try:
                local = self._folder.listing(project)
            except NotFoundError:
                local = None
            if local is not None:
                self._local |= {key_of(file) for file in local.files}
                names = {file.filename for file in local.files}
                others = listing.files if listing is not None else ()
                files = (*local.files, *(f for f in others if f.filename not in names))
                listing = replace(listing or local, files=files)
        if listing is None:
            assert missing is not None
            raise missing
        return listing

    def _reader(self, artifact: Artifact) -> Source:
        if key_of(artifact) in self._local and self._folder is not None:
            return self._folder
        return self._source_for(None)

    def _flight(self, key: object) -> threading.Lock:
        with self._lock:
            return self._flights.setdefault(key, threading.Lock())


def _answered(reading: Reading) -> Reading:
    """The reading; an index that fails half-way must not decide which version is locked."""
    said = reading.metadata
    if isinstance(said, Unreadable) and said.passing:
        raise SourceError(said.reason, hint=said.hint)
    return reading


def _hashed(artifact: Artifact, path: Path) -> Artifact:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    return replace(artifact, hashes={**artifact.hashes, "sha256": digest})
