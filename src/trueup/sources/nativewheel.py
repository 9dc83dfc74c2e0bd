"""The shared objects inside a wheel. Nothing is unpacked to disk, and nothing is run."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import BinaryIO, TypeAlias, cast

from trueup.model.artifact import WheelName, parse_filename
from trueup.model.errors import ArchiveError, SourceError, UsageError
from trueup.model.library import Component, Distribution, Image, NativeFile
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.nativelib import FILENAME, NativeLib
from trueup.sources.archive import read_wheel
from trueup.sources.binary.read import LONGEST_MAGIC, is_binary, read_images
from trueup.sources.limits import Limits, check_size
from trueup.sources.nativelibfile import read_nativelib
from trueup.sources.recipe import CHUNK
from trueup.sources.sbom import components_of
from trueup.sources.shown import shown
from trueup.sources.unzip import DAMAGE, member_chunks, open_zip, read_member

__all__ = ["installed_path", "looks_native", "read_native_wheel"]

_LIMITS = Limits()
_AHEAD = 32 * 1024 * 1024
"""Bytes that are unpacked while the members before are parsed."""

_IN_MEMORY = 8 * 1024 * 1024
"""Bytes of a member that is unpacked in memory; larger ones go to a temporary file."""

_TEXT = frozenset({
    "py", "pyi", "pyc", "pyx", "pxd", "txt", "md", "rst", "json", "toml", "cfg", "ini", "h", "hpp",
    "hh", "cuh", "c", "cc", "cpp", "cu", "f90", "html", "css", "js", "mjs", "map", "ts", "svg",
    "png", "jpg", "gif", "ttf", "woff", "woff2", "csv", "xml", "yaml", "yml", "npy", "npz", "gz",
    "zip", "cmake", "pc", "typed", "sh", "bat", "ps1", "pem", "mo", "po", "lib", "a", "ipynb",
})  # fmt: skip
"""Suffixes of files that are not even looked into; everything else shows its first bytes."""


def looks_native(name: str) -> bool:
    """Whether a file of that name may be a shared object or a program."""
    base = name.rpartition("/")[2]
    return base.rpartition(".")[2].lower() not in _TEXT if "." in base else bool(base)


def installed_path(member: str, *, windows: bool = False) -> str:
    """Where a member of a wheel comes to lie, relative to site-packages, as RECORD writes it.

    Source: binary distribution format, "Installing a wheel", and `sysconfig`'s schemes: in an
    environment of its own, `data` is the prefix and `scripts` its folder of programs.
    """
    top, _, rest = member.partition("/")
    scheme, _, inner = rest.partition("/")
    if not top.endswith(".data") or not inner:
        return member
    prefix, programs = ("../..", "Scripts") if windows else ("../../..", "bin")
    folders = {
        "purelib": "",
        "platlib": "",
        "data": f"{prefix}/",
        "scripts": f"{prefix}/{programs}/",
    }
    return f"{folders[scheme]}{inner}" if scheme in folders else member


def read_native_wheel(
    file: BinaryIO, filename: str, *, origin: str | None = None, limits: Limits = _LIMITS
) -> Distribution:
    """What a wheel brings: its native files, what its metadata and its SBOMs say of them.

    ``file`` stays the caller's. Raises UsageError for a name that is no wheel's and ArchiveError
    for a file that is no sound wheel; a member that cannot be read is an Unreadable of its own.
    """
    name = parse_filename(filename)
    if not isinstance(name, WheelName):
        raise UsageError("is no wheel", found=f"`{filename}`", expected="a name ending in `.whl`")
    contents = read_wheel(file, filename=filename, limits=limits)
    windows = any(tag.platform.startswith("win") for tag in name.tags)
    notes: list[str] = []
    archive = open_zip(file, limits)
    components = tuple(_components(archive, contents.dist_info, notes, limits))
    file.seek(0, 2)
    return Distribution(
        project=name.project,
        version=name.version,
        filename=filename,
        origin=origin or filename,
        tags=name.tags,
        files=tuple(_files(archive, limits, windows=windows)),
        size=file.tell(),
        components=components,
        external=_external(contents.metadata),
        nativelib=_nativelib(archive, contents.dist_info, notes, limits),
        notes=tuple(notes),
    )


def _external(data: bytes | Unreadable) -> tuple[str, ...]:
    metadata = data if isinstance(data, Unreadable) else parse_metadata(data)
    if not isinstance(metadata, Metadata):
        return ()
    return metadata.fields.get("requires-external", ())


def _nativelib(
    archive: zipfile.ZipFile, dist_info: str | None, notes: list[str], limits: Limits
) -> NativeLib | None:
    name = f"{dist_info}/{FILENAME}"
    if name not in archive.NameToInfo:
        return None
    try:
        return read_nativelib(read_member(archive, archive.getinfo(name), limits.metadata))
    except ArchiveError as error:
        notes.append(str(error))
        return None


def _components(
    archive: zipfile.ZipFile, dist_info: str | None, notes: list[str], limits: Limits
) -> Iterator[Component]:
    for info in archive.infolist():
        if dist_info and info.filename.startswith(f"{dist_info}/sboms/") and not info.is_dir():
            try:
                yield from components_of(read_member(archive, info, limits.metadata))
            except ArchiveError as error:
                notes.append(str(error.within(info.filename)))


def _files(archive: zipfile.ZipFile, limits: Limits, *, windows: bool) -> Iterator[NativeFile]:
    """The native members; one thread unpacks and hashes what comes next while one is parsed."""
    members = [info for info in archive.infolist() if looks_native(info.filename)]
    waiting: deque[tuple[zipfile.ZipInfo, Future[_Unpacked | None]]] = deque()
    with ThreadPoolExecutor(1, "trueup-unpack") as pool:
        left = deque(members)
        ahead = 0
        while left or waiting:
            while left and (not waiting or ahead + left[0].file_size <= _AHEAD):
                info = left.popleft()
                ahead += info.file_size
                waiting.append((info, pool.submit(_unpack, archive, info, limits)))
            info, future = waiting.popleft()
            found = future.result()
            ahead -= info.file_size
            if found is not None:
                data, digest = found
                yield NativeFile(
                    path=installed_path(info.filename, windows=windows),
                    size=info.file_size,
                    packed=info.compress_size,
                    sha256=digest,
                    images=data if isinstance(data, Unreadable) else _images(data),
                )


_Unpacked: TypeAlias = tuple[BinaryIO | Unreadable, str]


def _images(file: BinaryIO) -> tuple[Image, ...] | Unreadable:
    with file:
        return read_images(file)


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> _Unpacked | None:
    """A member, unpacked into memory or, if it is large, on disk, and its sha256.

    None for what is no binary. Only one thread comes here: the members share one open file.
    """
    try:
        with archive.open(info) as member:
            if not is_binary(member.read(LONGEST_MAGIC)):
                return None
        check_size(f"`{shown(info.filename)}`", info.file_size, limits.binary)
        if info.file_size > limits.ratio_from:
            most = info.compress_size * limits.ratio
            check_size(f"`{shown(info.filename)}`, for what it is packed in,", info.file_size, most)
        if info.file_size <= _IN_MEMORY:
            data = read_member(archive, info, limits.binary)
            return io.BytesIO(data), hashlib.sha256(data).hexdigest()
        return _unpack_on_disk(archive, info, limits)
    except (ArchiveError, *DAMAGE) as error:
        reason = error.what if isinstance(error, ArchiveError) else "is damaged in its archive"
        return Unreadable(reason=reason), ""


def _unpack_on_disk(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits
) -> tuple[BinaryIO, str]:
    """LIEF reads an open file into one copy; the bytes besides it would be a second one."""
    digest = hashlib.sha256()
    with ExitStack() as stack:
        try:
            file = stack.enter_context(TemporaryFile(prefix="trueup-binary-"))
            for chunk in member_chunks(archive, info, limits.binary, size=CHUNK):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
        except OSError as error:
            raise SourceError(
                f"`{shown(info.filename)}` cannot be unpacked: {error.strerror or error}"
            ) from error
        stack.pop_all()  # Whoever reads it closes it.
        return cast(BinaryIO, file), digest.hexdigest()
