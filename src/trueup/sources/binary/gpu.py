"""The device code in a library's sections: for which GPUs, and how many bytes each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trueup.model.library import GpuCode, GpuKind
from trueup.sources.binary.devicepieces import Piece
from trueup.sources.binary.fatbin import fatbin_pieces
from trueup.sources.binary.offload import bundle_pieces, zstd_inflate

__all__ = ["GPU_SECTIONS", "gpu_pieces", "read_gpu"]

_Key = tuple[str, GpuKind]

_LINKED = frozenset({".nv_fatbin", ".nv_fatb"})
_RELOCATABLE = frozenset({"__nv_relfatbin", "__nv_rel"})
_HIP = frozenset({".hip_fatbin", ".hip_fat"})

_REST: _Key = ("further targets", GpuKind.UNREAD)
_MOST_MODULES = 2000
"""Different ones in a library; what real ones hold differs in some dozens of ways."""

GPU_SECTIONS = _LINKED | _RELOCATABLE | _HIP
"""The sections to hand over; PE files know the first eight letters of each."""


def read_gpu(sections: Iterable[tuple[str, bytes | memoryview]]) -> tuple[GpuCode, ...]:
    """Device code by module and target, from (name, contents) pairs of an ELF or PE file.

    Sections other than GPU_SECTIONS are passed over. Modules that offer the same targets are summed
    into one, in the order in which they are first met: a device takes the same from each. What
    cannot be read is there too, of kind UNREAD; only headers and padding are left out.
    """
    sums: dict[tuple[bool, str, frozenset[_Key]], dict[_Key, int]] = {}
    for name, content in sections:
        if name not in GPU_SECTIONS:
            continue
        vendor = "amd" if name in _HIP else "nvidia"
        for offered in _modules(gpu_pieces(name, content)):
            key = (name in _RELOCATABLE, vendor, frozenset(offered))
            sizes = offered
            if key not in sums and len(sums) >= _MOST_MODULES:
                sizes = {_REST: sum(offered.values())}
                key = (False, vendor, frozenset(sizes))
            known = sums.setdefault(key, dict.fromkeys(sizes, 0))
            for one, size in sizes.items():
                known[one] += size
    return tuple(
        GpuCode(
            vendor=vendor,
            target=target,
            kind=kind,
            size=size,
            module=module,
            relocatable=relocatable,
        )
        for module, ((relocatable, vendor, _), sizes) in enumerate(sums.items())
        for (target, kind), size in sizes.items()
    )


def gpu_pieces(name: str, content: bytes | memoryview) -> Iterator[Piece]:
    """What one of GPU_SECTIONS consists of; the sizes of the pieces add up to it."""
    data = memoryview(content).cast("B")
    return bundle_pieces(data, zstd_inflate()) if name in _HIP else fatbin_pieces(data)


def _modules(pieces: Iterable[Piece]) -> Iterator[dict[_Key, int]]:
    """Bytes by target for each module; what is unread is a module by itself."""
    sizes: dict[_Key, int] = {}
    module = 0
    for piece in pieces:
        if piece.target is None:
            continue
        key = (piece.target, piece.kind)
        if piece.kind is GpuKind.UNREAD:
            yield {key: piece.size}
            continue
        if sizes and piece.module != module:
            yield sizes
            sizes = {}
        module = piece.module
        sizes[key] = sizes.get(key, 0) + piece.size
    if sizes:
        yield sizes
