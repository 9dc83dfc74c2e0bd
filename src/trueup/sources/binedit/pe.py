"""The names of DLLs in a PE file: overwritten where they fit, else in a section of their own.

A name that is longer than the old one goes into a new section at the end of the file, `.dllname`,
and the field that referred to the old one refers to it. No other section moves or grows. What comes
out is checked by reading it again; nothing here was ever run on Windows. Source: Microsoft's "PE
Format".
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping
from dataclasses import replace

from trueup.model.errors import ArchiveError
from trueup.model.library import Image
from trueup.model.metadata import Unreadable
from trueup.sources.binary.dllnames import (
    BOUND,
    CERTIFICATES,
    DllName,
    Headers,
    NameUse,
    dll_names,
    forwarded_to,
    read_headers,
)
from trueup.sources.binary.pe import read_pe
from trueup.sources.binedit.elf import DoesNotFitError
from trueup.sources.binedit.expected import insist, renamed

__all__ = ["checksum", "edit_pe"]

_SECTION_NAME = b".dllname"
_READABLE_DATA = 0x4000_0040
_MOST_ALIGNMENT, _MOST_ADDRESS = 0x1_0000, 0x7FFF_0000
_CHECKSUM, _IMAGE_SIZE, _INITIALIZED = 64, 56, 8
"""Where fields begin in the optional header, of PE32 as of PE32+."""


def edit_pe(
    data: bytes, *, name: str | None = None, needed: Mapping[str, str] | None = None
) -> bytes:
    """The file with other names of DLLs; the same bytes if nothing changes.

    ``name`` is what the export directory calls the DLL (Windows goes by the file's name);
    ``needed`` maps DLLs that it imports, at once or when first called, to new ones. Names compare
    without case, as in Windows, and those that it does not import are passed over. A checksum that
    was there is computed anew. Equal input gives equal output.

    Raises DoesNotFitError if the headers have no room for one more section, ArchiveError for a file
    that cannot be read, has no name to change, is signed, is bound to addresses of
    other DLLs, or forwards exports to a DLL that would be renamed.
    """
    before, headers = read_pe(data), read_headers(data)
    if isinstance(before, Unreadable) or headers is None:
        reason = before.reason if isinstance(before, Unreadable) else "has no PE header"
        raise ArchiveError(reason)
    if name is not None and before[0].name is None:
        raise ArchiveError("has no name to change: it exports nothing")
    libraries = {old.lower(): new for old, new in (needed or {}).items()}
    wanted = [
        (found, new)
        for found in dll_names(headers)
        if (new := _new_name(found, name, libraries)) is not None and new != found.name
    ]
    if not wanted:
        return data
    _check_editable(headers, libraries)
    result = _written(headers, wanted)
    insist(tuple(_expected(image, name, libraries) for image in before), read_pe(result))
    return result


def _new_name(found: DllName, name: str | None, libraries: Mapping[str, str]) -> bytes | None:
    new = (
        name
        if found.use is NameUse.EXPORT
        else libraries.get(found.name.decode(errors="replace").lower())
    )
    if new is None:
        return None
    if not new or not new.isascii() or set(new) & set('\0/\\:*?"<>|'):
        raise ArchiveError(f"cannot be edited: {new!r} is no name of a DLL")
    return new.encode()


def _check_editable(headers: Headers, libraries: Mapping[str, str]) -> None:
    forwarded = sorted(forwarded_to(headers) & libraries.keys())
    if forwarded:
        raise ArchiveError(
            f"forwards exports to `{forwarded[0]}`, which cannot be renamed in there"
        )
    if any(headers.directory(CERTIFICATES)):
        raise ArchiveError(
            "is signed, and an edit would break the signature", hint="edit it before it is signed"
        )
    if any(headers.directory(BOUND)):
        raise ArchiveError("is bound to addresses in other DLLs, which a new name would not be")


def _expected(image: Image, name: str | None, libraries: Mapping[str, str]) -> Image:
    changed = renamed(image, name, lambda library: libraries.get(library.lower(), library))
    # One that is needed at once and late under one new name is no longer optional.
    at_once = {one.source for one in changed.imports if not one.weak}
    return replace(changed, optional=changed.optional - at_once)


def _written(headers: Headers, wanted: list[tuple[DllName, bytes]]) -> bytes:
    result = bytearray(headers.data)
    moved: dict[bytes, list[DllName]] = {}
    fields = {found.field for found, _ in wanted}
    others = {found.text for found in dll_names(headers) if found.field not in fields}
    fates: dict[int, bytes] = {}
    for found, new in wanted:
        # One text may serve two fields, and may be overwritten only if both get the same name.
        shared = found.text in others or fates.setdefault(found.text, new) != new
        if shared or len(new) > len(found.name):
            moved.setdefault(new, []).append(found)
        if not shared:
            kept = new if len(new) <= len(found.name) else b""
            result[found.text : found.text + len(found.name)] = kept.ljust(len(found.name), b"\0")
    if moved:
        _append(headers, result, moved)
    at = headers.optional + _CHECKSUM
    if any(headers.data[at : at + 4]):
        struct.pack_into("<I", result, at, checksum(bytes(result), at))
    return bytes(result)


def _append(headers: Headers, result: bytearray, moved: Mapping[bytes, list[DllName]]) -> None:
    """Add a section of names to the end of the file, and let the fields refer to them."""
    count = len(headers.sections)
    table = headers.table + 40 * count
    first = min((s.offset for s in headers.sections if s.raw_size), default=len(result))
    room = min(first, headers.headers_size)
    if table + 40 > room or any(result[table : table + 40]):
        raise DoesNotFitError(
            "has no room in its headers for a section of longer names",
            hint="choose names that are no longer than the old ones",
        )
    last = max(s.address + max(s.virtual_size, s.raw_size) for s in headers.sections)
    alignments = (headers.file_alignment, headers.section_alignment >> 8 or 1)
    if last > _MOST_ADDRESS or not all(0 < one <= _MOST_ALIGNMENT for one in alignments):
        raise ArchiveError("cannot be edited: its sections lie where none can lie")
    result += bytes(-len(result) % headers.file_alignment)
    offset = len(result)
    address = _aligned(last, headers.section_alignment)
    text = bytearray()
    for new, places in sorted(moved.items()):
        for found in places:
            struct.pack_into("<I", result, found.field, address + len(text))
        text += new + b"\0"
    raw = _aligned(len(text), headers.file_alignment)
    result[table : table + 40] = struct.pack(
        "<8s6I2HI", _SECTION_NAME, len(text), address, raw, offset, 0, 0, 0, 0, _READABLE_DATA
    )
    result += text.ljust(raw, b"\0")
    struct.pack_into("<H", result, headers.coff + 2, count + 1)
    size = _aligned(address + len(text), headers.section_alignment)
    struct.pack_into("<I", result, headers.optional + _IMAGE_SIZE, size)
    held = struct.unpack_from("<I", result, headers.optional + _INITIALIZED)[0]
    struct.pack_into("<I", result, headers.optional + _INITIALIZED, (held + raw) & 0xFFFF_FFFF)


def _aligned(value: int, step: int) -> int:
    return -(-value // max(1, step)) * max(1, step)


def checksum(data: bytes, at: int) -> int:
    """The checksum of an image file whose own field for it begins at ``at`` and counts as zero.

    The sum of all 16-bit words with the carry added back, plus the length, as `CheckSumMappedFile`
    computes it. Words of 32 bits give the same sum modulo 65,535.
    """
    padded = data[:at] + bytes(4) + data[at + 4 :] + bytes(-len(data) % 4)
    words = array("I")
    if words.itemsize != 4:
        words = array("L")
    words.frombytes(padded)
    if _BIG_ENDIAN:
        words.byteswap()
    total = sum(words)
    folded = (total - 1) % 0xFFFF + 1 if total else 0
    return folded + len(data)


_BIG_ENDIAN = array("H", b"\0\1")[0] == 1
