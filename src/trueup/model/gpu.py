"""A device, as a user names it: ``sm_90`` or ``9.0`` (NVIDIA), ``gfx90a:xnack-`` (AMD)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import UsageError

__all__ = ["AmdGpu", "Gpu", "NvidiaGpu", "parse_gpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NvidiaGpu:
    """A device by its compute capability: 9.0 of ``sm_90``."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"sm_{self.major}{self.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AmdGpu:
    """A device by its processor, and how it is configured as far as the user said.

    ``features`` holds ``xnack`` and ``sramecc`` with True for on and False for off, sorted by name;
    one that is missing is not known.
    """

    processor: str
    features: tuple[tuple[str, bool], ...] = ()

    def __str__(self) -> str:
        settings = (f"{name}{'+' if on else '-'}" for name, on in self.features)
        return ":".join((self.processor, *settings))


Gpu = NvidiaGpu | AmdGpu

# `sm_90a` is a name of code; whoever has the device of that code may well name it so.
_NVIDIA = re.compile(r"(?:sm_(?P<major>[1-9]\d?)|(?P<capability>[1-9]\d?)\.)(?P<minor>\d)[af]?")
_AMD = re.compile(r"(?P<processor>gfx[1-9]\d?\d[0-9a-f])(?P<features>(?::[a-z]+[+-])*)")
_FEATURES = frozenset({"sramecc", "xnack"})


def parse_gpu(text: str) -> Gpu:
    """The device that a user names; case and white space around it do not matter.

    Sources: CUDA C++ Programming Guide, "Compute Capability"; LLVM's AMDGPU Usage, "Target ID".
    Raises UsageError for anything else.
    """
    name = text.strip().lower()
    if match := _NVIDIA.fullmatch(name):
        return NvidiaGpu(
            major=int(match["major"] or match["capability"]), minor=int(match["minor"])
        )
    if match := _AMD.fullmatch(name):
        settings = [one for one in match["features"].split(":") if one]
        features = {one[:-1]: one.endswith("+") for one in settings}
        if len(features) == len(settings) and features.keys() <= _FEATURES:
            return AmdGpu(processor=match["processor"], features=tuple(sorted(features.items())))
    raise UsageError(
        "is not the name of a GPU",
        found=f"`{text}`",
        expected="one like `sm_90` or `9.0` (NVIDIA), `gfx90a` or `gfx90a:sramecc+:xnack-` (AMD)",
        hint="`nvidia-smi --query-gpu=compute_cap --format=csv` tells the first kind, "
        "`rocminfo` the second",
    )
