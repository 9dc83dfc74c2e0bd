"""Mach-O images, through LIEF. Source: Apple's `loader.h` and "Mach-O Programming Topics".

Names of symbols are those of C: without the underscore that Mach-O puts before them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import lief

from trueup.model.library import BinaryFormat, Export, Image, Import, SymbolKind
from trueup.model.metadata import Unreadable
from trueup.sources.binary.witness import witnesses_in

__all__ = ["read_macho"]

_COMMAND = lief.MachO.LoadCommand.TYPE
_CPU = lief.MachO.Header.CPU_TYPE
_MACHINES = {_CPU.X86_64: "x86_64", _CPU.ARM64: "arm64", _CPU.X86: "i386", _CPU.POWERPC: "ppc"}
_NEEDED = (_COMMAND.LOAD_DYLIB, _COMMAND.LOAD_WEAK_DYLIB, _COMMAND.REEXPORT_DYLIB,
           _COMMAND.LAZY_LOAD_DYLIB, _COMMAND.LOAD_UPWARD_DYLIB)  # fmt: skip
_EXTERNAL, _TYPE_MASK, _DEBUGGING, _IN_SECTION, _ABSOLUTE = 0x01, 0x0E, 0xE0, 0x0E, 0x02
_WEAK_REFERENCE, _WEAK_DEFINITION = 0x0040, 0x0080
_CODE = 0x8000_0400
"""Section attributes: pure or some instructions."""


def read_macho(data: bytes) -> tuple[Image, ...] | Unreadable:
    """One image per machine of a thin or universal file; Unreadable if LIEF makes nothing of it."""
    fat = lief.MachO.parse(data)
    if fat is None or not fat.size:
        return Unreadable(reason="begins like a Mach-O file and cannot be parsed")
    slices = [fat.at(number) for number in range(fat.size)]
    return tuple(_image(binary) for binary in slices if binary is not None)


def _image(binary: lief.MachO.Binary) -> Image:
    libraries = [(command, _text(command.name)) for command in binary.libraries]
    sections = list(binary.sections)
    exports, imports = _symbols(binary, sections)
    return Image(
        format=BinaryFormat.MACHO,
        machine=_MACHINES.get(binary.header.cpu_type) or _fallback(binary),
        name=next((name for one, name in libraries if one.command == _COMMAND.ID_DYLIB), None),
        needed=tuple(name for one, name in libraries if one.command in _NEEDED),
        optional=frozenset(
            name for one, name in libraries if one.command == _COMMAND.LOAD_WEAK_DYLIB
        ),
        rpath=tuple(_text(command.path) for command in binary.rpaths),
        exports=exports,
        imports=imports,
        build_id=bytes(binary.uuid.uuid).hex() if binary.has_uuid and binary.uuid else None,
        floor=_floor(binary),
        debug=sum(one.size for one in sections if _text(one.segment_name) == "__DWARF"),
        symbols=any(symbol.raw_type & _DEBUGGING for symbol in binary.symbols),
        core=_core(sections),
        witnesses=witnesses_in(bytes(one.content) for one in sections if _is_constant(one)),
    )


def _fallback(binary: lief.MachO.Binary) -> str:
    return str(binary.header.cpu_type).rpartition(".")[2].lower()


def _text(found: str | bytes) -> str:
    return found if isinstance(found, str) else found.decode(errors="backslashreplace")


def _floor(binary: lief.MachO.Binary) -> tuple[str, tuple[int, ...]] | None:
    """The lowest macOS: LC_BUILD_VERSION, or LC_VERSION_MIN_MACOSX of older linkers."""
    build = binary.build_version if binary.has_build_version else None
    if build is not None:
        return str(build.platform).rpartition(".")[2].lower(), tuple(build.minos[:2])
    old = binary.version_min if binary.has_version_min else None
    return None if old is None else ("macos", tuple(old.version[:2]))


def _symbols(
    binary: lief.MachO.Binary, sections: list[lief.MachO.Section]
) -> tuple[tuple[Export, ...], tuple[Import, ...]]:
    code = [bool(int(section.flags) & _CODE) for section in sections]
    exports: list[Export] = []
    imports: list[Import] = []
    for symbol in binary.symbols:
        raw = symbol.raw_type
        if raw & _DEBUGGING or not raw & _EXTERNAL:
            continue
        name, kind = _text(symbol.name).removeprefix("_"), raw & _TYPE_MASK
        if kind in (_IN_SECTION, _ABSOLUTE):
            number = symbol.numberof_sections - 1
            known = 0 <= number < len(code)
            what = SymbolKind.FUNCTION if known and code[number] else SymbolKind.DATA
            weak = bool(symbol.description & _WEAK_DEFINITION)
            exports.append(Export(name, what if known else SymbolKind.UNTYPED, weak=weak))
        else:
            library = symbol.library
            imports.append(
                Import(
                    name,
                    source=None if library is None else _text(library.name),
                    weak=bool(symbol.description & _WEAK_REFERENCE),
                )
            )
    return tuple(exports), tuple(imports)


def _is_constant(section: lief.MachO.Section) -> bool:
    return _text(section.name) in ("__const", "__cstring")


def _core(sections: list[lief.MachO.Section]) -> str | None:
    """sha256 over the sections: names, search paths and signatures stand outside of them."""
    digest = hashlib.sha256()
    for section in _ordered(sections):
        digest.update(
            f"{_text(section.segment_name)}|{_text(section.name)}|{section.size}".encode()
        )
        digest.update(bytes(section.content))
    return digest.hexdigest() if sections else None


def _ordered(sections: list[lief.MachO.Section]) -> Iterator[lief.MachO.Section]:
    yield from sorted(sections, key=lambda one: one.virtual_address)
