"""`[[tool.uv.dependency-metadata]]` put into a file: metadata that uv uses in the place of files' own.

uv, "Dependency metadata": an array of tables with ``name``, ``version``, ``requires-dist``,
``requires-python`` and ``provides-extra``; in `uv.toml` without the ``tool.uv`` before it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from trueup.model.errors import SourceError, UsageError
from trueup.sources.output import write_atomically

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import AoT, Table

__all__ = ["write_uv_metadata"]

_KEY = "dependency-metadata"
_KEYS = ("requires-dist", "requires-python", "provides-extra")
_OWN_FILE = "# Metadata for uv: put this into `pyproject.toml`.\n\n"


def write_uv_metadata(path: Path, tables: Sequence[str]) -> int:
    """Put tables, each as the text of one `[[tool.uv.dependency-metadata]]`, into a file.

    A `pyproject.toml` or `uv.toml` is edited: a table of the same name and version gets the new
    values, others are added, and all the rest stays as it is, byte for byte. Any other file is
    replaced by the tables alone. All or nothing, in one step. Returns how many tables are new or
    changed; where there are none the file is not touched.

    Raises UsageError if the file cannot be edited as it is, SourceError if it cannot be read or
    written, and ModuleNotFoundError without the extra `lock`.
    """
    if path.name not in ("pyproject.toml", "uv.toml"):
        if tables:
            write_atomically(path, _OWN_FILE + "\n\n".join(tables) + "\n")
        return len(tables)
    text = _read(path)
    try:
        edited, changed = _edited(text, tables, nested=path.name == "pyproject.toml")
    except UsageError as error:
        error.within(str(path))
        raise
    if changed:
        write_atomically(path, edited)
    return changed


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError as error:
        if path.name == "uv.toml":
            return ""
        raise SourceError(
            "no such file",
            hint="name a `pyproject.toml` that exists, or a file to be created, such as "
            "`metadata.toml`",
            place=(str(path),),
        ) from error
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError("is not UTF-8", place=(str(path),)) from error


def _edited(text: str, tables: Sequence[str], *, nested: bool) -> tuple[str, int]:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    before = _parsed(text)
    lead = ("tool", "uv") if nested else ()
    try:
        # What is added after a last line without an end would become part of it.
        document = tomlkit.parse(text if not text or text.endswith("\n") else f"{text}\n")
        array = _array(document, lead)
        changed, number = 0, len(array)
        for table in tables:
            wanted = tomlkit.parse(f"{table}\n")["tool"]["uv"][_KEY][0]
            changed += _put(array, wanted)
        if len(array) > number:
            # A blank line before what follows.
            array[-1].add(tomlkit.nl())
        edited = tomlkit.dumps(document)
        while edited.endswith("\n\n") and not text.endswith("\n\n"):
            edited = edited[:-1]
    except (TOMLKitError, AttributeError, TypeError, KeyError) as error:
        raise _cannot(lead) from error
    if changed and not _only_added(before, edited, lead, tables):
        raise _cannot(lead)
    return edited, changed


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"is not valid TOML: {error}") from error


def _array(document: TOMLDocument, lead: tuple[str, ...]) -> AoT:
    """The array of tables in the document; made if it is not there."""
    import tomlkit
    from tomlkit.items import AoT

    parent: MutableMapping[str, Any] = document
    for key in lead:
        if key not in parent:
            parent[key] = tomlkit.table(is_super_table=True)
        parent = parent[key]
    if _KEY not in parent:
        parent[_KEY] = tomlkit.aot()
    array = parent[_KEY]
    if not isinstance(array, AoT):
        raise _cannot(lead)
    return array


def _put(array: AoT, wanted: Table) -> bool:
    """Give the table of this name and version these values, or add it; False if it has them."""
    key = _identity(wanted)
    for table in array:
        if _identity(table) == key:
            different = [name for name in _KEYS if table.get(name) != wanted.get(name)]
            for name in different:
                if name in wanted:
                    table[name] = wanted[name]
                else:
                    table.remove(name)
            return bool(different)
    array.append(wanted)
    return True


def _identity(table: Mapping[str, Any]) -> tuple[str, str]:
    return canonicalize_name(str(table.get("name", ""))), str(table.get("version", ""))


def _only_added(
    before: Mapping[str, Any], edited: str, lead: tuple[str, ...], texts: Iterable[str]
) -> bool:
    """Whether the new text means the same besides the tables that were asked for."""
    old, old_tables = _taken_out(before, lead)
    try:
        new, new_tables = _taken_out(tomllib.loads(edited), lead)
    except tomllib.TOMLDecodeError:
        return False
    wanted = [tomllib.loads(text)["tool"]["uv"][_KEY][0] for text in texts]
    asked = {_identity(table) for table in wanted}
    kept = [table for table in old_tables if _identity(table) not in asked]
    return (
        old == new
        and kept == [table for table in new_tables if _identity(table) not in asked]
        and all(any(_holds(table, one) for table in new_tables) for one in wanted)
    )


def _holds(table: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return _identity(table) == _identity(wanted) and all(
        table.get(name) == wanted.get(name) for name in _KEYS
    )


def _taken_out(
    document: Mapping[str, Any], lead: tuple[str, ...]
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """The document without the tables, and the tables; tables that are left empty count as none."""
    if not lead:
        rest = {key: value for key, value in document.items() if key != _KEY}
        return rest, list(document.get(_KEY, []))
    inner, tables = _taken_out(document.get(lead[0], {}), lead[1:])
    rest = {key: value for key, value in document.items() if key != lead[0]}
    return ({**rest, lead[0]: inner} if inner else rest), tables


def _cannot(lead: tuple[str, ...]) -> UsageError:
    name = ".".join((*lead, _KEY))
    return UsageError(
        f"`{name}` cannot be edited",
        expected=f"`[[{name}]]` tables, or none yet",
        hint="write the tables into a file of their own (`--export-uv-metadata metadata.toml`), "
        "and copy them",
    )
