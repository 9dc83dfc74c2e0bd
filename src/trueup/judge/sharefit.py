"""Whether wheels are fit for sharing at all, whatever their libraries are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from trueup.judge.layouts import platform_of
from trueup.model.library import Distribution
from trueup.model.metadata import Unreadable
from trueup.model.split import Refusal, SharedPlan

__all__ = ["other_platforms", "unfit"]


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


def _platforms(wheel: Distribution) -> set[str]:
    return {name for tag in wheel.tags for name in platform_of(tag.platform)}


def _words(platforms: set[str]) -> str:
    return " and ".join(sorted(platforms)) or "any platform"
