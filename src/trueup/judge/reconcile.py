"""Do the wheels of a release agree: the four classes (model, "Four classes of a release").

Normalise first, build the space only when something differs: most releases differ only as written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from trueup.judge.choice import Choice, candidate_of, choose, page_specifiers
from trueup.judge.difference import Difference, Differences
from trueup.judge.effective import differing_lines
from trueup.model.artifact import WheelName
from trueup.model.axes import build_space
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import ReleaseClass
from trueup.model.metadata import RESOLUTION_FIELDS, Resolution, Unreadable
from trueup.model.release import Release, ReleaseFile
from trueup.model.space import Space, union
from trueup.model.target import Target, floors_of, minors_of, target_set

__all__ = [
    "Classification",
    "choice_in",
    "classify",
    "judged_files",
    "space_for",
]


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The class of the wheels that carry one variant label (None: ordinary wheels).

    ``wheels`` are the files an installer chooses among, ``groups`` partitions the indices of the
    read ones by equal resolution fields, ``by_field`` gives each field's own class, ``residue`` is
    the set of rare points to which the conflicts are confined (0: they are not, or there are none).
    """

    label: str | None
    wheels: tuple[ReleaseFile, ...]
    groups: tuple[tuple[Resolution, tuple[int, ...]], ...]
    release_class: ReleaseClass
    by_field: Mapping[str, ReleaseClass]
    differences: tuple[Difference, ...] = ()
    residue: int = 0
    only_in: str | None = None
    reason: str | None = None
    targets: tuple[Target, ...] = ()
    _space: Space | None = None
    _choice: Choice | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def unread(self) -> bool:
        """Whether a file is unread, so that the class is a lower bound."""
        return sum(len(members) for _, members in self.groups) < len(self.wheels)

    @cached_property
    def space(self) -> Space:
        """The space in which the wheels differ; built from the tags alone if they do not."""
        return self._space or space_for(self.wheels, self.groups[:1], self.targets)

    @cached_property
    def choice(self) -> Choice:
        return self._choice or choice_in(self.space, self.wheels, self.targets)

    @cached_property
    def chosen_groups(self) -> tuple[tuple[Resolution, tuple[int, ...]], ...]:
        """``groups``, with only the wheels that are chosen somewhere."""
        alive = (
            (resolution, tuple(n for n in members if self.choice.chosen[n]))
            for resolution, members in self.groups
        )
        return tuple(group for group in alive if group[1])

    @property
    def covered_without_residue(self) -> int:
        """All points that share their marker part with a point where some wheel is chosen.

        Rare points to which conflicts are confined do not count; one that shares its marker part
        with a usual one has to follow that one.
        """
        return self.space.spread(union(self.choice.chosen) & ~self.residue)

    def chosen(self, members: Iterable[int]) -> int:
        """The points where one of these wheels is chosen."""
        return union(self.choice.chosen[number] for number in members)


def judged_files(release: Release) -> tuple[ReleaseFile, ...]:
    """The wheels and sdists that count: yanked ones are left out unless all are yanked."""
    files = tuple(
        file for file in release.files if file.artifact.is_wheel or file.artifact.is_sdist
    )
    present = tuple(file for file in files if file.artifact.yanked is None)
    return present or files


def classify(release: Release, targets: Sequence[Target] = ()) -> tuple[Classification, ...]:
    """The class of a release, once per variant label (PEP 825), ordinary wheels first.

    ``targets`` limits the environments; none means all. Always at least one classification.
    """
    wheels: dict[str | None, list[ReleaseFile]] = {None: []}
    for file in judged_files(release):
        if isinstance(file.artifact.name, WheelName):
            wheels.setdefault(file.artifact.name.variant, []).append(file)
    for files in wheels.values():
        # An index lists files in an order of its own; what is said of them must not depend on it.
        files.sort(key=lambda file: file.filename)
    labels = sorted(wheels, key=lambda label: (label is not None, label or ""))
    return tuple(
        _classify(label, tuple(wheels[label]), tuple(targets))
        for label in labels
        if wheels[label] or len(labels) == 1
    )


def _classify(
    label: str | None, wheels: tuple[ReleaseFile, ...], targets: tuple[Target, ...]
) -> Classification:
    groups = _groups(wheels, range(len(wheels)))
    plain = Classification(
        label=label,
        wheels=wheels,
        groups=groups,
        release_class=ReleaseClass.IDENTICAL,
        by_field=dict.fromkeys(RESOLUTION_FIELDS, ReleaseClass.IDENTICAL),
        targets=targets,
    )
    if len(groups) < 2:
        return plain
    try:
        return _differing(plain)
    except SpaceTooLargeError as error:
        return replace(
            plain,
            release_class=ReleaseClass.UNKNOWN,
            by_field=dict.fromkeys(RESOLUTION_FIELDS, ReleaseClass.UNKNOWN),
            reason=error.what,
        )


def _differing(plain: Classification) -> Classification:
    """The classification of wheels whose resolution fields are not equal as written."""
    space = space_for(plain.wheels, plain.groups, plain.targets)
    choice = choice_in(space, plain.wheels, plain.targets)
    alive = _groups(plain.wheels, (n for n, points in enumerate(choice.chosen) if points))
    found = Differences(space=space, choice=choice, groups=alive, wheels=plain.wheels)
    by_field = found.by_field()
    release_class = max(by_field.values(), key=lambda item: item.rank)
    residue, only_in = found.rarity(release_class)
    return replace(
        plain,
        release_class=release_class,
        by_field=by_field,
        differences=tuple(found.differences),
        residue=residue,
        only_in=only_in,
        notes=tuple(found.notes),
        _space=space,
        _choice=choice,
    )


def _groups(
    wheels: Sequence[ReleaseFile], members: Iterable[int]
) -> tuple[tuple[Resolution, tuple[int, ...]], ...]:
    found: dict[Resolution, list[int]] = {}
    for number in members:
        resolution = wheels[number].reading.resolution
        if not isinstance(resolution, Unreadable):
            found.setdefault(resolution, []).append(number)
    return tuple((resolution, tuple(numbers)) for resolution, numbers in found.items())


def choice_in(space: Space, wheels: Sequence[ReleaseFile], targets: Sequence[Target]) -> Choice:
    """The choice among these wheels, limited to the targets if there are any."""
    choice = choose(space, [candidate_of(file) for file in wheels])
    if not targets:
        return choice
    limit = target_set(space, targets)
    return Choice(
        chosen=tuple(points & limit for points in choice.chosen),
        accepted=tuple(points & limit for points in choice.accepted),
    )


def space_for(
    wheels: Sequence[ReleaseFile],
    groups: Sequence[tuple[Resolution, tuple[int, ...]]],
    targets: Sequence[Target],
) -> Space:
    """The space cut by the tags of all wheels and by what is not common to all groups."""
    names = [file.artifact.name for file in wheels]
    specifiers = {found for file in wheels if (found := page_specifiers(file.artifact))}
    own = {resolution.requires_python for resolution, _ in groups}
    specifiers |= {specifier for specifier in own if specifier is not None}
    return build_space(
        tags={tag for name in names if isinstance(name, WheelName) for tag in name.tags},
        markers={
            line.marker
            for lines in differing_lines([resolution for resolution, _ in groups]).values()
            for variant in lines
            for line in variant
            if line.marker is not None
        },
        specifiers=specifiers,
        minors=minors_of(targets),
        floors=floors_of(targets),
    )
