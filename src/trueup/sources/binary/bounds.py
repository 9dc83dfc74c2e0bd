"""Whether a file claims more than its bytes can hold, asked before LIEF believes it.

Tables of a small file may refer to the same bytes again and again: a thousand descriptors to one
list of symbols, a million symbols to one long name. What a linker writes refers to each byte once,
so more than that is no library, and is refused before anything is allocated for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from trueup.sources.binary.dllnames import DELAYED, EXPORTS, IMPORTS, Headers
from trueup.sources.binary.slices import Slice

__all__ = ["LONGEST_NAME", "MOST_NAMES", "excess_in_macho", "excess_in_pe"]

MOST_NAMES = 64 * 1024 * 1024
"""Bytes that all names of symbols may take together; those of the largest real libraries take 30
million."""

LONGEST_NAME = 4096
"""Bytes of one symbol's name in PE, where LIEF reads no longer ones."""

_MOST_IMPORTS, _MOST_EXPORTS = 250_000, 131_072
_SEGMENT, _SYMTAB, _SEGMENT_64 = 0x01, 0x02, 0x19


def excess_in_macho(one: Slice) -> str | None:
    """What a slice claims too much of, in words; None if nothing."""
    held = 0
    for command, start in _commands(one):
        if command in (_SEGMENT, _SEGMENT_64):
            layout, at = ("Q", 48) if command == _SEGMENT_64 else ("I", 36)
            held += _number(one, layout, start + at)
        elif command == _SYMTAB and _symbol_names(one, start) > MOST_NAMES:
            return f"has symbols whose names take more than {MOST_NAMES:,} bytes"
    return "has segments that overlap" if held > len(one.data) else None


def _commands(one: Slice) -> Iterator[tuple[int, int]]:
    """The load commands: what each is, and where it begins."""
    at, end = one.header, one.header + one.commands_size
    while at + 8 <= end:
        command, size = struct.unpack_from(f"{one.order}2I", one.data, at)
        if size < 8 or at + size > end:
            return
        if size >= 56 or (command == _SYMTAB and size >= 24):
            yield command, at
        at += size


def _number(one: Slice, layout: str, at: int) -> int:
    return int(struct.unpack_from(f"{one.order}{layout}", one.data, at)[0])


def _symbol_names(one: Slice, start: int) -> int:
    """Bytes of all names in the symbol table, counted as often as they are referred to."""
    symbols, count, strings, size = struct.unpack_from(f"{one.order}4I", one.data, start + 8)
    table = one.data[strings : strings + size]
    if count * max(map(len, table.split(b"\0"))) <= MOST_NAMES:
        return 0
    entry = struct.Struct(f"{one.order}I{12 if one.header == 32 else 8}x")
    entries = one.data[symbols : symbols + count * entry.size]
    whole = len(entries) - len(entries) % entry.size
    total = 0
    for (name,) in entry.iter_unpack(entries[:whole]):
        end = table.find(b"\0", name)
        total += (end if end >= 0 else len(table)) - name if name < len(table) else 0
        if total > MOST_NAMES:
            break
    return total


def excess_in_pe(headers: Headers) -> str | None:
    """What a PE file claims too much of, in words; None if nothing."""
    total = 0
    for what, most, addresses in (
        ("imports", _MOST_IMPORTS, _imported(headers)),
        ("exports", _MOST_EXPORTS, _exported(headers)),
    ):
        for count, size in enumerate(_lengths(headers, addresses), 1):
            total += size
            if count > most:
                return f"has more than {most:,} {what}, which no linker writes"
            if size >= LONGEST_NAME:
                return f"has {what} with names of more than {LONGEST_NAME:,} bytes"
            if total > MOST_NAMES:
                return f"has symbols whose names take more than {MOST_NAMES:,} bytes"
    return None


def _lengths(headers: Headers, addresses: Iterable[int | None]) -> Iterator[int]:
    """The length of the text at each address; None stands for a symbol without a name."""
    data = headers.data
    first = last = shift = 0
    for address in addresses:
        if address is None:
            yield 0
            continue
        if not first <= address < last:
            # Names lie together: the section of one is mostly that of the next.
            section = headers.section_of(address)
            if section is None:
                yield 0
                continue
            first, last = section.address, section.address + section.raw_size
            shift = section.offset - section.address
        start = address + shift
        end = data.find(b"\0", start, start + LONGEST_NAME)
        yield end - start if end >= 0 else LONGEST_NAME


def _exported(headers: Headers) -> Iterator[int | None]:
    """Addresses of the names of exports; None for each entry of the table of addresses."""
    address = headers.directory(EXPORTS)[0]
    at = headers.offset_of(address) if address else None
    if at is None or at + 40 > len(headers.data):
        return
    entries, count = struct.unpack_from("<2I", headers.data, at + 20)
    for _ in range(min(entries, _MOST_EXPORTS + 1)):
        yield None
    names = headers.offset_of(struct.unpack_from("<I", headers.data, at + 32)[0])
    if names is not None:
        for (name,) in _words(headers.data, names, "<I", count):
            yield name


def _imported(headers: Headers) -> Iterator[int | None]:
    """Addresses of the names of imports, past the hint of two bytes; None for a number."""
    layout, by_number = ("<Q", 1 << 63) if headers.long else ("<I", 1 << 31)
    for number, size, fields in ((IMPORTS, 20, (0, 16)), (DELAYED, 32, (16,))):
        for descriptor in headers.descriptors(number, size):
            # Lists of names; the first that there is counts, as in LIEF and in Windows.
            lists = (struct.unpack_from("<I", headers.data, descriptor + at)[0] for at in fields)
            at = headers.offset_of(next((one for one in lists if one), 0))
            if at is None:
                continue
            for (thunk,) in _words(headers.data, at, layout, len(headers.data)):
                if not thunk:
                    break
                yield None if thunk & by_number else (thunk & 0x7FFF_FFFF) + 2


def _words(data: bytes, at: int, layout: str, count: int) -> Iterator[tuple[int]]:
    word = struct.Struct(layout)
    for start in range(at, min(len(data) - word.size + 1, at + count * word.size), word.size):
        yield word.unpack_from(data, start)
