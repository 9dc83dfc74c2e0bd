"""From the answers of all cells to the entries of one lock, each of them sound.

Entries of one version are joined as far as their lists stay sound: wherever an entry is live, every
file that any installer could take from its list asks for what the lock recorded there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock.cells import Cell
from trueup.features.lock.drive import Placed, Resolved
from trueup.features.lock.field import Field, Usable
from trueup.features.lock.forks import Fork, choices_of
from trueup.features.lock.offer import Node
from trueup.judge.choice import Candidate, choose
from trueup.judge.conditions import Conditions
from trueup.model.artifact import Artifact, WheelName
from trueup.model.condition import ALWAYS, Option
from trueup.model.errors import TrueupError
from trueup.model.lock import Edge, LockEntry, Place, PlaceKind
from trueup.model.metadata import Metadata, Resolution
from trueup.model.space import union

__all__ = ["Kept", "merge"]


@dataclass(slots=True)
class _Spot:
    """One project at one version in one cell: its files, and where it is live by fork and option."""

    cell: Cell
    usable: Usable
    index: str | None
    live: dict[Fork, frozenset[Option | None]] = field(default_factory=dict)
    edges: dict[Node, Version] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Files that were left out of an entry because they ask for something else than those kept."""

    project: NormalizedName
    version: Version
    kept: tuple[str, ...]
    left_out: tuple[str, ...]
    targets: tuple[str, ...]


def merge(resolved: Resolved) -> tuple[tuple[LockEntry, ...], tuple[Kept, ...]]:
    """The entries, sorted by name, version and condition, and what was left out of them."""
    spots = _spots(resolved.placed)
    conditions = Conditions(
        space=resolved.field.space,
        relevant=union(placed.cell.around for placed in resolved.placed),
        choices=choices_of(resolved.field.stock.request.conflicts),
    )
    entries = [
        _entry(resolved.field, conditions, project, version, group)
        for (project, version, _), found in spots.items()
        for group in _sound_groups(resolved.field, found)
    ]
    entries.sort(key=lambda entry: (entry.project, str(entry.version), entry.condition.text))
    return tuple(entries), tuple(_left_out(spots))


Spots = dict[tuple[NormalizedName, Version, str], list[_Spot]]
"""By project, version and index (empty: the configured ones)."""


def _spots(placed: Sequence[Placed]) -> Spots:
    found: dict[tuple[NormalizedName, Version, str], dict[int, _Spot]] = {}
    for one in placed:
        live: dict[NormalizedName, set[Option | None]] = {}
        extras: dict[NormalizedName, set[NormalizedName | None]] = {}
        for option, reached in one.reached.items():
            for project, asked in reached.items():
                live.setdefault(project, set()).add(option)
                extras.setdefault(project, set()).update(asked)
        for project, options in live.items():
            version = one.pins[project]
            usable = one.offer.usable(project, version)
            assert isinstance(usable, Usable)
            index = one.offer.index_of(project)
            cells = found.setdefault((project, version, index or ""), {})
            spot = cells.setdefault(
                one.cell.first, _Spot(cell=one.cell, usable=usable, index=index)
            )
            spot.live[one.fork] = frozenset(options)
            for extra in sorted(extras[project], key=lambda name: name or ""):
                for child in one.offer.needs(Node(project=project, extra=extra), version):
                    spot.edges[child] = one.pins[child.project]
    return {key: list(found[key].values()) for key in sorted(found)}


def _sound_groups(here: Field, spots: Sequence[_Spot]) -> Iterator[list[_Spot]]:
    """The spots of one version in as few groups as there are sound lists of files."""
    if _sound(here, spots):
        yield list(spots)
        return
    alike: dict[object, list[_Spot]] = {}
    for spot in spots:
        said = frozenset(here.said(file) for file in spot.usable.files)
        alike.setdefault((said, spot.usable.lines), []).append(spot)
    groups: list[list[_Spot]] = []
    for members in alike.values():
        parts = [members] if _sound(here, members) else [[spot] for spot in members]
        for part in parts:
            for group in groups:
                if _sound(here, [*group, *part]):
                    group += part
                    break
            else:
                groups.append(list(part))
    yield from groups


def _files(spots: Sequence[_Spot]) -> tuple[Artifact, ...]:
    found = {file.filename: file for spot in spots for file in spot.usable.files}
    return tuple(found[name] for name in sorted(found))


def _sound(here: Field, spots: Sequence[_Spot]) -> bool:
    """Whether an installer that takes any file of the joint list gets what each cell recorded."""
    files = _files(spots)
    wheels = [file for file in files if isinstance(file.name, WheelName)]
    said = {file.filename: here.said(file) for file in files}
    if len(set(said.values())) <= 1 and len({spot.usable.surplus for spot in spots}) == 1:
        return True
    choice = choose(here.space, [_candidate(file) for file in wheels])
    chosen = dict(zip((file.filename for file in wheels), choice.chosen, strict=True))
    rest = ~union(choice.chosen)
    for spot in spots:
        for file in files:
            taken = chosen.get(file.filename, rest) & spot.cell.around
            if not taken:
                continue
            resolution = said[file.filename]
            assert isinstance(resolution, Resolution)
            if taken & ~here.space.admitted(resolution.requires_python):
                return False
            lines = here.lines(resolution, spot.cell)
            if not lines <= spot.usable.lines:
                return False
            if lines != spot.usable.lines and not spot.usable.surplus:
                return False
    return True


def _candidate(file: Artifact) -> Candidate:
    """As an installer ranks it that looks at the lock alone: without the page."""
    assert isinstance(file.name, WheelName)
    return Candidate(tags=file.name.tags, build=file.name.build)


def _entry(
    here: Field,
    conditions: Conditions,
    project: NormalizedName,
    version: Version,
    spots: Sequence[_Spot],
) -> LockEntry:
    files = _files(spots)
    live: dict[tuple[int, ...], dict[Option | None, int]] = {}
    for spot in spots:
        for fork, options in spot.live.items():
            table = live.setdefault(fork.numbers, {})
            for option in options:
                table[option] = table.get(option, 0) | spot.cell.around
    try:
        condition = conditions.of(live)
    except TrueupError as error:
        raise error.within(f"{project} {version}") from None
    promises = sorted({spot.usable.promise for spot in spots if spot.usable.promise})
    local = here.stock.local.get(project)
    direct = here.stock.direct(project)
    place = Place(location=spots[0].index)
    if local is not None:
        place = local.repository or Place(
            kind=PlaceKind.DIRECTORY, location=local.path, editable=local.editable
        )
    elif direct is not None:
        place = Place(kind=PlaceKind.ARCHIVE, location=direct.url)
    return LockEntry(
        project=project,
        version=version if local is None else local.version,
        origin="",
        condition=condition,
        files=tuple(here.stock.supply.with_hash(file) for file in files),
        place=place,
        edges=_edges(spots),
        own=_own(here, project, files, promises),
        recorded=_recorded(here, files),
        promise=promises[0] if promises else None,
    )


def _own(
    here: Field, project: NormalizedName, files: Sequence[Artifact], promises: Sequence[str]
) -> Resolution | None:
    """What is recorded because no file tells it: of a project in a folder, of a built sdist."""
    local = here.stock.local.get(project)
    if local is not None:
        return local.resolution
    if not promises or promises[0] not in ("built", "proved"):
        return None
    said = next((here.said(file) for file in files if file.is_sdist), None)
    return said if isinstance(said, Resolution) else None


def _edges(spots: Sequence[_Spot]) -> tuple[Edge, ...]:
    """What the entry asks for anywhere, one edge for each version of a project."""
    found: dict[tuple[NormalizedName, Version], set[NormalizedName]] = {}
    for spot in spots:
        for node, version in spot.edges.items():
            extras = found.setdefault((node.project, version), set())
            if node.extra is not None:
                extras.add(node.extra)
    return tuple(
        Edge(project=project, version=version, extras=frozenset(extras), condition=ALWAYS)
        for (project, version), extras in sorted(found.items())
    )


def _recorded(here: Field, files: Sequence[Artifact]) -> Mapping[str, str]:
    found = {}
    for file in files:
        metadata = here.stock.read(file).metadata
        if isinstance(metadata, Metadata):
            found[file.filename] = metadata.digest
    return found


def _left_out(spots: Spots) -> Iterator[Kept]:
    for (project, version, _), found in spots.items():
        by_files: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for spot in found:
            if spot.usable.left_out:
                key = (
                    tuple(file.filename for file in spot.usable.files),
                    tuple(file.filename for file in spot.usable.left_out),
                )
                by_files.setdefault(key, []).extend(map(str, spot.cell.targets))
        for (kept, left_out), targets in by_files.items():
            yield Kept(
                project=project,
                version=version,
                kept=kept,
                left_out=left_out,
                targets=tuple(targets),
            )
