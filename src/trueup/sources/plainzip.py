"""Zip archives that are written plainly, as nearly all wheels are, read without an object for each
member: `zipfile` takes ten times as long for a wheel with ten thousands of them.

Plain is what leaves nothing to interpret: no comment, no zip64, no bytes before the archive, no
extra fields, ASCII names that stay in their folder, sizes and checksums that fit. Of anything else
nothing is said here, and :mod:`~trueup.sources.unzip` reads it, or finds the words for what is wrong
with it.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Self

from trueup.sources.limits import Limits

__all__ = ["PlainZip"]

# APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16. The end's fields: number of this disk and of the
# directory's; entries here and in all; size and start of the directory; length of the comment.
_END = struct.Struct("<4s4H2IH")
_LOCATOR = 20  # bytes before the end, where zip64 has its own
# Signature, version needed, flags, method, CRC-32, sizes packed and unpacked, lengths of name,
# extra field and comment, disk, start of the local header.
_ENTRY = struct.Struct("<4s2xBx2H4x3I4H6xI")
_LOCAL = struct.Struct("<4s22x2H")
_NEWEST_VERSION = 63
_UNUSUAL_FLAGS = 0xFFFF ^ 0x080E  # all but compression levels, a data descriptor and UTF-8
_STORED, _DEFLATED = 0, 8
_UNUSUAL_NAME = re.compile(rb"\.\.|\\|[\x00\x80-\xff]|^(?:/|.:)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A member by its entry in the central directory; ``following`` is where what follows starts."""

    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int
    following: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The central directory: the names of the members, where each has its entry, and its start;
    ``own`` is where the directory itself starts.
    """

    data: bytes
    own: int
    names: list[bytes]
    entries: list[int]
    starts: list[int]


class PlainZip:
    """A plain archive, its table of contents read."""

    def __init__(self, file: BinaryIO, table: _Table) -> None:
        self._file = file
        self._table = table

    @classmethod
    def open(cls, file: BinaryIO, limits: Limits) -> Self | None:
        """The archive, or None if it is not plain; what ``file`` raises is raised."""
        found = _directory(file, limits)
        if found is None:
            return None
        directory, start, entries = found
        table = _table(directory, start)
        if (
            table is None
            or len(table.names) != entries
            or _UNUSUAL_NAME.search(b"\n".join(table.names)) is not None
        ):
            return None
        return cls(file, table)

    def folders(self, ending: str) -> set[str]:
        """The folders at the top of the archive whose names end so."""
        part = f"{ending}/".encode()
        tops = (name.partition(b"/")[0].decode() for name in self._table.names if part in name)
        return {top for top in tops if top.endswith(ending)}

    def read(self, member: str, limit: int) -> bytes | None:
        """The bytes of the only member of that name; None if there is not one that is plain.

        Its length and its CRC-32 are what the directory says; at most ``limit`` bytes.
        """
        name = member.encode()
        if self._table.names.count(name) != 1:
            return None
        entry = self._entry(self._table.names.index(name))
        if entry.flags & _UNUSUAL_FLAGS or max(entry.size, entry.packed) > limit:
            return None
        self._file.seek(entry.start)
        header = self._file.read(_LOCAL.size)
        if len(header) != _LOCAL.size:
            return None
        signature, length, extra = _LOCAL.unpack(header)
        before = _LOCAL.size + length + extra
        if (
            signature != b"PK\x03\x04"
            or length != len(name)
            # Members that overlap are how a small archive unpacks to a huge one.
            or entry.start + before + entry.packed > entry.following
        ):
            return None
        rest = self._file.read(length + extra + entry.packed)
        if rest[:length] != name:
            return None
        return _unpacked(rest[length + extra :], entry)

    def _entry(self, number: int) -> _Entry:
        table = self._table
        fields = _ENTRY.unpack_from(table.data, table.entries[number])
        _, _, flags, method, crc, packed, size, *_, start = fields
        return _Entry(
            flags=flags,
            method=method,
            crc=crc,
            packed=packed,
            size=size,
            start=start,
            following=min((other for other in table.starts if other > start), default=table.own),
        )


def _directory(file: BinaryIO, limits: Limits) -> tuple[bytes, int, int] | None:
    """The central directory, where it starts, and how many entries it has."""
    total = file.seek(0, 2)
    if total < _END.size + _LOCATOR:
        return None
    file.seek(total - _END.size - _LOCATOR)
    tail = file.read(_END.size + _LOCATOR)
    if len(tail) != _END.size + _LOCATOR or tail.startswith(b"PK\x06\x07"):
        return None
    signature, *disks, here, entries, size, start, comment = _END.unpack_from(tail, _LOCATOR)
    if (
        signature != b"PK\x05\x06"
        or any(disks)
        or comment
        or here != entries
        or start + size != total - _END.size
        or size > limits.directory
    ):
        return None
    file.seek(start)
    directory = file.read(size)
    if len(directory) != size or directory.count(b"PK\x01\x02") > limits.members:
        return None
    return directory, start, entries


def _table(directory: bytes, own: int) -> _Table | None:
    names, entries, starts = [], [], []
    at, size, head = 0, len(directory), _ENTRY.size
    unpack = _ENTRY.unpack_from
    while at + head <= size:
        signature, version, _, _, _, _, _, length, extra, comment, disk, start = unpack(
            directory, at
        )
        if (
            signature != b"PK\x01\x02"
            or version > _NEWEST_VERSION
            or extra
            or comment
            or disk
            or start >= own
        ):
            return None
        entries.append(at)
        starts.append(start)
        at += head
        names.append(directory[at : at + length])
        at += length
    if at != size:
        return None
    return _Table(data=directory, own=own, names=names, entries=entries, starts=starts)


def _unpacked(data: bytes, entry: _Entry) -> bytes | None:
    if len(data) != entry.packed:
        return None
    if entry.method == _DEFLATED:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = engine.decompress(data, entry.size + 1)
        except zlib.error:
            return None
        if not engine.eof or engine.unused_data:
            return None
    elif entry.method != _STORED:
        return None
    if len(data) != entry.size or zlib.crc32(data) != entry.crc:
        return None
    return data
