"""The names in an ELF file, overwritten in place: not a byte longer, no section moved.

Only DT_NEEDED, DT_SONAME, DT_RPATH and DT_RUNPATH strings (and the file names of version needs) are
touched. A string that something else uses as well, a symbol or the tail of a longer string, is left
alone and the edit refused. Source: the System V gABI, "Dynamic Section"; GNU symbol versioning.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from trueup.model.errors import ArchiveError, TrueupError

__all__ = ["DoesNotFitError", "ElfEdit", "applied", "edit_elf", "search_path"]

_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
_AUXILIARY, _FILTER = 0x7FFFFFFD, 0x7FFFFFFF
_CONFIG, _DEPAUDIT, _AUDIT = 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC
_VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_OTHER_STRINGS = frozenset({_AUXILIARY, _FILTER, _CONFIG, _DEPAUDIT, _AUDIT})
_LOAD, _DYNAMIC = 1, 2
_DYNSYM = 11
_MOST = 1_000_000
"""Entries of a table that are looked at; the largest real ones have some hundred thousand."""

Data = bytes | bytearray | mmap.mmap


class DoesNotFitError(TrueupError):
    """The edit cannot be made in place; something that moves sections has to make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfEdit:
    """What is to be called otherwise.

    ``name`` is the new soname; ``needed`` maps names of libraries that it asks for to new ones;
    ``search`` maps search path entries to new ones (those that it does not name stay);
    ``rpath`` makes a DT_RUNPATH a DT_RPATH, which LD_LIBRARY_PATH does not go before.
    """

    name: str | None = None
    needed: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, str] = field(default_factory=dict)
    rpath: bool = False


def edit_elf(data: Data, edit: ElfEdit) -> tuple[tuple[int, bytes], ...]:
    """The patches, as (offset, bytes), that make the edit; empty if there is nothing to change.

    Raises DoesNotFitError if the edit needs more room or would change something else, ArchiveError
    for a file whose tables cannot be read.
    """
    try:
        return tuple(_Elf(data).patches(edit))
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise ArchiveError("is no ELF file that can be edited: its tables are damaged") from error


def search_path(data: Data) -> tuple[str, ...]:
    """The entries of DT_RPATH or DT_RUNPATH; raises as :func:`edit_elf` does."""
    try:
        return tuple(_Elf(data).search())
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise ArchiveError("is no ELF file that can be edited: its tables are damaged") from error


def applied(data: bytes, patches: tuple[tuple[int, bytes], ...]) -> bytes:
    """The data with the patches made."""
    changed = bytearray(data)
    for offset, new in patches:
        changed[offset : offset + len(new)] = new
    return bytes(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One entry of the dynamic section: where it lies, its tag and its value."""

    offset: int
    tag: int
    value: int


class _Elf:
    """The tables of one file, as far as names are concerned."""

    def __init__(self, data: Data) -> None:
        if data[:4] != b"\x7fELF" or data[4] not in (1, 2) or data[5] not in (1, 2):
            raise ArchiveError("is no ELF file")
        self._data = data
        self._wide = data[4] == 2
        self._order = "<" if data[5] == 1 else ">"
        self._word = "Q" if self._wide else "I"
        self._loads: list[tuple[int, int, int]] = []
        self._entries: list[_Entry] = []
        self._read_segments()
        self._tags = {entry.tag: entry.value for entry in self._entries}
        if _STRTAB not in self._tags:
            raise DoesNotFitError("has no dynamic section, so no names to change")
        self._table = self._file_offset(self._tags[_STRTAB])
        self._size = self._tags[_STRSZ]

    def _unpack(self, form: str, offset: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + form, self._data, offset)

    def _read_segments(self) -> None:
        start = self._unpack(self._word, 32 if self._wide else 28)[0]
        size, number = self._unpack("HH", 54 if self._wide else 42)
        dynamic = None
        for index in range(number):
            at = start + index * size
            if self._wide:
                kind, _, offset, address, _, length = self._unpack("IIQQQQ", at)
            else:
                kind, offset, address, _, length = self._unpack("IIIII", at)
            if kind == _LOAD:
                self._loads.append((address, length, offset))
            elif kind == _DYNAMIC:
                dynamic = offset, length
        if dynamic is not None:
            step = 16 if self._wide else 8
            for at in range(dynamic[0], dynamic[0] + min(dynamic[1], _MOST), step):
                tag, value = self._unpack(self._word * 2, at)
                if tag == _NULL:
                    break
                self._entries.append(_Entry(offset=at, tag=tag, value=value))

    def _file_offset(self, address: int) -> int:
        for start, length, offset in self._loads:
            if start <= address < start + length:
                return offset + address - start
        raise ArchiveError("is no ELF file that can be edited: an address lies in no segment")

    def _text(self, offset: int) -> bytes:
        """The string at an offset of the string table."""
        if not 0 <= offset < self._size:
            raise IndexError(offset)
        start = self._table + offset
        end = self._data.find(b"\0", start, self._table + self._size)
        if end < 0:
            raise IndexError(offset)
        return bytes(self._data[start:end])

    def search(self) -> Iterator[str]:
        for entry in self._entries:
            if entry.tag in (_RPATH, _RUNPATH):
                yield from self._text(entry.value).decode().split(":")

    def patches(self, edit: ElfEdit) -> Iterator[tuple[int, bytes]]:
        names: dict[int, bytes] = {}
        for offset, new in self._names(edit):
            if names.setdefault(offset, new) != new:
                shown = self._text(offset).decode(errors="backslashreplace")
                raise DoesNotFitError(f"uses the bytes of `{shown}` for another name as well")
        wanted = {offset: new for offset, new in names.items() if new != self._text(offset)}
        self._check(wanted, names.keys() - wanted.keys())
        for offset, new in sorted(wanted.items()):
            old = self._text(offset)
            yield self._table + offset, new + bytes(len(old) - len(new))
        if edit.rpath:
            for entry in self._entries:
                if entry.tag == _RUNPATH:
                    yield entry.offset, struct.pack(self._order + self._word, _RPATH)

    def _names(self, edit: ElfEdit) -> Iterator[tuple[int, bytes]]:
        """Every name that an edit can be about: its offset, and what it is to be afterwards."""
        needed = {old.encode(): new.encode() for old, new in edit.needed.items()}
        for entry in self._entries:
            if entry.tag == _NEEDED:
                old = self._text(entry.value)
                yield entry.value, needed.get(old, old)
            elif entry.tag == _SONAME:
                yield entry.value, edit.name.encode() if edit.name else self._text(entry.value)
            elif entry.tag in (_RPATH, _RUNPATH):
                parts = self._text(entry.value).decode().split(":")
                new = dict.fromkeys(edit.search.get(part, part) for part in parts)
                yield entry.value, ":".join(new).encode()
        for offset, _ in self._version_needs():
            old = self._text(offset)
            yield offset, needed.get(old, old)

    def _check(self, wanted: Mapping[int, bytes], kept: Set[int]) -> None:
        """Nothing else may look into the bytes that change."""
        if not wanted:
            return
        others = self._others() | kept
        starts = sorted({*others, *wanted})
        for offset, new in wanted.items():
            old = self._text(offset)
            shown = old.decode(errors="backslashreplace")
            if len(new) > len(old):
                raise DoesNotFitError(
                    f"has no room for a longer name in place of `{shown}`",
                    found=f"{len(new)} bytes",
                    expected=f"at most {len(old)}",
                )
            place = bisect_left(starts, offset)
            after = starts[place + 1] if place + 1 < len(starts) else self._size
            before = starts[place - 1] if place else None
            tail = before is not None and before + len(self._text(before)) >= offset
            if offset in others or after <= offset + len(old) or tail:
                raise DoesNotFitError(f"uses the bytes of `{shown}` for another name as well")

    def _others(self) -> set[int]:
        """The offsets of all strings that no edit is about: symbols, versions, other entries."""
        found = {entry.value for entry in self._entries if entry.tag in _OTHER_STRINGS}
        found |= set(self._symbol_names())
        found |= set(self._version_names())
        return found

    def _symbol_names(self) -> Iterator[int]:
        """Offsets of the names of dynamic symbols, by the section headers."""
        at = self._unpack(self._word, 40 if self._wide else 32)[0]
        size, number = self._unpack("HH", 58 if self._wide else 46)
        for index in range(number):
            header = at + index * size
            if self._unpack("I", header + 4)[0] != _DYNSYM:
                continue
            offset, length = self._unpack(self._word * 2, header + (24 if self._wide else 16))
            step = 24 if self._wide else 16
            if length // step > _MOST:
                raise ArchiveError("has too many symbols", expected=f"at most {_MOST:,}")
            for symbol in range(offset, offset + length, step):
                yield self._unpack("I", symbol)[0]
            return
        raise DoesNotFitError("has no section headers, so the users of its names are unknown")

    def _version_names(self) -> Iterator[int]:
        for _, names in self._version_needs():
            yield from names
        at = self._tags.get(_VERDEF)
        position = self._file_offset(at) if at is not None else 0
        for _ in range(min(self._tags.get(_VERDEFNUM, 0), _MOST)):
            _, _, _, count, _, first, step = self._unpack("HHHHIII", position)
            inner = position + first
            for _ in range(count):
                name, further = self._unpack("II", inner)
                yield name
                inner += further
            position += step

    def _version_needs(self) -> Iterator[tuple[int, list[int]]]:
        """(offset of the file's name, offsets of the version names) of each library."""
        at = self._tags.get(_VERNEED)
        position = self._file_offset(at) if at is not None else 0
        for _ in range(min(self._tags.get(_VERNEEDNUM, 0), _MOST)):
            _, count, file, first, step = self._unpack("HHIII", position)
            names, inner = [], position + first
            for _ in range(count):
                name, further = self._unpack("II", inner + 8)
                names.append(name)
                inner += further
            yield file, names
            position += step
