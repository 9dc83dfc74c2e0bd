"""`pdm.lock` of lock version 4 (PDM, `pdm.project.lockfile` and "Lock file")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.condition import ALWAYS, Condition, Option, OptionKind
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.marker import Marker
from trueup.model.requirement import parse_specifiers
from trueup.sources.lockfiles.address import archive_at, is_archive, last_part, repository
from trueup.sources.lockfiles.constraint import python_marker
from trueup.sources.lockfiles.document import LockDocument, Table, toml_if_there
from trueup.sources.lockfiles.joined import joined
from trueup.sources.lockfiles.pdmroots import pdm_roots
from trueup.sources.lockfiles.roots import (
    Roots,
    Versions,
    condition_of,
    edges_of,
    extra_option,
    group_option,
    parse_asked,
    root_entries,
)
from trueup.sources.lockfiles.values import parse_digest, parse_environment, parse_name, shown

__all__ = ["read_pdm"]

_DEFAULT = "default"
_VCS = ("git", "hg", "svn", "bzr")


def read_pdm(document: LockDocument, *, project: Path, environ: Mapping[str, str]) -> Lock:
    """Read a `pdm.lock`, and what its project asks for from the `pyproject.toml` beside it.

    Locks of the strategy `inherit_metadata` say of each entry when it is installed; the others are
    followed from the project, as PDM does. Of the groups that are locked, those that are no extras
    of the project are chosen by default, as `pdm install` does. ``environ`` is not used: PDM writes
    variables only where it knows their value itself.
    """
    root = document.root
    metadata = root.table("metadata") or Table(values={}, where=root.where, key="metadata")
    beside = toml_if_there(project / "pyproject.toml")
    roots = pdm_roots(beside) if beside is not None else None
    options = {name: _option(name, roots) for name in _groups(metadata, roots)}
    inherited = "inherit_metadata" in metadata.texts("strategy")
    tables = list(_packages(document))
    versions: dict[NormalizedName, list[Version | None]] = {}
    for _, name, version in tables:
        if version not in versions.setdefault(name, []):
            versions[name].append(version)
    reader = _Reader(folder=Path(document.path).parent, versions=versions, options=options)
    entries = _folded(reader.entry(*each) for each in tables)
    if roots is not None:
        entries = (*root_entries(_locked(roots, options.values()), versions), *entries)
    requires, environments = _targets(metadata)
    if requires is None and not environments and roots is not None:
        requires = roots.python
    return Lock(
        kind=LockKind.PDM,
        path=document.path,
        entries=entries,
        walked=roots is not None and not inherited,
        requires_python=requires,
        environments=environments,
        options=frozenset(options.values()),
        default=frozenset(one for one in options.values() if one.kind is OptionKind.GROUP),
        complete_roots=roots is not None,
        faults=(*document.faults, *(beside.faults if beside is not None else ())),
    )


def _groups(metadata: Table, roots: Roots | None) -> Iterator[NormalizedName]:
    """The groups that are locked; locks before version 4.2 do not say so."""
    if metadata.has("groups"):
        names = metadata.parsed_each("groups", parse_name, "the name of a group")
        yield from (name for name in names if name != _DEFAULT)
    elif roots is not None:
        yield from (NormalizedName(option.name) for option in roots.options)


def _option(name: NormalizedName, roots: Roots | None) -> Option:
    """PDM calls an extra of the project a group as well, and takes it where both have the name."""
    extra = roots is not None and name in roots.extras
    return extra_option(name) if extra else group_option(name)


def _locked(roots: Roots, options: Iterable[Option]) -> Roots:
    """The project without the groups that are not locked.

    Its extras stay: one that is not locked by itself may be asked for by another.
    """
    known = frozenset(options)
    groups = {name: asked for name, asked in roots.groups.items() if group_option(name) in known}
    return replace(roots, groups=groups)


def _packages(document: LockDocument) -> Iterator[tuple[Table, NormalizedName, Version | None]]:
    for table in document.entries("package"):
        name = table.project()
        if name is not None:
            version = table.about(name, None).version()
            if version is None and not table.has("version") and _is_pinned(table):
                table.about(name, None).fault("version", "nothing", "a version")
            yield table.about(name, version), name, version


def _is_pinned(table: Table) -> bool:
    return not any(table.has(key) for key in (*_VCS, "path", "url"))


def _folded(entries: Iterable[tuple[LockEntry, bool]]) -> tuple[LockEntry, ...]:
    """An entry per extra is one with that of the project itself: its edges belong to the extra."""
    found: dict[object, list[tuple[LockEntry, bool]]] = {}
    for entry, extra in entries:
        found.setdefault((entry.project, entry.version, entry.place), []).append((entry, extra))
    folded: list[LockEntry] = []
    for group in found.values():
        ordered = [entry for entry, extra in sorted(group, key=lambda item: item[1])]
        # Without this entry's own edges: `coverage[toml]` asks for the `coverage` that it is.
        edges = [edge for entry in ordered for edge in entry.edges]
        (one,) = joined(ordered)
        folded.append(replace(one, edges=tuple(dict.fromkeys(edges))))
    return tuple(folded)


# --- the environments that a lock is for --------------------------------------------------------

_SYSTEMS = (
    ("linux", "linux"), ("manylinux", "linux"), ("musllinux", "linux"),
    ("windows", "win32"), ("macos", "darwin"),
)  # fmt: skip
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "aarch64"}
_OF_WINDOWS = {"x86_64": "AMD64", "arm64": "ARM64", "aarch64": "ARM64"}
_IMPLEMENTATIONS = ("cpython", "pypy", "graalpy")


def _targets(metadata: Table) -> tuple[SpecifierSet | None, tuple[Marker, ...]]:
    """`requires-python` where all targets share it, and a marker for each target otherwise."""
    tables = metadata.tables("targets") or (metadata,)
    pythons = [table.parsed("requires_python", _python, _PYTHON) for table in tables]
    first = pythons[0] if all(one == pythons[0] for one in pythons) else None
    markers: list[str] = []
    for table, python in zip(tables, pythons, strict=True):
        parts = [*_platform(table.text("platform")), *_implementation(table)]
        if python is not None and first is None:
            parts.append(python_marker((python,)))
        markers.append(" and ".join(part for part in parts if part))
    if not all(markers):
        return first, ()
    return first, tuple(parse_environment(one) for one in dict.fromkeys(markers))


_PYTHON = "version specifiers such as `>=3.11`"


def _python(text: str) -> SpecifierSet:
    specifiers = parse_specifiers(text)
    if any(one.operator == "===" for one in specifiers):
        raise ValueError("no marker compares with `===`")
    return specifiers


def _platform(platform: str | None) -> Iterator[str]:
    """PDM's name of a platform such as `manylinux_2_17_x86_64` or `windows_amd64`."""
    if platform is None:
        return
    for prefix, system in _SYSTEMS:
        match = re.fullmatch(rf"{prefix}(?:\d*(?:_\d+)*_(.+))?", platform)
        if match is None:
            continue
        yield f"sys_platform == '{system}'"
        machine = _MACHINES.get(match[1] or "")
        if machine is not None:
            machine = _OF_WINDOWS[machine] if system == "win32" else machine
            yield f"platform_machine == '{machine}'"
        return


def _implementation(table: Table) -> Iterator[str]:
    name = table.text("implementation")
    if name in _IMPLEMENTATIONS:
        yield f"implementation_name == '{name}'"
    elif name is not None:
        table.fault("implementation", shown(name), "`cpython`, `pypy` or `graalpy`")


# --- one entry ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads entries; paths are relative to ``folder``, ``options`` are the groups by name."""

    folder: Path
    versions: Versions
    options: Mapping[NormalizedName, Option]

    def entry(
        self, table: Table, project: NormalizedName, version: Version | None
    ) -> tuple[LockEntry, bool]:
        """One entry, and whether it stands for extras of a project rather than the project."""
        extras = table.parsed_each("extras", parse_name, "the name of an extra")
        place = _place(table)
        files = tuple(self._files(table, project))
        if place.kind is PlaceKind.ARCHIVE and place.location is not None and not files:
            file = archive_at(place.location, folder=self.folder, project=project)
            files = (file,) if file is not None else ()
        entry = LockEntry(
            project=project,
            version=version,
            origin=table.origin,
            condition=self._condition(table),
            requires_python=table.specifiers("requires_python"),
            files=files if place.kind in (PlaceKind.INDEX, PlaceKind.ARCHIVE) else (),
            place=place,
            edges=tuple(self._edges(table, project, extras)),
        )
        return entry, bool(extras)

    def _files(self, table: Table, project: NormalizedName) -> Iterator[Artifact]:
        for file in table.tables("files"):
            url = file.text("url")
            filename = file.text("file") or (last_part(url.partition("#")[0]) if url else None)
            if filename is None:
                file.fault("file", "nothing", "the name of a file, or its `url`")
                continue
            digest = file.parsed("hash", parse_digest, "a hash such as `sha256:…`", required=True)
            yield Artifact(
                filename=filename,
                url=url or "",
                name=parse_filename(filename, project),
                hashes=dict([digest]) if digest is not None else {},
            )

    def _edges(
        self, table: Table, project: NormalizedName, extras: tuple[NormalizedName, ...]
    ) -> Iterator[Edge]:
        for asked in table.parsed_each("dependencies", parse_asked, "a requirement"):
            own = asked.requirement.project == project and not asked.requirement.extras
            if not own:
                for extra in extras or (None,):
                    yield from edges_of(asked, self.versions, of_extra=extra)

    def _condition(self, table: Table) -> Condition:
        marker = table.condition("marker")
        groups = table.parsed_each("groups", parse_name, "the name of a group")
        if not groups or _DEFAULT in groups:
            return marker
        options = [self.options.get(name, group_option(name)) for name in groups]
        return condition_of(options, marker.text) if options else ALWAYS


def _place(table: Table) -> Place:
    for system in _VCS:
        if (address := table.text(system)) is not None:
            return Place(
                kind=PlaceKind.VCS,
                location=repository(system, address),
                revision=table.text("revision", required=True),
                editable=table.flag("editable"),
            )
    for key in ("path", "url"):
        if (address := table.text(key)) is not None:
            archive = key == "url" or is_archive(address)
            kind = PlaceKind.ARCHIVE if archive else PlaceKind.DIRECTORY
            return Place(kind=kind, location=address, editable=table.flag("editable"))
    return Place()
