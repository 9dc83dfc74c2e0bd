"""NVIDIA's fat binaries: containers of machine code and PTX, one after the other.

NVIDIA documents the container's header (`fatbinary_section.h` of the CUDA toolkit); the entries
were learnt from what nvcc 11.8 to 13.0 writes, where they cover each container to the byte.

    container   magic 0xBA55ED50 · u16 version 1 · u16 bytes of this header · u64 bytes of entries
    entry       u16 kind · u16 · u32 bytes of this header · u64 bytes of code, padded ·
                u32 bytes if compressed · u32 · u16 minor · u16 major · u32 architecture ·
                u32 where the name is · u32 its length · u64 flags · …, then the code
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from trueup.model.library import GpuKind
from trueup.sources.binary.devicepieces import UNREADABLE, Piece, between

__all__ = ["fatbin_pieces"]

_CONTAINER = struct.Struct("<8xQ")
_START = re.compile(re.escape(struct.pack("<IHH", 0xBA55ED50, 1, _CONTAINER.size)))
_ENTRY = struct.Struct("<HxxIQ4x4x4xI4x4xQ")
_KINDS = {
    1: ("compute", GpuKind.PTX),
    2: ("sm", GpuKind.BINARY),
    8: ("lto", GpuKind.LTO),
}
# Code that runs on exactly one architecture (`sm_90a`), or on those of its family (`sm_100f`).
_EXACT, _FAMILY = 1 << 20, 1 << 21
_NUMBERS = range(10, 1000)
"""What ``sm_10`` and later ones may be called; anything else is no architecture."""


def fatbin_pieces(data: memoryview) -> Iterator[Piece]:
    """All of a section, in order; the sizes add up to it.

    What does not fit into a container, and all up to the next one, is UNREADABLE, unless it is
    zeros. Each container is a module of its own.
    """
    at = module = 0
    while at < len(data):
        found = _START.search(data, at)
        start = found.start() if found else len(data)
        yield from between(data, at, start)
        at = start
        for piece in _container(data, start, module):
            yield piece
            at += piece.size
        module += 1
        if at == start < len(data):
            yield Piece(len(data) - at, UNREADABLE)
            return


def _container(data: memoryview, start: int, module: int) -> Iterator[Piece]:
    """As much of one container as makes sense; nothing if there is no room for its header."""
    at = start + _CONTAINER.size
    if at > len(data):
        return
    (size,) = _CONTAINER.unpack_from(data, start)
    yield Piece(_CONTAINER.size)
    end = min(at + size, len(data))
    while at + _ENTRY.size <= end:
        kind, header, size, number, flags = _ENTRY.unpack_from(data, at)
        if header < _ENTRY.size or at + header + size > end:
            return
        yield _code(header + size, kind, number, flags, module)
        at += header + size


def _code(size: int, kind: int, number: int, flags: int, module: int) -> Piece:
    suffix = "a" if flags & _EXACT else "f" if flags & _FAMILY else ""
    if kind not in _KINDS:
        return Piece(size, f"{UNREADABLE} (kind {kind})")
    if number not in _NUMBERS:
        return Piece(size, f"{UNREADABLE} (architecture {number})")
    prefix, meaning = _KINDS[kind]
    return Piece(size, f"{prefix}_{number}{suffix}", meaning, module)
