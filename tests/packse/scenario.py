"""A packse scenario as its file has it, with the names its packages get when they are built.

`packse index build --no-hash` puts all scenarios on one index: package `a` of the scenario `demo`
is the project `demo-a` there, and the requirements inside its files are renamed as well.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name, parse_sdist_filename
from packaging.utils import parse_wheel_filename as parse_wheel
from packaging.version import Version

from tests.index_server import IndexServer, Sidecar
from tests.scenarios.machines import Machine, machines

__all__ = ["Options", "Release", "Scenario", "load", "publish", "read_scenarios"]

PYTHON = "3.12"
"""The Python of a scenario that names none (packse's own default)."""
NEWEST = 14
"""The newest minor version of Python 3 that a scenario for all environments is asked for."""
EVERYWHERE = ("linux-x86_64-glibc2.17", "macos-arm64-14.0", "windows-amd64")
"""What "universal" stands for here: what `sys_platform` is on the three systems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the resolver of a scenario is told."""

    prereleases: bool = False
    no_build: frozenset[NormalizedName] = frozenset()
    no_binary: frozenset[NormalizedName] = frozenset()
    universal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What an index page says of the files of one version; a requirement of None shows none."""

    project: NormalizedName
    version: Version
    requires_python: str | None
    yanked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One question and its answer.

    ``group`` is the folder of its file; ``roots`` are what the user asks for, by the names on the
    index; ``packages`` are the versions that the answer names (empty: it names none); ``python``
    is the Python it is asked for, of which a patch release may be given.
    """

    name: str
    group: str
    roots: tuple[str, ...]
    requires_python: str
    releases: tuple[Release, ...]
    satisfiable: bool
    packages: Mapping[NormalizedName, Version]
    python: str
    options: Options

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that a lock is asked for."""
        if not self.options.universal:
            return (f"cp{''.join(self.python.split('.')[:2])}-{EVERYWHERE[0]}",)
        allowed = SpecifierSet(self.requires_python)
        minors = [n for n in range(9, NEWEST + 1) if allowed.contains(f"3.{n}.99")]
        return tuple(f"cp3{minor}-{system}" for minor in minors for system in EVERYWHERE)

    def machines(self, targets: tuple[str, ...]) -> Iterator[Machine]:
        """The machines of the targets, with the patch release of the scenario if it has one."""
        parts = self.python.split(".")
        patches = (int(parts[2]),) if len(parts) > 2 and not self.options.universal else ()
        for target in targets:
            yield from machines(target, patches)

    @property
    def withdrawn(self) -> frozenset[tuple[NormalizedName, Version]]:
        """Yanked releases that are no part of the answer: PEP 592 allows one that `==` names."""
        yanked = {(item.project, item.version) for item in self.releases if item.yanked}
        return frozenset(yanked - set(self.packages.items()))


def read_scenarios(folder: Path) -> list[Scenario]:
    """All scenarios under a folder, those of one group together, sorted."""
    found = [
        scenario
        for path in folder.rglob("*")
        if path.suffix in _PARSERS
        for scenario in load(path.read_text("utf-8"), path.suffix, group=path.parent.name)
    ]
    return sorted(found, key=lambda item: (item.group, item.name))


_PARSERS: Mapping[str, Any] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
}


def load(text: str, suffix: str, *, group: str) -> list[Scenario]:
    """The scenarios of a file, one or a list; ``suffix`` is `.json`, `.toml` or `.yaml`."""
    document = _PARSERS[suffix](text)
    documents = document if isinstance(document, list) else [document]
    return [_scenario(item, group) for item in documents]


def _scenario(document: Mapping[str, Any], group: str) -> Scenario:
    scenario = document["name"]
    expected, root = document["expected"], document.get("root", {})
    options = document.get("resolver_options", {})

    def on_index(package: str) -> NormalizedName:
        return canonicalize_name(f"{scenario}-{package}")

    def names(key: str) -> frozenset[NormalizedName]:
        return frozenset(map(on_index, options.get(key, ())))

    return Scenario(
        name=scenario,
        group=group,
        roots=tuple(_renamed(line, on_index) for line in root.get("requires", ())),
        requires_python=root.get("requires_python", f">={PYTHON}"),
        releases=tuple(
            Release(
                project=on_index(package),
                version=Version(version),
                requires_python=about.get("requires_python", f">={PYTHON}"),
                yanked=about.get("yanked", False),
            )
            for package, described in document["packages"].items()
            for version, about in described["versions"].items()
        ),
        satisfiable=expected["satisfiable"],
        packages={
            on_index(package): Version(version)
            for package, version in expected.get("packages", {}).items()
        },
        python=options.get("python") or document.get("environment", {}).get("python", PYTHON),
        options=Options(
            prereleases=options.get("prereleases", False),
            no_build=names("no_build"),
            no_binary=names("no_binary"),
            universal=options.get("universal", False),
        ),
    )


def _renamed(line: str, on_index: Any) -> str:
    requirement = Requirement(line)
    requirement.name = on_index(requirement.name)
    return str(requirement)


# --- the index ----------------------------------------------------------------------------------


def publish(scenarios: list[Scenario], files: Path, server: IndexServer) -> None:
    """Put the files of the scenarios on the index, with what its pages have to say of them."""
    releases = {(item.project, item.version): item for s in scenarios for item in s.releases}
    for path in sorted(files.iterdir()):
        release = releases.get(release_of(path.name))
        if release is not None:
            server.add(
                path.name,
                path,
                requires_python=release.requires_python,
                yanked="" if release.yanked else None,
                sidecar=Sidecar.NONE,
            )


def release_of(filename: str) -> tuple[NormalizedName, Version]:
    """The project and version that a file is of."""
    if filename.endswith(".whl"):
        return parse_wheel(filename)[:2]
    return parse_sdist_filename(filename)
