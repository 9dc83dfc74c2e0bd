"""Mach-O images, through LIEF. Source: Apple's `mach-o/loader.h`, `nlist.h` and `fat.h`.

Names of symbols are those of C: without the one underscore that compilers put before them on this
platform, so that they compare with those of other formats. `dyld_stub_binder`, which has none, is
left as it is.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import lief

from trueup.model.library import BinaryFormat, Export, Image, Import, SymbolKind
from trueup.model.metadata import Unreadable
from trueup.sources.binary.bounds import excess_in_macho
from trueup.sources.binary.slices import Slice, slices_of
from trueup.sources.binary.witness import witnesses_in

__all__ = ["read_macho"]

_COMMAND = lief.MachO.LoadCommand.TYPE
_EXPORT = lief.MachO.ExportInfo.FLAGS
_SYMBOL_TABLE = lief.MachO.Symbol.ORIGIN.SYMTAB
_CODE = lief.MachO.Section.FLAGS.PURE_INSTRUCTIONS
# In this order they are counted by the two-level namespace.
_NEEDED = frozenset({
    _COMMAND.LOAD_DYLIB, _COMMAND.LOAD_WEAK_DYLIB, _COMMAND.REEXPORT_DYLIB,
    _COMMAND.LAZY_LOAD_DYLIB, _COMMAND.LOAD_UPWARD_DYLIB,
})  # fmt: skip
_OPTIONAL = frozenset({_COMMAND.LOAD_WEAK_DYLIB, _COMMAND.LAZY_LOAD_DYLIB})
_FLOORS = {
    _COMMAND.VERSION_MIN_MACOSX: "macos",
    _COMMAND.VERSION_MIN_IPHONEOS: "ios",
    _COMMAND.VERSION_MIN_TVOS: "tvos",
    _COMMAND.VERSION_MIN_WATCHOS: "watchos",
}
_PLATFORMS = {1: "macos", 2: "ios", 3: "tvos", 4: "watchos", 6: "maccatalyst", 11: "visionos"}
_CONSTANTS = frozenset({"__const", "__cstring"})
# Bits of `n_type` and `n_desc` of a symbol.
_DEBUGGING, _PRIVATE, _TYPE, _EXTERNAL, _UNDEFINED, _PREBOUND = 0xE0, 0x10, 0x0E, 0x01, 0x00, 0x0C
_WEAK_REFERENCE, _WEAK_DEFINITION = 0x0040, 0x0080
_MOST_ORDINAL = 0xFD
# The kind among the flags of an entry of the export trie; LIEF raises for one it does not know.
_KIND, _REGULAR, _THREAD_LOCAL = 0x03, 0x00, 0x01


def read_macho(data: bytes) -> tuple[Image, ...] | Unreadable:
    """One image for each machine of a thin or universal file, in its order.

    ``machine`` is written as in platform tags (`arm64`, `x86_64`). ``source`` of an import is the
    install name that the two-level namespace binds it to; None where any image may serve, as for
    the symbols of Python in an extension. Unreadable if the file is cut short or malformed.
    """
    slices = slices_of(data)
    if isinstance(slices, Unreadable):
        return slices
    images: list[Image] = []
    for one in slices:
        image = _read_slice(one)
        if isinstance(image, Unreadable):
            return image
        images.append(image)
    return tuple(images)


def _read_slice(one: Slice) -> Image | Unreadable:
    excess = excess_in_macho(one)
    if excess is not None:
        return Unreadable(reason=excess)
    config = lief.MachO.ParserConfig()
    # Bindings and rebases take most of the time; the symbol table says what is bound to whom.
    config.parse_dyld_bindings = config.parse_dyld_rebases = False
    config.parse_dyld_exports = True
    # LIEF's objects must outlive what is taken from them, so none of these is a temporary.
    universal = lief.MachO.parse(one.data, config)
    binary = universal.at(0) if universal is not None and universal.size == 1 else None
    if binary is None:
        return Unreadable(reason="begins like a Mach-O file and cannot be parsed")
    commands = list(binary.commands)
    try:
        fault = _fault(one, commands)
        return fault if fault is not None else _image(one, binary, commands)
    except UnicodeDecodeError:
        return Unreadable(reason="is a Mach-O file with a name that is not UTF-8")


def _fault(one: Slice, commands: list[lief.MachO.LoadCommand]) -> Unreadable | None:
    """What LIEF passes over: commands that it gave up on, and what lies beyond the end."""
    if len(commands) != one.commands:
        return Unreadable(reason=f"has {one.commands:,} load commands, not all of them readable")
    ends = [0]
    for command in commands:
        if isinstance(command, lief.MachO.SegmentCommand):
            ends.append(command.file_offset + command.file_size)
        elif isinstance(command, lief.MachO.SymbolCommand):
            entry = 16 if one.header == 32 else 12
            ends.append(command.symbol_offset + command.numberof_symbols * entry)
            ends.append(command.strings_offset + command.strings_size)
    if max(ends) > len(one.data):
        return Unreadable(
            reason=f"is cut short: it should have {max(ends):,} bytes, it has {len(one.data):,}"
        )
    return None


def _image(
    one: Slice, binary: lief.MachO.Binary, commands: list[lief.MachO.LoadCommand]
) -> Image | Unreadable:
    libraries = [
        command
        for command in commands
        if isinstance(command, lief.MachO.DylibCommand) and command.command in _NEEDED
    ]
    needed = tuple(library.name for library in libraries)
    optional = {library.name for library in libraries if library.command in _OPTIONAL}
    sections = list(binary.sections)
    symbols = list(binary.symbols)
    if sum(len(section.content) for section in sections) > len(one.data):
        return Unreadable(reason="has sections that overlap")
    return Image(
        format=BinaryFormat.MACHO,
        machine=one.machine,
        name=next(
            (
                command.name
                for command in commands
                if isinstance(command, lief.MachO.DylibCommand)
                and command.command == _COMMAND.ID_DYLIB
            ),
            None,
        ),
        needed=needed,
        optional=frozenset(optional),
        rpath=tuple(
            command.path for command in commands if isinstance(command, lief.MachO.RPathCommand)
        ),
        exports=tuple(_exports(binary, sections, symbols)),
        imports=tuple(_imports(symbols, needed if one.two_level else ())),
        build_id=next(
            (
                bytes(command.uuid).hex()
                for command in commands
                if isinstance(command, lief.MachO.UUIDCommand)
            ),
            None,
        ),
        floor=_floor(one, commands),
        padding=_padding(sections),
        debug=sum(len(s.content) for s in sections if s.segment_name == "__DWARF"),
        symbols=any(_is_private(symbol) for symbol in symbols),
        core=_core(sections),
        witnesses=witnesses_in(bytes(s.content) for s in sections if _text(s.name) in _CONSTANTS),
    )


def _text(found: str | bytes) -> str:
    # LIEF hands out bytes for what is no UTF-8.
    return found if isinstance(found, str) else found.decode(errors="backslashreplace")


def _c_name(symbol: lief.MachO.Symbol) -> str:
    return _text(symbol.name).removeprefix("_")


def _floor(
    one: Slice, commands: list[lief.MachO.LoadCommand]
) -> tuple[str, tuple[int, ...]] | None:
    """The lowest system, from LC_BUILD_VERSION or, of older linkers, LC_VERSION_MIN_*."""
    for command in commands:
        if isinstance(command, lief.MachO.BuildVersion):
            # Read here: LIEF raises for a platform that it does not know.
            (platform,) = struct.unpack_from(f"{one.order}I", one.data, command.command_offset + 8)
            return _PLATFORMS.get(platform, f"platform{platform}"), _version(command.minos)
        if isinstance(command, lief.MachO.VersionMin):
            return _FLOORS.get(command.command, "macos"), _version(command.version)
    return None


def _version(parts: Iterable[int]) -> tuple[int, ...]:
    """`11.0.0` as (11, 0), which is how platform tags have it; `10.13.4` keeps its third part."""
    major, minor, *patch = parts
    return (major, minor, *(patch if any(patch) else ()))


def _exports(
    binary: lief.MachO.Binary,
    sections: list[lief.MachO.Section],
    symbols: list[lief.MachO.Symbol],
) -> Iterator[Export]:
    """What the export trie holds, which is what `dyld` looks into, and the external symbols.

    Linkers write the same names into both. LIEF follows a trie to a depth of sixty, and very old
    files have none: what is missing there is taken from the symbol table.
    """
    starts = sorted((s.virtual_address, s.size, s.has(_CODE)) for s in sections)
    trie = binary.dyld_exports_trie or binary.dyld_info
    base = binary.imagebase
    seen: set[str] = set()
    for entry in trie.exports if trie is not None else ():
        named = entry.symbol if entry.has_symbol else None
        if named is None:
            continue
        if entry.has(_EXPORT.REEXPORT) or entry.has(_EXPORT.STUB_AND_RESOLVER):
            kind = SymbolKind.INDIRECT
        elif entry.flags & _KIND == _THREAD_LOCAL:
            kind = SymbolKind.THREAD_LOCAL
        elif entry.flags & _KIND == _REGULAR:
            kind = _kind_at(base + entry.address, starts)
        else:
            kind = SymbolKind.UNTYPED
        seen.add(name := _c_name(named))
        yield Export(name, kind, weak=entry.has(_EXPORT.WEAK_DEFINITION))
    for symbol in symbols:
        if _is_external(symbol) and not _is_undefined(symbol):
            name = _c_name(symbol)
            if name not in seen and not symbol.raw_type & _PRIVATE:
                weak = bool(symbol.description & _WEAK_DEFINITION)
                yield Export(name, _kind_at(symbol.value, starts), weak=weak)


def _kind_at(address: int, starts: list[tuple[int, int, bool]]) -> SymbolKind:
    """A function where the section holds instructions alone, data in any other."""
    index = bisect_right(starts, address, key=lambda section: section[0]) - 1
    if index < 0 or address > starts[index][0] + starts[index][1]:
        return SymbolKind.UNTYPED
    return SymbolKind.FUNCTION if starts[index][2] else SymbolKind.DATA


def _imports(symbols: list[lief.MachO.Symbol], libraries: tuple[str, ...]) -> Iterator[Import]:
    for symbol in symbols:
        if not _is_external(symbol) or not _is_undefined(symbol):
            continue
        # The high byte of `n_desc`: the place among the needed libraries, from 1; 0 is the image
        # itself, 0xFE a look-up in all images, 0xFF the program.
        ordinal = symbol.description >> 8 & 0xFF
        known = 0 < ordinal <= min(_MOST_ORDINAL, len(libraries))
        yield Import(
            _c_name(symbol),
            source=libraries[ordinal - 1] if known else None,
            weak=bool(symbol.description & _WEAK_REFERENCE),
        )


def _is_external(symbol: lief.MachO.Symbol) -> bool:
    raw = symbol.raw_type
    return bool(raw & _EXTERNAL) and not raw & _DEBUGGING and symbol.origin == _SYMBOL_TABLE


def _is_undefined(symbol: lief.MachO.Symbol) -> bool:
    return symbol.raw_type & _TYPE in (_UNDEFINED, _PREBOUND)


def _is_private(symbol: lief.MachO.Symbol) -> bool:
    """Whether only a full symbol table has it: what debuggers read, or a name of this file only."""
    return symbol.origin == _SYMBOL_TABLE and not _is_external(symbol)


def _padding(sections: list[lief.MachO.Section]) -> int:
    """Bytes between one section and the next that no section claims."""
    gap = end = 0
    for section in sorted(sections, key=lambda section: section.offset):
        size = len(section.content)
        if size and section.offset:
            gap += max(0, section.offset - end) if end else 0
            end = max(end, section.offset + size)
    return gap


def _core(sections: list[lief.MachO.Section]) -> str | None:
    """sha256 over the sections but those of debug information.

    Names, search paths, symbols and the signature are load commands or lie in `__LINKEDIT`, which
    has no sections; the bindings within the sections refer to libraries by their place.
    """
    digest = hashlib.sha256()
    kept = [section for section in sections if section.segment_name != "__DWARF"]
    for section in sorted(kept, key=lambda section: section.virtual_address):
        digest.update(f"{section.segment_name}|{_text(section.name)}|{section.size}|".encode())
        digest.update(section.content)
    return digest.hexdigest() if kept else None
