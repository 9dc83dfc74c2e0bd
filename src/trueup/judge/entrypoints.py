"""Entry points set and removed in the text of `entry_points.txt`, line by line.

The file is that of the entry points specification: INI with `=` between name and object, `#` and
`;` before comments. What is not named keeps its lines, order, comments and line endings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError

__all__ = ["edit_entry_points", "entry_point", "parse_entry_points"]

Name = tuple[str, str]
"""Group and name of an entry point."""

_GROUP = re.compile(r"\[(?P<group>[^\]]+)\]\s*$")
_ENTRY = re.compile(r"(?P<name>[^\s=\[#;][^=]*?)\s*=\s*(?P<value>.*?)\s*$", re.DOTALL)


def parse_entry_points(text: str) -> Mapping[Name, str] | None:
    """All entry points; None if the text cannot be read as what the specification describes."""
    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string(text)
    except ConfigParserError:
        return None
    return {
        (group, name): " ".join(value.split())
        for group in parser.sections()
        for name, value in parser.items(group)
    }


def entry_point(text: str | None, name: Name) -> str | None:
    """The object reference of one entry point; None if it is not there."""
    return (parse_entry_points(text or "") or {}).get(name)


def edit_entry_points(text: str | None, wanted: Mapping[Name, str | None]) -> str | None:
    """Set these entry points, or remove those whose value is None; None if none are left.

    One that is there keeps its place. New ones come at the end of their group, new groups at the
    end of the file, each in alphabetical order. A group that loses its last entry goes as well.
    The text must be readable by :func:`parse_entry_points`.
    """
    newline = "\r\n" if text and "\r\n" in text else "\n"
    blocks = list(_blocks(text or ""))
    present = {name for group, lines in blocks for name in _names(group, lines)}
    for number, (group, lines) in enumerate(blocks):
        had = list(_names(group, lines))
        kept = [line for entry in _entries(lines) for line in _edited(group, entry, wanted)]
        left = list(_names(group, kept))
        new = sorted(
            name
            for (place, name), value in wanted.items()
            if place == group and value is not None and (place, name) not in present
        )
        end = len(kept) - _trailing_blank(kept)
        if kept and new and not kept[end - 1].endswith(("\n", "\r")):
            kept[end - 1] += newline
        kept[end:end] = [f"{name} = {wanted[group, name]}{newline}" for name in new]
        blocks[number] = (group, kept if left or new or not had else [])
    text = "".join(line for _, lines in blocks for line in lines)
    groups = {group for group, _ in blocks}
    for group in sorted({place for (place, _), value in wanted.items() if value is not None}):
        if group not in groups:
            if text and not text.endswith("\n"):
                text += newline
            text += newline if text and not text.endswith(2 * newline) else ""
            text += f"[{group}]{newline}" + "".join(
                f"{name} = {value}{newline}"
                for (place, name), value in sorted(wanted.items())
                if place == group and value is not None
            )
    return text if any(_GROUP.match(line) for line in text.splitlines()) else None


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each group with its lines (its own first); what stands before any has the name ``""``."""
    group, lines = "", list[str]()
    for line in text.splitlines(keepends=True):
        match = _GROUP.match(line)
        if match:
            if lines:
                yield group, lines
            group, lines = match["group"], []
        lines.append(line)
    if lines:
        yield group, lines


def _entries(lines: list[str]) -> Iterator[list[str]]:
    """The lines of each entry with its continuation lines; other lines one by one."""
    entry: list[str] = []
    for line in lines:
        continued = line[:1] in (" ", "\t") and line.strip() and entry and _ENTRY.match(entry[0])
        if entry and not continued:
            yield entry
            entry = []
        entry.append(line)
    if entry:
        yield entry


def _names(group: str, lines: list[str]) -> Iterator[Name]:
    for entry in _entries(lines):
        match = _ENTRY.match(entry[0])
        if match:
            yield group, match["name"]


def _edited(group: str, entry: list[str], wanted: Mapping[Name, str | None]) -> list[str]:
    match = _ENTRY.match("".join(entry))
    if match is None or (group, match["name"]) not in wanted:
        return entry
    value = wanted[group, match["name"]]
    if value is None:
        return []
    if " ".join(match["value"].split()) == value:
        return entry
    ending = entry[-1][len(entry[-1].rstrip("\r\n")) :]
    return ["".join(entry)[: match.start("value")] + value + ending]


def _trailing_blank(lines: list[str]) -> int:
    count = 0
    while count < len(lines) and not lines[-1 - count].strip():
        count += 1
    return count
