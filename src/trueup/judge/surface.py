"""What an image offers and asks for, as one digest: equal for two builds that can stand in.

It is necessary evidence and not sufficient: LP64 and ILP64 builds of one library can have the same
one. Measured: two independent builds of libgmp, libgeos, libwebp and libpng agree.
"""

from __future__ import annotations

import hashlib

from trueup.model.library import Image, SymbolKind
from trueup.model.libraryname import parse_library_name

__all__ = ["NOISE", "exports_that_count", "is_noise", "needs_that_count", "surface_digest"]

NOISE = frozenset({
    "_init", "_fini", "__bss_start", "_edata", "_end", "__end__", "_fbss", "_ftext", "_fdata",
    "edata", "end", "etext", "_etext", "__data_start", "data_start", "H5build_settings",
})  # fmt: skip
"""Symbols that linkers and compilers leave behind: two builds of one source differ in them."""

_LIBGCC = ("__bid_", "__dpd_", "__bfp", "__gcov_")
_SIZED = (SymbolKind.DATA, SymbolKind.THREAD_LOCAL)


def is_noise(name: str) -> bool:
    """Whether linker or compiler made this symbol, and not who wrote the library."""
    return name in NOISE or name.startswith(_LIBGCC)


def exports_that_count(image: Image) -> tuple[tuple[str, str, str, int], ...]:
    """(name, version node, kind, size of data) of the exports, sorted, without noise.

    Sizes of functions are the compiler's business; those of data are part of the interface, for a
    user may have a copy relocation of it.
    """
    return tuple(
        sorted(
            (
                export.name,
                export.version or "",
                export.kind.value,
                export.size if export.kind in _SIZED else 0,
            )
            for export in image.exports
            if not is_noise(export.name)
        )
    )


def needs_that_count(image: Image) -> tuple[str, ...]:
    """What it needs, without the digests that repair tools put into names; sorted."""
    names = (parse_library_name(name) for name in image.needed)
    return tuple(sorted(f"{name.stem}.{name.major}" for name in names))


def surface_digest(image: Image) -> str:
    """sha256 over name, exports, needs and version nodes, each as far as it counts."""
    own = parse_library_name(image.name or "")
    digest = hashlib.sha256(f"{image.machine}|{own.stem}|{own.major}\n".encode())
    for row in exports_that_count(image):
        digest.update("|".join(map(str, row)).encode() + b"\n")
    for name in (*needs_that_count(image), *sorted(image.defines_versions)):
        digest.update(f"{name}\n".encode())
    return digest.hexdigest()
