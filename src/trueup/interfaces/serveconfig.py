"""What `trueup serve` is set to: the command line, else the environment, else `serve.toml`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trueup.features.serve.names import CHANNEL
from trueup.features.serve.policies import PolicyBook, ProjectPolicy, Readers, ReadRules
from trueup.interfaces.servepolicy import (
    POLICY_KEYS,
    member,
    number_of,
    one_or_more,
    parse_book,
    refuse_strangers,
    size_of,
)
from trueup.interfaces.web.rates import Limits, Rate
from trueup.model.errors import TrueupError, UsageError
from trueup.sources.tomltable import TomlTable, alternatives, read_toml

__all__ = [
    "FILE",
    "KEYS",
    "LOGS",
    "LOG_FORMATS",
    "SPANS",
    "ServeOptions",
    "data_folder",
    "read_options",
]

FILE = "serve.toml"
"""The file in the data folder that is read if no other is named."""

LOGS = ("changes", "requests", "none")
LOG_FORMATS = ("auto", "text", "json")

KEYS = (
    "blobs", "channel", "data", "database", "host", "hosted-only", "index", "ledger", "limits",
    "log", "log-format", "metrics", "patience", "policy", "port", "read", "sessions", "workers",
    *POLICY_KEYS,
)  # fmt: skip
"""The keys at the top level of the file; `policy` is a list of tables, `channel` and `limits` are
tables.
"""

_PLACES = ("blobs", "data", "index", "ledger")
"""Keys that may hold folders."""

SPANS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
"""What rates are counted in, in seconds."""

_GIB = 1024**3
_LARGEST = 2 * _GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """All settings, as they hold; ``path`` is the file that has some of them (None: there is none).

    ``data`` is the folder of what has no other place; ``largest`` the bytes that any file may have,
    those of a project may be fewer; ``patience`` in seconds.
    """

    path: Path | None = None
    data: Path
    database: str | None = None
    blobs: str | None = None
    index: tuple[str, ...] = ()
    hosted_only: bool = False
    host: str = "127.0.0.1"
    port: int = 8600
    workers: int = 1
    patience: int = 60
    log: str = "changes"
    log_format: str = "auto"
    metrics: bool = True
    sessions: bool = False
    ledger: str | None = None
    largest: int = _LARGEST
    policies: PolicyBook = field(default_factory=PolicyBook)
    readers: ReadRules = field(default_factory=ReadRules)
    limits: Limits = field(default_factory=Limits)


def data_folder(options: ServeOptions) -> Path:
    """Where releases are kept if nothing else is said."""
    return options.data


def read_options(
    given: Mapping[str, object],
    config: Path | None = None,
    *,
    environ: Mapping[str, str],
    default: ProjectPolicy | None = None,
) -> ServeOptions:
    """The settings: what is ``given`` under the names that the file has for it, then the file.

    The file is ``config``, else `serve.toml` in the data folder, if it is there. ``default`` is the
    policy where neither says anything. Raises UsageError naming file and key.
    """
    folder = _default_data(environ)
    if isinstance(given.get("data"), str):
        folder = Path(str(given["data"]))
    path = config
    if path is None and (folder / FILE).is_file():
        path = folder / FILE
    said: Mapping[str, object] = {}
    if path is not None:
        said = read_toml(path)[0].values
    try:
        if config is None and "data" in said:
            raise UsageError(
                "`data` is where this file was found",
                hint="`--config FILE` reads a file that says where the data are",
            )
        table = TomlTable(name="", values=_overlaid(said, given))
        # What is given starts at the working folder, what the file says at the file's.
        start = {key: Path() if key in given or path is None else path.parent for key in _PLACES}
        return _parse(table, path, folder, start, environ, default or ProjectPolicy())
    except TrueupError as error:
        if path is not None:
            error.within(str(path))
        raise


def _default_data(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "trueup" / "index"


def _overlaid(said: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    """What is given wins, and what the file says to the contrary with it."""
    values = dict(said)
    if values.get("index") and values.get("hosted-only") is True and not given.keys() & {
        "index", "hosted-only",
    }:  # fmt: skip
        raise UsageError(
            "`index` stands beside `hosted-only = true`",
            hint="an index is behind this one, or none is: keep one of the two",
        )
    if "index" in given:
        values.pop("hosted-only", None)
    if given.get("hosted-only") is True:
        values.pop("index", None)
    return {**values, **given}


def _parse(
    table: TomlTable,
    path: Path | None,
    folder: Path,
    start: Mapping[str, Path],
    environ: Mapping[str, str],
    default: ProjectPolicy,
) -> ServeOptions:
    refuse_strangers(table, KEYS)
    data = _address(table, "data", start, environ)
    return ServeOptions(
        path=path,
        data=folder if data is None else Path(data),
        database=_database(table, environ),
        blobs=_address(table, "blobs", start, environ),
        index=_indexes(table, start, environ),
        hosted_only=table.boolean("hosted-only") or False,
        host=table.string("host") or "127.0.0.1",
        port=_whole(table, "port", 8600, least=0, most=65535),
        workers=_whole(table, "workers", 1, least=1, most=256),
        patience=_whole(table, "patience", 60, least=0, most=86_400),
        log=_choice(table, "log", LOGS),
        log_format=_choice(table, "log-format", LOG_FORMATS),
        metrics=table.boolean("metrics") is not False,
        sessions=table.boolean("sessions") or False,
        ledger=_address(table, "ledger", start, environ),
        largest=size_of(table, "largest") or _LARGEST,
        policies=parse_book(table, default),
        readers=_readers(table),
        limits=_limits(table.table("limits")),
    )


def _whole(table: TomlTable, key: str, default: int, *, least: int, most: int) -> int:
    expected = f"a whole number from {least} to {most}"
    found = number_of(table, key, expected, least=least, whole=True)
    if found is not None and found > most:
        raise table.refuse(key, expected)
    return default if found is None else int(found)


def _choice(table: TomlTable, key: str, known: tuple[str, ...]) -> str:
    found = table.string(key)
    if found is not None and found not in known:
        raise table.refuse(key, alternatives(known))
    return found or known[0]


# --- readers and limits ----------------------------------------------------------------------------


def _readers(table: TomlTable) -> ReadRules:
    channels = {}
    for name in table.table("channel").values:
        if not CHANNEL.fullmatch(name):
            raise UsageError(
                f"`[channel.{name}]`",
                found=f"`{name}`",
                expected="the name of a channel: small letters, digits and `-`",
            )
        channel = table.table("channel").table(name)
        refuse_strangers(channel, ("read",))
        if "read" in channel.values:
            channels[name] = member(channel, "read", Readers.PUBLIC)
    return ReadRules(default=member(table, "read", Readers.PUBLIC), channels=channels)


def _limits(table: TomlTable) -> Limits:
    default = Limits()
    refuse_strangers(table, ("failures", "requests", "uploads"))
    return Limits(
        requests=_rate(table, "requests", default.requests),
        uploads=_rate(table, "uploads", default.uploads),
        failures=_rate(table, "failures", default.failures),
    )


def _rate(table: TomlTable, key: str, default: Rate | None) -> Rate | None:
    value = table.values.get(key)
    if value is None:
        return default
    if value is False:
        return None
    match = re.fullmatch(rf"([1-9]\d{{0,8}})/({'|'.join(SPANS)})", str(value), re.ASCII)
    if not isinstance(value, str) or match is None:
        raise table.refuse(key, "a rate such as `600/minute`, or `false` for no limit")
    return Rate(count=int(match[1]), seconds=SPANS[match[2]])


# --- addresses, which may hold secrets ----------------------------------------------------------


def _named(table: TomlTable, key: str, text: str, environ: Mapping[str, str]) -> str:
    """``env:NAME`` is what this variable holds; errors do not show what it is."""
    if not text.startswith("env:"):
        return text
    name = text.removeprefix("env:")
    value = environ.get(name)
    if not value:
        raise table.refuse(
            key,
            f"a variable that holds it; `{name}` is {'empty' if value == '' else 'not set'}",
            found=text,
            hint="the variable belongs into the environment of the server, for example "
            "`Environment=` of its systemd unit",
        )
    return value


def _database(table: TomlTable, environ: Mapping[str, str]) -> str | None:
    text = table.string("database")
    if text is None:
        return None
    found = _named(table, "database", text, environ)
    # Platforms hand out this older name of the scheme.
    return re.sub(r"^postgres://", "postgresql://", found)


def _address(
    table: TomlTable, key: str, start: Mapping[str, Path], environ: Mapping[str, str]
) -> str | None:
    text = table.string(key)
    return None if text is None else _within(_named(table, key, text, environ), start[key])


def _indexes(
    table: TomlTable, start: Mapping[str, Path], environ: Mapping[str, str]
) -> tuple[str, ...]:
    found = one_or_more(table, "index", "an address, or a list of addresses") or ()
    return tuple(_within(_named(table, "index", text, environ), start["index"]) for text in found)


def _within(text: str, folder: Path) -> str:
    """An address as it is, a folder relative to the settings' own."""
    # A Windows drive letter looks like a scheme of one letter.
    return text if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) else os.fspath(folder / text)
