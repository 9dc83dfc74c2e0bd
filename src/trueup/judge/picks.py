"""Which file of each lock entry an installer takes, at every point of a space at once.

PEP 751, "Installing": the entry's own list is all that an installer looks at: the best wheel by
tags, else the sdist. Unlike on an index page there is no `requires-python` to filter by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from trueup.judge.choice import Candidate, choose, page_specifiers
from trueup.judge.promise import case_of
from trueup.model.artifact import Artifact, WheelName
from trueup.model.finding import Case
from trueup.model.lock import Lock, LockEntry, LockKind, PlaceKind
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.release import Reading, ReleaseFile
from trueup.model.space import Space, union

__all__ = ["FileKey", "Group", "Pick", "Readings", "groups_of", "key_of", "picks_of", "sdist_says"]

FileKey = tuple[str, str]
Readings = Mapping[FileKey, Reading]
"""What was read of files, by :func:`key_of`."""

_FILTERED = (LockKind.PIPFILE, LockKind.REQUIREMENTS)
"""Formats whose installer looks the files up on an index page, and heeds what that says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One file of an entry and the points where an installer takes it from the entry's list."""

    artifact: Artifact
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The picks of an entry that say the same, and where one of them is taken.

    ``said`` are their resolution fields, or why they are unknown; no ``files`` where the lock
    itself says it (a project in a folder).
    """

    said: Resolution | Unreadable
    files: tuple[Artifact, ...]
    points: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.filename for file in self.files)

    @property
    def is_sdist(self) -> bool:
        return any(file.is_sdist for file in self.files)


def key_of(artifact: Artifact) -> FileKey:
    """What tells files of a lock apart: two indexes may have files of one name."""
    return artifact.filename, artifact.url


def picks_of(lock: Lock, space: Space, within: int) -> tuple[tuple[Pick, ...], ...]:
    """For each entry of the lock the files that are taken somewhere ``within`` these points."""
    return tuple(_picks(entry, lock.kind, space, within) for entry in lock.entries)


def _picks(entry: LockEntry, kind: LockKind, space: Space, within: int) -> tuple[Pick, ...]:
    wheels = [file for file in entry.files if isinstance(file.name, WheelName)]
    choice = choose(space, [_candidate(file, kind) for file in wheels])
    picks = [
        Pick(artifact=file, points=points & within)
        for file, points in zip(wheels, choice.chosen, strict=True)
        if points & within
    ]
    left = within & ~union(choice.chosen)
    sdists = [file for file in entry.files if file.is_sdist]
    if left and sdists:
        # Several formats of one sdist are one source; installers prefer the standard one.
        best = min(sdists, key=lambda file: (not file.filename.endswith(".tar.gz"), file.filename))
        picks.append(Pick(artifact=best, points=left))
    return tuple(picks)


def _candidate(file: Artifact, kind: LockKind) -> Candidate:
    name = file.name
    assert isinstance(name, WheelName)
    page = page_specifiers(file) if kind in _FILTERED else None
    return Candidate(tags=name.tags, build=name.build, page_requires_python=page)


def groups_of(
    lock: Lock, entry: LockEntry, picks: Iterable[Pick], readings: Readings, within: int
) -> tuple[Group, ...]:
    """The picks of one entry, those together that say the same.

    Where the entry has no files (a folder, a repository) one group stands for what the lock itself
    says of it, everywhere ``within``.
    """
    given = lock.given.get((entry.project, entry.version)) or lock.given.get((entry.project, None))
    if given is not None:
        own: Resolution | Unreadable | None = given.resolution
    else:
        own = entry.own
    picks = tuple(picks)
    if not picks and entry.place.kind in (PlaceKind.DIRECTORY, PlaceKind.VCS):
        said = own if own is not None else Unreadable(reason="is built from its source")
        return (Group(said=said, files=(), points=within),)
    if not picks and entry.version is None:
        unpinned = Unreadable(reason="is not pinned to one version")
        return (Group(said=unpinned, files=(), points=within),)
    found: dict[Resolution | Unreadable, Group] = {}
    for pick in picks:
        if given is not None and own is not None:
            said = own
        else:
            said = _said(entry, pick.artifact, readings.get(key_of(pick.artifact)))
        known = found.get(said)
        if known is None:
            found[said] = Group(said=said, files=(pick.artifact,), points=pick.points)
        else:
            found[said] = replace(
                known, files=(*known.files, pick.artifact), points=known.points | pick.points
            )
    return tuple(found.values())


def _said(entry: LockEntry, file: Artifact, reading: Reading | None) -> Resolution | Unreadable:
    if reading is None:
        return Unreadable(reason="was not read")
    if not file.is_sdist:
        return reading.resolution
    if entry.own is not None and entry.promise is not None:
        return entry.own
    return sdist_says(ReleaseFile(artifact=file, reading=reading))


def sdist_says(sdist: ReleaseFile) -> Resolution | Unreadable:
    """What any wheel built from an sdist will ask for, as far as the sdist promises it.

    Static fields (PEP 643) say it; a declaration adds what a build may add, all of which counts.
    """
    reading = sdist.reading
    said = reading.resolution
    if isinstance(said, Unreadable):
        return said
    case = case_of((sdist,), (), "requires-dist")
    if case is Case.STATIC:
        return said
    declaration = reading.declaration
    if case is Case.LEGACY or declaration is None or isinstance(declaration, Unreadable):
        return Unreadable(reason=_UNKNOWN[case])
    if not declaration.may_add or declaration.as_built:
        return Unreadable(reason=_UNKNOWN[case])
    return replace(said, requires_dist=said.requires_dist | frozenset(declaration.may_add))


_UNKNOWN = {
    Case.LEGACY: "its metadata is older than 2.2 and promises nothing (PEP 643)",
    Case.DYNAMIC: "its `Requires-Dist` is dynamic: only a build tells (PEP 643)",
    Case.APPEND_ONLY: "a build may add to its `Requires-Dist` (PEP 808)",
}
