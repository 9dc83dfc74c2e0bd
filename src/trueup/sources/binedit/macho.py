"""The names in a Mach-O file: load commands rewritten, then signed ad hoc again.

The commands may grow into the space that linkers leave behind them (`-headerpad`); no section
moves. Each slice of a universal file is edited for itself. What comes out is checked by reading it
again and by recomputing every hash of the signature; nothing here was ever run on macOS. Source:
Apple's `mach-o/loader.h` and `mach-o/fat.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from trueup.model.errors import ArchiveError
from trueup.model.library import Image
from trueup.model.metadata import Unreadable
from trueup.sources.binary.macho import read_macho
from trueup.sources.binary.slices import FAT, FAT64, Slice, slices_of
from trueup.sources.binedit.elf import DoesNotFitError
from trueup.sources.binedit.expected import insist, renamed
from trueup.sources.binedit.signature import adhoc_signature, broken_slots, read_signature

__all__ = ["edit_macho", "signature_faults"]

_ID, _RPATH, _SIGNATURE, _SEGMENT, _SEGMENT_64 = 0xD, 0x8000_001C, 0x1D, 0x1, 0x19
_EXECUTABLE, _SEGMENT_PAGE = 0x2, 0x4000
_LOADS = frozenset({0xC, 0x8000_0018, 0x8000_001F, 0x8000_0023, 0x20})
"""LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB, LC_LOAD_UPWARD_DYLIB, LC_LAZY_LOAD_DYLIB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    name: str | None
    needed: Mapping[str, str]
    rpath: tuple[str, ...] | None

    def of(self, library: str) -> str:
        return self.needed.get(library, library)


def edit_macho(
    data: bytes,
    *,
    name: str | None = None,
    needed: Mapping[str, str] | None = None,
    rpath: tuple[str, ...] | None = None,
) -> bytes:
    """The file with other names; the same bytes if nothing changes.

    ``name`` is the new install name of a library; ``needed`` maps install names that it asks for to
    new ones (those that it does not ask for are passed over); ``rpath`` are all LC_RPATH entries
    from now on. None leaves things as they are. What was signed ad hoc is signed ad hoc again under
    its old identifier; what was not signed stays so. Equal input gives equal output.

    Raises DoesNotFitError if the load commands have not enough room, ArchiveError for a file that
    cannot be read, has no install name to change, or bears a developer's signature.
    """
    before = read_macho(data)
    slices = slices_of(data)
    if isinstance(before, Unreadable) or isinstance(slices, Unreadable):
        reason = before.reason if isinstance(before, Unreadable) else "has no slices"
        raise ArchiveError(reason)
    paths = None if rpath is None else tuple(dict.fromkeys(rpath))
    edit = _Edit(name=name, needed=needed or {}, rpath=paths)
    if name is not None and any(image.name is None for image in before):
        raise ArchiveError("has no install name to change: it is no library")
    edited = [_edited(one, edit) for one in slices]
    if edited == [one.data for one in slices]:
        return data
    result = edited[0] if data[:4] not in (FAT, FAT64) else _glued(data, slices, edited)
    insist(tuple(_expected(image, edit) for image in before), read_macho(result))
    faults = signature_faults(result)
    if faults:
        raise ArchiveError(f"could not be signed: {faults[0]} does not hold")
    return result


def signature_faults(data: bytes) -> list[str]:
    """Hashes in the code signatures of a file that do not hold: `page 3`; none if all do.

    A slice without a signature has no faults. Raises ArchiveError for a signature, or a file, that
    is damaged.
    """
    slices = slices_of(data)
    if isinstance(slices, Unreadable):
        raise ArchiveError(slices.reason)
    faults: list[str] = []
    for one in slices:
        place = _signature_place(one)
        if place is not None:
            faults += broken_slots(one.data, read_signature(one.data, *place))
    return faults


def _expected(image: Image, edit: _Edit) -> Image:
    changed = renamed(image, edit.name, edit.of)
    needed = tuple(map(edit.of, image.needed))
    rpath = image.rpath if edit.rpath is None else edit.rpath
    return replace(changed, needed=needed, rpath=rpath)


def _places(one: Slice, data: bytes) -> Iterator[tuple[int, int]]:
    """The load commands in order: what each is, and where it begins."""
    at = one.header
    for _ in range(struct.unpack_from(f"{one.order}I", data, 16)[0]):
        kind, size = struct.unpack_from(f"{one.order}2I", data, at)
        yield kind, at
        at += size


def _commands(one: Slice) -> Iterator[tuple[int, bytes]]:
    """The load commands in order: what each is, and its bytes."""
    for kind, at in _places(one, one.data):
        size = struct.unpack_from(f"{one.order}I", one.data, at + 4)[0]
        yield kind, one.data[at : at + size]


def _signature_place(one: Slice) -> tuple[int, int] | None:
    for kind, command in _commands(one):
        if kind == _SIGNATURE:
            offset, size = struct.unpack_from(f"{one.order}2I", command, 8)
            return offset, size
    return None


def _edited(one: Slice, edit: _Edit) -> bytes:
    """The bytes of a slice after the edit, signed if they were."""
    commands = list(_changed(one, edit))
    if commands == [command for _, command in _commands(one)]:
        return one.data
    block = b"".join(commands)
    end = one.header + one.commands_size
    room = min(_starts(one), default=len(one.data)) - one.header
    behind = one.data[end : one.header + max(len(block), one.commands_size)]
    if len(block) > room or any(behind):
        raise DoesNotFitError(
            f"has {room:,} bytes for its load commands, {len(block):,} are needed",
            hint="link it with `-headerpad_max_install_names`, or choose shorter names",
        )
    data = bytearray(one.data)
    data[one.header : one.header + max(len(block), one.commands_size)] = block.ljust(
        one.commands_size, b"\0"
    )
    struct.pack_into(f"{one.order}2I", data, 16, len(commands), len(block))
    place = _signature_place(one)
    return bytes(data) if place is None else _signed(one, bytes(data), place)


def _changed(one: Slice, edit: _Edit) -> Iterator[bytes]:
    """The load commands after the edit; libraries keep their order, which the bindings count."""
    kinds = [kind for kind, _ in _commands(one)]
    # New search paths stand where the old ones began, or in front of the signature, or last.
    spot = next((kinds.index(kind) for kind in (_RPATH, _SIGNATURE) if kind in kinds), len(kinds))
    paths = () if edit.rpath is None else edit.rpath
    for number, (kind, command) in enumerate(_commands(one)):
        if number == spot:
            yield from (
                _with_text(one, struct.pack(f"{one.order}3I", _RPATH, 0, 12), path)
                for path in paths
            )
        if kind == _ID and edit.name is not None:
            yield _with_text(one, command[:24], edit.name)
        elif kind in _LOADS:
            start = struct.unpack_from(f"{one.order}I", command, 8)[0]
            old = command[start:].partition(b"\0")[0].decode()
            # The fields before the text may be more than six (`dylib_use_command`).
            new = edit.of(old)
            yield command if new == old else _with_text(one, command[:start], new)
        elif kind != _RPATH or edit.rpath is None:
            yield command
    if spot == len(kinds):
        yield from (
            _with_text(one, struct.pack(f"{one.order}3I", _RPATH, 0, 12), path) for path in paths
        )


def _with_text(one: Slice, fields: bytes, text: str) -> bytes:
    """A load command of these fields and a text behind them, its size a multiple of the word's."""
    encoded = text.encode()
    if not encoded or b"\0" in encoded:
        raise ArchiveError(f"cannot be edited: `{text!r}` is no name")
    word = 8 if one.header == 32 else 4
    size = -(-(len(fields) + len(encoded) + 1) // word) * word
    command = bytearray((fields + encoded).ljust(size, b"\0"))
    struct.pack_into(f"{one.order}I", command, 4, size)
    return bytes(command)


def _starts(one: Slice) -> Iterator[int]:
    """Where in the slice sections begin that have bytes: the commands must end before."""
    for kind, command in _commands(one):
        if kind in (_SEGMENT, _SEGMENT_64):
            wide = kind == _SEGMENT_64
            first, step, at = (72, 80, 48) if wide else (56, 68, 40)
            begin, held = struct.unpack_from(
                f"{one.order}2Q" if wide else f"{one.order}2I", command, 40 if wide else 32
            )
            if begin and held:
                yield begin
            for section in range(first, len(command) - step + 1, step):
                offset = struct.unpack_from(f"{one.order}I", command, section + at)[0]
                if offset:
                    yield offset


def _signed(one: Slice, data: bytes, place: tuple[int, int]) -> bytes:
    """The bytes with a new ad-hoc signature in place of the old one, under the same identifier."""
    offset, size = place
    old = read_signature(one.data, offset, size)
    if old.certified or old.entitled:
        raise ArchiveError(
            "is signed with a developer's certificate or for entitlements, and an edit would break"
            " the signature",
            hint="edit it before it is signed",
        )
    segments = {name: (at, begin, held) for name, at, begin, held in _segments(one, data)}
    text, linked = segments.get(b"__TEXT"), segments.get(b"__LINKEDIT")
    if text is None or linked is None or any(data[offset + size :]) or offset < linked[1]:
        raise ArchiveError("has a code signature that is not at its end, where linkers put it")
    image = bytearray(data[:offset])
    # The size is part of what is signed, and does not depend on the hashes.
    for _ in range(2):
        signature = adhoc_signature(
            bytes(image), old.identifier, text=text[1:], executable=one.filetype == _EXECUTABLE
        )
        _resize(one, image, linked, len(signature))
    return bytes(image) + signature


def _resize(one: Slice, image: bytearray, linked: tuple[int, int, int], size: int) -> None:
    """Write the size of the signature into its command and into the segment that holds it."""
    at, begin, _ = linked
    wide = one.header == 32
    layout, memory, file = (
        (f"{one.order}Q", at + 32, at + 48) if wide else (f"{one.order}I", at + 28, at + 36)
    )
    held = len(image) + size - begin
    struct.pack_into(layout, image, file, held)
    if struct.unpack_from(layout, image, memory)[0] < held:
        struct.pack_into(layout, image, memory, -(-held // _SEGMENT_PAGE) * _SEGMENT_PAGE)
    command = next(at for kind, at in _places(one, bytes(image)) if kind == _SIGNATURE)
    struct.pack_into(f"{one.order}I", image, command + 12, size)


def _segments(one: Slice, data: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """The segments: name, where the command is, where the bytes begin, and how many there are."""
    for kind, at in _places(one, data):
        if kind in (_SEGMENT, _SEGMENT_64):
            layout, fields = ("2Q", 40) if kind == _SEGMENT_64 else ("2I", 32)
            begin, held = struct.unpack_from(one.order + layout, data, at + fields)
            yield data[at + 8 : at + 24].rstrip(b"\0"), at, begin, held


def _glued(data: bytes, slices: tuple[Slice, ...], edited: list[bytes]) -> bytes:
    """The universal file of the edited slices, in the old order and with the old alignments."""
    long = data[:4] == FAT64
    entry = struct.Struct(">IIQQII" if long else ">IIIII")
    result = bytearray(data[: slices[0].offset])
    for number in sorted(range(len(slices)), key=lambda number: slices[number].offset):
        step = 1 << slices[number].alignment
        result += bytes(-len(result) % step)
        fields = list(entry.unpack_from(data, 8 + number * entry.size))
        fields[2:4] = len(result), len(edited[number])
        entry.pack_into(result, 8 + number * entry.size, *fields)
        result += edited[number]
    return bytes(result)
