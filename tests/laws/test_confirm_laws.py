"""A lock that is confirmed is the lock that resolving again gives, whatever was published since.

`TRUEUP_WORLDS=2000 just test tests/laws/test_confirm_laws.py` draws that many.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.laws.test_lock_worlds import WORLDS, request_of, resolution_of, shelf_of
from tests.laws.worlds import File, World, drawn_world
from trueup.features.lock import Confirmations, Locked, lock
from trueup.model.artifact import Artifact
from trueup.model.errors import TrueupError
from trueup.model.lockrequest import LockRequest
from trueup.model.metadata import Resolution
from trueup.model.target import parse_targets
from trueup.sources.cache import MemoryCache
from trueup.sources.lockfiles.write import pylock_text
from trueup.sources.preferred import preferred_versions, recorded_targets
from trueup.sources.supply import Supply

CHANGES = 6
"""What is tried with each world."""


def test_what_is_confirmed_is_what_resolving_again_gives(tmp_path: Path) -> None:
    remembered = confirmed = changed = 0
    for seed in range(WORLDS):
        chance = random.Random(seed)
        world = some_of(drawn_world(seed), chance)
        path = tmp_path / f"pylock.{seed}.toml"
        before = kept(world, path, seed)
        if before is None:
            continue
        remembered += 1
        assert confirmations(before, world).confirm() == {"seed": seed}
        for _ in range(CHANGES):
            later = changed_world(world, drawn_world(seed), chance)
            again = text_of(answer(before.request, later), path)
            if confirmations(before, later).confirm() is None:
                changed += again != before.text
                continue
            confirmed += 1
            assert again == before.text, f"seed {seed}"
    # The law must not hold because nothing is ever confirmed, or nothing ever changes a lock.
    assert remembered > WORLDS // 8
    assert confirmed > remembered // 2
    assert changed > remembered // 2


def kept(world: World, path: Path, seed: int) -> Confirmations | None:
    """A lock of the world that was resolved twice; None where nothing can be remembered of it."""
    request = request_of(world)
    first = text_of(answer(request, world), path)
    if first is None:
        return None
    path.write_text(first, encoding="utf-8")
    request = replace(request, preferred=preferred_versions(path))
    if seed % 2:
        # As on the command line where nothing names targets: those that the lock is for.
        targets = parse_targets(",".join(recorded_targets(path)))
        request = replace(request, targets=targets)
    second = answer(request, world)
    if second is None or second.looked is None or text_of(second, path) != first:
        return None
    found = Confirmations(
        cache=MemoryCache(), request=request, supply=supply_of(world), path=path, text=first
    )
    found.remember(second.looked, {"seed": seed})
    return found


def confirmations(before: Confirmations, world: World) -> Confirmations:
    """The same, once the index is what the world is now."""
    return replace(before, supply=supply_of(world))


def answer(request: LockRequest, world: World) -> Locked | None:
    try:
        return lock(request, supply_of(world))
    except TrueupError:
        return None  # no marker can express it


def text_of(locked: Locked | None, path: Path) -> str | None:
    """The one lock that was made, as it is written."""
    if locked is None or len(locked.profiles) != 1 or locked.profiles[0].name:
        return None
    return pylock_text(locked.profiles[0].lock, relative_to=path.parent)


def supply_of(world: World) -> Supply:
    shelf = shelf_of(world)
    files = {file.name: file for file in world.files}

    def build(artifact: Artifact) -> Resolution:
        return resolution_of(files[artifact.filename])

    return Supply(lambda _: shelf, build=build)


def some_of(world: World, chance: random.Random) -> World:
    """The world when not all of it was published."""
    return replace(world, files=tuple(file for file in world.files if chance.random() < 0.85))


def changed_world(world: World, whole: World, chance: random.Random) -> World:
    """The world after some uploads, deletions and yanks."""

    def later() -> Iterator[File]:
        present = {file.name for file in world.files}
        for file in whole.files:
            is_there = (file.name in present) != (chance.random() < 0.06)
            if is_there:
                yanked = file.yanked != (chance.random() < 0.04)
                yield replace(file, yanked=yanked)

    return replace(world, files=tuple(later()))
