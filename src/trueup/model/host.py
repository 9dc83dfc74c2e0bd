"""The hosts that the tags and markers of a release can tell apart.

A host is what decides the platform tags that an interpreter accepts: the libc and its version, the
macOS version, the Android API level, and whether the interpreter is of the machine's own kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from packaging.tags import android_platforms, ios_platforms, mac_platforms

from .platform import (
    LINUX,
    MACOS,
    OLDEST_GLIBC,
    OLDEST_MUSL,
    PLATFORMS,
    WINDOWS,
    Host,
    Level,
    Platform,
    level_words,
    make_platform,
)

__all__ = ["KNOWN_MACHINES", "hosts_for"]

# Three digits bound the work that a nonsense version could cause.
_LINUX_TAG = re.compile(r"(manylinux|musllinux)_(\d{1,3})_(\d{1,3})_(\w+)")
_LEGACY_TAG = re.compile(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)")
_LEGACY_LEVEL = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_MAC_TAG = re.compile(r"macosx_(\d{1,3})_(\d{1,3})_(\w+)")
_IOS_TAG = re.compile(r"ios_(\d{1,3})_(\d{1,3})_(\w+)")
_ANDROID_TAG = re.compile(r"android_(\d{1,3})_(\w+)")

# Which machines an interpreter of an architecture runs on, its own kind first.
_LINUX_MACHINES = {
    "i686": ("i686", "x86_64"),
    "armv7l": ("armv7l", "armv8l", "aarch64"),
}
# A 64-bit machine may run a 32-bit interpreter, which takes other files than its own kind does.
_THIRTY_TWO_BIT = {"x86_64": "i686", "aarch64": "armv7l"}
_MAC_ARCHES = {
    "x86_64": {"x86_64", "intel", "fat64", "universal", "universal2"},
    "arm64": {"arm64", "universal2"},
    "i386": {"i386", "intel", "fat", "fat32", "universal"},
}
_ANDROID_MACHINES = {
    "arm64_v8a": "aarch64",
    "armeabi_v7a": "armv7l",
    "x86_64": "x86_64",
    "x86": "i686",
}
_FOREIGN_ON_ARM = "32-bit or emulated Python on Windows ARM64"
_WINDOWS_MACHINES = {"AMD64", "x86", "ARM64"}
_MAC_MACHINES = {"x86_64", "arm64", "i386", "Power Macintosh"}
KNOWN_MACHINES = (
    "x86_64", "AMD64", "aarch64", "arm64", "ARM64", "i686", "i586", "i386", "x86", "armv6l",
    "armv7l", "armv8l", "ppc", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64", "wasm32",
    "amd64",
)  # fmt: skip
"""What `platform.machine()` is known to return somewhere."""
_LINUX_ONLY_MACHINES = {
    "aarch64", "i686", "i586", "i486", "armv6l", "armv7l", "armv8l", "ppc64le", "s390x", "riscv64",
    "loongarch64",
}  # fmt: skip


def hosts_for(
    tags: Iterable[str],
    platforms: Iterable[str],
    os_names: Iterable[str],
    machines: Iterable[str],
    floors: Iterable[tuple[str, Level]] = (),
) -> tuple[Host, ...]:
    """The hosts that these platform tags and marker constants can tell apart, usual ones first.

    ``platforms`` are what markers compare `sys_platform` and `platform_system` with, ``os_names``
    what they compare `os_name` with, ``machines`` what they compare `platform_machine` with;
    ``floors`` are (kind, level) pairs at which to cut besides those that the tags name.
    """
    floors = tuple(floors)
    tags, machines = set(tags) - {"any"}, set(machines)
    hosts = [
        *_linux_hosts(tags, machines, floors),
        *_mac_hosts(tags, machines, floors),
        *_windows_hosts(tags, machines),
        *_mobile_hosts(tags),
    ]
    known = {tag for host in hosts for tag in host.tags}
    families = ("linux_", "manylinux", "musllinux", "macosx_", "win")
    for tag in sorted(tags - known):
        if not tag.startswith(families):
            hosts += _exact_hosts(tag)
    present = {host.platform for host in hosts}
    named = [_named_platform(constant) for constant in sorted(set(platforms))]
    named += [_named_os(constant) for constant in sorted(set(os_names))]
    for platform in named:
        if platform is not None and platform not in present:
            present.add(platform)
            hosts.append(Host(platform=platform, machine="other", arch="other"))
    hosts.append(Host(platform=PLATFORMS["other"], machine="other", arch="other"))
    return (*dict.fromkeys(hosts), *_crossed(hosts, machines))


def _crossed(hosts: list[Host], machines: set[str]) -> Iterator[Host]:
    """Every machine under every other platform, so that a marker on one alone is seen whole.

    Linux, macOS and Windows have names of their own for machines; there is no `AMD64` on Linux.
    """
    names = dict.fromkeys((*(host.machine for host in hosts), *sorted(machines)))
    present = {host.marker_part for host in hosts}
    for platform in dict.fromkeys(host.platform for host in hosts):
        for machine in names:
            if (platform, machine) not in present:
                real = platform not in (LINUX, MACOS, WINDOWS)
                yield Host(platform=platform, machine=machine, arch=machine, real=real)


def _named_platform(constant: str) -> Platform | None:
    """The platform with this `sys_platform` or `platform_system`; a new one for an unknown value.

    A version in the name, as in `freebsd13`, makes another platform of the same family.
    """
    if constant in ("", "linux2"):
        return None
    for platform in PLATFORMS.values():
        if constant in (platform.sys_platform, platform.platform_system):
            return platform
    family = constant.rstrip("0123456789.")
    for platform in PLATFORMS.values():
        if platform.sys_platform.rstrip("0123456789") == family:
            return make_platform(constant, platform.platform_system, platform.os_name)
    return make_platform(constant, constant)


def _named_os(constant: str) -> Platform | None:
    if any(constant == platform.os_name for platform in PLATFORMS.values()):
        return next(item for item in PLATFORMS.values() if item.os_name == constant)
    return make_platform("other", "other", constant) if constant else None


def _exact_hosts(tag: str) -> tuple[Host, ...]:
    """A host that accepts exactly one tag, as Emscripten and the BSDs do, and its neighbours."""
    name = tag.partition("_")[0]
    name = "emscripten" if name in ("pyodide", "pyemscripten") else name
    platform = PLATFORMS.get(name) or make_platform(name, name)
    machine = next(
        (known for known in KNOWN_MACHINES if tag.endswith(f"_{known}")), tag.rpartition("_")[2]
    )
    return (
        Host(platform=platform, machine=machine, arch=machine, tags=(tag,), words=f"`{tag}`"),
        Host(platform=platform, machine=machine, arch=machine, words="another version"),
    )


def _below(levels: set[Level]) -> Level:
    """The level just below the lowest."""
    major, minor = min(levels)
    return (major, minor - 1) if minor else (major - 1, 99)


def _range_words(kind: str, levels: list[Level], index: int) -> str:
    """The level and those up to the one before it, in words; ``levels`` are descending."""
    if len(levels) == 1:
        return level_words(kind)
    low = levels[index] if index < len(levels) - 1 else None
    return level_words(kind, low, levels[index - 1] if index else None)


def _linux_hosts(
    tags: set[str], machines: set[str], floors: tuple[tuple[str, Level], ...]
) -> list[Host]:
    glibc: dict[str, set[Level]] = {}
    musl: dict[str, set[Level]] = {}
    arches = {"x86_64", "aarch64"}
    for tag in tags:
        if match := _LINUX_TAG.fullmatch(tag):
            levels = glibc if match[1] == "manylinux" else musl
            levels.setdefault(match[4], set()).add((int(match[2]), int(match[3])))
            arches.add(match[4])
        elif match := _LEGACY_TAG.fullmatch(tag):
            glibc.setdefault(match[2], set()).add(_LEGACY_LEVEL[match[1]])
            arches.add(match[2])
        elif tag.startswith("linux_"):
            arches.add(tag.removeprefix("linux_"))
    arches |= machines - _WINDOWS_MACHINES - (_MAC_MACHINES - {"x86_64"})
    for kind, level in floors:
        for cuts in (glibc if kind == "glibc" else musl if kind == "musl" else {}).values():
            cuts.add(level)
    cut = {arch for tag in tags for arch in arches if tag.endswith(f"_{arch}")}
    arches |= {_THIRTY_TWO_BIT[arch] for arch in cut if arch in _THIRTY_TWO_BIT}
    order = sorted(arches, key=lambda arch: (arch != "x86_64", arch != "aarch64", arch))
    hosts = []
    for arch in order:
        for machine in _LINUX_MACHINES.get(arch, (arch,)):
            rare = None
            if machine != arch:
                rare = f"32-bit Python on Linux {machine}"
            hosts += _libc_hosts(arch, machine, rare, glibc.get(arch, set()), musl.get(arch, set()))
    hosts.append(Host(platform=LINUX, machine="other", arch="other"))
    return hosts


def _libc_hosts(
    arch: str, machine: str, rare: str | None, glibc: set[Level], musl: set[Level]
) -> list[Host]:
    foreign = "32-bit Python" if machine != arch else ""
    if not glibc and not musl:
        return [
            Host(
                platform=LINUX, machine=machine, arch=arch, tags=_bare_linux(arch),
                words=foreign, rare=rare,
            )
        ]  # fmt: skip
    hosts = []
    for kind, named, oldest in (("glibc", glibc, OLDEST_GLIBC), ("musl", musl, OLDEST_MUSL)):
        levels = sorted({*named, _below(named)} if named else {(99, 0)}, reverse=True)
        for index, level in enumerate(levels):
            top = levels[index - 1] if index else (99, 0)
            too_old = f"{kind} older than {oldest[0]}.{oldest[1]}" if top <= oldest else None
            hosts.append(
                Host(
                    platform=LINUX,
                    machine=machine,
                    arch=arch,
                    tags=_libc_tags(kind, level, arch) if named else _bare_linux(arch),
                    kind=kind,
                    floor=level,
                    words=", ".join(filter(None, (foreign, _range_words(kind, levels, index)))),
                    rare=rare or too_old,
                )
            )
    return hosts


def _bare_linux(arch: str) -> tuple[str, ...]:
    # packaging.tags: an armv8l interpreter also accepts armv7l.
    return (f"linux_{arch}", "linux_armv7l") if arch == "armv8l" else (f"linux_{arch}",)


@lru_cache(maxsize=1024)
def _libc_tags(kind: str, level: Level, arch: str) -> tuple[str, ...]:
    """Platform tags in the order of `packaging.tags` 26.3: `linux_*` first, then newest libc."""
    tags = list(_bare_linux(arch))
    major, newest = level
    if kind == "musl":
        return (*tags, *(f"musllinux_{major}_{minor}_{arch}" for minor in range(newest, -1, -1)))
    oldest = 5 if arch in ("x86_64", "i686") else 17
    legacy = {level: name for name, level in _LEGACY_LEVEL.items()}
    for minor in range(newest, oldest - 1, -1):
        tags.append(f"manylinux_{major}_{minor}_{arch}")
        if (major, minor) in legacy:
            tags.append(f"{legacy[major, minor]}_{arch}")
    return tuple(tags)


def _mac_hosts(
    tags: set[str], machines: set[str], floors: tuple[tuple[str, Level], ...]
) -> list[Host]:
    named: dict[str, set[Level]] = {"arm64": set(), "x86_64": set()}
    for tag in tags:
        if match := _MAC_TAG.fullmatch(tag):
            level = (int(match[1]), int(match[2]))
            for arch, formats in _MAC_ARCHES.items():
                if match[3] in formats and (arch != "i386" or match[3] == "i386"):
                    # The first macOS for arm64 is 11.0; its tags of 10.x mean no less.
                    named.setdefault(arch, set()).add(
                        max(level, (11, 0)) if arch == "arm64" else level
                    )
    for kind, level in floors:
        for cuts in named.values():
            if kind == "macos" and cuts:
                cuts.add(level)
    if "i386" in machines:
        named.setdefault("i386", set())
    hosts: list[Host] = []
    for arch, found in named.items():
        levels = sorted(found or {(11, 0)}, reverse=True)
        if (
            found
            and (lowest := _below(found)) >= (10, 0)
            and not (arch == "arm64" and lowest < (11, 0))
        ):
            levels.append(lowest)
        hosts += (
            Host(
                platform=MACOS,
                machine=arch,
                arch=arch,
                tags=_mac_tags(level, arch),
                kind="macos" if found else "",
                floor=level,
                words=_range_words("macos", levels, index) if len(levels) > 1 else "",
            )
            for index, level in enumerate(levels)
        )
    unknown = machines - _WINDOWS_MACHINES - _LINUX_ONLY_MACHINES - set(named)
    hosts += (
        Host(platform=MACOS, machine=machine, arch=machine)
        for machine in sorted(unknown | {"other"})
    )
    return hosts


@lru_cache(maxsize=512)
def _mac_tags(level: Level, arch: str) -> tuple[str, ...]:
    return tuple(mac_platforms(level, arch))


def _windows_hosts(tags: set[str], machines: set[str]) -> list[Host]:
    arches = {"AMD64": "win_amd64", "x86": "win32", "ARM64": "win_arm64"}
    cut = bool(tags & set(arches.values()))
    present = {arch for arch in arches if cut or arch == "AMD64" or arch in machines}
    hosts = [
        Host(platform=WINDOWS, machine=arch, arch=arch, tags=(tag,))
        for arch, tag in arches.items()
        if arch in present
    ]
    if cut:
        hosts += (
            _foreign_windows("AMD64", "x86", "win32", "32-bit Python on Windows AMD64"),
            _foreign_windows("ARM64", "AMD64", "win_amd64", _FOREIGN_ON_ARM),
            _foreign_windows("ARM64", "x86", "win32", _FOREIGN_ON_ARM),
        )
    unknown = machines - _WINDOWS_MACHINES - _LINUX_ONLY_MACHINES - {"arm64", "i386", "x86_64"}
    hosts += (
        Host(platform=WINDOWS, machine=machine, arch=machine)
        for machine in sorted(unknown | {"other"})
    )
    return hosts


def _foreign_windows(machine: str, arch: str, tag: str, rare: str) -> Host:
    return Host(
        platform=WINDOWS, machine=machine, arch=arch, tags=(tag,), words="32-bit Python" if arch == "x86" else "emulated Python",
        rare=rare,
    )  # fmt: skip


def _mobile_hosts(tags: set[str]) -> list[Host]:
    hosts: list[Host] = []
    ios = {match.groups() for tag in tags if (match := _IOS_TAG.fullmatch(tag))}
    for multiarch in sorted({found[2] for found in ios}):
        named = {(int(major), int(minor)) for major, minor, arch in ios if arch == multiarch}
        levels = sorted({*named, _below(named)}, reverse=True)
        for index, level in enumerate(levels):
            accepted = tuple(ios_platforms(level, multiarch)) if level >= (12, 0) else ()
            hosts.append(
                Host(
                    platform=PLATFORMS["ios"], machine=multiarch.rpartition("_")[0], arch=multiarch,
                    tags=accepted, floor=level, kind="ios",
                    words=f"{_range_words('ios', levels, index)} {multiarch}",
                )
            )  # fmt: skip
    android = {match.groups() for tag in tags if (match := _ANDROID_TAG.fullmatch(tag))}
    for abi in sorted({found[1] for found in android}):
        named = {(int(api), 0) for api, arch in android if arch == abi}
        levels = sorted({*named, (min(named)[0] - 1, 0)}, reverse=True)
        for index, level in enumerate(levels):
            hosts.append(
                Host(
                    platform=PLATFORMS["android"], machine=_ANDROID_MACHINES.get(abi, abi), arch=abi,
                    tags=tuple(android_platforms(level[0], abi)) if level[0] >= 16 else (),
                    floor=level, kind="android", words=_range_words("android", levels, index),
                )
            )  # fmt: skip
    return hosts
