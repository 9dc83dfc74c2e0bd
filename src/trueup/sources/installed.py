"""What is installed in an environment, from its files alone: nothing of it is imported or run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from packaging.tags import Tag, parse_tag
from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.errors import ArchiveError
from trueup.model.installed import (
    DirectUrl,
    Entry,
    FileState,
    InstalledDistribution,
    InstalledEnvironment,
    Layout,
    Rows,
    Runtime,
    plain_path,
)
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.record import parse_record
from trueup.model.version import parse_version
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

    Files that RECORD lists are looked for, and with ``deep`` compared by size and hash. ``prefix``
    is the folder that none of them may lie outside of (None: the common one of the sites and what
    is above them). What cannot be read is told, never raised.
    """
    found: list[InstalledDistribution] = []
    leftovers: list[tuple[str, str, str]] = []
    failures: list[tuple[str, str]] = []
    seen: set[NormalizedName] = set()
    for site in sites:
        try:
            names = sorted(os.listdir(site))  # noqa: PTH208
        except OSError as error:
            failures.append((str(site), f"cannot be listed: {error.strerror or error}"))
            continue
        leftovers += ((str(site), name, kind) for name in names if (kind := _kind(name)))
        files = _Files(site, prefix or _prefix_of(site), deep=deep)
        here: set[NormalizedName] = set()
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) and not _kind(name):
                place = _Folder(str(site), name, limits)
                files.know(name, place.names)
                one = _distribution(place)
                faults = tuple(files.faults(one))
                if faults or one.project in seen:
                    one = replace(one, shadowed=one.project in seen, faults=faults)
                found.append(one)
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
    return _distribution(_Folder(str(site), folder, limits))


class _Folder:
    """A `*.dist-info` or `*.egg-info`, listed once: most of what could be in it is not."""

    def __init__(self, site: str, name: str, limits: Limits) -> None:
        self.site = site
        self.name = name
        self._path = f"{site}/{name}"
        self._limits = limits
        try:
            self.names: frozenset[str] | None = frozenset(os.listdir(self._path))  # noqa: PTH208
        except OSError:
            # Debian's `six-1.16.0.egg-info` is a file.
            self.names = None

    def has(self, name: str) -> bool:
        return self.names is not None and name in self.names

    def read(self, name: str) -> bytes | Unreadable:
        """A file of the folder, or what is no folder itself."""
        path = self._path if self.names is None else f"{self._path}/{name}"
        if self.names is not None and name not in self.names:
            return Unreadable(reason=f"has no `{name}`")
        limit = self._limits.directory if name == "RECORD" else self._limits.metadata
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - many times
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    return Unreadable(reason=f"`{name}` is no regular file")
                check_size(f"`{name}`", status.st_size, limit)
                data = file.readall()
        except OSError as error:
            return Unreadable(reason=f"`{name}` cannot be read: {error.strerror or error}")
        except ArchiveError as error:
            return Unreadable(reason=error.what)
        return data


def _distribution(place: _Folder) -> InstalledDistribution:
    egg = place.name.endswith(".egg-info")
    name, version = _named(place.name)
    data = place.read("PKG-INFO" if egg else "METADATA")
    metadata = data if isinstance(data, Unreadable) else parse_metadata(data)
    if isinstance(metadata, Metadata):
        name, version = metadata.name or name, metadata.first("version") or version
    return InstalledDistribution(
        project=canonicalize_name(name),
        version=parse_version(version),
        written_version=version,
        layout=Layout.EGG_INFO if egg else Layout.DIST_INFO,
        site=place.site,
        folder=place.name,
        metadata=metadata,
        record=_record(place) if place.has("RECORD") and not egg else None,
        installer=_line(place) if place.has("INSTALLER") else None,
        requested=place.has("REQUESTED"),
        direct_url=_direct_url(place) if place.has("direct_url.json") else None,
        tags=_tags(place) if place.has("WHEEL") else frozenset(),
    )


def _named(folder: str) -> tuple[str, str]:
    """The name and the version of a folder's name."""
    stem = folder.removesuffix(".dist-info").removesuffix(".egg-info")
    name, _, rest = stem.partition("-")
    return name, rest.partition("-py")[0]


def _line(place: _Folder) -> str | None:
    data = place.read("INSTALLER")
    if isinstance(data, Unreadable):
        return None
    return data.decode("utf-8", "replace").strip()[:200] or None


def _direct_url(place: _Folder) -> DirectUrl | Unreadable:
    data = place.read("direct_url.json")
    if isinstance(data, Unreadable):
        return data
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


def _tags(place: _Folder) -> frozenset[Tag]:
    data = place.read("WHEEL")
    lines = data.decode("utf-8", "replace").splitlines() if isinstance(data, bytes) else ()
    pairs = (line.partition(":") for line in lines)
    texts = [value.strip() for name, _, value in pairs if name.strip().lower() == "tag"]
    return frozenset(tag for text in texts for tag in _parsed_tags(text))


@lru_cache(maxsize=4096)
def _parsed_tags(text: str) -> frozenset[Tag]:
    return parse_tag(text) if text.count("-") == 2 else frozenset()


def _record(place: _Folder) -> Rows | Unreadable:
    data = place.read("RECORD")
    if isinstance(data, Unreadable):
        return data
    try:
        return _rows(data)
    except ValueError as error:
        return Unreadable(reason=f"`RECORD` cannot be read: {error}")


def _rows(data: bytes) -> Rows:
    if b'"' not in data and b"\r" not in data:
        # Plain rows, which nearly all are: sixty thousand of them are read in a blink.
        text = data.decode("utf-8", "surrogateescape")
        lines = list(filter(None, text.split("\n")))
        if all(line.count(",") == 2 for line in lines):
            return Rows(lines=lines)
    return Rows(Entry(row.path, row.digest, row.size) for row in parse_record(data).rows)


# --- its files ------------------------------------------------------------------------------------


class _Files:
    """Whether the files of a site are as RECORD says: there, and with ``deep`` what it says."""

    def __init__(self, site: Path, prefix: Path, *, deep: bool) -> None:
        self._site = str(site)
        self._prefix = os.path.join(os.path.normpath(prefix), "")  # noqa: PTH118 - many times
        self._deep = deep
        self._listed: set[str] = set()
        self._there: set[str] = set()

    def faults(self, one: InstalledDistribution) -> Iterator[tuple[str, FileState]]:
        """The files of a distribution that are not as its RECORD says."""
        if not isinstance(one.record, Rows):
            return
        own = f"{one.folder}/RECORD"
        if self._deep:
            suspects: Iterable[Entry] = one.record
        else:
            # Sets of whole RECORDs and folders meet faster than their files one by one.
            paths = one.record.paths
            self._list({path.rpartition("/")[0] for path in paths})
            left = paths - self._there
            suspects = [entry for entry in one.record if entry.path in left] if left else ()
        for entry in suspects:
            if entry.path and entry.path != own:
                state = self._state(entry)
                if state is not None:
                    yield entry.path, state

    def know(self, folder: str, names: Iterable[str] | None) -> None:
        """Take a listing of a folder below the site that was made anyway."""
        if names is not None:
            self._listed.add(folder)
            self._there.update(map(f"{folder}/".__add__, names))

    def _list(self, folders: Iterable[str]) -> None:
        """Know the files of folders below the site."""
        for folder in folders:
            if folder not in self._listed:
                self._listed.add(folder)
                with suppress(OSError):
                    names = os.listdir(f"{self._site}/{folder}")  # noqa: PTH208 - many times
                    self._there.update(map(f"{folder}/".__add__, names) if folder else names)

    def _state(self, entry: Entry) -> FileState | None:
        path = entry.path
        full = f"{self._site}/{path}"
        if ".." in path or path[0] == "/" or "\\" in path:
            full = os.path.normpath(os.path.join(self._site, plain_path(path)))  # noqa: PTH118
            if not full.startswith(self._prefix):
                return FileState.OUTSIDE
        if self._deep and entry.digest:
            return self._content(full, entry)
        try:
            os.stat(full)  # noqa: PTH116 - many times
        except (FileNotFoundError, NotADirectoryError):
            return _absent(full)
        except OSError:
            return FileState.UNREADABLE
        return None

    def _content(self, full: str, entry: Entry) -> FileState | None:
        name, _, expected = entry.digest.partition("=")
        if name not in hashlib.algorithms_guaranteed or "shake" in name:
            return None
        try:
            found = _digest(full, name, int(entry.size) if entry.size.isdecimal() else None)
        except (FileNotFoundError, NotADirectoryError):
            return _absent(full)
        except OSError:
            return FileState.UNREADABLE
        if found is None:
            return FileState.SIZE
        written = urlsafe_b64encode(found).rstrip(b"=").decode("ascii")
        return None if written == expected.rstrip("=") else FileState.CONTENT


def _digest(path: str, name: str, size: int | None) -> bytes | None:
    """The digest of a file's contents; None if it has not this size, known as soon as it is larger.

    Plain system calls: a file object costs as much as hashing a small file. Opening a pipe must not
    wait for its writer.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        digest, total = hashlib.new(name, usedforsecurity=False), 0
        # One byte more than it should have tells whether it has more.
        step = _CHUNK if size is None else min(_CHUNK, size + 1)
        while data := os.read(descriptor, step):
            total += len(data)
            if size is not None and total > size:
                return None
            digest.update(data)
            if len(data) < step:
                break
        return digest.digest() if size is None or total == size else None
    finally:
        os.close(descriptor)


def _absent(path: str) -> FileState | None:
    # Interpreters write and remove compiled files as they like.
    return None if path.endswith((".pyc", ".pyo")) else FileState.MISSING
