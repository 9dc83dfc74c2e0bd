"""Which scenarios are asked, and where another answer than the written one is expected, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.packse.scenario import Scenario

__all__ = ["OTHERWISE", "OUT_OF_SCOPE", "Otherwise", "expected", "targets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """The answer that trueup is to give instead of the written one; ``packages`` as in a file."""

    satisfiable: bool
    why: str
    packages: Mapping[str, str] = field(default_factory=dict)


_NO_BINARY = "`lock` cannot be told to leave wheels out where a project has them"
_PER_TARGET = (
    "every target has an answer, Linux with one version and macOS with another; written for a "
    "resolver that looks for one version first"
)

OUT_OF_SCOPE: Mapping[str, str] = {
    "no-binary": _NO_BINARY,
    "only-wheels-no-binary": _NO_BINARY,
}
"""Scenarios that are not asked, each with the reason."""

OTHERWISE: Mapping[str, Otherwise] = {
    "conflict-in-fork": Otherwise(
        satisfiable=True,
        why="the conflict is where `sys_platform` is `os2`, and no target is such a system",
    ),
    "fork-non-local-fork-marker-direct": Otherwise(satisfiable=True, why=_PER_TARGET),
    "fork-non-local-fork-marker-transitive": Otherwise(satisfiable=True, why=_PER_TARGET),
    "preferences-dependent-forking-conflicting": Otherwise(satisfiable=True, why=_PER_TARGET),
    "python-less-than-current": Otherwise(
        satisfiable=False,
        why="written for a resolver that ignores upper bounds of Python; the file says "
        "`Requires-Python: <=3.8`, and pip does not install it on 3.9",
    ),
}
"""Scenarios that are asked, and judged by another answer than the one they name."""

_TARGETS: Mapping[str, tuple[str, ...]] = {
    # Its wheels are for CPython 3.13 and `manylinux2010`, which PEP 571 has for two machines.
    "specific-architecture": (
        "cp313-linux-x86_64-glibc2.17",
        "cp313-linux-i686-glibc2.17",
        "cp313-macos-arm64-14.0",
    ),
}


def targets(scenario: Scenario) -> tuple[str, ...]:
    """The targets to lock a scenario for."""
    return _TARGETS.get(scenario.name, scenario.targets)


def expected(scenario: Scenario, tool: str) -> tuple[bool, Mapping[NormalizedName, Version]]:
    """Whether there is an answer for this tool, and the versions it names."""
    other = OTHERWISE.get(scenario.name) if tool == "trueup" else None
    if other is None:
        return scenario.satisfiable, scenario.packages
    return other.satisfiable, {
        canonicalize_name(f"{scenario.name}-{package}"): Version(version)
        for package, version in other.packages.items()
    }
