"""The file name of a shared library, taken apart: `libgmp-a6f47472.so.10.5.0`."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["LibraryName", "known_as", "parse_library_name"]

# auditwheel puts -sha256[:8] before the first dot of the name, delvewheel -sha256[:32] before the
# suffix; a library that was repaired twice has two. delocate renames nothing.
_DIGEST = r"(?:-(?:[0-9a-f]{8}|[0-9a-f]{32}))*"
_DIGITS = re.compile(r"-(?P<digest>[0-9a-f]{8}|[0-9a-f]{32})$", re.ASCII)
_STEM = rf"(?P<stem>.+?)(?P<digests>{_DIGEST})"
# A version may end in a letter (OpenSSL's 1.1.1k), and stand before `.so` (`libtcl8.6.so` keeps it).
_ELF = re.compile(
    rf"{_STEM}(?:(?<=-[0-9a-f]{{8}})(?P<before>(?:\.\w+)*))?\.so(?P<version>(?:\.\d+[a-z]?)*)",
    re.ASCII,
)
_MACHO = re.compile(
    rf"(?P<stem>.+?)(?P<version>(?:\.\d+[a-z]?)*)(?P<digests>{_DIGEST})\.dylib", re.ASCII
)
_PE = re.compile(
    rf"(?P<stem>.+?)(?:[-.](?P<version>\d{{1,4}}(?:[._]\d+)*))?(?P<digests>{_DIGEST})\.dll",
    re.I | re.ASCII,
)

_PROJECTS = {
    "crypto": "openssl",
    "ssl": "openssl",
    "scipy_openblas": "openblas",
    "scipy_openblas64": "openblas",
    "openblasp": "openblas",
    "curl": "libcurl",
    "png16": "libpng",
    "jpeg": "libjpeg-turbo",
    "turbojpeg": "libjpeg-turbo",
    "z": "zlib",
    "sqlite3": "sqlite",
    "omp": "openmp (LLVM)",
    "iomp5": "openmp (LLVM)",
    "avcodec": "ffmpeg",
    "avformat": "ffmpeg",
    "avutil": "ffmpeg",
}
"""Libraries whose projects have another name; what is compiled in names the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryName:
    """``stem`` is the name without version and digest (``libgmp``), ``version`` such as ``10.5.0``
    (the file's, which is not the release of the library), ``digest`` the hexadecimal digits with
    which a repair tool made the name its own (the last, where that was done twice).
    """

    stem: str
    version: str = ""
    digest: str | None = None

    @property
    def library(self) -> str:
        """The name to compare across formats and packages: ``gmp`` for ``libgmp``."""
        return self.stem.lower().removeprefix("lib").rstrip("_-")

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]


def parse_library_name(name: str) -> LibraryName:
    """Take the last part of a path, a soname, an install name or a DLL name apart.

    What looks like no library at all is all stem.
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    for pattern in (_ELF, _MACHO, _PE):
        if match := pattern.fullmatch(base):
            found = match.groupdict(default="")
            version = found["version"] or found.get("before", "")
            digest = _DIGITS.search(found["digests"].lower())
            return LibraryName(
                stem=found["stem"],
                version=version.lstrip(".").replace("_", "."),
                digest=digest["digest"] if digest else None,
            )
    return LibraryName(stem=base)


def known_as(library: str) -> tuple[str, ...]:
    """The names under which a library is spoken of: its own, and that of its project."""
    bare = library.partition("-")[0]
    return tuple(
        dict.fromkeys((library, bare, _PROJECTS.get(library) or _PROJECTS.get(bare, bare)))
    )
