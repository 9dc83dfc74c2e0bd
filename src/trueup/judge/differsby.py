"""What tells the wheels apart that say different things: platform, Python, libc, build tag, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from trueup.judge.reconcile import judged_files
from trueup.model.artifact import WheelName
from trueup.model.metadata import Resolution
from trueup.model.release import Release

__all__ = ["AXES", "differs_by"]


def _systems(name: WheelName) -> set[str]:
    return set(map(_system, _platforms(name)))


def _system(platform: str) -> str:
    for prefix, system in _SYSTEMS.items():
        if platform.startswith(prefix):
            return system
    return platform


_SYSTEMS = {"manylinux": "linux", "musllinux": "linux", "linux": "linux", "macosx": "macos",
            "win": "windows"}  # fmt: skip
_MACHINE = re.compile(
    r"(?:manylinux\d*(?:_\d+_\d+)?|musllinux_\d+_\d+|linux|macosx_\d+_\d+)_(\w+)$"
)


def _machines(name: WheelName) -> set[str]:
    return set(map(_machine, _platforms(name)))


def _machine(platform: str) -> str:
    match = _MACHINE.match(platform)
    return match[1] if match else platform


def _both(name: WheelName) -> set[str]:
    return {f"{_system(text)} {_machine(text)}" for text in _platforms(name)}


def _platforms(name: WheelName) -> set[str]:
    return {tag.platform for tag in name.tags}


def _pythons(name: WheelName) -> set[str]:
    return {f"{tag.interpreter}-{tag.abi}" for tag in name.tags}


def _builds(name: WheelName) -> set[str]:
    return {"".join(map(str, name.build))}


AXES: dict[str, Callable[[WheelName], set[str]]] = {
    "platform": _systems,
    "machine": _machines,
    "platform and machine": _both,
    "python": _pythons,
    "libc": _platforms,
    "build tag": _builds,
}
"""What can tell wheels apart, each with what a file name says of it."""

_EVER_FINER = ("platform", "machine", "platform and machine", "libc")


def differs_by(release: Release) -> tuple[str, ...]:
    """The axes of which each alone tells the groups of wheels apart that say the same.

    Of platform, machine, both and libc, which are ever finer, the first that does. If no axis does, ``several`` where all of a file name together does, and ``option`` where even that
    does not: what the wheels were built with is not in their names.
    """
    groups: dict[Resolution, list[WheelName]] = {}
    for file in judged_files(release):
        name, resolution = file.artifact.name, file.reading.resolution
        if isinstance(name, WheelName) and isinstance(resolution, Resolution):
            groups.setdefault(resolution, []).append(name)
    parts = list(groups.values())
    if len(parts) < 2:
        return ()
    found = [axis for axis, look in AXES.items() if _apart(parts, look)]
    finer = [axis for axis in found if axis in _EVER_FINER][1:]
    if found:
        return tuple(axis for axis in found if axis not in finer)
    return ("several",) if _apart(parts, _all) else ("option",)


def _all(name: WheelName) -> set[str]:
    build = "".join(map(str, name.build))
    return {f"{tag}-{build}" for tag in name.tags}


def _apart(groups: Sequence[Iterable[WheelName]], look: Callable[[WheelName], set[str]]) -> bool:
    """Whether no value of the axis occurs in two groups."""
    seen: set[str] = set()
    for group in groups:
        values = {value for name in group for value in look(name)}
        if seen & values:
            return False
        seen |= values
    return True
