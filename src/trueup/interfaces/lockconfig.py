"""`[tool.trueup.lock]` in the nearest `pyproject.toml`; what the command line says wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.condition import Option, OptionKind
from trueup.model.errors import TrueupError, UsageError
from trueup.model.lockrequest import EVERYTHING, Irreconcilable, Prereleases, Strategy
from trueup.model.requirement import Requirement
from trueup.model.target import Target, parse_targets
from trueup.sources.tomltable import TomlTable, alternatives, read_toml

__all__ = [
    "LOCK_KEYS",
    "LockIndex",
    "LockSettings",
    "find_lock_settings",
    "parse_moment",
    "read_lock_settings",
]

LOCK_KEYS = (
    "allow-build", "conflicts", "constraints", "default-groups", "exclude", "exclude-newer",
    "extras", "find-links", "groups", "indexes", "irreconcilable", "members", "only-binary",
    "output", "overrides", "platforms", "prerelease-projects", "prereleases", "python",
    "require-all-targets", "sources", "strategy", "targets",
)  # fmt: skip
"""Every key that the table may have."""

_TABLE = "tool.trueup.lock"

E = TypeVar("E", Strategy, Irreconcilable, Prereleases)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockIndex:
    """One index; an ``explicit`` one serves only the projects that are assigned to it."""

    url: str
    name: str | None = None
    explicit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSettings:
    """The settings of one project; what it does not set is None or empty.

    ``path`` is the file they come from (None: no file sets anything). ``output`` and folders start
    at that file's folder. ``python`` and ``platforms`` are the other way to write ``targets``.
    ``extras`` and ``groups`` limit what is locked (None: all), ``default_groups`` are those that
    are installed unless the user says otherwise. Names in ``only_binary``, ``allow_build`` and
    ``prerelease_projects`` may be EVERYTHING. ``assigned`` tells the index of a project by name,
    ``assigned_by_option`` the same where an extra or group is chosen.
    """

    path: Path | None = None
    targets: tuple[Target, ...] = ()
    python: SpecifierSet | None = None
    platforms: tuple[str, ...] = ()
    require_all_targets: bool = False
    extras: frozenset[NormalizedName] | None = None
    groups: frozenset[NormalizedName] | None = None
    default_groups: tuple[NormalizedName, ...] | None = None
    conflicts: tuple[frozenset[Option], ...] = ()
    constraints: tuple[Requirement, ...] = ()
    overrides: tuple[Requirement, ...] = ()
    excluded: frozenset[NormalizedName] = frozenset()
    strategy: Strategy = Strategy.ALIGNED
    irreconcilable: Irreconcilable = Irreconcilable.KEEP
    prereleases: Prereleases = Prereleases.IF_NECESSARY
    prerelease_projects: frozenset[str] = frozenset()
    exclude_newer: datetime | None = None
    only_binary: frozenset[str] = frozenset()
    allow_build: frozenset[str] = frozenset()
    indexes: tuple[LockIndex, ...] = ()
    assigned: Mapping[NormalizedName, str] = field(default_factory=lambda: MappingProxyType({}))
    assigned_by_option: Mapping[Option, Mapping[NormalizedName, str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    find_links: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    output: Path | None = None


def find_lock_settings(start: Path) -> LockSettings:
    """The settings of the nearest `pyproject.toml`, from ``start`` upward, that has the table.

    Raises UsageError naming the file and the key for anything that is not understood.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            settings = read_lock_settings(path)
            if settings is not None:
                return settings
    return LockSettings()


def read_lock_settings(path: Path) -> LockSettings | None:
    """The settings in one `pyproject.toml`; None if it has no table ``[tool.trueup.lock]``."""
    document, _ = read_toml(path)
    try:
        tool = document.table("tool").table("trueup")
        return _parse(tool.table("lock"), path) if "lock" in tool.values else None
    except TrueupError as error:
        error.within(str(path))
        raise


def parse_moment(value: object) -> datetime | None:
    """A date or a date and time with its offset (RFC 3339), in UTC; None if it is neither.

    A date means its end, so that what was published on that day counts.
    """
    try:
        if isinstance(value, str):
            short = re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)
            value = date.fromisoformat(value) if short else datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo is not None else None
        return datetime.combine(value, time.max, UTC) if isinstance(value, date) else None
    except (ValueError, OverflowError):
        return None


def _parse(table: TomlTable, path: Path) -> LockSettings:
    table.refuse_strangers(LOCK_KEYS)
    indexes = tuple(_indexes(table, path.parent))
    output = table.string("output")
    groups, extras = table.names("groups", "group names"), table.names("extras", "extra names")
    return LockSettings(
        path=path,
        targets=_targets(table),
        python=table.specifier("python"),
        platforms=_platforms(table),
        require_all_targets=table.boolean("require-all-targets") or False,
        extras=None if extras is None else frozenset(extras),
        groups=None if groups is None else frozenset(groups),
        default_groups=table.names("default-groups", "group names"),
        conflicts=_conflicts(table),
        constraints=table.requirements("constraints") or (),
        overrides=table.requirements("overrides") or (),
        excluded=frozenset(table.names("exclude") or ()),
        strategy=_member(table, "strategy", Strategy.ALIGNED),
        irreconcilable=_member(table, "irreconcilable", Irreconcilable.KEEP),
        prereleases=_member(table, "prereleases", Prereleases.IF_NECESSARY),
        prerelease_projects=_names_or_all(table, "prerelease-projects"),
        exclude_newer=_exclude_newer(table),
        only_binary=_names_or_all(table, "only-binary"),
        allow_build=_names_or_all(table, "allow-build"),
        indexes=indexes,
        assigned=_assigned(table, indexes),
        assigned_by_option=_assigned_by_option(table, indexes),
        find_links=tuple(
            _address(text, path.parent)
            for text in table.strings("find-links", "a list of folders") or ()
        ),
        members=table.strings("members", "a list of folders, as patterns"),
        output=path.parent / output if output is not None else None,
    )


def _member(table: TomlTable, key: str, default: E) -> E:
    value = table.values.get(key)
    if value is None:
        return default
    kind = type(default)
    values = [item.value for item in kind]
    if value not in values:
        raise table.refuse(key, alternatives(values))
    return kind(value)


def _names_or_all(table: TomlTable, key: str) -> frozenset[str]:
    value = table.values.get(key)
    if isinstance(value, bool):
        return frozenset({EVERYTHING}) if value else frozenset()
    if value is not None and not isinstance(value, list):
        raise table.refuse(key, "a list of project names, or `true` for all")
    return frozenset(table.names(key) or ())


# --- targets ------------------------------------------------------------------------------------


def _targets(table: TomlTable) -> tuple[Target, ...]:
    found: set[Target] = set()
    for text in table.strings("targets", "a list of targets such as `cp312-linux-x86_64`") or ():
        if {"python", "platforms"} & table.values.keys():
            raise UsageError(
                f"`[{_TABLE}]` has `targets` together with `python` or `platforms`",
                hint="`python` and `platforms` are another way to write `targets`: keep one",
            )
        try:
            found.update(parse_targets(text))
        except UsageError as error:
            error.within(f"[{_TABLE}] targets")
            raise
    return tuple(sorted(found))


def _platforms(table: TomlTable) -> tuple[str, ...]:
    platforms = table.strings("platforms", "a list of platforms such as `linux-x86_64`") or ()
    for platform in platforms:
        try:
            parse_targets(f"cp312-{platform}")
        except UsageError as error:
            raise table.refuse(
                "platforms",
                "platforms such as `linux-x86_64`, `linux-aarch64-musl1.2` or `macos-arm64-14.0`",
                found=platform,
                hint="the versions of Python stand under `python`",
            ) from error
    return platforms


# --- extras and groups --------------------------------------------------------------------------


def _conflicts(table: TomlTable) -> tuple[frozenset[Option], ...]:
    expected = 'lists of tables: `[[{ extra = "cpu" }, { extra = "cu126" }]]`'
    value = table.values.get("conflicts", [])
    if not isinstance(value, list):
        raise table.refuse("conflicts", expected)
    found = []
    for rivals in value:
        if not isinstance(rivals, list) or not all(isinstance(item, dict) for item in rivals):
            raise table.refuse("conflicts", expected, found=rivals)
        options = frozenset(_option(TomlTable(name=table.name, values=item)) for item in rivals)
        if len(options) < 2:
            raise table.refuse("conflicts", "at least two that exclude each other", found=rivals)
        found.append(options)
    return tuple(found)


def _option(item: TomlTable) -> Option:
    whole = TomlTable(name=item.name, values={"conflicts": dict(item.values)})
    kinds = [kind for kind in OptionKind if kind.value in item.values]
    strings = all(isinstance(value, str) for value in item.values.values())
    if len(kinds) != 1 or not strings or item.values.keys() - {kinds[0].value, "project"}:
        raise whole.refuse(
            "conflicts", "a table with `extra` or `group`, and `project` for that of a member"
        )
    project = item.values.get("project")
    return Option(
        kind=kinds[0],
        name=canonicalize_name(str(item.values[kinds[0].value])),
        project=canonicalize_name(str(project)) if project is not None else None,
    )


# --- places and times ---------------------------------------------------------------------------


def _exclude_newer(table: TomlTable) -> datetime | None:
    value = table.values.get("exclude-newer")
    if value is None:
        return None
    moment = parse_moment(value)
    if moment is None:
        raise table.refuse(
            "exclude-newer",
            "a date such as `2026-01-31`, or `2026-01-31T12:00:00Z` with its offset",
        )
    return moment


def _indexes(table: TomlTable, folder: Path) -> list[LockIndex]:
    expected = 'a list of addresses, or of tables `{ name = "…", url = "…" }`'
    value = table.values.get("indexes", [])
    if not isinstance(value, list):
        raise table.refuse("indexes", expected)
    found: list[LockIndex] = []
    for item in value:
        if isinstance(item, str):
            found.append(LockIndex(url=_address(item, folder)))
            continue
        if not isinstance(item, dict):
            raise table.refuse("indexes", expected, found=item)
        entry = TomlTable(name=f"{table.name}.indexes", values=item)
        entry.refuse_strangers(("explicit", "name", "url"))
        url, name = entry.string("url"), entry.string("name")
        explicit = entry.boolean("explicit") or False
        if url is None:
            raise table.refuse("indexes", "a `url`", found=item)
        if explicit and name is None:
            raise table.refuse("indexes", "a `name`, by which `sources` can choose it", found=item)
        if name is not None and any(name == other.name for other in found):
            raise table.refuse("indexes", "names that differ", found=name)
        found.append(LockIndex(url=_address(url, folder), name=name, explicit=explicit))
    return found


def _assigned(table: TomlTable, indexes: tuple[LockIndex, ...]) -> Mapping[NormalizedName, str]:
    sources = table.table("sources")
    found: dict[NormalizedName, str] = {}
    for project, value in sources.values.items():
        if not isinstance(value, list):
            name = _index_name(sources, project, indexes)
            found[sources.normalized(project, project)] = name
    return MappingProxyType(found)


def _index_name(table: TomlTable, key: str, indexes: tuple[LockIndex, ...]) -> str:
    known = [index.name for index in indexes if index.name is not None]
    name = table.string(key)
    if name is None or name not in known:
        raise table.refuse(
            key,
            alternatives(known) if known else "the `name` of one of the `indexes`",
            hint=f"`sources` names indexes of `[{_TABLE}] indexes`",
        )
    return name


def _assigned_by_option(
    table: TomlTable, indexes: tuple[LockIndex, ...]
) -> Mapping[Option, Mapping[NormalizedName, str]]:
    """`torch = [{ index = "cpu", extra = "cpu" }, …]`: another index for each extra or group."""
    sources = table.table("sources")
    found: dict[Option, dict[NormalizedName, str]] = {}
    for project, value in sources.values.items():
        if not isinstance(value, list):
            continue
        for entry in sources.tables(project):
            entry.refuse_strangers(("index", "extra", "group"))
            name = _index_name(entry, "index", indexes)
            kinds = [kind for kind in OptionKind if kind.value in entry.values]
            if len(kinds) != 1:
                raise entry.refuse("extra", "one `extra` or one `group`")
            option_name = entry.string(kinds[0].value)
            assert option_name is not None  # it is there, and `string` refuses what is no text
            option = Option(kind=kinds[0], name=canonicalize_name(option_name))
            found.setdefault(option, {})[sources.normalized(project, project)] = name
    return MappingProxyType(found)


def _address(text: str, folder: Path) -> str:
    """An address as it is, a folder relative to the settings' own."""
    # A Windows drive letter looks like a scheme of one letter.
    return text if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) else str(folder / text)
