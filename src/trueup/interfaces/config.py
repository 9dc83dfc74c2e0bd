"""`[tool.trueup.check]` and `[tool.trueup.verify]` in the nearest `pyproject.toml`.

What the command line says wins.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from trueup.model.errors import TrueupError, UsageError
from trueup.model.finding import Severity

__all__ = [
    "ENV_KEYS",
    "FAIL_ON",
    "KEYS",
    "LIBS_KEYS",
    "TABLES",
    "VERIFY_KEYS",
    "CheckConfig",
    "RuleConfig",
    "VerifyConfig",
    "find_config",
    "find_env_config",
    "find_libs_config",
    "find_verify_config",
    "parse_mapping",
    "parse_severity",
]

FAIL_ON = (*(severity.value for severity in reversed(Severity)), "never")
"""The values of `fail-on`, from strict to lenient reading: ``error`` first."""

KEYS = ("baseline", "fail-on", "fields", "for", "ignore", "index", "select", "severity")
"""Every key that the table of `check` may have."""

VERIFY_KEYS = (
    "baseline", "fail-on", "for", "ignore", "index", "index-map", "lock", "select", "severity",
)  # fmt: skip
"""Every key that the table of `verify` may have."""

LIBS_KEYS = ("fail-on", "for", "ignore", "index", "select", "severity")
"""Every key that the table of `libs` may have."""

ENV_KEYS = ("baseline", "fail-on", "ignore", "index", "select", "severity")
"""Every key that the table of `env` may have."""

_KEYS = {"check": KEYS, "verify": VERIFY_KEYS, "libs": LIBS_KEYS, "env": ENV_KEYS}

TABLES = (
    "amend", "bounds", "cache", "check", "dynamic", "env", "libs", "lock", "prove", "sdist",
    "serve", "split", "survey", "verify", "wheels",
)  # fmt: skip
"""The tables of ``[tool.trueup]``: one per verb, and those of the declaration."""

_MAX_BYTES = 16 * 1024 * 1024
_NO_SEVERITY: Mapping[str, Severity] = MappingProxyType({})
_NO_MAPPING: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleConfig:
    """What verbs that judge are set to; what is not set is None or empty.

    ``path`` is the file it comes from (None: no file sets anything); ``baseline`` and folders in
    ``index`` start at that file's folder.
    """

    path: Path | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=lambda: _NO_SEVERITY)
    fail_on: str | None = None
    targets: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    baseline: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConfig(RuleConfig):
    """The settings of `check`."""

    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyConfig(RuleConfig):
    """The settings of `verify`; ``locks`` start at the file's folder."""

    locks: tuple[Path, ...] = ()
    index_map: Mapping[str, str] = field(default_factory=lambda: _NO_MAPPING)


def find_config(start: Path) -> CheckConfig:
    """The settings of `check` in the nearest `pyproject.toml`, from ``start`` upward, with any.

    Raises UsageError naming the file and the key for anything that is not understood.
    """
    return _find(start, "check", _check_config) or CheckConfig()


def find_verify_config(start: Path) -> VerifyConfig:
    """The settings of `verify`, found and refused as those of `check`."""
    return _find(start, "verify", _verify_config) or VerifyConfig()


def find_libs_config(start: Path) -> RuleConfig:
    """The settings of `libs`, found and refused as those of `check`."""
    return _find(start, "libs", _libs_config) or RuleConfig()


def find_env_config(start: Path) -> RuleConfig:
    """The settings of `env`, found and refused as those of `check`."""
    return _find(start, "env", _env_config) or RuleConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The settings of one verb in one file: values by key, or a refusal that names the key."""

    path: Path
    verb: str
    values: Mapping[str, object]

    @property
    def name(self) -> str:
        return f"[tool.trueup.{self.verb}]"

    def refuse_strangers(self, keys: tuple[str, ...]) -> None:
        unknown = sorted(self.values.keys() - set(keys))
        if unknown:
            names = " and ".join(f"`{key}`" for key in unknown)
            raise UsageError(
                f"`{self.name}` has no key {names}", hint=f"the keys are: {', '.join(keys)}"
            )

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings; a single string stands for a list of one."""
        value = self.values.get(key, [])
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UsageError(
                f"`{self.name} {key}`", found=f"`{value}`", expected="a list of strings"
            )
        return tuple(value)

    def fail_on(self) -> str | None:
        value = self.values.get("fail-on")
        if value is not None and value not in FAIL_ON:
            raise UsageError(
                f"`{self.name} fail-on`", found=f"`{value}`", expected=_alternatives(FAIL_ON)
            )
        return str(value) if value is not None else None

    def severities(self) -> Mapping[str, Severity]:
        value = self.values.get("severity", {})
        if not isinstance(value, dict):
            raise UsageError(
                f"`{self.name} severity`",
                found=f"`{value}`",
                expected='a table such as { CODE = "error" }',
            )
        return {
            code: _level(level, f"`{self.name} severity` of `{code}`")
            for code, level in value.items()
        }

    def mapping(self, key: str) -> Mapping[str, str]:
        """A table of strings."""
        value = self.values.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(i, str) for i in value.values()):
            raise UsageError(
                f"`{self.name} {key}`",
                found=f"`{value}`",
                expected='a table such as { "https://…/" = "https://mirror.test/" }',
            )
        return value

    def baseline(self) -> Path | None:
        value = self.values.get("baseline")
        if value is not None and not isinstance(value, str):
            raise UsageError(f"`{self.name} baseline`", found=f"`{value}`", expected="a path")
        return self.path.parent / value if value is not None else None

    def index(self) -> tuple[str, ...]:
        return tuple(_address(text, self.path.parent) for text in self.strings("index"))

    def select(self) -> tuple[str, ...] | None:
        return self.strings("select") if "select" in self.values else None


def _check_config(table: _Table) -> CheckConfig:
    table.refuse_strangers(KEYS)
    return CheckConfig(
        path=table.path,
        select=table.select(),
        ignore=table.strings("ignore"),
        severity=table.severities(),
        fail_on=table.fail_on(),
        targets=table.strings("for"),
        index=table.index(),
        fields=table.strings("fields"),
        baseline=table.baseline(),
    )


def _libs_config(table: _Table) -> RuleConfig:
    table.refuse_strangers(LIBS_KEYS)
    return RuleConfig(
        path=table.path,
        select=table.select(),
        ignore=table.strings("ignore"),
        severity=table.severities(),
        fail_on=table.fail_on(),
        targets=table.strings("for"),
        index=table.index(),
    )


def _env_config(table: _Table) -> RuleConfig:
    table.refuse_strangers(ENV_KEYS)
    return RuleConfig(
        path=table.path,
        select=table.select(),
        ignore=table.strings("ignore"),
        severity=table.severities(),
        fail_on=table.fail_on(),
        index=table.index(),
        baseline=table.baseline(),
    )


def _verify_config(table: _Table) -> VerifyConfig:
    table.refuse_strangers(VERIFY_KEYS)
    return VerifyConfig(
        path=table.path,
        select=table.select(),
        ignore=table.strings("ignore"),
        severity=table.severities(),
        fail_on=table.fail_on(),
        targets=table.strings("for"),
        index=table.index(),
        baseline=table.baseline(),
        locks=tuple(table.path.parent / text for text in table.strings("lock")),
        index_map=table.mapping("index-map"),
    )


def _find(start: Path, verb: str, parse: Callable[[_Table], T]) -> T | None:
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            values = _read(path, verb)
            if values is None:
                continue
            try:
                return parse(_Table(path=path, verb=verb, values=values))
            except TrueupError as error:
                error.within(str(path))
                raise
    return None


def _read(path: Path, verb: str) -> Mapping[str, object] | None:
    """The table of a verb in one `pyproject.toml`; None if it has none."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise UsageError("is too large", expected=f"at most {_MAX_BYTES // 1024**2} MiB")
        return _verb_table(tomllib.loads(data.decode()), verb)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"is not valid TOML: {error}",
            hint=f"its `[tool.trueup.{verb}]`, if it has one, could not be read",
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


def parse_mapping(text: str) -> tuple[str, str]:
    """Take ``FROM=TO`` apart, two beginnings of addresses; raises UsageError.

    At the last ``=`` that an address follows, since addresses may have such signs themselves.
    """
    match = re.fullmatch(r"(.+)=((?:[a-z][a-z0-9+.-]*://|/|\.).*)", text, re.IGNORECASE)
    if match is None:
        raise UsageError(
            "a mapping of addresses",
            found=f"`{text}`",
            expected="`FROM=TO`, such as `https://index.test/=http://127.0.0.1:8080/`",
        )
    return match[1], match[2]


def _verb_table(document: Mapping[str, object], verb: str) -> Mapping[str, object] | None:
    parent: Mapping[str, object] = document
    for key in ("tool", "trueup", verb):
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
        verbs = [verb for verb, keys in _KEYS.items() if key in keys]
        if verbs and key not in TABLES:
            tables = " or ".join(f"`[tool.trueup.{verb}]`" for verb in verbs)
            raise UsageError(
                f"`[tool.trueup]` has no key `{key}`", hint=f"`{key}` belongs to {tables}"
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


def _address(text: str, folder: Path) -> str:
    """An address as it is, a folder relative to the settings' own."""
    # A Windows drive letter looks like a scheme of one letter.
    return text if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) else str(folder / text)


def _alternatives(values: tuple[str, ...] | list[str]) -> str:
    return " or ".join([", ".join(f"`{value}`" for value in values[:-1]), f"`{values[-1]}`"])
