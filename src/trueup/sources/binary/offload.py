"""Clang's offload bundles, in which HIP keeps code for several GPUs, plain or compressed.

Source: LLVM's "Clang Offload Bundler", sections "Bundled Binary File Layout" and "Bundle Entry ID";
compressed bundles as in clang's `OffloadBundler.h` (`CompressedOffloadBundle`).

    bundle      "__CLANG_OFFLOAD_BUNDLE__" · u64 number of entries
    entry       u64 where the code is · u64 its bytes · u64 length of the id · id
    compressed  "CCOB" · u16 version · u16 method · (from 2 on) size of all · size uncompressed ·
                8 bytes of a hash · a bundle; sizes are u32, from version 3 on u64
"""

from __future__ import annotations

import importlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from trueup.model.library import GpuKind
from trueup.sources.binary.devicepieces import UNREADABLE, Piece, between

__all__ = ["Inflate", "bundle_pieces", "inflate_zlib", "zstd_inflate"]

Inflate = Callable[[memoryview, int], bytes]
"""The first so many bytes of what was compressed; ValueError if it was not, or is damaged."""

_MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"
_START = re.compile(_MAGIC + rb"|CCOB[\1-\3]\0[\0\1]\0")
_COUNT, _ENTRY = struct.Struct("<Q"), struct.Struct("<QQQ")
# By version: (size of all, size uncompressed); version 1 does not tell the former.
_SIZES = {1: struct.Struct("<I8x"), 2: struct.Struct("<II8x"), 3: struct.Struct("<QQ8x")}
_METHODS = ("zlib", "zstd")
_TARGET = re.compile(r"-(gfx[0-9a-z][0-9a-z:+-]*|amdgcnspirv)")
_LONGEST_ID = 200
_MOST_ENTRIES = 200
_HEAD = 16 * 1024
"""Bytes that are inflated: the entries come first, and tell all about the rest."""
_MOST_INFLATED = 10_000
"""Bundles of a section; each stands for a translation unit, of which there are hundreds."""
_WIDEST_WINDOW = 31
"""Clang compresses over long distances; decoders refuse that unless told not to."""


class _Entry(NamedTuple):
    offset: int
    size: int
    name: str


def bundle_pieces(data: memoryview, zstd: Inflate | None) -> Iterator[Piece]:
    """All of a section, in order; the sizes add up to it.

    Each bundle is a module. A bundle whose compression nobody here can undo is one UNREAD piece,
    ``compressed (zstd)``; one that can be undone is shared out among its targets by the bytes that
    they take uncompressed. What does not fit is UNREADABLE up to the next bundle.
    """
    at = module = 0
    while at < len(data):
        found = _START.search(data, at)
        start = found.start() if found else len(data)
        yield from between(data, at, start)
        at = start
        if found:
            plain = found[0] == _MAGIC
            known = (inflate_zlib, zstd) if module < _MOST_INFLATED else (None, None)
            pieces = _bundle(data, at, module) if plain else _compressed(data, at, module, known)
            for piece in pieces:
                yield piece
                at += piece.size
            module += 1
            if at == start:
                yield Piece(len(found[0]), UNREADABLE)
                at += len(found[0])


def _bundle(data: memoryview, start: int, module: int) -> Iterator[Piece]:
    """As much of one bundle as makes sense, beginning with its table of entries."""
    entries, size = _table(data[start:])
    yield Piece(size, UNREADABLE if entries is None else None)
    if entries is None:
        return
    at = start + size
    for entry in entries:
        begin = start + entry.offset
        if begin < at or begin + entry.size > len(data):
            return
        yield from between(data, at, begin)
        yield _code(entry, entry.size, module)
        at = begin + entry.size


def _table(data: memoryview) -> tuple[list[_Entry] | None, int]:
    """The entries that hold something, by where they begin, and the bytes of the table.

    None, and how many bytes were looked at, for what is no table.
    """
    at = len(_MAGIC)
    if len(data) < at + _COUNT.size:
        return None, at
    (count,) = _COUNT.unpack_from(data, at)
    at += _COUNT.size
    if count > _MOST_ENTRIES:
        return None, at
    entries = []
    for _ in range(count):
        if at + _ENTRY.size > len(data):
            return None, at
        offset, size, length = _ENTRY.unpack_from(data, at)
        if length > _LONGEST_ID or at + _ENTRY.size + length > len(data):
            return None, at
        at += _ENTRY.size
        name = bytes(data[at : at + length]).decode("ascii", "backslashreplace")
        at += length
        if size:
            entries.append(_Entry(offset, size, name))
    return sorted(entries), at


def _code(entry: _Entry, size: int, module: int) -> Piece:
    if entry.name.startswith("host-"):
        return Piece(size)
    match = _TARGET.search(entry.name)
    if match is None or match.end() != len(entry.name):
        return Piece(size, f"{UNREADABLE} ({entry.name})")
    kind = GpuKind.BINARY if match[1].startswith("gfx") else GpuKind.SPIRV
    return Piece(size, match[1], kind, module)


def _compressed(
    data: memoryview, start: int, module: int, known: tuple[Inflate | None, Inflate | None]
) -> Iterator[Piece]:
    """One compressed bundle; nothing if it does not fit."""
    version, method = struct.unpack_from("<HH", data, start + 4)
    layout = _SIZES[version]
    body = start + 8 + layout.size
    if body > len(data):
        return
    *told, whole = layout.unpack_from(data, start + 8)
    following = None if told else _START.search(data, body)
    end = start + told[0] if told else following.start() if following else len(data)
    if not body <= end <= len(data):
        return
    inflate = known[method]
    if inflate is None:
        yield Piece(end - start, f"compressed ({_METHODS[method]})")
        return
    entries = _inside(data[body:end], whole, inflate)
    if entries is None:
        yield Piece(end - start, f"{UNREADABLE} ({_METHODS[method]})")
        return
    yield from _shares(end - start, entries, module)


def _inside(packed: memoryview, whole: int, inflate: Inflate) -> list[_Entry] | None:
    """The entries of a compressed bundle that takes ``whole`` bytes uncompressed."""
    try:
        head = inflate(packed, _HEAD)
    except ValueError:
        return None
    if not head.startswith(_MAGIC):
        return None
    entries, at = _table(memoryview(head))
    for entry in entries or ():
        if entry.offset < at or entry.offset + entry.size > whole:
            return None
        at = entry.offset + entry.size
    return entries


def _shares(size: int, entries: list[_Entry], module: int) -> Iterator[Piece]:
    """``size`` bytes shared out by the sizes of the entries, none of them lost to rounding."""
    total = sum(entry.size for entry in entries)
    if not total:
        yield Piece(size)
    past = done = 0
    for entry in entries:
        past += entry.size
        yield _code(entry, size * past // total - done, module)
        done = size * past // total


def inflate_zlib(packed: memoryview, most: int) -> bytes:
    """The first ``most`` bytes of a zlib stream; ValueError if it is none."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def zstd_inflate() -> Inflate | None:
    """What undoes zstd: Python's own from 3.14 on, or `backports.zstd`; None without either."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return _inflate_with(importlib.import_module(name))
        except ImportError:
            continue
    return None


def _inflate_with(zstd: Any) -> Inflate:
    wide = {zstd.DecompressionParameter.window_log_max: _WIDEST_WINDOW}

    def inflate(packed: memoryview, most: int) -> bytes:
        try:
            return bytes(zstd.ZstdDecompressor(options=wide).decompress(packed, most))
        except (zstd.ZstdError, MemoryError) as error:
            raise ValueError(str(error)) from error

    return inflate
