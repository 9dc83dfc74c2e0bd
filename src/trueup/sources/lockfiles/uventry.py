"""The tables of a `uv.lock`: sources, files, edges and requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.condition import ALWAYS, Condition
from trueup.model.lock import Edge, Place, PlaceKind
from trueup.model.metadata import Resolution
from trueup.model.requirement import Requirement, parse_requirement, parse_specifiers
from trueup.sources.lockfiles.address import last_part, url_of
from trueup.sources.lockfiles.document import Table
from trueup.sources.lockfiles.uvmarker import parse_uv_marker
from trueup.sources.lockfiles.values import parse_digest, parse_name

__all__ = [
    "edges_of",
    "files_of",
    "marker_of",
    "place_of",
    "requirements_of",
    "resolution_markers",
    "said_by",
]

_LOCAL = ("virtual", "editable", "directory")
_MARKER = "an environment marker"


def place_of(table: Table) -> Place:
    """What a `source` says; a fault, and the configured index, if it says nothing known."""
    source = table.table("source")
    if source is None:
        if not table.has("source"):
            table.fault("source", "nothing", "where the package comes from")
        return Place()
    if source.has("registry"):
        return Place(location=source.text("registry"))
    for key in _LOCAL:
        if source.has(key):
            return Place(
                kind=PlaceKind.DIRECTORY, location=source.text(key), editable=key == "editable"
            )
    for key in ("url", "path"):
        if source.has(key):
            return Place(kind=PlaceKind.ARCHIVE, location=source.text(key))
    address = source.text("git")
    if address is not None:
        # `?rev=…`, `?tag=…` and the like say how the commit after `#` was chosen.
        address, _, revision = address.partition("#")
        return Place(
            kind=PlaceKind.VCS,
            location=address.partition("?")[0],
            revision=revision or None,
        )
    table.fault("source", "no known kind of source", "`registry`, `url`, `git` or a folder")
    return Place()


def marker_of(table: Table, *, several: bool) -> Condition:
    """The `marker` of a table; one that cannot be read is a fault, and limits nothing."""
    parse = partial(parse_uv_marker, several=several)
    return table.parsed("marker", parse, _MARKER) or ALWAYS


def resolution_markers(table: Table, *, several: bool) -> Condition:
    """The forks of the resolution that an entry belongs to; ALWAYS if it belongs to all."""
    found = table.parsed_each(
        "resolution-markers", partial(parse_uv_marker, several=several), _MARKER
    )
    if not found or any(not one.text for one in found):
        return ALWAYS
    return parse_uv_marker(" or ".join(f"({one.text})" for one in found), several=several)


# --- files --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    entry: Table
    project: NormalizedName
    version: Version | None
    place: Place
    folder: Path
    """What paths of files are relative to."""

    def file(self, table: Table, key: str) -> Artifact | None:
        """One file; None, with a fault, if nothing says what it is called."""
        address = table.text("url") or table.text("path") or table.text("filename")
        folder = self.folder
        if self.place.kind is PlaceKind.ARCHIVE and self.place.location and not table.has("url"):
            address = self.place.location
        elif self.place.kind is PlaceKind.INDEX and self.place.location:
            # Files of an index in a folder are written relative to that folder.
            folder = folder / self.place.location
        filename = last_part(address.partition("#")[0]) if address else None
        if not address or not filename:
            self.entry.fault(key, "nothing", "a `url` or a `path`")
            return None
        name = parse_filename(filename, self.project)
        if self.place.kind is PlaceKind.INDEX and not isinstance(name, OtherName):
            other = name.project != self.project
            if other or (self.version is not None and name.version != self.version):
                wanted = self.project if other else f"{self.project} {self.version}"
                self.entry.fault(key, f"`{filename}`", f"a file of `{wanted}`")
        digest = table.parsed("hash", parse_digest, "an algorithm and its digits")
        return Artifact(
            filename=filename,
            url=url_of(address, folder),
            name=name,
            size=table.number("size"),
            hashes=dict([digest]) if digest is not None else {},
            upload_time=table.moment("upload-time"),
        )


def files_of(
    table: Table, project: NormalizedName, version: Version | None, place: Place, folder: Path
) -> tuple[Artifact, ...]:
    """The wheels and the sdist that an entry lists; ``folder`` is where the lock is."""
    if place.kind in (PlaceKind.DIRECTORY, PlaceKind.VCS):
        return ()
    reader = _Files(entry=table, project=project, version=version, place=place, folder=folder)
    tables = [(f"wheels[{n}]", one) for n, one in enumerate(table.tables("wheels"))]
    if (sdist := table.table("sdist")) is not None:
        tables.append(("sdist", sdist))
    files = (reader.file(one, key) for key, one in tables)
    return tuple(file for file in files if file is not None)


# --- edges --------------------------------------------------------------------------------------


def edges_of(
    tables: Iterable[Table], *, several: bool, of_extra: NormalizedName | None = None
) -> Iterator[Edge]:
    """The dependencies of an entry, of one of its extras, or of one of its groups."""
    for table in tables:
        project = table.project()
        if project is None:
            continue
        # Versions and sources are written only where entries of one name have to be told apart.
        location = place_of(table).location if table.has("source") else None
        # `extras` is how uv wrote it before its locks had a stable version.
        key = "extra" if table.has("extra") else "extras"
        yield Edge(
            project=project,
            condition=marker_of(table, several=several),
            extras=frozenset(table.parsed_each(key, parse_name, "the name of an extra")),
            of_extra=of_extra,
            version=table.version(),
            location=location,
        )


# --- requirements -------------------------------------------------------------------------------


def requirements_of(tables: Iterable[Table]) -> Iterator[Requirement]:
    """What a project asks for, in uv's tables; of one from Git or a folder only the name."""
    for table in tables:
        line = _requirement(table)
        if line is not None:
            yield line


def _requirement(table: Table) -> Requirement | None:
    project = table.project()
    if project is None:
        return None
    extras = sorted(table.parsed_each("extras", parse_name, "the name of an extra"))
    specifier = table.parsed("specifier", _specifiers, "version specifiers")
    url = table.text("url")
    marker = table.text("marker")
    text = f"{project}[{','.join(extras)}]" if extras else project
    text += f" @ {url}" if url else specifier or ""
    try:
        return parse_requirement(f"{text} ; {marker}" if marker else text)
    except ValueError as error:
        key = "marker" if marker else "url" if url else "name"
        table.fault(key, f"`{re.sub(r'//[^/@]*@', '//****@', text)}` ({error})", "a requirement")
        return None


def _specifiers(text: str) -> str:
    return str(parse_specifiers(text))


def said_by(
    requirements: Iterable[Requirement], extras: Iterable[NormalizedName] = ()
) -> Resolution:
    """The requirements of a project as if they were its metadata."""
    lines = frozenset(requirements)
    asked = {extra for line in lines if line.marker for extra in line.marker.extras}
    return Resolution(
        requires_dist=lines,
        requires_python=None,
        provides_extra=frozenset({*extras, *map(NormalizedName, asked)}),
    )
