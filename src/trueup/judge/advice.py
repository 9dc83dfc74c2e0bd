"""What a consumer of a release may do, from class, promise and coverage (model, "Four classes")."""

from __future__ import annotations

from trueup.judge.judgement import Judgement
from trueup.judge.promise import case_of, equal_everywhere
from trueup.model.finding import Advice, Case, ReleaseClass
from trueup.model.metadata import Metadata, Resolution, Unreadable
from trueup.model.release import ReleaseFile
from trueup.model.requirement import version_range
from trueup.model.space import union
from trueup.model.target import target_set

__all__ = ["advise", "wheels_fit_everywhere"]


def advise(judgement: Judgement) -> tuple[Advice, str]:
    """The verdict and its reason in words."""
    worst = judgement.worst
    if worst.release_class is ReleaseClass.UNKNOWN:
        return Advice.UNKNOWN, worst.reason or "the class could not be decided"
    unread = [
        file.filename
        for file in (*judgement.wheels, *judgement.sdists)
        if isinstance(file.reading.resolution, Unreadable)
    ]
    if unread:
        names = f"`{unread[0]}`" + (f" and {len(unread) - 1} more" if len(unread) > 1 else "")
        return Advice.UNKNOWN, f"{names} could not be read"
    if not judgement.wheels and not judgement.sdists:
        return Advice.UNKNOWN, "there is neither a wheel nor an sdist"
    left = _left_to_sdists(judgement)
    if left is not None and left[0] is Advice.UNKNOWN:
        return left
    if worst.release_class.rank >= ReleaseClass.MERGEABLE.rank:
        return Advice.PER_TARGET, f"the wheels are {worst.release_class.value}"
    if len(judgement.classifications) > 1:
        return Advice.PER_TARGET, "there are wheel variants (PEP 825)"
    if left is not None:
        return left
    return Advice.READ_ONE, _reason_to_read_one(judgement)


def _reason_to_read_one(judgement: Judgement) -> str:
    if not judgement.wheels:
        return "the sdist is static"
    if not judgement.sdists:
        return "all wheels say the same, and there is no sdist"
    if wheels_fit_everywhere(judgement):
        return "all wheels say the same, and wheels fit everywhere asked for"
    return "all wheels say the same, and so does the sdist, which is static"


def _left_to_sdists(judgement: Judgement) -> tuple[Advice, str] | None:
    """What the sdists spoil, where some environments have only them; None if nothing."""
    if not judgement.sdists or (judgement.wheels and wheels_fit_everywhere(judgement)):
        return None
    cases = {
        field: case_of(judgement.sdists, judgement.wheels, field)
        for field in ("requires-dist", "requires-python", "provides-extra")
    }
    if Case.LEGACY in cases.values():
        return Advice.UNKNOWN, (
            "some environments have only the sdist, whose metadata (before 2.2) promises nothing"
        )
    for case in (Case.DYNAMIC, Case.APPEND_ONLY):
        fields = [field for field, found in cases.items() if found is case]
        if fields and not _may_add_nothing(judgement):
            return Advice.UNKNOWN, (
                f"some environments have only the sdist, where {fields[0]} is {case.value}"
            )
    if not all(_agrees(judgement, sdist) for sdist in judgement.sdists):
        return Advice.PER_TARGET, (
            "some environments have only the sdist, which says something else than the wheels"
        )
    return None


def _may_add_nothing(judgement: Judgement) -> bool:
    """Whether the declaration bounds what a build may add, and to nothing."""
    return (
        False
        if judgement.declaration is None
        else not (judgement.declaration.may_add or judgement.declaration.as_built)
        and bool(judgement.declaration.wheels_require)
    )


def wheels_fit_everywhere(judgement: Judgement) -> bool:
    """Whether some wheel is chosen in every environment that is asked for.

    Without targets that is every environment whose Python the release admits.
    """
    if not judgement.wheels:
        return False
    worst = judgement.worst
    space = worst.space
    chosen = union(worst.choice.chosen)
    if judgement.targets:
        return not target_set(space, judgement.targets) & ~chosen
    asked = space.universe
    for file, metadata in judgement.read:
        resolution = metadata.resolution
        if file.artifact.is_wheel and isinstance(resolution, Resolution):
            specifier = resolution.requires_python
            asked &= space.admitted(specifier)
            break
    # Nobody has a Python 4, which an open-ended `Requires-Python` admits nevertheless.
    asked &= space.python_set(
        p for p, value in enumerate(space.pythons.values) if value.startswith(("2.", "3."))
    )
    return not asked & ~space.spread(chosen)


def _agrees(judgement: Judgement, sdist: ReleaseFile) -> bool:
    """Whether a static sdist has the wheels' value, the declared addition aside."""
    theirs = sdist.reading.metadata
    if not judgement.wheels or not isinstance(theirs, Metadata):
        return True
    before = theirs.resolution
    added = judgement.declaration.wheels_require if judgement.declaration else ()
    for wheel in judgement.wheels:
        after = wheel.reading.resolution
        if isinstance(after, Unreadable) or isinstance(before, Unreadable):
            return False
        if before.provides_extra != after.provides_extra:
            return False
        ranges = [
            None if item.requires_python is None else version_range(item.requires_python)
            for item in (before, after)
        ]
        if ranges[0] != ranges[1]:
            return False
        if not equal_everywhere(before.requires_dist | set(added), after.requires_dist):
            return False
    return True
