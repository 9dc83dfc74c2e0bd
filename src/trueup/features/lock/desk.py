"""Answers the resolver's questions for one cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.ranges import VersionRange
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock.cells import Cell
from trueup.features.lock.field import Field, Unusable, Usable
from trueup.features.lock.offer import Node, Wish
from trueup.features.lock.stock import constrained
from trueup.model.condition import Option
from trueup.model.lockrequest import Root, Strategy
from trueup.model.requirement import Requirement

__all__ = ["CellOffer", "Reached", "follow"]

_REASONS = 3
_NOWHERE = VersionRange.empty()


class CellOffer:
    """What a cell can have (:class:`~trueup.features.lock.offer.Offer`).

    ``first`` are versions to prefer, by project, best first.
    """

    def __init__(
        self, field: Field, cell: Cell, first: Mapping[NormalizedName, Sequence[Version]]
    ) -> None:
        self._field = field
        self._stock = field.stock
        self._cell = cell
        self._first = first
        self._request = field.stock.request
        self._overrides: dict[NormalizedName, list[Requirement]] = {}
        for line in self._request.overrides:
            self._overrides.setdefault(line.project, []).append(line)
        self._limits: dict[NormalizedName, VersionRange] = {}
        self._needs: dict[tuple[Node, Version], Mapping[Node, VersionRange]] = {}
        self._accepted: dict[tuple[NormalizedName, Version], bool] = {}

    def wishes(self, roots: Iterable[Root], options: frozenset[Option | None]) -> list[Wish]:
        """The requirements of the user that count here, with these options.

        What is excluded is left out whoever asks for it.
        """
        found = []
        for root in roots:
            if root.option not in options or not self._holds(root.requirement):
                continue
            if root.requirement.project in self._request.excluded:
                continue
            for line in self._overridden(root.requirement):
                found += [
                    Wish(node=node, versions=versions, origin=root.origin, text=str(line))
                    for node, versions in self._ranges([line]).items()
                ]
        return found

    def versions(self, project: NormalizedName) -> Sequence[Version]:
        """Every version there is, usable or not, oldest first."""
        local = self._stock.local.get(project)
        if local is not None:
            return [local.version or Version("0")]
        return sorted(self._stock.files(project))

    def pick(self, project: NormalizedName, versions: VersionRange) -> Version | None:
        """The preferred usable version of a range."""
        for version in self._order(project):
            if version in versions and self.accepts(project, version):
                return version
        return None

    def accepts(self, project: NormalizedName, version: Version) -> bool:
        """Whether a version may be taken here, by the request and by what its files say."""
        key = (project, version)
        found = self._accepted.get(key)
        if found is None:
            found = self._accepted[key] = (
                version in self._limit(project)
                and self._admitted(project, version)
                and isinstance(self.usable(project, version), Usable)
            )
        return found

    def index_of(self, project: NormalizedName) -> str | None:
        """The index from which a project must come here."""
        return self._stock.index_of(project)

    def usable(self, project: NormalizedName, version: Version) -> Usable | Unusable:
        """What a version is in this cell."""
        return self._field.at(project, version, self._cell)

    def needs(self, node: Node, version: Version) -> Mapping[Node, VersionRange]:
        """What a version asks for here, or what one of its extras adds."""
        known = self._needs.get((node, version))
        if known is not None:
            return known
        found = self.usable(node.project, version)
        assert isinstance(found, Usable)  # only what was picked is asked about
        lines = [line for extra, line in found.lines if extra == node.extra]
        kept = [
            line
            # What is met first decides what is tried, so no set may decide the order.
            for asked in sorted(lines, key=str)
            if asked.project not in self._request.excluded
            for line in self._overridden(asked)
        ]
        needs = self._needs[node, version] = self._ranges(kept)
        return needs

    def obstacles(self, project: NormalizedName, versions: VersionRange) -> tuple[str, ...]:
        """Why no version of that range is usable."""
        absence = self._stock.absence(project)
        if absence is not None:
            return (absence,)
        limit = self._limit(project)
        reasons: list[str] = []
        inside = [version for version in self._order(project) if version in versions]
        final = [version for version in inside if not version.is_prerelease]
        # That a pre-release is none is no reason where there are releases.
        for version in final or inside:
            if len(reasons) == _REASONS:
                reasons.append("and so on for older ones")
                break
            reasons.append(f"{version}: {self._obstacle(project, version, limit)}")
        return tuple(reasons)

    def _obstacle(self, project: NormalizedName, version: Version, limit: VersionRange) -> str:
        if version not in limit:
            lines = ", ".join(f"`{line}`" for line in self._stock.constraints(project))
            return f"the constraint {lines} excludes it"
        if not self._stock.may_be_prerelease(project) and version.is_prerelease:
            return "it is a pre-release (`--prereleases allow` admits them)"
        if project not in self._stock.local and not self._admitted(project, version):
            reason = self._stock.files(project)[version].yanked
            return f"it was yanked ({reason})"
        found = self.usable(project, version)
        return found.reason if isinstance(found, Unusable) else "it clashes with something else"

    def _order(self, project: NormalizedName) -> Iterator[Version]:
        if project in self._stock.local:
            yield self._stock.local[project].version or Version("0")
            return
        present = self._stock.files(project)
        first = [version for version in self._first.get(project, ()) if version in present]
        yield from first
        lowest = self._request.strategy is Strategy.LOWEST
        ordered = reversed(list(present)) if lowest else iter(present)
        yield from (version for version in ordered if version not in first)

    def _admitted(self, project: NormalizedName, version: Version) -> bool:
        if project in self._stock.local:
            return True
        if version.is_prerelease and not self._stock.may_be_prerelease(project):
            return self._stock.admits_yanked(project, version)  # pinned by the user
        files = self._stock.files(project).get(version)
        if files is None:
            return False
        return files.yanked is None or self._stock.admits_yanked(project, version)

    def _limit(self, project: NormalizedName) -> VersionRange:
        found = self._limits.get(project)
        if found is None:
            lines = [line for line in self._stock.constraints(project) if self._holds(line)]
            found = self._limits[project] = constrained(lines)
        return found

    def _holds(self, line: Requirement) -> bool:
        return bool(self._field.space.where(line.marker) & self._cell.first)

    def _overridden(self, line: Requirement) -> Iterator[Requirement]:
        replaced = self._overrides.get(line.project)
        if replaced is None:
            yield line
        else:
            yield from (one for one in replaced if self._holds(one))

    def _ranges(self, lines: Iterable[Requirement]) -> dict[Node, VersionRange]:
        found: dict[Node, VersionRange] = {}
        for line in lines:
            versions = line.versions
            if line.url is not None and not self._stock.is_direct(line):
                # Only the user may send the installer to an address.
                versions = _NOWHERE
            for extra in (*sorted(line.extras), *([] if line.extras else [None])):
                node = Node(project=line.project, extra=extra)
                found[node] = found[node] & versions if node in found else versions
        return found


Reached = Mapping[NormalizedName, frozenset[NormalizedName | None]]
"""Projects with the extras that are asked of them (None: the project itself)."""


def follow(
    offer: CellOffer, wishes: Iterable[Wish], pins: dict[NormalizedName, Version]
) -> Reached | None:
    """What is reached from the wishes with these pins.

    A project without a pin gets the one that the offer would try first, and ``pins`` is extended by
    it. None if a pin is unusable, or outside of what is asked for: then it takes a search.
    """
    reached: dict[NormalizedName, set[NormalizedName | None]] = {}
    ordered = sorted(wishes, key=lambda wish: (str(wish.node), wish.text, wish.origin))
    pending = [(wish.node, wish.versions) for wish in ordered]
    while pending:
        node, versions = pending.pop()
        version = pins.get(node.project) or offer.pick(node.project, versions)
        if version is None or version not in versions:
            return None
        pins[node.project] = version
        extras = reached.setdefault(node.project, set())
        for part in (node.base, node):
            if part.extra in extras:
                continue
            if not offer.accepts(node.project, version):
                return None
            extras.add(part.extra)
            pending += offer.needs(part, version).items()
    return {project: frozenset(extras) for project, extras in reached.items()}
