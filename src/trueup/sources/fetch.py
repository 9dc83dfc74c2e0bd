"""Reading archives where they are: by ranges, by a stream that stops early, or as a whole."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from tempfile import TemporaryFile
from typing import IO, BinaryIO, cast

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import ArchiveError, NotFoundError
from trueup.model.metadata import Unreadable
from trueup.model.release import How, Reading
from trueup.sources.archive import reading_of_sdist, reading_of_wheel
from trueup.sources.http import AnswerError, Client, Response
from trueup.sources.limits import Limits, bounded
from trueup.sources.ranged import RangedFile, RangeLimits
from trueup.sources.sidecar import explained, first_hash
from trueup.sources.unzip import dist_info_file, open_zip
from trueup.sources.url import local_path, redact

__all__ = ["ArchiveFetcher"]

_LONGEST_TAIL = 4 * 1024 * 1024
"""Bytes at the end of a wheel that are asked for at once where a sibling needed as many."""


class ArchiveFetcher:
    """Reads the metadata of archives at http, https and file addresses.

    What is wrong with one file (damage, a wrong hash, an answer that is an error) comes back as
    Unreadable; a server that does not answer raises SourceError.
    """

    def __init__(self, client: Client, *, limits: RangeLimits | None = None) -> None:
        self._client = client
        self._limits = limits or RangeLimits()
        self._tails: dict[tuple[NormalizedName, Version], int] = {}
        """How much of the end the wheels of a release need, as far as it is more than usual."""

    def wheel(self, artifact: Artifact) -> Reading:
        """A wheel, by ranges; in full, and verified, only where the server knows no ranges."""
        if artifact.url.startswith("file:"):
            return self.whole(artifact)
        return _guarded(lambda: self._by_ranges(artifact), How.RANGE)

    def sdist(self, artifact: Artifact) -> Reading:
        """An sdist: a tar stream is closed as soon as what is wanted has passed by."""
        if artifact.url.startswith("file:"):
            return self.whole(artifact)
        if artifact.filename.endswith(".zip"):
            return _guarded(lambda: self._by_ranges(artifact), How.RANGE)
        return _guarded(
            lambda: self._client.request(artifact.url, lambda answer: _streamed(artifact, answer)),
            How.RANGE,
        )

    def whole(self, artifact: Artifact) -> Reading:
        """The whole file, its size and hash compared with the listing's."""

        def read() -> Reading:
            if artifact.url.startswith("file:"):
                with _local(artifact) as file:
                    return _verified(artifact, file)
            with TemporaryFile() as file:
                self._client.request(artifact.url, lambda answer: self._download(answer, file))
                return _verified(artifact, file)

        return _guarded(read, How.FILE)

    def save(self, artifact: Artifact, file: IO[bytes]) -> Reading:
        """Put the whole file into ``file``, open to be written and read; see :meth:`whole`."""

        def read() -> Reading:
            if artifact.url.startswith("file:"):
                with _local(artifact) as local:
                    shutil.copyfileobj(local, file)
            else:
                self._client.request(artifact.url, lambda answer: self._download(answer, file))
            return _verified(artifact, file)

        return _guarded(read, How.FILE)

    def members(self, artifact: Artifact) -> tuple[str, ...]:
        """The names of a wheel's members, by ranges; raises ArchiveError and SourceError."""
        if artifact.url.startswith("file:"):
            with _local(artifact) as local:
                return tuple(open_zip(local, Limits()).namelist())
        with RangedFile(self._client, artifact.url, limits=self._limits) as file:
            return tuple(open_zip(cast(BinaryIO, file), Limits()).namelist())

    def dist_info(self, artifact: Artifact, name: str) -> bytes:
        """A file of a wheel's dist-info folder, by ranges; raises ArchiveError, SourceError."""
        if artifact.url.startswith("file:"):
            with _local(artifact) as local:
                return dist_info_file(local, name, place=artifact.filename)
        with RangedFile(self._client, artifact.url, limits=self._limits) as file:
            return dist_info_file(cast(BinaryIO, file), name, place=artifact.filename)

    def _by_ranges(self, artifact: Artifact) -> Reading:
        limits = self._limits_for(artifact)
        with RangedFile(self._client, artifact.url, limits=limits) as file:
            if artifact.size is not None and file.size != artifact.size:
                return _wrong_size(artifact, file.size)
            reading = _read(artifact, cast(BinaryIO, file))
            if not file.whole:
                if file.end_read > limits.tail:
                    self._learn(artifact, file.end_read)
                return replace(reading, how=How.RANGE, verified=False)
            return _compared(artifact, reading, file.sha256, How.FILE)

    def _limits_for(self, artifact: Artifact) -> RangeLimits:
        """The limits, with the tail that another wheel of the release needed: they are alike."""
        if isinstance(artifact.name, OtherName):
            return self._limits
        known = self._tails.get((artifact.name.project, artifact.name.version))
        return self._limits if known is None else replace(self._limits, tail=known)

    def _learn(self, artifact: Artifact, needed: int) -> None:
        if isinstance(artifact.name, OtherName) or needed > _LONGEST_TAIL:
            return
        release = (artifact.name.project, artifact.name.version)
        # Others differ by a little; two threads that write at once lose a request, no more.
        self._tails[release] = max(self._tails.get(release, 0), needed + needed // 16)

    def _download(self, response: Response, file: IO[bytes]) -> None:
        file.seek(0)
        file.truncate()
        for part in bounded(response.chunks(), self._limits.whole, place=redact(response.url)):
            file.write(part)


class _Stream(io.RawIOBase):
    """The body of an answer as a file that can only be read forward; hashed on the way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._left = memoryview(b"")
        self.digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self.digest.update(chunk)
            self.size += len(chunk)
            self._left = memoryview(chunk)
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _streamed(artifact: Artifact, response: Response) -> Reading:
    stream = _Stream(response.chunks())
    reading = _read(artifact, cast(BinaryIO, io.BufferedReader(stream)))
    return replace(reading, how=How.RANGE, verified=False)


def _read(artifact: Artifact, file: BinaryIO) -> Reading:
    if artifact.is_wheel:
        return reading_of_wheel(file, artifact)
    return reading_of_sdist(file, artifact)


def _local(artifact: Artifact) -> BinaryIO:
    path = local_path(artifact.url)
    try:
        return path.open("rb")
    except OSError as error:
        raise NotFoundError(
            "cannot be opened", found=error.strerror or str(error), place=(str(path),)
        ) from error


def _verified(artifact: Artifact, file: IO[bytes]) -> Reading:
    """Compare size and hash first: what the listing does not vouch for is not taken apart."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    if artifact.size is not None and size != artifact.size:
        return _wrong_size(artifact, size)
    file.seek(0)
    name, _ = first_hash(artifact.hashes)
    found = _digest(file, name) if name is not None else None
    file.seek(0)
    problem = _difference(artifact, name, found)
    if problem is not None:
        return Reading(metadata=problem, how=How.FILE)
    reading = _read(artifact, cast(BinaryIO, file))
    return replace(reading, how=How.FILE, verified=found is not None)


def _digest(file: IO[bytes], name: str) -> str:
    digest = hashlib.new(name)
    while chunk := file.read(1024 * 1024):
        digest.update(chunk)
    return digest.hexdigest()


def _compared(artifact: Artifact, reading: Reading, sha256: str | None, how: How) -> Reading:
    expected = artifact.hashes.get("sha256")
    if expected is None or sha256 is None:
        return replace(reading, how=how, verified=False)
    problem = _difference(artifact, "sha256", sha256)
    if problem is not None:
        return Reading(metadata=problem, how=how)
    return replace(reading, how=how, verified=True)


def _difference(artifact: Artifact, name: str | None, found: str | None) -> Unreadable | None:
    if name is None or found is None or found == artifact.hashes[name]:
        return None
    return Unreadable(
        reason=f"the file's {name} is not the one that the listing gives: "
        f"found `{found}`, expected `{artifact.hashes[name]}`",
        hint="the download is damaged, or someone changed the file",
    )


def _wrong_size(artifact: Artifact, size: int) -> Reading:
    return Reading(
        metadata=Unreadable(
            reason="the file's size is not the one that the listing gives: "
            f"found {size} bytes, expected {artifact.size} bytes",
            hint="the download is damaged, or someone changed the file",
        ),
        how=How.FILE,
    )


def _guarded(read: Callable[[], Reading], how: How) -> Reading:
    """What is wrong with one file is the file's; only a server that is silent raises."""
    try:
        return read()
    except (AnswerError, NotFoundError) as error:
        return Reading(metadata=explained(error), how=how)
    except ArchiveError as error:
        bare = type(error)(error.what, found=error.found, expected=error.expected)
        return Reading(metadata=Unreadable(reason=str(bare), hint=error.hint), how=how)
