"""Resolves every cell, keeping versions aligned; says which targets cannot be served, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock.cells import Cell, cells_of
from trueup.features.lock.crawl import crawl
from trueup.features.lock.desk import CellOffer, Reached, follow
from trueup.features.lock.field import Field, Finer
from trueup.features.lock.forks import Fork, forks
from trueup.features.lock.resolver import Clash, solve
from trueup.features.lock.stock import Stock
from trueup.model.condition import Condition, Option, Selection
from trueup.model.errors import SpaceTooLargeError, UsageError
from trueup.model.grid import grid
from trueup.model.lockrequest import LockRequest, Strategy
from trueup.model.marker import Marker
from trueup.model.target import Target, target_set
from trueup.model.watcher import Watcher

__all__ = ["Placed", "Resolved", "Unserved", "resolve"]

_INSIDE = ("python_full_version", "implementation_version", "platform_release", "platform_version")
"""Variables that can differ between environments of one target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The answer for one cell in one fork.

    ``reached`` gives, for each option (None: always), the projects and extras that it leads to.
    ``searched`` says that the first choices clashed, so that other versions were looked at.
    """

    fork: Fork
    cell: Cell
    offer: CellOffer
    pins: Mapping[NormalizedName, Version]
    reached: Mapping[Option | None, Reached]
    searched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """A target for which there is no answer, and why."""

    target: Target
    clash: Clash


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The answers for all cells that can be served."""

    field: Field
    placed: tuple[Placed, ...]
    unserved: tuple[Unserved, ...] = ()
    profiles: bool = False
    """Whether the targets need locks of their own, because no marker tells some apart."""


@dataclass(slots=True)
class _State:
    targets: tuple[Target, ...]
    cuts: set[object] = field(default_factory=set)
    unserved: list[Unserved] = field(default_factory=list)
    crawled: bool = False


class _Split(Exception):  # noqa: N818  (control flow within this module)
    """Targets that share a cell cannot be served together."""


def resolve(stock: Stock, *, watcher: Watcher) -> Resolved:
    """Choose versions for every target of the request.

    Raises UsageError if no target is left by `requires-python`, and whatever a source raises that
    does not answer.
    """
    state = _State(targets=stock.request.targets)
    old = _cuts_of_old(stock.request)
    if old and _can_be_cut(stock, state, old):
        state.cuts |= old
    while True:
        here = _field(stock, state)
        try:
            if not state.crawled:
                roots = [root.requirement for root in stock.request.roots]
                roots += [line for item in stock.request.local for line in item.requires_dist or ()]
                finer: set[object] = set()
                for part in _variants(here):
                    finer |= crawl(part, roots, watcher)
                state.crawled = True
                if finer - state.cuts and _can_be_cut(stock, state, finer):
                    raise Finer(finer)
            placed, lost = _all(stock, here)
        except Finer as finer:
            new = set(finer.cuts) - state.cuts
            assert new, "a space that was cut is cut by the same again"
            state.cuts |= new
            continue
        except _Split:
            return Resolved(field=here, placed=(), unserved=tuple(state.unserved), profiles=True)
        if not lost:
            return Resolved(field=here, placed=placed, unserved=tuple(state.unserved))
        state.unserved += lost
        gone = {item.target for item in lost}
        state.targets = tuple(target for target in state.targets if target not in gone)
        if not state.targets:
            return Resolved(field=here, placed=(), unserved=tuple(state.unserved))


def _cuts_of_old(request: LockRequest) -> set[object]:
    """Where the old lock changes from one version to another inside a target.

    Uncut, such a target would be one cell, and get one of the versions. What a target fixes, such
    as its system, divides cells anyhow.
    """
    return {
        Marker(atom.text)
        for versions in request.preferred.values()
        if len(versions) > 1
        for conditions in versions.values()
        for condition in conditions
        if condition.text
        for atom in Marker(condition.text).atoms()
        if atom.variable in _INSIDE
    }


def _can_be_cut(stock: Stock, state: _State, finer: set[object]) -> bool:
    """Whether the space can be cut by all that was found ahead, which may not all be needed."""
    try:
        _field(stock, replace(state, cuts=state.cuts | finer))
    except SpaceTooLargeError:
        return False
    return True


def _field(stock: Stock, state: _State) -> Field:
    markers = {cut for cut in state.cuts if isinstance(cut, Marker)}
    specifiers = {cut for cut in state.cuts if isinstance(cut, SpecifierSet)}
    request = stock.request
    lines = [root.requirement for root in request.roots]
    lines += [*request.constraints, *request.overrides]
    markers |= {line.marker for line in lines if line.marker}
    if request.requires_python is not None:
        specifiers.add(request.requires_python)
    space = grid(state.targets, markers=markers, specifiers=specifiers)
    within = target_set(space, state.targets) & space.admitted(request.requires_python)
    if not within:
        raise UsageError(
            "no target is left",
            found=f"`requires-python = {request.requires_python}`",
            expected="a Python that a target has",
            hint="name other targets with `--for`",
        )
    return Field(stock, space, cells_of(space, state.targets, within))


def _all(stock: Stock, here: Field) -> tuple[tuple[Placed, ...], list[Unserved]]:
    placed: list[Placed] = []
    lost: dict[Target, Unserved] = {}
    # Of several versions that the old lock has, the one that the strategy would take goes first.
    newest = stock.request.strategy is not Strategy.LOWEST
    pins: dict[NormalizedName, list[Version]] = {
        project: sorted(versions, reverse=newest)
        for project, versions in stock.request.preferred.items()
    }
    fields = _fields(here)
    for fork in forks(stock.request):
        part = fields[fork]
        for cell in here.cells:
            if any(target in lost for target in cell.targets):
                continue
            answer = _one(part, cell, fork, _as_locked(stock.request, here, cell, fork, pins))
            if isinstance(answer, Clash):
                for item in _blamed(part, cell, fork, answer):
                    lost[item.target] = item
                continue
            placed.append(answer)
            if stock.request.strategy is Strategy.ALIGNED:
                for project, version in answer.pins.items():
                    known = pins.setdefault(project, [])
                    if version not in known:
                        known.append(version)
    return tuple(placed), list(lost.values())


def _as_locked(
    request: LockRequest,
    here: Field,
    cell: Cell,
    fork: Fork,
    pins: Mapping[NormalizedName, Sequence[Version]],
) -> Mapping[NormalizedName, Sequence[Version]]:
    """The pins with the version first that the old lock installs in this very cell.

    A lock that is made again would otherwise give one of two versions to both their places.
    """
    chosen = fork.chosen | (request.options - fork.refused)
    environment = here.space.point(cell.first.bit_length() - 1).environment()
    ordered = dict(pins)
    for project, versions in request.preferred.items():
        if len(versions) > 1:
            live = {
                version
                for version, conditions in versions.items()
                if any(_holds(one, chosen, environment) for one in conditions)
            }
            ordered[project] = sorted(pins[project], key=lambda version: version not in live)
    return ordered


def _holds(condition: Condition, chosen: Selection, environment: Mapping[str, str]) -> bool:
    marker = condition.under(chosen)
    return marker if isinstance(marker, bool) else marker.holds(environment)


def _fields(here: Field) -> Mapping[Fork, Field]:
    """The field of each fork: options may take projects from indexes of their own."""
    made: dict[Stock, Field] = {here.stock: here}
    found = {}
    for fork in forks(here.stock.request):
        stock = here.stock.under(here.stock.request.options - fork.refused)
        if stock not in made:
            made[stock] = Field(stock, here.space, here.cells)
        found[fork] = made[stock]
    return found


def _variants(here: Field) -> list[Field]:
    return list(dict.fromkeys(_fields(here).values()))


def _one(
    here: Field,
    cell: Cell,
    fork: Fork,
    pins: Mapping[NormalizedName, Sequence[Version]],
) -> Placed | Clash:
    request = here.stock.request
    offer = CellOffer(here, cell, pins)
    options = request.options - fork.refused
    wishes = offer.wishes(request.roots, frozenset({None, *options}))
    easy: dict[NormalizedName, Version] = {}
    reached = follow(offer, wishes, easy)
    if reached is not None and not options:
        return Placed(fork=fork, cell=cell, offer=offer, pins=easy, reached={None: reached})
    if reached is not None:
        return _placed(request, fork, cell, offer, easy)
    first = {project: versions[0] for project, versions in pins.items() if versions}
    answer = solve(offer, wishes, first or None)
    if isinstance(answer, Clash):
        return answer
    return replace(_placed(request, fork, cell, offer, answer.pins), searched=True)


def _placed(
    request: LockRequest,
    fork: Fork,
    cell: Cell,
    offer: CellOffer,
    pins: Mapping[NormalizedName, Version],
) -> Placed:
    reached: dict[Option | None, Reached] = {}
    for option in (None, *sorted(request.options - fork.refused, key=lambda one: one.sort_key)):
        found = follow(offer, offer.wishes(request.roots, frozenset({option})), dict(pins))
        assert found is not None  # the pins meet all wishes together
        reached[option] = found
    return Placed(fork=fork, cell=cell, offer=offer, pins=pins, reached=reached)


def _blamed(here: Field, cell: Cell, fork: Fork, clash: Clash) -> list[Unserved]:
    """The targets of a cell that cannot be served even alone.

    Raises _Split if each can be served alone, and only together they cannot.
    """
    if len(cell.targets) == 1:
        return [Unserved(target=cell.targets[0], clash=clash)]
    lost = []
    for target in cell.targets:
        points = target_set(here.space, [target]) & cell.points
        alone = replace(cell, points=points, first=points & -points, targets=(target,))
        answer = _one(here, alone, fork, {})
        if isinstance(answer, Clash):
            lost.append(Unserved(target=target, clash=answer))
    if not lost:
        raise _Split
    return lost
