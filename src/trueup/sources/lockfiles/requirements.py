"""A requirements file as a lock (pip's documentation, "Requirements file format")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import OtherName, SdistName, WheelName, parse_filename
from trueup.model.condition import ALWAYS, Condition, parse_condition
from trueup.model.errors import SourceError, TrueupError
from trueup.model.lock import Lock, LockEntry, LockFault, LockKind, Place, PlaceKind
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.lockfiles.address import archive_at, is_archive, last_part, repository
from trueup.sources.lockfiles.document import toml_if_there
from trueup.sources.lockfiles.joined import joined
from trueup.sources.lockfiles.values import parse_digest, parse_name, shown
from trueup.sources.requirements import (
    Elsewhere,
    OptionLine,
    RequirementLine,
    elsewhere,
    is_address,
    pinned_version,
    requirement_lines,
)
from trueup.sources.url import local_path

__all__ = ["read_requirements_lock"]


def read_requirements_lock(
    path: Path, *, read: Callable[[Path], str], environ: Mapping[str, str]
) -> Lock:
    """Read a requirements file, with hashes or without, and the files it includes.

    ``read`` gives the text of a file. A line is an entry; one that is not pinned, by itself or by
    a constraint, is an entry without a version and a fault. Files are looked up, except for those
    that a line gives the address of. Raises whatever ``read`` raises, and SourceError if no line
    at all can be understood.
    """
    gathered = _Gathered()
    for line in requirement_lines(path, read=read, environ=environ):
        if isinstance(line, OptionLine):
            _option(line, gathered)
        elif line.constraint:
            _constraint(line, gathered)
        else:
            _requirement(line, gathered)
    if gathered.faults and not gathered.entries:
        first = gathered.faults[0]
        raise SourceError(
            "is no requirements file",
            found=first.found,
            expected=first.expected,
            place=(first.origin,),
        )
    entries = joined(_finished(entry, gathered) for entry in gathered.entries)
    indexes = [gathered.index] if gathered.index is not None else []
    return Lock(
        kind=LockKind.REQUIREMENTS,
        path=str(path),
        entries=entries,
        indexes=tuple(dict.fromkeys([*indexes, *gathered.extra_indexes])),
        faults=tuple(dict.fromkeys([*gathered.faults, *_without_hash(entries, gathered)])),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pin:
    """What a constraints file says of a project."""

    version: Version
    digests: frozenset[str]


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What was read so far, over all included files."""

    entries: list[LockEntry] = field(default_factory=list)
    faults: list[LockFault] = field(default_factory=list)
    constraints: dict[NormalizedName, _Pin] = field(default_factory=dict)
    unpinned: dict[str, str] = field(default_factory=dict)
    """The text of lines without a version, by their origin."""
    index: str | None = None
    extra_indexes: list[str] = field(default_factory=list)
    hashes: bool = False

    def fault(
        self, line: RequirementLine | OptionLine, key: str, found: str, expected: str
    ) -> None:
        self.faults.append(LockFault(origin=line.origin, key=key, found=found, expected=expected))


def _option(line: OptionLine, gathered: _Gathered) -> None:
    if line.option == "--index-url":
        gathered.index = line.value
    elif line.option == "--extra-index-url":
        gathered.extra_indexes.append(line.value)
    elif line.option == "--require-hashes":
        gathered.hashes = True
    elif line.option == "--editable":
        editable = RequirementLine(text=line.value, file=line.file, origin=line.origin)
        _source(editable, gathered, editable=True)
    elif line.option in ("--requirement", "--constraint"):
        gathered.fault(
            line, line.option, shown(line.value), "a file that can be read, not an address"
        )


def _constraint(line: RequirementLine, gathered: _Gathered) -> None:
    """A constraint installs nothing by itself; it pins what another line asks for."""
    requirement = _parsed(line, gathered)
    version = pinned_version(requirement.specifier) if requirement is not None else None
    if requirement is not None and version is not None:
        pin = _Pin(version=version, digests=_digests(line, gathered))
        gathered.constraints.setdefault(requirement.project, pin)


def _requirement(line: RequirementLine, gathered: _Gathered) -> None:
    if elsewhere(line.text) is not None:
        _source(line, gathered)
        return
    requirement = _parsed(line, gathered)
    if requirement is None:
        return
    project = requirement.project
    condition = _condition(
        line, requirement.marker.text if requirement.marker is not None else "", gathered
    )
    if requirement.url is not None:
        extras = requirement.extras
        _add_source(line, gathered, requirement.url, project, condition, extras=extras)
        return
    version = pinned_version(requirement.specifier)
    if version is None:
        gathered.unpinned[line.origin] = line.text
    gathered.entries.append(
        LockEntry(
            project=project,
            version=version,
            origin=line.origin,
            condition=condition,
            digests=_digests(line, gathered),
            complete=False,
            extras=requirement.extras,
        )
    )


def _parsed(line: RequirementLine, gathered: _Gathered) -> Requirement | None:
    try:
        return parse_requirement(line.text)
    except ValueError as error:
        gathered.fault(line, "requirement", f"{shown(line.text)} ({error})", "a requirement")
        return None


def _condition(line: RequirementLine, marker: str, gathered: _Gathered) -> Condition:
    try:
        return parse_condition(marker)
    except (ValueError, RecursionError) as error:
        gathered.fault(line, "marker", f"{shown(marker)} ({error})", "an environment marker")
        return ALWAYS


def _digests(line: RequirementLine, gathered: _Gathered) -> frozenset[str]:
    found: set[str] = set()
    for text in line.hashes:
        try:
            found.add(":".join(parse_digest(text)))
        except ValueError as error:
            gathered.fault(line, "--hash", f"{shown(text)} ({error})", "a hash such as `sha256:…`")
    return frozenset(found)


# --- what is not looked up on an index ----------------------------------------------------------


def _source(line: RequirementLine, gathered: _Gathered, *, editable: bool = False) -> None:
    """A line that names an address or a path: what project that is has to be found out."""
    text, _, marker = re.sub(r"\s+;\s*|;\s+", "\0", line.text, count=1).partition("\0")
    text = text.strip()
    folder = line.file.parent
    condition = _condition(line, marker, gathered)
    project = _named_in_fragment(text)
    extras: frozenset[NormalizedName] = frozenset()
    if elsewhere(text) is not Elsewhere.VCS:
        bare, hash_sign, fragment = text.partition("#")
        match = re.search(r"\[([^]]*)\]$", bare)  # `.[extra,other]`
        if match and not is_address(bare):
            text = bare[: match.start()] + hash_sign + fragment
            extras = _extras(match[1])
        if project is None:
            project = _named_in_file(text) if is_archive(text) else _named_in_folder(text, folder)
    if project is None:
        gathered.fault(
            line, "name", f"{shown(line.text)}, whose name is not known", "`NAME @ address`"
        )
        return
    _add_source(line, gathered, text, project, condition, editable=editable, extras=extras)


def _extras(text: str) -> frozenset[NormalizedName]:
    """The extras of a path: what is no name is none."""
    found = set()
    for extra in text.split(","):
        with suppress(ValueError):
            found.add(parse_name(extra.strip()))
    return frozenset(found)


def _named_in_fragment(text: str) -> NormalizedName | None:
    match = re.search(r"[#&]egg=([A-Za-z0-9._-]+)", text)
    try:
        return parse_name(match[1]) if match else None
    except ValueError:
        return None


def _named_in_file(text: str) -> NormalizedName | None:
    name = parse_filename(last_part(text.partition("#")[0]) or "")
    return None if isinstance(name, OtherName) else name.project


def _named_in_folder(text: str, folder: Path) -> NormalizedName | None:
    try:
        place = local_path(text) if text.startswith("file:") else folder / text
        document = toml_if_there(place / "pyproject.toml")
    except (TrueupError, ValueError):  # a path that no system can have
        return None
    table = document.root.table("project") if document is not None else None
    return table.project(required=False) if table is not None else None


def _add_source(
    line: RequirementLine,
    gathered: _Gathered,
    address: str,
    project: NormalizedName,
    condition: Condition,
    *,
    editable: bool = False,
    extras: frozenset[NormalizedName] = frozenset(),
) -> None:
    digests = _digests(line, gathered)
    place = _place(address, editable=editable)
    file = None
    if place.kind is PlaceKind.ARCHIVE:
        file = archive_at(address, folder=line.file.parent, project=project, digests=digests)
    name = file.name if file is not None else None
    gathered.entries.append(
        LockEntry(
            project=project,
            version=name.version if isinstance(name, WheelName | SdistName) else None,
            origin=line.origin,
            condition=condition,
            files=(file,) if file is not None else (),
            digests=digests,
            place=place,
            extras=extras,
        )
    )


def _place(address: str, *, editable: bool) -> Place:
    """PEP 440 and pip, "VCS support": ``git+https://HOST/PATH@REVISION#egg=NAME``."""
    bare = address.partition("#")[0]
    if elsewhere(address) is Elsewhere.VCS:
        scheme, separator, rest = bare.partition("://")
        authority, slash, path = rest.partition("/")
        path, _, revision = path.rpartition("@") if "@" in path else (path, "", "")
        system = scheme.partition("+")[0].lower()
        location = repository(system, f"{scheme}{separator}{authority}{slash}{path}")
        return Place(
            kind=PlaceKind.VCS, location=location, revision=revision or None, editable=editable
        )
    kind = PlaceKind.ARCHIVE if is_archive(bare) or "://" in bare else PlaceKind.DIRECTORY
    if bare.startswith("file:") and not is_archive(bare):
        kind = PlaceKind.DIRECTORY
    return Place(kind=kind, location=bare, editable=editable)


# --- once all files are read --------------------------------------------------------------------


def _finished(entry: LockEntry, gathered: _Gathered) -> LockEntry:
    """The entry with its index and, where it has no pin, that of a constraint."""
    if entry.place.kind is not PlaceKind.INDEX:
        return entry
    # pip's options are global: the last `--index-url` holds for every line of every file.
    entry = replace(entry, place=Place(location=gathered.index))
    if entry.version is not None:
        return entry
    pin = gathered.constraints.get(entry.project)
    if pin is not None:
        return replace(entry, version=pin.version, digests=entry.digests or pin.digests)
    gathered.faults.append(
        LockFault(
            origin=entry.origin,
            key="version",
            found=f"{shown(gathered.unpinned[entry.origin])}, which is not pinned",
            expected="`==` and one version",
            project=entry.project,
        )
    )
    return entry


def _without_hash(entries: tuple[LockEntry, ...], gathered: _Gathered) -> list[LockFault]:
    """pip, "Secure installs": where one line has a hash, all of them need one."""
    if not gathered.hashes and not any(entry.digests for entry in entries):
        return []
    return [
        LockFault(
            origin=entry.origin,
            key="--hash",
            found="nothing",
            expected="a hash, as other lines have one",
            project=entry.project,
            version=entry.version,
        )
        for entry in entries
        if not entry.digests and not any(file.hashes for file in entry.files)
    ]
