"""Scenarios drawn by chance from a seed: small indexes in which nearly everything disagrees."""

from __future__ import annotations

import random

from tests.scenarios.scenario import LINUX, MACOS, MUSL, WINDOWS, File, Scenario

__all__ = ["drawn_scenario"]

TARGETS = (
    LINUX,
    LINUX.replace("2.17", "2.28"),
    LINUX.replace("cp312", "cp313"),
    LINUX.replace("cp312", "cp313t"),
    LINUX.replace("cp312", "pp311"),
    "cp312-linux-aarch64-glibc2.17",
    MUSL,
    MACOS,
    MACOS.replace("11.0", "14.0"),
    WINDOWS,
    "cp312-windows-x86",
)
TAGS = (
    "py3-none-any",
    "py3-none-any",
    "py2.py3-none-any",
    "py3-none-win_amd64",
    "py3-none-manylinux_2_17_x86_64",
    "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp39-abi3-macosx_11_0_arm64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux_2_34_x86_64",
    "cp312-cp312-manylinux_2_17_aarch64",
    "cp312-cp312-musllinux_1_2_x86_64",
    "cp312-cp312-macosx_11_0_arm64",
    "cp312-cp312-macosx_14_0_arm64",
    "cp312-cp312-macosx_11_0_universal2",
    "cp312-cp312-win_amd64",
    "cp312-cp312-win32",
    "cp313-cp313-manylinux_2_17_x86_64",
    "cp313-cp313t-manylinux_2_17_x86_64",
    "pp311-pypy311_pp73-manylinux_2_17_x86_64",
)
PROJECTS = ("demo", "liba", "libb", "libc")
MARKERS = (
    'sys_platform == "win32"',
    'sys_platform != "win32"',
    'platform_machine == "x86_64"',
    'python_full_version < "3.12.4"',
    'python_version >= "3.13"',
    'implementation_name == "pypy"',
    'extra == "fast"',
)
PATCHES = (3, 4)


def drawn_scenario(seed: int) -> Scenario:
    """The scenario of a seed; which targets have an answer is left to the oracle."""
    chance = random.Random(seed)
    files = tuple(file for project in PROJECTS for file in _project(chance, project))
    return Scenario(
        name=f"drawn-{seed}",
        about="drawn by chance",
        files=files,
        roots=(chance.choice(["demo", "demo", "demo[fast]", "demo<3"]),),
        targets=tuple(chance.sample(TARGETS, chance.randint(1, 4))),
        patches=PATCHES,
    )


def _project(chance: random.Random, project: str) -> list[File]:
    files: dict[str, File] = {}
    for version in ("1.0", "2.0", "3.0")[: chance.choice([1, 2, 2, 3])]:
        for tag in chance.sample(TAGS, chance.randint(1, 5)):
            file = _file(chance, project, version, tag)
            files[file.name] = file
        if project != "demo" and chance.random() < 0.4:
            file = _file(chance, project, version, "py3-none-any")
            files[file.name] = file
        if chance.random() < 0.25:
            file = _file(chance, project, version, "")
            files[file.name] = file
    return list(files.values())


def _file(chance: random.Random, project: str, version: str, tag: str) -> File:
    others = [name for name in PROJECTS if name > project or chance.random() < 0.1]
    count = min(len(others), chance.choice([0, 0, 1, 1, 2]))
    requires = tuple(_requirement(chance, name) for name in chance.sample(others, count))
    # Installers differ on an extra that is asked about and not provided: none here.
    named = any("extra ==" in requirement for requirement in requires)
    python = chance.choice([None] * 8 + [">=3.9", ">=3.13", "<3.13"])
    return File(
        project=project,
        version=version,
        tag=tag,
        build=chance.choice(["", "", "", "1"]) if tag else "",
        requires=requires,
        extras=("fast",) if named or chance.random() < 0.6 else (),
        python=python,
        dynamic=("Requires-Dist",) if not tag and chance.random() < 0.5 else (),
        yanked="by chance" if chance.random() < 0.06 else None,
    )


def _requirement(chance: random.Random, name: str) -> str:
    extra = "[fast]" if chance.random() < 0.15 else ""
    specifier = chance.choice(["", "", ">=2", "<2", "!=2.0", "==1.0"])
    marker = f"; {chance.choice(MARKERS)}" if chance.random() < 0.4 else ""
    return f"{name}{extra}{specifier}{marker}"
