"""Which device code a GPU needs of all that a library carries.

Sources: CUDA C++ Programming Guide, "Binary Compatibility", "PTX Compatibility" and "Family-Specific
Features"; LLVM's "Clang Offload Bundler", "Compatibility Rules for Target ID", and its AMDGPU Usage,
"Generic Processors".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import assert_never

from trueup.model.gpu import AmdGpu, Gpu, NvidiaGpu
from trueup.model.library import GpuCode, GpuKind

__all__ = ["bytes_by_target", "needed_for"]

_Rank = tuple[int, int, int]
"""How well code suits a device, the larger the better."""

_NVIDIA = re.compile(r"(?:sm|compute)_(?P<number>\d+)(?P<suffix>[af]?)")
_SUFFIXES = ("", "f", "a")
# Embedded GPUs share a major version with others, and no machine code. 10.1 was renamed to 11.0.
_EMBEDDED = frozenset({53, 62, 72, 87, 101, 110})
_RENAMED = MappingProxyType({101: 110})
_EXACT, _GENERIC, _COMPILED = 2, 1, 0
_GENERICS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(f"gfx{number}" for number in numbers.split())
        for name, numbers in {
            "gfx9-generic": "900 902 904 906 909 90c",
            "gfx9-4-generic": "940 941 942 950",
            "gfx10-1-generic": "1010 1011 1012 1013",
            "gfx10-3-generic": "1030 1031 1032 1033 1034 1035 1036",
            "gfx11-generic": "1100 1101 1102 1103 1150 1151 1152 1153",
            "gfx12-generic": "1200 1201",
            "gfx12-5-generic": "1250 1251",
        }.items()
    }
)


def needed_for(codes: Sequence[GpuCode], gpu: Gpu) -> tuple[GpuCode, ...]:
    """What of ``codes``, all of one library, a device loads; in their order, empty if nothing.

    Of each module it is the machine code that suits best; only without any does the driver compile
    PTX, the newest that the device is new enough for. Relocatable code counts where none was linked
    for the device. An AMD device of which it is not known whether a feature is on needs the code
    for both. What is unread is never among the needed: nobody knows.
    """
    suits = _ranking(gpu)
    linked = [code for code in codes if not code.relocatable]
    chosen = _best(linked, suits)
    if not any(code.kind is GpuKind.BINARY for code in chosen):
        chosen += _best([code for code in codes if code.relocatable], suits)
    needed = set(chosen)
    return tuple(code for code in codes if code in needed)


def _ranking(gpu: Gpu) -> Callable[[GpuCode], _Rank | None]:
    match gpu:
        case NvidiaGpu():
            return partial(_suits_nvidia, gpu)
        case AmdGpu():
            return partial(_suits_amd, gpu)
    assert_never(gpu)


def _best(codes: Iterable[GpuCode], suits: Callable[[GpuCode], _Rank | None]) -> list[GpuCode]:
    """The codes of the highest rank in each module."""
    best: dict[int, tuple[_Rank, list[GpuCode]]] = {}
    for code in codes:
        rank = suits(code)
        if rank is None:
            continue
        known = best.get(code.module)
        if known is None or rank > known[0]:
            best[code.module] = (rank, [code])
        elif rank == known[0]:
            known[1].append(code)
    return [code for _, chosen in best.values() for code in chosen]


def _suits_nvidia(gpu: NvidiaGpu, code: GpuCode) -> _Rank | None:
    match = _NVIDIA.fullmatch(code.target)
    if code.vendor != "nvidia" or match is None:
        return None
    device, number, suffix = gpu.major * 10 + gpu.minor, int(match["number"]), match["suffix"]
    device, number = _RENAMED.get(device, device), _RENAMED.get(number, number)
    family = number // 10 == device // 10 and number <= device
    if suffix == "a" or (code.kind is GpuKind.BINARY and _EMBEDDED & {device, number}):
        fits = number == device
    elif suffix == "f" or code.kind is GpuKind.BINARY:
        fits = family
    else:
        fits = code.kind is GpuKind.PTX and number <= device
    first = _EXACT if code.kind is GpuKind.BINARY else _COMPILED
    return (first, number, _SUFFIXES.index(suffix)) if fits else None


def _suits_amd(gpu: AmdGpu, code: GpuCode) -> _Rank | None:
    if code.vendor != "amd":
        return None
    if code.kind is GpuKind.SPIRV:
        return _COMPILED, 0, 0
    processor, *settings = code.target.split(":")
    if code.kind is not GpuKind.BINARY or not _may_run(dict(gpu.features), settings):
        return None
    if processor == gpu.processor:
        return _EXACT, 0, 0
    return (_GENERIC, 0, 0) if gpu.processor in _GENERICS.get(processor, ()) else None


def _may_run(features: Mapping[str, bool], settings: Iterable[str]) -> bool:
    """Whether no feature that code insists on is known to be otherwise."""
    return all(
        features.get(setting[:-1], setting.endswith("+")) is setting.endswith("+")
        for setting in settings
    )


def bytes_by_target(codes: Iterable[GpuCode]) -> dict[str, int]:
    """Bytes in the file by target, whatever the module; in the order in which targets are met."""
    sums: dict[str, int] = {}
    for code in codes:
        sums[code.target] = sums.get(code.target, 0) + code.size
    return sums
