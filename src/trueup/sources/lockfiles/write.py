"""Writes a lock as `pylock.toml` (PEP 751), for readers of diffs: one file of an entry a line.

What is written was validated by `packaging.pylock`, and is read back before it is returned.
"""

from __future__ import annotations

import os.path
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.pylock import Pylock, PylockValidationError, is_valid_pylock_path
from packaging.version import Version

from trueup.judge.workaround import toml_string
from trueup.model.artifact import Artifact
from trueup.model.condition import Option, OptionKind
from trueup.model.errors import TrueupError, UsageError
from trueup.model.lock import Edge, Lock, LockEntry, PlaceKind
from trueup.sources.output import write_atomically

__all__ = ["pylock_text", "write_pylock"]

_HEADER = "# Made by trueup. `trueup lock` updates it, `trueup lock --check` says whether it is current.\n"

Value = Any
"""What TOML can hold."""


def write_pylock(path: Path, lock: Lock) -> None:
    """Write a lock in one step.

    Raises UsageError for a file name that PEP 751 ("File Name") does not allow, SourceError if it
    cannot be written.
    """
    check_name(path)
    write_atomically(path, pylock_text(lock, relative_to=path.parent))


def check_name(path: Path) -> None:
    """Raise UsageError for a file name that PEP 751 ("File Name") does not allow."""
    if not is_valid_pylock_path(path):
        raise UsageError(
            "is no name for a lock",
            found=f"`{path.name}`",
            expected="`pylock.toml` or `pylock.NAME.toml`, NAME without a dot (PEP 751)",
            place=(str(path),),
        )


def pylock_text(lock: Lock, *, relative_to: Path) -> str:
    """The text of a lock; the same for equal locks, in whatever order their entries come.

    Paths of local files are written relative to a folder. Raises TrueupError if the lock is not
    valid, which would be a mistake of the caller.
    """
    document = _document(lock, relative_to)
    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        raise TrueupError(
            "the lock that was made is not valid, so it is not written",
            found=str(error),
            hint="this is a bug in trueup; report it with what was locked",
        ) from error
    text = "".join(_written(document))
    assert tomllib.loads(text) == document  # what a reader gets is what was validated
    return text


def _document(lock: Lock, folder: Path) -> dict[str, Value]:
    entries = sorted(lock.entries, key=_order)
    document: dict[str, Value] = {
        "lock-version": "1.0",
        "environments": [str(marker) for marker in lock.environments],
        "requires-python": str(lock.requires_python) if lock.requires_python else None,
        "extras": _names(lock.options, OptionKind.EXTRA),
        "dependency-groups": _names(lock.options, OptionKind.GROUP),
        "default-groups": _names(lock.default, OptionKind.GROUP),
        "created-by": "trueup",
        "packages": [_package(entry, entries, folder) for entry in entries],
        "tool": {"trueup": _tool(lock)},
    }
    return {k: value for k, value in document.items() if k == "packages" or value not in (None, [])}


def _order(entry: LockEntry) -> tuple[object, ...]:
    names = sorted(file.filename for file in entry.files)
    version = entry.version if entry.version is not None else Version("0")
    place = (entry.place.kind, entry.place.location or "", entry.place.revision or "")
    return (entry.project, version, entry.condition.text, place, names)


def _names(options: Iterable[Option], kind: OptionKind) -> list[str]:
    return sorted(_option(option) for option in options if option.kind is kind)


def _option(option: Option) -> str:
    return f"{option.project}:{option.name}" if option.project else option.name


def _tool(lock: Lock) -> dict[str, Value]:
    table: dict[str, Value] = {
        "targets": list(lock.targets),
        "roots": list(lock.roots),
        "option-roots": [
            {option.kind.value: _option(option), "requires": text}
            for option, text in sorted(lock.option_roots, key=lambda one: (one[0].sort_key, one[1]))
        ],
        "overrides": sorted(map(str, lock.overrides)),
        "excluded": sorted(lock.excluded),
        "conflicts": [
            [
                {one.kind.value: _option(one)}
                for one in sorted(group, key=lambda option: option.sort_key)
            ]
            for group in sorted(lock.conflicts, key=_rivals)
        ],
    }
    return {key: value for key, value in table.items() if value not in ([], None)}


def _rivals(group: Iterable[Option]) -> list[tuple[str, str, str]]:
    return sorted(option.sort_key for option in group)


def _package(entry: LockEntry, entries: Sequence[LockEntry], folder: Path) -> dict[str, Value]:
    table: dict[str, Value] = {
        "name": entry.project,
        "version": str(entry.version) if entry.version is not None else None,
        "marker": entry.condition.text or None,
        "requires-python": str(entry.requires_python) if entry.requires_python else None,
        "dependencies": _dependencies(entry, entries),
    }
    match entry.place.kind:
        case PlaceKind.INDEX:
            table["index"] = entry.place.location
            wheels = sorted((f for f in entry.files if f.is_wheel), key=lambda f: f.filename)
            sdists = sorted((file for file in entry.files if file.is_sdist), key=_preference)
            table["sdist"] = _file(sdists[0], folder) if sdists else None
            table["wheels"] = [_file(file, folder) for file in wheels]
        case PlaceKind.ARCHIVE:
            if not entry.files:
                raise TrueupError("is an archive without its file", place=(entry.title,))
            archive = _file(entry.files[0], folder)
            archive.pop("name")
            table["archive"] = archive
        case PlaceKind.VCS:
            table["vcs"] = _vcs(entry, folder)
        case PlaceKind.DIRECTORY:
            table["directory"] = {"path": entry.place.location or "."}
            if entry.place.editable:
                table["directory"]["editable"] = True
    own: dict[str, Value] = {}
    if entry.promise is not None:
        own["sdist"] = entry.promise
    told = entry.promise is not None or entry.place.kind in (PlaceKind.DIRECTORY, PlaceKind.VCS)
    if entry.own is not None and told:
        own["requires-dist"] = sorted(map(str, entry.own.requires_dist))
    if entry.recorded:
        own["metadata"] = {
            name: f"sha256:{digest}" for name, digest in sorted(entry.recorded.items())
        }
    table["tool"] = {"trueup": own} if own else None
    return {key: value for key, value in table.items() if value not in (None, [])}


def _preference(sdist: Artifact) -> tuple[bool, str]:
    """PEP 751 has room for one sdist: the one in the format of PEP 625, as installers prefer."""
    return not sdist.filename.endswith(".tar.gz"), sdist.filename


def _vcs(entry: LockEntry, folder: Path) -> dict[str, Value]:
    """A repository; what is no Git one has its system before the address, as it is read."""
    location = entry.place.location
    if location is None or entry.place.revision is None:
        raise TrueupError("is of a repository without address or commit", place=(entry.title,))
    system = next((one for one in ("hg", "svn", "bzr") if location.startswith(f"{one}+")), "git")
    address = location.removeprefix(f"{system}+")
    table = {"type": system}
    if address.startswith("file://"):
        # As for a file: an absolute path would hold on one machine only.
        table["path"] = _relative(address, folder)
    else:
        table["url" if "://" in address else "path"] = address
    if entry.place.requested is not None:
        table["requested-revision"] = entry.place.requested
    table["commit-id"] = entry.place.revision
    if entry.place.subdirectory is not None:
        table["subdirectory"] = entry.place.subdirectory
    return table


def _relative(url: str, folder: Path) -> str:
    """A local path or `file:` address as PEP 751 wants it: relative, with slashes."""
    address = urlsplit(url)
    path = url2pathname(address.path) if address.scheme == "file" else url
    relative = Path(os.path.relpath(path, folder)).as_posix()
    # What has a colon in its first part could be taken for an address.
    return f"./{relative}" if ":" in relative.partition("/")[0] else relative


def _dependencies(entry: LockEntry, entries: Sequence[LockEntry]) -> list[dict[str, Value]]:
    """Each once, although several requirements or extras may ask for it."""
    found: list[dict[str, Value]] = []
    for edge in entry.edges:
        table = _dependency(edge, entries)
        if table not in found:
            found.append(table)
    return sorted(found, key=lambda table: [table["name"], *map(str, table.values())])


def _dependency(edge: Edge, entries: Sequence[LockEntry]) -> dict[str, Value]:
    """As little as tells the entry apart (PEP 751, "packages.dependencies")."""
    same = [entry for entry in entries if entry.project == edge.project]
    table: dict[str, Value] = {"name": edge.project}
    if len({entry.version for entry in same}) > 1 and edge.version is not None:
        table["version"] = str(edge.version)
    return table


def _file(file: Artifact, folder: Path) -> dict[str, Value]:
    table: dict[str, Value] = {"name": file.filename}
    address = urlsplit(file.url)
    if not file.url:
        raise TrueupError("has no address, so it cannot be locked", place=(file.filename,))
    if "://" in file.url and address.scheme != "file":
        table["url"] = file.url
    else:
        # An absolute path would hold on one machine only.
        table["path"] = _relative(file.url, folder)
    if file.upload_time is not None:
        table["upload-time"] = _moment(file.upload_time)
    if file.size is not None:
        table["size"] = file.size
    table["hashes"] = {name: file.hashes[name] for name in sorted(file.hashes)}
    return table


def _moment(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)


# --- the text ----------------------------------------------------------------------------------


def _written(document: Mapping[str, Value]) -> Iterator[str]:
    yield _HEADER
    for key, value in document.items():
        if key not in ("packages", "tool"):
            yield f"{key} = {_value(value)}\n"
    for package in document.get("packages", ()):
        yield "\n[[packages]]\n"
        for key, value in package.items():
            if key != "tool":
                yield f"{key} = {_value(value)}\n"
        own = package.get("tool", {}).get("trueup", {})
        if own.keys() - {"metadata"}:
            yield "\n[packages.tool.trueup]\n"
            yield from (f"{k} = {_value(v)}\n" for k, v in own.items() if k != "metadata")
        if own.get("metadata"):
            yield "\n[packages.tool.trueup.metadata]\n"
            yield from (f"{toml_string(k)} = {_value(v)}\n" for k, v in own["metadata"].items())
    if not document.get("packages"):
        yield "packages = []\n"
    yield "\n[tool.trueup]\n"
    yield from (f"{k} = {_value(v)}\n" for k, v in document["tool"]["trueup"].items())


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], str):
            return f"[{_value(value[0])}]"
        return "".join(["[\n", *(f"  {_value(item)},\n" for item in value), "]"]) if value else "[]"
    return toml_string(str(value))


def _key(key: str) -> str:
    bare = key.replace("-", "").replace("_", "")
    return key if bare.isascii() and bare.isalnum() else toml_string(key)
