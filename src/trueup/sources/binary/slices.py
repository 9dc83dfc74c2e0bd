"""The slices of a Mach-O file: a thin file is one, a universal file holds one for each machine.

Source: Apple's `mach-o/fat.h` and `mach-o/loader.h`. LIEF reads on where this stops; it does not say
when a file ends before its headers do, and takes as many overlapping slices as are claimed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from trueup.model.metadata import Unreadable

__all__ = ["Slice", "slices_of"]

FAT, FAT64 = bytes.fromhex("cafebabe"), bytes.fromhex("cafebabf")
_THIN = {
    bytes.fromhex("feedface"): (">", 28),
    bytes.fromhex("feedfacf"): (">", 32),
    bytes.fromhex("cefaedfe"): ("<", 28),
    bytes.fromhex("cffaedfe"): ("<", 32),
}
"""Byte order and size of the header that follows each magic number, which it includes."""

_MOST = 30
_ABI64, _ABI64_32 = 0x0100_0000, 0x0200_0000
_ARM, _X86, _PPC = 12, 7, 18
_MACHINES = {
    _ARM | _ABI64: "arm64",
    _ARM | _ABI64_32: "arm64_32",
    _ARM: "arm",
    _X86 | _ABI64: "x86_64",
    _X86: "i386",
    _PPC | _ABI64: "ppc64",
    _PPC: "ppc",
}
_SUBTYPES = {(_ARM | _ABI64, 2): "arm64e", (_X86 | _ABI64, 8): "x86_64h"}
_TWO_LEVEL = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One image: where it begins in the file, its bytes, and what its header says.

    ``machine`` is written as in platform tags; ``commands`` is the number of load commands;
    ``alignment`` the power of two that the universal header asks for, 0 in a thin file.
    """

    offset: int
    data: bytes
    machine: str
    order: str
    header: int
    filetype: int
    commands: int
    commands_size: int
    two_level: bool
    alignment: int = 0


def slices_of(data: bytes) -> tuple[Slice, ...] | Unreadable:
    """The slices of a file in its order; Unreadable if they are cut short or overlap."""
    if data[:4] not in (FAT, FAT64):
        found = _slice(data, 0)
        return found if isinstance(found, Unreadable) else (found,)
    places = _places(data)
    if isinstance(places, Unreadable):
        return places
    slices: list[Slice] = []
    for offset, size, alignment in places:
        one = _slice(data[offset : offset + size], offset, alignment)
        if isinstance(one, Unreadable):
            return one
        slices.append(one)
    return tuple(slices)


def _places(data: bytes) -> list[tuple[int, int, int]] | Unreadable:
    """Offset, size and alignment (as a power of two) of each slice of a universal file."""
    long = data[:4] == FAT64
    entry = struct.Struct(">IIQQII" if long else ">IIIII")
    count = int.from_bytes(data[4:8]) if len(data) >= 8 else 0
    if not 0 < count <= _MOST or len(data) < 8 + count * entry.size:
        return Unreadable(reason=f"is a universal file of {count:,} machines, which cannot be")
    places = [entry.unpack_from(data, 8 + at * entry.size)[2:5] for at in range(count)]
    end = 0
    for offset, size, _ in sorted(places):
        if offset < end or not size:
            return Unreadable(reason="is a universal file whose parts overlap or are empty")
        end = offset + size
    if end > len(data):
        return Unreadable(
            reason=f"is cut short: its parts end at byte {end:,}, the file at {len(data):,}"
        )
    return places


def _slice(data: bytes, offset: int, alignment: int = 0) -> Slice | Unreadable:
    order, size = _THIN.get(data[:4], ("", 0))
    if not size:
        return Unreadable(reason=f"has no Mach-O header at byte {offset:,}")
    if len(data) < size:
        return Unreadable(reason="is cut short in its header")
    cpu, subtype, filetype, commands, commands_size, flags = struct.unpack_from(
        f"{order}6I", data, 4
    )
    if size + commands_size > len(data):
        return Unreadable(reason="is cut short in its load commands")
    named = _SUBTYPES.get((cpu, subtype & 0x00FF_FFFF)) or _MACHINES.get(cpu)
    return Slice(
        offset=offset,
        data=data,
        machine=named or f"cpu{cpu}",
        order=order,
        header=size,
        filetype=filetype,
        commands=commands,
        commands_size=commands_size,
        two_level=bool(flags & _TWO_LEVEL),
        alignment=alignment,
    )
