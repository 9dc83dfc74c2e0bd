"""Locks of small worlds drawn by chance, held against the worlds' own data at every place.

`TRUEUP_WORLDS=2000 just test tests/laws/test_lock_worlds.py` draws that many.
"""

from __future__ import annotations

import os
import tomllib
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock
from packaging.utils import NormalizedName

from tests.laws.test_lock_laws import tags_of
from tests.laws.worlds import (
    CHOICES,
    EXTRAS,
    RARE_MARKER,
    TARGETS,
    Choice,
    File,
    World,
    drawn_world,
)
from tests.laws.worldwalk import Place, faults_at, listed_faults
from tests.scenarios.machines import machines
from tests.shelf import Shelf
from trueup.features.lock import Locked, Profile, lock
from trueup.judge.lock import audit
from trueup.judge.lockrules import LOCK_RULES
from trueup.judge.picks import key_of
from trueup.model.artifact import Artifact
from trueup.model.condition import Option, OptionKind
from trueup.model.declaration import Declaration
from trueup.model.errors import TrueupError
from trueup.model.finding import Severity
from trueup.model.lockrequest import Irreconcilable, LockRequest, Prereleases, Root, Strategy
from trueup.model.metadata import Resolution
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.lockfiles.read import read_lock
from trueup.sources.lockfiles.write import pylock_text
from trueup.sources.preferred import preferred_versions, profile_path, profiles_beside
from trueup.sources.supply import Supply

WORLDS = int(os.environ.get("TRUEUP_WORLDS", "24"))
PATCHES = (2, 3, 4)

each = pytest.mark.parametrize("seed", range(WORLDS))


@each
def test_a_lock_is_right_wherever_it_says_that_it_works(seed: int, tmp_path: Path) -> None:
    world = drawn_world(seed)
    locked = locked_world(world)
    if locked is None:
        return
    promised = [target for profile in locked.profiles for target in profile.lock.targets]
    unserved = [str(item.target) for item in locked.unserved]
    assert sorted([*promised, *unserved]) == sorted(TARGETS)
    for profile in locked.profiles:
        text = pylock_text(profile.lock, relative_to=tmp_path)
        pylock = Pylock.from_dict(tomllib.loads(text))
        assert list(listed_faults(pylock, world)) == []
        assert next(faults_of(pylock, world, profile), None) is None


@each
def test_what_was_written_stands_an_audit(seed: int, tmp_path: Path) -> None:
    world = drawn_world(seed)
    locked = locked_world(world)
    shelf = shelf_of(world)
    for profile in locked.profiles if locked is not None else ():
        path = tmp_path / "pylock.toml"
        path.write_text(pylock_text(profile.lock, relative_to=tmp_path), encoding="utf-8")
        found = read_lock(path)
        assert found.faults == ()
        files = [file for entry in found.entries for file in entry.files]
        readings = {key_of(file): shelf.readings[file.filename] for file in files}
        targets = parse_targets(",".join(profile.lock.targets))
        audited = audit(found, targets, readings)
        wrong = [finding for rule in LOCK_RULES for finding in rule.check(audited)]
        assert [finding for finding in wrong if finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize("seed", range(0, WORLDS, 4))
def test_the_order_of_everything_is_no_matter(seed: int, tmp_path: Path) -> None:
    world = drawn_world(seed)
    texts = []
    for backwards in (False, True):
        locked = locked_world(world, backwards=backwards)
        texts.append(
            locked
            and [pylock_text(profile.lock, relative_to=tmp_path) for profile in locked.profiles]
        )
    assert texts[0] == texts[1]


@pytest.mark.parametrize("seed", range(5, WORLDS, 8))
def test_locking_again_changes_nothing(seed: int, tmp_path: Path) -> None:
    world = drawn_world(seed)
    path = tmp_path / "pylock.toml"
    first = written(locked_world(world), path)
    for file, text in first.items():
        file.write_text(text, encoding="utf-8")
    kept = {
        name: preferred_versions(profile_path(path, name)) for name in ("", *profiles_beside(path))
    }
    old = dict(ChainMap(*map(dict, kept.values())))
    again = locked_world(world, preferred=old, preferred_by_profile=kept)
    assert written(again, path) == first


def written(locked: Locked | None, path: Path) -> dict[Path, str]:
    """The files of a lock, one for each profile."""
    return {
        profile_path(path, profile.name): pylock_text(profile.lock, relative_to=path.parent)
        for profile in (locked.profiles if locked is not None else ())
    }


@pytest.mark.parametrize("seed", range(0, WORLDS, 8))
def test_an_entry_less_is_noticed(seed: int, tmp_path: Path) -> None:
    world = drawn_world(seed)
    locked = locked_world(world)
    for profile in locked.profiles if locked is not None else ():
        for number in range(len(profile.lock.entries)):
            document = tomllib.loads(pylock_text(profile.lock, relative_to=tmp_path))
            del document["packages"][number]
            for package in document["packages"]:
                package.pop("dependencies", None)  # what they name must be there
            damaged = Pylock.from_dict(document)
            assert next(faults_of(damaged, world, profile), None) is not None


def faults_of(
    pylock: Pylock, world: World, profile: Profile
) -> Iterator[tuple[str, Place, frozenset[Choice]]]:
    """What is wrong, where, with which extras and groups."""
    for place in places(profile):
        for chosen in selections(world):
            for fault in faults_at(pylock, world, place, chosen):
                yield fault, place, chosen


def places(profile: Profile) -> Iterator[Place]:
    """The machines of the targets, and every environment that shares its markers with one."""
    for target in profile.lock.targets:
        for machine in machines(target, PATCHES):
            yield Place(environment=machine.environment, tags=machine.tags, served=True)
    ground = profile.audit.ground
    for index in ground.space.indices(ground.claimed):
        point = ground.space.point(index)
        yield Place(
            environment=point.environment(),
            tags=tags_of(point),
            served=bool(ground.asked >> index & 1),
        )


def selections(world: World) -> list[frozenset[Choice]]:
    """What can be chosen together."""
    offered = [choice for choice in CHOICES if any(one.choice == choice for one in world.wanted)]
    found = [
        frozenset(chosen)
        for count in range(len(offered) + 1)
        for chosen in combinations(offered, count)
    ]
    return [one for one in found if all(len(one & group) < 2 for group in world.conflicts)]


def locked_world(world: World, *, backwards: bool = False, **kept: Any) -> Locked | None:
    """The lock of a world, ``kept`` from an older one; None where no marker can express it."""
    shelf = shelf_of(world, backwards=backwards)
    files = {file.name: file for file in world.files}

    def build(artifact: Artifact) -> Resolution:
        return resolution_of(files[artifact.filename])

    try:
        return lock(replace(request_of(world), **kept), Supply(lambda _: shelf, build=build))
    except TrueupError as error:
        text = "".join(line for file in world.files for line in (*file.requires, *file.adds))
        if RARE_MARKER in text and "`platform_release`" in (error.hint or ""):
            return None
        raise


def shelf_of(world: World, *, backwards: bool = False) -> Shelf:
    """The index of a world, in memory."""
    shelf = Shelf()
    for file in reversed(world.files) if backwards else world.files:
        shelf.add(
            file.name,
            file.requires,
            extras=EXTRAS,
            python=file.python,
            page_python=file.page_python,
            dynamic=["Requires-Dist"] if file.promise in ("bounded", "dynamic") else [],
            metadata_version="2.1" if file.promise == "legacy" else "2.4",
            yanked="by chance" if file.yanked else None,
            uploaded=datetime(2026, 1, file.day, tzinfo=UTC),
        )
        if file.promise == "bounded":
            may_add = tuple(map(parse_requirement, file.adds))
            shelf.readings[file.name] = replace(
                shelf.readings[file.name], declaration=Declaration(may_add=may_add)
            )
    return shelf


def resolution_of(file: File) -> Resolution:
    """What building an sdist of a world tells."""
    return Resolution(
        requires_dist=frozenset(map(parse_requirement, (*file.requires, *file.adds))),
        requires_python=None,
        provides_extra=frozenset(map(NormalizedName, EXTRAS)),
    )


def request_of(world: World) -> LockRequest:
    """What the user of a world wants."""
    return LockRequest(
        roots=tuple(
            Root(
                requirement=parse_requirement(one.text),
                origin="the test",
                option=option(one.choice) if one.choice is not None else None,
            )
            for one in world.wanted
        ),
        targets=parse_targets(",".join(TARGETS)),
        conflicts=tuple(frozenset(map(option, group)) for group in world.conflicts),
        overrides=tuple(map(parse_requirement, world.overrides)),
        constraints=tuple(map(parse_requirement, world.constraints)),
        excluded=frozenset(map(NormalizedName, world.excluded)),
        only_binary=world.only_binary,
        allow_build=world.allow_build,
        exclude_newer=None
        if world.until is None
        else datetime(2026, 1, world.until, 12, tzinfo=UTC),
        strategy=Strategy(world.strategy),
        irreconcilable=Irreconcilable(world.irreconcilable),
        prereleases=Prereleases(world.prereleases),
    )


def option(choice: Choice) -> Option:
    kind, name = choice
    return Option(kind=OptionKind(kind), name=name)
