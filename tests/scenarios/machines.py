"""The machines that a target stands for: marker values and accepted tags, by `packaging` alone.

`cp312-linux-x86_64-glibc2.17` is every CPython 3.12 on Linux x86_64 with glibc 2.17 *or newer*: one
machine per level, since a lock must be right on all of them. Nothing of the project is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms

__all__ = ["Machine", "machines"]

LEVELS: dict[str, tuple[tuple[int, int], ...]] = {
    "glibc": ((2, 17), (2, 28), (2, 34)),
    "musl": ((1, 1), (1, 2)),
    "macos": ((11, 0), (14, 0), (26, 0)),
}
LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
PATCH = 7
"""The patch release of a machine where a scenario does not say which ones matter."""

_TARGET = re.compile(r"(cp|pp)3(\d+)(t?)-(linux|macos|windows)-(\w+?)(?:-(glibc|musl)?([\d.]+))?")
_SYSTEMS = {
    "linux": ("posix", "linux", "Linux"),
    "macos": ("posix", "darwin", "Darwin"),
    "windows": ("nt", "win32", "Windows"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine: ``name`` is its target with its own level, ``tags`` are in order, best first.

    ``orders`` are the orders that installers really have: since version 26.3 of `packaging` (and
    so in the newest pip) `linux_x86_64` comes before all `manylinux` tags, in uv and before that
    after them.
    """

    target: str
    name: str
    environment: Mapping[str, str]
    tags: Sequence[Tag]
    orders: Sequence[Sequence[Tag]]


@lru_cache(maxsize=1024)
def machines(target: str, patches: tuple[int, ...] = ()) -> tuple[Machine, ...]:
    """The machines of a target, the one at its floor first, for each of the patch releases."""
    match = _TARGET.fullmatch(target)
    assert match is not None, f"`{target}` is no target"
    short, minor, free, system, arch, libc, floor = match.groups()
    kind = libc or ("macos" if system == "macos" else "")
    found = []
    for level in _levels(kind, floor):
        written = ".".join(map(str, level))
        name = target if level == () else f"{target.removesuffix(floor)}{written}"
        platforms = _platforms(system, arch, kind, level)
        late = sorted(platforms, key=lambda tag: tag.startswith("linux_"))
        orders = [
            tuple(_tags(short, int(minor), free, order))
            for order in ([platforms, late] if late != platforms else [platforms])
        ]
        for patch in patches or (PATCH,):
            environment = _environment(short, int(minor), patch, system, arch)
            shown = f"{name} (3.{minor}.{patch})" if patches else name
            found.append(
                Machine(
                    target=target,
                    name=shown,
                    environment=environment,
                    tags=orders[0],
                    orders=tuple(orders),
                )
            )
    return tuple(found)


def _levels(kind: str, floor: str | None) -> list[tuple[int, ...]]:
    if not kind:
        return [()]
    assert floor is not None, "a target here names its floor"
    major, minor = (int(part) for part in floor.split("."))
    return [(major, minor), *(level for level in LEVELS[kind] if level > (major, minor))]


def _platforms(system: str, arch: str, kind: str, level: tuple[int, ...]) -> list[str]:
    """The platform tags, in the order of `packaging.tags.platform_tags` on such a machine."""
    if system == "windows":
        return [{"amd64": "win_amd64", "x86": "win32", "arm64": "win_arm64"}[arch]]
    if system == "macos":
        return list(mac_platforms((level[0], level[1]), arch))
    if kind == "musl":
        levels = [f"musllinux_{level[0]}_{minor}_{arch}" for minor in range(level[1], -1, -1)]
        return [f"linux_{arch}", *levels]
    return [f"linux_{arch}", *_manylinux(arch, level[1])]


def _manylinux(arch: str, newest: int) -> Iterator[str]:
    oldest = 5 if arch in ("x86_64", "i686") else 17
    for minor in range(newest, oldest - 1, -1):
        yield f"manylinux_2_{minor}_{arch}"
        if (2, minor) in LEGACY:
            yield f"{LEGACY[2, minor]}_{arch}"


def _tags(short: str, minor: int, free: str, platforms: list[str]) -> Iterator[Tag]:
    if short == "cp":
        yield from cpython_tags((3, minor), [f"cp3{minor}{free}"], platforms)
        yield from compatible_tags((3, minor), f"cp3{minor}", platforms)
    else:
        yield from generic_tags(f"pp3{minor}", [f"pypy3{minor}_pp73"], platforms)
        yield from compatible_tags((3, minor), "pp3", platforms)


def _environment(short: str, minor: int, patch: int, system: str, arch: str) -> dict[str, str]:
    os_name, sys_platform, platform_system = _SYSTEMS[system]
    full = f"3.{minor}.{patch}"
    return {
        "implementation_name": "cpython" if short == "cp" else "pypy",
        "implementation_version": full if short == "cp" else "7.3.17",
        "os_name": os_name,
        "platform_machine": {"amd64": "AMD64"}.get(
            arch, arch.upper() if os_name == "nt" and arch == "arm64" else arch
        ),
        "platform_python_implementation": "CPython" if short == "cp" else "PyPy",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": full,
        "python_version": f"3.{minor}",
        "sys_platform": sys_platform,
    }
