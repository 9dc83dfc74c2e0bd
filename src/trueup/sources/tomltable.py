"""Typed access to a TOML file: every wrong type is told with file, table, key, found, expected."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.errors import UsageError
from trueup.model.requirement import Requirement, parse_requirement, parse_specifiers

__all__ = ["TomlTable", "alternatives", "lines_of", "read_toml", "toml_text"]

_MAX_BYTES = 16 * 1024 * 1024
_LONGEST = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlTable:
    """A table and its full name (``project.optional-dependencies``; empty for the whole file).

    Its methods give the value of a key in the type they are named after, None (or nothing) where
    the key is absent, and raise UsageError for any other type. The place is left to the caller.
    """

    name: str
    values: Mapping[str, object]

    def refuse(
        self, key: str, expected: str, *, found: object = None, hint: str = ""
    ) -> UsageError:
        """The error for a value; ``found`` is the part that is wrong, by default the whole."""
        value = self.values.get(key) if found is None else found
        return UsageError(
            f"`[{self.name}] {key}`" if self.name else f"`{key}`",
            found=f"`{toml_text(value)}`",
            expected=expected,
            hint=hint or None,
        )

    def refuse_strangers(self, known: Iterable[str]) -> None:
        """Raise for keys that nothing reads: a typing mistake must not pass in silence."""
        unknown = sorted(self.values.keys() - set(known))
        if unknown:
            raise UsageError(
                f"`[{self.name}]` has no key {' and '.join(f'`{key}`' for key in unknown)}",
                hint=f"the keys are: {', '.join(sorted(known))}",
            )

    def table(self, key: str) -> TomlTable:
        """The table of this name, empty if there is none."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.refuse(key, "a table")
        return TomlTable(name=f"{self.name}.{key}" if self.name else key, values=value)

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """The tables of an array of tables."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.refuse(key, "a list of tables")
        name = f"{self.name}.{key}" if self.name else key
        return tuple(TomlTable(name=name, values=item) for item in value)

    def string(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.refuse(key, "a string")
        return value

    def boolean(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.refuse(key, "`true` or `false`")
        return value

    def strings(self, key: str, expected: str = "a list of strings") -> tuple[str, ...] | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(key, expected)
        return tuple(value)

    def specifier(self, key: str) -> SpecifierSet | None:
        """A specifier set such as ``>=3.11``."""
        value = self.string(key)
        if value is None:
            return None
        try:
            return parse_specifiers(value)
        except ValueError as error:
            raise self.refuse(key, f"versions such as `>=3.11,<3.15` ({error})") from error

    def requirements(self, key: str) -> tuple[Requirement, ...] | None:
        """A list of requirements."""
        texts = self.strings(key, "a list of requirements, as strings")
        return None if texts is None else tuple(self.requirement(key, text) for text in texts)

    def requirement(self, key: str, text: str) -> Requirement:
        """One requirement that stands under this key."""
        try:
            return parse_requirement(text)
        except ValueError as error:
            raise self.refuse(key, f"a requirement ({error})", found=text) from error

    def normalized(
        self, key: str, text: str, what: str = "the name of a project"
    ) -> NormalizedName:
        """One name that stands under this key, normalised."""
        try:
            return canonicalize_name(text, validate=True)
        except ValueError as error:
            raise self.refuse(key, what, found=text) from error

    def names(self, key: str, what: str = "project names") -> tuple[NormalizedName, ...] | None:
        """A list of names, normalised."""
        texts = self.strings(key, f"a list of {what}")
        if texts is None:
            return None
        return tuple(self.normalized(key, text, f"only {what}") for text in texts)


def read_toml(path: Path) -> tuple[TomlTable, str]:
    """The whole file as a table, and its text.

    Raises UsageError, with the place, for a file that is missing, too large or no TOML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise UsageError(
                "is too large", expected=f"at most {_MAX_BYTES // 1024**2} MiB", place=(str(path),)
            )
        text = data.decode()
        return TomlTable(name="", values=tomllib.loads(text)), text
    except FileNotFoundError as error:
        raise UsageError("no such file", place=(str(path),)) from error
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except RecursionError as error:
        raise UsageError("is not valid TOML: nested too deeply", place=(str(path),)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"is not valid TOML: {error}", place=(str(path),)) from error


def toml_text(value: object) -> str:
    """A value about as its file writes it, cut if it is long."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except TypeError:  # Dates, which JSON does not have.
        text = str(value)
    text = " ".join(text.split())
    return f"{text[:_LONGEST]}…" if len(text) > _LONGEST else text


def alternatives(values: Iterable[str]) -> str:
    """``a``, ``b`` or ``c``, for what was expected."""
    *first, last = [f"`{value}`" for value in values]
    return f"{', '.join(first)} or {last}" if first else last


_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*[\"']?([\w.-]+)[\"']?\s*=")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'')


def lines_of(text: str) -> Mapping[tuple[str, str, str], int]:
    """Where strings stand: the line of the first, by table, key and the string as written.

    `tomllib` tells no lines. A string that this does not find (one with escapes, or over several
    lines) has no line, which is better than a wrong one.
    """
    found: dict[tuple[str, str, str], int] = {}
    table = key = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table, key = header[1].replace('"', "").replace("'", ""), ""
            continue
        if assigned := _KEY.match(line):
            key = assigned[1]
        for double, single in _LITERAL.findall(line):
            found.setdefault((table, key, double or single), number)
    return found
