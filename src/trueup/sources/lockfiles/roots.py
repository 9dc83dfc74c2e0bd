"""What the project beside a lock asks for: the roots of `poetry.lock` and `pdm.lock`.

Neither lock says what its project asks for; the `pyproject.toml` beside it does. The project is an
entry of its own, and so is each of its dependency groups, because a group's requirements belong to
no extra and so cannot be among those of the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.condition import ALWAYS, Condition, Option, OptionKind, parse_condition
from trueup.model.lock import Edge, LockEntry, Place, PlaceKind
from trueup.model.metadata import Resolution
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.lockfiles.document import Table
from trueup.sources.lockfiles.values import parse_name, shown

__all__ = [
    "Asked",
    "Roots",
    "Versions",
    "condition_of",
    "edges_of",
    "extra_option",
    "extras_written",
    "group_option",
    "named",
    "parse_asked",
    "root_entries",
    "standard_groups",
    "standard_project",
]

Versions = Mapping[NormalizedName, Sequence[Version | None]]
"""The versions that a lock pins of each project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A requirement, and the version ranges of which one has to hold.

    PEP 440 has no `||`: where a constraint has alternatives, ``requirement`` has no specifier.
    """

    requirement: Requirement
    ranges: tuple[SpecifierSet, ...]

    @property
    def exact(self) -> bool:
        return len(self.ranges) == 1


@dataclass(slots=True, kw_only=True)
class Roots:
    """What a project asks for.

    ``main`` is asked always, ``extras`` and ``groups`` by name; ``optional`` groups are not
    installed by default. ``python`` is what it says of Python.
    """

    origin: str
    name: NormalizedName
    main: list[Asked] = field(default_factory=list)
    extras: dict[NormalizedName, list[Asked]] = field(default_factory=dict)
    groups: dict[NormalizedName, list[Asked]] = field(default_factory=dict)
    optional: set[NormalizedName] = field(default_factory=set)
    python: SpecifierSet | None = None

    @property
    def options(self) -> frozenset[Option]:
        return frozenset(map(extra_option, self.extras)) | frozenset(map(group_option, self.groups))


def extra_option(name: NormalizedName) -> Option:
    return Option(kind=OptionKind.EXTRA, name=name)


def group_option(name: NormalizedName) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


def parse_asked(text: str) -> Asked:
    """A requirement as PEP 508 writes it; ValueError, with the reason, if it is none."""
    requirement = parse_requirement(text)
    return Asked(requirement=requirement, ranges=(requirement.specifier,))


def condition_of(options: Iterable[Option], marker: str = "") -> Condition:
    """The condition that one of the options is chosen (none: always) and that a marker holds."""
    names = {OptionKind.EXTRA: "extras", OptionKind.GROUP: "dependency_groups"}
    ordered = sorted(set(options), key=lambda option: option.sort_key)
    chosen = " or ".join(f"'{option.name}' in {names[option.kind]}" for option in ordered)
    return parse_condition(" and ".join(f"({part})" for part in (chosen, marker) if part))


# --- the standard tables ------------------------------------------------------------------------


def standard_project(table: Table, roots: Roots) -> None:
    """Add what `[project]` asks for (PEP 621)."""
    roots.main += table.parsed_each("dependencies", parse_asked, "a requirement")
    extras = table.table("optional-dependencies")
    if extras is None:
        return
    for key in extras.values:
        if (name := named(extras, key)) is not None:
            asked = extras.parsed_each(key, parse_asked, "a requirement")
            roots.extras.setdefault(name, []).extend(asked)


def standard_groups(table: Table, roots: Roots) -> None:
    """Add `[dependency-groups]` (PEP 735), each with the groups that it includes."""
    names = {named(table, key): key for key in table.values}
    for name in names:
        if name is not None:
            found = list(_group(table, name, names, ()))
            roots.groups.setdefault(name, []).extend(found)


def _group(
    table: Table,
    name: NormalizedName,
    names: Mapping[NormalizedName | None, str],
    above: tuple[str, ...],
) -> Iterator[Asked]:
    key = names[name]
    items = table.values.get(key)
    if not isinstance(items, list):
        table.fault(key, shown(items), "a list of requirements")
        return
    for number, item in enumerate(items):
        included = item.get("include-group") if isinstance(item, dict) else None
        try:
            if isinstance(item, str):
                yield parse_asked(item)
                continue
            child = parse_name(included) if isinstance(included, str) else None
            if child not in names or child is None or child in above or child == name:
                raise ValueError
            yield from _group(table, child, names, (*above, name))
        except ValueError:
            table.fault(f"{key}[{number}]", shown(item), "a requirement or a group to include")


def named(table: Table, key: str) -> NormalizedName | None:
    """The normal form of a key that names an extra or a group; a fault if it is none."""
    try:
        return parse_name(key)
    except ValueError:
        table.fault(key, shown(key), "the name of an extra or group")
        return None


# --- entries ------------------------------------------------------------------------------------


def root_entries(roots: Roots, versions: Versions) -> tuple[LockEntry, ...]:
    """The project and its groups as entries that are installed for their own sake."""
    lines = [one.requirement for one in roots.main]
    edges = [edge for one in roots.main for edge in edges_of(one, versions)]
    for extra, asked in sorted(roots.extras.items()):
        lines += [_under(one.requirement, extra) for one in asked]
        edges += [edge for one in asked for edge in edges_of(one, versions, of_extra=extra)]
    entries = [_entry(roots, roots.name, ALWAYS, lines, edges)]
    for group, asked in sorted(roots.groups.items()):
        if asked:
            # No project can be called so: the name tells a reader, and nothing looks it up.
            name = NormalizedName(f"{roots.name} (group {group})")
            edges = [edge for one in asked for edge in edges_of(one, versions)]
            lines = [one.requirement for one in asked]
            condition = condition_of([group_option(group)])
            entries.append(_entry(roots, name, condition, lines, edges))
    return tuple(entries)


def _entry(
    roots: Roots,
    name: NormalizedName,
    condition: Condition,
    lines: Sequence[Requirement],
    edges: Sequence[Edge],
) -> LockEntry:
    main = name == roots.name
    return LockEntry(
        project=name,
        version=None,
        origin=roots.origin,
        condition=condition,
        place=Place(kind=PlaceKind.DIRECTORY, location="."),
        edges=tuple(edges),
        root=True,
        own=Resolution(
            requires_dist=frozenset(lines),
            requires_python=roots.python if main else None,
            provides_extra=frozenset(roots.extras) if main else frozenset(),
        ),
    )


def _under(requirement: Requirement, extra: NormalizedName) -> Requirement:
    marker = f"({requirement.marker}) and " if requirement.marker else ""
    return parse_requirement(requirement.with_marker(f"{marker}extra == '{extra}'"))


def edges_of(
    asked: Asked, versions: Versions, *, of_extra: NormalizedName | None = None
) -> Iterator[Edge]:
    """The edges of one requirement: one for each version that it may mean, where there are several.

    A requirement whose marker can never hold has none.
    """
    line = asked.requirement
    condition = parse_condition(extras_written(str(line.marker))) if line.marker else ALWAYS
    if line.marker and line.marker.extras:
        left = condition.under(frozenset({extra_option(of_extra)} if of_extra else ()))
        if left is False:
            return
        condition = ALWAYS if left is True else parse_condition(str(left))
    pinned = versions.get(line.project, ())
    # Neither lock says which of several entries is meant; its range does.
    fitting = [one for one in pinned if one is not None and _fits(one, asked)]
    for version in fitting if len(set(pinned)) > 1 and fitting else [None]:
        yield Edge(
            project=line.project,
            condition=condition,
            extras=line.extras,
            of_extra=of_extra,
            version=version,
            requirement=line if asked.exact else None,
        )


def _fits(version: Version, asked: Asked) -> bool:
    return any(one.contains(version, prereleases=True) for one in asked.ranges)


def extras_written(marker: str) -> str:
    """``extra == 'x'`` of a marker as `'x' in extras`, which asks the same of a selection."""
    for operator, written in (("==", "in"), ("!=", "not in")):
        for pattern in (
            rf"\bextra\s*{operator}\s*([\"'])(.*?)\1",
            rf"([\"'])([^\"']*)\1\s*{operator}\s*extra\b",
        ):
            # With the quotes that it has: a name may hold the others.
            marker = re.sub(pattern, rf"\1\2\1 {written} extras", marker)
    return marker
