"""The names in an ELF file, overwritten in place: not a byte longer, no section moved.

Only DT_NEEDED, DT_SONAME, DT_RPATH and DT_RUNPATH strings, the file names of version needs and the
base version that is called like the soname are touched. A string that something else uses as well,
a symbol or the tail of a longer string, keeps its bytes; the new name then lies where another one
was, or where the table holds it already, and otherwise the edit is refused. Symbols do not change,
so neither do the hash tables.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from trueup.model.errors import UsageError
from trueup.sources.binedit.elftables import (
    LONGEST,
    Data,
    DoesNotFitError,
    ElfTables,
    NameUse,
    UseKind,
)

__all__ = ["DoesNotFitError", "ElfEdit", "Patches", "applied", "edit_elf", "search_path"]

Patches = tuple[tuple[int, bytes], ...]
"""Places in a file, and the bytes that are to be there instead, as many as before."""

_RPATH = UseKind.RPATH.value
_PATHS = (UseKind.RPATH, UseKind.RUNPATH)
_BLANK = re.compile(rb"\0{3,}")
_MOST_BLANKS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfEdit:
    """What is to be called otherwise.

    - ``name``: the new soname;
    - ``needed``: names of libraries that it asks for, and their new ones;
    - ``search``: search path entries, and their new ones; those that it does not name stay, one
      that becomes empty goes, and entries that become equal are written once;
    - ``path``: the whole search path instead, as DT_RPATH where there was none; None keeps it,
      and one without entries leaves none;
    - ``rpath``: make a DT_RUNPATH a DT_RPATH, which LD_LIBRARY_PATH does not go before.
    """

    name: str | None = None
    needed: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] | None = None
    rpath: bool = False


def edit_elf(data: Data, edit: ElfEdit) -> Patches:
    """The patches, by place, that make the edit; empty if there is nothing to change.

    The file may be mapped: only its tables are read. Raises DoesNotFitError if the edit needs more
    room or would change something else, ArchiveError for a file whose tables cannot be read, and
    UsageError for a name that no ELF file can hold.
    """
    tables = ElfTables(data)
    names = tables.names()
    wanted = [(use, new) for use, new in _wanted(tables, names, edit) if new != _text(tables, use)]
    patches: dict[int, bytes] = {}
    if edit.rpath:
        for use in names:
            if use.kind is UseKind.RUNPATH and use.tag is not None:
                patches[use.tag] = tables.pack(tables.word, _RPATH)
    if wanted:
        room = _Room(tables, names, {use for use, _ in wanted})
        for use, offset in room.places(wanted).items():
            if offset != use.value:
                patches[use.field] = tables.pack(use.form, offset)
            if use.value < 0 and use.tag is not None:
                patches[use.tag] = tables.pack(tables.word, use.kind.value)
        patches.update(room.patches())
        patches.update(_hashes(tables, wanted))
    return tuple(sorted(patches.items()))


def search_path(data: Data) -> tuple[str, ...]:
    """The entries of the search path that counts; raises as :func:`edit_elf` does.

    A DT_RPATH beside a DT_RUNPATH is not heeded by any loader.
    """
    tables = ElfTables(data)
    text = _effective_path(tables, tables.names())
    return tuple(_decoded(text).split(":")) if text else ()


def applied(data: bytes, patches: Patches) -> bytes:
    """The data with the patches made."""
    changed = bytearray(data)
    for offset, new in patches:
        changed[offset : offset + len(new)] = new
    return bytes(changed)


# --- what is wanted -----------------------------------------------------------------------------


def _text(tables: ElfTables, use: NameUse) -> bytes:
    return tables.text(use.value) if use.value >= 0 else b""


def _decoded(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _encoded(text: str) -> bytes:
    if "\0" in text or len(text) >= LONGEST // 4:
        raise UsageError("cannot be a name in an ELF file", found=f"{text[:80]!r}")
    return text.encode(errors="surrogateescape")


def _effective_path(tables: ElfTables, names: Iterable[NameUse]) -> bytes | None:
    """The text of DT_RUNPATH, or else of DT_RPATH; of several the last, as in glibc."""
    found = {use.kind: _text(tables, use) for use in names if use.kind in _PATHS}
    return found.get(UseKind.RUNPATH, found.get(UseKind.RPATH))


def _wanted(
    tables: ElfTables, names: tuple[NameUse, ...], edit: ElfEdit
) -> Iterator[tuple[NameUse, bytes]]:
    """Every reference that the edit can be about, and what it is to read afterwards."""
    needed = {_encoded(old): _encoded(new) for old, new in edit.needed.items()}
    name = None if edit.name is None else _encoded(edit.name)
    sonames = {_text(tables, use) for use in names if use.kind is UseKind.SONAME}
    path = _effective_path(tables, names)
    for use in names:
        old = _text(tables, use)
        match use.kind:
            case UseKind.NEEDED | UseKind.VERSION_NEED:
                yield use, needed.get(old, old)
            case UseKind.SONAME:
                yield use, name if name is not None else old
            case UseKind.BASE_VERSION:
                # A repair tool may have renamed the library and left this alone.
                yield use, name if name is not None and old in sonames else old
            case UseKind.RPATH | UseKind.RUNPATH:
                # With `rpath` they become two of a kind, which then must not contradict.
                yield use, _new_path(path if edit.rpath and path is not None else old, edit)
    if name and not sonames:
        yield _added(tables, UseKind.SONAME, "soname"), name
    if edit.path and path is None:
        yield _added(tables, UseKind.RPATH, "search path"), _new_path(b"", edit)


def _new_path(old: bytes, edit: ElfEdit) -> bytes:
    if edit.path is not None:
        return _encoded(":".join(edit.path))
    parts = _decoded(old).split(":")
    if not edit.search.keys() & set(parts):
        return old
    kept = [new for part in parts if (new := edit.search.get(part, part)) or not part]
    return _encoded(":".join(dict.fromkeys(kept)))


def _added(tables: ElfTables, kind: UseKind, what: str) -> NameUse:
    """An entry where linkers leave room for some; it refers to no string so far."""
    if not tables.free:
        raise DoesNotFitError(f"has no {what}, and no room for one")
    slot = tables.free.pop(0)
    return NameUse(kind=kind, field=slot.field, form=tables.word, value=-1, tag=slot.tag)


def _hashes(
    tables: ElfTables, wanted: Iterable[tuple[NameUse, bytes]]
) -> Iterator[tuple[int, bytes]]:
    for use, new in wanted:
        if use.hash is not None:
            yield use.hash, tables.pack("I", _elf_hash(new))


def _elf_hash(name: bytes) -> int:
    """The hash of a name, as the gABI's "Hash Table" has it."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        value = (value ^ (value & 0xF000_0000) >> 24) & 0x0FFF_FFFF
    return value


# --- where it can lie ---------------------------------------------------------------------------


class _Room:
    """The bytes of the string table that become free, and what is written there."""

    def __init__(
        self, tables: ElfTables, names: tuple[NameUse, ...], changed: set[NameUse]
    ) -> None:
        self._tables = tables
        self._old = tables.strings
        self._new = bytearray(tables.strings)
        self._kept = sorted(tables.others() | {use.value for use in names if use not in changed})
        # Sorted intervals apart from each other, of bytes that nothing uses any more.
        freed = self._freed(sorted({use.value for use in changed if use.value >= 0}))
        self._intervals = list(_merged(sorted([*freed, *self._blank()])))
        self._clear()

    def _clear(self) -> None:
        self._left = list(self._intervals)
        for start, end in self._intervals:
            self._new[start:end] = bytes(end - start)

    def _freed(self, changed: list[int]) -> Iterator[tuple[int, int]]:
        """The bytes of the old names that nothing else reads."""
        for offset in changed:
            end = offset + len(self._tables.text(offset))
            begin = self._old.rfind(b"\0", max(0, offset - LONGEST), offset) + 1
            user = self._user(begin)
            # What begins before the name ends where that ends, so includes it; what begins inside
            # of it keeps the rest. Offset 0 is everybody's empty string.
            if begin > 0 and offset < user and offset < end:
                yield offset, user if user <= end else self._blank_end(end + 1, user)

    def _user(self, offset: int) -> int:
        """The first string that is kept at an offset or behind it."""
        place = bisect_left(self._kept, offset)
        # In a damaged file a reference may lead out of the table.
        return min([len(self._old), *self._kept[place : place + 1]])

    def _blank_end(self, start: int, user: int) -> int:
        end = start
        while end < min(user, start + LONGEST) and self._old[end] == 0:
            end += 1
        return end

    def _blank(self) -> Iterator[tuple[int, int]]:
        """Empty bytes between names, which shorter names left behind."""
        for match in islice(_BLANK.finditer(self._old), _MOST_BLANKS):
            # The first byte ends the name before it.
            start, end = match.start() + 1, match.end()
            while start < end:
                user = min(self._user(start), end)
                if user > start:
                    yield start, user
                start = user + 1

    def places(self, wanted: list[tuple[NameUse, bytes]]) -> dict[NameUse, int]:
        """The offset that each name is at afterwards; raises DoesNotFitError."""
        placed: dict[bytes, int] = {}
        # Where the old name was, no reference changes. Those that need no more room come first.
        for use, new in sorted(wanted, key=self._growth):
            if new not in placed and self._take(new, use.value) is not None:
                placed[new] = use.value
        try:
            self._place_rest(wanted, placed)
        except DoesNotFitError as error:
            # They may still fit where others were; if not, the first reason is the plainer one.
            self._clear()
            placed.clear()
            try:
                self._place_rest(wanted, placed)
            except DoesNotFitError:
                raise error from None
        return {use: placed[new] for use, new in wanted}

    def _growth(self, one: tuple[NameUse, bytes]) -> int:
        return len(one[1]) - len(_text(self._tables, one[0]))

    def _place_rest(self, wanted: list[tuple[NameUse, bytes]], placed: dict[bytes, int]) -> None:
        """Find a place for what has none, the longest first."""
        for use, new in sorted(wanted, key=lambda one: (-len(one[1]), one[1], one[0].field)):
            if new not in placed:
                offset = self._found(new, placed)
                if offset is None:
                    raise self._refusal(use, new)
                placed[new] = offset

    def _take(self, new: bytes, at: int | None = None) -> int | None:
        """Write a name into free bytes, at an offset or where it fits best; None if it does not."""
        size = len(new) + 1
        fitting = [
            (end - start, start, end)
            for start, end in self._left
            if (end - start >= size if at is None else start <= at <= end - size)
        ]
        if not fitting or not new:
            return None
        _, start, end = min(fitting)
        place = start if at is None else at
        self._new[place : place + len(new)] = new
        self._left.remove((start, end))
        self._left += [(start, place), (place + size, end)]
        return place

    def _found(self, new: bytes, placed: Mapping[bytes, int]) -> int | None:
        """An offset where the name is already, as the tail of another maybe, or is written now."""
        if not new:
            return 0  # The gABI has an empty string there.
        for other, offset in placed.items():
            if other.endswith(new):
                return offset + len(other) - len(new)
        at = self._old.find(new + b"\0")
        starts = [start for start, _ in self._intervals]
        while at >= 0:
            place = bisect_left(starts, at + len(new) + 1) - 1
            if place < 0 or self._intervals[place][1] <= at:
                return at
            at = self._old.find(new + b"\0", self._intervals[place][1])
        return self._take(new)

    def _refusal(self, use: NameUse, new: bytes) -> DoesNotFitError:
        old = _text(self._tables, use)
        shown = old.decode(errors="backslashreplace")
        if len(new) > len(old):
            return DoesNotFitError(
                f"has no room for a longer name in place of `{shown}`"
                if old
                else f"has no room for `{_decoded(new)}`",
                found=f"{len(new)} bytes",
                expected=f"at most {len(old)}",
            )
        return DoesNotFitError(f"uses the bytes of `{shown}` for another name as well")

    def patches(self) -> Iterator[tuple[int, bytes]]:
        """The free bytes as they are afterwards, without what stays as it was at their ends."""
        for start, end in self._intervals:
            while end > start and self._old[end - 1] == self._new[end - 1]:
                end -= 1
            while start < end and self._old[start] == self._new[start]:
                start += 1
            if start < end:
                yield self._tables.start + start, bytes(self._new[start:end])


def _merged(intervals: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Those that touch or overlap as one."""
    last: tuple[int, int] | None = None
    for start, end in intervals:
        if last is not None and start <= last[1]:
            last = last[0], max(last[1], end)
            continue
        if last is not None:
            yield last
        last = start, end
    if last is not None:
        yield last
