"""What `env` says of an installed environment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .finding import Finding, Severity
from .installed import InstalledDistribution, InstalledEnvironment
from .wheelcache import CachedBuild

__all__ = ["InstalledReport", "Origin", "OriginKind"]


class OriginKind(Enum):
    """What is known of the file that a distribution was installed from."""

    PUBLISHED = "published"
    """RECORD is that of a published file."""
    RENAMED = "published under another name"
    LOCAL_BUILD = "local build"
    """The name is that of a published file, the content is not."""
    REPACKAGED = "repackaged"
    """Another package manager brought it."""
    DIRECT = "direct"
    """From an address, a folder, or a repository."""
    UNKNOWN = "unknown"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a distribution came from, and how that is known.

    ``filename`` is the published file that it is, or claims to be; ``changed`` are the fields of
    METADATA that differ from that file's, each with (published, installed) values; ``explained``
    are those that a patch ledger accounts for.
    """

    distribution: InstalledDistribution
    kind: OriginKind
    known_by: str
    filename: str | None = None
    changed: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    explained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledReport:
    """The judgement on one environment; ``failures`` are what could not be looked at, and why."""

    environment: InstalledEnvironment
    findings: tuple[Finding, ...]
    failures: tuple[tuple[str, str], ...] = ()
    origins: tuple[Origin, ...] = ()
    lock: str | None = None
    """The lock that it was compared with."""
    known: int = 0
    """Findings left out because the baseline file knows them."""
    builds: tuple[CachedBuild, ...] | None = None
    """The wheels in the caches of installers; None if that was not asked."""

    def worst(self) -> Severity | None:
        """The heaviest severity found, None if nothing was."""
        return max((one.severity for one in self.findings), key=lambda one: one.rank, default=None)
