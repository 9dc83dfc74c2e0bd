"""The oldest system that a wheel's platform tag admits, and what that system offers.

Sources: PEP 600 (manylinux_X_Y: glibc X.Y), PEP 513, 571 and 599 (its older names); the versions of
the C++ library and of libgcc are those of auditwheel's policies, for the most generous machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from packaging.tags import Tag

__all__ = [
    "glibc_floor",
    "is_above",
    "macos_floor",
    "musl_floor",
    "number_of",
    "offered",
    "only_musl",
]

_Number = tuple[int, ...]

_MANYLINUX = re.compile(r"manylinux(?P<name>1|2010|2014|_(?P<x>\d+)_(?P<y>\d+))_(?P<arch>\w+)")
_MUSL = re.compile(r"musllinux_(?P<x>\d+)_(?P<y>\d+)_")
_OLD_NAMES: Mapping[str, _Number] = MappingProxyType(
    {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}
)
_MACOS = re.compile(r"macosx_(?P<x>\d+)_(?P<y>\d+)_(?P<arch>\w+)")
_UNIVERSAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "universal2": ("arm64", "x86_64"),
        "intel": ("i386", "x86_64"),
        "fat64": ("ppc64", "x86_64"),
        "universal": ("i386", "ppc", "ppc64", "x86_64"),
    }
)
_FIRST_ARM: _Number = (11, 0)
_VERSION = re.compile(r"(?P<series>[A-Z]+)_(?P<number>\d+(?:\.\d+)*)", re.ASCII)
_RELATIVE_RELOCATIONS = "GLIBC_ABI_DT_RELR"
"""A node without a number: glibc has it from 2.36 on."""

# glibc: what comes with it at most.
_POLICIES: Mapping[_Number, Mapping[str, _Number]] = MappingProxyType(
    {
        (2, 5): {"GLIBCXX": (3, 4, 8), "CXXABI": (1, 3, 1), "GCC": (4, 2, 0)},
        (2, 12): {"GLIBCXX": (3, 4, 13), "CXXABI": (1, 3, 3), "GCC": (4, 5, 0)},
        (2, 17): {"GLIBCXX": (3, 4, 19), "CXXABI": (1, 3, 7), "GCC": (4, 8, 0)},
        (2, 24): {"GLIBCXX": (3, 4, 22), "CXXABI": (1, 3, 10), "GCC": (4, 8, 0)},
        (2, 26): {"GLIBCXX": (3, 4, 24), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0)},
        (2, 31): {"GLIBCXX": (3, 4, 28), "CXXABI": (1, 3, 12), "GCC": (7, 0, 0)},
        (2, 34): {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (11, 0, 0)},
        (2, 35): {"GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)},
        (2, 39): {"GLIBCXX": (3, 4, 33), "CXXABI": (1, 3, 15), "GCC": (14, 0, 0)},
    }
)


def glibc_floor(tags: Iterable[Tag], machine: str) -> _Number | None:
    """The lowest glibc that the tags admit for a machine; None where they name none."""
    floors = []
    for tag in tags:
        match = _MANYLINUX.fullmatch(tag.platform)
        if match and match["arch"] == machine:
            floors.append(_OLD_NAMES.get(match["name"]) or (int(match["x"]), int(match["y"])))
    return min(floors, default=None)


def only_musl(tags: Iterable[Tag]) -> bool:
    """Whether the wheel is for musl alone."""
    platforms = {tag.platform for tag in tags}
    return bool(platforms) and all(one.startswith("musllinux") for one in platforms)


def musl_floor(tags: Iterable[Tag]) -> _Number | None:
    """The lowest musl that the tags admit (PEP 656); None where they name none."""
    found = [_MUSL.match(tag.platform) for tag in tags]
    return min(((int(one["x"]), int(one["y"])) for one in found if one), default=None)


def macos_floor(tags: Iterable[Tag], machine: str) -> _Number | None:
    """The lowest macOS that the tags admit for a machine; arm64 begins with 11."""
    floors = []
    for tag in tags:
        match = _MACOS.fullmatch(tag.platform)
        if match and machine in _UNIVERSAL.get(match["arch"], (match["arch"],)):
            floor = (int(match["x"]), int(match["y"]))
            floors.append(max(floor, _FIRST_ARM) if machine == "arm64" else floor)
    return min(floors, default=None)


def number_of(node: str) -> tuple[str, _Number] | None:
    """``GLIBC_2.28`` as (`GLIBC`, (2, 28)); None for a node that has no number."""
    if node == _RELATIVE_RELOCATIONS:
        return "GLIBC", (2, 36)
    match = _VERSION.fullmatch(node)
    if match is None:
        return None
    return match["series"], tuple(map(int, match["number"].split(".")))


def offered(series: str, glibc: _Number) -> _Number | None:
    """The newest version of a series on the oldest system with that glibc; None if unknown."""
    if series == "GLIBC":
        return glibc
    rows = [row for floor, row in _POLICIES.items() if floor <= glibc]
    return rows[-1].get(series) if rows else None


def is_above(number: _Number, floor: _Number) -> bool:
    """Whether a system at ``floor`` lacks ``number``; missing parts count as 0."""
    width = max(len(number), len(floor))
    return _filled(number, width) > _filled(floor, width)


def _filled(number: _Number, width: int) -> _Number:
    return number + (0,) * (width - len(number))
