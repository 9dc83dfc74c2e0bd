"""Any shared object, by what its first bytes say it is."""

from __future__ import annotations

from collections.abc import Callable

from trueup.model.library import Image
from trueup.model.metadata import Unreadable
from trueup.sources.binary.elf import read_elf
from trueup.sources.binary.macho import read_macho
from trueup.sources.binary.pe import read_pe

__all__ = ["LONGEST_MAGIC", "is_binary", "read_images"]

LONGEST_MAGIC = 8
"""Bytes that tell whether a file is one of the three."""

_MACHO = frozenset(
    bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe")
)
_FAT, _FAT64 = bytes.fromhex("cafebabe"), bytes.fromhex("cafebabf")
_MOST_SLICES = 30
"""A Java class begins like a universal Mach-O file, and has its version there: 45 and more."""


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so claims to be ELF, Mach-O or PE."""
    return _reader(head) is not None


def _reader(head: bytes) -> Callable[[bytes], tuple[Image, ...] | Unreadable] | None:
    if head[:4] == b"\x7fELF":
        return read_elf
    if head[:4] in _MACHO:
        return read_macho
    if head[:4] in (_FAT, _FAT64) and int.from_bytes(head[4:8]) <= _MOST_SLICES:
        return read_macho
    if head[:2] == b"MZ":
        return read_pe
    return None


def read_images(data: bytes) -> tuple[Image, ...] | Unreadable:
    """The images of a shared object; Unreadable, with the reason, for anything else."""
    reader = _reader(data[:LONGEST_MAGIC])
    if reader is None:
        return Unreadable(reason="is no ELF, Mach-O or PE file")
    try:
        return reader(data)
    except (UnicodeDecodeError, SystemError):
        # LIEF hands damaged names and numbers on to Python as they are.
        return Unreadable(reason="has damaged tables: a name or a number in them means nothing")
