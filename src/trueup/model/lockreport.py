"""What `verify` says of a lock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .finding import Finding, Severity

__all__ = ["ChainLink", "LockReport", "LockVerdict", "NotProven", "VerifyReport"]


class LockVerdict(Enum):
    """Does the lock install what its files ask for."""

    SOUND = "sound"
    NOT_PROVEN = "not proven"
    """Nothing is known to be wrong, and not everything could be looked at."""
    UNSOUND = "unsound"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotProven:
    """A file that would be installed and whose dependencies are unknown: neither right nor wrong.

    ``where`` are the environments, ``reason`` says why (an sdist that promises nothing).
    """

    project: str
    version: str
    file: str
    where: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One step of the way from a root to a package: who asks, by which file, with what words."""

    parent: str
    file: str | None
    requirement: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """The judgement on one lock.

    ``targets`` are the environments it was judged for, ``files`` how many files some target would
    pick, ``read`` how many of these were read; ``failures`` are (what, why) that could not be
    judged; ``workarounds`` are (what it is for, the text to paste).
    """

    path: str
    kind: str
    targets: tuple[str, ...]
    entries: int
    files: int
    read: int
    findings: tuple[Finding, ...]
    not_proven: tuple[NotProven, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    workarounds: tuple[tuple[str, str], ...] = ()
    known: int = 0
    """Findings left out because an older lock, or the baseline, has them too."""

    @property
    def verdict(self) -> LockVerdict:
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            return LockVerdict.UNSOUND
        if self.not_proven or self.failures:
            return LockVerdict.NOT_PROVEN
        return LockVerdict.SOUND

    def worst(self) -> Severity | None:
        """The heaviest severity found, None if nothing was."""
        severities = (finding.severity for finding in self.findings)
        return max(severities, key=lambda item: item.rank, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The judgement on all locks of a run; ``unread`` are (lock, why) that could not be judged."""

    locks: tuple[LockReport, ...]
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for lock in self.locks for finding in lock.findings)

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Everything that could not be judged: whole locks, and parts of the others."""
        return (*self.unread, *(failure for lock in self.locks for failure in lock.failures))

    @property
    def not_proven(self) -> tuple[NotProven, ...]:
        return tuple(item for lock in self.locks for item in lock.not_proven)

    @property
    def known(self) -> int:
        """Findings left out of all locks."""
        return sum(lock.known for lock in self.locks)

    def worst(self) -> Severity | None:
        """The heaviest severity found, None if nothing was."""
        severities = (finding.severity for finding in self.findings)
        return max(severities, key=lambda item: item.rank, default=None)
