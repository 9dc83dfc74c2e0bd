"""A lock, whichever tool wrote it: entries with files, and when each of them is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from .artifact import Artifact
from .condition import ALWAYS, Condition, Option, Selection
from .marker import Marker
from .metadata import Metadata, Resolution
from .requirement import Requirement

__all__ = ["Edge", "Lock", "LockEntry", "LockFault", "LockKind", "Place", "PlaceKind"]


class LockKind(StrEnum):
    """The formats that are read, by the tool or the standard they belong to."""

    PYLOCK = "pylock.toml"
    UV = "uv.lock"
    POETRY = "poetry.lock"
    PDM = "pdm.lock"
    PIPFILE = "Pipfile.lock"
    REQUIREMENTS = "requirements.txt"


class PlaceKind(StrEnum):
    """Where an entry's files come from."""

    INDEX = "index"
    ARCHIVE = "archive"
    """One file at an address or path of its own."""
    VCS = "vcs"
    DIRECTORY = "directory"
    """A project in a folder: a workspace member, an editable or a path dependency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an entry's files come from.

    ``location`` is the address of an index, an archive or a repository, or a path (None: the
    configured index); ``revision`` is the commit of a repository, ``requested`` the branch, tag or
    commit that was asked for, ``subdirectory`` the folder of the project in the repository.
    """

    kind: PlaceKind = PlaceKind.INDEX
    location: str | None = None
    revision: str | None = None
    editable: bool = False
    requested: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One dependency as the lock records it.

    ``of_extra`` is the extra of the parent that brings it (None: the parent itself); ``extras`` are
    what it asks of the child; ``version`` and ``location`` tell entries of one name apart where the
    lock does so.
    """

    project: NormalizedName
    condition: Condition = ALWAYS
    extras: frozenset[NormalizedName] = frozenset()
    of_extra: NormalizedName | None = None
    version: Version | None = None
    location: str | None = None
    requirement: Requirement | None = None
    """The requirement as the lock repeats it, for locks that do (PDM, Poetry)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEntry:
    """One entry of a lock.

    ``origin`` is ``file:line``. ``condition`` says where it is installed by itself; in a lock that
    is walked from its roots (``Lock.walked``) it only limits that. ``files`` are the wheels and
    sdists that the entry lists, an empty ``url`` where it gives no address; ``digests`` are hashes
    (``sha256:…``) that belong to no named file. ``complete`` is False where the files are not
    listed and have to be looked up. ``requirement`` is what the lock itself says of a project that
    has no file (a workspace member), ``recorded`` the sha256 of metadata by file name.
    """

    project: NormalizedName
    version: Version | None
    origin: str
    condition: Condition = ALWAYS
    requires_python: SpecifierSet | None = None
    files: tuple[Artifact, ...] = ()
    digests: frozenset[str] = frozenset()
    complete: bool = True
    place: Place = Place()
    edges: tuple[Edge, ...] = ()
    root: bool = False
    own: Resolution | None = None
    recorded: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    extras: frozenset[NormalizedName] = frozenset()
    """Extras of it that are installed with it, as a pinned line `requests[socks]==2` asks."""
    promise: str | None = None
    """Why the dependencies of its sdist are known, as `trueup lock` wrote it."""

    @property
    def title(self) -> str:
        return f"{self.project} {self.version}" if self.version is not None else self.project


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFault:
    """Something in a lock that its format does not allow: where, what was found, what it should be."""

    origin: str
    key: str
    found: str
    expected: str
    project: NormalizedName | None = None
    version: Version | None = None
    tolerated: bool = False
    """Whether the format says that it is read all the same, with a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """All that a lock says.

    ``walked`` tells how its tool installs: True follows edges from the entries that are ``root``,
    False installs every entry whose condition holds. ``environments`` are the markers that it
    claims to cover (empty: everything that ``requires_python`` admits); ``options`` are the extras
    and groups that can be chosen, ``default`` those that are unless the user says otherwise,
    ``conflicts`` sets of options of which at most one can be chosen. ``overrides`` replace what
    files ask of a project, ``indexes`` are addresses the lock names, asked in this order.
    """

    kind: LockKind
    path: str
    entries: tuple[LockEntry, ...]
    walked: bool = False
    requires_python: SpecifierSet | None = None
    environments: tuple[Marker, ...] = ()
    options: frozenset[Option] = frozenset()
    default: Selection = frozenset()
    conflicts: tuple[frozenset[Option], ...] = ()
    overrides: tuple[Requirement, ...] = ()
    excluded: frozenset[NormalizedName] = frozenset()
    """Projects that the lock leaves out on purpose."""
    given: Mapping[tuple[NormalizedName, Version | None], Metadata] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Metadata that the user gave in the place of the files' own (uv's `dependency-metadata`)."""
    made_for: SpecifierSet | None = None
    """The Pythons that a lock without ``requires_python`` was made for; it may serve others."""
    indexes: tuple[str, ...] = ()
    faults: tuple[LockFault, ...] = ()
    targets: tuple[str, ...] = ()
    """The targets that `trueup lock` recorded, in the grammar of `model/target.py`."""
    roots: tuple[str, ...] = ()
    """What the user asked `trueup lock` for, as written."""
    option_roots: tuple[tuple[Option, str], ...] = ()
    """The same where an extra or group of the project is chosen."""
    complete_roots: bool = True
    """Whether everything that its project asks for is known: a lone `poetry.lock` does not tell."""

    def by_project(self) -> dict[NormalizedName, tuple[LockEntry, ...]]:
        """The entries of each project, in the order of the lock."""
        found: dict[NormalizedName, list[LockEntry]] = {}
        for entry in self.entries:
            found.setdefault(entry.project, []).append(entry)
        return {project: tuple(entries) for project, entries in found.items()}

    def selections(self) -> Iterator[Selection]:
        """The choices of options that are worth looking at, each once, the default first.

        The default, every option together with it, and all together where none conflict.
        """
        seen: set[Selection] = set()
        options = sorted(self.options, key=lambda option: option.sort_key)
        candidates = [self.default]
        candidates += (self._without_rivals(self.default, one) | {one} for one in options)
        everything: set[Option] = set()
        for option in options:
            if not any(option in group and everything & group for group in self.conflicts):
                everything.add(option)
        candidates.append(frozenset(everything))
        for selection in candidates:
            if selection not in seen:
                seen.add(selection)
                yield selection

    def _without_rivals(self, selection: Selection, option: Option) -> Selection:
        rivals = {rival for group in self.conflicts if option in group for rival in group}
        return selection - rivals
