"""Who uses which string of an ELF file: what is needed to overwrite some of them, and no more.

Own code, because patches need to know where in the file each number lies. Everything is read as the
loader finds it, through the program headers; the section headers only add to what is known of the
users. Sources: the System V gABI, "Program Header", "Dynamic Section" and "Hash Table"; the Linux
Standard Base, "Symbol Versioning"; binutils for DT_GNU_HASH. A version need (`vna_hash`) is hashed
by the name of the version, not of the file; a version definition (`vd_hash`) by its own name.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from trueup.model.errors import ArchiveError, TrueupError

__all__ = ["Data", "DoesNotFitError", "ElfTables", "NameUse", "Slot", "UseKind"]

Data = bytes | bytearray | mmap.mmap
"""A file in memory, or mapped: only its tables are read, so a large one takes no memory."""

_LOAD, _DYNAMIC = 1, 2
_NULL, _NEEDED, _HASH, _STRTAB, _SYMTAB, _STRSZ, _SONAME, _RPATH = 0, 1, 4, 5, 6, 10, 14, 15
_RUNPATH, _GNU_HASH, _GNU_LIBLIST = 29, 0x6FFFFEF5, 0x6FFFFEF9
_VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
# DT_AUXILIARY, DT_FILTER, DT_CONFIG, DT_DEPAUDIT, DT_AUDIT.
_OTHER_STRINGS = frozenset({0x7FFFFFFD, 0x7FFFFFFF, 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC})
_SHT_STRTAB, _SHT_DYNSYM = 3, 11
# What may use .dynstr: SHT_DYNAMIC, SHT_DYNSYM, SHT_GNU_verdef, SHT_GNU_verneed.
_KNOWN_USERS = frozenset({6, _SHT_DYNSYM, 0x6FFFFFFD, 0x6FFFFFFE})
_VER_FLG_BASE = 1
_S390, _ALPHA = 22, 0x9026
_MOST_NAMES = 20_000
"""Dynamic entries, and versions; the largest libraries have some hundred of each."""
_MOST_FREE = 64
_MOST_SYMBOLS = 4_000_000
"""The largest libraries have some hundred thousand."""
LONGEST = 65_536
"""Bytes of a name or of a search path."""


class DoesNotFitError(TrueupError):
    """The edit cannot be made in place; something that moves sections has to make it."""


class UseKind(Enum):
    """What a string stands for, of those that an edit can be about."""

    NEEDED = _NEEDED
    SONAME = _SONAME
    RPATH = _RPATH
    RUNPATH = _RUNPATH
    VERSION_NEED = _VERNEED
    """The file that versions are needed of (`vn_file`), which the loader compares with sonames."""
    BASE_VERSION = _VERDEF
    """The version that stands for the library as a whole; linkers call it like the soname."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameUse:
    """One reference to a string.

    ``field`` is where in the file the reference lies, ``form`` how (a struct format), ``value`` the
    string's offset in the table; ``tag`` is where the entry's tag lies, ``hash`` where the hash of
    the name does, if there is one.
    """

    kind: UseKind
    field: int
    form: str
    value: int
    tag: int | None = None
    hash: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A dynamic entry that is still free: where its tag and its value lie."""

    tag: int
    field: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    type: int
    address: int
    offset: int
    size: int
    link: int


class ElfTables:
    """The dynamic entries, the string table and its users in one file.

    Raises ArchiveError for a file that is no ELF file or whose tables lie outside of it, and
    DoesNotFitError for one without a dynamic section. Reading costs at most what the limits above
    allow, whatever the file claims.
    """

    def __init__(self, data: Data) -> None:
        if (
            data[:4] != b"\x7fELF"
            or len(data) < 52
            or data[4] not in (1, 2)
            or data[5] not in (1, 2)
        ):
            raise ArchiveError("is no ELF file")
        self._data = data
        self._wide = data[4] == 2
        self._order = "<" if data[5] == 1 else ">"
        self._word = "Q" if self._wide else "I"
        self._loads: list[tuple[int, int, int]] = []
        self._tags: dict[int, int] = {}
        self._dynamic: list[tuple[int, int, int]] = []
        self.free: list[Slot] = []
        self._read_segments()
        if _STRTAB not in self._tags:
            raise DoesNotFitError("has no dynamic section, so no names to change")
        self.start = self._place(self._tags[_STRTAB])
        size = self._tags.get(_STRSZ, 0)
        self._insist(self.start + size <= len(data))
        self.strings = bytes(data[self.start : self.start + size])
        self._insist(self.strings[:1] == self.strings[-1:] == b"\0")

    # --- reading --------------------------------------------------------------------------------

    @staticmethod
    def _insist(holds: bool) -> None:
        if not holds:
            raise ArchiveError("is no ELF file that can be edited: its tables are damaged")

    def _unpack(self, form: str, offset: int) -> tuple[int, ...]:
        form = self._order + form
        self._insist(0 <= offset <= len(self._data) - struct.calcsize(form))
        return struct.unpack_from(form, self._data, offset)

    def pack(self, form: str, value: int) -> bytes:
        """A number as the file writes it."""
        return struct.pack(self._order + form, value)

    @property
    def word(self) -> str:
        """The struct format of a dynamic entry's tag and of its value."""
        return self._word

    def text(self, offset: int) -> bytes:
        """The string at an offset of the table."""
        end = self.strings.find(b"\0", offset, offset + LONGEST) if offset >= 0 else -1
        self._insist(end >= 0)
        return self.strings[offset:end]

    def _read_segments(self) -> None:
        start = self._unpack(self._word, 32 if self._wide else 28)[0]
        size, number = self._unpack("HH", 54 if self._wide else 42)
        dynamic = None
        for at in range(start, start + size * number, size or 1):
            if self._wide:
                kind, _, offset, address, _, length = self._unpack("IIQQQQ", at)
            else:
                kind, offset, address, _, length = self._unpack("IIIII", at)
            if kind == _LOAD:
                self._loads.append((address, length, offset))
            elif kind == _DYNAMIC:
                dynamic = address, length
        if dynamic is not None:
            self._read_dynamic(self._place(dynamic[0]), dynamic[1])

    def _read_dynamic(self, start: int, length: int) -> None:
        half = 8 if self._wide else 4
        for at in range(start, start + length - 2 * half + 1, 2 * half):
            tag, value = self._unpack(self._word * 2, at)
            if tag == _NULL:
                self.free = list(self._free(at, start + length, half))
                return
            self._insist(len(self._dynamic) < _MOST_NAMES)
            self._dynamic.append((at, tag, value))
            self._tags[tag] = value

    def _free(self, at: int, end: int, half: int) -> Iterator[Slot]:
        """The empty entries that linkers leave, but for the last, which has to end the section."""
        for start in range(at, min(end, at + _MOST_FREE * half) - 4 * half + 1, 2 * half):
            if any(self._data[start : start + 4 * half]):
                return
            yield Slot(tag=start, field=start + half)

    def _place(self, address: int) -> int:
        """Where in the file the byte at an address lies."""
        for start, length, offset in self._loads:
            if start <= address < start + length:
                return offset + address - start
        raise ArchiveError("is no ELF file that can be edited: an address lies in no segment")

    # --- who uses strings -----------------------------------------------------------------------

    def names(self) -> tuple[NameUse, ...]:
        """The references that an edit can be about, in the order of the file's tables."""
        half = 8 if self._wide else 4
        kinds = {kind.value: kind for kind in UseKind if kind.value < _VERDEF}
        found = [
            NameUse(kind=kinds[tag], field=at + half, form=self._word, value=value, tag=at)
            for at, tag, value in self._dynamic
            if tag in kinds
        ]
        found += (use for use, _ in self._version_needs())
        found += (
            NameUse(
                kind=UseKind.BASE_VERSION, field=field, form="I", value=value, hash=position + 8
            )
            for position, flags, names in self._version_definitions()
            if flags & _VER_FLG_BASE
            for field, value in names[:1]
        )
        return tuple(found)

    def others(self) -> set[int]:
        """The offsets of all other strings: symbols, versions, further dynamic entries.

        Raises DoesNotFitError where these cannot be known.
        """
        if _GNU_LIBLIST in self._tags:
            raise DoesNotFitError("is prelinked, so there are more users of its names")
        sections = self._sections()
        self._check_sections(sections)
        found = {value for _, tag, value in self._dynamic if tag in _OTHER_STRINGS}
        for _, versions in self._version_needs():
            found.update(versions)
        for _, flags, names in self._version_definitions():
            found.update(value for _, value in names[1 if flags & _VER_FLG_BASE else 0 :])
        found.update(self._symbol_names(sections))
        return found

    def _sections(self) -> list[_Section]:
        at = self._unpack(self._word, 40 if self._wide else 32)[0]
        size, number = self._unpack("HH", 58 if self._wide else 46)
        form = "4xIQQQQI" if self._wide else "4xIIIIII"
        found = []
        for header in range(at, at + size * number if at else at, size or 1):
            kind, _, address, offset, length, link = self._unpack(form, header)
            found.append(
                _Section(type=kind, address=address, offset=offset, size=length, link=link)
            )
        return found

    def _check_sections(self, sections: list[_Section]) -> None:
        """No table that the loader knows nothing of may use the same strings."""
        end = self.start + len(self.strings)
        ours = {
            index
            for index, one in enumerate(sections)
            if one.type == _SHT_STRTAB and one.offset < end and self.start < one.offset + one.size
        }
        named = self._unpack("H", 62 if self._wide else 50)[0]
        users = {one.type for one in sections if one.link in ours}
        if named in ours or users - _KNOWN_USERS:
            raise DoesNotFitError("uses its dynamic string table for something else as well")

    def _symbol_names(self, sections: list[_Section]) -> Iterator[int]:
        address = self._tags.get(_SYMTAB)
        if address is None:
            return
        step = 24 if self._wide else 16
        known = [self._hashed(), self._gnu_hashed()]
        known += (
            one.size // step
            for one in sections
            if one.type == _SHT_DYNSYM and one.address == address
        )
        count = max((number for number in known if number is not None), default=None)
        if count is None:
            raise DoesNotFitError("does not say how many symbols it has, so who uses its names")
        at = self._place(address)
        self._insist(count <= _MOST_SYMBOLS and at + count * step <= len(self._data))
        table = self._data[at : at + count * step]
        for (name,) in struct.iter_unpack(f"{self._order}I{step - 4}x", table):
            yield name

    def _hashed(self) -> int | None:
        """The number of symbols by DT_HASH."""
        address = self._tags.get(_HASH)
        if address is None:
            return None
        at = self._place(address)
        # Two ABIs have words of eight bytes there, which not every linker knows; of two words of
        # four bytes, neither is 0.
        eight = self._wide and self._unpack("H", 18)[0] in (_S390, _ALPHA)
        eight = eight and self._unpack("Q", at)[0] < 1 << 32
        return self._unpack("QQ" if eight else "II", at)[1]

    def _gnu_hashed(self) -> int | None:
        """The number of symbols by DT_GNU_HASH; None where none is hashed, so none counted."""
        address = self._tags.get(_GNU_HASH)
        if address is None:
            return None
        at = self._place(address)
        buckets, first, bloom, _ = self._unpack("4I", at)
        start = at + 16 + bloom * (8 if self._wide else 4)
        chains = start + 4 * buckets
        self._insist(chains <= len(self._data))
        table = self._data[start:chains]
        last = max((one for (one,) in struct.iter_unpack(f"{self._order}I", table)), default=0)
        if last < max(first, 1):
            return None
        for index in range(last - first, _MOST_SYMBOLS):
            # The lowest bit ends a chain, and the last bucket's chain ends the table.
            if self._unpack("I", chains + 4 * index)[0] & 1:
                return first + index + 1
        return _MOST_SYMBOLS + 1

    def _version_needs(self) -> Iterator[tuple[NameUse, list[int]]]:
        """Each file that versions are needed of, and the offsets of their names."""
        left = _MOST_NAMES
        for position in self._chain(_VERNEED, _VERNEEDNUM, 12):
            _, count, file, first, _ = self._unpack("HHIII", position)
            names, inner = [], position + first
            for _ in range(count):
                left -= 1
                self._insist(left > 0)
                name, further = self._unpack("II", inner + 8)
                names.append(name)
                inner += further
            kind = UseKind.VERSION_NEED
            yield NameUse(kind=kind, field=position + 4, form="I", value=file), names

    def _version_definitions(self) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
        """Where each definition lies, its flags, and its names: (where they stand, offset)."""
        left = _MOST_NAMES
        for position in self._chain(_VERDEF, _VERDEFNUM, 16):
            _, flags, _, count, _, first, _ = self._unpack("HHHHIII", position)
            names, inner = [], position + first
            for _ in range(count):
                left -= 1
                self._insist(left > 0)
                name, further = self._unpack("II", inner)
                names.append((inner, name))
                inner += further
            yield position, flags, names

    def _chain(self, table: int, number: int, further: int) -> Iterator[int]:
        """Where the entries of a linked table lie; ``further`` is where each has its step."""
        address = self._tags.get(table)
        if address is None:
            return
        position, count = self._place(address), self._tags.get(number, 0)
        self._insist(count <= _MOST_NAMES)
        for _ in range(count):
            yield position
            step = self._unpack("I", position + further)[0]
            if not step:
                return
            position += step
