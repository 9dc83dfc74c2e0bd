"""Why requirements cannot be met together, in the words of whoever wrote them.

A proof of the solver has hundreds of steps that nobody reads. What it rests on is short: wishes,
what versions ask for, and versions that are not there. These facts are told as chains, from each
wish to the project on which they clash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from operator import or_

from packaging.ranges import VersionRange
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock.offer import Node, Offer, Wish

__all__ = ["Clash", "Failure", "Lack", "Need", "Way", "explain", "listed", "requirement_text"]

MAX_DEPTH = 6
"""Steps of a chain that are told."""

MAX_LINES = 30

MAX_KINDS = 3
"""Different ranges that the versions of one project ask of another, told one by one."""

MAX_LISTED = 4
"""Versions named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """There is no choice of versions, and why; or, if ``limited``, none was found in time.

    ``lines`` say what clashes, ``hints`` what would help; both are for people.
    """

    lines: tuple[str, ...]
    hints: tuple[str, ...]
    limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """These versions of a node ask for that range of another."""

    parent: Node
    parents: VersionRange
    child: Node
    versions: VersionRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """No version of this range is usable."""

    project: NormalizedName
    versions: VersionRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Everything could be met if this wish allowed that version."""

    wish: Wish
    version: Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a failed search leaves: facts, or after too many ``rounds`` the ``busiest`` projects."""

    limited: bool
    rounds: int
    wishes: tuple[Wish, ...] = ()
    needs: tuple[Need, ...] = ()
    lacks: tuple[Lack, ...] = ()
    ways: tuple[Way, ...] = ()
    busiest: tuple[str, ...] = ()


def explain(offer: Offer, failure: Failure) -> Clash:
    """Put a failure into words."""
    if failure.limited:
        return _given_up(failure)
    lines = list(_Story(offer, failure).lines())
    if len(lines) > MAX_LINES:
        # The end says what it comes to, so the middle goes.
        left_out = len(lines) - MAX_LINES
        kept = MAX_LINES * 2 // 3
        lines[kept : kept + left_out] = [f"… {left_out} more lines of the same kind"]
    return Clash(lines=tuple(lines), hints=tuple(_hints(failure)), limited=False)


def _given_up(failure: Failure) -> Clash:
    names = ", ".join(f"`{name}`" for name in failure.busiest)
    return Clash(
        lines=(
            f"the search for versions was given up after {failure.rounds:,} steps, so it is not"
            " known whether the requirements can be met together",
            *((f"most attempts failed at {names}",) if names else ()),
        ),
        hints=((f"ask for narrower ranges of {names}",) if names else ()),
        limited=True,
    )


def _hints(failure: Failure) -> Iterator[str]:
    for way in failure.ways:
        yield (
            f"all could be met with `{way.wish.node}=={way.version}`, which `{way.wish.text}`"
            f" ({way.wish.origin}) does not allow"
        )


class _Story:
    """The facts of one failure, told once each."""

    def __init__(self, offer: Offer, failure: Failure) -> None:
        self._offer = offer
        self._failure = failure
        self._needs = _joined(failure.needs)
        self._told: set[Node] = set()
        self._made: dict[NormalizedName, Sequence[Version]] = {}
        self._demands: dict[NormalizedName, list[VersionRange]] = {}

    def lines(self) -> Iterator[str]:
        order = sorted(self._failure.wishes, key=lambda wish: (wish.text, wish.origin))
        for wish in order:
            self._demand(wish.node, wish.versions)
            yield from self._chain(
                f"`{wish.text}` ({wish.origin})", wish.node, wish.versions, depth=0
            )
        yield from self._ends()

    def _versions(self, project: NormalizedName) -> Sequence[Version]:
        if project not in self._made:
            self._made[project] = self._offer.versions(project)
        return self._made[project]

    def _demand(self, node: Node, versions: VersionRange) -> None:
        ranges = self._demands.setdefault(node.project, [])
        if versions not in ranges:
            ranges.append(versions)

    def _chain(self, subject: str, node: Node, asked: VersionRange, depth: int) -> Iterator[str]:
        """What the versions of a node need, and what these need in turn."""
        # Of a long chain the middle is left out: the end is what clashes.
        indent = "  " * min(depth, MAX_DEPTH + 1)
        needs = [] if node in self._told else self._needs_of(node, asked)
        self._told.add(node)
        if not needs:
            if depth == 0:
                yield subject
            return
        for child, group in _by_child(needs):
            # Versions of one node are alternatives: what they ask for need not hold at once.
            joint = reduce(or_, (need.versions for need in group))
            self._demand(child, joint)
            ends = child in self._told or not self._needs_of(child, joint)
            if depth < MAX_DEPTH or ends:
                yield from self._asked_for(subject, group, asked, indent)
            elif depth == MAX_DEPTH:
                yield f"{indent}…"
            yield from self._chain(f"`{child}`", child, joint, depth + 1)

    def _asked_for(
        self, subject: str, group: Sequence[Need], asked: VersionRange, indent: str
    ) -> Iterator[str]:
        for need in group[:MAX_KINDS]:
            wanted = requirement_text(self._offer, need.child, need.versions)
            yield f"{indent}{subject} needs `{wanted}` ({self._which(need, asked)})"
        rest = len(group) - MAX_KINDS
        if rest > 0:
            yield (
                f"{indent}{subject} needs {rest} other ranges of `{group[0].child}` in other"
                " versions"
            )

    def _needs_of(self, node: Node, asked: VersionRange) -> list[Need]:
        """The needs of versions that are asked for, the newest versions first."""
        versions = self._versions(node.project)
        found = []
        for need in self._needs:
            if need.parent == node:
                live = [item for item in versions if item in asked and item in need.parents]
                if live:
                    found.append((live[-1], need))
        # Whoever needs an extra needs its project too, and one line is enough for both.
        extras = {
            (need.child.project, need.versions) for _, need in found if need.child.extra is not None
        }
        kept = [
            (newest, need)
            for newest, need in found
            if need.child.extra is not None or (need.child.project, need.versions) not in extras
        ]
        kept.sort(key=lambda item: str(item[1].child))
        kept.sort(key=lambda item: item[0], reverse=True)
        return [need for _, need in kept]

    def _which(self, need: Need, asked: VersionRange) -> str:
        """Which versions of the parent a need is true of."""
        every = self._versions(need.parent.project)
        candidates = [item for item in every if item in asked]
        live = [item for item in candidates if item in need.parents]
        name = need.parent.project
        if live != candidates:
            return f"`{name}` {listed(live, every)}"
        if len(live) == 1:
            return f"`{name}` {live[0]}" + (", the only version" if len(every) == 1 else "")
        if len(live) == len(every):
            return f"every version of `{name}`"
        return f"every version of `{name}` from {live[0]} to {live[-1]}"

    def _ends(self) -> Iterator[str]:
        """What it comes to: versions that cannot be used, and projects on which demands clash."""
        lacks: dict[NormalizedName, VersionRange] = {}
        for lack in self._failure.lacks:
            known = lacks.get(lack.project)
            lacks[lack.project] = lack.versions if known is None else known | lack.versions
        said = False
        for project in sorted(self._demands):
            demands = self._demands[project]
            fits = [
                item for item in self._versions(project) if all(item in asked for asked in demands)
            ]
            missing = lacks.get(project)
            if missing is not None:
                lines = list(self._lack(project, missing, fits))
                yield from lines
                said = said or bool(lines)
            if not fits and len(demands) > 1:
                yield f"so no version of `{project}` serves " + (
                    "both" if len(demands) == 2 else "all of them"
                )
                said = True
        if not said:
            yield "so no choice of versions meets them all"

    def _lack(
        self, project: NormalizedName, missing: VersionRange, fits: Sequence[Version]
    ) -> Iterator[str]:
        """Why versions are missing; nothing where the range only spans versions nobody made."""
        every = self._versions(project)
        demands = self._demands[project]
        asked = reduce(or_, demands)
        inside = [item for item in every if item in missing and item in asked]
        reasons = self._offer.obstacles(project, missing & asked)
        wanted = requirement_text(self._offer, Node(project=project), missing & asked)
        if inside:
            yield f"no version of `{wanted}` can be used" + (
                "" if reasons else f" ({listed(inside, every)})"
            )
        elif not every:
            # What is not there at all has one reason, and that is all there is to say.
            yield ": ".join([f"there is no version of `{project}`", *reasons])
            return
        elif not fits and len(demands) == 1:
            yield f"there is no `{wanted}`, only {listed(every, every)}"
        else:
            return
        yield from (f"  {reason}" for reason in reasons)


def _joined(needs: Iterable[Need]) -> list[Need]:
    """Each requirement once: a proof holds it for some versions here and for others there."""
    found: dict[tuple[Node, Node, VersionRange], Need] = {}
    for need in needs:
        key = need.parent, need.child, need.versions
        known = found.get(key)
        found[key] = need if known is None else replace(known, parents=known.parents | need.parents)
    return list(found.values())


def _by_child(needs: Iterable[Need]) -> list[tuple[Node, list[Need]]]:
    groups: dict[Node, list[Need]] = {}
    for need in needs:
        groups.setdefault(need.child, []).append(need)
    return list(groups.items())


def requirement_text(offer: Offer, node: Node, versions: VersionRange) -> str:
    """A range as a requirement, ``lib[x]>=1,<2``; as a list of versions where no specifier says it.

    The list holds versions that exist, and of these the requirement holds those in the range.
    """
    if (~versions).is_empty:
        return str(node)
    if versions.is_empty:
        return f"{node} in versions that exclude each other"
    every = offer.versions(node.project)
    specifiers = versions.to_specifier_set()
    if specifiers is not None:
        return str(node) + _specifier_text(_shorter(specifiers, every))
    inside = [item for item in every if item in versions]
    if len(inside) == 1:
        return f"{node}=={inside[0]}"
    return f"{node} {listed(inside, every)}" if inside else f"{node} in a range without versions"


def _shorter(specifiers: SpecifierSet, every: Sequence[Version]) -> SpecifierSet:
    """``<=3,!=3`` as ``<3``, and ``>=2,!=2.*`` as ``>=3``, where no version makes a difference.

    In general one does: `<3` admits no pre-release of 3, and `>3` no post-release of it (PEP 440,
    "Exclusive ordered comparison").
    """
    for bound, hole in product(specifiers, specifiers):
        if hole.operator == "!=" and bound.operator in ("<=", ">="):
            exclusive = _exclusive(bound, hole)
            if exclusive is None:
                continue
            rest = (one for one in specifiers if one not in (bound, hole))
            shorter = SpecifierSet([*rest, exclusive])
            if _admitted(shorter, every) == _admitted(specifiers, every):
                return _shorter(shorter, every)
    return specifiers


def _exclusive(bound: Specifier, hole: Specifier) -> Specifier | None:
    """A bound without the versions beside it that a ``!=`` leaves out; None if these lie apart."""
    text = hole.version.removesuffix(".*")
    if Version(text) != Version(bound.version):
        return None
    if text == hole.version:
        return Specifier(bound.operator[0] + bound.version)
    if bound.operator == "<=":
        return None
    *before, last = Version(text).release
    return Specifier(f">={'.'.join(map(str, [*before, last + 1]))}")


def _admitted(specifiers: SpecifierSet, every: Sequence[Version]) -> list[Version]:
    return [version for version in every if specifiers.contains(version, prereleases=True)]


def _specifier_text(specifiers: SpecifierSet) -> str:
    """Lower bounds first, as people write them."""
    order = {"~=": 0, "==": 0, "===": 0, ">": 1, ">=": 1, "<": 2, "<=": 2, "!=": 3}
    clauses = sorted(specifiers, key=lambda item: (order[item.operator], str(item)))
    return ",".join(str(clause) for clause in clauses)


def listed(some: Sequence[Version], every: Sequence[Version]) -> str:
    """Versions as runs of what exists: ``1.0 to 1.4, 2.0``; both arguments oldest first."""
    position = {version: index for index, version in enumerate(every)}
    runs: list[list[Version]] = []
    for version in some:
        if runs and position[version] == position[runs[-1][-1]] + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    if len(texts) > MAX_LISTED:
        more = len(texts) - MAX_LISTED
        texts = [*texts[: MAX_LISTED - 1], f"… {more} more …", texts[-1]]
    return ", ".join(texts)
