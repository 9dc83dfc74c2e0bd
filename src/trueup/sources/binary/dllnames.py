"""Where a PE image keeps the names of DLLs: its own, and those that it imports.

Each is a text that a field of four bytes refers to: in the export directory, the import directory
and the delay-load directory. LIEF tells the names, not always the fields, which an edit must change
and a comparison must leave out. Source: Microsoft's "PE Format", sections "Optional Header Data
Directories", ".edata", "The Import Directory Table" and "Delay-Load Import Tables".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

__all__ = [
    "DllName",
    "Headers",
    "NameUse",
    "Section",
    "dll_names",
    "forwarded_to",
    "read_headers",
]

_PE32, _PE32_PLUS = 0x10B, 0x20B
_SECTION = struct.Struct("<8s6I2HI")
_MOST_SECTIONS, _MOST_DESCRIPTORS, _LONGEST_NAME = 96, 65_536, 1024
EXPORTS, IMPORTS, CERTIFICATES, BOUND, DELAYED = 0, 1, 4, 11, 13
"""Places in the table of data directories."""


class NameUse(StrEnum):
    """Which directory a name stands in."""

    EXPORT = "export"
    IMPORT = "import"
    DELAYED = "delayed import"


@dataclass(frozen=True, slots=True, kw_only=True)
class DllName:
    """A name, where its text lies in the file, and where the field lies that refers to it."""

    use: NameUse
    name: bytes
    text: int
    field: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: addresses are relative to the image, offsets to the file."""

    name: bytes
    address: int
    virtual_size: int
    offset: int
    raw_size: int
    flags: int


@dataclass(frozen=True, kw_only=True)
class Headers:
    """What the headers of a PE file say, with the offsets at which they say it.

    ``long`` is whether it is PE32+, for 64 bits. ``coff``, ``optional`` and ``table`` are where the COFF header, the optional header and the
    section table begin; ``directories`` are (address, size) pairs.
    """

    data: bytes
    coff: int
    optional: int
    table: int
    long: bool
    section_alignment: int
    file_alignment: int
    headers_size: int
    directories_at: int
    directories: tuple[tuple[int, int], ...]
    sections: tuple[Section, ...]

    def directory(self, number: int) -> tuple[int, int]:
        return self.directories[number] if number < len(self.directories) else (0, 0)

    @cached_property
    def end(self) -> int:
        """Where the last section ends in the file."""
        return max((s.offset + s.raw_size for s in self.sections if s.raw_size), default=0)

    def section_of(self, address: int) -> Section | None:
        """The section in whose bytes an address lies."""
        for section in self.sections:
            if 0 <= address - section.address < section.raw_size:
                return section
        return None

    def offset_of(self, address: int) -> int | None:
        """Where in the file an address lies; None if it lies in no section's bytes."""
        section = self.section_of(address)
        return None if section is None else section.offset + address - section.address

    def descriptors(self, directory: int, size: int) -> Iterator[int]:
        """Where the descriptors of a directory begin in the file; one of zeros ends them."""
        address = self.directory(directory)[0]
        at = self.offset_of(address) if address else None
        for _ in range(_MOST_DESCRIPTORS if at is not None else 0):
            assert at is not None
            if at + size > len(self.data) or not any(self.data[at : at + size]):
                return
            yield at
            at += size


def read_headers(data: bytes) -> Headers | None:
    """The headers of a PE file; None if there are none, or not all of them."""
    try:
        coff = struct.unpack_from("<I", data, 0x3C)[0] + 4
        if data[coff - 4 : coff] != b"PE\0\0":
            return None
        count, optional_size = struct.unpack_from("<2xH12xH", data, coff)
        optional = coff + 20
        magic = struct.unpack_from("<H", data, optional)[0]
        if magic not in (_PE32, _PE32_PLUS) or count > _MOST_SECTIONS:
            return None
        long = magic == _PE32_PLUS
        section_alignment, file_alignment = struct.unpack_from("<2I", data, optional + 32)
        directories_at = optional + (112 if long else 96)
        many = min(16, struct.unpack_from("<I", data, directories_at - 4)[0])
        directories = tuple(
            struct.unpack_from("<2I", data, directories_at + 8 * number) for number in range(many)
        )
        table = optional + optional_size
        found = [_SECTION.unpack_from(data, table + number * 40) for number in range(count)]
        headers_size = struct.unpack_from("<I", data, optional + 60)[0]
    except struct.error:
        return None
    return Headers(
        data=data,
        coff=coff,
        optional=optional,
        table=table,
        long=long,
        section_alignment=section_alignment,
        file_alignment=file_alignment,
        headers_size=headers_size,
        directories_at=directories_at,
        directories=directories,
        sections=tuple(
            Section(
                name=one[0].rstrip(b"\0"),
                virtual_size=one[1],
                address=one[2],
                raw_size=one[3],
                offset=one[4],
                flags=one[9],
            )
            for one in found
        ),
    )


def dll_names(headers: Headers) -> Iterator[DllName]:
    """All names of DLLs, in the order of the directories."""
    at = headers.offset_of(headers.directory(EXPORTS)[0]) if headers.directory(EXPORTS)[0] else None
    if at is not None:
        yield from _name(headers, NameUse.EXPORT, at + 12)
    for at in headers.descriptors(IMPORTS, 20):
        yield from _name(headers, NameUse.IMPORT, at + 12)
    for at in headers.descriptors(DELAYED, 32):
        yield from _name(headers, NameUse.DELAYED, at + 4)


def _name(headers: Headers, use: NameUse, field: int) -> Iterator[DllName]:
    found = headers.data[field : field + 4]
    text = headers.offset_of(int.from_bytes(found, "little")) if len(found) == 4 else None
    if text is None:
        return
    end = headers.data.find(b"\0", text, text + _LONGEST_NAME)
    if end > text:
        yield DllName(use=use, name=headers.data[text:end], text=text, field=field)


def forwarded_to(headers: Headers) -> frozenset[str]:
    """The DLLs, in lower case, that exports are forwarded to: `other.function` names `other.dll`.

    Such an export has the address of that text, within the export directory.
    """
    start, size = headers.directory(EXPORTS)
    at = headers.offset_of(start) if start else None
    found: set[str] = set()
    if at is None or at + 40 > len(headers.data):
        return frozenset()
    count, _, table = struct.unpack_from("<3I", headers.data, at + 20)
    entries = headers.offset_of(table) if table else None
    held = 0 if entries is None else min(count, (len(headers.data) - entries) // 4)
    for number in range(held):
        assert entries is not None
        address = struct.unpack_from("<I", headers.data, entries + 4 * number)[0]
        text = headers.offset_of(address) if start <= address < start + size else None
        if text is not None:
            target = headers.data[text : text + _LONGEST_NAME].partition(b"\0")[0]
            found.add(target.rpartition(b".")[0].decode(errors="replace").lower() + ".dll")
    return frozenset(found)
