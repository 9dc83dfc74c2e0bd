"""Is a lock of a world right at one place? By `packaging` and the world's own data alone.

Nothing of the project is imported. An installer may take the first of the best wheels in the list
(pip) or the one of them with the highest build number (uv): both are followed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.markers import Marker
from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import NormalizedName, parse_wheel_filename

from tests.laws.worlds import Choice, File, World

__all__ = ["Place", "faults_at", "listed_faults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment by its marker values and its tags, best first.

    At a ``served`` one the lock promised to work; another one only shares its markers, and may
    find no file, but must not be served wrong.
    """

    environment: Mapping[str, str]
    tags: Sequence[Tag]
    served: bool


def listed_faults(lock: Pylock, world: World) -> Iterator[str]:
    """Files that the user did not want in any lock."""
    files = {file.name: file for file in world.files}
    for package in lock.packages:
        for name in _names(package):
            file = files[name]
            if file.yanked:
                yield f"`{name}` was yanked"
            if world.until is not None and file.day > world.until:
                yield f"`{name}` is too new"
            if file.is_sdist and package.name in world.only_binary:
                yield f"`{name}` is no wheel"
            if world.asks(file) is None:
                yield f"`{name}` promises nothing and was not built"
        if world.prereleases == "disallow" and package.version and package.version.is_prerelease:
            yield f"`{package.name} {package.version}` is a pre-release"
        if package.name in world.excluded:
            yield f"`{package.name}` is excluded"


def faults_at(
    lock: Pylock, world: World, place: Place, chosen: Collection[Choice]
) -> Iterator[str]:
    """What is wrong for whoever installs the lock there with these extras and groups."""
    environment: dict[str, str | frozenset[str]] = {
        **place.environment,
        "extras": frozenset(name for kind, name in chosen if kind == "extra"),
        "dependency_groups": frozenset(name for kind, name in chosen if kind == "group"),
    }
    live: dict[NormalizedName, Package] = {}
    for package in lock.packages:
        if package.marker is None or package.marker.evaluate(environment, context="lock_file"):
            if package.name in live:
                yield f"`{package.name}` is live twice"
                return
            live[package.name] = package
    walk = _Walk(world=world, place=place, live=live)
    yield from walk.faults(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    world: World
    place: Place
    live: Mapping[NormalizedName, Package]

    def faults(self, chosen: Collection[Choice]) -> Iterator[str]:
        files = {file.name: file for file in self.world.files}
        pending: list[tuple[NormalizedName, str]] = []
        for wanted in self.world.wanted:
            if wanted.choice is None or wanted.choice in chosen:
                yield from self._follow("the user", wanted.text, "", pending)
        seen: set[tuple[NormalizedName, str]] = set()
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            name, extra = node
            taken = _taken(self.live[name], self.place.tags)
            if not taken and self.place.served:
                yield f"no file of `{name}` fits"
            for filename in taken:
                yield from self._installed(files[filename], extra, pending)
        reached = {name for name, _ in seen}
        if self.place.served and self.world.irreconcilable != "union":
            yield from (f"`{name}` is not needed" for name in self.live if name not in reached)

    def _installed(
        self, file: File, extra: str, pending: list[tuple[NormalizedName, str]]
    ) -> Iterator[str]:
        python = self.place.environment["python_full_version"]
        if file.python is not None and not _specifiers(file.python).contains(python):
            yield f"`{file.name}` requires Python {file.python}"
        for line in self.world.asks(file) or ():
            yield from self._follow(f"`{file.name}`", line, extra, pending)

    def _follow(
        self, who: str, text: str, extra: str, pending: list[tuple[NormalizedName, str]]
    ) -> Iterator[str]:
        for line in self._replaced(text, extra):
            name = NormalizedName(line.name)
            if name in self.world.excluded:
                continue
            package = self.live.get(name)
            if package is None:
                yield f"{who} asks for `{line}`, which is not there"
                continue
            assert package.version is not None
            for limit in (line, *self._constraints(name)):
                if not limit.specifier.contains(package.version, prereleases=True):
                    yield f"{who} asks for `{line}`, not {package.version} (`{limit}`)"
            pending += [(name, ""), *((name, one) for one in line.extras)]

    def _replaced(self, text: str, extra: str) -> list[Requirement]:
        """The requirement where its marker holds, or what the user's overrides make of it."""
        line = _requirement(text)
        if not self._holds(line.marker, extra):
            return []
        overrides = [_requirement(one) for one in self.world.overrides]
        if not any(one.name == line.name for one in overrides):
            return [line]
        return [one for one in overrides if one.name == line.name and self._holds(one.marker, "")]

    def _constraints(self, name: str) -> list[Requirement]:
        lines = [_requirement(text) for text in self.world.constraints]
        return [line for line in lines if line.name == name and self._holds(line.marker, "")]

    def _holds(self, marker: Marker | None, extra: str) -> bool:
        return marker is None or marker.evaluate({**self.place.environment, "extra": extra})


def _names(package: Package) -> list[str]:
    names = [wheel.filename for wheel in package.wheels or ()]
    return [*names, package.sdist.filename] if package.sdist is not None else names


def _taken(package: Package, tags: Sequence[Tag]) -> tuple[str, ...]:
    """The files that an installer may take from an entry."""
    ranked: list[tuple[int, str]] = []
    for wheel in package.wheels or ():
        accepted = parse_wheel_filename(wheel.filename)[3]
        rank = next((number for number, tag in enumerate(tags) if tag in accepted), None)
        if rank is not None:
            ranked.append((rank, wheel.filename))
    if not ranked:
        return (package.sdist.filename,) if package.sdist is not None else ()
    least = min(rank for rank, _ in ranked)
    best = [name for rank, name in ranked if rank == least]
    return tuple(dict.fromkeys([best[0], max(best, key=lambda one: parse_wheel_filename(one)[2])]))


@lru_cache(maxsize=4096)
def _requirement(text: str) -> Requirement:
    return Requirement(text)


@lru_cache(maxsize=64)
def _specifiers(text: str) -> SpecifierSet:
    return SpecifierSet(text)
