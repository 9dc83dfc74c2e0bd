"""Small worlds of packages, drawn from a seed: everything that can differ between files differs.

A world is an index, and what a user wants of it. It is plain data: what judges a lock of it
(tests/laws/worldwalk.py) is to share nothing with what made the lock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

__all__ = [
    "CHOICES",
    "EXTRAS",
    "RARE_MARKER",
    "TARGETS",
    "Choice",
    "File",
    "Promise",
    "Wanted",
    "World",
    "drawn_world",
]

TARGETS = (
    "cp311-linux-x86_64-glibc2.28",
    "cp312-linux-x86_64-glibc2.28",
    "cp312-linux-x86_64-musl1.2",
    "cp312-macos-arm64-11.0",
    "cp312-windows-amd64",
    "cp313t-linux-x86_64-glibc2.28",
    "cp313-linux-x86_64-glibc2.17",
    "pp311-linux-x86_64-glibc2.17",
)
PROJECTS = ("a", "b", "c", "d")
TAGS = (
    "py3-none-any",
    "py3-none-win_amd64",
    "py3-none-manylinux_2_34_x86_64",
    "cp311-abi3-win_amd64",
    "cp311-cp311-manylinux_2_17_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-musllinux_1_2_x86_64",
    "cp312-cp312-macosx_11_0_arm64",
    "cp312-cp312-win_amd64",
    "cp313-cp313-manylinux_2_17_x86_64",
    "cp313-cp313t-manylinux_2_28_x86_64",
    "pp311-pypy311_pp73-manylinux_2_17_x86_64",
)
MARKERS = (
    "",
    "",
    'sys_platform == "linux"',
    'sys_platform != "win32"',
    'python_version < "3.12"',
    'python_version >= "3.13"',
    'python_full_version >= "3.12.3"',
    'python_full_version < "3.11.4"',
    'platform_machine == "arm64"',
    'implementation_name == "pypy"',
    'extra == "x"',
    'extra == "x" and sys_platform == "linux"',
)
RARE_MARKER = 'platform_release >= "5"'
"""Neither it nor its opposite holds for what is no version, so not every lock can say it."""

EXTRAS = ("x", "y")

Promise = Literal["static", "bounded", "dynamic", "legacy"]
"""What an sdist says of the wheels built from it (PEP 643): all, what may be added, or nothing."""

Choice = tuple[Literal["extra", "group"], str]
"""An extra or dependency group of the user's project."""

CHOICES: tuple[Choice, ...] = (("extra", "o"), ("extra", "p"), ("group", "q"))


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file on the index; ``adds`` is what building this sdist adds to what it says."""

    name: str
    requires: tuple[str, ...] = ()
    python: str | None = None
    page_python: str | None = None
    day: int = 1
    yanked: bool = False
    promise: Promise = "static"
    adds: tuple[str, ...] = ()

    @property
    def project(self) -> str:
        return self.name.partition("-")[0]

    @property
    def version(self) -> str:
        return self.name.removesuffix(".tar.gz").split("-")[1]

    @property
    def is_sdist(self) -> bool:
        return self.name.endswith(".tar.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One requirement of the user, and the extra or group that it belongs to (None: always)."""

    text: str
    choice: Choice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An index and what a user wants of it; files newer than the day ``until`` do not count."""

    files: tuple[File, ...]
    wanted: tuple[Wanted, ...]
    conflicts: tuple[frozenset[Choice], ...] = ()
    overrides: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    only_binary: frozenset[str] = frozenset()
    allow_build: frozenset[str] = frozenset()
    until: int | None = None
    strategy: str = "aligned"
    irreconcilable: str = "keep"
    prereleases: str = "if-necessary"

    def asks(self, file: File) -> tuple[str, ...] | None:
        """What an installed file asks for, at most; None where nobody could know it in time."""
        silent = file.is_sdist and file.promise in ("dynamic", "legacy")
        if silent and file.project not in self.allow_build:
            return None
        return (*file.requires, *file.adds)


def drawn_world(seed: int) -> World:
    """The world of a seed."""
    chance = random.Random(seed)
    markers = [*MARKERS, RARE_MARKER] if chance.random() < 0.15 else list(MARKERS)
    files = tuple(file for project in PROJECTS for file in _project(chance, project, markers))
    world = World(
        files=files,
        wanted=(Wanted(text="a" + chance.choice(["", "[x]", '; sys_platform != "win32"'])),),
        strategy=chance.choice(["aligned", "newest", "lowest"]),
        irreconcilable=chance.choice(["keep", "keep", "keep", "union", "refuse"]),
        prereleases=chance.choice(["if-necessary", "allow", "disallow"]),
    )
    return _with_policies(chance, _with_choices(chance, world))


def _with_choices(chance: random.Random, world: World) -> World:
    if chance.random() < 0.4:
        return world
    more = (
        Wanted(text="b" + chance.choice(["<2", ""]), choice=CHOICES[0]),
        Wanted(text="b" + chance.choice([">=2", "[x]"]), choice=CHOICES[1]),
        Wanted(text="c", choice=CHOICES[2]),
    )
    conflicts: tuple[frozenset[Choice], ...] = ()
    if chance.random() < 0.7:
        conflicts = (frozenset(CHOICES[:2]),)
    elif chance.random() < 0.5:
        conflicts = (frozenset(CHOICES),)
    return replace(world, wanted=(*world.wanted, *more), conflicts=conflicts)


def _with_policies(chance: random.Random, world: World) -> World:
    if chance.random() < 0.2:
        split = 'python_full_version {} "3.12.2"'
        overrides = (f"c<2; {split.format('<')}", f"c; {split.format('>=')}")
        world = replace(world, overrides=overrides)
    if chance.random() < 0.2:
        constraint = chance.choice(["b<2", 'c>=2; sys_platform == "linux"', "d!=1.0"])
        world = replace(world, constraints=(constraint,))
    if chance.random() < 0.1:
        world = replace(world, excluded=frozenset({chance.choice("bcd")}))
    if chance.random() < 0.2:
        world = replace(world, only_binary=frozenset(chance.sample(PROJECTS, 2)))
    if chance.random() < 0.5:
        world = replace(world, allow_build=frozenset(chance.sample(PROJECTS, 3)))
    if chance.random() < 0.2:
        world = replace(world, until=4)
    return world


def _project(chance: random.Random, project: str, markers: list[str]) -> list[File]:
    numbers = chance.choice([["1.0"], ["1.0", "2.0"], ["1.0", "2.0"], ["1.0", "2.0", "3.0rc1"]])
    return [file for number in numbers for file in _release(chance, project, number, markers)]


def _release(chance: random.Random, project: str, version: str, markers: list[str]) -> list[File]:
    common = _requires(chance, project, markers)

    def own() -> tuple[str, ...]:
        return common if chance.random() < 0.6 else _requires(chance, project, markers)

    tags = chance.sample(TAGS, chance.randint(1, 4))
    if chance.random() < 0.75:
        tags.append("py3-none-any")
    files = [
        File(
            name=f"{project}-{version}-{chance.choice(['', '', '', '1-', '2-'])}{tag}.whl",
            requires=own(),
            python=chance.choice([None] * 9 + [">=3.12"]),
            page_python=chance.choice([None] * 8 + ["<3.13", ">=3.12.2"]),
            day=chance.randint(1, 5),
            yanked=chance.random() < 0.04,
        )
        for tag in dict.fromkeys(tags)
    ]
    if chance.random() < 0.6:
        files.append(_sdist(chance, f"{project}-{version}.tar.gz", own(), markers))
    return files


def _sdist(chance: random.Random, name: str, requires: tuple[str, ...], markers: list[str]) -> File:
    promise: Promise = chance.choice(["static", "static", "bounded", "dynamic", "legacy"])
    file = File(name=name, requires=requires, promise=promise, day=chance.randint(1, 5))
    if promise == "static":
        return file
    adds = _requires(chance, file.project, markers)
    if promise == "bounded" and not adds:
        return replace(file, promise="dynamic")
    return replace(file, adds=adds)


def _requires(chance: random.Random, own: str, markers: list[str]) -> tuple[str, ...]:
    # Only later names, so that the walk ends soon; extras of them are asked for as well.
    names = [name for name in PROJECTS if name > own]
    lines = []
    for _ in range(chance.choice([0, 1, 1, 2, 3]) if names else 0):
        extra = chance.choice(["", "", "[x]"])
        specifier = chance.choice(["", "", "", ">=2", "<2", "!=2.0"])
        marker = chance.choice(markers)
        lines.append(f"{chance.choice(names)}{extra}{specifier}{'; ' + marker if marker else ''}")
    if chance.random() < 0.15:
        lines.append(f'{own}[y]; extra == "x"')
    if names and chance.random() < 0.3:
        lines.append(f'{chance.choice(names)}; extra == "y"')
    return tuple(lines)
