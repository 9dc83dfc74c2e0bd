"""`Pipfile.lock` (Pipenv, "Pipfile & Pipfile.lock": `pipfile-spec` 6)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from trueup.model.artifact import Artifact
from trueup.model.condition import Condition, Option, OptionKind, parse_condition
from trueup.model.errors import UsageError
from trueup.model.lock import Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.address import archive_at, is_archive, repository
from trueup.sources.lockfiles.document import LockDocument, Table
from trueup.sources.lockfiles.joined import joined
from trueup.sources.lockfiles.values import parse_digest, parse_name, shown

__all__ = ["read_pipfile_lock"]

_META = "_meta"
_DEFAULT = "default"
_VCS = ("git", "hg", "svn", "bzr")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def read_pipfile_lock(document: LockDocument, *, project: Path, environ: Mapping[str, str]) -> Lock:
    """Read a `Pipfile.lock`.

    Its categories other than `default` are groups, none of them chosen by default; what several
    categories pin alike is one entry. Paths are relative to the lock, ``${NAME}`` in addresses is
    taken from ``environ``. The lock lists hashes and no files, and does not say what of it the
    `Pipfile` asks for. Raises UsageError for a JSON file that is no lock.
    """
    meta = document.root.table(_META)
    if meta is None:
        raise UsageError(
            "is no `Pipfile.lock`", expected=f"a `{_META}` table", place=(document.path,)
        )
    sources = _sources(meta, environ)
    options: list[Option] = []
    entries: list[LockEntry] = []
    for section, start, end in _sections(document):
        group = _group(document, section)
        if section != _DEFAULT and group is not None:
            options.append(group)
        if section != _DEFAULT and group is None:
            continue
        reader = _Reader(folder=Path(document.path).parent, sources=sources, group=group)
        for table, name in _tables(document, section, start, end):
            entry = reader.entry(table, name)
            if entry is not None:
                entries.append(entry)
    return Lock(
        kind=LockKind.PIPFILE,
        path=document.path,
        entries=joined(entries),
        requires_python=_requires(meta),
        options=frozenset(options),
        indexes=tuple(dict.fromkeys(sources.values())),
        complete_roots=False,
        faults=document.faults,
    )


def _sources(meta: Table, environ: Mapping[str, str]) -> dict[str, str]:
    """The addresses of the indexes by the name that entries use."""
    found: dict[str, str] = {}
    for source in meta.tables("sources"):
        url = source.text("url", required=True)
        if url is not None:
            found[source.text("name") or url] = _VARIABLE.sub(
                lambda match: environ.get(match[1] or match[2], match[0]), url
            )
    return found


def _requires(meta: Table) -> SpecifierSet | None:
    """`requires`: one release or one minor version of Python."""
    requires = meta.table("requires")
    if requires is None:
        return None
    full = requires.version("python_full_version")
    if full is not None:
        return SpecifierSet(f"=={full}")
    minor = requires.version("python_version")
    return SpecifierSet(f"=={minor}.*") if minor is not None else None


def _group(document: LockDocument, section: str) -> Option | None:
    if section == _DEFAULT:
        return None
    try:
        return Option(kind=OptionKind.GROUP, name=parse_name(section))
    except ValueError:
        document.root.fault(section, shown(section), "the name of a category")
        return None


# --- where things are in the text ---------------------------------------------------------------


def _sections(document: LockDocument) -> Iterator[tuple[str, int, int]]:
    """The categories, and where each begins and ends in the text."""
    found: list[tuple[str, int]] = []
    for section, values in document.values.items():
        if section == _META:
            continue
        if isinstance(values, dict):
            found.append((section, _position(document, section, 0) or 0))
        else:
            document.root.fault(section, shown(values), "a table")
    for section, start in found:
        ends = [other for _, other in found if other > start]
        yield section, start, min(ends, default=len(document.text))


def _position(document: LockDocument, key: str, start: int) -> int | None:
    """Where a key that holds a table is written."""
    pattern = re.compile(rf"{re.escape(json.dumps(key))}\s*:\s*{{")
    match = pattern.search(document.text, start)
    return match.start() if match else None


def _tables(
    document: LockDocument, section: str, start: int, end: int
) -> Iterator[tuple[Table, str]]:
    """The packages of a category, each with its place in the text, and their names."""
    root = document.root.table(section)
    if root is None:
        return
    names = list(root.values)
    starts: list[int] = []
    position: int | None = start
    for name in names:
        # Once a name is not found, written in some other way, the rest is not searched for: that
        # would take time that grows with the square of the file.
        position = None if position is None else _position(document, name, position + 1)
        starts.append(start if position is None else position)
    for name, begin, until in zip(names, starts, [*starts, end][1:], strict=True):
        values = root.values[name]
        if isinstance(values, dict):
            yield document.part(values, begin, max(begin, until)), name
        else:
            root.fault(name, shown(values), "a table")


# --- one entry ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads the entries of one category; ``group`` is None for `default`."""

    folder: Path
    sources: Mapping[str, str]
    group: Option | None

    def entry(self, table: Table, name: str) -> LockEntry | None:
        try:
            project = parse_name(name)
        except ValueError:
            table.fault("name", shown(name), "a project name")
            return None
        version = table.about(project, None).parsed("version", _pin, "`==` and one version")
        table = table.about(project, version)
        digests = frozenset(
            f"{algorithm}:{digits}"
            for algorithm, digits in table.parsed_each(
                "hashes", parse_digest, "a hash such as `sha256:…`"
            )
        )
        place = self._place(table)
        files: tuple[Artifact, ...] = ()
        if place.kind is PlaceKind.ARCHIVE and place.location is not None:
            file = archive_at(place.location, folder=self.folder, project=project, digests=digests)
            files = (file,) if file is not None else ()
        if place.kind is PlaceKind.INDEX and not table.has("version"):
            table.fault("version", "nothing", "`==` and one version")
        return LockEntry(
            project=project,
            version=version,
            origin=table.origin,
            condition=self._condition(table),
            files=files,
            digests=digests,
            complete=place.kind is not PlaceKind.INDEX,
            place=place,
            extras=frozenset(table.parsed_each("extras", parse_name, "the name of an extra")),
        )

    def _condition(self, table: Table) -> Condition:
        marker = table.condition("markers")
        if self.group is None:
            return marker
        chosen = f"'{self.group.name}' in dependency_groups"
        return parse_condition(f"{chosen} and ({marker})" if marker.text else chosen)

    def _place(self, table: Table) -> Place:
        for kind in _VCS:
            if (address := table.text(kind)) is not None:
                return Place(
                    kind=PlaceKind.VCS,
                    location=repository(kind, address),
                    revision=table.text("ref", required=True),
                    editable=table.flag("editable"),
                )
        for key in ("path", "file"):
            if (address := table.text(key)) is not None:
                archive = key == "file" or is_archive(address)
                return Place(
                    kind=PlaceKind.ARCHIVE if archive else PlaceKind.DIRECTORY,
                    location=address,
                    editable=table.flag("editable"),
                )
        # Pipenv names an index only where the `Pipfile` does; its first source is the default one.
        default = next(iter(self.sources.values()), None)
        name = table.text("index")
        if name is not None and name not in self.sources:
            table.fault("index", shown(name), "the name of a source")
        return Place(location=self.sources.get(name, default) if name is not None else default)


def _pin(text: str) -> Version:
    if not text.startswith("=="):
        raise ValueError("is not pinned")
    try:
        return Version(text.lstrip("=").strip())
    except ValueError:
        raise ValueError("names no version") from None
