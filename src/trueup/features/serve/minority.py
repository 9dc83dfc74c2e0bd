"""Which files of a release have to go so that one list can serve the others.

Files that ask for the same are a class. Where no marker can tell two classes apart, the smaller one is
the minority: the one that an installer takes in fewer of the environments that are maintained today,
then in fewer environments at all, then the one that could be installed in fewer, then the one with
fewer wheels, then the one whose first file name comes later. The same files always give the same
answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from trueup.judge.difference import Difference
from trueup.judge.effective import partition
from trueup.judge.reconcile import Classification, choice_in, classify, space_for
from trueup.judge.witness import witness
from trueup.model.artifact import WheelName
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import ReleaseClass, Witness
from trueup.model.metadata import Resolution
from trueup.model.python import NEWEST_PYTHON
from trueup.model.release import Release
from trueup.model.space import Space, union
from trueup.model.target import OLDEST_PYTHON, Target, parse_targets, target_set

__all__ = ["Dropped", "Settled", "settle"]


_PYTHONS = f"cp{OLDEST_PYTHON[0]}{OLDEST_PYTHON[1]}..cp{NEWEST_PYTHON[0]}{NEWEST_PYTHON[1]}"
_GLIBC = ("2.17", "2.28", "2.31", "2.34", "2.35", "2.36", "2.39", "2.41")
"""Of the distributions that are maintained: RHEL 7 to 10, Debian 11 to 13, Ubuntu 22.04 and 24.04."""
_MACOS = ("14.0", "15.0", "26.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A class that has to go: its files, and why, in a sentence."""

    files: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """``left`` is the classification of the files that stay."""

    dropped: tuple[Dropped, ...]
    left: Classification


def settle(classification: Classification) -> Settled | None:
    """Drop minorities until markers can tell the rest apart; None if that cannot be done."""
    dropped: list[Dropped] = []
    left = classification
    while left.release_class is ReleaseClass.IRRECONCILABLE:
        difference = next((one for one in left.differences if one.conflict), None)
        if difference is None:
            # What stands in the way is no conflict of classes; see `Differences.requires_python`.
            return None
        try:
            numbers, reason = _minority(left, difference)
        except SpaceTooLargeError:
            return None
        files = tuple(sorted(left.wheels[number].filename for number in numbers))
        dropped.append(Dropped(files=files, reason=reason))
        left = _without(left, numbers)
    return Settled(dropped=tuple(dropped), left=left)


def _without(classification: Classification, numbers: frozenset[int]) -> Classification:
    wheels = tuple(
        wheel for number, wheel in enumerate(classification.wheels) if number not in numbers
    )
    name = wheels[0].artifact.name
    assert isinstance(name, WheelName)  # or it would not have been classified
    release = Release(project=name.project, version=name.version, files=wheels, origin="")
    found = classify(release)
    return next(one for one in found if one.label == classification.label)


def _minority(classification: Classification, difference: Difference) -> tuple[frozenset[int], str]:
    """The wheels of the smaller class that are chosen where it conflicts, and why they go."""
    space, conflict = classification.space, difference.conflict
    point = space.newest(conflict & ~space.rare or conflict)
    around = space.spread(1 << point) & conflict
    sides: dict[object, list[tuple[int, ...]]] = {}
    for resolution, members in classification.groups:
        here = classification.chosen(members) & around
        if here:
            values = _values(classification, difference, resolution, here)
            for value in values:
                sides.setdefault(value, []).append(members)
    scales = _scales(classification)
    weights = {
        value: scales.weight([number for members in groups for number in members])
        for value, groups in sides.items()
    }
    smallest = min(weights, key=lambda value: weights[value])
    smaller = [number for group in sides[smallest] for number in group]
    numbers = frozenset(
        number for number in smaller if classification.choice.chosen[number] & conflict
    )
    found = witness(classification, difference)
    return numbers, _reason(classification, numbers, found, difference)


def _values(
    classification: Classification, difference: Difference, resolution: Resolution, points: int
) -> Mapping[object, int]:
    """What a class says about the matter of a difference, as value → points."""
    found: Mapping[object, int]
    match difference.field:
        case "provides-extra":
            return {resolution.provides_extra: points}
        case "default-extra":
            return {resolution.default_extra: points}
        case "requires-python":
            admitted = classification.space.admitted(resolution.requires_python) & points
            found = {True: admitted, False: points & ~admitted}
        case _:
            lines = frozenset(
                line for line in resolution.requires_dist if line.project == difference.project
            )
            cells = partition(classification.space, lines, difference.extra, points)
            found = dict[object, int](cells.items())
    return {value: where for value, where in found.items() if where}


class _Last(str):
    """A name that counts the less the later it comes."""

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


@dataclass(frozen=True, kw_only=True)
class _Scales:
    """What classes of a release are weighed with: see the module."""

    classification: Classification
    environments: tuple[int, ...]
    """Points of each maintained environment, in a space that is cut for them."""
    taken: tuple[int, ...]
    """Per wheel, where it is chosen in that space."""

    def weight(self, numbers: Sequence[int]) -> tuple[int, int, int, int, _Last]:
        wheels, choice = self.classification.wheels, self.classification.choice
        points = union(choice.chosen[number] for number in numbers)
        usual = points & ~self.classification.space.rare
        taken = union(self.taken[number] for number in numbers)
        return (
            sum(bool(taken & one) for one in self.environments),
            (usual or points).bit_count(),
            union(choice.accepted[number] for number in numbers).bit_count(),
            len(numbers),
            _Last(min(wheels[number].filename for number in numbers)),
        )


def _scales(classification: Classification) -> _Scales:
    targets = _maintained()
    space = space_for(classification.wheels, classification.groups, targets)
    return _Scales(
        classification=classification,
        environments=tuple(target_set(space, [one]) & _exactly(space, one) for one in targets),
        taken=choice_in(space, classification.wheels, ()).chosen,
    )


def _exactly(space: Space, target: Target) -> int:
    """The hosts with the libc or macOS of the target; what is newer is another environment."""
    if not target.kind:
        return space.everything
    return space.host_set(lambda host: host.floor == target.floor)


@cache
def _maintained() -> tuple[Target, ...]:
    glibc = (f"{_PYTHONS}-linux-{{x86_64,aarch64}}-glibc{level}" for level in _GLIBC)
    macos = (f"{_PYTHONS}-macos-{{x86_64,arm64}}-{level}" for level in _MACOS)
    return parse_targets(",".join((*glibc, *macos, "musl", "windows")))


def _reason(
    classification: Classification,
    numbers: frozenset[int],
    found: Witness | None,
    difference: Difference,
) -> str:
    where = difference.field if difference.project is None else str(difference.project)
    if found is None:
        return f"other wheels say something else about {where}, and no marker can tell them apart"
    names = {classification.wheels[number].filename for number in numbers}
    mine, other = (0, 1) if found.files[0] in names else (1, 0)
    extra = f" with the extra {found.extra}" if found.extra else ""
    said = [", ".join(values) or "nothing" for values in found.values]
    environment = dict(found.environment)
    place = f"{environment['sys_platform']} {environment['platform_machine']}"
    return (
        f"{found.field}{extra}: asks for {said[mine]} ({found.tag_parts[mine]}) where "
        f"{found.files[other]} asks for {said[other]} ({found.tag_parts[other]}); no marker can "
        f"tell them apart ({place}, Python {environment['python_version']})"
    )
