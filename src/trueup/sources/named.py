"""Which releases a requirements file or a lock names: names and versions, nothing more."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.model.errors import LimitError, NotFoundError, SourceError, TrueupError, UsageError
from trueup.model.named import LeftOut, NamedRelease, NamedReleases
from trueup.sources.requirements import read_requirements

__all__ = ["MAX_BYTES", "read_named"]

MAX_BYTES = 64 * 1024 * 1024
"""A file above this is not read; the largest real lock that we know has 2 MB."""

Entry = NamedRelease | LeftOut
Table = Mapping[str, object]


def read_named(path: Path, *, environ: Mapping[str, str] | None = None) -> NamedReleases:
    """Read the releases that a file names.

    Understood are `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock` (told apart by
    their content, so that a renamed one is read too) and requirements files. ``environ`` expands
    ``${NAME}`` in addresses, as pip and Pipenv do. Raises NotFoundError for a missing file,
    LimitError for one above MAX_BYTES, and SourceError, with the line, for one that is malformed.
    """
    environ = environ or {}
    read = _cached_reader()
    if path.name.endswith((".lock", ".toml", ".json")):
        try:
            return _read_lock(path, read(path), environ)
        except TrueupError as error:
            error.within(str(path))
            raise
    return read_requirements(path, read=read, environ=environ)


def _cached_reader() -> Callable[[Path], str]:
    """A function that reads text files within the limit, in sum, so that includes cannot evade it."""
    left = MAX_BYTES

    def read(path: Path) -> str:
        nonlocal left
        try:
            with path.open("rb") as file:
                data = file.read(left + 1)
        except FileNotFoundError as error:
            raise NotFoundError("no such file", place=(str(path),)) from error
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}", place=(str(path),)
            ) from error
        if len(data) > left:
            raise LimitError(
                "is too large to be a lock or requirements file",
                expected=f"at most {MAX_BYTES // 1024**2} MiB",
                place=(str(path),),
            )
        left -= len(data)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SourceError(f"line {line} is not UTF-8", place=(str(path),)) from error

    return read


def _read_lock(path: Path, text: str, environ: Mapping[str, str]) -> NamedReleases:
    if text.lstrip()[:1] == "{":
        entries = list(_pipfile(str(path), text, environ))
    else:
        entries = list(_toml_lock(str(path), text))
    releases: dict[object, NamedRelease] = {}
    for entry in entries:
        if isinstance(entry, NamedRelease):
            # A lock may name a release in several entries: per extra (PDM), per environment (uv).
            releases.setdefault((entry.project, entry.version, entry.index), entry)
    return NamedReleases(
        releases=tuple(releases.values()),
        left_out=tuple(entry for entry in entries if isinstance(entry, LeftOut)),
    )


# --- TOML: uv, Poetry, PDM, pylock --------------------------------------------------------------


def _toml_lock(name: str, text: str) -> Iterator[Entry]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"is not valid TOML: {error}") from error
    except RecursionError as error:
        raise SourceError("is not valid TOML: nested too deeply") from error
    key, place = _kind(document)
    packages = document.get(key, [])
    if not isinstance(packages, list):
        raise SourceError(f"`{key}`", found=_short(packages), expected="an array of tables")
    lines = _header_lines(text, key, len(packages))
    for number, package in enumerate(packages):
        origin = f"{name}:{lines[number]}" if lines else name
        if not isinstance(package, dict):
            raise SourceError(f"`{key}[{number}]`", found=_short(package), expected="a table")
        yield _entry(package, origin, place)


def _kind(document: Table) -> tuple[str, Callable[[Table], str | LeftOut | None]]:
    """The key of the package list, and a function that tells where an entry comes from."""
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if "lock-version" in document:
        return "packages", _pylock_place
    if "lock_version" in metadata:
        return "package", _pdm_place
    if "lock-version" in metadata or "content-hash" in metadata:
        return "package", _poetry_place
    if isinstance(document.get("version"), int):
        return "package", _uv_place
    raise UsageError(
        "is no lock that is understood",
        expected="a `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml` or `Pipfile.lock`",
        hint="a requirements file must not end in `.lock`, `.toml` or `.json`",
    )


def _entry(package: Table, origin: str, place: Callable[[Table], str | LeftOut | None]) -> Entry:
    """One entry; ``place`` gives its index, None for the configured one, or why it has none."""
    name = package.get("name")
    if not isinstance(name, str):
        raise SourceError(f"`name` of the entry at `{origin}`", found=_short(name))
    where = place(package)
    if isinstance(where, LeftOut):
        return LeftOut(what=name, reason=where.reason, origin=origin)
    version = package.get("version")
    if version is None:
        return LeftOut(what=name, reason="has no version", origin=origin)
    return _release(name, version, origin, where)


def _release(name: str, version: object, origin: str, index: str | None) -> NamedRelease:
    try:
        project = canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise SourceError(
            f"`name` of the entry at `{origin}`", found=_short(name), expected="a project name"
        ) from error
    try:
        parsed = Version(version) if isinstance(version, str) else None
    except InvalidVersion:
        parsed = None
    if parsed is None:
        raise SourceError(
            f"`version` of `{name}` at `{origin}`", found=_short(version), expected="a version"
        )
    return NamedRelease(project=project, version=parsed, origin=origin, index=index)


def _no_release(reason: str) -> LeftOut:
    return LeftOut(what="", reason=reason, origin="")


def _uv_place(package: Table) -> str | LeftOut | None:
    source = package.get("source")
    if not isinstance(source, dict):
        return None
    registry = source.get("registry")
    if isinstance(registry, str):
        if registry.startswith(("http://", "https://")):
            return registry
        return _no_release(f"comes from the local folder `{registry}`; check that folder itself")
    return _no_release(_elsewhere(next(iter(source), "")))


def _poetry_place(package: Table) -> str | LeftOut | None:
    source = package.get("source")
    if not isinstance(source, dict):
        return None
    if source.get("type") == "legacy" and isinstance(source.get("url"), str):
        return str(source["url"])
    return _no_release(_elsewhere(str(source.get("type"))))


def _pdm_place(package: Table) -> str | LeftOut | None:
    for key in ("git", "hg", "svn", "bzr", "path", "url"):
        if key in package:
            return _no_release(_elsewhere(key))
    return None


def _pylock_place(package: Table) -> str | LeftOut | None:
    for key in ("vcs", "directory", "archive"):
        if key in package:
            return _no_release(_elsewhere(key))
    index = package.get("index")
    return index if isinstance(index, str) else None


_ELSEWHERE = {
    "editable": "a project folder", "virtual": "a project folder", "directory": "a project folder",
    "path": "a path", "file": "a file", "archive": "an archive", "url": "an address",
    "git": "a Git repository", "hg": "a Mercurial repository", "svn": "a Subversion repository",
    "bzr": "a Bazaar repository", "vcs": "a version control system",
}  # fmt: skip


def _elsewhere(kind: str) -> str:
    return f"comes from {_ELSEWHERE.get(kind, f'`{kind}`')}, not from an index"


def _header_lines(text: str, key: str, count: int) -> list[int]:
    """The line of each ``[[key]]``; empty if they are not written that way (TOML allows others)."""
    pattern = re.compile(rf"^[ \t]*\[\[[ \t]*{key}[ \t]*\]\]", re.MULTILINE)
    lines, line, position = [], 1, 0
    for match in pattern.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        lines.append(line)
    return lines if len(lines) == count else []


# --- JSON: Pipenv -------------------------------------------------------------------------------


def _pipfile(name: str, text: str, environ: Mapping[str, str]) -> Iterator[Entry]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError(
            f"is not valid JSON: {error.msg} (at line {error.lineno}, column {error.colno})"
        ) from error
    except RecursionError as error:
        raise SourceError("is not valid JSON: nested too deeply") from error
    if not isinstance(document, dict) or not isinstance(document.get("_meta"), dict):
        raise UsageError("is no `Pipfile.lock`", expected="a `_meta` table")
    indexes = _pipfile_indexes(document["_meta"], environ)
    for section, packages in document.items():
        if section == "_meta":
            continue
        if not isinstance(packages, dict):
            raise SourceError(f"`{section}`", found=_short(packages), expected="a table")
        start = text.find(f'"{section}"')
        for project, package in packages.items():
            found = re.compile(rf'"{re.escape(project)}"\s*:\s*{{').search(text, max(start, 0))
            origin = f"{name}:{text.count(chr(10), 0, found.start()) + 1}" if found else name
            yield _pipfile_entry(project, package, origin, indexes)


def _pipfile_indexes(meta: Table, environ: Mapping[str, str]) -> dict[str, str]:
    sources = meta.get("sources")
    indexes: dict[str, str] = {}
    for source in sources if isinstance(sources, list) else []:
        if isinstance(source, dict) and isinstance(source.get("url"), str):
            indexes[str(source.get("name"))] = re.sub(
                r"\$\{?(\w+)\}?", lambda match: environ.get(match[1], match[0]), source["url"]
            )
    return indexes


def _pipfile_entry(project: str, package: object, origin: str, indexes: Mapping[str, str]) -> Entry:
    if not isinstance(package, dict):
        raise SourceError(f"`{project}` at `{origin}`", found=_short(package), expected="a table")
    for key in ("git", "hg", "svn", "bzr", "path", "file"):
        if key in package:
            return LeftOut(what=project, reason=_elsewhere(key), origin=origin)
    version = package.get("version")
    if not isinstance(version, str) or not version.startswith("=="):
        return LeftOut(what=project, reason="is not pinned to one version", origin=origin)
    # Pipenv names an index only where the `Pipfile` does; its first source is the default one.
    index = indexes.get(str(package.get("index")), next(iter(indexes.values()), None))
    return _release(project, version.lstrip("=").strip(), origin, index)


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return f"`{text[:57]}...`" if len(text) > 60 else f"`{text}`"
