"""`poetry.lock` of lock version 1.0 to 2.1 (Poetry, `poetry.packages.locker`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.condition import ALWAYS, Condition, Option, OptionKind, parse_condition
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.marker import Marker
from trueup.model.requirement import parse_requirement
from trueup.sources.lockfiles.address import archive_at
from trueup.sources.lockfiles.constraint import parse_constraint, python_marker
from trueup.sources.lockfiles.document import LockDocument, Table, toml_if_there
from trueup.sources.lockfiles.poetryroots import asked_of, poetry_roots
from trueup.sources.lockfiles.roots import (
    Versions,
    condition_of,
    edges_of,
    extra_option,
    extras_written,
    group_option,
    root_entries,
)
from trueup.sources.lockfiles.values import (
    parse_digest,
    parse_environment,
    parse_name,
    shown,
)

__all__ = ["read_poetry"]

_MAIN = "main"
_DEVELOPMENT = (NormalizedName("dev"),)
"""What the category `dev` is taken for where no project tells its groups."""


def read_poetry(document: LockDocument, *, project: Path, environ: Mapping[str, str]) -> Lock:
    """Read a `poetry.lock`, and what its project asks for from the `pyproject.toml` beside it.

    With a `pyproject.toml` the lock is followed from there, as Poetry does; the groups and markers
    of its entries (lock version 2.1) limit that. Without one they alone tell. All groups that are
    not optional are chosen by default. Poetry expands nothing from ``environ``.
    """
    metadata = document.root.table("metadata")
    tables = list(_packages(document))
    versions: dict[NormalizedName, list[Version | None]] = {}
    for _, name, version in tables:
        versions.setdefault(name, []).append(version)
    beside = toml_if_there(project / "pyproject.toml")
    roots = poetry_roots(beside) if beside is not None else None
    reader = _Reader(
        folder=Path(document.path).parent,
        versions=versions,
        metadata=metadata,
        development=tuple(sorted(roots.groups)) if roots is not None else _DEVELOPMENT,
    )
    entries = tuple(reader.entry(*each) for each in tables)
    alternatives = _pythons(metadata)
    if roots is not None:
        entries = (*root_entries(roots, versions), *entries)
        options = roots.options
        hidden = {group_option(name) for name in roots.optional}
    else:
        options = frozenset(_declared(document, entries))
        hidden = set()
    groups = frozenset(one for one in options if one.kind is OptionKind.GROUP)
    return Lock(
        kind=LockKind.POETRY,
        path=document.path,
        entries=entries,
        walked=roots is not None,
        requires_python=alternatives[0] if len(alternatives) == 1 else None,
        environments=_environments(alternatives),
        options=options,
        default=groups - hidden,
        indexes=_indexes(entries),
        complete_roots=roots is not None,
        faults=(*document.faults, *(beside.faults if beside is not None else ())),
    )


def _packages(document: LockDocument) -> Iterator[tuple[Table, NormalizedName, Version | None]]:
    for table in document.entries("package"):
        name = table.project()
        if name is not None:
            version = table.about(name, None).version(required=True)
            yield table.about(name, version), name, version


def _pythons(metadata: Table | None) -> tuple[SpecifierSet, ...]:
    if metadata is None:
        return ()
    expected = "a version constraint such as `>=3.11`"
    found = metadata.parsed("python-versions", parse_constraint, expected) or ()
    return found if all(len(one) for one in found) else ()


def _environments(alternatives: tuple[SpecifierSet, ...]) -> tuple[Marker, ...]:
    """PEP 440 has no `||`, but a marker has `or`."""
    return (parse_environment(python_marker(alternatives)),) if len(alternatives) > 1 else ()


def _declared(document: LockDocument, entries: tuple[LockEntry, ...]) -> Iterator[Option]:
    """The extras and groups that the lock itself names."""
    extras = document.root.table("extras")
    for name in extras.values if extras is not None else ():
        try:
            yield extra_option(parse_name(name))
        except ValueError:
            document.root.fault("extras", shown(name), "the name of an extra")
    for entry in entries:
        yield from entry.condition.options


def _indexes(entries: tuple[LockEntry, ...]) -> tuple[str, ...]:
    places = [entry.place for entry in entries]
    found = [place.location for place in places if place.kind is PlaceKind.INDEX]
    return tuple(dict.fromkeys(location for location in found if location is not None))


# --- one entry ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads entries; paths are relative to ``folder``, ``versions`` are those of all entries.

    ``development`` are the groups that the category `dev` may stand for.
    """

    folder: Path
    versions: Versions
    metadata: Table | None
    development: tuple[NormalizedName, ...]

    def entry(self, table: Table, project: NormalizedName, version: Version | None) -> LockEntry:
        place = _place(table)
        files = tuple(self._files(table, project, version))
        if place.kind is PlaceKind.ARCHIVE and place.location is not None:
            digests = [f"{name}:{digits}" for file in files for name, digits in file.hashes.items()]
            file = archive_at(
                place.location, folder=self.folder, project=project, digests=frozenset(digests)
            )
            files = (file,) if file is not None else ()
        python = table.parsed("python-versions", parse_constraint, "a version constraint")
        return LockEntry(
            project=project,
            version=version,
            origin=table.origin,
            condition=_condition(table, self.development),
            requires_python=python[0] if python is not None and len(python) == 1 else None,
            files=files if place.kind in (PlaceKind.INDEX, PlaceKind.ARCHIVE) else (),
            place=place,
            edges=tuple(self._edges(table, project)),
        )

    def _files(
        self, table: Table, project: NormalizedName, version: Version | None
    ) -> Iterator[Artifact]:
        """The files; before lock version 2.0 those of all versions of a name are in one list."""
        source, key, shared = table, "files", False
        if not table.has("files") and self.metadata is not None:
            files = self.metadata.table("files")
            names = files.values if files is not None else ()
            key = next((one for one in names if _same(one, project)), "files")
            source, shared = files if files is not None else table, True
        for file in source.tables(key) if source.has(key) else ():
            filename = file.text("file", required=True)
            if filename is None:
                continue
            name = parse_filename(filename, project)
            other = not isinstance(name, OtherName) and name.version != version
            if shared and other and len(self.versions.get(project, ())) > 1:
                continue
            digest = file.parsed("hash", parse_digest, "a hash such as `sha256:…`", required=True)
            yield Artifact(
                filename=filename,
                url="",
                name=name,
                hashes=dict([digest]) if digest is not None else {},
            )

    def _edges(self, table: Table, project: NormalizedName) -> Iterator[Edge]:
        dependencies, extras = table.table("dependencies"), table.table("extras")
        members = dict(_extras(extras)) if extras is not None else {}
        for key in dependencies.values if dependencies is not None else ():
            assert dependencies is not None
            for asked, optional in asked_of(dependencies, key):
                name = asked.requirement.project
                of = [one for one, names in members.items() if name in names] if optional else []
                for extra in of if optional else [None]:
                    yield from edges_of(asked, self.versions, of_extra=extra)
        for extra, names in members.items():
            # An extra may be made of others of the same project.
            if wanted := names.get(project):
                yield Edge(project=project, extras=wanted, of_extra=extra)


def _same(text: str, project: NormalizedName) -> bool:
    try:
        return parse_name(text) == project
    except ValueError:
        return False


Members = Mapping[NormalizedName, frozenset[NormalizedName]]


def _extras(table: Table) -> Iterator[tuple[NormalizedName, Members]]:
    """The projects that each extra brings, with the extras it asks of them."""
    for key in table.values:
        try:
            extra = parse_name(key)
        except ValueError:
            table.fault(key, shown(key), "the name of an extra")
            continue
        members: dict[NormalizedName, frozenset[NormalizedName]] = {}
        for name, extras in table.parsed_each(key, _member, "a requirement"):
            members[name] = members.get(name, frozenset()) | extras
        yield extra, members


def _member(text: str) -> tuple[NormalizedName, frozenset[NormalizedName]]:
    """Poetry writes its own constraints here, which are told by `package.dependencies` as well."""
    match = re.match(r"\s*([A-Za-z0-9._-]+)\s*(\[[^\]]*\])?", text)
    if match is None:
        raise ValueError("names no project")
    requirement = parse_requirement(f"{match[1]}{match[2] or ''}")
    return requirement.project, requirement.extras


def _condition(table: Table, development: tuple[NormalizedName, ...]) -> Condition:
    """The groups of an entry and its marker, or one marker for each group (lock version 2.1).

    Poetry 1.2 to 1.4 knew any groups, and still wrote the category `dev` for all of them.
    """
    groups = table.parsed_each("groups", parse_name, "the name of a group")
    if not groups and table.values.get("category") == "dev":
        groups = development
    markers = table.values.get("markers")
    if isinstance(markers, Mapping):
        below = table.table("markers")
        assert below is not None
        parts = [_part(below, [group], group) for group in groups]
    else:
        parts = [_part(table, groups, "markers")]
    if not parts or any(not part.text for part in parts):
        return ALWAYS
    return parse_condition(" or ".join(f"({part})" for part in dict.fromkeys(parts)))


def _part(
    table: Table, groups: tuple[NormalizedName, ...] | list[NormalizedName], key: str
) -> Condition:
    options = [] if _MAIN in groups else [group_option(group) for group in groups]
    marker = table.parsed(key, _marker, "an environment marker")
    return condition_of(options, marker.text if marker is not None else "")


def _marker(text: str) -> Condition:
    return parse_condition(extras_written(text))


def _place(table: Table) -> Place:
    source = table.table("source")
    if source is None:
        return Place()
    kind, url = source.text("type", required=True), source.text("url", required=True)
    editable = table.flag("develop")
    match kind:
        case "git":
            revision = source.text("resolved_reference", required=True)
            return Place(kind=PlaceKind.VCS, location=url, revision=revision, editable=editable)
        case "directory":
            return Place(kind=PlaceKind.DIRECTORY, location=url, editable=editable)
        case "file" | "url":
            return Place(kind=PlaceKind.ARCHIVE, location=url)
        case "legacy":
            return Place(location=url)
    if kind is not None and kind.lower() != "pypi":
        source.fault("type", shown(kind), "`legacy`, `url`, `git`, `directory` or `file`")
    return Place(location=url)
