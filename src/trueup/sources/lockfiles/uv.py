"""`uv.lock`, version 1: one graph for every environment, walked from the workspace's members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.condition import Condition, Option, OptionKind, parse_condition
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.metadata import Metadata, Resolution, parse_metadata
from trueup.sources.lockfiles.document import LockDocument, Table, toml_if_there
from trueup.sources.lockfiles.uventry import (
    edges_of,
    files_of,
    marker_of,
    place_of,
    requirements_of,
    resolution_markers,
    said_by,
)
from trueup.sources.lockfiles.uvmarker import in_option
from trueup.sources.lockfiles.values import parse_name, shown

__all__ = ["MANIFEST", "is_group_entry", "read_uv"]

MANIFEST = "[manifest]"
"""What asks in a lock that has no project: a script, or a workspace whose root is none."""


def is_group_entry(entry: LockEntry) -> bool:
    """Whether an entry stands for no package: see :func:`read_uv`."""
    return entry.root and (" (" in entry.project or entry.project == MANIFEST)


def read_uv(document: LockDocument, *, project: Path, environ: Mapping[str, str]) -> Lock:
    """Read a `uv.lock`.

    ``project`` is the folder of its workspace, whose `pyproject.toml` may name the default groups;
    ``environ`` is not looked at, since uv expands nothing in a lock. Beside the lock's packages
    there is one entry, a root named `member (group dev)`, for each dependency group, which asks for what
    the group lists and exists where the group is chosen. Raises SourceError if `package` is no
    array, or for a `pyproject.toml` that is no TOML.
    """
    reader = _Reader(document=document, project=project)
    root = document.root
    if document.values.get("version") != 1:
        found = shown(document.values.get("version"))
        root.fault("version", found, "`1`, the version that is understood")
    entries = tuple(reader.entries())
    _dangling(reader.packages, entries)
    return Lock(
        kind=LockKind.UV,
        path=document.path,
        entries=entries,
        walked=True,
        requires_python=root.specifiers(),
        environments=root.markers("supported-markers"),
        options=reader.options,
        default=reader.default(),
        conflicts=tuple(reader.conflicts()),
        overrides=tuple(requirements_of(reader.manifest.tables("overrides"))),
        excluded=frozenset(reader.excluded()),
        given=dict(reader.given()),
        indexes=_indexes(entries),
        faults=document.faults,
    )


def _indexes(entries: Iterable[LockEntry]) -> tuple[str, ...]:
    places = [entry.place for entry in entries if entry.place.kind is PlaceKind.INDEX]
    return tuple(dict.fromkeys(place.location for place in places if place.location is not None))


def _dangling(packages: Iterable[_Package], entries: tuple[LockEntry, ...]) -> None:
    """uv refuses a lock in which a dependency is no package."""
    known = {entry.project for entry in entries}
    for package in packages:
        tables = [*package.table.tables("dependencies")]
        tables += [one for _, some in package.extras for one in some]
        tables += [one for _, some in package.groups for one in some]
        for table in tables:
            name = table.values.get("name")
            project = table.project() if isinstance(name, str) else None
            if project is not None and project not in known:
                table.fault("name", shown(name), "a package of the lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    """One `[[package]]` with its name and place."""

    table: Table
    project: NormalizedName
    version: Version | None
    place: Place
    extras: tuple[tuple[NormalizedName, tuple[Table, ...]], ...]
    groups: tuple[tuple[NormalizedName, tuple[Table, ...]], ...]

    @property
    def metadata(self) -> Table | None:
        return self.table.table("metadata")

    @property
    def asked_groups(self) -> tuple[tuple[NormalizedName, tuple[Table, ...]], ...]:
        """What its groups ask for, as its `pyproject.toml` has it."""
        metadata = self.metadata
        return _named_lists(metadata, "requires-dev") if metadata is not None else ()

    @property
    def options(self) -> frozenset[tuple[OptionKind, NormalizedName]]:
        extras = {name for name, _ in self.extras}
        if (metadata := self.metadata) is not None:
            extras.update(metadata.parsed_each("provides-extras", parse_name, "a name"))
        groups = {name for name, _ in (*self.groups, *self.asked_groups)}
        return frozenset(
            {(OptionKind.EXTRA, name) for name in extras}
            | {(OptionKind.GROUP, name) for name in groups}
        )

    def own(self) -> Resolution | None:
        """What a project in a folder asks for, None if the lock does not tell."""
        if self.place.kind is not PlaceKind.DIRECTORY:
            return None
        metadata = self.metadata
        if metadata is None:
            # uv leaves the table out where it would be empty.
            silent = not self.extras and not self.table.has("dependencies")
            return said_by(()) if silent else None
        extras = {name for kind, name in self.options if kind is OptionKind.EXTRA}
        return said_by(requirements_of(metadata.tables("requires-dist")), extras)


def _named_lists(table: Table, key: str) -> tuple[tuple[NormalizedName, tuple[Table, ...]], ...]:
    """The lists of tables under a key by their names, as extras and groups are written."""
    lists = table.table(key)
    if lists is None:
        return ()
    found: list[tuple[NormalizedName, tuple[Table, ...]]] = []
    for name in lists.values:
        try:
            found.append((parse_name(name), lists.tables(name)))
        except ValueError:
            lists.fault(name, shown(name), "the name of an extra or a group")
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    document: LockDocument
    project: Path

    @cached_property
    def manifest(self) -> Table:
        """`[manifest]`, an empty one where the lock has none."""
        table = self.document.root.table("manifest")
        return table if table is not None else self.document.part({}, 0, len(self.document.text))

    @cached_property
    def packages(self) -> tuple[_Package, ...]:
        found = (self._package(table) for table in self.document.entries("package"))
        return tuple(package for package in found if package is not None)

    def _package(self, table: Table) -> _Package | None:
        project = table.project()
        if project is None:
            return None
        version = table.about(project, None).version()
        table = table.about(project, version)
        return _Package(
            table=table,
            project=project,
            version=version,
            place=place_of(table),
            extras=_named_lists(table, "optional-dependencies"),
            groups=_named_lists(table, "dev-dependencies"),
        )

    @cached_property
    def roots(self) -> tuple[_Package, ...]:
        """The members of the workspace.

        uv lists them only if there are several. Else it is the project in the lock's own folder,
        or the one that no other package needs; a script has none.
        """
        local = [one for one in self.packages if one.place.kind is PlaceKind.DIRECTORY]
        members = self.manifest.parsed_each("members", parse_name, "a project name")
        if members:
            return tuple(one for one in local if one.project in members)
        if self.manifest.has("requirements"):
            return ()
        here = [one for one in local if one.place.location == "."]
        return tuple(here or (local if len(local) == 1 else self._unneeded(local)))

    def _unneeded(self, local: list[_Package]) -> list[_Package]:
        needed = {
            edge.project
            for package in self.packages
            for edge in edges_of(package.table.tables("dependencies"), several=False)
        }
        return [one for one in local if one.project not in needed]

    @cached_property
    def several(self) -> bool:
        """Whether options have to be told apart by their member."""
        return sum(1 for root in self.roots if root.options) > 1

    def _option(self, kind: OptionKind, name: str, member: NormalizedName) -> Option:
        return Option(kind=kind, name=name, project=member if self.several else None)

    @cached_property
    def options(self) -> frozenset[Option]:
        members = {
            self._option(kind, name, root.project)
            for root in self.roots
            for kind, name in root.options
        }
        groups = _named_lists(self.manifest, "dependency-groups")
        return frozenset(members | {Option(kind=OptionKind.GROUP, name=name) for name, _ in groups})

    def default(self) -> frozenset[Option]:
        """The groups that `uv sync` installs: `dev`, or what `tool.uv.default-groups` says."""
        chosen: set[Option] = set()
        for root in self.roots:
            names = _default_groups(self.project / (root.place.location or "."))
            groups = {name for kind, name in root.options if kind is OptionKind.GROUP}
            wanted = groups if names is None else groups & names
            chosen |= {self._option(OptionKind.GROUP, name, root.project) for name in wanted}
        names = _default_groups(self.project)
        for name, _ in _named_lists(self.manifest, "dependency-groups"):
            if names is None or name in names:
                chosen.add(Option(kind=OptionKind.GROUP, name=name))
        return frozenset(chosen)

    def conflicts(self) -> Iterator[frozenset[Option]]:
        for group in self.document.root.lists_of_tables("conflicts"):
            options = frozenset(
                self._option(kind, name, member)
                for table in group
                for kind in OptionKind
                if table.has(kind.value)
                and (member := table.project("package")) is not None
                and (name := table.parsed(kind.value, parse_name, "a name")) is not None
            )
            if len(options) > 1:
                yield options

    def excluded(self) -> Iterator[NormalizedName]:
        for key in ("excludes", "excluded-dependencies"):
            yield from self.manifest.parsed_each(key, parse_name, "a project name")

    def given(self) -> Iterator[tuple[tuple[NormalizedName, Version | None], Metadata]]:
        """What the user says of packages in the place of their files."""
        for table in self.manifest.tables("dependency-metadata"):
            project = table.project()
            metadata = _metadata(table) if project is not None else None
            if project is not None and metadata is not None:
                yield (project, table.version()), metadata

    # --- entries --------------------------------------------------------------------------------

    def entries(self) -> Iterator[LockEntry]:
        roots = {id(root) for root in self.roots}
        folder = Path(self.document.path).parent
        for package in self.packages:
            yield LockEntry(
                project=package.project,
                version=package.version,
                origin=package.table.origin,
                condition=resolution_markers(package.table, several=self.several),
                files=files_of(
                    package.table, package.project, package.version, package.place, folder
                ),
                place=package.place,
                edges=tuple(self._edges(package)),
                root=id(package) in roots,
                own=package.own(),
            )
        for root in self.roots:
            yield from self._groups(root)
        yield from self._of_manifest()

    def _edges(self, package: _Package) -> Iterator[Edge]:
        yield from edges_of(package.table.tables("dependencies"), several=self.several)
        for extra, tables in package.extras:
            yield from edges_of(tables, several=self.several, of_extra=extra)

    def _groups(self, root: _Package) -> Iterator[LockEntry]:
        asked = dict(root.asked_groups)
        installed = dict(root.groups)
        for name in dict.fromkeys([*installed, *asked]):
            option = self._option(OptionKind.GROUP, name, root.project)
            told = root.metadata is not None and (name in asked or not installed.get(name))
            yield LockEntry(
                project=NormalizedName(f"{root.project} (group {name})"),
                version=None,
                origin=root.table.line_of("dev-dependencies"),
                condition=parse_condition(in_option(option)),
                place=root.place,
                edges=tuple(edges_of(installed.get(name, ()), several=self.several)),
                root=True,
                own=said_by(requirements_of(asked.get(name, ()))) if told else None,
            )

    def _of_manifest(self) -> Iterator[LockEntry]:
        if self.manifest.has("requirements"):
            yield self._asking(MANIFEST, "requirements", self.manifest.tables("requirements"), "")
        for name, tables in _named_lists(self.manifest, "dependency-groups"):
            option = Option(kind=OptionKind.GROUP, name=name)
            group = f"{MANIFEST} (group {name})"
            yield self._asking(group, "dependency-groups", tables, in_option(option))

    def _asking(self, name: str, key: str, tables: tuple[Table, ...], condition: str) -> LockEntry:
        """A root that is no package; its requirements are its edges as well."""
        edges = [
            Edge(
                project=project,
                condition=self._marker(table),
                extras=frozenset(table.parsed_each("extras", parse_name, "the name of an extra")),
            )
            for table in tables
            if (project := table.project()) is not None
        ]
        return LockEntry(
            project=NormalizedName(name),
            version=None,
            origin=self.manifest.line_of(key),
            condition=parse_condition(condition),
            place=Place(kind=PlaceKind.DIRECTORY, location="."),
            edges=tuple(edges),
            root=True,
            own=said_by(requirements_of(tables)),
        )

    def _marker(self, table: Table) -> Condition:
        return marker_of(table, several=self.several)


def _default_groups(folder: Path) -> frozenset[NormalizedName] | None:
    """`tool.uv.default-groups` of a project, which is `dev` if it does not say; None for all."""
    document = toml_if_there(folder / "pyproject.toml")
    tool = document.root.table("tool") if document is not None else None
    settings = tool.table("uv") if tool is not None else None
    if settings is None or not settings.has("default-groups"):
        return frozenset({NormalizedName("dev")})
    if settings.values["default-groups"] == "all":
        return None
    return frozenset(settings.parsed_each("default-groups", parse_name, "the name of a group"))


def _metadata(table: Table) -> Metadata | None:
    """`[[manifest.dependency-metadata]]` as the metadata file that it stands for."""
    lines = ["Metadata-Version: 2.3", f"Name: {table.text('name')}"]
    version = table.version()
    lines.append(f"Version: {version if version is not None else '0'}")
    lines += [f"Requires-Dist: {line}" for line in table.texts("requires-dist")]
    if (python := table.text("requires-python")) is not None:
        lines.append(f"Requires-Python: {python}")
    for key in ("provides-extras", "provides-extra"):
        lines += [f"Provides-Extra: {extra}" for extra in table.texts(key)]
    text = "\n".join(" ".join(line.split()) for line in lines)
    metadata = parse_metadata(f"{text}\n\n".encode())
    if not isinstance(metadata, Metadata):
        table.fault("requires-dist", metadata.reason, "metadata that can be read")
        return None
    return metadata
