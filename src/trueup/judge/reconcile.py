"""Do the wheels of a release agree: the four classes (model, "Four classes of a release").

Normalise first, build the space only when something differs: most releases differ only as written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from trueup.judge.choice import Candidate, Choice, choose
from trueup.judge.effective import Dependency, Lines, by_project, contexts, partition
from trueup.model.artifact import Artifact, WheelName
from trueup.model.finding import ReleaseClass
from trueup.model.metadata import RESOLUTION_FIELDS, Resolution, Unreadable
from trueup.model.release import Release, ReleaseFile
from trueup.model.requirement import parse_specifiers
from trueup.model.space import Space, SpaceTooLargeError, build_space, union
from trueup.model.target import Target, floors_of, minors_of, target_set

__all__ = [
    "Classification",
    "Difference",
    "choice_in",
    "classify",
    "differing_lines",
    "judged_files",
    "page_specifiers",
    "space_for",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something in which the chosen wheels are not equal everywhere.

    ``parts`` are the values with the points where a chosen wheel gives them (for `requires-dist` a
    Dependency or None, for `requires-python` whether the Python is admitted); ``conflict`` are the
    points whose marker part is shared by two values, so that no marker can tell them apart.
    """

    field: str
    project: NormalizedName | None
    extra: str | None
    parts: tuple[tuple[object, int], ...]
    conflict: int = 0


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
    def covered(self) -> int:
        """All points that share their marker part with a point where some wheel is chosen."""
        return self.space.spread(union(self.choice.chosen))

    @property
    def covered_without_residue(self) -> int:
        """As ``covered``, without the rare points to which conflicts are confined.

        A rare point that shares its marker part with a usual one has to follow that one.
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
        space = space_for(wheels, groups, targets)
    except SpaceTooLargeError as error:
        names = ", ".join(f"`{name}`" for name in error.variables)
        return Classification(
            label=label,
            wheels=wheels,
            groups=groups,
            release_class=ReleaseClass.UNKNOWN,
            by_field=dict.fromkeys(RESOLUTION_FIELDS, ReleaseClass.UNKNOWN),
            reason=f"space too large: too many values of {names}",
            targets=targets,
        )
    choice = choice_in(space, wheels, targets)
    alive = _groups(wheels, (n for n, points in enumerate(choice.chosen) if points))
    judge = _Judge(space=space, choice=choice, groups=alive, wheels=wheels)
    by_field = {
        "requires-dist": judge.requires_dist(),
        "requires-python": judge.requires_python(),
        "provides-extra": judge.provides_extra(),
        "default-extra": judge.default_extra(),
    }
    release_class = max(by_field.values(), key=lambda item: item.rank)
    residue, only_in = judge.rarity(release_class)
    return Classification(
        label=label,
        wheels=wheels,
        groups=groups,
        release_class=release_class,
        by_field=by_field,
        differences=tuple(judge.differences),
        residue=residue,
        only_in=only_in,
        targets=targets,
        _space=space,
        _choice=choice,
        notes=tuple(judge.notes),
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


def page_specifiers(artifact: Artifact) -> SpecifierSet | None:
    """What the listing shows as `requires-python`; None if nothing, or nothing that can be read.

    Installers ignore a page value that they cannot read, and so does the choice here.
    """
    if not artifact.index_requires_python:
        return None
    try:
        return parse_specifiers(artifact.index_requires_python)
    except ValueError:
        return None


def _candidate(file: ReleaseFile) -> Candidate:
    name = file.artifact.name
    assert isinstance(name, WheelName)
    return Candidate(
        tags=name.tags, build=name.build, page_requires_python=page_specifiers(file.artifact)
    )


def choice_in(space: Space, wheels: Sequence[ReleaseFile], targets: Sequence[Target]) -> Choice:
    """The choice among these wheels, limited to the targets if there are any."""
    choice = choose(space, [_candidate(file) for file in wheels])
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


def differing_lines(
    resolutions: Sequence[Resolution],
) -> dict[NormalizedName, tuple[Lines, ...]]:
    """For each project that is not asked for in the same lines by all: the lines of each."""
    tables = [by_project(resolution.requires_dist) for resolution in resolutions]
    result = {}
    for project in sorted({project for table in tables for project in table}):
        lines = tuple(table.get(project, frozenset()) for table in tables)
        if len(set(lines)) > 1:
            result[project] = lines
    return result


@dataclass(kw_only=True)
class _Judge:
    """Decides the class of each field over the chosen wheels, gathering the differences."""

    space: Space
    choice: Choice
    groups: tuple[tuple[Resolution, tuple[int, ...]], ...]
    wheels: tuple[ReleaseFile, ...]
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def regions(self) -> tuple[int, ...]:
        """Per group, the points where one of its wheels is chosen."""
        return tuple(
            union(self.choice.chosen[number] for number in members) for _, members in self.groups
        )

    @cached_property
    def covered(self) -> int:
        return self.space.spread(union(self.choice.chosen))

    def requires_dist(self) -> ReleaseClass:
        resolutions = [resolution for resolution, _ in self.groups]
        worst = ReleaseClass.IDENTICAL
        for project, variants in differing_lines(resolutions).items():
            for extra in contexts(line for lines in variants for line in lines):
                found = self._dependency_class(project, variants, extra)
                worst = max(worst, found, key=lambda item: item.rank)
        return worst

    def _dependency_class(
        self, project: NormalizedName, variants: Sequence[Lines], extra: str | None
    ) -> ReleaseClass:
        tables: dict[Lines, dict[Dependency | None, int]] = {}
        for lines in variants:
            if lines not in tables:
                tables[lines] = partition(self.space, lines, extra, self.covered)
        first = next(iter(tables.values()))
        if all(table == first for table in tables.values()):
            return ReleaseClass.UNIFORM
        values: dict[object, int] = {}
        for lines, region in zip(variants, self.regions, strict=True):
            for value, points in tables[lines].items():
                if asked := points & region:
                    values[value] = values.get(value, 0) | asked
        return self._add("requires-dist", project, extra, values)

    def _add(
        self,
        name: str,
        project: NormalizedName | None,
        extra: str | None,
        values: Mapping[object, int],
    ) -> ReleaseClass:
        conflict = _conflict(self.space, list(values.values()))
        self.differences.append(
            Difference(
                field=name,
                project=project,
                extra=extra,
                parts=tuple(values.items()),
                conflict=conflict,
            )
        )
        return ReleaseClass.IRRECONCILABLE if conflict else ReleaseClass.MERGEABLE

    def requires_python(self) -> ReleaseClass:
        """Irreconcilable where the same marker part chooses a wheel that admits the Python and one
        that does not, or where the union of the ranges would move an environment to another file.
        """
        if len({resolution.requires_python for resolution, _ in self.groups}) < 2:
            return ReleaseClass.IDENTICAL
        admitted = [
            self.space.admitted(resolution.requires_python) for resolution, _ in self.groups
        ]
        if len({points & self.covered for points in admitted}) == 1:
            return ReleaseClass.UNIFORM
        values: dict[object, int] = {True: 0, False: 0}
        for points, region in zip(admitted, self.regions, strict=True):
            values[True] |= region & points
            values[False] |= region & ~points
        found = self._add("requires-python", None, None, values)
        if found is ReleaseClass.MERGEABLE and (moved := self._moved_by_union(union(admitted))):
            self.differences[-1] = Difference(
                field="requires-python",
                project=None,
                extra=None,
                parts=self.differences[-1].parts,
                conflict=moved,
            )
            self.notes.append(
                "one `Requires-Python` for all files would make installers take other files"
            )
            return ReleaseClass.IRRECONCILABLE
        return found

    def _moved_by_union(self, admitted: int) -> int:
        candidates = [
            Candidate(tags=candidate.tags, build=candidate.build)
            for candidate in map(_candidate, self.wheels)
        ]
        after = choose(self.space, candidates)
        return union(
            old & admitted & ~new for old, new in zip(self.choice.chosen, after.chosen, strict=True)
        )

    def provides_extra(self) -> ReleaseClass:
        """An extra more changes no choice of a file, so extras always merge to their union."""
        if len({resolution.provides_extra for resolution, _ in self.groups}) < 2:
            return ReleaseClass.IDENTICAL
        return ReleaseClass.MERGEABLE

    def default_extra(self) -> ReleaseClass:
        """PEP 771: what is installed unasked has no marker, so nothing can merge a difference."""
        if len({resolution.default_extra for resolution, _ in self.groups}) < 2:
            return ReleaseClass.IDENTICAL
        return ReleaseClass.IRRECONCILABLE

    def rarity(self, release_class: ReleaseClass) -> tuple[int, str | None]:
        """The rare points that conflict, and their names, if the conflicts lie only there."""
        conflicting = [item for item in self.differences if item.conflict]
        if release_class is not ReleaseClass.IRRECONCILABLE or not conflicting:
            return 0, None
        rare, residue = self.space.rare, 0
        for item in conflicting:
            sets = [points for _, points in item.parts]
            if len(sets) < 2 or _conflict(self.space, [points & ~rare for points in sets]):
                return 0, None
            residue |= item.conflict & union(sets) & rare
        if not residue:
            return 0, None
        reasons = [
            reason
            for reason, points in self.space.by_host(lambda host: host.rare).items()
            if reason and points & residue
        ]
        return residue, ", ".join(reasons)


def _conflict(space: Space, sets: Sequence[int]) -> int:
    """The points whose marker part lies in more than one of the sets."""
    seen = twice = 0
    for points in sets:
        spread = space.spread(points)
        twice |= seen & spread
        seen |= spread
    return twice
