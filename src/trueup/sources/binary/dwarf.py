"""The layout of types, from the debug information of an ELF file, through pyelftools.

Two builds can export the same symbols and pass structures of different sizes; only debug
information tells. Few libraries in wheels still have it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile

__all__ = ["type_table"]

_KINDS = {
    "DW_TAG_structure_type": "struct",
    "DW_TAG_union_type": "union",
    "DW_TAG_enumeration_type": "enum",
    "DW_TAG_class_type": "class",
}
_MOST = 200_000
"""Types that are looked at; a large library has some ten thousand."""


def type_table(data: bytes) -> dict[str, str] | None:
    """Layouts by ``struct NAME``: the size in bytes and the members with their offsets.

    None for a file without debug information, or with some that cannot be read.
    """
    try:
        file = ELFFile(io.BytesIO(data))
        if not file.has_dwarf_info():
            return None
        found: dict[str, str] = {}
        for name, layout in _types(file.get_dwarf_info()):
            if len(found) >= _MOST:
                return None
            found.setdefault(name, layout)
        return found
    except (ELFError, DWARFError, ValueError, KeyError, IndexError, AttributeError, OSError):
        return None


def _types(info: Any) -> Iterator[tuple[str, str]]:
    for unit in info.iter_CUs():
        for entry in unit.iter_DIEs():
            kind = _KINDS.get(entry.tag)
            name = _attribute(entry, "DW_AT_name")
            size = _attribute(entry, "DW_AT_byte_size")
            if kind is None or name is None or size is None:
                continue
            members = ", ".join(_members(entry))
            yield f"{kind} {_text(name)}", f"{size} bytes ({members})"


def _members(entry: Any) -> Iterator[str]:
    for child in entry.iter_children():
        if child.tag == "DW_TAG_member":
            offset = _attribute(child, "DW_AT_data_member_location")
            yield f"{_text(_attribute(child, 'DW_AT_name'))} at {offset or 0}"
        elif child.tag == "DW_TAG_enumerator":
            value = _attribute(child, "DW_AT_const_value")
            yield f"{_text(_attribute(child, 'DW_AT_name'))} = {value}"


def _attribute(entry: Any, name: str) -> Any:
    found = entry.attributes.get(name)
    return None if found is None else found.value


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
