"""The members of a tar archive from untrusted hands, one after the other, in bounded memory.

`tarfile` reads the fields of a header; the walk over them is here because that of `tarfile` keeps
every member, follows extended headers by recursion, reads them at any size that they claim, parses
them in quadratic time and memory (before Python 3.11.10: CVE-2024-6232), and takes a damaged header
for the end of the archive. Members mean what they mean to `tarfile`, and so to installers.
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from trueup.model.errors import ArchiveError
from trueup.sources.limits import Limits, check_size
from trueup.sources.unpack import Unpacked

__all__ = ["Member", "Untar"]

_BLOCK = tarfile.BLOCKSIZE
_AGAIN = "build or download it again"
_CUT_OFF = "is cut off: the archive stops before its end"
_WITHOUT_DATA = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.DIRTYPE: "a folder",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
_SPARSE = "GNU.sparse."


_FIELDS = struct.Struct("100s8s8s8s12s12s8sc")
_CHECKSUM = slice(148, 156)


@dataclass(frozen=True, slots=True)
class _Header:
    """What the walk needs of a header, under the names of `tarfile.TarInfo`."""

    name: str
    size: int
    type: bytes


def _plain_header(block: bytes) -> _Header | None:
    """A header as most are written; None for one that `tarfile` has to take apart.

    A large sdist has ten thousands of them, and `tarfile` takes ten times as long for each. Plain
    is: an ordinary file, a folder or an extended header, a name in one piece, numbers in octal digits, a checksum that fits.
    """
    if len(block) < _BLOCK or block[345]:  # a prefix of the name
        return None
    name, *numbers, kind = _FIELDS.unpack_from(block)
    if kind not in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.XHDTYPE):
        return None
    values = []
    for number in numbers:
        digits = number.rstrip(b" \x00")
        if not digits.isdigit() or b"8" in digits or b"9" in digits:
            return None
        values.append(int(digits, 8))
    *_, size, _, checksum = values
    # The checksum counts its own field as spaces.
    if sum(block) - sum(block[_CHECKSUM]) + 8 * 32 != checksum:
        return None
    text = name.split(b"\x00", 1)[0].decode("utf-8", "surrogateescape")
    if kind == tarfile.DIRTYPE:
        text = text.rstrip("/")
    elif text.endswith("/"):
        return None  # the old way to write a folder
    return _Header(name=text, size=size, type=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member; ``kind`` is empty for an ordinary file and else says what it is."""

    name: str
    size: int
    kind: str = ""


class Untar:
    """Walks through a tar archive, compressed or not, reading the stream forward only.

    Raises ArchiveError for an archive that is damaged, cut off, or none; LimitError for one that
    costs too much.
    """

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._source = Unpacked(stream, limits)
        self._limits = limits
        self._left = 0
        self._blocks = 0
        self._extended = 0

    @property
    def position(self) -> int:
        """Unpacked bytes that were passed so far."""
        return self._source.position

    def next(self) -> Member | None:
        """The next member; None at the end of the archive."""
        self._skip(self._left)
        pending: list[Mapping[str, str]] = []
        while (info := self._header()) is not None:
            if info.type == tarfile.GNUTYPE_LONGNAME:
                name = self._extension(info).split(b"\x00", 1)[0]
                pending.append({"path": name.decode("utf-8", "surrogateescape")})
            elif info.type == tarfile.GNUTYPE_LONGLINK:
                self._extension(info)
            elif info.type == tarfile.XGLTYPE:
                if records := _records(self._extension(info)):
                    # Legal by the letter of POSIX, and of no use but to mislead.
                    raise ArchiveError(f"gives all its members the same `{min(records)}`")
            elif info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                pending.append(_records(self._extension(info)))
            else:
                return self._member(info, pending)
        if pending:
            raise ArchiveError(_CUT_OFF, hint=_AGAIN)
        return None

    def read(self, member: Member) -> bytes:
        """The contents of the ordinary file that :meth:`next` gave last.

        The caller compares ``member.size`` with a limit before.
        """
        data = self._source.read(member.size)
        if len(data) < member.size:
            raise ArchiveError(_CUT_OFF, hint=_AGAIN)
        self._left -= member.size
        return data

    def _header(self) -> tarfile.TarInfo | _Header | None:
        start = self._source.position
        block = self._source.read(_BLOCK)
        if not block and start and self._source.vouched:
            return None  # without the mark at the end, but its compression says it is complete
        if len(block) == _BLOCK and not any(block):
            if not start:
                raise ArchiveError("is an empty tar archive")
            return None
        self._blocks += 1
        if self._blocks > self._limits.members:
            raise self._limits.too_many("members")
        plain = _plain_header(block)
        if plain is not None:
            return plain
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            if not start:
                raise ArchiveError(
                    "is no tar archive", hint="it may be an error page under the name of an sdist"
                ) from error
            if len(block) < _BLOCK:
                raise ArchiveError(_CUT_OFF, hint=_AGAIN) from error
            raise ArchiveError(f"has a damaged header at byte {start:,}", hint=_AGAIN) from error
        if info.size < 0:
            raise ArchiveError(f"has a damaged header at byte {start:,}", hint=_AGAIN)
        if info.type == tarfile.GNUTYPE_SPARSE:
            self._skip_sparse_map(more=bool(block[482]))
        return info

    def _skip_sparse_map(self, *, more: bool) -> None:
        # The old GNU format lists the pieces of a sparse file in blocks of their own.
        while more:
            block = self._source.read(_BLOCK)
            if len(block) < _BLOCK:
                raise ArchiveError(_CUT_OFF, hint=_AGAIN)
            self._charge(_BLOCK)
            more = bool(block[504])

    def _extension(self, info: tarfile.TarInfo | _Header) -> bytes:
        """What an extended header holds."""
        self._charge(info.size)
        data = self._source.read(info.size)
        if len(data) < info.size:
            raise ArchiveError(_CUT_OFF, hint=_AGAIN)
        self._skip(-info.size % _BLOCK)
        return data

    def _charge(self, size: int) -> None:
        self._extended += size
        check_size("the sum of its extended headers", self._extended, self._limits.headers)

    def _member(self, info: tarfile.TarInfo | _Header, pending: list[Mapping[str, str]]) -> Member:
        name, size = info.name, info.size
        kind = _WITHOUT_DATA.get(info.type, "")
        if info.type == tarfile.GNUTYPE_SPARSE:
            kind = "a sparse file"
        # As in `tarfile`: what stands first is applied last.
        for records in reversed(pending):
            if any(key.startswith(_SPARSE) for key in records):
                kind = kind or "a sparse file"
            name = records.get("path", name)
            name = records.get(f"{_SPARSE}name", name)
            if "size" in records:
                size = _number(records["size"])
        self._left = 0 if info.type in _WITHOUT_DATA else size + -size % _BLOCK
        return Member(name=name.rstrip("/"), size=size, kind=kind)

    def _skip(self, size: int) -> None:
        if not self._source.skip(size):
            raise ArchiveError(_CUT_OFF, hint=_AGAIN)
        self._left = 0


def _records(data: bytes) -> dict[str, str]:
    """The records of a pax header that change what a member is: ``"%d %s=%s\\n"`` (POSIX pax)."""
    records: dict[str, str] = {}
    position = 0
    while position < len(data) and data[position]:
        space = data.find(b" ", position, position + 12)
        digits = data[position : max(space, position)]
        end = position + int(digits) if digits.isdigit() else 0
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not position < end <= len(data) or data[end - 1] != ord("\n") or not (key and equals):
            raise ArchiveError("has a malformed extended header", hint=_AGAIN)
        if key in (b"path", b"size") or key.startswith(_SPARSE.encode()):
            name = key.decode("utf-8", "replace")
            records[name] = value.decode("utf-8", "surrogateescape")
        position = end
    return records


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ArchiveError("has a malformed extended header", hint=_AGAIN)
    return int(text)
