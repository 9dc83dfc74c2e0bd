"""Releases of another index taken over: staged, judged by the policy, and shown, each as a whole.

It goes the way that uploads go, so nothing gets in that an upload would not. What is there already
is passed over: an import that was interrupted goes on when it is started again.
"""

from __future__ import annotations

import errno
import hashlib
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.desk import Desk
from trueup.features.serve.receive import ThereError
from trueup.model.errors import TrueupError
from trueup.model.watcher import Watcher
from trueup.sources.collected import Collected
from trueup.sources.store.blobs import Blobs, FolderBlobs
from trueup.sources.store.failures import ChangedError, StoreError
from trueup.sources.store.imports import Imports, copy_release
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import HostedRelease, State, Store

__all__ = ["ImportedFile", "ImportedRelease", "Outcome", "import_releases"]

_WHO = "import"
_CHUNK = 1024 * 1024


class Outcome(StrEnum):
    """What became of a file."""

    TAKEN = "taken"
    THERE = "there already"
    REFUSED = "refused"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """One file; ``reason`` says why it was not taken."""

    filename: str
    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRelease:
    """One release; ``state`` None: nothing of it is there. ``reason``: why it is not shown."""

    project: NormalizedName
    version: Version
    state: State | None
    files: tuple[ImportedFile, ...]
    reason: str | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was taken."""
        return any(file.outcome is Outcome.TAKEN for file in self.files)

    @property
    def whole(self) -> bool:
        """Whether everything is there and shown."""
        fine = all(file.outcome in (Outcome.TAKEN, Outcome.THERE) for file in self.files)
        return fine and self.state is State.PUBLISHED

    def counts(self) -> Mapping[Outcome, int]:
        """How many files became what."""
        return Counter(file.outcome for file in self.files)


def import_releases(
    desk: Desk,
    channel: str,
    files: Iterable[Collected],
    *,
    rehearse: bool = False,
    watcher: Watcher | None = None,
) -> Iterator[ImportedRelease]:
    """Take files over, release by release, by project and version.

    A release of which a file was refused stays staged. ``rehearse``: do it beside the index, which
    stays as it is. Raises StoreError if the store takes nothing more; what was told until then is
    done.
    """
    watcher = watcher or Watcher()
    releases: dict[tuple[NormalizedName, Version], list[Collected]] = {}
    for file in files:
        releases.setdefault((file.name.project, file.name.version), []).append(file)
    watcher.expect(len(releases))
    with _beside(desk) if rehearse else nullcontext(desk) as target:
        for (project, version), found in sorted(releases.items(), key=lambda item: item[0]):
            if rehearse:
                copy_release(desk.store, target.store, channel, project, version)
            yield _Import(target, channel, project, version).run(found)
            if rehearse:
                for sha256 in list(target.blobs.all()):
                    target.blobs.delete(sha256)
            watcher.done(f"{project} {version}")


class _Import:
    """One release."""

    def __init__(self, desk: Desk, channel: str, project: NormalizedName, version: Version) -> None:
        self._desk, self._channel = desk, channel
        self._project, self._version = project, version

    def run(self, files: Sequence[Collected]) -> ImportedRelease:
        # The sdist first: it says what the wheels have to keep.
        ordered = sorted(files, key=lambda one: (one.filename.endswith(".whl"), one.filename))
        done = tuple(self._file(file) for file in ordered)
        release, reason = self._release(), None
        if release is not None and release.state is not State.PUBLISHED:
            reason = self._show(release, {file.filename for file in files}, done)
            release = self._release()
        return ImportedRelease(
            project=self._project,
            version=self._version,
            state=None if release is None else release.state,
            files=done,
            reason=reason,
        )

    def _release(self) -> HostedRelease | None:
        return self._desk.store.release(self._channel, self._project, self._version)

    def _show(
        self, release: HostedRelease, names: set[str], done: Sequence[ImportedFile]
    ) -> str | None:
        """Publish a release that came whole; returns why not."""
        if any(file.outcome in (Outcome.REFUSED, Outcome.UNREADABLE) for file in done):
            return "not all of its files could be taken"
        if not {file.filename for file in release.files} <= names:
            return "it has files that do not come from here"
        try:
            self._desk.publish(self._channel, self._project, str(self._version), who=_WHO)
        except TrueupError as error:
            if _is_grave(error):
                raise
            return str(error)
        return None

    def _file(self, file: Collected) -> ImportedFile:
        release = self._release()
        digest = file.hashes.get("sha256")
        kept = () if release is None else release.files
        if any(one.filename == file.filename and one.sha256 == digest for one in kept):
            return self._there(file, release)
        with TemporaryDirectory(prefix="import-", dir=self._desk.blobs.scratch) as folder:
            copy = Path(folder) / "file"
            try:
                found, size = _copied(file, copy)
            except OSError as error:
                if error.filename == str(copy):
                    raise StoreError(f"cannot be kept: {error.strerror or error}") from error
                return _became(
                    file, Outcome.UNREADABLE, f"cannot be read: {error.strerror or error}"
                )
            for kind, said in file.hashes.items():
                if found[kind] != said:
                    reason = f"is damaged: its {kind} is {found[kind]}, and should be {said}"
                    return _became(file, Outcome.REFUSED, reason)
            return self._received(file, copy, found["sha256"], size)

    def _received(self, file: Collected, copy: Path, sha256: str, size: int) -> ImportedFile:
        try:
            self._desk.receiver(self._channel).receive(
                copy, file.filename, sha256=sha256, size=size, who=_WHO
            )
        except ThereError:
            return self._there(file, self._release())
        except TrueupError as error:
            if _is_grave(error):
                raise
            return _became(file, Outcome.REFUSED, str(error))
        self._settle(file)
        return _became(file, Outcome.TAKEN)

    def _there(self, file: Collected, release: HostedRelease | None) -> ImportedFile:
        if release is not None and release.state is not State.PUBLISHED:
            # What was to be said of it may not have been, if it was interrupted just then. Once
            # people see it, what they say counts.
            self._settle(file)
        return _became(file, Outcome.THERE)

    def _settle(self, file: Collected) -> None:
        Imports(self._desk.store.engine, clock=self._desk.clock).settle(
            self._channel, self._project, file.filename, uploaded=file.uploaded,
            yanked=file.yanked, who=_WHO,
        )  # fmt: skip


def _is_grave(error: TrueupError) -> bool:
    """Whether the store fails, and so would the next file."""
    return isinstance(error, StoreError) and not isinstance(error, ChangedError)


def _became(file: Collected, outcome: Outcome, reason: str | None = None) -> ImportedFile:
    return ImportedFile(filename=file.filename, outcome=outcome, reason=reason)


def _copied(file: Collected, copy: Path) -> tuple[dict[str, str], int]:
    """Copy a file; its digests, and how many bytes it has."""
    digests = {kind: hashlib.new(kind, usedforsecurity=False) for kind in (*file.hashes, "sha256")}
    if not stat.S_ISREG(file.path.stat().st_mode):
        # Opening a pipe would wait for its writer, reading a device might never end.
        raise OSError(errno.EINVAL, "is no regular file")
    size = 0
    with file.path.open("rb") as source, copy.open("xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            for digest in digests.values():
                digest.update(chunk)
            try:
                target.write(chunk)
            except OSError as error:
                error.filename = str(copy)
                raise
    return {kind: digest.hexdigest() for kind, digest in digests.items()}, size


@contextmanager
def _beside(desk: Desk) -> Iterator[Desk]:
    """An empty index under the same policies, which is thrown away; it sees the files of this one."""
    with TemporaryDirectory(prefix="rehearsal-", dir=desk.blobs.scratch) as name:
        folder = Path(name)
        engine = open_engine(f"sqlite:///{folder / 'index.db'}")
        upgrade(engine)
        blobs = _Overlay(desk.blobs, FolderBlobs(folder / "blobs"))
        other = Desk(
            Store(engine, clock=desk.clock), blobs, policies=desk.policies, clock=desk.clock
        )
        try:
            yield other
        finally:
            other.close()


class _Overlay:
    """Blobs in front of others, which are only read."""

    def __init__(self, behind: Blobs, front: FolderBlobs) -> None:
        self._behind, self._front = behind, front
        self.scratch = front.scratch

    def put(self, sha256: str, path: Path) -> None:
        self._front.put(sha256, path)

    def _having(self, sha256: str) -> Blobs:
        return self._behind if self._front.size(sha256) is None else self._front

    def size(self, sha256: str) -> int | None:
        return self._having(sha256).size(sha256)

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        return self._having(sha256).read(sha256, start, end)

    def delete(self, sha256: str) -> None:
        self._front.delete(sha256)

    def drop(self, sha256: str, *, before: float) -> bool:
        return self._front.drop(sha256, before=before)

    def path(self, sha256: str) -> Path | None:
        return self._having(sha256).path(sha256)

    def all(self) -> Iterator[str]:
        return self._front.all()
