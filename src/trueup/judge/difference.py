"""Where the chosen wheels of a release differ, field by field, and whether markers can say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from packaging.utils import NormalizedName

from trueup.judge.choice import Candidate, Choice, candidate_of, choose
from trueup.judge.effective import Dependency, Lines, contexts, differing_lines, partition
from trueup.model.finding import ReleaseClass
from trueup.model.metadata import Resolution
from trueup.model.release import ReleaseFile
from trueup.model.space import Space, union

__all__ = ["Difference", "Differences"]


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
    moved: int = 0
    """Where one `Requires-Python` for all files would make installers take another file."""


@dataclass(kw_only=True)
class Differences:
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

    def by_field(self) -> dict[str, ReleaseClass]:
        """The class of each resolution field; fills ``differences`` and ``notes``."""
        return {
            "requires-dist": self.requires_dist(),
            "requires-python": self.requires_python(),
            "provides-extra": self.provides_extra(),
            "default-extra": self.default_extra(),
        }

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
        moved = self._moved_by_union(union(admitted))
        if found is ReleaseClass.MERGEABLE and moved:
            self.differences[-1] = replace(self.differences[-1], moved=moved)
            self.notes.append(
                "one `Requires-Python` for all files would make installers take other files"
            )
            return ReleaseClass.IRRECONCILABLE
        return found

    def _moved_by_union(self, admitted: int) -> int:
        candidates = [
            Candidate(tags=candidate.tags, build=candidate.build)
            for candidate in map(candidate_of, self.wheels)
        ]
        after = choose(self.space, candidates)
        return union(
            old & admitted & ~new for old, new in zip(self.choice.chosen, after.chosen, strict=True)
        )

    def provides_extra(self) -> ReleaseClass:
        """An extra more changes no choice of a file, so extras always merge to their union."""
        values = self._constants([resolution.provides_extra for resolution, _ in self.groups])
        if len(values) < 2:
            return ReleaseClass.IDENTICAL
        self.differences.append(
            Difference(
                field="provides-extra", project=None, extra=None, parts=tuple(values.items())
            )
        )
        return ReleaseClass.MERGEABLE

    def default_extra(self) -> ReleaseClass:
        """PEP 771: what is installed unasked has no marker, so nothing can merge a difference."""
        values = self._constants([resolution.default_extra for resolution, _ in self.groups])
        if len(values) < 2:
            return ReleaseClass.IDENTICAL
        self.differences.append(
            Difference(
                field="default-extra",
                project=None,
                extra=None,
                parts=tuple(values.items()),
                moved=self.covered,
            )
        )
        return ReleaseClass.IRRECONCILABLE

    def _constants(self, sets: Sequence[frozenset[NormalizedName]]) -> dict[object, int]:
        """Values that do not depend on the environment → where a wheel with them is chosen."""
        values: dict[object, int] = {}
        for found, region in zip(sets, self.regions, strict=True):
            values[found] = values.get(found, 0) | region
        return values

    def rarity(self, release_class: ReleaseClass) -> tuple[int, str | None]:
        """The rare points that conflict, and their names, if the conflicts lie only there."""
        conflicting = [item for item in self.differences if item.conflict or item.moved]
        if release_class is not ReleaseClass.IRRECONCILABLE or not conflicting:
            return 0, None
        rare, residue = self.space.rare, 0
        for item in conflicting:
            sets = [points for _, points in item.parts]
            if item.moved & ~rare or _conflict(self.space, [points & ~rare for points in sets]):
                return 0, None
            residue |= (item.conflict & union(sets) | item.moved) & rare
        reasons = [
            reason
            for reason, points in self.space.by_host(lambda host: host.rare).items()
            if reason and points & residue
        ]
        return (residue, ", ".join(reasons)) if reasons else (0, None)


def _conflict(space: Space, sets: Sequence[int]) -> int:
    """The points whose marker part lies in more than one of the sets."""
    seen = twice = 0
    for points in sets:
        spread = space.spread(points)
        twice |= seen & spread
        seen |= spread
    return twice
