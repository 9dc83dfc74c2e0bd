"""`patches.toml`, a redistributor's patch ledger: read, checked as a whole, taken apart."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from packaging.specifiers import SpecifierSet

from trueup.model.errors import UsageError
from trueup.model.patch import Field, Ledger, Patch, Verb
from trueup.sources.ledgerkeys import (
    OPERATIONS,
    ValueFaultError,
    read_flag,
    read_list,
    read_project,
    read_requirement,
    read_specifiers,
    read_text,
    read_until,
    shown,
)

__all__ = ["parse_ledger", "read_ledger"]

_MAX_BYTES = 16 * 1024 * 1024
_KEYS = (
    "project", "versions", "reason", "until", "expects", "accept-drift",
    *(verb.value for verb in Verb), *(field.value for field in Field),
)  # fmt: skip
_HINT = "docs/reference/ledger.md describes every key"

_Value = TypeVar("_Value")


def read_ledger(path: Path) -> Ledger:
    """Read a ledger; raises UsageError naming the file and everything that is wrong in it."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise UsageError("is too large to be a ledger", place=(str(path),))
        return parse_ledger(data.decode())
    except FileNotFoundError as error:
        raise UsageError(
            "no such ledger", hint="it is a TOML file of `[[patch]]` tables", place=(str(path),)
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"is not valid TOML: {error}", place=(str(path),)) from error
    except UsageError as error:
        error.within(str(path))
        raise


def parse_ledger(text: str) -> Ledger:
    """Take the text of a ledger apart.

    All faults are gathered into one UsageError, each with the patch's number, the key, what was
    found and what was expected.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"is not valid TOML: {error}") from error
    tables = document.get("patch")
    other = sorted(document.keys() - {"patch"})
    if other or not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
        raise UsageError(
            "is no ledger",
            found=" and ".join(f"the key `{key}`" for key in other) or shown(tables),
            expected="`[[patch]]` tables and nothing else",
            hint='the least is `project = "…"`, `reason = "…"` and one operation',
        )
    readers = [_Reader(number, table) for number, table in enumerate(tables, 1)]
    patches = [reader.patch() for reader in readers]
    faults = [fault for reader in readers for fault in reader.faults]
    if len(faults) == 1:
        raise UsageError(faults[0], hint=_HINT)
    if faults:
        lines = "".join(f"\n  {fault}" for fault in faults)
        raise UsageError(f"{len(faults)} faults{lines}", hint=_HINT)
    return Ledger(patches=tuple(patch for patch in patches if patch is not None))


class _Reader:
    """One `[[patch]]` table being read; what is wrong is gathered in ``faults``."""

    def __init__(self, number: int, table: Mapping[str, object]) -> None:
        self._number = number
        self._table = table
        self.faults: list[str] = []

    def patch(self) -> Patch | None:
        """The patch, None if something is wrong with it."""
        for key in sorted(self._table.keys() - set(_KEYS)):
            close = get_close_matches(key, _KEYS, 3, 0.5) or _KEYS
            self._complain(key, f"no such key; meant is perhaps {_alternatives(close)}")
        project = self._required("project", read_project)
        reason = self._required("reason", read_text)
        versions = self._read("versions", read_specifiers)
        until = self._read("until", read_until)
        expects = self._read("expects", read_list(read_requirement))
        accept = self._read("accept-drift", read_flag)
        operations = [
            operation
            for key, read in OPERATIONS.items()
            for operation in self._read(key, read) or ()
        ]
        if not operations and not self.faults:
            self._complain(None, "says nothing to do; expected at least one operation")
        if self.faults or project is None or reason is None:
            return None
        return Patch(
            number=self._number,
            project=project,
            reason=reason,
            operations=tuple(operations),
            versions=versions if versions is not None else SpecifierSet(),
            until=until,
            expects=tuple(expects or ()),
            accept_drift=bool(accept),
        )

    def _required(self, key: str, read: Callable[[object], _Value]) -> _Value | None:
        if key not in self._table:
            self._complain(key, "is missing")
        return self._read(key, read)

    def _read(self, key: str, read: Callable[[object], _Value]) -> _Value | None:
        if key not in self._table:
            return None
        try:
            return read(self._table[key])
        except ValueFaultError as fault:
            self._complain(key, f"found {shown(fault.found)}, expected {fault.expected}")
            return None

    def _complain(self, key: str | None, text: str) -> None:
        project = self._table.get("project")
        who = f"patch {self._number}" + (f" (`{project}`)" if isinstance(project, str) else "")
        self.faults.append(f"{who}: `{key}`: {text}" if key else f"{who}: {text}")


def _alternatives(keys: Sequence[str]) -> str:
    return " or ".join(f"`{key}`" for key in keys)
