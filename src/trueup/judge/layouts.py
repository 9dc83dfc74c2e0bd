"""Which of many wheels can stand side by side in one environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.tags import Tag

from trueup.model.library import Distribution
from trueup.model.loading import Layout

__all__ = ["layouts_of", "platform_of"]

_PLATFORM = re.compile(
    r"(?P<system>manylinux|musllinux|linux|macosx|win|android|ios)"
    r"(?:(?:_\d+_\d+|\d*)_)?(?P<arch>\w*)"
)
_SYSTEMS = {"manylinux": "Linux", "linux": "Linux", "musllinux": "Linux (musl)",
            "macosx": "macOS", "win": "Windows"}  # fmt: skip
_CPYTHON = re.compile(r"cp3(\d+)", re.ASCII)
_BOTH_MACS = ("arm64", "x86_64")


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class _Place:
    """A kind of environment: a platform, and a Python where some wheel is for that one only."""

    platform: str
    minor: int
    abi: str

    @property
    def label(self) -> str:
        if self.minor < 0:
            return self.platform
        free = ", free-threaded" if self.abi.endswith("t") else ""
        return f"{self.platform}, Python 3.{self.minor}{free}"


def platform_of(tag: str) -> tuple[str, ...]:
    """The platforms of a platform tag in words: ``Linux x86_64``; none for ``any``."""
    if tag in ("win32", "win_amd64", "win_arm64"):
        return (f"Windows {'x86' if tag == 'win32' else tag.removeprefix('win_')}",)
    match = _PLATFORM.match(tag)
    if match is None:
        return ()
    system, arch = _SYSTEMS.get(match["system"], match["system"]), match["arch"]
    machines = _BOTH_MACS if arch in ("universal2", "universal") else (arch,)
    return tuple(f"{system} {machine}".strip() for machine in machines)


def layouts_of(distributions: Sequence[Distribution]) -> tuple[Layout, ...]:
    """Group wheels into environments: each platform with each Python that some wheel is made for.

    Of several versions of a project the newest stands in a layout, of several wheels of that the
    one whose tags are the most particular. Wheels without native files are left out.
    """
    carrying = [item for item in distributions if item.files]
    places = sorted({place for item in carrying for place in _own_places(item.tags)})
    particular = {place.platform for place in places if place.minor >= 0}
    layouts = []
    for place in places:
        if place.minor < 0 and place.platform in particular:
            continue
        chosen: dict[str, Distribution] = {}
        for item in sorted(carrying, key=lambda item: (item.version, _rank(item.tags))):
            if any(_fits(tag, place) for tag in item.tags):
                chosen[item.project] = item
        layouts.append(Layout(label=place.label, distributions=tuple(chosen.values())))
    return tuple(layouts)


def _own_places(tags: Iterable[Tag]) -> Iterable[_Place]:
    for tag in tags:
        match = _CPYTHON.fullmatch(tag.interpreter)
        own = match is not None and tag.abi.startswith("cp")
        for platform in platform_of(tag.platform):
            minor = int(match[1]) if match and own else -1
            yield _Place(platform=platform, minor=minor, abi=tag.abi if own else "")


def _fits(tag: Tag, place: _Place) -> bool:
    if place.platform not in platform_of(tag.platform) and tag.platform != "any":
        return False
    match = _CPYTHON.fullmatch(tag.interpreter)
    if match is None or place.minor < 0:
        return tag.abi in ("none", "abi3")
    if tag.abi.startswith("cp"):
        return int(match[1]) == place.minor and tag.abi == place.abi
    # The stable ABI serves every later Python, but not the free-threaded ones (PEP 803 will).
    return int(match[1]) <= place.minor and not (tag.abi == "abi3" and place.abi.endswith("t"))


def _rank(tags: Iterable[Tag]) -> tuple[int, list[str]]:
    listed = sorted(str(tag) for tag in tags)
    return max((tag.abi.startswith("cp") for tag in tags), default=False), listed
