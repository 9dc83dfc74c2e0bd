"""Builds real wheels and sdists for tests: correct, byte for byte repeatable, or wrong on purpose.

make_wheel(folder, "demo", "1.0", requires=["numpy>=1"])        → demo-1.0-py3-none-any.whl
make_sdist(folder, "demo", "1.0", pyproject="[tool.trueup.wheels]…")   → demo-1.0.tar.gz
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

__all__ = [
    "compressed",
    "make_sdist",
    "make_wheel",
    "metadata_text",
    "record_text",
    "tar_bytes",
    "wheel_text",
    "zip_bytes",
]

Headers = Iterable[tuple[str, str]]
QUOTE = '"'
_EPOCH = (1980, 1, 1, 0, 0, 0)


def metadata_text(
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    requires_python: str | None = None,
    headers: Headers = (),
    metadata_version: str = "2.4",
    body: str | None = None,
) -> str:
    """The text of a METADATA or PKG-INFO file; ``headers`` are further ones, in their order."""
    lines = [f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}"]
    if requires_python is not None:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"{header}: {value}" for header, value in headers]
    return "\n".join(lines) + "\n" + (f"\n{body}" if body is not None else "")


def wheel_text(tags: Iterable[str], *, build: str | None = None, pure: bool = True) -> str:
    """The text of a WHEEL file; ``tags`` are written out, one per line."""
    lines = [
        "Wheel-Version: 1.0",
        "Generator: trueup-tests",
        f"Root-Is-Purelib: {str(pure).lower()}",
    ]
    lines += [f"Tag: {tag}" for tag in tags]
    if build is not None:
        lines.append(f"Build: {build}")
    return "\n".join(lines) + "\n"


def record_text(members: Sequence[tuple[str, bytes]], record: str) -> str:
    """The text of a RECORD file that lists the members and itself, with their sha256."""
    lines = []
    for name, data in members:
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        quoted = f'"{name.replace(QUOTE, QUOTE * 2)}"' if set(name) & {",", QUOTE} else name
        lines.append(f"{quoted},sha256={digest},{len(data)}")
    return "\n".join([*lines, f"{record},,"]) + "\n"


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    tags: str | Sequence[str] = "py3-none-any",
    build: str | None = None,
    variant: str | None = None,
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    requires_python: str | None = None,
    headers: Headers = (),
    metadata_version: str = "2.4",
    body: str | None = None,
    metadata_bytes: bytes | None = None,
    dist_info: str | None = None,
    wheel_headers: Headers | None = None,
    files: Mapping[str, bytes] | None = None,
    filename: str | None = None,
    compression: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """Write a wheel into ``folder`` and return its path.

    ``tags`` is one compressed tag set, as in the file name, or several that are joined; ``files``
    are further members; ``metadata_bytes`` replaces the METADATA, ``wheel_headers`` the WHEEL,
    ``dist_info`` the folder's name (such as ``Demo-1.0.dist-info``), ``filename`` the file's.
    """
    tag = tags if isinstance(tags, str) else _joined(tags)
    written = name.replace("-", "_")
    parts = [written, version, *([build] if build else []), tag, *([variant] if variant else [])]
    info = dist_info if dist_info is not None else f"{written}-{version}.dist-info"
    if metadata_bytes is None:
        metadata_bytes = metadata_text(
            name,
            version,
            requires=requires,
            extras=extras,
            requires_python=requires_python,
            headers=headers,
            metadata_version=metadata_version,
            body=body,
        ).encode()
    if wheel_headers is None:
        wheel = wheel_text(_expanded(tag), build=build, pure=tag.endswith("-none-any"))
    else:
        wheel = "".join(f"{header}: {value}\n" for header, value in wheel_headers)
    members = [
        (f"{written}/__init__.py", b""),
        *(files or {}).items(),
        (f"{info}/METADATA", metadata_bytes),
        (f"{info}/WHEEL", wheel.encode()),
    ]
    record = f"{info}/RECORD"
    members.append((record, record_text(members, record).encode()))
    path = folder / (filename or "-".join(parts) + ".whl")
    path.write_bytes(zip_bytes(members, compression=compression))
    return path


def make_sdist(
    folder: Path,
    name: str,
    version: str,
    *,
    format: str = "tar.gz",  # noqa: A002
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    requires_python: str | None = None,
    headers: Headers = (),
    metadata_version: str = "2.4",
    pkg_info: bytes | None = None,
    pyproject: str | bytes | None = None,
    files: Mapping[str, bytes] | None = None,
    top: str | None = None,
    pkg_info_last: bool = False,
    filename: str | None = None,
) -> Path:
    """Write an sdist (``tar``, ``tar.gz``, ``tgz``, ``tar.bz2``, ``tar.xz`` or ``zip``).

    Members are sorted, as setuptools does; ``pkg_info_last`` puts PKG-INFO last, as hatchling does.
    ``files`` are further members below the top folder, ``top`` replaces the folder's name.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    top = stem if top is None else top
    if pkg_info is None:
        pkg_info = metadata_text(
            name,
            version,
            requires=requires,
            extras=extras,
            requires_python=requires_python,
            headers=headers,
            metadata_version=metadata_version,
        ).encode()
    contents = {"PKG-INFO": pkg_info, **(files or {})}
    if pyproject is not None:
        contents["pyproject.toml"] = pyproject.encode() if isinstance(pyproject, str) else pyproject
    names = sorted(contents, key=lambda item: (pkg_info_last and item == "PKG-INFO", item))
    members = [(f"{top}/{item}", contents[item]) for item in names]
    data = zip_bytes(members) if format == "zip" else tar_bytes(members, format=format)
    path = folder / (filename or f"{stem}.{format}")
    path.write_bytes(data)
    return path


def zip_bytes(
    members: Iterable[tuple[str, bytes]], *, compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip of the members, in their order, with fixed times and modes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.external_attr = 0o100644 << 16
            info.compress_type = compression
            archive.writestr(info, data)
    return buffer.getvalue()


def tar_bytes(
    members: Iterable[tuple[str | tarfile.TarInfo, bytes]],
    *,
    format: str = "tar.gz",  # noqa: A002
    tar_format: int = tarfile.PAX_FORMAT,
) -> bytes:
    """A tar of the members, in their order; a TarInfo stands for a member that is no plain file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if info.isreg():
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return compressed(buffer.getvalue(), format)


def compressed(data: bytes, format: str) -> bytes:  # noqa: A002
    """The bytes as a ``tar``, ``tar.gz``, ``tgz``, ``tar.bz2`` or ``tar.xz`` file holds them."""
    match format:
        case "tar":
            return data
        case "tar.gz" | "tgz":
            return gzip.compress(data, mtime=0)
        case "tar.bz2":
            return bz2.compress(data)
        case "tar.xz":
            return lzma.compress(data)
    raise ValueError(format)


def _joined(tags: Sequence[str]) -> str:
    """``cp311-cp311-linux_x86_64`` and ``cp312-…`` → ``cp311.cp312-cp311.cp312-linux_x86_64``."""
    columns = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(dict.fromkeys(column)) for column in columns)


def _expanded(tag: str) -> list[str]:
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    return [f"{p}-{a}-{q}" for p in pythons for a in abis for q in platforms]
