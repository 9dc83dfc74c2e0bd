"""Operating systems and hosts: where an interpreter runs, as markers and tags see it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "LINUX",
    "MACOS",
    "OLDEST_GLIBC",
    "OLDEST_MUSL",
    "PLATFORMS",
    "WINDOWS",
    "Host",
    "Level",
    "Platform",
    "level_words",
    "make_platform",
]

Level = tuple[int, int]

OLDEST_GLIBC: Level = (2, 17)
"""RHEL 7, in extended support until 2028, is the oldest maintained distribution with glibc."""
OLDEST_MUSL: Level = (1, 2)
"""Alpine 3.13 (2021) moved to musl 1.2; nothing older is maintained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An operating system as markers see it; the three values move together."""

    sys_platform: str
    platform_system: str
    os_name: str

    @property
    def words(self) -> str:
        return "macOS" if self.platform_system == "Darwin" else self.platform_system


def make_platform(sys_platform: str, platform_system: str, os_name: str = "posix") -> Platform:
    return Platform(sys_platform=sys_platform, platform_system=platform_system, os_name=os_name)


LINUX = make_platform("linux", "Linux")
MACOS = make_platform("darwin", "Darwin")
WINDOWS = make_platform("win32", "Windows", "nt")
PLATFORMS = {
    "linux": LINUX,
    "macos": MACOS,
    "windows": WINDOWS,
    "ios": make_platform("ios", "iOS"),
    "android": make_platform("android", "Android"),
    "emscripten": make_platform("emscripten", "Emscripten"),
    "cygwin": make_platform("cygwin", "CYGWIN_NT"),
    "freebsd": make_platform("freebsd14", "FreeBSD"),
    "openbsd": make_platform("openbsd7", "OpenBSD"),
    "netbsd": make_platform("netbsd10", "NetBSD"),
    "aix": make_platform("aix", "AIX"),
    "sunos": make_platform("sunos5", "SunOS"),
    "java": make_platform("java", "Java", "java"),
    "wasi": make_platform("wasi", "wasi"),
    "other": make_platform("other", "other", "other"),
}
"""The operating systems that markers and tags can name, by a short name of ours."""

_KINDS = {"macos": "macOS", "ios": "iOS", "android": "Android API"}


def level_words(kind: str, low: Level | None = None, high: Level | None = None) -> str:
    """``glibc``, ``glibc ≥ 2.28``, ``glibc < 2.17``, ``glibc ≥ 2.17 and < 2.28``."""
    bounds = [f"≥ {_number(kind, low)}"] if low else []
    bounds += [f"< {_number(kind, high)}"] if high else []
    return " ".join([_KINDS.get(kind, kind), " and ".join(bounds)]).rstrip()


def _number(kind: str, level: Level) -> str:
    # Android counts its API levels; they have no minor number.
    return str(level[0]) if kind == "android" else ".".join(map(str, level))


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine under an operating system, with what no marker shows.

    ``tags`` are the platform tags that an interpreter there accepts, best first (without ``any``);
    ``floor`` is the lowest libc, macOS or API level that it stands for and ``words`` says the same
    for readers; ``rare`` says why next to nobody has it (None: somebody has);
    ``real`` is False where no such system exists, though a marker could describe one. ``kind`` is
    ``glibc``, ``musl``, ``macos``, or empty where nothing depends on a level; ``arch`` is the interpreter's architecture.
    """

    platform: Platform
    machine: str
    arch: str
    tags: tuple[str, ...] = ()
    kind: str = ""
    floor: Level = (0, 0)
    words: str = ""
    rare: str | None = None
    real: bool = True

    @property
    def marker_part(self) -> tuple[Platform, str]:
        return self.platform, self.machine
