"""`pylock.toml`, read as far as it goes (PEP 751; validity as `packaging.pylock` sees it)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.condition import Option, OptionKind
from trueup.model.errors import UsageError
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.metadata import Resolution
from trueup.model.requirement import Requirement, parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.lockfiles.address import last_part, repository, url_of
from trueup.sources.lockfiles.document import LockDocument, Table
from trueup.sources.lockfiles.values import parse_digest, parse_name, shown

__all__ = ["read_pylock"]


def read_pylock(document: LockDocument, *, project: Path, environ: Mapping[str, str]) -> Lock:
    """Read a `pylock.toml` that any tool wrote.

    It stands alone, so ``project`` and ``environ`` are not looked at. What `packaging` refuses is
    one fault more than what was found on the way. Raises SourceError if `packages` is no array.
    """
    root = document.root
    tables = document.entries("packages")
    pairs = [pair for table in tables if (pair := _entry(table, document)) is not None]
    entries = tuple(entry for _, entry in pairs)
    extras = frozenset(_options(root, "extras", OptionKind.EXTRA))
    options = extras | frozenset(_options(root, "dependency-groups", OptionKind.GROUP))
    # "default-groups": these need not be declared, and mean something only where a marker asks.
    asked = {option for entry in entries for option in entry.condition.options}
    synthetic = frozenset(_options(root, "default-groups", OptionKind.GROUP))
    _undeclared(pairs, options | synthetic)
    for option in sorted(synthetic - options - asked, key=lambda one: one.sort_key):
        root.fault("default-groups", str(option), "a group that is declared or that a marker names")
    lock = Lock(
        kind=LockKind.PYLOCK,
        path=document.path,
        entries=entries,
        requires_python=root.specifiers(),
        environments=root.markers("environments"),
        options=options,
        default=synthetic & (options | asked),
        indexes=_indexes(entries),
        conflicts=tuple(_conflicts(root)),
        overrides=_requirements(root, "overrides"),
        excluded=frozenset(_names(root, "excluded")),
        targets=_parsed_texts(
            root, "targets", parse_targets, "a target such as `cp312-linux-x86_64`"
        ),
        roots=_parsed_texts(root, "roots", parse_requirement, "a requirement"),
        option_roots=tuple(_option_roots(root)),
    )
    _validate(document, tables)
    return replace(lock, faults=document.faults)


def _options(root: Table, key: str, kind: OptionKind) -> Iterator[Option]:
    for name in root.parsed_each(key, parse_name, "a name"):
        yield Option(kind=kind, name=name)


def _undeclared(pairs: list[tuple[Table, LockEntry]], declared: frozenset[Option]) -> None:
    for table, entry in pairs:
        for option in sorted(entry.condition.options - declared, key=lambda one: one.sort_key):
            table.fault("marker", str(option), "an extra or group that the lock declares")


def _indexes(entries: tuple[LockEntry, ...]) -> tuple[str, ...]:
    indexes = [entry.place.location for entry in entries if entry.place.kind is PlaceKind.INDEX]
    return tuple(dict.fromkeys(index for index in indexes if index is not None))


def _tool(table: Table) -> Table | None:
    tool = table.table("tool")
    return tool.table("trueup") if tool is not None else None


def _parsed_texts(
    root: Table, key: str, parse: Callable[[str], object], expected: str
) -> tuple[str, ...]:
    """The texts of a list that mean something, as they are written."""

    def kept(text: str) -> str:
        try:
            parse(text)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return text

    tool = _tool(root)
    return tool.parsed_each(key, kept, expected) if tool is not None else ()


def _names(root: Table, key: str) -> tuple[NormalizedName, ...]:
    tool = _tool(root)
    return tool.parsed_each(key, parse_name, "a project name") if tool is not None else ()


def _requirements(table: Table, key: str) -> tuple[Requirement, ...]:
    tool = _tool(table)
    return tool.parsed_each(key, parse_requirement, "a requirement") if tool is not None else ()


def _option_roots(root: Table) -> Iterator[tuple[Option, str]]:
    tool = _tool(root)
    for table in tool.tables("option-roots") if tool is not None else ():
        text = table.parsed("requires", lambda text: str(parse_requirement(text)), "a requirement")
        for option in _chosen(table):
            if text is not None:
                yield option, text


def _chosen(table: Table) -> Iterator[Option]:
    """The options that a table such as `{ extra = "cpu" }` names."""
    for kind in OptionKind:
        name = table.parsed(kind.value, parse_name, "a name")
        if name is not None:
            yield Option(kind=kind, name=name)


def _conflicts(root: Table) -> Iterator[frozenset[Option]]:
    """Options of which at most one can be chosen, as `trueup lock` records them."""
    tool = _tool(root)
    for group in tool.lists_of_tables("conflicts") if tool is not None else ():
        yield frozenset(option for table in group for option in _chosen(table))


def _validate(document: LockDocument, tables: tuple[Table, ...]) -> None:
    """Ask `packaging`; what it says that was not found already is a fault of the entry it names."""
    values = dict(document.values)
    found = values.get("lock-version")
    if isinstance(found, str) and re.fullmatch(r"1\.[1-9]\d{0,8}", found):
        # "lock-version": a newer minor version is read, with a warning. `packaging` would log it.
        understood = "`1.0`, the version that is understood"
        document.root.fault("lock-version", shown(found), understood, tolerated=True)
        values["lock-version"] = "1.0"
    try:
        Pylock.from_dict(values)
    except PylockValidationError as error:
        unsupported = isinstance(error, PylockUnsupportedVersionError)
        context = error.context or ("lock-version" if unsupported else "packages")
        message = error.message.splitlines()[0] if error.message else "something not allowed"
    except (ValueError, TypeError, RecursionError) as error:
        context, message = "packages", f"{type(error).__name__}: {error}"
    else:
        return
    match = re.fullmatch(r"packages\[(\d+)\]\.?(.*)", context)
    table, key = document.root, context
    if match and int(match[1]) < len(tables):
        table, key = tables[int(match[1])], match[2] or "packages"
    if not any(fault.origin == table.line_of(key) for fault in document.faults):
        table.fault(key, message, "what PEP 751 allows")


# --- one entry ----------------------------------------------------------------------------------


def _entry(table: Table, document: LockDocument) -> tuple[Table, LockEntry] | None:
    project = table.project()
    if project is None:
        return None
    version = table.about(project, None).version()
    table = table.about(project, version)
    if table.values["name"] != project:
        table.fault("name", shown(table.values["name"]), f"the normalised name `{project}`")
    reader = _Files(folder=Path(document.path).parent, project=project, version=version)
    place, files = _place(table, reader)
    tool = _tool(table)
    entry = LockEntry(
        project=project,
        version=version,
        origin=table.origin,
        condition=table.condition(),
        requires_python=table.specifiers(),
        files=files,
        place=place,
        edges=tuple(_edges(table)),
        recorded=_recorded(tool) if tool is not None else {},
        own=_own(tool) if tool is not None else None,
        promise=tool.text("sdist") if tool is not None else None,
    )
    return table, entry


def _place(table: Table, reader: _Files) -> tuple[Place, tuple[Artifact, ...]]:
    """Where an entry comes from and the files it lists.

    PEP 751 wants exactly one source; of several the first in its order of installation is taken.
    """
    vcs, directory, archive = (table.table(key) for key in ("vcs", "directory", "archive"))
    if vcs is not None:
        address = vcs.text("url") or vcs.text("path")
        kind = vcs.text("type", required=True) or "git"
        return Place(
            kind=PlaceKind.VCS,
            location=repository(kind, address) if address else None,
            revision=vcs.text("commit-id", required=True),
            requested=vcs.text("requested-revision"),
            subdirectory=vcs.text("subdirectory"),
        ), ()
    if directory is not None:
        return Place(
            kind=PlaceKind.DIRECTORY,
            location=directory.text("path", required=True),
            editable=directory.flag("editable"),
        ), ()
    if archive is not None:
        location = archive.text("url") or archive.text("path")
        file = reader.file(archive, table, "archive")
        files = (file,) if file is not None else ()
        return Place(kind=PlaceKind.ARCHIVE, location=location), files
    return Place(location=table.text("index")), tuple(_distributions(table, reader))


def _distributions(table: Table, reader: _Files) -> Iterator[Artifact]:
    if not table.values.get("wheels") and not table.has("sdist"):
        table.fault("wheels", "nothing", "`wheels`, `sdist`, `archive`, `vcs` or `directory`")
    hashes: dict[str, list[Mapping[str, str]]] = {}
    for number, wheel in enumerate(table.tables("wheels")):
        key = f"wheels[{number}]"
        file = reader.file(wheel, table, key)
        if file is None:
            continue
        if not file.is_wheel:
            table.fault(key, f"`{file.filename}`", "the file name of a wheel")
        hashes.setdefault(file.filename, []).append(file.hashes)
        yield file
    for filename, given in hashes.items():
        # Pipenv writes every hash that it knows under the name of a wheel that may not exist.
        if len(given) > 1:
            table.fault("wheels", f"`{filename}` {len(given)} times", "each file once")
    sdist = table.table("sdist")
    if sdist is not None and (file := reader.file(sdist, table, "sdist")) is not None:
        if not file.is_sdist:
            table.fault("sdist", f"`{file.filename}`", "the file name of an sdist")
        yield file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """Reads the files of one entry; paths are relative to ``folder``, where the lock is."""

    folder: Path
    project: NormalizedName
    version: Version | None

    def file(self, table: Table, entry: Table, key: str) -> Artifact | None:
        """One file; None, with a fault of the ``entry``, if nothing says what it is called."""
        path, url = table.text("path"), table.text("url")
        filename = table.text("name") or last_part(path or url or "")
        if not filename:
            entry.fault(key, "nothing", "a `name`, `path` or `url`")
            return None
        if not path and not url:
            entry.fault(key, f"`{filename}` without an address", "a `url` or a `path`")
        name = parse_filename(filename, self.project)
        if not isinstance(name, OtherName):
            other = name.project != self.project
            if other or (self.version is not None and name.version != self.version):
                wanted = self.project if other else f"{self.project} {self.version}"
                entry.fault(key, f"`{filename}`", f"a file of `{wanted}`")
        return Artifact(
            filename=filename,
            url=url or (url_of(path, self.folder) if path else ""),
            name=name,
            size=table.number("size"),
            hashes=dict(_hashes(table)),
            upload_time=table.moment("upload-time"),
        )


def _hashes(table: Table) -> Iterator[tuple[str, str]]:
    hashes = table.table("hashes")
    if hashes is None or not hashes.values:
        if hashes is not None or not table.has("hashes"):
            table.fault("hashes", "nothing", "at least one hash")
        return
    for algorithm in hashes.values:
        digest = hashes.parsed(
            algorithm, partial(_digest, algorithm), "the hexadecimal digits of a hash"
        )
        if digest is not None:
            yield digest


def _digest(algorithm: str, digits: str) -> tuple[str, str]:
    return parse_digest(f"{algorithm}:{digits}")


def _edges(table: Table) -> Iterator[Edge]:
    """What PEP 751 calls informational: "Tools MUST NOT use this information" when installing."""
    for dependency in table.tables("dependencies"):
        project = dependency.project()
        if project is not None:
            yield Edge(
                project=project,
                version=dependency.version(),
                location=dependency.text("index"),
            )


def _own(tool: Table) -> Resolution | None:
    """What an sdist was found to ask for, as `trueup lock` writes it beside the reason."""
    if not tool.has("requires-dist"):
        return None
    lines = tool.parsed_each("requires-dist", parse_requirement, "a requirement")
    extras = {extra for line in lines if line.marker for extra in line.marker.extras}
    return Resolution(
        requires_dist=frozenset(lines),
        requires_python=None,
        provides_extra=frozenset(map(NormalizedName, extras)),
    )


def _recorded(tool: Table) -> dict[str, str]:
    """The sha256 of metadata by file name, as `trueup lock` writes it."""
    metadata = tool.table("metadata")
    found: dict[str, str] = {}
    if metadata is None:
        return found
    for filename in metadata.values:
        digest = metadata.parsed(filename, _sha256, "`sha256:` and 64 hexadecimal digits")
        if digest is not None:
            found[filename] = digest
    return found


def _sha256(text: str) -> str:
    algorithm, digits = parse_digest(text)
    if algorithm != "sha256":
        raise ValueError(f"is a hash of {algorithm}")
    return digits
