"""Witnesses: environments in which a difference shows, complete enough to check by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trueup.judge.difference import Difference
from trueup.judge.effective import partition, texts_at
from trueup.judge.reconcile import Classification
from trueup.model.finding import Witness
from trueup.model.metadata import Resolution, title
from trueup.model.point import Point
from trueup.model.space import union

__all__ = ["witness", "witnesses"]


def witnesses(classification: Classification) -> Iterator[Witness]:
    """A witness for each difference, those that no marker can express first."""
    ordered = sorted(classification.differences, key=lambda item: not item.conflict)
    for difference in ordered:
        if (found := witness(classification, difference)) is not None:
            yield found


def witness(classification: Classification, difference: Difference) -> Witness | None:
    """Where one difference shows, in the newest Python and the most usual environment.

    For a conflict, two environments with one marker part that choose different values; otherwise
    one environment, the file chosen there, and a file that says something else for it.
    """
    if difference.conflict:
        return _conflict_witness(classification, difference)
    return _reading_witness(classification, difference)


def _conflict_witness(classification: Classification, difference: Difference) -> Witness | None:
    space = classification.space
    # The file that asks for something comes first, the one that asks for nothing after it.
    ordered = sorted(difference.parts, key=lambda part: part[0] is None)
    parts = [(value, points) for value, points in ordered if points & difference.conflict]
    involved = difference.conflict & union(points for _, points in parts)
    index = space.newest(involved & ~space.rare or involved)
    around = space.spread(1 << index)
    first, second = [(value, points & around) for value, points in parts if points & around][:2]
    ends = []
    for value, points in (first, second):
        here = space.newest(points & ~space.rare or points)
        ends.append((here, _chosen_at(classification, difference, here, value)))
    (one, mine), (other, theirs) = ends
    return _between(classification, difference, (one, other), (mine, theirs))


def _reading_witness(classification: Classification, difference: Difference) -> Witness | None:
    """A chosen file against one of another group that says otherwise for that environment."""
    space = classification.space
    alive = [
        (number, region)
        for _, members in classification.groups
        if (region := classification.chosen(members))
        for number in [next(n for n in members if classification.choice.chosen[n])]
    ]
    for mine, region in alive:
        own = _values(classification, difference, mine, region)
        for other, _ in alive:
            theirs = _values(classification, difference, other, region)
            differing = region & ~union(
                points & theirs.get(value, 0) for value, points in own.items()
            )
            if differing:
                index = space.newest(differing & ~space.rare or differing)
                chosen = _chosen_at(
                    classification,
                    difference,
                    index,
                    _value(classification, difference, mine, index),
                )
                return _between(classification, difference, (index, index), (chosen, other))
    return None


def _resolution(classification: Classification, number: int) -> Resolution:
    resolution = classification.wheels[number].reading.resolution
    assert isinstance(resolution, Resolution)
    return resolution


def _values(
    classification: Classification, difference: Difference, number: int, points: int
) -> Mapping[object, int]:
    """What one wheel says about the matter of the difference, as value → points."""
    resolution = _resolution(classification, number)
    if difference.field == "provides-extra":
        return {resolution.provides_extra: points}
    if difference.field == "default-extra":
        return {resolution.default_extra: points}
    if difference.field == "requires-python":
        admitted = classification.space.admitted(resolution.requires_python) & points
        return {True: admitted, False: points & ~admitted}
    lines = frozenset(
        line for line in resolution.requires_dist if line.project == difference.project
    )
    return dict(partition(classification.space, lines, difference.extra, points).items())


def _value(
    classification: Classification, difference: Difference, number: int, index: int
) -> object:
    found = _values(classification, difference, number, 1 << index)
    return next(value for value, points in found.items() if points)


def _chosen_at(
    classification: Classification, difference: Difference, index: int, value: object
) -> int:
    """A read wheel that is chosen at the point and says this; files may tie."""
    return next(
        number
        for _, members in classification.groups
        for number in members
        if classification.choice.chosen[number] >> index & 1
        and _value(classification, difference, number, index) == value
    )


def _between(
    classification: Classification,
    difference: Difference,
    indices: tuple[int, int],
    wheels: tuple[int, int],
) -> Witness:
    first, second = (classification.space.point(index) for index in indices)
    one, other = wheels
    return Witness(
        environment=tuple(first.environment().items()),
        tag_parts=(first.tag_part, second.tag_part),
        files=(classification.wheels[one].filename, classification.wheels[other].filename),
        values=(
            _said(_resolution(classification, one), difference, first),
            _said(_resolution(classification, other), difference, second),
        ),
        field=title(difference.field),
        extra=difference.extra,
        project=difference.project,
    )


def _said(resolution: Resolution, difference: Difference, point: Point) -> tuple[str, ...]:
    if difference.field == "requires-dist":
        lines = (line for line in resolution.requires_dist if line.project == difference.project)
        return texts_at(lines, point.environment(), difference.extra)
    if difference.field == "provides-extra":
        return tuple(sorted(resolution.provides_extra))
    if difference.field == "default-extra":
        return tuple(sorted(resolution.default_extra))
    specifier = resolution.requires_python
    return () if specifier is None else (str(specifier),)
