"""What a Poetry project asks for (Poetry, "The pyproject.toml file", "Managing dependencies")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from trueup.model.requirement import parse_requirement
from trueup.sources.lockfiles.constraint import parse_constraint, python_marker
from trueup.sources.lockfiles.document import LockDocument, Table
from trueup.sources.lockfiles.roots import (
    Asked,
    Roots,
    named,
    standard_groups,
    standard_project,
)
from trueup.sources.lockfiles.values import parse_name, shown

__all__ = ["asked_of", "poetry_roots"]

_NAMELESS = NormalizedName("pyproject.toml")
"""Stands for a project that has no name, which Poetry calls not packaged."""
_NO_TABLE: Mapping[str, object] = {}


def poetry_roots(document: LockDocument) -> Roots:
    """The requirements that a `pyproject.toml` states to Poetry; its faults are the document's."""
    root = document.root
    project = _below(root, "project")
    tool = _below(_below(root, "tool"), "poetry")
    of_project = project.project(required=False)
    name = of_project or tool.project(required=False) or _NAMELESS
    roots = Roots(origin=document.path, name=name)
    roots.python = project.specifiers()
    standard_project(project, roots)
    # Where both list dependencies, those of Poetry only add sources, unless the field is dynamic.
    standard = bool(roots.main or roots.extras)
    dynamic = {"dependencies", "optional-dependencies"} & set(project.texts("dynamic"))
    if not standard or dynamic:
        _add_main(tool, roots)
    groups = root.table("dependency-groups")
    if groups is not None:
        standard_groups(groups, roots)
    _add_groups(tool, roots)
    return roots


def asked_of(table: Table, key: str) -> Iterator[tuple[Asked, bool]]:
    """The requirements on one project, as Poetry writes them, and whether each is optional.

    A constraint, a table, or a list of either; what is none of them is a fault.
    """
    try:
        project = parse_name(key)
    except ValueError:
        table.fault(key, shown(key), "a project name")
        return
    value = table.values.get(key)
    for number, item in enumerate(value if isinstance(value, list) else [value]):
        place = f"{key}[{number}]" if isinstance(value, list) else key
        full = f"{table.key}.{place}" if table.key else place
        if isinstance(item, str):
            item = {"version": item}
        if not isinstance(item, dict):
            table.fault(place, shown(item), "a version constraint or a table")
            continue
        part = Table(values=item, where=table.where, key=full)
        if (asked := _asked(part, project)) is not None:
            yield asked, part.flag("optional")


def _asked(part: Table, project: NormalizedName) -> Asked | None:
    expected = "a version constraint such as `^1.2`"
    ranges = part.parsed("version", parse_constraint, expected) or (SpecifierSet(),)
    python = part.parsed("python", parse_constraint, expected)
    platform = part.text("platform")
    extras = ",".join(sorted(part.parsed_each("extras", parse_name, "the name of an extra")))
    markers = [
        part.text("markers") or "",
        python_marker(python) if python is not None else "",
        f"sys_platform == '{platform}'" if platform else "",
    ]
    marker = " and ".join(f"({one})" for one in markers if one)
    text = f"{project}{f'[{extras}]' if extras else ''}{ranges[0] if len(ranges) == 1 else ''}"
    try:
        requirement = parse_requirement(f"{text}; {marker}" if marker else text)
    except ValueError as error:
        part.fault("markers", f"{shown(marker)} ({error})", "an environment marker")
        return None
    return Asked(requirement=requirement, ranges=ranges)


def _below(table: Table, key: str) -> Table:
    """The table under a key, an empty one where there is none."""
    return table.table(key) or Table(values=_NO_TABLE, where=table.where, key=key)


def _add_main(tool: Table, roots: Roots) -> None:
    dependencies = _below(tool, "dependencies")
    extras = _below(tool, "extras")
    members: dict[NormalizedName, tuple[NormalizedName, ...]] = {}
    for key in extras.values:
        if (extra := named(extras, key)) is not None:
            members[extra] = extras.parsed_each(key, parse_name, "a project name")
            roots.extras.setdefault(extra, [])
    for key in dependencies.values:
        if key == "python":
            continue
        for asked, optional in asked_of(dependencies, key):
            if not optional:
                roots.main.append(asked)
                continue
            for extra, names in members.items():
                if asked.requirement.project in names:
                    roots.extras[extra].append(asked)


def _add_groups(tool: Table, roots: Roots) -> None:
    legacy = _below(tool, "dev-dependencies")
    _add_group(legacy, NormalizedName("dev"), roots)
    groups = _below(tool, "group")
    tables: dict[NormalizedName, Table] = {}
    for key in groups.values:
        group = groups.table(key)
        name = named(groups, key)
        if group is None or name is None:
            continue
        tables[name] = group
        _add_group(_below(group, "dependencies"), name, roots)
        if group.flag("optional"):
            roots.optional.add(name)
    own = {name: tuple(asked) for name, asked in roots.groups.items()}
    for name, group in tables.items():
        included = group.parsed_each("include-groups", parse_name, "the name of a group")
        for other in _included(included, tables):
            if other != name:
                roots.groups.setdefault(name, []).extend(own.get(other, ()))


def _included(
    names: tuple[NormalizedName, ...], tables: Mapping[NormalizedName, Table]
) -> tuple[NormalizedName, ...]:
    """The groups that are included, and what they include, each once."""
    found: dict[NormalizedName, None] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            if name in tables:
                inner = tables[name]
                pending += inner.parsed_each("include-groups", parse_name, "the name of a group")
    return tuple(found)


def _add_group(table: Table, name: NormalizedName, roots: Roots) -> None:
    for key in table.values:
        if key != "python":
            for asked, _ in asked_of(table, key):
                roots.groups.setdefault(name, []).append(asked)
