"""Libraries that move out of wheels: what moves where, and what is then asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

from .library import Distribution

__all__ = ["CompanionPlan", "PlatformPlan", "Refusal", "SplitWheel"]


@dataclass(frozen=True, kw_only=True)
class SplitWheel:
    """A wheel that is to be split: ``bundled`` are the members of its folders of libraries, each
    with its sha256 in hexadecimal; ``mentions`` are text members that name such a folder.
    """

    distribution: Distribution
    bundled: Mapping[str, str]
    mentions: tuple[str, ...] = ()


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
    companion without libraries that serves all other platforms.
    """

    platform: str
    tags: tuple[str, ...]
    wheels: tuple[SplitWheel, ...]
    moves: Mapping[str, str]


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
