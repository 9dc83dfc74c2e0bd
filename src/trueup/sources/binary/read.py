"""Any shared object, by what its first bytes say it is."""

from __future__ import annotations

from typing import BinaryIO

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
    return _is_elf(head) or _is_macho(head) or _is_pe(head)


def _is_elf(head: bytes) -> bool:
    return head[:4] == b"\x7fELF"


def _is_macho(head: bytes) -> bool:
    if head[:4] in (_FAT, _FAT64):
        return int.from_bytes(head[4:8]) <= _MOST_SLICES
    return head[:4] in _MACHO


def _is_pe(head: bytes) -> bool:
    return head[:2] == b"MZ"


def read_images(file: bytes | BinaryIO) -> tuple[Image, ...] | Unreadable:
    """The images of a shared object; Unreadable, with the reason, for anything else.

    Of an ELF file that is open there is never more than one copy in memory. It stays the caller's.
    """
    if isinstance(file, bytes):
        head = file[:LONGEST_MAGIC]
    else:
        file.seek(0)
        head = file.read(LONGEST_MAGIC)
    try:
        if _is_elf(head):
            return read_elf(file)
        if _is_macho(head):
            return read_macho(_whole(file))
        if _is_pe(head):
            return read_pe(_whole(file))
    except (UnicodeDecodeError, SystemError):
        # LIEF hands damaged names and numbers on to Python as they are.
        return Unreadable(reason="has damaged tables: a name or a number in them means nothing")
    return Unreadable(reason="is no ELF, Mach-O or PE file")


def _whole(file: bytes | BinaryIO) -> bytes:
    if isinstance(file, bytes):
        return file
    file.seek(0)
    return file.read()
