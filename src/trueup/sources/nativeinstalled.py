"""The shared objects of an installed environment, from its files alone: no Python of it is run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name

from trueup.model.errors import ArchiveError, NotFoundError, TrueupError
from trueup.model.library import Component, Distribution, NativeFile
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.nativelib import FILENAME, NativeLib
from trueup.model.record import parse_record
from trueup.sources.binary.read import LONGEST_MAGIC, is_binary, read_images
from trueup.sources.distinfo import DistInfo
from trueup.sources.limits import Limits, size_text
from trueup.sources.nativelibfile import read_nativelib
from trueup.sources.nativewheel import looks_native
from trueup.sources.sbom import components_of

__all__ = ["read_installed", "site_packages_of"]

_LIMITS = Limits()


def site_packages_of(path: Path) -> Path:
    """The site-packages of an interpreter, a virtual environment, or itself.

    The interpreter is not asked: its prefix is the folder above `bin` (or of `Scripts`), and
    site-packages lies where `sysconfig`'s schemes put it. Raises NotFoundError if it is not there.
    """
    prefixes = [path]
    if path.is_file():
        prefixes = [path.parent.parent, path.parent]
    for prefix in prefixes:
        found = sorted(prefix.glob("lib/python3*/site-packages")) or [
            folder
            for folder in (prefix / "Lib" / "site-packages", prefix)
            if folder.is_dir() and (folder.name != prefix.name or any(prefix.glob("*.dist-info")))
        ]
        if found:
            return found[-1]
    raise NotFoundError(
        "has no site-packages",
        expected="a Python, a virtual environment, or a folder of installed packages",
        place=(str(path),),
    )


def read_installed(site: Path, *, limits: Limits = _LIMITS) -> tuple[Distribution, ...]:
    """Every installed distribution with its native files, by name.

    A file belongs to the distribution whose RECORD lists it. What cannot be read is told in the
    ``notes`` of its distribution.
    """
    found = []
    for folder in sorted(site.glob("*.dist-info")):
        try:
            distribution = _read(site, folder, limits)
        except TrueupError:
            continue
        if distribution is not None:
            found.append(distribution)
    return tuple(found)


def _read(site: Path, folder: Path, limits: Limits) -> Distribution | None:
    info = DistInfo(folder, limits=limits)
    metadata = parse_metadata(info.read("METADATA") or b"")
    if not isinstance(metadata, Metadata) or metadata.name is None or metadata.version is None:
        return None
    notes: list[str] = []
    return Distribution(
        project=canonicalize_name(metadata.name),
        version=metadata.version,
        filename=folder.name,
        origin=str(folder),
        tags=_tags(info.read("WHEEL") or b""),
        files=tuple(_files(site, info, notes, limits)),
        components=tuple(_components(folder, notes, limits)),
        external=metadata.fields.get("requires-external", ()),
        nativelib=_nativelib(info, notes),
        notes=tuple(notes),
    )


def _nativelib(info: DistInfo, notes: list[str]) -> NativeLib | None:
    data = info.read(FILENAME)
    try:
        return None if data is None else read_nativelib(data)
    except ArchiveError as error:
        notes.append(str(error))
        return None


def _tags(wheel: bytes) -> frozenset[Tag]:
    tags: set[Tag] = set()
    for line in wheel.decode(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "tag" and value.count("-") >= 2:
            tags |= parse_tag(value.strip())
    return frozenset(tags)


def _components(folder: Path, notes: list[str], limits: Limits) -> Iterator[Component]:
    for path in sorted((folder / "sboms").glob("*.json")):
        try:
            if path.stat().st_size <= limits.metadata:
                yield from components_of(path.read_bytes())
        except (ArchiveError, OSError) as error:
            notes.append(f"`{path.name}`: {error}")


def _files(site: Path, info: DistInfo, notes: list[str], limits: Limits) -> Iterator[NativeFile]:
    record = info.read("RECORD")
    if record is None:
        notes.append("has no RECORD, so its files are unknown")
        return
    try:
        rows = parse_record(record).paths
    except ValueError as error:
        notes.append(f"its RECORD cannot be read: {error}")
        return
    for path in _candidates(rows):
        try:
            file = _file(site / path, path, limits)
        except OSError as error:
            notes.append(f"`{path}` cannot be read: {error.strerror or error}")
            continue
        if file is not None:
            yield file


def _candidates(rows: Iterable[str]) -> Iterator[str]:
    for row in rows:
        path = row.replace("\\", "/")
        if looks_native(path) and not path.startswith("/"):
            yield path


def _file(where: Path, path: str, limits: Limits) -> NativeFile | None:
    if not where.is_file():
        return None
    with where.open("rb") as file:
        head = file.read(LONGEST_MAGIC)
        if not is_binary(head):
            return None
        size = os.fstat(file.fileno()).st_size
        if size > limits.binary:
            reason = f"is larger than {size_text(limits.binary)}"
            return NativeFile(
                path=path, size=size, packed=None, sha256="", images=Unreadable(reason=reason)
            )
        file.seek(0)
        return NativeFile(
            path=path,
            size=size,
            packed=None,
            sha256=hashlib.file_digest(file, "sha256").hexdigest(),
            images=read_images(file),
        )
