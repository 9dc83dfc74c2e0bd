"""What is installed in an environment, from its files alone: nothing of it is imported or run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.tags import Tag, parse_tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.model.errors import ArchiveError
from trueup.model.installed import (
    DirectUrl,
    Entry,
    FileState,
    InstalledDistribution,
    InstalledEnvironment,
    Layout,
    Runtime,
)
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.record import parse_record, record_digest
from trueup.sources.limits import Limits, check_size

__all__ = ["read_distribution", "read_environment"]

_LIMITS = Limits()
_CHUNK = 1 << 20


def read_environment(
    where: str,
    sites: Sequence[Path],
    runtime: Runtime,
    *,
    prefix: Path | None = None,
    deep: bool = False,
    limits: Limits = _LIMITS,
) -> InstalledEnvironment:
    """Every distribution in these folders, which are searched in this order.

    Files that RECORD lists are looked for, and with ``deep`` hashed. ``prefix`` is the folder that
    none of them may lie outside of (None: the common one of the sites and what is above them).
    What cannot be read is told, never raised.
    """
    found: list[InstalledDistribution] = []
    leftovers: list[tuple[str, str, str]] = []
    failures: list[tuple[str, str]] = []
    seen: set[NormalizedName] = set()
    for site in sites:
        try:
            names = sorted(entry.name for entry in os.scandir(site))
        except OSError as error:
            failures.append((str(site), f"cannot be listed: {error.strerror or error}"))
            continue
        here: set[NormalizedName] = set()
        files = _Files(site, prefix or _prefix_of(site), deep=deep)
        for name in names:
            kind = _kind(name)
            if kind is not None:
                leftovers.append((str(site), name, kind))
                continue
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            one = read_distribution(site, name, limits=limits)
            faults = tuple(files.faults(one))
            found.append(replace(one, shadowed=one.project in seen, faults=faults))
            here.add(one.project)
        seen |= here
    return InstalledEnvironment(
        where=where,
        sites=tuple(map(str, sites)),
        distributions=tuple(found),
        runtime=runtime,
        leftovers=tuple(leftovers),
        failures=tuple(failures),
        deep=deep,
    )


def _kind(name: str) -> str | None:
    """What a name is that stands for no distribution any more."""
    if name.startswith("~"):
        return "pip renamed it before an upgrade that did not end"
    if name.startswith("-") and name.endswith(".dist-info"):
        return "the name of its project is empty"
    return None


def _prefix_of(site: Path) -> Path:
    """The environment that a site belongs to: above `lib/python3.12/site-packages`, or itself."""
    parts = site.parts
    for depth, name in ((3, "lib"), (3, "lib64"), (2, "Lib")):
        if len(parts) > depth and parts[-depth] == name:
            return Path(*parts[:-depth])
    return site


# --- one distribution -----------------------------------------------------------------------------


def read_distribution(
    site: Path, folder: str, *, limits: Limits = _LIMITS
) -> InstalledDistribution:
    """What a `*.dist-info` or `*.egg-info` below a site says; faults are values, never raised."""
    place = site / folder
    egg = folder.endswith(".egg-info")
    name, version = _named(folder)
    data = _read(place if place.is_file() else place / ("PKG-INFO" if egg else "METADATA"), limits)
    metadata = data if isinstance(data, Unreadable) else parse_metadata(data)
    if isinstance(metadata, Metadata):
        name, version = metadata.name or name, metadata.first("version") or version
    return InstalledDistribution(
        project=canonicalize_name(name),
        version=_version(version),
        written_version=version,
        layout=Layout.EGG_INFO if egg else Layout.DIST_INFO,
        site=str(site),
        folder=folder,
        metadata=metadata,
        record=None if egg else _record(place, limits),
        installer=_line(place / "INSTALLER"),
        requested=(place / "REQUESTED").is_file(),
        direct_url=_direct_url(place / "direct_url.json", limits),
        tags=_tags(place / "WHEEL", limits),
    )


def _named(folder: str) -> tuple[str, str]:
    """The name and the version of a folder's name."""
    stem = folder.removesuffix(".dist-info").removesuffix(".egg-info")
    name, _, rest = stem.partition("-")
    return name, rest.partition("-py")[0]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _read(path: Path, limits: Limits) -> bytes | Unreadable:
    try:
        with path.open("rb") as file:
            data = file.read(limits.metadata + 1)
        check_size(f"`{path.name}`", len(data), limits.metadata)
    except FileNotFoundError:
        return Unreadable(reason=f"has no `{path.name}`")
    except OSError as error:
        return Unreadable(reason=f"`{path.name}` cannot be read: {error.strerror or error}")
    except ArchiveError as error:
        return Unreadable(reason=error.what)
    return data


def _line(path: Path) -> str | None:
    data = _read(path, _LIMITS)
    if isinstance(data, Unreadable):
        return None
    return data.decode("utf-8", "replace").strip()[:200] or None


def _direct_url(path: Path, limits: Limits) -> DirectUrl | Unreadable | None:
    data = _read(path, limits)
    if isinstance(data, Unreadable):
        return None if not path.exists() else data
    try:
        found = json.loads(data)
        archive = found.get("archive_info") or {}
        hashes = dict(archive.get("hashes") or {})
        if not hashes and "=" in archive.get("hash", ""):
            algorithm, _, digest = archive["hash"].partition("=")
            hashes = {algorithm: digest}
        return DirectUrl(
            url=str(found["url"]),
            editable=bool((found.get("dir_info") or {}).get("editable")),
            commit=(found.get("vcs_info") or {}).get("commit_id"),
            hashes=hashes or None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Unreadable(reason=f"`direct_url.json` is not as PEP 610 has it: {error!r}")


def _tags(path: Path, limits: Limits) -> frozenset[Tag]:
    data = _read(path, limits)
    tags: set[Tag] = set()
    if isinstance(data, bytes):
        for line in data.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "tag" and value.count("-") == 2:
                tags |= parse_tag(value.strip())
    return frozenset(tags)


def _record(place: Path, limits: Limits) -> tuple[Entry, ...] | Unreadable | None:
    path = place / "RECORD"
    try:
        with path.open("rb") as file:
            data = file.read(limits.directory + 1)
        check_size("`RECORD`", len(data), limits.directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unreadable(reason=f"`RECORD` cannot be read: {error.strerror or error}")
    except ArchiveError as error:
        return Unreadable(reason=error.what)
    try:
        return tuple(_entries(data))
    except ValueError as error:
        return Unreadable(reason=f"`RECORD` cannot be read: {error}")


def _entries(data: bytes) -> Iterator[Entry]:
    if b'"' in data or b"\r" in data:
        for row in parse_record(data).rows:
            yield _entry(row.path, row.digest, row.size)
        return
    # Plain rows, which nearly all are: sixty thousand of them are read in a blink.
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        if line:
            cells = line.split(",")
            if len(cells) != 3:
                raise ValueError(f"row {number} has {len(cells)} cells instead of 3")
            yield _entry(*cells)


def _entry(path: str, digest: str, size: str) -> Entry:
    return Entry(path=path, digest=digest, size=int(size) if size.isdecimal() else None)


# --- its files ------------------------------------------------------------------------------------


class _Files:
    """Whether the files of a site are as RECORD says."""

    def __init__(self, site: Path, prefix: Path, *, deep: bool) -> None:
        self._site = str(site)
        self._prefix = os.path.join(os.path.normpath(prefix), "")  # noqa: PTH118 - many times
        self._deep = deep

    def faults(self, one: InstalledDistribution) -> Iterator[tuple[str, FileState]]:
        own = f"{one.folder}/RECORD"
        for path, entry in one.paths():
            if not path or path == own:
                continue
            state = self._state(path, entry)
            if state is not None:
                yield entry.path, state

    def _state(self, path: str, entry: Entry) -> FileState | None:
        full = f"{self._site}/{path}"
        if path.startswith(("..", "/")):
            full = os.path.normpath(os.path.join(self._site, path))  # noqa: PTH118
            if not full.startswith(self._prefix):
                return FileState.OUTSIDE
        try:
            status = os.stat(full)  # noqa: PTH116 - many times
        except FileNotFoundError:
            # Interpreters write and remove these as they like.
            return None if path.endswith((".pyc", ".pyo")) else FileState.MISSING
        except OSError:
            return FileState.UNREADABLE
        if not entry.digest:
            return None
        if entry.size is not None and status.st_size != entry.size:
            return FileState.SIZE
        return self._content(full, entry) if self._deep else None

    def _content(self, full: str, entry: Entry) -> FileState | None:
        name, _, _ = entry.digest.partition("=")
        if name not in hashlib.algorithms_guaranteed or "shake" in name:
            return None
        try:
            with open(full, "rb", buffering=0) as file:  # noqa: PTH123 - many times
                digest = hashlib.file_digest(file, name).digest()
        except OSError:
            return FileState.UNREADABLE
        written = record_digest(digest).replace("sha256=", f"{name}=", 1)
        return None if written == entry.digest.rstrip("=") else FileState.CONTENT
