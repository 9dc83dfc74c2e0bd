"""PE images (DLLs and `.pyd` files), through LIEF. Source: Microsoft's "PE Format".

PE tells neither kinds nor sizes of symbols, and has no search path: DLLs are found by their names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import lief

from trueup.model.library import BinaryFormat, Export, Image, Import, SymbolKind
from trueup.model.metadata import Unreadable
from trueup.sources.binary.witness import witnesses_in

__all__ = ["read_pe"]

_MACHINE = lief.PE.Header.MACHINE_TYPES
# As `platform.machine()` writes them.
_MACHINES = {_MACHINE.AMD64: "AMD64", _MACHINE.ARM64: "ARM64", _MACHINE.I386: "x86"}
_CHANGED_BY_NAMES = frozenset({".idata", ".edata", ".reloc", ".rsrc", ".didat"})


def read_pe(data: bytes) -> tuple[Image, ...] | Unreadable:
    """The one image of a PE file; Unreadable if LIEF makes nothing of it."""
    binary = lief.PE.parse(data)
    if binary is None:
        return Unreadable(reason="begins like a PE file and cannot be parsed")
    needed = [_text(one.name) for one in binary.imports]
    delayed = [_text(one.name) for one in binary.delay_imports]
    table = binary.get_export() if binary.has_exports else None
    sections = list(binary.sections)
    machine = binary.header.machine
    return (
        Image(
            format=BinaryFormat.PE,
            machine=_MACHINES.get(machine) or str(machine).rpartition(".")[2].lower(),
            name=_text(table.name) or None if table is not None else None,
            needed=tuple(dict.fromkeys([*needed, *delayed])),
            optional=frozenset(delayed) - frozenset(needed),
            exports=_exports(table),
            imports=tuple(_imports(binary)),
            build_id=_build_id(binary),
            debug=sum(one.size for one in sections if _text(one.name).startswith((".debug", "/"))),
            symbols=bool(binary.header.numberof_symbols),
            core=_core(sections),
            witnesses=witnesses_in(
                bytes(one.content) for one in sections if _text(one.name) == ".rdata"
            ),
        ),
    )


def _text(found: str | bytes) -> str:
    return found if isinstance(found, str) else found.decode(errors="backslashreplace")


def _exports(table: lief.PE.Export | None) -> tuple[Export, ...]:
    if table is None:
        return ()
    return tuple(
        Export(
            _text(entry.name) or f"#{entry.ordinal}",
            SymbolKind.INDIRECT if entry.is_forwarded else SymbolKind.UNTYPED,
        )
        for entry in table.entries
    )


def _imports(binary: lief.PE.Binary) -> Iterable[Import]:
    for library in binary.imports:
        source = _text(library.name)
        for entry in library.entries:
            name = f"#{entry.ordinal}" if entry.is_ordinal else _text(entry.name)
            yield Import(name, source=source)
    for delayed in binary.delay_imports:
        source = _text(delayed.name)
        for late in delayed.entries:
            yield Import(_text(late.name), source=source, weak=True)


def _build_id(binary: lief.PE.Binary) -> str | None:
    signature = binary.codeview_pdb
    return None if signature is None else signature.guid.replace("-", "").lower()


def _core(sections: list[lief.PE.Section]) -> str | None:
    """sha256 over the sections that hold neither names of DLLs nor relocations.

    Linkers may put the import table among the constants; two files that differ only in names then
    have different digests, so equal ones are proof and different ones none.
    """
    digest = hashlib.sha256()
    for section in sections:
        name = _text(section.name)
        if name not in _CHANGED_BY_NAMES:
            digest.update(f"{name}|{section.virtual_size}|".encode())
            digest.update(bytes(section.content))
    return digest.hexdigest() if sections else None
