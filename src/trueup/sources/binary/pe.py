"""PE images (DLLs and `.pyd` files), through LIEF. Source: Microsoft's "PE Format".

There is no search path in them: Windows looks for the *file* name of a DLL in folders that the
process names. The name in the export directory says what the DLL was called when it was linked, and
stays when it is renamed (`geos-bf06….dll` still calls itself `geos.dll`).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from uuid import UUID

import lief

from trueup.model.library import BinaryFormat, Export, Image, Import, SymbolKind
from trueup.model.metadata import Unreadable
from trueup.sources.binary.bounds import excess_in_pe
from trueup.sources.binary.dllnames import CERTIFICATES, Headers, Section, dll_names, read_headers
from trueup.sources.binary.gpu import GPU_SECTIONS, read_gpu
from trueup.sources.binary.witness import witnesses_in

__all__ = ["read_pe"]

# As `platform.machine()` writes them, by the number in the COFF header.
_MACHINES = {0x8664: "AMD64", 0xAA64: "ARM64", 0x014C: "x86", 0x01C4: "ARM"}
_CODE = 0x20
_DEBUG = (".debug_", ".zdebug_")
_CONSTANTS = ".rdata"
_SYMBOL_SIZE = 18


def read_pe(data: bytes) -> tuple[Image, ...] | Unreadable:
    """The one image of a PE file.

    ``machine`` is written as `platform.machine()` does (`AMD64`, `ARM64`, `x86`). ``needed`` holds
    the imported DLLs and then those that are loaded when first called, which are ``optional``.
    Symbols without a name are called by their number, `#12`. An export is a function where its
    section is one of code, data in any other, and INDIRECT where another DLL gives it. ``build_id``
    is the PDB signature and its age, as symbol servers write them. Unreadable if the file is cut
    short or malformed.
    """
    headers = read_headers(data)
    if headers is None:
        return Unreadable(reason="begins like a PE file and has no whole PE header")
    end = max(headers.end, sum(headers.directory(CERTIFICATES)))
    if end > len(data):
        return Unreadable(
            reason=f"is cut short: it should have {end:,} bytes, it has {len(data):,}"
        )
    excess = excess_in_pe(headers)
    if excess is not None:
        return Unreadable(reason=excess)
    config = lief.PE.ParserConfig()
    config.parse_signature = config.parse_rsrc = config.parse_reloc = False
    config.parse_exceptions = config.parse_arm64x_binary = False
    # LIEF's objects must outlive what is taken from them, so none of this is a temporary.
    binary = lief.PE.parse(data, config)
    if binary is None:
        return Unreadable(reason="begins like a PE file and cannot be parsed")
    try:
        return (_image(headers, binary),)
    except UnicodeDecodeError:
        return Unreadable(reason="is a PE file with a name that is not UTF-8")


def _image(headers: Headers, binary: lief.PE.Binary) -> Image:
    data, coff = headers.data, headers.coff
    machine = int.from_bytes(data[coff : coff + 2], "little")
    needed = tuple(dict.fromkeys(_text(library.name) for library in binary.imports))
    delayed = dict.fromkeys(_text(library.name) for library in binary.delay_imports)
    table = binary.get_export()
    names = dict(_section_names(headers))
    optional = binary.optional_header
    return Image(
        format=BinaryFormat.PE,
        machine=_MACHINES.get(machine, f"machine{machine:#06x}"),
        name=(_text(table.name) or None) if table is not None else None,
        needed=(*needed, *(name for name in delayed if name not in needed)),
        optional=frozenset(delayed) - frozenset(needed),
        exports=tuple(_exports(headers, table)) if table is not None else (),
        imports=tuple(_imports(binary)),
        build_id=_build_id(binary),
        floor=("windows", (optional.major_subsystem_version, optional.minor_subsystem_version)),
        padding=_padding(headers),
        debug=sum(s.raw_size for s, name in names.items() if name.startswith(_DEBUG)),
        symbols=bool(binary.header.numberof_symbols),
        core=_core(headers, names),
        witnesses=witnesses_in(
            _content(headers, section) for section, name in names.items() if name == _CONSTANTS
        ),
        gpu=read_gpu(
            (name, _content(headers, section))
            for section, name in names.items()
            if name in GPU_SECTIONS
        ),
    )


def _text(found: str | bytes) -> str:
    # LIEF hands out bytes for what is no UTF-8.
    return found if isinstance(found, str) else found.decode(errors="backslashreplace")


def _exports(headers: Headers, table: lief.PE.Export) -> Iterator[Export]:
    starts = sorted((s.address, s.virtual_size, bool(s.flags & _CODE)) for s in headers.sections)
    for entry in table.entries:
        if not entry.address and not entry.is_forwarded:
            continue  # A number that is not in use.
        name = _text(entry.name) or f"#{entry.ordinal}"
        yield Export(name, SymbolKind.INDIRECT if entry.is_forwarded else _kind(entry, starts))


def _kind(entry: lief.PE.ExportEntry, starts: list[tuple[int, int, bool]]) -> SymbolKind:
    index = bisect_right(starts, entry.address, key=lambda section: section[0]) - 1
    if index < 0 or entry.address >= starts[index][0] + starts[index][1]:
        return SymbolKind.UNTYPED
    return SymbolKind.FUNCTION if starts[index][2] else SymbolKind.DATA


def _imports(binary: lief.PE.Binary) -> Iterator[Import]:
    for library in binary.imports:
        source = _text(library.name)
        for entry in library.entries:
            name = f"#{entry.ordinal}" if entry.is_ordinal else _text(entry.name)
            yield Import(name, source=source)
    for delayed in binary.delay_imports:
        source = _text(delayed.name)
        for late in delayed.entries:
            name = f"#{late.ordinal}" if late.is_ordinal else _text(late.name)
            yield Import(name, source=source, weak=True)


def _build_id(binary: lief.PE.Binary) -> str | None:
    for debug in binary.debug:
        if isinstance(debug, lief.PE.CodeViewPDB):
            return f"{UUID(bytes_le=bytes(debug.signature)).hex}{debug.age:x}"
    return None


def _section_names(headers: Headers) -> Iterator[tuple[Section, str]]:
    """Sections with their names, of which those above eight bytes stand behind the symbols."""
    symbols, count = (
        int.from_bytes(headers.data[at : at + 4], "little")
        for at in (headers.coff + 8, headers.coff + 12)
    )
    for section in headers.sections:
        name = section.name
        if symbols and name[:1] == b"/" and name[1:].isdigit():
            start = symbols + count * _SYMBOL_SIZE + int(name[1:])
            name = headers.data[start : start + 64].partition(b"\0")[0]
        yield section, name.decode(errors="backslashreplace")


def _content(headers: Headers, section: Section) -> bytes:
    return headers.data[section.offset : section.offset + section.raw_size]


def _padding(headers: Headers) -> int:
    """Bytes that fill sections up to the file's alignment, and gaps between them."""
    gap = end = 0
    for section in sorted(headers.sections, key=lambda section: section.offset):
        if section.raw_size:
            gap += max(0, section.offset - end) if end else 0
            gap += max(0, section.raw_size - section.virtual_size)
            end = max(end, section.offset + section.raw_size)
    return gap


def _core(headers: Headers, names: dict[Section, str]) -> str | None:
    """sha256 over the sections but the names of DLLs in them and the fields that refer to these.

    A section that holds nothing else, which a tool adds to have room for a longer name, does not
    count; nor does debug information.
    """
    left_out = sorted(
        place
        for found in dll_names(headers)
        for place in ((found.text, len(found.name)), (found.field, 4))
    )
    digest = hashlib.sha256()
    counted = False
    for section, name in names.items():
        content = bytearray(_content(headers, section))
        for start, size in left_out:
            inside = start - section.offset
            if 0 <= inside < len(content):
                content[inside : inside + size] = bytes(min(size, len(content) - inside))
        filled = bytes(content).rstrip(b"\0")
        if name.startswith(_DEBUG) or (section.raw_size and not filled):
            continue
        counted = True
        digest.update(f"{name}|{section.virtual_size}|{len(filled)}|".encode())
        digest.update(filled)
    return digest.hexdigest() if counted else None
