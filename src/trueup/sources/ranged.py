"""A file on a server, read in pieces: what `zipfile` needs of a wheel, in one or two requests."""

from __future__ import annotations

import hashlib
import io
import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from trueup.model.errors import LimitError, SourceError
from trueup.sources.http import AnswerError, Client, Response
from trueup.sources.limits import bounded
from trueup.sources.url import redact

__all__ = ["RangeLimits", "RangedFile"]

# Some servers sign addresses for GET alone and refuse HEAD in these ways.
_HEAD = (200, 400, 403, 405, 501)
_CONTENT_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)", re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes\s+\*/(\d+)", re.IGNORECASE)
# Entries of a wheel's central directory that are read: its own METADATA and WHEEL.
_ENDINGS = (b".dist-info/METADATA", b".dist-info/WHEEL")
_ENTRY = struct.Struct("<4s16xII H12xI")  # signature, sizes, name length, offset of the member


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeLimits:
    """In bytes: ``tail`` is what the first request asks for, at the end of the file (128 KiB read
    most wheels in one request); members closer than ``together`` are fetched with one request;
    ``slack`` is the least that is asked for, ``before`` what is fetched along with the rest of a
    central directory that is longer than the tail;
    ``ranges`` bounds the sum of all pieces and ``whole`` a file whose server refuses ranges;
    ``in_memory`` is what a whole file may take of the memory before it goes to the disk.
    """

    tail: int = 128 * 1024
    together: int = 256 * 1024
    slack: int = 4 * 1024
    before: int = 64 * 1024
    ranges: int = 256 * 1024 * 1024
    whole: int = 8 * 1024**3
    in_memory: int = 8 * 1024 * 1024


class RangedFile(io.RawIOBase):
    """A seekable, read-only file over HTTP ranges (RFC 9110, section 14).

    The first request asks for the tail. Where the server ignores ranges and sends the file, that
    is the file (:attr:`whole`); where it refuses a suffix, it is asked for the size first. A file
    that changes between two requests, and an answer that is not what was asked for, raise
    AnswerError; the limits raise LimitError. For one thread.
    """

    def __init__(self, client: Client, url: str, *, limits: RangeLimits | None = None) -> None:
        super().__init__()
        self._client = client
        self._url = url
        self._limits = limits or RangeLimits()
        self._position = 0
        self._fetched = 0
        self._etag: str | None = None
        self._starts: list[int] = []
        self._pieces: list[bytes] = []
        self._spool: IO[bytes] | None = None
        self.sha256: str | None = None
        """The digest of the whole file, if it was downloaded."""
        self._size = 0
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """The length of the file in bytes."""
        return self._size

    @property
    def end_read(self) -> int:
        """How many bytes at the end of the file were fetched without a gap."""
        start = self._size
        for first, piece in zip(reversed(self._starts), reversed(self._pieces), strict=True):
            if first + len(piece) < start:
                break
            start = first
        return self._size - start

    @property
    def whole(self) -> bool:
        """Whether the server sent the whole file instead of a part."""
        return self.sha256 is not None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("negative seek position")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = self._size if size is None or size < 0 else min(self._position + size, self._size)
        start = min(self._position, end)
        data = self._between(start, end)
        self._position = start + len(data) if data else self._position
        return data

    def readall(self) -> bytes:
        return self.read(-1)

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
        self._pieces.clear()
        self._starts.clear()
        super().close()

    def _open(self) -> None:
        """Fetch the tail, by whichever way the server allows."""
        tail = self._limits.tail
        size = self._ask(f"bytes=-{tail}", suffix=tail)
        if size is None:
            size = self._client.request(self._url, _length, method="HEAD", accept=_HEAD)
        if size is None and not self.whole:
            # No suffix ranges and no HEAD: the first byte's answer tells the size.
            size = self._ask("bytes=0-0", expected=(0, 1))
        if self.whole:
            return
        if size is None:
            raise AnswerError(
                "the server does not tell the size of the file", place=(redact(self._url),)
            )
        self._size = size
        if size and (not self._starts or self._starts[-1] + len(self._pieces[-1]) < size):
            self._fetch(max(0, size - tail), size)

    def _between(self, start: int, end: int) -> bytes:
        if self._spool is not None:
            self._spool.seek(start)
            return self._spool.read(end - start)
        parts = []
        while start < end:
            index = bisect_right(self._starts, start) - 1
            piece = self._pieces[index] if index >= 0 else b""
            within = start - self._starts[index] if index >= 0 else 0
            if within >= len(piece):
                following = self._starts[index + 1] if index + 1 < len(self._starts) else self._size
                self._fetch(*self._plan(start, min(end, following), following))
                if self._spool is not None:
                    raise self._changed("the whole file", "a part of it")
                continue
            part = piece[within : within + end - start]
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _plan(self, start: int, end: int, following: int) -> tuple[int, int]:
        """Widen the gap that is needed to what will be needed next."""
        low, high = start, max(end, min(start + self._limits.slack, following))
        if end == following:
            # All that is missing of the central directory: what lies before it is often METADATA.
            low -= min(self._limits.before, end - start)
        for first, last in self._members():
            if first >= following or last <= self._end_before(start):
                continue
            if max(high, last) - min(low, first) <= self._limits.together:
                low, high = min(low, first), max(high, last)
        return max(low, self._end_before(start)), min(high, following)

    def _end_before(self, position: int) -> int:
        index = bisect_right(self._starts, position) - 1
        return self._starts[index] + len(self._pieces[index]) if index >= 0 else 0

    def _members(self) -> Iterator[tuple[int, int]]:
        """Where METADATA and WHEEL lie, as far as the pieces hold the central directory.

        A guess that saves requests, never more: `zipfile` reads the archive.
        """
        for piece in self._pieces:
            for ending in _ENDINGS:
                found = piece.find(ending)
                while found >= 0:
                    end = found + len(ending)
                    at = piece.rfind(b"PK\x01\x02", max(0, found - 300), found)
                    span = self._entry(piece, at, end) if at >= 0 else None
                    if span is not None:
                        yield span
                    found = piece.find(ending, end)

    def _entry(self, piece: bytes, at: int, end: int) -> tuple[int, int] | None:
        """The span of the member whose entry is at ``at`` and whose name stops at ``end``."""
        if at + _ENTRY.size >= end:
            return None
        _, packed, _, length, offset = _ENTRY.unpack_from(piece, at)
        name = piece[at + _ENTRY.size : end]
        # A vendored package's dist-info lies deeper than the wheel's own.
        if length != len(name) or name.count(b"/") != 1 or offset + packed > self._size:
            return None
        # The local header: 30 fixed bytes, the name, and an extra field of its own.
        return offset, min(offset + 30 + length + 256 + packed, self._size)

    def _fetch(self, start: int, end: int) -> None:
        if self._fetched + end - start > self._limits.ranges:
            raise LimitError(
                "reading the metadata takes too much of the file",
                found=f"more than {self._limits.ranges} bytes",
                expected=f"at most {self._limits.ranges} bytes",
                place=(redact(self._url),),
            )
        self._ask(f"bytes={start}-{end - 1}", expected=(start, end))

    def _ask(
        self, wanted: str, *, suffix: int | None = None, expected: tuple[int, int] | None = None
    ) -> int | None:
        """One range request; returns the size of the file, None if the range was refused."""
        headers = {"Range": wanted}
        # RFC 9110, section 13.1.5: only a strong validator may be used with If-Range.
        if self._etag is not None and not self._etag.startswith("W/"):
            headers["If-Range"] = self._etag
        accept = (200, 206, 416, 501) if suffix is not None else (200, 206)

        def read(response: Response) -> int | None:
            if response.status == 206:
                return self._take_part(response, suffix, expected)
            if response.status == 200:
                if self._pieces:
                    raise self._changed("an answer with the whole file", "a part of the same file")
                self._take_whole(response)
                return self._size
            refused = _UNSATISFIED.fullmatch(response.headers.get("content-range", "").strip())
            return int(refused[1]) if refused else None

        return self._client.request(self._url, read, headers=headers, accept=accept)

    def _take_part(
        self, response: Response, suffix: int | None, expected: tuple[int, int] | None
    ) -> int:
        text = response.headers.get("content-range", "")
        match = _CONTENT_RANGE.fullmatch(text.strip())
        start, end = (int(match[1]), int(match[2]) + 1) if match else (0, 0)
        if match is None or match[3] == "*" or not start < end <= int(match[3]):
            raise self._wrong(f"`Content-Range: {text}`" if text else "no `Content-Range`")
        size = int(match[3])
        if suffix is not None:
            expected = (max(0, size - suffix), size)
            if (start, end) != expected:
                return size  # took the suffix for something else; an absolute range comes next
        elif (start, end) != expected:
            raise self._wrong(f"`Content-Range: {text}`")
        etag = response.headers.get("etag")
        if self._pieces and (size != self._size or etag != self._etag):
            raise self._changed(f"{size} bytes, ETag {etag}", f"{self._size} bytes, {self._etag}")
        data = response.body(end - start)
        if len(data) != end - start:
            raise self._wrong(f"{len(data)} bytes for `Content-Range: {text}`")
        self._etag, self._size = etag, size
        self._fetched += len(data)
        self._keep(start, data)
        return size

    def _keep(self, start: int, data: bytes) -> None:
        index = bisect_right(self._starts, start)
        self._starts.insert(index, start)
        self._pieces.insert(index, data)

    def _take_whole(self, response: Response) -> None:
        if self._spool is not None:
            self._spool.close()
        spool: IO[bytes] = SpooledTemporaryFile(max_size=self._limits.in_memory)  # noqa: SIM115
        digest = hashlib.sha256()
        self._spool, size = spool, 0
        for part in bounded(response.chunks(), self._limits.whole, place=redact(self._url)):
            size += len(part)
            digest.update(part)
            spool.write(part)
        self._size, self.sha256 = size, digest.hexdigest()

    def _wrong(self, found: str) -> SourceError:
        return AnswerError(
            "the server answers a range request with something else",
            found=found,
            expected="the range that was asked for",
            hint="a proxy may be in the way; a full download with `--deep` does without ranges",
            place=(redact(self._url),),
        )

    def _changed(self, found: str, expected: str) -> SourceError:
        return AnswerError(
            "the file changed while it was read",
            found=found,
            expected=expected,
            hint="run the check again",
            place=(redact(self._url),),
        )


def _length(response: Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if response.status == 200 and text.isdecimal() else None
