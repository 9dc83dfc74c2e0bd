"""A folder, or a prefix of an object store, that holds the parts of a survey."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from trueup.model.errors import SourceError, UsageError
from trueup.sources.output import replacing

__all__ = ["Dataset", "FolderDataset", "ObjectDataset", "Part", "open_dataset"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Part:
    """A file of a dataset: ``key`` is its path from the top, ``mark`` changes with its bytes."""

    key: str
    size: int
    mark: str


class Dataset(Protocol):
    """Whole files by their keys. Putting one replaces it in one step; readers see old or new."""

    where: str

    def parts(self, prefix: str) -> list[Part]:
        """The files whose keys begin with a folder's path, sorted."""
        ...

    def fetched(self, key: str) -> AbstractContextManager[Path]:
        """A context in which the file is there as a path; raises SourceError."""
        ...

    def put(self, key: str, path: Path) -> None:
        """Take over a finished file (it is moved, or copied away and removed)."""
        ...

    def read(self, key: str) -> bytes | None:
        """The bytes of a small file, None if there is none."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Replace a small file."""
        ...

    def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no fault."""
        ...


class FolderDataset:
    """A dataset in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = str(folder)

    def parts(self, prefix: str) -> list[Part]:
        found = []
        for path in sorted((self.folder / prefix).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                status = path.stat()
                found.append(
                    Part(
                        key=path.relative_to(self.folder).as_posix(),
                        size=status.st_size,
                        mark=str(status.st_mtime_ns),
                    )
                )
        return found

    @contextmanager
    def fetched(self, key: str) -> Iterator[Path]:
        yield self.folder / key

    def put(self, key: str, path: Path) -> None:
        target = self.folder / key
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.parent.stat().st_dev != path.stat().st_dev:
                with replacing(target) as file, path.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
                path.unlink()
                return
            with path.open("rb") as file:
                os.fsync(file.fileno())
            path.replace(target)
        except OSError as error:
            raise _unwritable(target, error) from error

    def read(self, key: str) -> bytes | None:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(f"cannot be read: {error}", place=(self.where, key)) from error

    def write(self, key: str, data: bytes) -> None:
        target = self.folder / key
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                file.write(data)
        except OSError as error:
            raise _unwritable(target, error) from error

    def delete(self, key: str) -> None:
        (self.folder / key).unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> SourceError:
    return SourceError(f"cannot be written: {error.strerror or error}", place=(str(target),))


class ObjectDataset:
    """A dataset in an object store (`s3://bucket/prefix`); parts are fetched to be read."""

    def __init__(self, url: str) -> None:
        try:
            import obstore
            import obstore.store
        except ModuleNotFoundError as error:
            raise UsageError(
                "a dataset in an object store needs `obstore`",
                hint="install it with `pip install 'trueup[survey]'`",
            ) from error
        self.where = url
        self._obstore = obstore
        self._store = obstore.store.from_url(url)

    def parts(self, prefix: str) -> list[Part]:
        try:
            return sorted(
                Part(key=item["path"], size=item["size"], mark=item["e_tag"] or "")
                for batch in self._obstore.list(self._store, prefix)
                for item in batch
            )
        except Exception as error:  # obstore's errors share no base but this
            raise SourceError(f"cannot be listed: {error}", place=(self.where, prefix)) from error

    @contextmanager
    def fetched(self, key: str) -> Iterator[Path]:
        with TemporaryDirectory(prefix="trueup-part-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            try:
                with path.open("wb") as file:
                    for chunk in self._obstore.get(self._store, key):
                        file.write(chunk)
            except Exception as error:  # obstore's errors share no base but this
                raise SourceError(f"cannot be fetched: {error}", place=(self.where, key)) from error
            yield path

    def put(self, key: str, path: Path) -> None:
        try:
            self._obstore.put(self._store, key, path)
        except Exception as error:  # obstore's errors share no base but this
            raise SourceError(f"cannot be put: {error}", place=(self.where, key)) from error
        path.unlink()

    def read(self, key: str) -> bytes | None:
        try:
            return bytes(self._obstore.get(self._store, key).bytes())
        except FileNotFoundError:
            return None
        except Exception as error:  # obstore's errors share no base but this
            raise SourceError(f"cannot be read: {error}", place=(self.where, key)) from error

    def write(self, key: str, data: bytes) -> None:
        try:
            self._obstore.put(self._store, key, data)
        except Exception as error:  # obstore's errors share no base but this
            raise SourceError(f"cannot be put: {error}", place=(self.where, key)) from error

    def delete(self, key: str) -> None:
        try:
            self._obstore.delete(self._store, key)
        except FileNotFoundError:
            pass
        except Exception as error:  # obstore's errors share no base but this
            raise SourceError(f"cannot be removed: {error}", place=(self.where, key)) from error


def open_dataset(where: str) -> FolderDataset | ObjectDataset:
    """A folder, or an address such as ``s3://bucket/prefix``."""
    return ObjectDataset(where) if "://" in where else FolderDataset(Path(where))
