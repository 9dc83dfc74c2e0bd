"""What a user asks `trueup lock` for, parsed and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from .condition import Condition, Option, Selection
from .lock import Place
from .metadata import Resolution
from .requirement import Requirement
from .target import Target

__all__ = [
    "EVERYTHING",
    "Irreconcilable",
    "LocalProject",
    "LockRequest",
    "Prereleases",
    "Root",
    "Strategy",
]


class Strategy(StrEnum):
    """Which versions are preferred."""

    ALIGNED = "aligned"
    """The newest, and the same in all targets where possible."""
    NEWEST = "newest"
    """The newest that each target can have."""
    LOWEST = "lowest"


class Irreconcilable(StrEnum):
    """What to do where no marker can tell wheels of different dependencies apart."""

    KEEP = "keep"
    """Keep the wheels of one class, leave the others out."""
    REFUSE = "refuse"
    UNION = "union"
    """Lock what any of them asks for: some environments get more than they need."""


class Prereleases(StrEnum):
    """When pre-releases are candidates (PEP 440, "Handling of pre-releases").

    One policy for a whole resolution, as uv has it: whether a project's pre-releases count does not
    depend on what else was found on the way.
    """

    IF_NECESSARY = "if-necessary"
    """Where the user's own requirements name one, or the project has nothing else."""
    ALLOW = "allow"
    DISALLOW = "disallow"


EVERYTHING = "*"
"""Stands for all projects in a set of names, as pip's `:all:` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """One requirement of the user: what, when chosen by which option (None: always), from where."""

    requirement: Requirement
    origin: str
    option: Option | None = None
    editable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProject:
    """A project in a folder, or in one of a repository, that the lock installs from there.

    ``path`` is relative to the lock's folder, or to the ``repository``, a commit of which it is in;
    ``requires_dist`` is None where only a build would tell (its dependencies are dynamic), and
    ``built`` says that one told.
    """

    project: NormalizedName
    path: str
    version: Version | None
    requires_dist: tuple[Requirement, ...] | None
    provides_extra: frozenset[NormalizedName]
    requires_python: SpecifierSet | None = None
    editable: bool = False
    repository: Place | None = None
    built: bool = False

    @property
    def resolution(self) -> Resolution | None:
        """What it asks for; None where only a build would tell."""
        if self.requires_dist is None:
            return None
        return Resolution(
            requires_dist=frozenset(self.requires_dist),
            requires_python=self.requires_python,
            provides_extra=self.provides_extra,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """Everything that decides a lock, besides what the indexes say.

    Names in ``only_binary``, ``allow_build``, ``upgrade`` and ``prerelease_projects`` may be
    EVERYTHING. ``indexes`` are addresses in order (empty: the configured ones), ``assigned`` the
    index address from which a project must come, ``assigned_by_option`` the same where an option is
    chosen (torch for the CPU from one index, for CUDA from another). ``preferred`` are the versions
    of the lock that exists already and the conditions of their entries, ``preferred_by_profile``
    the same of each of its profiles where it has several, ``commits`` its places in repositories.
    """

    roots: tuple[Root, ...]
    targets: tuple[Target, ...]
    project: NormalizedName | None = None
    requires_python: SpecifierSet | None = None
    default: Selection = frozenset()
    conflicts: tuple[frozenset[Option], ...] = ()
    constraints: tuple[Requirement, ...] = ()
    overrides: tuple[Requirement, ...] = ()
    excluded: frozenset[NormalizedName] = frozenset()
    local: tuple[LocalProject, ...] = ()
    strategy: Strategy = Strategy.ALIGNED
    irreconcilable: Irreconcilable = Irreconcilable.KEEP
    prereleases: Prereleases = Prereleases.IF_NECESSARY
    prerelease_projects: frozenset[str] = frozenset()
    exclude_newer: datetime | None = None
    only_binary: frozenset[str] = frozenset()
    allow_build: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    assigned: Mapping[NormalizedName, str] = field(default_factory=lambda: MappingProxyType({}))
    assigned_by_option: Mapping[Option, Mapping[NormalizedName, str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    preferred: Mapping[NormalizedName, Mapping[Version, tuple[Condition, ...]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    preferred_by_profile: Mapping[
        str, Mapping[NormalizedName, Mapping[Version, tuple[Condition, ...]]]
    ] = field(default_factory=lambda: MappingProxyType({}))
    commits: Mapping[NormalizedName, Place] = field(default_factory=lambda: MappingProxyType({}))
    require_all_targets: bool = False

    @property
    def options(self) -> frozenset[Option]:
        """The extras and groups that the roots belong to."""
        return frozenset(root.option for root in self.roots if root.option is not None)
