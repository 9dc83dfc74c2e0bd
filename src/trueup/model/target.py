"""How an environment is written: ``cp312-linux-x86_64-glibc2.28`` (model, one grammar everywhere).

``IMPL-PLATFORM[-FLOOR]``; braces and ``..`` expand, presets are named sets, and the same value
parses, prints and compares. No floor means the oldest maintained one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from .errors import UsageError
from .interpreter import Interpreter, Minor
from .platform import OLDEST_GLIBC, OLDEST_MUSL, Host, Level
from .python import NEWEST_PYTHON
from .space import Space

__all__ = ["PRESETS", "Target", "floors_of", "minors_of", "parse_targets", "target_set"]

OLDEST_MACOS: Level = (14, 0)
"""Apple keeps three major versions of macOS up to date; 14 is the oldest that builders offer."""
OLDEST_PYTHON: Minor = (3, 10)
"""The oldest Python that gets security fixes; presets start there."""
_LAST_PYTHONS: dict[int, int] = {2: 7, 3: NEWEST_PYTHON[1] + 5}
"""The last minor version of each major one. Python gets one every year (PEP 602): some years ahead
of this release it is a new one, beyond that a mistake."""

_FLOORS = {"glibc": OLDEST_GLIBC, "musl": OLDEST_MUSL, "macos": OLDEST_MACOS}
_IMPLEMENTATIONS = {"cp": "cpython", "pp": "pypy", "graalpy": "graalpy"}
_SHORT = {name: short for short, name in _IMPLEMENTATIONS.items()}
_SYSTEMS = {"linux": "linux", "macos": "darwin", "windows": "win32"}
_MACHINES = {
    "linux": ("x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x", "riscv64", "loongarch64"),
    "macos": ("arm64", "x86_64"),
    "windows": ("amd64", "x86", "arm64"),
}
PRESETS = {
    "linux": "{pythons}-linux-{{x86_64,aarch64}}",
    "musl": "{pythons}-linux-{{x86_64,aarch64}}-musl",
    "macos": "{pythons}-macos-{{arm64,x86_64}}",
    "windows": "{pythons}-windows-amd64",
}
"""Named sets, over the Pythons that are maintained; ``all`` is their union."""
PROFILES = ("musl", "free-threaded", "musl-free-threaded")
"""What the tags of a target can be, besides the usual, that no marker tells."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """One kind of environment: an interpreter on a system with at least ``floor``.

    ``kind`` is ``glibc``, ``musl``, ``macos`` or empty (Windows has no floor).
    """

    implementation: str
    python: Minor
    free_threaded: bool
    system: str
    machine: str
    kind: str
    floor: Level

    def __str__(self) -> str:
        short = _SHORT[self.implementation]
        text = f"{short}{self.python[0]}{self.python[1]}{'t' if self.free_threaded else ''}"
        text += f"-{self.system}-{self.machine}"
        if not self.kind:
            return text
        floor = ".".join(map(str, self.floor))
        return f"{text}-{floor}" if self.kind == "macos" else f"{text}-{self.kind}{floor}"

    @property
    def sys_platform(self) -> str:
        """The value of `sys_platform` there."""
        return _SYSTEMS[self.system]

    @property
    def host_machine(self) -> str:
        """The value of `platform_machine` there."""
        if self.system == "windows" and self.machine != "x86":
            return self.machine.upper()
        return self.machine

    @property
    def profile(self) -> str:
        """What no marker tells of its tags: libc and threading, one of PROFILES; empty for the usual."""
        parts = []
        if self.kind == "musl":
            parts.append("musl")
        if self.free_threaded:
            parts.append("free-threaded")
        return "-".join(parts)

    def has_host(self, host: Host) -> bool:
        """Whether the host is one of this kind; the space must be cut at the floor."""
        return (
            host.platform.sys_platform == self.sys_platform
            and host.machine == self.host_machine
            and host.arch == self.host_machine
            and (not host.kind or (host.kind == self.kind and host.floor >= self.floor))
        )

    def has_interpreter(self, interpreter: Interpreter) -> bool:
        if interpreter.name != self.implementation:
            return False
        if self.implementation != "cpython":
            return True
        return interpreter.abi == "t" if self.free_threaded else interpreter.abi in ("", "m")


_TARGET = re.compile(
    r"(?P<implementation>cp|pp|graalpy)(?P<major>\d)(?P<minor>\d{1,2})(?P<free>t?)"
    r"-(?P<system>[a-z]+)-(?P<machine>[a-z0-9_]+)(?:-(?P<kind>glibc|musl|)(?P<level>\d{1,3}(?:\.\d{1,3})?|))?"
)
_RANGE = re.compile(r"(cp|pp|graalpy)(\d)(\d{1,2})(t?)\.\.(?:\1)?(\d)(\d{1,2})(t?)")
_EXAMPLE = (
    "write `cp312-linux-x86_64-glibc2.28`, `cp313t-macos-arm64-14.0`, `cp311..cp314-windows-amd64`"
)


def parse_targets(text: str) -> tuple[Target, ...]:
    """The targets that a text names, sorted; raises UsageError saying what is wrong and what to write."""
    parts = _split(text)
    if not parts:
        raise UsageError(f"`{text}` names no environment", hint=_EXAMPLE)
    found: set[Target] = set()
    for part in parts:
        for name in _presets(part):
            for expanded in _expand(name):
                found.add(_parse(expanded, text))
    return tuple(sorted(found))


def _split(text: str) -> list[str]:
    """Split at commas that stand outside braces."""
    parts = [part.strip() for part in re.split(r",(?![^{]*\})", text)]
    return [part for part in parts if part]


def _presets(part: str) -> list[str]:
    pythons = f"cp{OLDEST_PYTHON[0]}{OLDEST_PYTHON[1]}..cp{NEWEST_PYTHON[0]}{NEWEST_PYTHON[1]}"
    names = list(PRESETS) if part == "all" else [part]
    return [PRESETS[name].format(pythons=pythons) if name in PRESETS else name for name in names]


def _expand(text: str) -> list[str]:
    """Expand braces and Python ranges: ``cp311..cp313-{linux-x86_64,macos-arm64}``."""
    pieces = re.split(r"(\{[^{}]*\})", text)
    choices = [
        piece[1:-1].split(",") if piece.startswith("{") else [piece] for piece in pieces if piece
    ]
    results = []
    for combination in product(*choices):
        whole = "".join(combination)
        match = _RANGE.search(whole)
        if match is None:
            results.append(whole)
            continue
        short, major, first, free, _, last, _ = match.groups()
        if int(first) > int(last):
            raise UsageError(
                f"`{match[0]}` is an empty range",
                hint=f"write `{short}{major}{last}..{short}{major}{first}`",
            )
        for minor in range(int(first), int(last) + 1):
            python = f"{short}{major}{minor}{free}"
            results.append(whole[: match.start()] + python + whole[match.end() :])
    return results


def _parse(text: str, whole: str) -> Target:
    match = _TARGET.fullmatch(text)
    if match is None:
        within = "" if text == whole else f" in `{whole}`"
        raise UsageError(f"`{text}`{within} names no environment", hint=_EXAMPLE)
    python = int(match["major"]), int(match["minor"])
    if python[1] > _LAST_PYTHONS.get(python[0], -1):
        raise UsageError(
            f"`{text}` names an unknown Python",
            found=f"`{python[0]}.{python[1]}`",
            expected=f"a version such as `{NEWEST_PYTHON[0]}.{NEWEST_PYTHON[1]}`, the newest known",
            hint=_EXAMPLE,
        )
    system, machine = match["system"], match["machine"]
    if system not in _SYSTEMS:
        raise UsageError(
            f"`{text}` names an unknown system",
            found=f"`{system}`",
            expected=", ".join(f"`{name}`" for name in _SYSTEMS),
            hint=_EXAMPLE,
        )
    if machine not in _MACHINES[system]:
        raise UsageError(
            f"`{text}` names an unknown machine",
            found=f"`{machine}`",
            expected=", ".join(f"`{name}`" for name in _MACHINES[system]),
        )
    kind = match["kind"] or {"linux": "glibc", "macos": "macos", "windows": ""}[system]
    if (match["kind"] and system != "linux") or (match["level"] and system == "windows"):
        raise UsageError(f"`{text}`: {system} has no such floor", hint=_EXAMPLE)
    if match["level"]:
        major, _, minor = match["level"].partition(".")
        floor = (int(major), int(minor or 0))
    else:
        floor = _FLOORS.get(kind, (0, 0))
    return Target(
        implementation=_IMPLEMENTATIONS[match["implementation"]],
        python=python,
        free_threaded=bool(match["free"]),
        system=system,
        machine=machine,
        kind=kind,
        floor=floor,
    )


def minors_of(targets: Iterable[Target]) -> frozenset[Minor]:
    """The Python versions at which a space must be cut for these targets."""
    return frozenset(target.python for target in targets)


def floors_of(targets: Iterable[Target]) -> tuple[tuple[str, Level], ...]:
    """The libc and macOS levels at which a space must be cut for these targets."""
    return tuple(sorted({(target.kind, target.floor) for target in targets if target.kind}))


def target_set(space: Space, targets: Sequence[Target]) -> int:
    """The points that belong to one of the targets, in a space that was cut for them."""
    points = 0
    for target in targets:
        pythons = [
            p
            for p, value in enumerate(space.pythons.values)
            if tuple(map(int, value.split(".")[:2])) == target.python
        ]
        points |= space.python_set(pythons) & _interpreters(space, target) & _hosts(space, target)
    return points & space.universe


def _interpreters(space: Space, target: Target) -> int:
    """An interpreter that nothing in the release tells apart is represented by another one."""
    found = space.interpreter_set(target.has_interpreter)
    if found:
        return found
    if target.free_threaded:
        return space.interpreter_set(lambda item: item.name == "cpython" and not item.abi)
    named = {item.name for item in space.interpreters}
    stand_in = "other" if "other" in named else "cpython"
    return space.interpreter_set(lambda item: item.name == stand_in)


def _hosts(space: Space, target: Target) -> int:
    found = space.host_set(target.has_host)
    system = _SYSTEMS[target.system]
    if found or any(
        host.platform.sys_platform == system and host.machine == target.host_machine and host.real
        for host in space.hosts
    ):
        return found
    return space.host_set(
        lambda host: host.platform.sys_platform == system and host.machine == "other"
    )
