"""A compressed stream, unpacked as far as it is read, in bounded memory."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from trueup.model.errors import ArchiveError, LimitError
from trueup.sources.limits import Limits, check_size, size_text

__all__ = ["Unpacked"]

_CHUNK = 64 * 1024


class _Engine(Protocol):
    """What the decompressors of `bz2` and `lzma` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """`zlib` with the manners of `bz2` and `lzma`; checks length and CRC-32 (RFC 1952)."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def needs_input(self) -> bool:
        return not self._engine.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._engine.decompress(self._engine.unconsumed_tail + data, max_length)


_ENGINES: dict[bytes, Callable[[int], _Engine]] = {
    b"\x1f\x8b": lambda _: _Gzip(),
    b"BZh": lambda _: bz2.BZ2Decompressor(),
    b"\xfd7zXZ\x00": lambda memory: lzma.LZMADecompressor(memlimit=memory),
}
_UNSUPPORTED = {
    b"\x1f\x9d": "is compressed with `compress` (`.tar.Z`), which is not supported",
    b"\x28\xb5\x2f\xfd": "is compressed with `zstd`, which is not supported",
    b"PK\x03\x04": "is a zip archive, and its name says that it is a tar archive",
}
_REPACK = "no installer of today takes it; publish the sdist as `.tar.gz`"


class Unpacked:
    """The unpacked bytes of a stream that is plain, gzip, bzip2 or xz, told by its first bytes.

    Reads forward only, so the stream need not be seekable. Raises LimitError as soon as more is
    read, or unpacked, than the limits allow, and ArchiveError for damage. ``position`` counts the
    bytes handed out.
    """

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._packed = self._unpacked = self.position = 0
        self._ready = memoryview(b"")
        self._pending = b""
        self._magic = self._recognise()
        self._engine = self._new_engine() if self._magic else None

    @property
    def vouched(self) -> bool:
        """Whether the compression tells a complete stream from one that was cut off."""
        return self._engine is not None

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer only at the end."""
        parts = []
        while size and (self._ready or self._fill()):
            part = self._ready[:size]
            self._ready = self._ready[len(part) :]
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self.position += len(data)
        return data

    def skip(self, size: int) -> bool:
        """Pass over ``size`` bytes; False if the stream ends before."""
        while size and (self._ready or self._fill()):
            step = min(size, len(self._ready))
            self._ready = self._ready[step:]
            self.position += step
            size -= step
        return not size

    def _recognise(self) -> bytes:
        """The first bytes that tell the compression; none if there is no compression."""
        head = self._at_least(6)
        if not head:
            raise ArchiveError("is empty", hint="the file was not written or not downloaded")
        for magic, reason in _UNSUPPORTED.items():
            if head.startswith(magic):
                raise ArchiveError(reason, hint=_REPACK)
        return next((magic for magic in _ENGINES if head.startswith(magic)), b"")

    def _new_engine(self) -> _Engine:
        return _ENGINES[self._magic](self._limits.memory)

    def _at_least(self, size: int) -> bytes:
        """The packed bytes at hand, ``size`` of them or more unless the stream ends; kept."""
        while len(self._pending) < size and (chunk := self._receive()):
            self._pending += chunk
        return self._pending

    def _take(self) -> bytes:
        data, self._pending = self._pending, b""
        return data or self._receive()

    def _receive(self) -> bytes:
        try:
            data = self._stream.read(_CHUNK)
        except OSError as error:
            raise ArchiveError(f"cannot be read: {error.strerror or error}") from error
        self._packed += len(data)
        check_size("what was read of it", self._packed, self._limits.packed)
        return data

    def _fill(self) -> bool:
        """Unpack the next bytes; False at the end of the stream."""
        data = self._take() if self._engine is None else self._inflate(self._engine)
        self._ready = memoryview(data)
        self._unpacked += len(data)
        limits = self._limits
        check_size("what it unpacks to", self._unpacked, limits.unpacked)
        if self._unpacked > limits.ratio_from and self._unpacked > limits.ratio * self._packed:
            raise LimitError(
                "unpacks to far more than it is",
                found=f"{size_text(self._unpacked)} from {size_text(self._packed)}",
                expected=f"at most {limits.ratio} times as much",
                hint="this is what a decompression bomb looks like",
            )
        return bool(data)

    def _inflate(self, engine: _Engine) -> bytes:
        while True:
            if engine.eof:
                following = self._follows(engine.unused_data)
                if following is None:
                    return b""
                self._engine = engine = following
            packed = self._take() if engine.needs_input else b""
            try:
                data = engine.decompress(packed, _CHUNK)
            except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
                raise ArchiveError(
                    f"holds damaged compressed data ({error})", hint="build or download it again"
                ) from error
            except MemoryError as error:
                raise LimitError("needs too much memory to unpack") from error
            if data:
                return data
            if not packed and not engine.eof:
                raise ArchiveError(
                    "is cut off: the compressed data stops before its end",
                    hint="build or download it again",
                )

    def _follows(self, rest: bytes) -> _Engine | None:
        """What comes after a compressed stream: another one, nothing, or padding (then None)."""
        self._pending = rest.lstrip(b"\x00") + self._pending
        while not self._pending:
            chunk = self._receive()
            if not chunk:
                return None
            self._pending = chunk.lstrip(b"\x00")
        # RFC 1952, section 2.2: a gzip file is a series of members; bzip2 and xz do the same.
        if not self._at_least(len(self._magic)).startswith(self._magic):
            raise ArchiveError("has other data after the end of its compressed data")
        return self._new_engine()
