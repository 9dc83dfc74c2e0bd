"""Where an index of a test keeps what it has, and what its processes and its store say."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.serving import Server, serving, trueup
from trueup.features.serve.fsck import check_store
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine
from trueup.sources.store.store import Store

__all__ = ["JSON", "ServePlace", "digest", "files_of", "start"]

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, kw_only=True)
class ServePlace:
    """Options and environment for each process of an index."""

    data: Path
    store: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)

    def fsck(self) -> str:
        """What `trueup serve fsck` prints."""
        return trueup("serve", "--data", str(self.data), *self.store, "fsck", environ=self.environ)

    def lost(self) -> tuple[str, ...]:
        """The files that it finds lost, without starting Python anew."""
        address = self.store[1] if self.store else f"sqlite:///{self.data / 'index.db'}"
        blobs = self.store[3] if self.store else str(self.data / "blobs")
        engine = open_engine(address)
        try:
            return check_store(Store(engine), open_blobs(blobs, self.data))[0]
        finally:
            engine.dispose()

    def unfinished(self) -> list[str]:
        """Files of uploads and downloads that did not come to their end."""
        return [
            path.name
            for path in self.data.rglob("by-*/**/*")
            if path.name != "lock" and path.is_file()
        ]


def start(
    place: ServePlace, *options: str, token: str | None = None, log: Path | None = None
) -> AbstractContextManager[Server]:
    """An index that runs while the context lasts."""
    return serving(
        place.data, *options, cwd=place.data.parent, store=place.store, environ=place.environ,
        token=token, log=log,
    )  # fmt: skip


def files_of(server: Server, project: str) -> dict[str, str]:
    """File names and digests on a project's page; empty if there is none."""
    answer = server.get(f"/simple/{project}/", accept=JSON)
    if answer.status_code == 404:
        return {}
    assert answer.status_code == 200, answer.text
    return {file["filename"]: file["hashes"]["sha256"] for file in answer.json()["files"]}


def digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
