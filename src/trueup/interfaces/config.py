"""`[tool.trueup.check]` in the nearest `pyproject.toml`; what the command line says wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from trueup.model.errors import TrueupError, UsageError
from trueup.model.finding import Severity

__all__ = [
    "FAIL_ON",
    "KEYS",
    "TABLES",
    "CheckConfig",
    "find_config",
    "parse_severity",
    "read_config",
]

FAIL_ON = (*(severity.value for severity in reversed(Severity)), "never")
"""The values of `fail-on`, from strict to lenient reading: ``error`` first."""

KEYS = ("baseline", "fail-on", "fields", "for", "ignore", "index", "select", "severity")
"""Every key that the table may have."""

TABLES = (
    "amend", "bounds", "cache", "check", "dynamic", "env", "libs", "lock", "prove", "sdist",
    "serve", "split", "survey", "verify", "wheels",
)  # fmt: skip
"""The tables of ``[tool.trueup]``: one per verb, and those of the declaration."""

_TABLE = "[tool.trueup.check]"
_MAX_BYTES = 16 * 1024 * 1024
_NO_SEVERITY: Mapping[str, Severity] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConfig:
    """The settings of one project; what it does not set is None or empty.

    ``path`` is the file they come from (None: no file sets anything); ``baseline`` and folders in
    ``index`` start at that file's folder.
    """

    path: Path | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=lambda: _NO_SEVERITY)
    fail_on: str | None = None
    targets: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    baseline: Path | None = None


def find_config(start: Path) -> CheckConfig:
    """The settings of the nearest `pyproject.toml`, from ``start`` upward, that has any.

    Raises UsageError naming the file and the key for anything that is not understood.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            config = read_config(path)
            if config is not None:
                return config
    return CheckConfig()


def read_config(path: Path) -> CheckConfig | None:
    """The settings in one `pyproject.toml`; None if it has no table ``[tool.trueup.check]``."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise UsageError("is too large", expected=f"at most {_MAX_BYTES // 1024**2} MiB")
        document = tomllib.loads(data.decode())
        table = _check_table(document)
        return None if table is None else _parse(table, path)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"is not valid TOML: {error}",
            hint=f"its `{_TABLE}`, if it has one, could not be read",
            place=(str(path),),
        ) from error
    except TrueupError as error:
        error.within(str(path))
        raise


def parse_severity(text: str) -> tuple[str, Severity]:
    """Take ``CODE=LEVEL`` apart; raises UsageError."""
    code, equals, level = text.partition("=")
    if not (code and equals):
        raise UsageError("a severity", found=f"`{text}`", expected="`CODE=LEVEL`")
    return code.strip(), _level(level.strip(), f"the severity of `{code.strip()}`")


def _level(value: object, what: str) -> Severity:
    levels = [severity.value for severity in reversed(Severity)]
    if value not in levels:
        raise UsageError(what, found=f"`{value}`", expected=_alternatives(levels))
    return Severity(value)


def _check_table(document: Mapping[str, object]) -> Mapping[str, object] | None:
    parent: Mapping[str, object] = document
    for key in ("tool", "trueup", "check"):
        value = parent.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise UsageError(f"`{key}`", found=f"`{value!r}`", expected="a table")
        if key == "trueup":
            _refuse_strangers(value)
        parent = value
    return parent


def _refuse_strangers(table: Mapping[str, object]) -> None:
    """Settings in a table that nobody reads would be kept in silence."""
    for key, value in table.items():
        if key in KEYS and key not in TABLES:
            raise UsageError(
                f"`[tool.trueup]` has no key `{key}`", hint=f"`{key}` belongs to `{_TABLE}`"
            )
        if key not in TABLES:
            raise UsageError(
                f"`[tool.trueup]` has no {'table' if _is_table(value) else 'key'} `{key}`",
                hint=f"its tables are: {', '.join(TABLES)}",
            )
        if not _is_table(value):
            raise UsageError(f"`[tool.trueup] {key}`", found=f"`{value!r}`", expected="a table")


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
    )


def _parse(table: Mapping[str, object], path: Path) -> CheckConfig:
    unknown = sorted(table.keys() - set(KEYS))
    if unknown:
        names = " and ".join(f"`{key}`" for key in unknown)
        raise UsageError(
            f"`{_TABLE}` has no key {names}",
            hint=f"the keys are: {', '.join(KEYS)}",
        )
    fail_on = table.get("fail-on")
    if fail_on is not None and fail_on not in FAIL_ON:
        raise UsageError(
            f"`{_TABLE} fail-on`", found=f"`{fail_on}`", expected=_alternatives(FAIL_ON)
        )
    baseline = table.get("baseline")
    if baseline is not None and not isinstance(baseline, str):
        raise UsageError(f"`{_TABLE} baseline`", found=f"`{baseline}`", expected="a path")
    return CheckConfig(
        path=path,
        select=_strings(table, "select") if "select" in table else None,
        ignore=_strings(table, "ignore"),
        severity=_severities(table),
        fail_on=str(fail_on) if fail_on is not None else None,
        targets=_strings(table, "for"),
        index=tuple(_address(text, path.parent) for text in _strings(table, "index")),
        fields=_strings(table, "fields"),
        baseline=path.parent / baseline if baseline is not None else None,
    )


def _severities(table: Mapping[str, object]) -> Mapping[str, Severity]:
    value = table.get("severity", {})
    if not isinstance(value, dict):
        raise UsageError(
            f"`{_TABLE} severity`",
            found=f"`{value}`",
            expected='a table such as { CODE = "error" }',
        )
    return {
        code: _level(level, f"`{_TABLE} severity` of `{code}`") for code, level in value.items()
    }


def _strings(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    """A list of strings; a single string stands for a list of one."""
    value = table.get(key, [])
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"`{_TABLE} {key}`", found=f"`{value}`", expected="a list of strings")
    return tuple(value)


def _address(text: str, folder: Path) -> str:
    """An address as it is, a folder relative to the settings' own."""
    # A Windows drive letter looks like a scheme of one letter.
    return text if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) else str(folder / text)


def _alternatives(values: tuple[str, ...] | list[str]) -> str:
    return " or ".join([", ".join(f"`{value}`" for value in values[:-1]), f"`{values[-1]}`"])
