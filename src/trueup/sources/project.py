"""What a `pyproject.toml` asks for: `[project]` (PEP 621) and `[dependency-groups]` (PEP 735)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from packaging.dependency_groups import CyclicDependencyGroup, DependencyGroupResolver
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.errors import TrueupError, UsageError
from trueup.model.requirement import Requirement, parse_requirement
from trueup.model.version import parse_version
from trueup.sources.tomltable import TomlTable, alternatives, lines_of, read_toml

__all__ = ["Declared", "ProjectFile", "narrowed", "read_project"]

Extras = Mapping[NormalizedName, tuple["Declared", ...]]
_OPTIONAL = "optional-dependencies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One requirement of a project, and where it stands (``file:line``)."""

    requirement: Requirement
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """What one `pyproject.toml` says.

    ``name`` is None for a file without ``[project]``. In ``dependencies``, ``extras`` and
    ``groups`` what the project asks of itself (``all = ["pkg[a,b]"]``) and what groups include is
    resolved. ``document`` is the whole file.
    """

    path: Path
    name: NormalizedName | None
    version: Version | None
    requires_python: SpecifierSet | None
    dynamic: frozenset[str]
    dependencies: tuple[Declared, ...]
    extras: Extras
    groups: Extras
    document: TomlTable

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def known(self) -> bool:
        """Whether the file tells its dependencies; otherwise only a build does."""
        return self.name is not None and not self.dynamic & {"dependencies", _OPTIONAL}

    def requires_dist(self) -> tuple[Requirement, ...]:
        """Its dependencies as core metadata writes them, those of extras with their marker."""
        found = [item.requirement for item in self.dependencies]
        for extra, items in self.extras.items():
            found += [narrowed(item.requirement, f'extra == "{extra}"') for item in items]
        return tuple(dict.fromkeys(found))


def read_project(path: Path, *, shown: str | None = None) -> ProjectFile:
    """Read one `pyproject.toml`; ``shown`` is how messages and origins name it.

    Raises UsageError naming the file, the key, what was found and what was expected.
    """
    document, text = read_toml(path)
    shown = shown or str(path)
    try:
        return _Reader(document, text, path, shown).read()
    except RecursionError as error:
        raise UsageError(
            "extras or groups refer to each other too deeply", place=(shown,)
        ) from error
    except TrueupError as error:
        error.within(shown)
        raise


def narrowed(requirement: Requirement, marker: str | None) -> Requirement:
    """The requirement where this marker holds too."""
    own = requirement.marker.text if requirement.marker is not None else None
    if marker is None or marker == own:
        return requirement
    text = marker if own is None else f"({own}) and ({marker})"
    return parse_requirement(requirement.with_marker(text))


class _Reader:
    def __init__(self, document: TomlTable, text: str, path: Path, shown: str) -> None:
        self.document = document
        self.path = path
        self.shown = shown
        self.lines = lines_of(text)
        self.project = document.table("project")
        self.name = self._name()
        self.dynamic = frozenset(self.project.strings("dynamic") or ())

    def read(self) -> ProjectFile:
        optional = self.project.table(_OPTIONAL)
        extras: dict[NormalizedName, tuple[Declared, ...]] = {}
        for key in optional.values:
            name = optional.normalized(key, key, "the name of an extra")
            if name in extras:
                raise UsageError(f"`[{optional.name}]` has the extra `{name}` twice")
            extras[name] = self._declared(optional, key)
        dependencies = self._declared(self.project, "dependencies")
        return ProjectFile(
            path=self.path,
            name=self.name,
            version=self._version(),
            requires_python=self.project.specifier("requires-python"),
            dynamic=self.dynamic,
            dependencies=self._resolved(dependencies, extras, "[project] dependencies"),
            extras=MappingProxyType(
                {
                    name: self._resolved(items, extras, f"[{optional.name}] {name}", name)
                    for name, items in extras.items()
                }
            ),
            groups=MappingProxyType(
                {
                    name: self._resolved(items, extras, f"[dependency-groups] {name}")
                    for name, items in self._groups()
                }
            ),
            document=self.document,
        )

    def _name(self) -> NormalizedName | None:
        if "project" not in self.document.values:
            return None
        name = self.project.string("name")
        if name is None:
            raise self.project.refuse("name", "the name of the project", found="nothing")
        return self.project.normalized("name", name)

    def _version(self) -> Version | None:
        text = self.project.string("version")
        version = None if text is None else parse_version(text)
        if version is None and text is not None:
            raise self.project.refuse("version", "a version such as `1.2.0`")
        return version

    def _origin(self, table: str, key: str, text: str) -> str:
        line = self.lines.get((table, key, text))
        return self.shown if line is None else f"{self.shown}:{line}"

    def _declared(self, table: TomlTable, key: str) -> tuple[Declared, ...]:
        texts = table.strings(key, "a list of requirements, as strings") or ()
        return tuple(self._one(table, key, text) for text in texts)

    def _one(self, table: TomlTable, key: str, text: str) -> Declared:
        requirement = table.requirement(key, text)
        if requirement.marker is not None and requirement.marker.extras:
            raise table.refuse(
                key,
                "no marker that asks for an extra",
                found=text,
                hint=f"what an extra needs stands in `[project.{_OPTIONAL}]`",
            )
        return Declared(requirement=requirement, origin=self._origin(table.name, key, text))

    # --- what a project asks of itself ----------------------------------------------------------

    def _resolved(
        self, items: Iterable[Declared], extras: Extras, place: str, *path: NormalizedName
    ) -> tuple[Declared, ...]:
        found: dict[Requirement, Declared] = {}
        for item in self._expanded(items, extras, place, frozenset(path), None):
            found.setdefault(item.requirement, item)
        return tuple(found.values())

    def _expanded(
        self,
        items: Iterable[Declared],
        extras: Extras,
        place: str,
        path: frozenset[NormalizedName],
        marker: str | None,
    ) -> Iterator[Declared]:
        """The requirements, with those of the project on itself replaced by what they mean.

        ``path`` are the extras on the way here: asking for one of them again adds nothing.
        """
        for item in items:
            requirement = narrowed(item.requirement, marker)
            # With dynamic extras only a build tells what the project asks of itself.
            if requirement.project != self.name or _OPTIONAL in self.dynamic:
                yield Declared(requirement=requirement, origin=item.origin)
                continue
            condition = requirement.marker.text if requirement.marker is not None else None
            for extra in sorted(requirement.extras - path):
                if extra not in extras:
                    raise UsageError(
                        f"`{place}` asks for an extra that the project does not have",
                        found=f"`{item.requirement}`",
                        expected=alternatives(sorted(extras)) if extras else "no extra",
                    )
                yield from self._expanded(extras[extra], extras, place, path | {extra}, condition)

    # --- groups ---------------------------------------------------------------------------------

    def _groups(self) -> Iterator[tuple[NormalizedName, tuple[Declared, ...]]]:
        table = self.document.table("dependency-groups")
        written: dict[str, str] = {}
        for key in table.values:
            table.normalized(key, key, "the name of a group")
            for declared in self._group_items(table, key):
                written.setdefault(str(declared.requirement), declared.origin)
        try:
            resolver = DependencyGroupResolver(_lists(table))
            for key in table.values:
                name = table.normalized(key, key)
                parsed = [parse_requirement(str(item)) for item in resolver.resolve(key)]
                items = [
                    Declared(requirement=r, origin=written.get(str(r), self.shown)) for r in parsed
                ]
                yield name, tuple(items)
        except ExceptionGroup as error:
            raise UsageError(_first_reason(error), place=("[dependency-groups]",)) from error

    def _group_items(self, table: TomlTable, key: str) -> Iterator[Declared]:
        items = table.values[key]
        expected = 'a list of requirements and of tables `{ include-group = "…" }`'
        if not isinstance(items, list):
            raise table.refuse(key, expected)
        for item in items:
            if isinstance(item, str):
                yield self._one(table, key, item)
            elif not (
                isinstance(item, dict)
                and item.keys() == {"include-group"}
                and isinstance(item["include-group"], str)
            ):
                raise table.refuse(key, expected, found=item)


def _lists(table: TomlTable) -> Mapping[str, Sequence[str | Mapping[str, str]]]:
    return {key: value for key, value in table.values.items() if isinstance(value, list)}


def _first_reason(group: ExceptionGroup[Exception]) -> str:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, CyclicDependencyGroup):
        return f"group `{error.group}` includes `{error.include_group}`, which includes it"
    if isinstance(error, LookupError):
        # `packaging` says which: "Dependency group 'x' not found".
        return f"an included group is missing: {error.args[0]}"
    return str(error)
