"""Files by their digests: uploaded, derived, or fetched from the index behind once and kept.

What was served once is served for good, under every name that a page ever gave it, whatever the
index behind does: locks hold digests and names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Row

from trueup.features.serve.derived import recipe_of, sliced
from trueup.features.serve.shelves import Upstream
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.rewrite import Wheel
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.store import Store

__all__ = ["Files", "ServedFile"]


@dataclass(frozen=True, kw_only=True)
class ServedFile:
    """A file that can be sent: its size, and its bytes from one offset to before another."""

    filename: str
    size: int
    read: Callable[[int, int], Iterator[bytes]]


class Files:
    """What is served below `/files/`; safe to use from several threads."""

    def __init__(self, store: Store, blobs: Blobs, upstream: Upstream | None) -> None:
        self._store = store
        self.blobs = blobs
        self._upstream = upstream

    def file(self, sha256: str, filename: str) -> ServedFile:
        """A file by its digest and name.

        Raises NotFoundError for one that no page of ours ever named, SourceError.
        """
        hosted = self._store.hosted_file(sha256, filename)
        if hosted is None and not self._store.has_name(sha256, filename):
            raise NotFoundError("no such file", place=(filename,))
        derived = self._store.derived(sha256)
        if derived is not None and hosted is None:
            return self._derived(derived.original, filename, bytes(derived.recipe))
        self.keep(sha256)
        size = self.blobs.size(sha256)
        if size is None:
            raise NotFoundError("is lost", place=(filename,), hint="`trueup serve fsck` tells more")
        return ServedFile(
            filename=filename,
            size=size,
            read=lambda start, end: self.blobs.read(sha256, start, end),
        )

    def _derived(self, original: str, filename: str, data: bytes) -> ServedFile:
        self.keep(original)
        size = self.blobs.size(original)
        if size is None:
            raise NotFoundError("its original is lost", place=(filename,))
        recipe = recipe_of(data)

        def read(start: int, end: int) -> Iterator[bytes]:
            return sliced(recipe, start, end).render(blob_file(self.blobs, original, size))

        return ServedFile(filename=filename, size=recipe.size, read=read)

    def keep(self, sha256: str) -> None:
        """Fetch an upstream file once, verified against the digest of its page, and keep it.

        Does nothing for a digest that the index behind never had; raises SourceError.
        """
        if self._upstream is None or self.blobs.size(sha256) is not None:
            return
        remote = self._store.remote_file(sha256)
        if remote is None:
            return
        with TemporaryDirectory(prefix="fetch-", dir=self.blobs.scratch) as folder:
            path = self._upstream.download(_artifact(remote), Path(folder))
            self.blobs.put(sha256, path)

    def sidecar(self, sha256: str) -> bytes | None:
        """The METADATA of a wheel, as its page advertises it; None where none is advertised.

        Raises NotFoundError where the index behind advertises what it has not, SourceError.
        """
        derived = self._store.derived(sha256)
        if derived is not None:
            return bytes(derived.core_metadata)
        hosted = self._store.hosted_file(sha256)
        if hosted is not None:
            return hosted.core_metadata
        remote = self._store.remote_file(sha256)
        if remote is None or remote.core_metadata is None:
            return None
        kept = self._store.sidecar(remote.core_metadata) or self._inside(remote)
        if kept is not None or self._upstream is None:
            return kept
        data = self._upstream.sidecar(_artifact(remote))
        if remote.core_metadata:
            self._store.keep_sidecar(data)
        return data

    def _inside(self, remote: Row[tuple[object, ...]]) -> bytes | None:
        """The METADATA of a wheel that was fetched already, if it is what is advertised."""
        size = self.blobs.size(remote.sha256)
        if size is None:
            return None
        try:
            wheel = Wheel(blob_file(self.blobs, remote.sha256, size), remote.filename)
        except TrueupError:
            # An odd wheel; its sidecar may be there all the same.
            return None
        data = wheel.read("METADATA") or b""
        wanted = remote.core_metadata
        return data if wanted in ("", hashlib.sha256(data).hexdigest()) else None


def _artifact(remote: Row[tuple[object, ...]]) -> Artifact:
    """An upstream file where it really is."""
    digest = remote.core_metadata
    return Artifact(
        filename=remote.filename,
        url=remote.url,
        name=parse_filename(remote.filename),
        size=remote.size,
        hashes={"sha256": remote.sha256},
        core_metadata=None if digest is None else {"sha256": digest} if digest else {},
    )
