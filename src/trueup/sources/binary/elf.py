"""ELF shared objects, through LIEF. Source: the System V gABI, chapters 4 and 5, and GNU's notes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO, cast

import lief

from trueup.model.library import BinaryFormat, Export, Image, Import, SymbolKind
from trueup.model.metadata import Unreadable
from trueup.sources.binary.gpu import GPU_SECTIONS, read_gpu
from trueup.sources.binary.witness import witnesses_in

__all__ = ["core_digest", "read_elf"]

# The lower four bits of `st_info`; as numbers, for there are a hundred thousand symbols.
_KINDS = {
    1: SymbolKind.DATA,
    2: SymbolKind.FUNCTION,
    5: SymbolKind.DATA,  # a common block
    6: SymbolKind.THREAD_LOCAL,
    10: SymbolKind.INDIRECT,
}
_LITTLE = lief.ELF.Header.ELF_DATA.LSB
_NOBITS = lief.ELF.Section.TYPE.NOBITS
_LOCAL, _WEAK = 0, 2
_BUILD_ID = lief.ELF.Note.TYPE.GNU_BUILD_ID
# As the platform tags of wheels write them, by e_machine, little-endian first.
_MACHINES = {
    lief.ELF.ARCH.X86_64: ("x86_64", ""),
    lief.ELF.ARCH.I386: ("i686", ""),
    lief.ELF.ARCH.AARCH64: ("aarch64", "aarch64_be"),
    lief.ELF.ARCH.ARM: ("armv7l", "armv7b"),
    lief.ELF.ARCH.PPC64: ("ppc64le", "ppc64"),
    lief.ELF.ARCH.S390: ("", "s390x"),
    lief.ELF.ARCH.RISCV: ("riscv64", ""),
    lief.ELF.ARCH.LOONGARCH: ("loongarch64", ""),
}
# What names, search paths and symbol versions are kept in; `patchelf` moves and rewrites these.
_LINKING = frozenset({
    ".dynstr", ".dynamic", ".hash", ".gnu.hash", ".dynsym", ".gnu.version", ".gnu.version_r",
    ".gnu.version_d", ".note.gnu.build-id", ".interp", ".rela.dyn", ".rela.plt", ".rel.dyn",
    ".rel.plt", ".relr.dyn",
})  # fmt: skip
_DEBUG = (".debug_", ".zdebug_")
_HIDDEN, _MADE_LOCAL, _BASE = 0x8000, 0, 1


def _wanted() -> lief.ELF.ParserConfig:
    """What LIEF is to read: relocations and debug symbols are most of the work, and not used."""
    config = lief.ELF.ParserConfig()
    config.parse_relocations = False
    config.parse_symtab_symbols = False
    return config


def read_elf(data: bytes | BinaryIO) -> tuple[Image, ...] | Unreadable:
    """The one image of an ELF file; Unreadable if LIEF makes nothing of it."""
    # From a file LIEF makes one copy, from bytes two, which takes six times as long.
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    file.seek(0)
    # LIEF's objects must outlive what is taken from them, so none of this is a temporary.
    binary = lief.ELF.parse(cast(io.IOBase, file), _wanted())
    if binary is None:
        return Unreadable(reason="begins like an ELF file and cannot be parsed")
    sections = list(binary.sections)
    exports, imports = _symbols(binary)
    return (
        Image(
            format=BinaryFormat.ELF,
            machine=_machine(binary),
            name=next(_texts(binary, lief.ELF.DynamicSharedObject), None),
            needed=tuple(_texts(binary, lief.ELF.DynamicEntryLibrary)),
            rpath=tuple(_paths(binary, lief.ELF.DynamicEntryRpath)),
            runpath=tuple(_paths(binary, lief.ELF.DynamicEntryRunPath)),
            needs_versions=tuple(
                (_text(requirement.name), _text(version.name))
                for requirement in binary.symbols_version_requirement
                for version in requirement.get_auxiliary_symbols()
            ),
            defines_versions=tuple(name for index, name in _defined(binary) if index != _BASE),
            build_id=_build_id(binary),
            padding=_padding(sections),
            debug=sum(s.size for s in sections if _text(s.name).startswith(_DEBUG)),
            symbols=any(section.name == ".symtab" for section in sections),
            core=core_digest(sections),
            witnesses=witnesses_in(s.content for s in sections if s.name == ".rodata"),
            gpu=read_gpu(
                (name, section.content)
                for section in sections
                if (name := _text(section.name)) in GPU_SECTIONS
            ),
            exports=exports,
            imports=imports,
        ),
    )


def _machine(binary: lief.ELF.Binary) -> str:
    little = binary.header.identity_data == _LITTLE
    names = _MACHINES.get(binary.header.machine_type)
    name = names[0 if little else 1] if names else ""
    return name or str(binary.header.machine_type).rpartition(".")[2].lower()


def _texts(
    binary: lief.ELF.Binary,
    kind: type[lief.ELF.DynamicEntryLibrary] | type[lief.ELF.DynamicSharedObject],
) -> Iterator[str]:
    for entry in binary.dynamic_entries:
        if isinstance(entry, kind):
            yield _text(entry.name)


def _paths(
    binary: lief.ELF.Binary,
    kind: type[lief.ELF.DynamicEntryRpath] | type[lief.ELF.DynamicEntryRunPath],
) -> Iterator[str]:
    for entry in binary.dynamic_entries:
        if isinstance(entry, kind):
            yield from (_text(path) for path in entry.paths)


def _text(found: str | bytes) -> str:
    # LIEF hands out bytes for what is no UTF-8.
    return found if isinstance(found, str) else found.decode(errors="backslashreplace")


def _defined(binary: lief.ELF.Binary) -> Iterator[tuple[int, str]]:
    """Version nodes by index; the first name of each is its own, the others its parents."""
    for definition in binary.symbols_version_definition:
        for auxiliary in definition.auxiliary_symbols:
            yield definition.ndx, _text(auxiliary.name)
            break


def _symbols(binary: lief.ELF.Binary) -> tuple[tuple[Export, ...], tuple[Import, ...]]:
    defined = dict(_defined(binary))
    wanted = {
        auxiliary.other: (_text(requirement.name), _text(auxiliary.name))
        for requirement in binary.symbols_version_requirement
        for auxiliary in requirement.get_auxiliary_symbols()
    }
    exports: list[Export] = []
    imports: list[Import] = []
    for symbol in binary.dynamic_symbols:
        name, information = _text(symbol.name), symbol.information
        binding = information >> 4
        if not name or binding == _LOCAL:
            continue
        kind = _KINDS.get(information & 0xF, SymbolKind.UNTYPED)
        versioned = symbol.symbol_version
        index = _BASE if versioned is None else versioned.value & ~_HIDDEN
        if not symbol.shndx:
            source, node = wanted.get(index, (None, None))
            imports.append(Import(name, kind, node, source, binding == _WEAK))
        elif index != _MADE_LOCAL:
            version = None if index == _BASE else defined.get(index)
            shown = versioned is None or not versioned.value & _HIDDEN
            exports.append(Export(name, kind, symbol.size, version, shown, binding == _WEAK))
    return tuple(exports), tuple(imports)


def _build_id(binary: lief.ELF.Binary) -> str | None:
    for note in binary.notes:
        if note.type == _BUILD_ID:
            return bytes(note.description).hex()
    return None


def _padding(sections: list[lief.ELF.Section]) -> int:
    """Bytes between one section and the next that no section claims."""
    gap = end = 0
    for section in sorted(sections, key=lambda section: section.offset):
        if section.type != _NOBITS and section.size:
            gap += max(0, section.offset - end) if end else 0
            end = max(end, section.offset + section.size)
    return gap


def core_digest(sections: list[lief.ELF.Section]) -> str | None:
    """sha256 over the allocated sections that a change of names and search paths leaves alone.

    Two files with the same one were built by the same compiler run, whatever `patchelf` did to
    them since; that they also export and need the same must be compared besides. None for a file
    without sections.
    """
    digest = hashlib.sha256()
    kept = [s for s in sections if s.has(lief.ELF.Section.FLAGS.ALLOC) and s.name not in _LINKING]
    for section in sorted(kept, key=lambda section: (_text(section.name), section.virtual_address)):
        digest.update(f"{_text(section.name)}|{section.type}|{section.size}|".encode())
        if section.type != _NOBITS:
            digest.update(section.content)
    return digest.hexdigest() if kept else None
