"""A wheel whose bundled libraries are to move: read whole, and written without them."""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from packaging.tags import Tag
from packaging.utils import NormalizedName

from trueup.judge.companion import bundle_folder
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.errors import ArchiveError, SourceError, TrueupError, UsageError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.split import Relink, SplitWheel
from trueup.sources.archive import read_wheel
from trueup.sources.binedit.elf import DoesNotFitError, ElfEdit, edit_elf
from trueup.sources.binedit.macho import edit_macho
from trueup.sources.binedit.patchelf import patch_elf
from trueup.sources.binedit.pe import edit_pe
from trueup.sources.limits import Limits
from trueup.sources.nativewheel import installed_path, read_native_wheel
from trueup.sources.packed import Packed, pack
from trueup.sources.recipe import CHUNK
from trueup.sources.unzip import DAMAGE, open_zip, read_member

__all__ = ["edited_members", "member_digests", "member_names", "naming", "read_split_wheel"]

_LIMITS = Limits()
_COMPOSED = re.compile(rb"""[\w})*]\.libs["'/\\]|\+\s*[bfr]?["']\.libs["'/\\]""", re.ASCII)
"""`f"{name}.libs"`, `name + ".libs"`, `"*.libs"`: but not `".libs"` alone, a folder of that name."""

_WORKERS = 2
"""Members that are deflated at a time; zlib leaves the interpreter free."""


def read_split_wheel(path: Path, *, limits: Limits = _LIMITS) -> SplitWheel:
    """Read a wheel, hash what its folders of libraries hold, and find code that names them.

    Raises ArchiveError, UsageError and SourceError with the path.
    """
    try:
        with path.open("rb") as file:
            distribution = read_native_wheel(file, path.name, origin=str(path), limits=limits)
            archive = open_zip(file, limits)
            known = {one.path: one.sha256 for one in distribution.files}
            members = [info for info in archive.infolist() if not info.is_dir()]
            requires, pure = _declared(file, path.name, limits)
            bundled = {
                info.filename: known.get(info.filename) or _sha256(archive, info)
                for info in members
                if bundle_folder(info.filename) is not None
            }
            return SplitWheel(
                distribution=distribution,
                bundled=bundled,
                mentions=tuple(_mentions(archive, members, set(bundled), (), limits)),
                members=frozenset(info.filename for info in members),
                requires=requires,
                pure=pure,
            )
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except TrueupError as error:
        raise error.within(str(path)) from error


def member_digests(path: Path, *, limits: Limits = _LIMITS) -> tuple[WheelName, dict[str, str]]:
    """A companion's file name taken apart, and the sha256 of every member but its dist-info.

    Raises UsageError for what is no wheel, ArchiveError and SourceError.
    """
    name = parse_filename(path.name)
    if not isinstance(name, WheelName):
        raise UsageError("is no wheel", place=(str(path),))
    try:
        with path.open("rb") as file:
            archive = open_zip(file, limits)
            return name, {
                info.filename: _sha256(archive, info)
                for info in archive.infolist()
                if not info.is_dir() and ".dist-info/" not in info.filename
            }
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror or error}", place=(str(path),)
        ) from error
    except TrueupError as error:
        raise error.within(str(path)) from error


def member_names(names: Iterable[str], tags: Iterable[Tag]) -> dict[str, str]:
    """The members of a wheel with these tags by the path that each is installed to."""
    windows = any(tag.platform.startswith("win") for tag in tags)
    return {installed_path(name, windows=windows): name for name in names}


def _declared(
    file: BinaryIO, filename: str, limits: Limits
) -> tuple[frozenset[NormalizedName], bool]:
    """The projects that the metadata asks for, and Root-Is-Purelib."""
    contents = read_wheel(file, filename=filename, limits=limits)
    pure = (contents.wheel_headers or {}).get("root-is-purelib", ("",))[0].lower() == "true"
    if isinstance(contents.metadata, Unreadable):
        raise ArchiveError(contents.metadata.reason, hint=contents.metadata.hint)
    metadata = parse_metadata(contents.metadata)
    resolution = metadata if isinstance(metadata, Unreadable) else metadata.resolution
    if isinstance(resolution, Unreadable):
        raise ArchiveError(resolution.reason, hint=resolution.hint)
    return frozenset(one.project for one in resolution.requires_dist), pure


def _sha256(archive: ZipFile, info: ZipInfo) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(archive, info):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(archive: ZipFile, info: ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as member:
            while chunk := member.read(CHUNK):
                yield chunk
    except DAMAGE as error:
        raise ArchiveError(f"`{info.filename}` is damaged", hint="build it again") from error


def naming(file: BinaryIO, gone: Set[str], *, limits: Limits = _LIMITS) -> tuple[str, ...]:
    """Python files of a wheel that name one of these members of folders of libraries, or a folder.

    Raises ArchiveError.
    """
    archive = open_zip(file, limits)
    names = [name.rpartition("/")[2].encode() for name in gone]
    return tuple(_mentions(archive, archive.infolist(), gone, names, limits))


def _mentions(
    archive: ZipFile,
    members: Iterable[ZipInfo],
    bundled: Set[str],
    names: Iterable[bytes],
    limits: Limits,
) -> Iterator[str]:
    """Python files that name a folder of libraries, such as `numpy.libs`, or put its name together.

    ``names`` are other words that count.
    """
    folders = {folder for name in bundled if (folder := bundle_folder(name)) is not None}
    if not folders:
        return
    marks = [*names, *(folder.rpartition("/")[2].encode() for folder in folders)]
    for info in members:
        if not info.filename.endswith(".py") or info.filename in bundled:
            continue
        text = read_member(archive, info, limits.metadata)
        if any(mark in text for mark in marks) or _COMPOSED.search(text):
            yield info.filename


def edited_members(
    file: BinaryIO,
    edits: Mapping[str, ElfEdit | Relink],
    scratch: Path,
    *,
    limits: Limits = _LIMITS,
) -> dict[str, Packed]:
    """The members with other names and search paths, deflated into files below ``scratch``.

    An :class:`ElfEdit` is made in place or not at all (DoesNotFitError); a :class:`Relink` that
    finds no room is made by `patchelf`. Only one member for each worker is on disk unpacked, and
    none is held in memory. Raises TrueupError with the member's name.
    """
    archive = open_zip(file, limits)
    with ThreadPoolExecutor(_WORKERS, "trueup-pack") as pool:
        futures = {}
        for number, (name, edit) in enumerate(sorted(edits.items())):
            # Inflating is quick and needs the one open file, so it is done here.
            plain = scratch / f"{number}.bin"
            with plain.open("xb") as unpacked:
                for chunk in _chunks(archive, archive.getinfo(name)):
                    unpacked.write(chunk)
            futures[name] = pool.submit(_edited, name, plain, edit)
        return {name: future.result() for name, future in futures.items()}


def _edited(name: str, plain: Path, edit: ElfEdit | Relink) -> Packed:
    try:
        if isinstance(edit, Relink):
            _relink(plain, edit)
        else:
            _patch(plain, edit)
        with plain.open("rb") as file:
            return pack(iter(lambda: file.read(CHUNK), b""), plain.with_suffix(".deflated"))
    except TrueupError as error:
        raise error.within(name) from error
    finally:
        plain.unlink(missing_ok=True)


def _patch(plain: Path, edit: ElfEdit) -> None:
    with plain.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        for offset, new in edit_elf(data, edit):
            data[offset : offset + len(new)] = new


def _relink(plain: Path, relink: Relink) -> None:
    """ELF in place where names and path fit into the old ones, without a byte of growth.

    Mach-O and PE are held in memory and rewritten as a whole.
    """
    with plain.open("rb") as file:
        head = file.read(4)
    if head != b"\x7fELF":
        data = plain.read_bytes()
        if head[:2] == b"MZ":
            plain.write_bytes(edit_pe(data, name=relink.name, needed=relink.needed))
        else:
            plain.write_bytes(edit_macho(data, name=relink.name, needed=relink.needed))
        return
    try:
        edit = ElfEdit(name=relink.name, needed=relink.needed, path=relink.search, rpath=True)
        _patch(plain, edit)
    except DoesNotFitError:
        patch_elf(plain, relink)
