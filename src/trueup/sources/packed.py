"""New contents of a zip member, compressed into a scratch file instead of memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trueup.model.errors import SourceError
from trueup.model.record import Stamp, record_digest
from trueup.sources.limits import check_size

__all__ = ["Packed", "pack"]

_LEVEL = 6
"""zlib's own default, with which wheels are made."""

_MOST = 0xFFFF_FFFF - 1
"""Bytes of one new member; more would need zip64 sizes, which no wheel of this kind has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Deflated bytes in the file at ``path``, from its start: ``packed`` of them, ``size`` when
    inflated, with the CRC-32 and the RECORD digest of the inflated bytes.
    """

    path: Path
    packed: int
    size: int
    crc: int
    digest: str

    @property
    def stamp(self) -> Stamp:
        """What RECORD says of it."""
        return Stamp(digest=self.digest, size=self.size)


def pack(chunks: Iterable[bytes], path: Path) -> Packed:
    """Deflate the chunks into a new file; raises LimitError for more than 4 GiB, SourceError."""
    engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    digest = hashlib.sha256()
    crc = size = packed = 0
    try:
        with path.open("xb") as file:
            for chunk in chunks:
                size += len(chunk)
                check_size("a changed member", size, _MOST)
                crc = zlib.crc32(chunk, crc)
                digest.update(chunk)
                packed += file.write(engine.compress(chunk))
            packed += file.write(engine.flush())
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}", place=(str(path),)
        ) from error
    stamp = record_digest(digest.digest())
    return Packed(path=path, packed=packed, size=size, crc=crc, digest=stamp)
