"""One metadata that serves every wheel: synthesised, then verified against each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.ranges import VersionRange
from packaging.requirements import Requirement as PackagingRequirement

from trueup.judge.effective import (
    Dependency,
    Lines,
    by_project,
    contexts,
    differing_lines,
    partition,
)
from trueup.judge.reconcile import Classification, choice_in, space_for
from trueup.judge.synthesis import Synthesizer
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import Merged, ReleaseClass
from trueup.model.marker import Or, parse_marker
from trueup.model.metadata import Resolution
from trueup.model.requirement import Requirement, parse_requirement, version_range
from trueup.model.space import Space, union

__all__ = ["Unmergeable", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmergeable:
    """No single metadata serves all wheels, and why."""

    reason: str


def merge(classification: Classification) -> Merged | Unmergeable:
    """The one metadata for all wheels of a classification, up to its residue.

    Verified before it is returned: at every point where a wheel is chosen, and that is not residue,
    the merged list has that wheel's effective dependencies.
    """
    if classification.release_class is ReleaseClass.UNKNOWN:
        return Unmergeable(reason=classification.reason or "the class is unknown")
    if classification.release_class is ReleaseClass.IRRECONCILABLE and not classification.residue:
        return Unmergeable(reason="no marker can tell the wheels apart")
    try:
        return _merge(classification)
    except SpaceTooLargeError as error:
        return Unmergeable(reason=error.what)


def _merge(classification: Classification) -> Merged | Unmergeable:
    groups: Groups = classification.groups
    if len(groups) > 1:
        # The one with the most wheels first: its requirements give the merged list its order.
        groups = sorted(classification.chosen_groups, key=lambda group: -len(group[1]))
    if not groups:
        return Unmergeable(
            reason="no wheel is chosen anywhere" if classification.groups else "no wheel was read"
        )
    requires_python, notes = _requires_python([resolution for resolution, _ in groups])
    if len(groups) == 1:
        lines = _written(groups[0][0])
    else:
        found = _requires_dist(classification, groups)
        if found is None:
            return Unmergeable(reason="no short marker describes where the requirements hold")
        lines = found
        if not _holds(classification, groups, lines):
            return Unmergeable(reason="the merged list did not stand its verification")
    return Merged(
        requires_dist=tuple(lines),
        requires_python=requires_python,
        provides_extra=tuple(
            sorted({extra for resolution, _ in groups for extra in resolution.provides_extra})
        ),
        residue=classification.only_in if classification.residue else None,
        notes=(*classification.notes, *notes),
    )


Groups = Sequence[tuple[Resolution, tuple[int, ...]]]


def _written(resolution: Resolution) -> list[str]:
    return [str(line) for line in sorted(resolution.requires_dist, key=_order)]


def _order(line: Requirement) -> tuple[object, ...]:
    """Plain requirements first, then the conditional ones, then the extras, each by name."""
    extras = sorted(line.marker.extras) if line.marker else []
    return bool(extras), extras, line.project, line.marker is not None, str(line)


def _requires_dist(classification: Classification, groups: Groups) -> list[str] | None:
    resolutions = [resolution for resolution, _ in groups]
    differing = differing_lines(resolutions)
    merged = [line for line in resolutions[0].requires_dist if line.project not in differing]
    relevant = classification.covered_without_residue
    markers = {
        line.marker
        for resolution in resolutions
        for line in resolution.requires_dist
        if line.marker
    }
    synthesizer = Synthesizer(
        space=classification.space,
        relevant=relevant,
        known=tuple(
            sorted(
                # A marker on something common to all wheels may test what the space does not cut.
                (marker for marker in markers if classification.space.knows(marker)),
                key=lambda marker: (len(marker.text), marker.text),
            )
        ),
    )
    regions = [classification.chosen(members) & ~classification.residue for _, members in groups]
    for variants in differing.values():
        lines = _merge_project(synthesizer, variants, regions)
        if lines is None:
            return None
        merged += lines
    return [str(line) for line in sorted(merged, key=_order)]


Contexts = dict[str | None, int]
"""Points per context: the base package (None) and extras."""


def _merge_project(
    synthesizer: Synthesizer, variants: Sequence[Lines], regions: Sequence[int]
) -> list[Requirement] | None:
    """For every requirement, the points where some chosen wheel asks for it, written as a marker.

    Requirements that cannot be met together get markers that meet nowhere, not even in environments
    that do not exist: resolvers that lock for all platforms look there too.
    """
    space = synthesizer.space
    bare: dict[tuple[object, ...], list[tuple[Requirement, int]]] = {}
    for lines, region in zip(variants, regions, strict=True):
        for line in sorted(lines, key=str):
            key = (line.extras, line.specifier, line.url)
            bare.setdefault(key, []).append((line, region))
    names = contexts(line for lines in variants for line in lines)
    merged: list[Requirement] = []
    for found in bare.values():
        wanted: Contexts = {
            extra: space.spread(union(space.where(line.marker, extra) & r for line, r in found))
            & synthesizer.relevant
            for extra in names
        }
        rivals = [line for line in merged if not _compatible(line, found[0][0])]
        avoid: Contexts = {
            extra: union(space.where(line.marker, extra) for line in rivals) for extra in names
        }
        texts = _markers(synthesizer, wanted, avoid, [line for line, _ in found])
        if texts is None:
            return None
        merged += [parse_requirement(found[0][0].with_marker(text or None)) for text in texts]
    return merged


def _compatible(one: Requirement, other: Requirement) -> bool:
    """Whether some version meets both requirements."""
    if one.url is not None and other.url is not None:
        return one.url == other.url
    both = version_range(one.specifier).intersection(version_range(other.specifier))
    return not both.is_empty


def _markers(
    synthesizer: Synthesizer, wanted: Contexts, avoid: Contexts, lines: Iterable[Requirement]
) -> list[str] | None:
    """Markers that together hold on the wanted points in every context; None if none were found."""
    space, relevant = synthesizer.space, synthesizer.relevant
    for marker in (None, *sorted({line.marker for line in lines if line.marker}, key=str)):
        if all(
            space.where(marker, extra) & relevant == points
            and not space.where(marker, extra) & avoid[extra] & ~points
            for extra, points in wanted.items()
        ):
            return [marker.text if marker else ""]
    texts = []
    base = wanted[None]
    if base:
        text = synthesizer.marker(base, avoid[None])
        if text is None:
            return None
        absent = [extra for extra, points in wanted.items() if base & ~points and extra]
        texts.append(" and ".join([*_enclosed(text), *(f'extra != "{name}"' for name in absent)]))
    for extra, points in wanted.items():
        missing = points & ~base
        if extra is None or not missing:
            continue
        # Where the base line holds already a second one does no harm: prefer no marker at all.
        whole = points == relevant and not avoid[extra] & ~points
        text = "" if whole else synthesizer.marker(missing, avoid[extra])
        if text is None:
            return None
        texts.append(" and ".join([*_enclosed(text), f'extra == "{extra}"']))
    return texts


def _enclosed(text: str) -> list[str]:
    if not text:
        return []
    marker = PackagingRequirement(f"x; {text}").marker
    assert marker is not None
    return [f"({text})" if isinstance(parse_marker(marker).tree, Or) else text]


def _requires_python(resolutions: Sequence[Resolution]) -> tuple[str | None, list[str]]:
    """The union of the ranges, and what to say about it."""
    values = list(dict.fromkeys(resolution.requires_python for resolution in resolutions))
    if len(values) == 1:
        return (str(values[0]) if values[0] is not None else None), []
    if None in values:
        return None, ["a wheel without `Requires-Python` admits every Python"]
    union_range = VersionRange.empty()
    for value in values:
        if value is not None:
            union_range = union_range.union(version_range(value))
    found = union_range.to_specifier_set()
    if found is None:
        texts = ", ".join(f"`{value}`" for value in values)
        return None, [f"no `Requires-Python` can say the union of {texts}"]
    return str(found), []


def _holds(classification: Classification, groups: Groups, lines: Sequence[str]) -> bool:
    """Law 3: the merged list gives the effective value of the wheel chosen, at every point.

    Checked in a space of its own, cut by the merged markers as well.
    """
    merged = Resolution(
        requires_dist=frozenset(parse_requirement(line) for line in lines),
        requires_python=groups[0][0].requires_python,
        provides_extra=frozenset(),
    )
    everyone: Groups = [*groups, (merged, ())]
    space = space_for(classification.wheels, everyone, classification.targets)
    choice = choice_in(space, classification.wheels, classification.targets)
    table = by_project(merged.requires_dist)
    rare = space.rare if classification.residue else 0
    for project, variants in differing_lines([item for item, _ in everyone]).items():
        for extra in contexts(line for lines_ in variants for line in lines_):
            mine = partition(space, table.get(project, frozenset()), extra, space.universe)
            for (_, members), lines_ in zip(groups, variants, strict=False):
                region = union(choice.chosen[n] for n in members)
                if _disagree(space, mine, lines_, extra, region) & ~rare:
                    return False
    return True


def _disagree(
    space: Space, mine: dict[Dependency | None, int], lines: Lines, extra: str | None, region: int
) -> int:
    """The points of the region where the merged value is not the wheel's."""
    same = 0
    for value, points in partition(space, lines, extra, region).items():
        same |= points & mine.get(value, 0)
    return region & ~same
