"""A zip archive with some members replaced, added, dropped or renamed, and every other byte kept.

The result is a :class:`Recipe`: members that stay are ranges of the original, still compressed.
Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 (records), 4.4.4 (flags), 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from trueup.model.errors import ArchiveError
from trueup.sources.packed import Packed
from trueup.sources.recipe import Literal, Range, Recipe, Scratch, Segment, joined
from trueup.sources.shown import shown

__all__ = ["Changes", "Entry", "entries", "splice"]

_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_LOCAL_SIGNATURE, _CENTRAL_SIGNATURE = 0x04034B50, 0x02014B50
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_DESCRIPTOR, _UTF8 = 0x08, 0x800
_NEEDS_ZIP64 = 45
_MADE_BY_UNIX = 3 << 8 | 20
_NEWLY_DATED = (1980 - 1980) << 9 | 1 << 5 | 1
_AGAIN = "build or download it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """``contents`` are new bytes by (new) member name, replacing a member or added to the archive;
    ``dropped`` and the keys of ``renamed`` are names of present members. Members that are added
    stand before the one named ``before`` (its new name), or at the end.
    """

    contents: Mapping[str, bytes | Packed] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member: where it starts, where its data starts, and where the next one starts.

    ``central`` are the fields of its record in the central directory, as APPNOTE 4.3.12 lists them.
    """

    info: zipfile.ZipInfo
    central: tuple[int, ...]
    name: bytes
    extra: bytes
    comment: bytes
    start: int
    data: int
    end: int


def entries(file: BinaryIO, archive: zipfile.ZipFile) -> tuple[Entry, ...]:
    """The members in the order of the central directory, each compared with its local header.

    Raises ArchiveError where the two disagree, members overlap, or one is there twice: archives
    that different installers unpack differently.
    """
    names: set[str] = set()
    for info in archive.infolist():
        if info.filename in names:
            raise ArchiveError(
                f"holds `{shown(info.filename)}` more than once",
                hint="build it again; which of them counts depends on the installer",
            )
        names.add(info.filename)
    starts = sorted({info.header_offset for info in archive.infolist()})
    if len(starts) < len(names):
        raise ArchiveError("has members that overlap", hint=_AGAIN)
    ends = dict(zip(starts, [*starts[1:], archive.start_dir], strict=True))
    found: list[Entry] = []
    try:
        file.seek(archive.start_dir)
        records = [_record(file) for _ in archive.infolist()]
        for info, (central, name, extra, comment) in zip(archive.infolist(), records, strict=True):
            start, end = info.header_offset, ends[info.header_offset]
            data = _data_offset(file, info, central, name)
            if data + info.compress_size > end:
                raise ArchiveError(f"`{shown(info.filename)}` overlaps what follows", hint=_AGAIN)
            found.append(
                Entry(
                    info=info, central=central, name=name, extra=extra, comment=comment,
                    start=start, data=data, end=end,
                )
            )  # fmt: skip
    except struct.error as error:
        raise ArchiveError("is cut off: it stops before its end", hint=_AGAIN) from error
    return tuple(found)


def _record(file: BinaryIO) -> tuple[tuple[int, ...], bytes, bytes, bytes]:
    central = _CENTRAL.unpack(file.read(_CENTRAL.size))
    name, extra, comment = (file.read(central[n]) for n in (10, 11, 12))
    return central, name, extra, comment


def _data_offset(
    file: BinaryIO, info: zipfile.ZipInfo, central: tuple[int, ...], name: bytes
) -> int:
    """Where the data of a member starts, after a look at its local header."""
    file.seek(info.header_offset)
    local = _LOCAL.unpack(file.read(_LOCAL.size))
    signature, _, flags, method, _, _, *sizes, name_length, extra_length = local
    agrees = (
        signature == _LOCAL_SIGNATURE
        and (flags ^ central[3]) & (_DESCRIPTOR | _UTF8 | 1) == 0
        and method == central[4]
        and file.read(name_length) == name
    )
    # With a data descriptor the sizes follow the data, and the local header may say 0 (4.4.4).
    wanted = (info.CRC, info.compress_size, info.file_size)
    if not flags & _DESCRIPTOR:
        agrees &= all(size in (want, _FULL32) for size, want in zip(sizes, wanted, strict=True))
    if not agrees:
        raise ArchiveError(
            f"`{shown(info.filename)}` is described differently in the central directory and in "
            "the header before its bytes",
            hint=_AGAIN,
        )
    return info.header_offset + _LOCAL.size + int(name_length) + int(extra_length)


def splice(
    file: BinaryIO, archive: zipfile.ZipFile, present: Sequence[Entry], changes: Changes
) -> Recipe:
    """The recipe of the changed archive; ``present`` are its :func:`entries`.

    What stands before the first member and the archive's comment stay. Raises ValueError for
    changes that name a member that is not there, or give two members one name.
    """
    names = {entry.info.filename for entry in present}
    _check(changes, names)
    ordered = sorted(present, key=lambda entry: entry.start)
    writer = _Writer(ordered[0].start if ordered else archive.start_dir)
    for entry in ordered:
        old = entry.info.filename
        name = changes.renamed.get(old, old)
        if old in changes.dropped:
            continue
        if name == changes.before:
            writer.add_all(changes, names)
        if name in changes.contents:
            writer.replace(entry, name, changes.contents[name])
        elif name != old:
            writer.rename(entry, name, file)
        else:
            writer.keep(entry)
    writer.add_all(changes, names)
    order = {entry.info.filename: number for number, entry in enumerate(present)}
    return writer.recipe(order, archive.comment)


def _check(changes: Changes, present: set[str]) -> None:
    missing = (changes.dropped | changes.renamed.keys()) - present
    if missing:
        raise ValueError(f"there is no member {min(missing)!r}")
    after = [changes.renamed.get(name, name) for name in present - changes.dropped]
    if len(set(after)) < len(after):
        raise ValueError("two members would have one name")


class _Writer:
    """Puts members one after the other, and their records into a central directory."""

    def __init__(self, prefix: int) -> None:
        self._segments: list[Segment] = [Range(start=0, end=prefix)]
        self._offset = prefix
        self._records: list[tuple[str | None, str, bytes]] = []
        self._added = False

    def keep(self, entry: Entry) -> None:
        record = _central(entry, entry.name, entry.extra, entry.central[3], self._offset)
        self._put(entry.info.filename, entry.info.filename, record)
        self._append(Range(start=entry.start, end=entry.end))

    def rename(self, entry: Entry, name: str, file: BinaryIO) -> None:
        """The member under another name, its data (and descriptor) still as they are."""
        raw, flags = _encoded(name, entry.central[3])
        file.seek(entry.start)
        local = list(_LOCAL.unpack(file.read(_LOCAL.size)))
        file.seek(local[9], 1)
        extra = _without(file.read(local[10]), _UNICODE_PATH)
        local[2], local[9], local[10] = flags, len(raw), len(extra)
        central = _without(entry.extra, _UNICODE_PATH)
        record = _central(entry, raw, central, flags, self._offset)
        self._put(entry.info.filename, name, record)
        self._append(Literal(data=_LOCAL.pack(*local) + raw + extra))
        self._append(Range(start=entry.data, end=entry.end))

    def replace(self, entry: Entry, name: str, data: bytes | Packed) -> None:
        """Other bytes in the member's place; its date, mode and comment stay."""
        central = entry.central
        method = zipfile.ZIP_STORED if central[4] == zipfile.ZIP_STORED else zipfile.ZIP_DEFLATED
        made = (central[1], method, central[5], central[6], central[14], central[15])
        self._new(entry.info.filename, name, data, made, entry.comment)

    def add_all(self, changes: Changes, present: set[str]) -> None:
        """The members that are new, once."""
        if self._added:
            return
        self._added = True
        taken = {changes.renamed.get(name, name) for name in present - changes.dropped}
        made = (_MADE_BY_UNIX, zipfile.ZIP_DEFLATED, 0, _NEWLY_DATED, 0, 0o100644 << 16)
        for name, data in changes.contents.items():
            if name not in taken:
                self._new(None, name, data, made, b"")

    def _new(
        self,
        old: str | None,
        name: str,
        data: bytes | Packed,
        made: tuple[int, ...],
        comment: bytes,
    ) -> None:
        made_by, method, time, date, internal, external = made
        raw, flags = _encoded(name, 0)
        body: Segment
        if isinstance(data, Packed):
            method, crc, size = zipfile.ZIP_DEFLATED, data.crc, data.size
            body = Scratch(path=data.path, size=data.packed)
        else:
            crc, size = zlib.crc32(data), len(data)
            body = Literal(data=_deflated(data) if method == zipfile.ZIP_DEFLATED else data)
        common = (flags, method, time, date, crc, body.size, size)
        local = _LOCAL.pack(_LOCAL_SIGNATURE, 20, *common, len(raw), 0) + raw
        offset, extra = _offset_and_extra(self._offset, ())
        needed = _NEEDS_ZIP64 if extra else 20
        record = _CENTRAL.pack(
            _CENTRAL_SIGNATURE, made_by, needed, *common,
            len(raw), len(extra), len(comment), 0, internal, external, offset,
        )  # fmt: skip
        self._put(old, name, record + raw + extra + comment)
        self._append(Literal(data=local))
        self._append(body)

    def _put(self, old: str | None, name: str, record: bytes) -> None:
        self._records.append((old, name, record))

    def _append(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._offset += segment.size

    def recipe(self, order: Mapping[str, int], comment: bytes) -> Recipe:
        """The whole, with the central directory in its old order; new members as they were put."""
        places: list[tuple[int, int]] = []
        last = len(order)
        for number in range(len(self._records) - 1, -1, -1):
            old = self._records[number][0]
            # A new member stands before the one that follows it in the file.
            last = order[old] if old is not None else last
            places.append((2 * last if old is None else 2 * last + 1, number))
        records = [self._records[number][2] for _, number in sorted(places)]
        directory = b"".join(records)
        end = _end(len(records), len(directory), self._offset, comment)
        return joined([*self._segments, Literal(data=directory + end)])


def _deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(data) + engine.flush()


def _encoded(name: str, flags: int) -> tuple[bytes, int]:
    if name.isascii():
        return name.encode(), flags
    return name.encode(), flags | _UTF8


def _central(entry: Entry, name: bytes, extra: bytes, flags: int, offset: int) -> bytes:
    """The record of a member whose data stays, at its new offset."""
    fields = list(entry.central)
    sizes = [
        value
        for number, value in ((9, entry.info.file_size), (8, entry.info.compress_size))
        if fields[number] == _FULL32
    ]
    fields[16], block = _offset_and_extra(offset, sizes)
    extra = block + _without(extra, _ZIP64)
    if block:
        fields[2] = max(fields[2], _NEEDS_ZIP64)
    fields[3], fields[10], fields[11], fields[13] = flags, len(name), len(extra), 0
    return _CENTRAL.pack(*fields) + name + extra + entry.comment


def _offset_and_extra(offset: int, sizes: Iterable[int]) -> tuple[int, bytes]:
    """The 32-bit field for an offset, and the zip64 block for what does not fit (4.5.3)."""
    values = list(sizes)
    if offset >= _FULL32:
        values.append(offset)
        offset = _FULL32
    block = struct.pack("<HH", _ZIP64, 8 * len(values)) + struct.pack(f"<{len(values)}Q", *values)
    return offset, block if values else b""


def _without(extra: bytes, kind: int) -> bytes:
    """The extra field without its blocks of one kind; what is no block stays."""
    kept: list[bytes] = []
    position = 0
    while position + 4 <= len(extra):
        found, size = struct.unpack_from("<HH", extra, position)
        if position + 4 + size > len(extra):
            break
        if found != kind:
            kept.append(extra[position : position + 4 + size])
        position += 4 + size
    return b"".join([*kept, extra[position:]])


def _end(count: int, size: int, offset: int, comment: bytes) -> bytes:
    """The end of the central directory, in zip64 form where a number does not fit (4.3.14)."""
    zip64 = b""
    if count >= _FULL16 or size >= _FULL32 or offset >= _FULL32:
        record = struct.pack(
            "<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, offset
        )
        zip64 = record + struct.pack("<IIQI", 0x07064B50, 0, offset + size, 1)
    count, size, offset = min(count, _FULL16), min(size, _FULL32), min(offset, _FULL32)
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, offset, len(comment))
    return zip64 + tail + comment
