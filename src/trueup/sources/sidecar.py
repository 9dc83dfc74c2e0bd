"""Sidecars: the `.metadata` files that an index may serve next to wheels (PEP 658, PEP 714)."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import NotFoundError, SourceError
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.release import How, Reading
from trueup.sources.cache import Cache, Kind
from trueup.sources.http import AnswerError, BusyError, Client, Response
from trueup.sources.limits import Limits
from trueup.sources.parsed import parse_shared
from trueup.sources.url import local_path

__all__ = ["MAX_METADATA_BYTES", "Sidecars", "explained", "first_hash"]

MAX_METADATA_BYTES = Limits().metadata
"""As much as is read from an archive."""

_IN_MEMORY = 8192
_CONVINCING = 2
_TRUSTED = ("sha256", "sha512", "sha384", "sha3_256", "sha3_512", "blake2b")


class Sidecars:
    """Fetches sidecars, each distinct hash once; safe to use from several threads."""

    def __init__(self, client: Client, cache: Cache) -> None:
        self._client = client
        self._cache = cache
        self._lock = threading.Lock()
        self._flights: dict[object, threading.Lock] = {}
        self._read: OrderedDict[str, Metadata | Unreadable] = OrderedDict()
        self._found: dict[tuple[NormalizedName, Version], int] = {}
        """How many unadvertised sidecars a release was found to have; -1: one was missing."""

    def advertised(self, artifact: Artifact) -> Reading | None:
        """The sidecar that the listing promises; None if it is not there.

        Its hash is compared where the listing gives one; equal hashes are fetched once. A sidecar
        whose hash differs, or that the server refuses, comes back as Unreadable.
        """
        digest = (artifact.core_metadata or {}).get("sha256")
        if digest is None:
            return self._fetch_promised(artifact)
        with self._flight(digest):
            with self._lock:
                known = self._read.get(digest)
            if known is not None:
                return Reading(metadata=known, how=How.SAME_HASH, verified=True)
            kept = self._cache.get(Kind.METADATA, digest)
            if kept is not None:
                metadata = self._keep(digest, kept)
                return Reading(metadata=metadata, how=How.SIDECAR, verified=True)
            return self._fetch_promised(artifact)

    def fetch(self, artifact: Artifact) -> bytes:
        """The bytes of the sidecar that the listing promises, compared with its hash.

        Raises NotFoundError if it is not there, SourceError if it is another or the server refuses.
        """
        data = self._get(artifact)
        name, expected = first_hash(artifact.core_metadata or {})
        if name is not None and hashlib.new(name, data).hexdigest() != expected:
            raise SourceError(
                f"the sidecar's {name} is not the one that the index gives",
                expected=f"`{expected}`",
                place=(artifact.filename,),
            )
        return data

    def unadvertised(self, artifact: Artifact) -> Reading | None:
        """A sidecar that is there although the listing does not say so; None if it is not.

        Tried with one file of each release: the others are not asked for if it has none. Two in a
        row must be there before several threads ask at once, and the first that is missing ends it,
        for some indexes have sidecars of a few files only. There is no hash to compare, so the
        metadata must at least name the project and the version of the file.
        """
        if isinstance(artifact.name, OtherName):
            return None
        release = (artifact.name.project, artifact.name.version)
        found = self._found.get(release, 0)
        if 0 <= found < _CONVINCING:
            with self._flight(release):
                found = self._found.get(release, 0)
                if 0 <= found < _CONVINCING:
                    return self._try_once(artifact, release)
        return self._try_once(artifact, release) if found >= _CONVINCING else None

    def _try_once(
        self, artifact: Artifact, release: tuple[NormalizedName, Version]
    ) -> Reading | None:
        reading = self._try(artifact)
        with self._lock:
            before = self._found.get(release, 0)
            self._found[release] = before + 1 if reading is not None and before >= 0 else -1
        return reading

    def _try(self, artifact: Artifact) -> Reading | None:
        try:
            data = self._get(artifact)
        except (NotFoundError, AnswerError):
            return None
        metadata = parse_shared(data)
        if isinstance(metadata, Unreadable) or isinstance(artifact.name, OtherName):
            return None
        project, version = artifact.name.project, artifact.name.version
        if canonicalize_name(metadata.name or "") != project or metadata.version != version:
            return None
        return Reading(metadata=metadata, how=How.SIDECAR)

    def _fetch_promised(self, artifact: Artifact) -> Reading | None:
        try:
            data = self._get(artifact)
        except NotFoundError:
            return None
        except AnswerError as error:
            return Reading(metadata=explained(error), how=How.SIDECAR)
        name, expected = first_hash(artifact.core_metadata or {})
        if name is None or expected is None:
            return Reading(metadata=parse_metadata(data), how=How.SIDECAR)
        found = hashlib.new(name, data).hexdigest()
        if found != expected:
            return Reading(
                metadata=Unreadable(
                    reason=f"the sidecar's {name} is not the one that the index gives: "
                    f"found `{found}`, expected `{expected}`",
                    hint="the index, or something on the way, changed the file",
                ),
                how=How.SIDECAR,
            )
        if name != "sha256":
            return Reading(metadata=parse_metadata(data), how=How.SIDECAR, verified=True)
        self._cache.put(Kind.METADATA, expected, data)
        return Reading(metadata=self._keep(expected, data), how=How.SIDECAR, verified=True)

    def _get(self, artifact: Artifact) -> bytes:
        # PEP 658: the address of the file, with `.metadata` appended to its path.
        path, question, query = artifact.url.partition("?")
        url = f"{path}.metadata{question}{query}"
        if url.startswith("file:"):
            try:
                return local_path(url).read_bytes()
            except OSError as error:
                raise NotFoundError("does not exist") from error
        return self._client.request(url, _body)

    def _keep(self, digest: str, data: bytes) -> Metadata | Unreadable:
        metadata = parse_metadata(data, digest=digest)
        with self._lock:
            self._read[digest] = metadata
            while len(self._read) > _IN_MEMORY:
                self._read.popitem(last=False)
        return metadata

    def _flight(self, key: object) -> threading.Lock:
        """The lock under which a thing is fetched, so that no two threads fetch it."""
        with self._lock:
            return self._flights.setdefault(key, threading.Lock())


def first_hash(hashes: Mapping[str, str]) -> tuple[str, str] | tuple[None, None]:
    """The best hash of a listing that can be computed here, with its name in `hashlib`."""
    for name in _TRUSTED:
        if name in hashes:
            return name, hashes[name]
    return None, None


def explained(error: AnswerError | NotFoundError) -> Unreadable:
    """Why a file is unread, from an answer of the server."""
    place = error.place[-1] if error.place else ""
    what = type(error)(error.what, found=error.found, expected=error.expected)
    return Unreadable(
        reason=f"`{place}`: {what}" if place else str(what),
        hint=error.hint,
        passing=isinstance(error, BusyError),
    )


def _body(response: Response) -> bytes:
    return response.body(MAX_METADATA_BYTES)
