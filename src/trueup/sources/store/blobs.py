"""Files by their sha256: in a folder, or in an object store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from trueup.model.errors import NotFoundError
from trueup.sources.store.failures import StoreError, UnreadError
from trueup.sources.store.scratch import open_scratch

__all__ = ["Blobs", "FolderBlobs", "ObjectBlobs", "blob_file", "open_blobs"]

CHUNK = 1024 * 1024

_PATIENCE = 5.0
"""Seconds after which an object store that fails is not asked again: somebody waits for an answer."""

_NEAR = ("file:", "memory:")
"""Stores that are asked through no network."""


class Blobs(Protocol):
    """Immutable files by the sha256 of their bytes, in hexadecimal.

    ``scratch`` is a folder for files that are not finished, where taking them over is cheap.
    """

    scratch: Path

    def put(self, sha256: str, path: Path) -> None:
        """Take a finished file over; one that is there already stays. Durable on return."""
        ...

    def size(self, sha256: str) -> int | None:
        """Bytes of a blob; None if it is not there."""
        ...

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``end`` in chunks; raises NotFoundError."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove a blob; one that is not there is no fault."""
        ...

    def drop(self, sha256: str, *, before: float) -> bool:
        """Remove a blob that nobody put, or put again, since ``before`` (seconds since 1970).

        Whether it was removed; who puts it at the same moment has it afterwards.
        """
        ...

    def path(self, sha256: str) -> Path | None:
        """The file that a blob is, or would be; None where blobs are no files."""
        ...

    def all(self) -> Iterator[str]:
        """Every sha256 that is there."""
        ...


class FolderBlobs:
    """Blobs as files in a folder: `ab/cd/abcd…`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.scratch = open_scratch(folder / "incoming")

    def path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError(f"{sha256!r} is no sha256")
        return self._folder / sha256[:2] / sha256[2:4] / sha256

    def put(self, sha256: str, path: Path) -> None:
        target = self.path(sha256)
        try:
            if self._renewed(target, path.stat().st_size):
                path.unlink()
            else:
                os.utime(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                path.replace(target)
            # Also for a file that is there: who put it may not have come so far yet.
            for folder in (target.parent, target.parent.parent, self._folder):
                _sync(folder)
        except OSError as error:
            raise StoreError(
                f"cannot be kept: {error.strerror or error}", place=(str(target),)
            ) from error

    def _renewed(self, target: Path, size: int) -> bool:
        """Whether the file is there; its time says when it was last put."""
        try:
            os.utime(target)
            return target.stat().st_size == size
        except FileNotFoundError:
            return False

    def size(self, sha256: str) -> int | None:
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(sha256, error) from error

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        try:
            with self.path(sha256).open("rb") as file:
                file.seek(start)
                left = end - start
                while left and (chunk := file.read(min(left, CHUNK))):
                    left -= len(chunk)
                    yield chunk
        except FileNotFoundError as error:
            raise NotFoundError("is not kept", place=(sha256,)) from error
        except OSError as error:
            raise _unusable(sha256, error) from error

    def delete(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)

    def drop(self, sha256: str, *, before: float) -> bool:
        aside = self.scratch / f"drop-{sha256}"
        try:
            if self.path(sha256).stat().st_mtime >= before:
                return False
            self.path(sha256).rename(aside)
        except FileNotFoundError:
            return False
        if aside.stat().st_mtime < before:
            aside.unlink()
            return True
        # Somebody put it between the two looks.
        self.put(sha256, aside)
        return False

    def all(self) -> Iterator[str]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/??/*"):
            yield path.name


def _unusable(sha256: str, error: OSError) -> UnreadError:
    return UnreadError(f"cannot be read: {error.strerror or error}", place=(sha256,))


def _sync(folder: Path) -> None:
    """Have the entries of a folder on the disk; Windows does that itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class ObjectBlobs:
    """Blobs in an object store that obstore knows (`s3://bucket/prefix`)."""

    def __init__(self, url: str, scratch: Path, **options: Any) -> None:
        import obstore.store

        if not url.startswith(_NEAR):
            options.setdefault("retry_config", {"retry_timeout": timedelta(seconds=_PATIENCE)})
        self._store = obstore.store.from_url(url, **options)
        self.scratch = open_scratch(scratch)

    def put(self, sha256: str, path: Path) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            try:
                obstore.put(self._store, self._key(sha256), path, mode="create")
            except AlreadyExistsError:
                # Once more, so that its time says when it was last put.
                obstore.put(self._store, self._key(sha256), path)
        except Exception as error:  # obstore's errors share no base but this
            raise StoreError(f"cannot be kept: {_said(error)}", place=(sha256,)) from error
        path.unlink(missing_ok=True)

    def _key(self, sha256: str) -> str:
        return f"{sha256[:2]}/{sha256}"

    def size(self, sha256: str) -> int | None:
        import obstore

        try:
            return int(obstore.head(self._store, self._key(sha256))["size"])
        except FileNotFoundError:
            return None
        except Exception as error:  # obstore's errors share no base but this
            raise StoreError(f"cannot be looked for: {_said(error)}", place=(sha256,)) from error

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        import obstore

        for first in range(start, end, CHUNK):
            last = min(first + CHUNK, end)
            try:
                yield bytes(
                    obstore.get_range(self._store, self._key(sha256), start=first, end=last)
                )
            except FileNotFoundError as error:
                raise NotFoundError("is not kept", place=(sha256,)) from error
            except Exception as error:  # obstore's errors share no base but this
                raise StoreError(f"cannot be read: {_said(error)}", place=(sha256,)) from error

    def delete(self, sha256: str) -> None:
        import obstore

        obstore.delete(self._store, self._key(sha256))

    def drop(self, sha256: str, *, before: float) -> bool:
        import obstore

        try:
            found = obstore.head(self._store, self._key(sha256))
            if found["last_modified"].timestamp() >= before:
                return False
            obstore.delete(self._store, self._key(sha256))
        except FileNotFoundError:
            return False
        except Exception as error:  # obstore's errors share no base but this
            raise StoreError(f"cannot be removed: {_said(error)}", place=(sha256,)) from error
        return True

    def path(self, sha256: str) -> Path | None:
        return None

    def all(self) -> Iterator[str]:
        import obstore

        for batch in obstore.list(self._store):
            for item in batch:
                yield item["path"].rpartition("/")[2]


def _said(error: Exception) -> str:
    """The first line: others are for who writes object stores."""
    return str(error).partition("\n")[0]


def open_blobs(where: str, folder: Path) -> FolderBlobs | ObjectBlobs:
    """A folder, or an address such as ``s3://bucket/prefix``; ``folder`` takes unfinished files."""
    if "://" in where:
        return ObjectBlobs(where, folder / "incoming")
    return FolderBlobs(Path(where))


def blob_file(blobs: Blobs, sha256: str, size: int) -> BinaryIO:
    """A blob as a seekable file; what is read of it is fetched, and nothing else."""
    return cast(BinaryIO, _BlobFile(blobs, sha256, size))


class _BlobFile:
    """Just enough of a file for `zipfile`."""

    def __init__(self, blobs: Blobs, sha256: str, size: int) -> None:
        self._blobs, self._sha256, self._size, self._at = blobs, sha256, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        data = b"".join(self._blobs.read(self._sha256, self._at, end)) if end > self._at else b""
        self._at += len(data)
        return data
