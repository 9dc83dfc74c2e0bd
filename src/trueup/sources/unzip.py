"""Members of a zip archive from untrusted hands, through `zipfile`, in bounded memory.

Reads as little as `zipfile` allows: the end of the file, the central directory, and of a member its
local header and its bytes. The file may be one that fetches what is read over the network.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from trueup.model.errors import ArchiveError
from trueup.sources.limits import Limits, check_size
from trueup.sources.shown import shown

__all__ = ["DAMAGE", "dist_info_file", "escapes", "member_chunks", "open_zip", "read_member"]

_ENTRY = b"PK\x01\x02"
_AGAIN = "build or download it again"
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ArithmeticError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises for damage, over the Python versions; a source's own errors are none."""
_METHODS = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "LZMA", 93: "Zstandard", 95: "xz"}


class _Guard(io.RawIOBase):
    """A file of which no single read costs more than the limits allow.

    `zipfile` reads as many bytes as the archive claims for its central directory, and makes an
    object of each entry.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        super().__init__()
        self._file = file
        self._limits = limits

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        size = -1 if size is None else size
        check_size("its central directory", size, self._limits.directory)
        try:
            data = self._file.read(size)
        except OSError as error:
            raise ArchiveError(f"cannot be read: {error.strerror or error}") from error
        if data.count(_ENTRY) > self._limits.members:
            raise self._limits.too_many("members")
        return data


def open_zip(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    """The archive with its table of contents, the file stays the caller's.

    Raises ArchiveError for what is no zip archive, is damaged, or holds a path that leads out of
    the folder it is unpacked to; LimitError if its central directory is too large.
    """
    guard = cast(BinaryIO, _Guard(file, limits))
    try:
        archive = zipfile.ZipFile(guard)
    except zipfile.BadZipFile as error:
        if "not a zip file" in str(error):
            raise ArchiveError("is no zip archive, or is cut off", hint=_AGAIN) from error
        raise _damaged("central directory", error) from error
    except DAMAGE as error:
        raise _damaged("central directory", error) from error
    for name in archive.namelist():
        if escapes(name):
            raise ArchiveError(
                f"holds a path that leads out of it: `{shown(name)}`",
                hint="installers refuse such a file, and so should you",
            )
    return archive


def dist_info_file(file: BinaryIO, name: str, *, place: str) -> bytes:
    """A file of the one dist-info folder of a wheel; raises ArchiveError, LimitError."""
    limits = Limits()
    try:
        archive = open_zip(file, limits)
        ending = f".dist-info/{name}"
        found = [
            info
            for info in archive.infolist()
            if info.filename.endswith(ending) and info.filename.count("/") == 1
        ]
        if len(found) != 1:
            raise ArchiveError(f"has {len(found)} files `*{ending}` instead of one")
        limit = limits.directory if name == "RECORD" else limits.metadata
        return read_member(archive, found[0], limit)
    except ArchiveError as error:
        raise error.within(place) from error


def escapes(name: str) -> bool:
    """Whether unpacking a member of that name could write outside the folder unpacked to."""
    if ".." not in name and name[:1] not in "/\\" and name[1:2] != ":":
        return False
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or not parts[0] or parts[0][1:2] == ":"


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """The bytes of one member; its CRC-32 is compared.

    Raises LimitError if it is, or claims to be, larger than ``limit`` bytes, and ArchiveError if it
    is encrypted, compressed by an unusual method, or damaged.
    """
    name = _readable(info, limit)
    try:
        with archive.open(info) as member:
            data = member.read(limit + 1)
    except DAMAGE as error:
        raise _damaged(name, error) from error
    if len(data) != info.file_size:
        raise ArchiveError(f"{name} is cut off", hint=_AGAIN)
    return data


def member_chunks(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int, *, size: int
) -> Iterator[bytes]:
    """The bytes of one member, ``size`` at a time, where it is too large to be held at once.

    Raises what :func:`read_member` raises; the CRC-32 is compared with the last chunk.
    """
    name = _readable(info, limit)
    left = info.file_size
    try:
        with archive.open(info) as member:
            while chunk := member.read(size):
                left -= len(chunk)
                yield chunk
    except DAMAGE as error:
        raise _damaged(name, error) from error
    if left:
        raise ArchiveError(f"{name} is cut off", hint=_AGAIN)


def _readable(info: zipfile.ZipInfo, limit: int) -> str:
    """The name of a member that may be read; raises ArchiveError and LimitError."""
    name = f"`{shown(info.filename)}`"
    if info.flag_bits & 0x41:
        raise ArchiveError(f"{name} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        raise ArchiveError(
            f"{name} is compressed by a method that not every installer knows",
            found=method,
            expected="stored or deflated",
        )
    check_size(name, info.file_size, limit)
    return name


def _damaged(what: str, error: BaseException) -> ArchiveError:
    text = str(error)
    if text.startswith("File name in directory"):
        return ArchiveError(f"{what} has another name in the header before its bytes", hint=_AGAIN)
    if text.startswith("Bad CRC-32"):
        return ArchiveError(f"{what} is damaged: its checksum does not fit", hint=_AGAIN)
    detail = shown(text.splitlines()[0]) if text else "it stops before its end"
    return ArchiveError(f"{what} is damaged ({detail})", hint=_AGAIN)
