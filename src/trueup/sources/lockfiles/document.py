"""A lock's TOML or JSON, read within limits, whose values are looked at leniently.

A getter gives a value of the right type or None; what is there and is not what the format allows
is kept as a :class:`~trueup.model.lock.LockFault` with its line, and reading goes on. Only a file
that is no document at all is refused.

A reader of a format is a function ``read_x(document, *, project, environ) -> Lock``: ``project`` is
the folder where the project's own files are, ``environ`` expands ``${NAME}`` where the tool does.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.condition import ALWAYS, Condition, parse_condition
from trueup.model.errors import LimitError, NotFoundError, SourceError
from trueup.model.lock import LockFault
from trueup.model.marker import Marker
from trueup.model.requirement import parse_specifiers
from trueup.sources.lockfiles.values import (
    conflict_hint,
    parse_digest,
    parse_environment,
    parse_name,
    parse_version,
    shown,
)

__all__ = [
    "MAX_BYTES",
    "LockDocument",
    "Table",
    "json_document",
    "parse_digest",
    "parse_name",
    "shown",
    "text_reader",
    "toml_document",
    "toml_if_there",
]

MAX_BYTES = 64 * 1024 * 1024
"""A file above this is not read; the largest real lock that we know has 2 MB."""

T = TypeVar("T")


def text_reader(limit: int = MAX_BYTES) -> Callable[[Path], str]:
    """A function that reads text files within the limit, in sum, so that includes cannot evade it.

    It raises NotFoundError for a missing file, LimitError beyond ``limit`` bytes, and SourceError
    for one that cannot be read or is not UTF-8.
    """
    left = limit

    def read(path: Path) -> str:
        nonlocal left
        try:
            with path.open("rb") as file:
                data = file.read(left + 1)
        except FileNotFoundError as error:
            raise NotFoundError("no such file", place=(str(path),)) from error
        except (OSError, ValueError) as error:  # ValueError: a path that no system can have
            reason = error.strerror if isinstance(error, OSError) else None
            raise SourceError(f"cannot be read: {reason or error}", place=(str(path),)) from error
        if len(data) > left:
            raise LimitError(
                "is too large to be a lock or requirements file",
                expected=f"at most {limit // 1024**2} MiB",
                place=(str(path),),
            )
        left -= len(data)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SourceError(f"line {line} is not UTF-8", place=(str(path),)) from error

    return read


def toml_document(path: str, text: str) -> LockDocument:
    """Parse TOML; SourceError, with the line, if it is none."""
    try:
        values = tomllib.loads(text)
    except RecursionError as error:
        raise SourceError("is not valid TOML: nested too deeply", place=(path,)) from error
    except ValueError as error:  # a TOMLDecodeError, or a number of too many digits
        hint = conflict_hint(text)
        raise SourceError(f"is not valid TOML: {error}", hint=hint, place=(path,)) from error
    return LockDocument(path=path, text=text, values=values)


def toml_if_there(path: Path) -> LockDocument | None:
    """A TOML file beside a lock, such as its `pyproject.toml`; None if there is none."""
    try:
        return toml_document(str(path), text_reader()(path))
    except NotFoundError:
        return None


def json_document(path: str, text: str) -> LockDocument:
    """Parse a JSON object; SourceError, with the line, if it is none."""
    try:
        values = json.loads(text)
        # JSON can write half a surrogate pair, which no output could show again.
        json.dumps(values, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise SourceError(
            f"is not valid JSON: {error.msg} (at line {error.lineno}, column {error.colno})",
            hint=conflict_hint(text),
            place=(path,),
        ) from error
    except RecursionError as error:
        raise SourceError("is not valid JSON: nested too deeply", place=(path,)) from error
    except ValueError as error:
        raise SourceError(f"is not valid JSON: {error}", place=(path,)) from error
    if not isinstance(values, dict):
        raise SourceError("is no lock", found=shown(values), expected="an object", place=(path,))
    return LockDocument(path=path, text=text, values=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDocument:
    """A parsed file and the faults found in it so far, each once, in the order of finding."""

    path: str
    text: str
    values: Mapping[str, object]
    recorded: dict[LockFault, None] = field(default_factory=dict)
    _ends: list[int] = field(init=False, repr=False)
    """Where lines end: an entry needs its line, and a lock has hundreds of them."""

    def __post_init__(self) -> None:
        ends = [match.start() for match in re.finditer("\n", self.text)]
        object.__setattr__(self, "_ends", ends)

    @property
    def faults(self) -> tuple[LockFault, ...]:
        return tuple(self.recorded)

    @property
    def root(self) -> Table:
        """The whole of it; a fault's line is that of its top-level key."""
        return Table(values=self.values, where=_Where(document=self, start=0, end=len(self.text)))

    def entries(self, key: str) -> tuple[Table, ...]:
        """The tables of ``[[key]]``, each with its line, none if the key is absent.

        An item that is no table is a fault. Raises SourceError if the key is something else.
        """
        items = self.values.get(key, [])
        if not isinstance(items, list):
            raise SourceError(
                f"`{key}`", found=shown(items), expected="an array of tables", place=(self.path,)
            )
        starts = self._headers(key)
        if len(starts) != len(items):  # TOML has other ways to write an array of tables
            return self.root.tables(key)
        tables: list[Table] = []
        for number, item in enumerate(items):
            end = starts[number + 1] if number + 1 < len(starts) else len(self.text)
            where = _Where(document=self, start=starts[number], end=end)
            tables.append(Table(values=item if isinstance(item, dict) else {}, where=where))
        return tuple(tables)

    def part(self, values: Mapping[str, object], start: int, end: int) -> Table:
        """A table that a reader found itself, written between two offsets of the text."""
        return Table(values=values, where=_Where(document=self, start=start, end=end))

    def line_at(self, offset: int) -> int:
        """The number of the line that holds this offset of the text, the first is 1."""
        return bisect_left(self._ends, offset) + 1

    def _headers(self, key: str) -> list[int]:
        pattern = re.compile(rf"^[ \t]*\[\[[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*\]\]", re.M)
        return [match.start() for match in pattern.finditer(self.text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """The part of the text that a table and all below it is written in, and whom it is about."""

    document: LockDocument
    start: int
    end: int
    project: NormalizedName | None = None
    version: Version | None = None

    @property
    def origin(self) -> str:
        if self.start == 0 and self.end == len(self.document.text):
            return self.document.path
        return f"{self.document.path}:{self.document.line_at(self.start)}"

    def line_of(self, key: str) -> str:
        """``file:line`` of the outermost name of a key, that of the table where it is not found."""
        name = re.escape(re.split(r"[.\[]", key, maxsplit=1)[0])
        pattern = re.compile(
            rf"^[ \t]*(?:\[+[ \t]*(?:[\w-]+\.)*)?[\"']?{name}[\"']?[ \t]*[=\].:]", re.MULTILINE
        )
        match = pattern.search(self.document.text, self.start, self.end)
        if match is None:
            return self.origin
        return f"{self.document.path}:{self.document.line_at(match.start())}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a lock. ``key`` leads to it, from the entry or from the top of the file."""

    values: Mapping[str, object]
    where: _Where = field(repr=False)
    key: str = ""

    @property
    def origin(self) -> str:
        """``file:line`` of the entry that it belongs to."""
        return self.where.origin

    def about(self, project: NormalizedName, version: Version | None) -> Table:
        """The same table, whose faults name this project from now on."""
        return replace(self, where=replace(self.where, project=project, version=version))

    def line_of(self, key: str) -> str:
        """``file:line`` where a key of this table is written, that of the entry if it is not."""
        return self.where.line_of(self._full(key))

    def has(self, key: str) -> bool:
        return key in self.values

    def fault(self, key: str, found: str, expected: str, *, tolerated: bool = False) -> None:
        """Record that the format does not allow what is under ``key`` (`` `value` `` or words)."""
        full = self._full(key)
        fault = LockFault(
            origin=self.where.line_of(full),
            key=full,
            found=found,
            expected=expected,
            project=self.where.project,
            version=self.where.version,
            tolerated=tolerated,
        )
        self.where.document.recorded.setdefault(fault)

    # --- values of one type ---------------------------------------------------------------------

    def text(self, key: str, *, required: bool = False) -> str | None:
        value = self._typed(key, str, "text", required=required)
        return value if isinstance(value, str) else None

    def number(self, key: str) -> int | None:
        """A whole number that is not negative (`bool` is none, although Python's is an `int`)."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.fault(key, shown(value), "a whole number")
        return None

    def flag(self, key: str) -> bool:
        """A truth value, False where there is none."""
        return self._typed(key, bool, "`true` or `false`") is True

    def moment(self, key: str) -> datetime | None:
        """A time, as TOML writes it or as text in ISO 8601; one without a zone is in UTC."""
        value = self.values.get(key)
        if isinstance(value, str):
            with suppress(ValueError):  # it stays text, and so a fault
                value = datetime.fromisoformat(value)
        if value is None:
            return None
        if isinstance(value, datetime):
            return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        self.fault(key, shown(value), "a date and time")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list; items that are none are faults."""
        found: list[str] = []
        for number, item in enumerate(self._list(key)):
            if isinstance(item, str):
                found.append(item)
            else:
                self.fault(f"{key}[{number}]", shown(item), "text")
        return tuple(found)

    def table(self, key: str) -> Table | None:
        """The table under a key, None where there is none or something else."""
        value = self._typed(key, dict, "a table")
        return self._below(key, value) if isinstance(value, dict) else None

    def tables(self, key: str) -> tuple[Table, ...]:
        """The tables of a list; items that are none are faults."""
        found: list[Table] = []
        for number, item in enumerate(self._list(key)):
            if isinstance(item, dict):
                found.append(self._below(f"{key}[{number}]", item))
            else:
                self.fault(f"{key}[{number}]", shown(item), "a table")
        return tuple(found)

    # --- values that are parsed -----------------------------------------------------------------

    def lists_of_tables(self, key: str) -> tuple[tuple[Table, ...], ...]:
        """The tables of each list of a list; items that are none are faults."""
        found: list[tuple[Table, ...]] = []
        for number, item in enumerate(self._list(key)):
            place = f"{key}[{number}]"
            if not isinstance(item, list):
                self.fault(place, shown(item), "a list of tables")
                continue
            tables = [one for one in item if isinstance(one, dict)]
            if len(tables) < len(item):
                self.fault(place, shown(item), "a list of tables")
            found.append(tuple(self._below(f"{place}[{n}]", one) for n, one in enumerate(tables)))
        return tuple(found)

    def parsed(
        self, key: str, parse: Callable[[str], T], expected: str, *, required: bool = False
    ) -> T | None:
        """What ``parse`` makes of a text; its ValueError is a fault."""
        value = self._typed(key, str, expected, required=required)
        return self._parse(key, value, parse, expected) if isinstance(value, str) else None

    def parsed_each(self, key: str, parse: Callable[[str], T], expected: str) -> tuple[T, ...]:
        """What ``parse`` makes of each text of a list."""
        found: list[T] = []
        for number, item in enumerate(self._list(key)):
            place = f"{key}[{number}]"
            if not isinstance(item, str):
                self.fault(place, shown(item), expected)
            elif (value := self._parse(place, item, parse, expected)) is not None:
                found.append(value)
        return tuple(found)

    def project(self, key: str = "name", *, required: bool = True) -> NormalizedName | None:
        return self.parsed(key, parse_name, "a project name", required=required)

    def version(self, key: str = "version", *, required: bool = False) -> Version | None:
        return self.parsed(key, parse_version, "a version", required=required)

    def specifiers(self, key: str = "requires-python") -> SpecifierSet | None:
        return self.parsed(key, parse_specifiers, "version specifiers such as `>=3.11`")

    def condition(self, key: str = "marker") -> Condition:
        """The marker of an entry; one that cannot be read is a fault, and limits nothing."""
        condition = self.parsed(key, parse_condition, "an environment marker")
        return condition if condition is not None else ALWAYS

    def markers(self, key: str) -> tuple[Marker, ...]:
        """A list of markers over environments alone."""
        return self.parsed_each(key, parse_environment, "an environment marker")

    # --------------------------------------------------------------------------------------------

    def _full(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key and key else self.key or key

    def _below(self, key: str, values: Mapping[str, object]) -> Table:
        return Table(values=values, where=self.where, key=self._full(key))

    def _typed(self, key: str, kind: type, expected: str, *, required: bool = False) -> object:
        value = self.values.get(key)
        if isinstance(value, kind):
            return value
        if value is not None or required:
            self.fault(key, shown(value), expected)
        return None

    def _list(self, key: str) -> list[object]:
        value = self._typed(key, list, "a list")
        return value if isinstance(value, list) else []

    def _parse(self, key: str, value: str, parse: Callable[[str], T], expected: str) -> T | None:
        try:
            return parse(value)
        except RecursionError:
            self.fault(key, f"{shown(value)} (nested too deeply)", expected)
        except ValueError as error:
            reason = (str(error).splitlines() or [""])[0]
            self.fault(key, f"{shown(value)} ({reason})" if reason else shown(value), expected)
        return None
