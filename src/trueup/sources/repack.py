"""An sdist with another PKG-INFO: the archive inside is spliced, and compressed anew.

In a `.tar.gz` every byte of the tar archive but PKG-INFO's header and contents stays; the
compressed bytes differ, for a compressed stream cannot be spliced.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trueup.model.errors import ArchiveError, SourceError, UsageError
from trueup.model.metadata import Unreadable
from trueup.sources.archive import read_sdist
from trueup.sources.limits import Limits
from trueup.sources.output import replacing
from trueup.sources.recipe import CHUNK
from trueup.sources.splice import Changes, entries, splice
from trueup.sources.unpack import Unpacked
from trueup.sources.untar import Untar
from trueup.sources.unzip import open_zip

__all__ = ["Sdist", "open_sdist", "write_sdist"]

_LIMITS = Limits()
_BLOCK = tarfile.BLOCKSIZE
_PKG_INFO = "PKG-INFO"


@dataclass(frozen=True, kw_only=True)
class Sdist:
    """An sdist's file name and the bytes of its PKG-INFO."""

    filename: str
    pkg_info: bytes


def open_sdist(file: BinaryIO, filename: str, *, limits: Limits = _LIMITS) -> Sdist:
    """Read an sdist that can be rewritten.

    Raises ArchiveError for one that is damaged or has no single PKG-INFO, UsageError for a format
    that no index takes any more.
    """
    if not filename.endswith((".tar.gz", ".zip")):
        raise UsageError(
            "is an sdist of an old format",
            found=f"`{filename}`",
            expected="`.tar.gz` or `.zip`",
            hint="build the sdist again",
        )
    file.seek(0)
    contents = read_sdist(file, filename=filename, limits=limits)
    if isinstance(contents.pkg_info, Unreadable):
        raise ArchiveError(contents.pkg_info.reason, hint=contents.pkg_info.hint)
    return Sdist(filename=filename, pkg_info=contents.pkg_info)


def write_sdist(
    original: BinaryIO, sdist: Sdist, pkg_info: bytes, target: Path, *, limits: Limits = _LIMITS
) -> str:
    """Write the sdist with another PKG-INFO, read it again, then give it its name; its sha256.

    ``original`` is closed. Raises SourceError if it cannot be written, ArchiveError if it does not stand the verification.
    """
    try:
        with replacing(target.resolve()) as file:
            if sdist.filename.endswith(".zip"):
                _splice_zip(original, file, pkg_info, limits)
            else:
                _repack_tar(original, file, pkg_info, limits)
            file.flush()
            if open_sdist(file, sdist.filename, limits=limits).pkg_info != pkg_info:
                raise ArchiveError("the rewritten sdist holds another `PKG-INFO`")
            file.seek(0)
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            # Windows replaces no file that is open, and this may be the one to be replaced.
            original.close()
            return digest.hexdigest()
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}", place=(str(target),)
        ) from error


def _splice_zip(original: BinaryIO, file: BinaryIO, pkg_info: bytes, limits: Limits) -> None:
    with open_zip(original, limits) as archive:
        present = entries(original, archive)
        (name,) = (e.info.filename for e in present if _is_pkg_info(e.info.filename))
        recipe = splice(original, archive, present, Changes(contents={name: pkg_info}))
    for chunk in recipe.render(original):
        file.write(chunk)


def _repack_tar(original: BinaryIO, file: BinaryIO, pkg_info: bytes, limits: Limits) -> None:
    header_at, size = _find(original, limits)
    original.seek(4)
    seconds = int.from_bytes(original.read(4), "little")
    original.seek(0)
    source = Unpacked(original, limits)
    with gzip.GzipFile("", "wb", 9, file, mtime=seconds) as packed:
        left = header_at
        while left:
            chunk = source.read(min(left, CHUNK))
            left -= len(chunk)
            packed.write(chunk)
        packed.write(_header(source.read(_BLOCK), len(pkg_info)))
        source.skip(size + -size % _BLOCK)
        packed.write(pkg_info + bytes(-len(pkg_info) % _BLOCK))
        while chunk := source.read(CHUNK):
            packed.write(chunk)


def _find(original: BinaryIO, limits: Limits) -> tuple[int, int]:
    """Where PKG-INFO's header starts in the unpacked archive, and how long its contents are."""
    original.seek(0)
    archive = Untar(original, limits)
    found: list[tuple[int, int]] = []
    while (member := archive.next()) is not None:
        if _is_pkg_info(member.name):
            found.append((archive.position - _BLOCK, member.size))
    if len(found) != 1:
        raise ArchiveError(
            f"holds its `PKG-INFO` {len(found)} times",
            hint="build it again; which of them counts depends on the installer",
        )
    return found[0]


def _is_pkg_info(name: str) -> bool:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return len(parts) == 2 and parts[1] == _PKG_INFO


def _header(block: bytes, size: int) -> bytes:
    """The header with another size: octal in bytes 124 to 135, checksum in 148 to 155 (POSIX)."""
    changed = bytearray(block)
    changed[124:136] = f"{size:011o}\0".encode()
    changed[148:156] = b" " * 8
    changed[148:156] = f"{sum(changed):06o}\0 ".encode()
    return bytes(changed)
