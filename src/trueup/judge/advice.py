"""What a consumer of a release may do, from class, promise and coverage (model, "Four classes")."""

from __future__ import annotations

from dataclasses import replace

from packaging.ranges import VersionRange

from trueup.judge.judgement import Judgement
from trueup.judge.promise import case_of, equal_within
from trueup.judge.reconcile import choice_in, space_for
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import Advice, Case, ReleaseClass
from trueup.model.metadata import Resolution, Unreadable, title
from trueup.model.release import ReleaseFile
from trueup.model.requirement import version_range
from trueup.model.space import Space, union
from trueup.model.target import target_set

__all__ = ["advise", "wheels_fit_everywhere"]


def advise(judgement: Judgement) -> tuple[Advice, str]:
    """The verdict and its reason in words."""
    worst = judgement.worst
    if worst.release_class is ReleaseClass.UNKNOWN:
        return Advice.UNKNOWN, worst.reason or "the class could not be decided"
    try:
        return _advise(judgement)
    except SpaceTooLargeError as error:
        return Advice.UNKNOWN, error.what


def _advise(judgement: Judgement) -> tuple[Advice, str]:
    if (unknown := _not_known(judgement)) is not None:
        return Advice.UNKNOWN, unknown
    left = _left_to_sdists(judgement)
    if left is not None and left[0] is Advice.UNKNOWN:
        return left
    worst = judgement.worst
    if worst.release_class.rank >= ReleaseClass.MERGEABLE.rank:
        return Advice.PER_TARGET, f"the wheels are {worst.release_class.value}"
    if len(judgement.classifications) > 1:
        return Advice.PER_TARGET, "there are wheel variants (PEP 825)"
    unasked = not judgement.targets and len(worst.groups) > 1
    if unasked and worst.release_class is ReleaseClass.IDENTICAL:
        return Advice.PER_TARGET, "wheels that are never chosen say something else"
    if left is not None:
        return left
    return Advice.READ_ONE, _reason_to_read_one(judgement)


def _not_known(judgement: Judgement) -> str | None:
    """Why nothing can be advised, whatever the class."""
    unread = [
        file.filename
        for file in (*judgement.wheels, *judgement.sdists)
        if isinstance(file.reading.resolution, Unreadable)
    ]
    if unread:
        names = f"`{unread[0]}`" + (f" and {len(unread) - 1} more" if len(unread) > 1 else "")
        return f"{names} could not be read"
    if not judgement.wheels and not judgement.sdists:
        return "there is neither a wheel nor an sdist"
    if judgement.sdists:
        return None
    chosen = union(union(item.choice.chosen) for item in judgement.classifications[:1])
    if not chosen and not judgement.targets:
        return "no installer takes any of its files"
    worst = judgement.worst
    for target in judgement.targets:
        if not target_set(worst.space, [target]) & union(worst.choice.chosen):
            return f"no file of this release fits `{target}`"
    return None


def _reason_to_read_one(judgement: Judgement) -> str:
    if not judgement.wheels:
        return "the sdist is static"
    if not judgement.sdists:
        return "all wheels say the same, and there is no sdist"
    if wheels_fit_everywhere(judgement):
        return "all wheels say the same, and wheels fit everywhere asked for"
    if judgement.declaration and judgement.declaration.wheels_require:
        return "all wheels say the same: the sdist, and what it declares that wheels add"
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
    for field, case in cases.items():
        bounded = field == "requires-dist" and _build_adds_nothing(judgement)
        if case in (Case.DYNAMIC, Case.APPEND_ONLY) and not bounded:
            return Advice.UNKNOWN, (
                f"some environments have only the sdist, where {title(field)} is {case.value}"
            )
    if not all(_agrees(judgement, sdist) for sdist in judgement.sdists):
        return Advice.PER_TARGET, (
            "some environments have only the sdist, which says something else than the wheels"
        )
    return None


def _build_adds_nothing(judgement: Judgement) -> bool:
    """Whether the declaration says what wheels add, and that a local build adds nothing else."""
    found = judgement.declaration
    return (
        found is not None and bool(found.wheels_require) and not (found.may_add or found.as_built)
    )


def wheels_fit_everywhere(judgement: Judgement) -> bool:
    """Whether some wheel is chosen in every environment that is asked for.

    Without targets that is every environment whose Python a chosen wheel admits.
    """
    worst = judgement.worst
    space = worst.space
    chosen = union(worst.choice.chosen)
    if judgement.targets:
        sets = [target_set(space, [target]) for target in judgement.targets]
        return all(points and not points & ~chosen for points in sets)
    admitted = union(
        space.admitted(resolution.requires_python)
        for resolution, members in worst.groups
        if worst.chosen(members)
    )
    return bool(chosen) and not _asked(space) & admitted & ~space.spread(chosen)


def _asked(space: Space) -> int:
    """Everywhere: nobody has a Python 4, which an open-ended `Requires-Python` admits."""
    pythons = (p for p, value in enumerate(space.pythons.values) if not value.startswith("4."))
    return space.universe & space.python_set(pythons)


def _agrees(judgement: Judgement, sdist: ReleaseFile) -> bool:
    """Whether a static sdist has the wheels' value where no wheel fits, the declared addition aside.

    ``Requires-Python`` and extras have no markers, so they have to be equal.
    """
    before = sdist.reading.resolution
    if not judgement.wheels or isinstance(before, Unreadable):
        return not judgement.wheels
    added = judgement.declaration.wheels_require if judgement.declaration else ()
    before = replace(before, requires_dist=before.requires_dist | set(added))
    worst = judgement.worst
    space = space_for(worst.wheels, [*worst.groups, (before, ())], judgement.targets)
    asked = target_set(space, judgement.targets) if judgement.targets else _asked(space)
    chosen = union(choice_in(space, worst.wheels, judgement.targets).chosen)
    left = asked & space.admitted(before.requires_python) & ~chosen
    return all(
        before.provides_extra == after.provides_extra
        and _range(before) == _range(after)
        and equal_within(space, left, before, after)
        for after, _ in worst.groups
    )


def _range(resolution: Resolution) -> VersionRange | None:
    specifier = resolution.requires_python
    return None if specifier is None else version_range(specifier)
