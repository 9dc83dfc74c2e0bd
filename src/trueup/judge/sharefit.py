"""Whether wheels are fit for sharing at all, whatever their libraries are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from trueup.judge.floors import glibc_floor, is_above, macos_floor, musl_floor
from trueup.judge.layouts import platform_of
from trueup.model.library import Distribution
from trueup.model.metadata import Unreadable
from trueup.model.split import Refusal, SharedPlan

__all__ = ["other_platforms", "tag_floors", "unfit"]


def unfit(wheels: Sequence[Distribution]) -> Iterator[Refusal]:
    """What would end in two files of one name, or in files that are not followed."""
    names = Counter(wheel.filename for wheel in wheels)
    if twice := sorted(name for name, times in names.items() if times > 1):
        yield Refusal(reason="two of these wheels have the same file name", files=tuple(twice))
    before = [one.filename for one in wheels if one.nativelib and one.nativelib.expects]
    if before:
        yield Refusal(
            reason="there are wheels that use libraries of other wheels already",
            files=tuple(before),
            hint="begin with the wheels as they were built, and name all libraries at once",
        )
    unread = [
        f"{wheel.filename}: {file.path}: {file.images.reason}"
        for wheel in wheels
        for file in wheel.files
        if isinstance(file.images, Unreadable)
    ]
    if unread:
        yield Refusal(
            reason="there are files of which is not known what libraries they ask for",
            files=tuple(unread),
        )


def other_platforms(plan: SharedPlan) -> Iterator[Refusal]:
    """A library serves the platforms of the wheel that it came from: glibc is not musl."""
    for one in plan.libraries:
        there = _platforms(one.owner)
        for consumer in plan.consumers:
            needed = _platforms(consumer.distribution)
            if one in consumer.dropped.values() and there and not needed <= there:
                yield Refusal(
                    reason=f"`{one.library}` of {one.owner.filename} is for "
                    f"{_words(there)}, and {consumer.distribution.filename} for {_words(needed)}",
                    hint="share the wheels of one platform at a time",
                )


def tag_floors(plan: SharedPlan) -> Iterator[Refusal]:
    """A wheel that is there already must be installed wherever its users are.

    What a library needs of glibc and macOS is read from itself; musl has no versions to read.
    """
    for one in plan.libraries:
        for consumer in plan.consumers:
            wheel = consumer.distribution
            if one not in consumer.dropped.values():
                continue
            floors = [("musl", musl_floor(one.owner.tags), musl_floor(wheel.tags))]
            for machine in {image.machine for image in one.kept.readable} if one.existing else ():
                for name, floor in (("glibc", glibc_floor), ("macOS", macos_floor)):
                    floors.append(
                        (name, floor(one.owner.tags, machine), floor(wheel.tags, machine))
                    )
            for name, there, wanted in floors:
                if there is not None and wanted is not None and is_above(there, wanted):
                    yield Refusal(
                        reason=f"{one.owner.filename} is for {name} {_dotted(there)} and later, "
                        f"and {wheel.filename} for {_dotted(wanted)} and later",
                        hint="take a library wheel with a lower floor",
                    )


def _dotted(number: tuple[int, ...]) -> str:
    return ".".join(map(str, number))


def _platforms(wheel: Distribution) -> set[str]:
    return {name for tag in wheel.tags for name in platform_of(tag.platform)}


def _words(platforms: set[str]) -> str:
    return " and ".join(sorted(platforms)) or "any platform"
