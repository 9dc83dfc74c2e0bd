"""Witnesses: environments in which a difference shows, complete enough to check by hand."""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.effective import texts_at
from trueup.judge.reconcile import Classification, Difference
from trueup.model.finding import Witness
from trueup.model.metadata import Metadata, Resolution, Unreadable, title
from trueup.model.space import Point, union

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
    usual = difference.conflict & ~space.rare
    sets = [points for _, points in difference.parts if points & difference.conflict]
    if len(sets) < 2:
        return None
    index = space.newest(usual & union(sets) or difference.conflict & union(sets))
    around = space.spread(1 << index)
    here = [points & around for points in sets]
    pair = [points for points in here if points][:2]
    if len(pair) < 2:
        return None
    first, second = (space.newest(points & ~space.rare or points) for points in pair)
    return _between(
        classification,
        difference,
        (first, second),
        (_chosen_at(classification, first), _chosen_at(classification, second)),
    )


def _reading_witness(classification: Classification, difference: Difference) -> Witness | None:
    """The chosen file against one of another group that says otherwise for that environment."""
    space = classification.space
    for _, points in sorted(difference.parts, key=lambda part: part[0] is None):
        if not points:
            continue
        index = space.newest(points & ~space.rare or points)
        mine = _chosen_at(classification, index)
        for _, members in classification.groups:
            other = next((n for n in members if classification.choice.chosen[n]), None)
            if other is None or mine in members:
                continue
            found = _between(classification, difference, (index, index), (mine, other))
            if found.values[0] != found.values[1]:
                return found
    return None


def _chosen_at(classification: Classification, index: int) -> int:
    bit = 1 << index
    return next(n for n, points in enumerate(classification.choice.chosen) if points & bit)


def _between(
    classification: Classification,
    difference: Difference,
    points: tuple[int, int],
    wheels: tuple[int, int],
) -> Witness:
    first, second = (classification.space.point(index) for index in points)
    names = tuple(classification.wheels[number].filename for number in wheels)
    values = tuple(
        _values(classification, difference, point, number)
        for point, number in zip((first, second), wheels, strict=True)
    )
    return Witness(
        environment=tuple(first.environment().items()),
        tag_parts=(first.tag_part, second.tag_part),
        files=(names[0], names[1]),
        values=(values[0], values[1]),
        field=title(difference.field),
        extra=difference.extra,
        project=difference.project,
    )


def _values(
    classification: Classification, difference: Difference, point: Point, number: int
) -> tuple[str, ...]:
    metadata = classification.wheels[number].reading.metadata
    assert isinstance(metadata, Metadata)
    resolution = metadata.resolution
    assert not isinstance(resolution, Unreadable)
    return _said(resolution, difference, point)


def _said(resolution: Resolution, difference: Difference, point: Point) -> tuple[str, ...]:
    if difference.field == "requires-dist":
        lines = (line for line in resolution.requires_dist if line.project == difference.project)
        return texts_at(lines, point.environment(), difference.extra)
    specifier = resolution.requires_python
    return () if specifier is None else (str(specifier),)
