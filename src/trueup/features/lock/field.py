"""What each version of each project would be in each cell: its files, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock.cells import Cell
from trueup.features.lock.stock import Files, Stock
from trueup.judge.choice import Choice, choose, page_specifiers
from trueup.judge.picks import sdist_says
from trueup.model.artifact import Artifact, SdistName
from trueup.model.errors import SpaceTooLargeError
from trueup.model.grid import grid, unsettled, unsettled_specifiers
from trueup.model.lockrequest import EVERYTHING, Irreconcilable, LocalProject
from trueup.model.marker import Marker
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.release import ReleaseFile
from trueup.model.requirement import Requirement
from trueup.model.space import Space, union
from trueup.model.target import minors_of

__all__ = ["Field", "Finer", "Lines", "Unusable", "Usable"]

Lines = frozenset[tuple[NormalizedName | None, Requirement]]
"""What a file asks for in one cell: (extra, requirement)."""


_SHOWN = 3
"""Wheels that are named where none fits."""


class Finer(Exception):  # noqa: N818  (not an error: the space has to be cut again)
    """A file distinguishes environments that the space does not: it must be cut by these."""

    def __init__(self, cuts: Iterable[object]) -> None:
        super().__init__()
        self.cuts = tuple(cuts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """A version in a cell.

    ``files`` are listed in the lock for it, ``lines`` is what they ask for, ``provides`` their
    extras; ``left_out`` would be chosen somewhere but ask for something else; ``promise`` says why
    an sdist's dependencies are known (None: there is none among the files).
    """

    files: tuple[Artifact, ...]
    lines: Lines
    provides: frozenset[NormalizedName]
    left_out: tuple[Artifact, ...] = ()
    promise: str | None = None
    surplus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Why a version cannot be used in a cell; ``profiles`` if only splitting the cell would help."""

    reason: str
    profiles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """The files of a version that ask for the same in a cell."""

    lines: Lines
    wheels: tuple[int, ...]
    sdist: bool


class Field:
    """Evaluates versions on one space; deterministic, and everything is computed once."""

    def __init__(self, stock: Stock, space: Space, cells: Sequence[Cell]) -> None:
        self.stock = stock
        self.space = space
        self.cells = tuple(cells)
        self.asked = union(cell.points for cell in cells)
        self._minors = minors_of(target for cell in cells for target in cell.targets)
        self._choices: dict[tuple[NormalizedName, Version], Choice] = {}
        self._usable: dict[tuple[NormalizedName, Version, int], Usable | Unusable] = {}
        self._lines: dict[tuple[Resolution, int], Lines] = {}
        self._where: dict[Resolution, Sequence[tuple[int, NormalizedName | None, Requirement]]] = {}
        self._checked: set[Resolution] = set()
        self._too_fine: dict[Resolution, str | None] = {}

    def choice(self, project: NormalizedName, files: Files) -> Choice:
        """Which wheels of a version are chosen where, on the whole space."""
        key = (project, files.version)
        found = self._choices.get(key)
        if found is None:
            self._settle((), files.page_requires_python)
            found = self._choices[key] = choose(self.space, files.candidates)
        return found

    def offered(self, project: NormalizedName, files: Files, cell: Cell) -> bool:
        """Whether the listing alone lets one hope that a version serves a cell."""
        choice = self.choice(project, files)
        return not cell.points & ~union(choice.chosen) & ~self._left_to_sdist(files, choice)

    def _left_to_sdist(self, files: Files, choice: Choice) -> int:
        """The points where an installer would take the sdist, by what the listing says."""
        if files.sdist is None:
            return 0
        return self.space.admitted(page_specifiers(files.sdist)) & ~union(choice.chosen)

    def wanted(self, project: NormalizedName, files: Files) -> Iterator[Artifact]:
        """The files that some cell would take."""
        choice = self.choice(project, files)
        for file, points in zip(files.wheels, choice.chosen, strict=True):
            if points & self.asked:
                yield file
        if files.sdist is not None and self.asked & self._left_to_sdist(files, choice):
            yield files.sdist

    def at(self, project: NormalizedName, version: Version, cell: Cell) -> Usable | Unusable:
        """What a version is in a cell.

        Raises Finer if its files distinguish environments that the space does not.
        """
        key = (project, version, cell.points)
        found = self._usable.get(key)
        if found is None:
            found = self._usable[key] = self._at(project, version, cell)
        return found

    def _at(self, project: NormalizedName, version: Version, cell: Cell) -> Usable | Unusable:
        local = self.stock.local.get(project)
        if local is not None:
            if local.resolution is None:
                return Unusable(reason=_dynamic(local))
            return self._alone(local, local.resolution, cell)
        files = self.stock.files(project).get(version)
        if files is None:
            return Unusable(reason="there is no such version")
        choice = self.choice(project, files)
        if not self.offered(project, files, cell):
            return Unusable(reason=self._not_offered(files, choice, cell))
        kinds: dict[Lines, _Kind] = {}
        provides: dict[Lines, frozenset[NormalizedName]] = {}
        for number, said in self._said(files, choice, cell):
            if isinstance(said, Unusable):
                return said
            lines = self.lines(said, cell)
            known = kinds.get(lines, _Kind(lines=lines, wheels=(), sdist=False))
            wheels = (*known.wheels, number) if number is not None else known.wheels
            kinds[lines] = _Kind(lines=lines, wheels=wheels, sdist=known.sdist or number is None)
            provides[lines] = provides.get(lines, said.provides_extra) | said.provides_extra
        return self._kept(project, files, choice, cell, tuple(kinds.values()), provides)

    def _not_offered(self, files: Files, choice: Choice, cell: Cell) -> str:
        for specifier in files.page_requires_python:
            if not cell.points & self.space.admitted(specifier):
                return f"it requires Python {specifier}"
        return _not_served(files, choice, cell)

    def _alone(self, local: LocalProject, said: Resolution, cell: Cell) -> Usable | Unusable:
        self._settle_said(said)
        if cell.points & ~self.space.admitted(said.requires_python):
            return Unusable(reason=f"it requires Python {said.requires_python}")
        return Usable(
            files=(),
            lines=self.lines(said, cell),
            provides=said.provides_extra,
            promise="built" if local.built else None,
        )

    def _said(
        self, files: Files, choice: Choice, cell: Cell
    ) -> Iterator[tuple[int | None, Resolution | Unusable]]:
        """What each file that is chosen in a cell says (its number; None for the sdist)."""
        for number, file in enumerate(files.wheels):
            points = choice.chosen[number] & cell.points
            if points:
                yield number, self._read(file, points)
        left = cell.points & self._left_to_sdist(files, choice)
        if left and files.sdist is not None:
            yield None, self._read(files.sdist, left)

    def _read(self, file: Artifact, points: int) -> Resolution | Unusable:
        said = self.said(file)
        if isinstance(said, Unreadable):
            return Unusable(reason=f"`{file.filename}`: {said.reason}")
        reason = self.too_fine(said)
        if reason is not None:
            return Unusable(reason=f"`{file.filename}`: {reason}")
        self._settle_said(said)
        if points & ~self.space.admitted(said.requires_python):
            return Unusable(reason=f"`{file.filename}` requires Python {said.requires_python}")
        return said

    def said(self, file: Artifact) -> Resolution | Unreadable:
        """What a file asks for; of an sdist, what any wheel built from it will ask for."""
        reading = self.stock.read(file)
        if not file.is_sdist:
            return reading.resolution
        said = sdist_says(ReleaseFile(artifact=file, reading=reading))
        if isinstance(said, Resolution):
            return said
        proved = self.stock.supply.proved(file)
        if proved is not None:
            return proved
        assert isinstance(file.name, SdistName)
        project, allowed = file.name.project, self.stock.request.allow_build
        if project in allowed or EVERYTHING in allowed:
            return self.stock.built(file)
        return Unreadable(
            reason=f"{said.reason}; `--allow-build {project}` would build it in the sandbox"
        )

    def too_fine(self, said: Resolution) -> str | None:
        """Why no lock can tell all environments apart that a file distinguishes; mostly it can."""
        if said in self._checked:
            return None
        if said not in self._too_fine:
            markers, specifiers = self._cuts(*_distinguished(said))
            reason = None
            if markers or specifiers:
                targets = {target for cell in self.cells for target in cell.targets}
                try:
                    grid(sorted(targets), markers=markers, specifiers=specifiers)
                except SpaceTooLargeError as error:
                    names = " and ".join(f"`{name}`" for name in error.variables)
                    reason = f"its markers tell too many values of {names} apart"
            self._too_fine[said] = reason
        return self._too_fine[said]

    def _settle_said(self, said: Resolution) -> None:
        if said not in self._checked:
            self._settle(*_distinguished(said))
            self._checked.add(said)

    def _settle(self, markers: Sequence[Marker], specifiers: Sequence[SpecifierSet]) -> None:
        finer = self._cuts(markers, specifiers)
        if any(finer):
            raise Finer([*finer[0], *finer[1]])

    def _cuts(
        self, markers: Sequence[Marker], specifiers: Sequence[SpecifierSet]
    ) -> tuple[frozenset[Marker], frozenset[SpecifierSet]]:
        """Those of them that the space has to be cut by."""
        return (
            unsettled(self.space, markers, self._minors),
            unsettled_specifiers(self.space, specifiers, self._minors),
        )

    def holds(self, marker: Marker | None, extra: str | None) -> int:
        """The points where a marker holds; raises Finer if the space does not tell."""
        if marker is not None:
            self._settle([marker], ())
        return self.space.where(marker, extra)

    def lines(self, said: Resolution, cell: Cell) -> Lines:
        """What a file asks for in a cell, for itself and for each of its extras."""
        key = (said, cell.first)
        found = self._lines.get(key)
        if found is None:
            where = self._where.get(said)
            if where is None:
                where = self._where[said] = tuple(self._live(said))
            found = self._lines[key] = frozenset(
                (extra, line) for points, extra, line in where if points & cell.first
            )
        return found

    def _live(self, said: Resolution) -> Iterator[tuple[int, NormalizedName | None, Requirement]]:
        """Where a file asks for what, for itself, and elsewhere for one of its extras."""
        for line in said.requires_dist:
            always = self.space.where(line.marker, None)
            bare = line.without_marker
            yield always, None, bare
            for extra in sorted(line.marker.extras) if line.marker is not None else ():
                points = self.space.where(line.marker, extra) & ~always
                yield points, NormalizedName(extra), bare

    def _kept(
        self,
        project: NormalizedName,
        files: Files,
        choice: Choice,
        cell: Cell,
        kinds: Sequence[_Kind],
        provides: Mapping[Lines, frozenset[NormalizedName]],
    ) -> Usable | Unusable:
        """The files of one kind, where a cell would take files of several."""
        promise = _promise(self.stock, files, kinds)
        if len(kinds) == 1:
            return Usable(
                files=_listed(files, kinds[0]),
                lines=kinds[0].lines,
                provides=provides[kinds[0].lines],
                promise=promise,
            )
        policy = self.stock.request.irreconcilable
        if policy is Irreconcilable.REFUSE:
            return Unusable(reason=_several(files, kinds))
        if policy is Irreconcilable.UNION:
            return Usable(
                files=tuple(file for kind in kinds for file in _listed(files, kind)),
                lines=frozenset[tuple[NormalizedName | None, Requirement]]().union(
                    *(kind.lines for kind in kinds)
                ),
                provides=frozenset[NormalizedName]().union(*provides.values()),
                promise=promise,
                surplus=True,
            )
        serving = [kind for kind in kinds if _serves(kind, choice, cell)]
        if not serving:
            return Unusable(reason=_several(files, kinds), profiles=True)
        best = max(serving, key=lambda kind: _weight(kind, choice, cell))
        return Usable(
            files=_listed(files, best),
            lines=best.lines,
            provides=provides[best.lines],
            left_out=tuple(
                file for kind in kinds if kind is not best for file in _listed(files, kind)
            ),
            promise=promise if best.sdist else None,
        )


def _dynamic(local: LocalProject) -> str:
    reason = "its dependencies are dynamic: only a build would tell"
    if local.repository is None:
        return reason
    return f"{reason}; `--allow-build {local.project}` would build it in the sandbox"


def _distinguished(said: Resolution) -> tuple[list[Marker], list[SpecifierSet]]:
    """By what a file distinguishes environments."""
    markers = [line.marker for line in said.requires_dist if line.marker]
    return markers, [said.requires_python] if said.requires_python is not None else []


def _serves(kind: _Kind, choice: Choice, cell: Cell) -> bool:
    """Whether its files alone serve the whole cell; an sdist does not displace a wheel."""
    accepted = union(choice.accepted[number] for number in kind.wheels)
    if kind.sdist:
        accepted |= cell.points & ~union(choice.chosen)
    return not cell.points & ~accepted


def _weight(kind: _Kind, choice: Choice, cell: Cell) -> tuple[int, tuple[int, ...]]:
    chosen = union(choice.chosen[number] for number in kind.wheels) & cell.points
    return chosen.bit_count(), tuple(-number for number in kind.wheels)


def _listed(files: Files, kind: _Kind) -> tuple[Artifact, ...]:
    wheels = tuple(files.wheels[number] for number in kind.wheels)
    return (*wheels, files.sdist) if kind.sdist and files.sdist is not None else wheels


def _promise(stock: Stock, files: Files, kinds: Sequence[_Kind]) -> str | None:
    if files.sdist is None or not any(kind.sdist for kind in kinds):
        return None
    return stock.promise(files.sdist)


def _several(files: Files, kinds: Sequence[_Kind]) -> str:
    names = [f"`{_listed(files, kind)[0].filename}`" for kind in kinds]
    return f"{' and '.join(names)} ask for different things, and no marker tells them apart"


def _not_served(files: Files, choice: Choice, cell: Cell) -> str:
    left = cell.points & ~union(choice.chosen)
    sdist = "no sdist may be used" if files.sdist_refused else "there is no sdist"
    if not files.wheels:
        return f"there is no wheel of it, and {sdist}"
    if left != cell.points:
        return f"its wheels need a newer system than the floor of the target, and {sdist}"
    names = [file.filename.removesuffix(".whl").split("-", 2)[2] for file in files.wheels]
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"no wheel fits (there is {shown}{more}), and {sdist}"
