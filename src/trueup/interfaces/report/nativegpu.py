"""GPU code on the page of `trueup libs`: by architecture, and what one device needs of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trueup.interfaces.report.nativefacts import FileRow
from trueup.interfaces.report.nativetiles import gpu_class
from trueup.judge.gpu import needed_for
from trueup.model.errors import UsageError
from trueup.model.gpu import Gpu, NvidiaGpu, parse_gpu
from trueup.model.library import GpuCode, GpuKind

__all__ = ["CodeView", "DeviceView", "codes_of", "devices_of"]

# Devices that run code which is named after another: 8.6 runs that of 8.0.
# Source: the table of compute capabilities that NVIDIA publishes.
_NVIDIA_DEVICES = (
    "sm_50 sm_52 sm_60 sm_61 sm_70 sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_103 sm_120 sm_121"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeView:
    """Device code for one architecture, over all files; ``holders`` are paths and bytes."""

    target: str
    kind: str
    classes: str
    size: int
    share: float
    holders: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """What one device loads: ``needed`` bytes of ``known`` ones, in ``served`` of all libraries."""

    name: str
    needed: int
    known: int
    served: int
    libraries: int
    codes: tuple[tuple[str, str, int], ...]

    @property
    def share(self) -> float:
        return self.needed / self.known if self.known else 0.0


def codes_of(rows: Sequence[FileRow], order: Sequence[tuple[str, GpuKind]]) -> tuple[CodeView, ...]:
    """Each architecture of ``order`` with the bytes that it takes."""
    found: dict[tuple[str, GpuKind], list[tuple[str, int]]] = {key: [] for key in order}
    for row in rows:
        for code, size in row.gpu:
            found[code.target, code.kind].append((row.file.path, size))
    whole = sum(size for holders in found.values() for _, size in holders)
    return tuple(
        CodeView(
            target=target,
            kind=kind.value,
            classes=gpu_class(order, target, kind),
            size=(size := sum(size for _, size in holders)),
            share=size / whole if whole else 0.0,
            holders=tuple(holders),
        )
        for (target, kind), holders in found.items()
    )


def devices_of(
    rows: Sequence[FileRow], order: Sequence[tuple[str, GpuKind]]
) -> tuple[DeviceView, ...]:
    """What each device that one may have needs of all files together."""
    libraries = [image.gpu for row in rows for image in row.file.readable if image.gpu]
    return tuple(_device(gpu, libraries) for gpu in _devices(order))


def _devices(order: Sequence[tuple[str, GpuKind]]) -> list[Gpu]:
    """Those that code is named after, and where any is NVIDIA's, its usual ones."""
    named = [parsed for target, _ in order for parsed in _parsed(target)]
    if any(isinstance(gpu, NvidiaGpu) for gpu in named):
        named += [parsed for name in _NVIDIA_DEVICES.split() for parsed in _parsed(name)]
    return sorted(dict.fromkeys(named), key=_rank)


def _rank(gpu: Gpu) -> tuple[bool, int, int, str]:
    if isinstance(gpu, NvidiaGpu):
        return False, gpu.major, gpu.minor, ""
    return True, 0, 0, str(gpu)


def _parsed(target: str) -> Iterator[Gpu]:
    """The device of a target; none for a family of devices, or what is unread."""
    try:
        yield parse_gpu(target.replace("compute_", "sm_"))
    except UsageError:
        return


def _device(gpu: Gpu, libraries: Sequence[Sequence[GpuCode]]) -> DeviceView:
    sums: dict[tuple[str, str], int] = {}
    served = 0
    for codes in libraries:
        needed = needed_for(codes, gpu)
        served += bool(needed)
        for code in needed:
            key = (code.target, code.kind.value)
            sums[key] = sums.get(key, 0) + code.size
    known = [code for codes in libraries for code in codes if code.kind is not GpuKind.UNREAD]
    return DeviceView(
        name=str(gpu),
        needed=sum(sums.values()),
        known=sum(code.size for code in known),
        served=served,
        libraries=len(libraries),
        codes=tuple((target, kind, size) for (target, kind), size in sums.items()),
    )
