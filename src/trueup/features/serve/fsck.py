"""Do the database and the blobs agree."""

from __future__ import annotations

import hashlib

from trueup.sources.store.blobs import Blobs
from trueup.sources.store.store import Store

__all__ = ["check_store"]


def check_store(store: Store, blobs: Blobs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files that are lost or damaged, blobs that no release and no derived wheel needs).

    Every blob of a release is read and hashed. What was fetched from upstream is kept on purpose; a
    blob without a release is no fault: an upload may be under way.
    """
    lost: list[str] = []
    needed: set[str] = set()
    for channel in store.channels():
        for release in store.releases(channel, state=None):
            for file in release.files:
                needed.add(file.sha256)
                size = blobs.size(file.sha256)
                if size is None:
                    lost.append(f"{file.filename} ({file.sha256})")
                    continue
                digest = hashlib.sha256()
                for chunk in blobs.read(file.sha256, 0, size):
                    digest.update(chunk)
                if digest.hexdigest() != file.sha256:
                    lost.append(f"{file.filename} ({file.sha256}): other bytes")
    needed |= set(store.originals())
    unused = tuple(
        sorted(
            sha256
            for sha256 in blobs.all()
            if sha256 not in needed and store.remote_file(sha256) is None
        )
    )
    return tuple(lost), unused
