"""An index in one folder: taken while it runs, added to the next time, and made an index again.

    backup.json               what the folder has; written last, in one step
    index-….db                the database (PostgreSQL: index-….dump)
    files-….txt               its files, as `sha256sum --check` reads them
    blobs/ab/cd/abcd…         the files themselves

A backup that is interrupted leaves the one before as it was. Files are never changed and only added,
so what two backups have in common is there once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

import trueup
from trueup.model.errors import SourceError, UsageError
from trueup.model.watcher import Watcher
from trueup.sources.output import write_atomically
from trueup.sources.store.blobs import Blobs, FolderBlobs
from trueup.sources.store.contents import Content, Contents, contents_of
from trueup.sources.store.dump import dumped, is_empty, restore
from trueup.sources.store.failures import UnreadError
from trueup.sources.store.schema import knows, revision_of, upgrade
from trueup.sources.store.store import Store

__all__ = ["BackedUp", "Restored", "back_up", "restore_from"]

_FORMAT = 1
_MANIFEST = "backup.json"
_CHUNK = 1024 * 1024
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What a backup did: ``files`` in it, of which ``copied`` (bytes) are new; ``lost`` are missing
    or damaged in the index itself.
    """

    files: int
    copied: int
    copied_size: int
    removed: int
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """``files`` that are there again, and those that are ``lost`` in the backup."""

    files: int
    made: str
    lost: tuple[str, ...]


class _Manifest(msgspec.Struct, kw_only=True):
    """`backup.json`."""

    trueup_backup: int = msgspec.field(name="trueup-backup")
    trueup: str
    made: str
    kind: str
    schema: str
    database: str
    database_sha256: str
    files: str
    files_sha256: str


class _GoneError(Exception):
    """A file was deleted from the index while it was copied."""


def back_up(
    store: Store, blobs: Blobs, folder: Path, *, link: bool = False, prune: bool = False,
    watcher: Watcher | None = None, now: datetime | None = None,
) -> BackedUp:  # fmt: skip
    """Bring a folder to the state of an index that others use meanwhile.

    ``link``: files on the same disk are shared with the index instead of copied; ``prune``: files
    that only older backups had are removed. Raises StoreError, UsageError, SourceError.
    """
    watcher = watcher or Watcher()
    before = _old_manifest(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = FolderBlobs(folder / "blobs")
    except OSError as error:
        raise _unwritable(folder, error) from error
    for _ in range(_ATTEMPTS):
        with suppress(_GoneError):
            return _Backup(store, blobs, folder, kept, link, watcher, now).run(before, prune)
    raise SourceError(
        "files are deleted faster than they are copied", hint="try it again without `fsck --repair`"
    )


class _Backup:
    """One attempt."""

    def __init__(
        self, store: Store, blobs: Blobs, folder: Path, kept: FolderBlobs, link: bool,
        watcher: Watcher, now: datetime | None,
    ) -> None:  # fmt: skip
        self._store, self._blobs, self._folder, self._kept = store, blobs, folder, kept
        self._link, self._watcher = link, watcher
        self._now = now or datetime.now(UTC)
        self._copied = self._copied_size = 0

    def run(self, before: _Manifest | None, prune: bool) -> BackedUp:
        stamp = f"{self._now:%Y%m%dT%H%M%S}-{os.urandom(3).hex()}"
        kind = self._store.engine.dialect.name
        database = f"index-{stamp}.{'db' if kind == 'sqlite' else 'dump'}"
        draft = self._kept.scratch / database
        try:
            with dumped(self._store, draft) as connection:
                schema, named = revision_of(connection), contents_of(connection)
            # The files come after the database: each that it names was there before.
            there, lost = self._bring(named)
            listing = f"files-{stamp}.txt"
            text = "".join(f"{one}  blobs/{one[:2]}/{one[2:4]}/{one}\n" for one in sorted(there))
            write_atomically(self._folder / listing, text)
            _settle(draft, self._folder / database)
            manifest = _Manifest(
                trueup_backup=_FORMAT,
                trueup=trueup.__version__,
                made=self._now.isoformat(timespec="seconds"),
                kind=kind,
                schema=schema,
                database=database,
                database_sha256=_digest(_chunks(self._folder / database)),
                files=listing,
                files_sha256=hashlib.sha256(text.encode()).hexdigest(),
            )
            data = msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()
            write_atomically(self._folder / _MANIFEST, data + "\n")
            self._forget(before)
            removed = self._prune(there) if prune else 0
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return BackedUp(
            files=len(there),
            copied=self._copied,
            copied_size=self._copied_size,
            removed=removed,
            lost=tuple(lost),
        )

    def _bring(self, named: Mapping[str, Content]) -> tuple[set[str], list[str]]:
        """Have every file in the folder: those that are, and what is lost in the index."""
        there: set[str] = set()
        lost: list[str] = []
        self._watcher.expect(len(named))
        for one in named.values():
            wrong = self._missing(one)
            if wrong is None:
                there.add(one.sha256)
            elif wrong:
                lost.append(f"{one.filename} ({one.sha256}){wrong}")
            self._watcher.done(one.filename)
        return there, lost

    def _missing(self, one: Content) -> str | None:
        """Why a file cannot be in the folder; None: it is, empty: it does not have to be."""
        try:
            size = self._blobs.size(one.sha256)
            if size is None:
                if one.must_be_there and not Contents(self._store.engine).names(one.sha256):
                    raise _GoneError
                return ": missing" if one.must_be_there else ""
            if self._kept.size(one.sha256) == size or self._copy(one.sha256, size):
                return None
            return ": other bytes"
        except UnreadError as error:
            return f": {error.what}"

    def _copy(self, sha256: str, size: int) -> bool:
        """Copy a file, verified; False if it is damaged."""
        draft = self._kept.scratch / sha256
        draft.unlink(missing_ok=True)
        if not (self._link and self._shared(sha256, draft)):
            with draft.open("xb") as file:
                if _digest(_written(self._blobs.read(sha256, 0, size), file)) != sha256:
                    draft.unlink()
                    return False
        self._kept.put(sha256, draft)
        self._copied += 1
        self._copied_size += size
        return True

    def _shared(self, sha256: str, draft: Path) -> bool:
        """Give the same file a second name, where that is possible."""
        path = self._blobs.path(sha256)
        if path is None:
            return False
        try:
            os.link(path, draft)
        except OSError:
            return False
        return True

    def _forget(self, before: _Manifest | None) -> None:
        """Remove the database of the backup before; its files are shared."""
        if before is not None:
            for name in (before.database, before.files):
                (self._folder / name).unlink(missing_ok=True)

    def _prune(self, there: set[str]) -> int:
        old = [sha256 for sha256 in self._kept.all() if sha256 not in there]
        for sha256 in old:
            self._kept.delete(sha256)
        return len(old)


def restore_from(
    folder: Path, store: Store, blobs: Blobs, *, partly: bool = False,
    watcher: Watcher | None = None,
) -> Restored:  # fmt: skip
    """Make an empty index what a backup is; every file is read and compared with its digest.

    The database comes last, so an index whose restoration was interrupted is still empty.
    ``partly``: also if files are missing or damaged in the backup. Raises UsageError for an index
    that is not empty or a folder that has no backup, SourceError for a damaged one.
    """
    watcher = watcher or Watcher()
    manifest = _old_manifest(folder)
    if manifest is None:
        raise UsageError("has no backup", expected=f"a file `{_MANIFEST}`", place=(str(folder),))
    _check(manifest, folder, store)
    kept = _Kept(folder / "blobs")
    wanted = _listed(folder / manifest.files, manifest.files_sha256)
    watcher.expect(len(wanted))
    lost: list[str] = []
    for sha256 in wanted:
        if not kept.bring(sha256, blobs):
            lost.append(sha256)
        watcher.done(sha256)
    if lost and not partly:
        raise SourceError(
            f"{len(lost)} of {len(wanted)} files of the backup are missing or damaged: "
            + ", ".join(lost[:3]),
            place=(str(folder),),
            hint="nothing was restored; `--partly` takes the rest, `sha256sum --check --quiet "
            f"{manifest.files}` in the folder lists them",
        )
    restore(store.engine, folder / manifest.database)
    upgrade(store.engine)
    return Restored(files=len(wanted) - len(lost), made=manifest.made, lost=tuple(lost))


class _Kept:
    """The files of a backup, only read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def bring(self, sha256: str, blobs: Blobs) -> bool:
        """Put a file into an index, if it is whole."""
        path = self._folder / sha256[:2] / sha256[2:4] / sha256
        draft = blobs.scratch / sha256
        draft.unlink(missing_ok=True)
        try:
            if blobs.size(sha256) == path.stat().st_size:
                # Of a restoration that was interrupted: it was compared before it was put there.
                return True
            with path.open("rb") as source, draft.open("xb") as target:
                whole = _digest(_written(iter(lambda: source.read(_CHUNK), b""), target)) == sha256
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.filename == str(path):
                return False
            raise _unwritable(blobs.scratch, error) from error
        if not whole:
            draft.unlink()
            return False
        blobs.put(sha256, draft)
        return True


def _check(manifest: _Manifest, folder: Path, store: Store) -> None:
    """Whether a backup can become this index."""
    kind = store.engine.dialect.name
    if manifest.kind != kind:
        raise UsageError(
            "the backup is of another kind of database",
            found=manifest.kind,
            expected=kind,
            hint="`--database` names one of that kind",
        )
    if not knows(manifest.schema):
        raise UsageError(
            f"the backup was made by a newer trueup ({manifest.trueup})",
            hint="install that one or a newer one",
        )
    if not is_empty(store.engine):
        raise UsageError(
            "the index is not empty, and a backup is not mixed with what is there",
            hint="`--data` and `--database` name another place",
        )
    try:
        digest = _digest(_chunks(folder / manifest.database))
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(folder / manifest.database),)
        ) from error
    if digest != manifest.database_sha256:
        raise SourceError(
            "is damaged",
            found=f"sha256 {digest}",
            expected=manifest.database_sha256,
            place=(str(folder / manifest.database),),
        )


def _listed(path: Path, sha256: str) -> list[str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SourceError("is damaged: its sha256 is another", place=(str(path),))
    return [line.partition(" ")[0] for line in data.decode("ascii").splitlines()]


def _old_manifest(folder: Path) -> _Manifest | None:
    """What a folder has; None if it has no backup yet. Raises UsageError for another folder."""
    path = folder / _MANIFEST
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except (FileNotFoundError, NotADirectoryError):
        if folder.exists() and (not folder.is_dir() or not _may_be_one(folder)):
            raise UsageError(
                "is no folder of backups, and not empty", place=(str(folder),)
            ) from None
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"cannot be read: {error}", place=(str(path),)) from error
    if found.trueup_backup != _FORMAT:
        raise UsageError(
            "has another format",
            found=str(found.trueup_backup),
            expected=str(_FORMAT),
            place=(str(path),),
        )
    return found


def _may_be_one(folder: Path) -> bool:
    """Whether a folder is empty, or has what an interrupted first backup leaves."""
    ours = ("blobs", "index-", "files-", ".files-", ".backup.json.")
    return all(path.name.startswith(ours) for path in folder.iterdir())


def _settle(draft: Path, target: Path) -> None:
    """Have a finished file on the disk, under its name."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)


def _written(chunks: Iterable[bytes], file: BinaryIO) -> Iterator[bytes]:
    for chunk in chunks:
        file.write(chunk)
        yield chunk


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _digest(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _unwritable(folder: Path, error: OSError) -> SourceError:
    return SourceError(f"cannot be written: {error.strerror or error}", place=(str(folder),))
