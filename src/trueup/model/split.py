"""Libraries that move out of wheels: what moves where, and what is then asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

from .library import Distribution, NativeFile

__all__ = [
    "CompanionPlan",
    "PlatformPlan",
    "Refusal",
    "Relink",
    "SharedConsumer",
    "SharedLibrary",
    "SharedPlan",
    "SplitWheel",
]


@dataclass(frozen=True, kw_only=True)
class SplitWheel:
    """A wheel that is to be split: ``bundled`` are the members of its folders of libraries, each
    with its sha256 in hexadecimal; ``mentions`` are text members that name such a folder.

    ``members`` are the names of all members, ``requires`` the projects that its metadata asks for;
    ``pure`` is its Root-Is-Purelib, which decides the folder that it is installed into.
    """

    distribution: Distribution
    bundled: Mapping[str, str]
    mentions: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    requires: frozenset[NormalizedName] = frozenset()
    pure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nothing is written: a sentence, the files that it is about, and what would help."""

    reason: str
    files: tuple[str, ...] = ()
    hint: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlatformPlan:
    """The companion wheel of one platform.

    ``tags`` are platform tags of all its wheels; ``moves`` maps the member names in the wheels to
    those in the companion (the same where nothing may be renamed). ``wheels`` is empty for the
    companion without libraries that serves all other platforms. ``pure`` is Root-Is-Purelib.
    """

    platform: str
    tags: tuple[str, ...]
    wheels: tuple[SplitWheel, ...]
    moves: Mapping[str, str]
    pure: bool = False


@dataclass(frozen=True, kw_only=True)
class CompanionPlan:
    """How one release is split.

    ``plain`` are wheels that bundle nothing; ``reused`` tells that the companion of an earlier
    release, whose version ``companion_version`` then is, still serves.
    """

    project: NormalizedName
    version: Version
    companion: NormalizedName
    companion_version: Version
    platforms: tuple[PlatformPlan, ...]
    plain: tuple[SplitWheel, ...] = ()
    reused: bool = False

    @property
    def wheels(self) -> tuple[tuple[SplitWheel, Mapping[str, str]], ...]:
        """Every wheel of the release, with what moves out of it."""
        moved = [(wheel, plan.moves) for plan in self.platforms for wheel in plan.wheels]
        return (*moved, *((wheel, {}) for wheel in self.plain))

    @property
    def requirement(self) -> str:
        """What every wheel of the release asks for."""
        return f"{self.companion}=={self.companion_version}"


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedLibrary:
    """One library that several projects are to use.

    ``project`` is its wheel's, named by its ABI id; ``path`` and ``soname`` are what it is called
    there; ``kept`` is the copy that is kept, which ``owner`` brings. ``levels`` tell on what
    evidence it stands in for the copy of each project, ``asserted`` for which of them by a
    human's word.
    """

    library: str
    abi: str
    project: str
    version: Version
    path: str
    soname: str
    kept: NativeFile
    owner: Distribution
    levels: Mapping[str, str]
    asserted: Mapping[str, str]
    tags: tuple[str, ...]
    existing: bool = False
    """Whether the wheel of it is there already, and is used as it is."""

    @property
    def requirement(self) -> str:
        """What every wheel that uses it asks for."""
        return f"{self.project}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class Relink:
    """How one file is changed: sonames that it asks for, and its search path afterwards.

    ``search`` is the whole path in order; ``name`` is its own new soname.
    """

    path: str
    needed: Mapping[str, str]
    search: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class SharedConsumer:
    """A wheel that uses shared libraries instead of its own copies.

    ``dropped`` maps the paths of its copies to the libraries that take their place; ``symbols``
    are those that it takes from each library, by the library's path, ``packages`` the folders of
    its modules that load one.
    """

    distribution: Distribution
    version: Version
    dropped: Mapping[str, SharedLibrary]
    relinks: tuple[Relink, ...]
    symbols: Mapping[str, tuple[str, ...]]
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SharedPlan:
    """The libraries that are shared, and the wheels that use them."""

    libraries: tuple[SharedLibrary, ...]
    consumers: tuple[SharedConsumer, ...]
    relinked: Mapping[str, Relink]
    """How each kept library is changed, by its path in its owner's wheel."""
