"""What another index server left in a folder: its files, and what it said about them.

Three kinds are told apart by what lies there:

- an export of devpi (`devpi-export`): `dataindex.json`, format 1 or 2, names each file, its digest,
  when and by whom it was uploaded;
- a mirror in static files, as bandersnatch writes one (`web/simple/PROJECT/index.html` or
  `index.v1_json`, whose links lead to `web/packages/…`);
- any other folder, flat or nested, such as those of pypiserver: nothing is known but the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
from packaging.utils import canonicalize_name

from trueup.model.artifact import (
    OtherName,
    SdistName,
    WheelName,
    has_artifact_suffix,
    parse_filename,
)
from trueup.model.errors import NotFoundError, TrueupError, UsageError
from trueup.sources.simple import parse_page

__all__ = ["Collected", "Collection", "Kind", "LeftOut", "collect"]

_HASHES = frozenset({"blake2b", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
_PAGES = ("index.v1_json", "index.json", "index.html", "index.v1_html")
"""A project's page in a mirror; the first one that is there is read."""


class Kind(StrEnum):
    """What a folder is."""

    FOLDER = "folder"
    DEVPI = "devpi export"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One artifact; ``hashes`` are what the other index said (hexadecimal, by algorithm),
    ``uploaded`` seconds since 1970, None where it said nothing; ``yanked`` as on a page (PEP 592).
    """

    path: Path
    filename: str
    name: WheelName | SdistName
    hashes: Mapping[str, str] = field(default_factory=dict)
    uploaded: float | None = None
    yanked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that is no artifact of a release, or cannot be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """All that is there."""

    kind: Kind
    files: tuple[Collected, ...]
    left_out: tuple[LeftOut, ...]


def collect(folder: Path, *, index: str | None = None, by_time: bool = False) -> Collection:
    """Look through a folder; what cannot be read is left out with the reason.

    ``index`` is one of several in an export of devpi (`user/name`); ``by_time`` takes the time of a
    file's last change for that of its upload where nobody said it. Raises NotFoundError, UsageError
    for an export that cannot be read, or has several indexes of which none was named.
    """
    if not folder.is_dir():
        raise NotFoundError("no such folder", place=(str(folder),))
    left_out: list[LeftOut] = []
    if (folder / "dataindex.json").is_file():
        kind, files = Kind.DEVPI, _devpi(folder, index, left_out)
    elif index is not None:
        raise UsageError(
            "is no export of devpi, so it has no index of that name",
            found=f"`{index}`",
            place=(str(folder),),
        )
    elif (simple := _simple(folder)) is not None:
        kind, files = Kind.MIRROR, _mirror(simple, left_out)
    else:
        kind, files = Kind.FOLDER, _walked(folder, left_out)
    found = [_timed(file) if by_time else file for file in files]
    return Collection(kind=kind, files=tuple(found), left_out=tuple(left_out))


def _timed(file: Collected) -> Collected:
    if file.uploaded is None:
        # A file that cannot be looked at is said to be so when it is read.
        with suppress(OSError):
            return replace(file, uploaded=file.path.stat().st_mtime)
    return file


# --- a folder ---------------------------------------------------------------------------------------


def _walked(folder: Path, left_out: list[LeftOut]) -> Iterator[Collected]:
    def failed(error: OSError) -> None:
        name = os.path.relpath(error.filename or folder, folder)
        left_out.append(LeftOut(name=name, reason=_words(error)))

    # Links to folders are not followed: they may lead round in a circle.
    for where, folders, names in os.walk(folder, onerror=failed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where) / name
            if name.startswith(".") or not has_artifact_suffix(name):
                continue
            file = _collected(path, name)
            if isinstance(file, LeftOut):
                left_out.append(LeftOut(name=str(path.relative_to(folder)), reason=file.reason))
            else:
                yield file


def _collected(path: Path, filename: str) -> Collected | LeftOut:
    """A file by its name; one whose name is no artifact's is left out."""
    name = parse_filename(filename)
    if isinstance(name, OtherName):
        return LeftOut(name=filename, reason=name.reason)
    return Collected(path=path, filename=filename, name=name)


def _words(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


# --- devpi ------------------------------------------------------------------------------------------


class _Entry(msgspec.Struct):
    last_modified: str | None = None
    hash_spec: str | None = None
    hashes: dict[str, str] = {}
    md5: str | None = None


class _Event(msgspec.Struct):
    what: str | None = None
    when: list[float] | None = None


class _File(msgspec.Struct):
    type: str
    relpath: str
    projectname: str | None = None
    version: str | None = None
    entrymapping: _Entry | None = None
    log: list[_Event] | None = None


class _Version(msgspec.Struct):
    yanked: bool | str | None = None


class _Index(msgspec.Struct):
    files: list[_File] = []
    projects: dict[str, dict[str, _Version]] = {}


class _Export(msgspec.Struct):
    """`dataindex.json`, as far as it is needed; passwords and settings are not read."""

    dumpversion: str | int
    indexes: dict[str, _Index]


def _devpi(folder: Path, wanted: str | None, left_out: list[LeftOut]) -> Iterator[Collected]:
    path = folder / "dataindex.json"
    try:
        export = msgspec.json.decode(path.read_bytes(), type=_Export)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"cannot be read: {error}", place=(str(path),)) from error
    if str(export.dumpversion) not in ("1", "2"):
        raise UsageError(
            "has another format",
            found=f"dumpversion {export.dumpversion}",
            expected="1 or 2",
            place=(str(path),),
        )
    index = _chosen(export, wanted, str(path))
    root = folder.resolve()
    for file in index.files:
        if file.type != "releasefile":
            left_out.append(LeftOut(name=file.relpath, reason=f"is a {file.type}, no artifact"))
            continue
        place = _inside(root, root / file.relpath)
        if place is None:
            left_out.append(LeftOut(name=file.relpath, reason="lies outside of the export"))
            continue
        found = _collected(place, place.name)
        if isinstance(found, LeftOut):
            left_out.append(found)
            continue
        entry = file.entrymapping or _Entry()
        yield replace(
            found,
            hashes=_devpi_hashes(entry),
            uploaded=_devpi_time(file.log or (), entry),
            yanked=_devpi_yanked(index, file),
        )


def _chosen(export: _Export, wanted: str | None, place: str) -> _Index:
    """The index that is meant: the one of that name, or the only one that has files."""
    if wanted is not None:
        if wanted not in export.indexes:
            raise UsageError(
                "has no such index", found=f"`{wanted}`", expected=_names(export.indexes),
                place=(place,),
            )  # fmt: skip
        return export.indexes[wanted]
    filled = {name: index for name, index in export.indexes.items() if index.files}
    if len(filled) > 1:
        raise UsageError(
            "has several indexes",
            found=_names(filled),
            hint="`--from NAME` takes one; each into a channel of its own keeps them apart",
            place=(place,),
        )
    return next(iter(filled.values()), _Index())


def _names(indexes: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(indexes)) or "none"


def _devpi_hashes(entry: _Entry) -> dict[str, str]:
    found = dict(entry.hashes)
    kind, separator, value = (entry.hash_spec or "").partition("=")
    if separator:
        found.setdefault(kind, value)
    if entry.md5:
        found.setdefault("md5", entry.md5)
    return _known_hashes(found)


def _known_hashes(hashes: Mapping[str, str]) -> dict[str, str]:
    return {kind: value.lower() for kind, value in hashes.items() if kind in _HASHES and value}


def _devpi_time(log: Iterable[_Event], entry: _Entry) -> float | None:
    """When the file was uploaded: by its log, in UTC, else when its entry was changed last."""
    for event in log:
        if event.what == "upload" and event.when and len(event.when) >= 6:
            with suppress(ValueError, OverflowError):
                year, month, day, hour, minute, second = map(int, event.when[:6])
                return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(entry.last_modified or "").timestamp()
    return None


def _devpi_yanked(index: _Index, file: _File) -> str | None:
    versions = index.projects.get(canonicalize_name(file.projectname or ""), {})
    said = versions.get(file.version or "", _Version()).yanked
    if said is None or said is False:
        return None
    return "" if said is True else said


# --- a mirror ---------------------------------------------------------------------------------------


def _simple(folder: Path) -> Path | None:
    """The folder of a mirror's pages: the one named, or one below it."""
    for below in ("web/simple", "simple", "."):
        place = folder / below
        if any(True for _ in _pages_of(place)):
            return place
    return None


def _pages_of(simple: Path) -> Iterator[tuple[str, Path]]:
    """The pages of projects, `simple/demo/index.html`, also where folders are sorted by letters."""
    for place in _folders(simple):
        page = _page_in(place)
        if page is not None:
            yield place.name, page
        elif len(place.name) == 1:
            for inner in _folders(place):
                page = _page_in(inner)
                if page is not None:
                    yield inner.name, page


def _folders(folder: Path) -> list[Path]:
    # Not the methods of `Path`: those raise where a folder may not be entered.
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []
    return [folder / name for name in names if os.path.isdir(folder / name)]  # noqa: PTH112


def _page_in(folder: Path) -> Path | None:
    return next((folder / name for name in _PAGES if os.path.isfile(folder / name)), None)  # noqa: PTH113


def _mirror(simple: Path, left_out: list[LeftOut]) -> Iterator[Collected]:
    root = simple.parent.resolve()
    for name, path in _pages_of(simple):
        project = canonicalize_name(name)
        address = f"{path.parent.resolve().as_uri()}/"
        kind = (
            "application/vnd.pypi.simple.v1+json" if path.suffix.endswith("json") else "text/html"
        )
        try:
            page = parse_page(path.read_bytes(), content_type=kind, url=address, project=project)
        except OSError as error:
            left_out.append(LeftOut(name=str(path.relative_to(simple)), reason=_words(error)))
            continue
        except TrueupError as error:
            left_out.append(LeftOut(name=str(path.relative_to(simple)), reason=error.what))
            continue
        for file in page.files:
            place = _below(root, file.url)
            found = _collected(place or root / file.filename, file.filename)
            if isinstance(found, LeftOut):
                left_out.append(found)
            elif place is None:
                left_out.append(LeftOut(name=file.filename, reason="lies outside of the mirror"))
            elif not os.path.exists(place):  # noqa: PTH110
                left_out.append(LeftOut(name=file.filename, reason="is on a page, and not there"))
            else:
                time = file.upload_time
                yield replace(
                    found,
                    hashes=_known_hashes(file.hashes),
                    uploaded=time.timestamp() if time is not None else None,
                    yanked=file.yanked,
                )


def _below(root: Path, url: str) -> Path | None:
    """Where a linked file lies in the mirror; also by the whole address that it is served under."""
    parts = urlsplit(url)
    text = unquote(parts.path)
    if parts.scheme == "file":
        return _inside(root, Path(text))
    _, found, rest = text.partition("/packages/")
    return _inside(root, root / "packages" / rest) if found else None


def _inside(root: Path, path: Path) -> Path | None:
    """The path, if it does not lead out of a folder; a name that no file can have does."""
    try:
        resolved = path.resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return resolved if resolved.is_relative_to(root) else None
