"""What a judgement says: findings with their evidence, and the report on a release."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

__all__ = [
    "Advice",
    "Case",
    "Evidence",
    "FieldReport",
    "FileReport",
    "FileStatus",
    "Finding",
    "Merged",
    "ReleaseClass",
    "ReleaseReport",
    "Report",
    "Severity",
    "Variant",
    "Witness",
]


class Severity(StrEnum):
    """How much a finding weighs; the values order from light to heavy by ``rank``."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return ("info", "warning", "error").index(self.value)


class ReleaseClass(Enum):
    """Do the wheels of a release agree (model, "Four classes of a release")."""

    IDENTICAL = "identical"
    UNIFORM = "uniform"
    MERGEABLE = "mergeable"
    IRRECONCILABLE = "irreconcilable"
    UNKNOWN = "unknown"
    """The environment space is too large to decide."""

    @property
    def rank(self) -> int:
        return list(ReleaseClass).index(self)


class Case(Enum):
    """What the sdist promises for one field (model, "The sdist's promise")."""

    STATIC = "static"
    APPEND_ONLY = "append-only"
    DYNAMIC = "dynamic"
    NO_SDIST = "no sdist"
    LEGACY = "legacy"


class Advice(Enum):
    """What a consumer of the release may do."""

    READ_ONE = "read one"
    PER_TARGET = "per target"
    UNKNOWN = "unknown"


class FileStatus(StrEnum):
    """What part a file plays in its release."""

    CHOSEN = "chosen"
    SHADOWED = "shadowed"
    UNREACHABLE = "unreachable"
    YANKED = "yanked"
    SDIST = "sdist"
    UNREAD = "unread"
    OTHER = "other"
    OUTSIDE = "outside"
    """Chosen in no environment that was asked for."""
    UNDECIDED = "undecided"
    """The environments are too many to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one file (or several that say the same) says about the matter of a finding.

    ``where`` is the part of the environments that only this evidence holds for, such as
    ``glibc ≥ 2.28``; ``says`` lists what is not common to all evidence, possibly nothing.
    """

    files: tuple[str, ...]
    says: tuple[str, ...] = ()
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, or one thing worth knowing, with everything needed to check it by hand.

    ``field`` is the core metadata field in its usual spelling, ``where`` the environment,
    ``origin`` the ``file:line`` of what it is about, where that stands in a file of lines.
    """

    code: str
    severity: Severity
    project: str
    version: str
    message: str
    evidence: tuple[Evidence, ...] = ()
    where: str | None = None
    field: str | None = None
    hint: str | None = None
    origin: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for item in self.evidence for name in item.files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """An environment in which the difference shows, complete enough to repeat by hand.

    ``environment`` holds values for all marker variables; ``requirements`` are what the first and
    the second file ask for there (with ``extra`` for that extra). For a class below
    `irreconcilable` the second file is one that a tool which reads one file could have read
    instead; for `irreconcilable` both are chosen, in environments that differ in ``tag_parts``.
    """

    environment: tuple[tuple[str, str], ...]
    tag_parts: tuple[str, str]
    files: tuple[str, str]
    values: tuple[tuple[str, ...], tuple[str, ...]]
    field: str
    extra: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Files that say the same in one field, what they say, and where they are chosen."""

    files: tuple[str, ...]
    values: tuple[str, ...]
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """One field across the files: its class among wheels, the sdist's promise, the variants."""

    field: str
    release_class: ReleaseClass | None
    case: Case
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file: its status, how its metadata was read, and its digest (sha256)."""

    filename: str
    status: FileStatus
    how: str
    verified: bool
    digest: str | None = None
    reason: str | None = None
    variant_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The one metadata that serves all wheels, verified against each where it is chosen.

    ``residue`` says in words which rare environments it leaves out (None: none);
    ``notes`` tell what else it would change.
    """

    requires_dist: tuple[str, ...]
    requires_python: str | None
    provides_extra: tuple[str, ...]
    residue: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReport:
    """The judgement on one release.

    ``at_least`` says that something was unread, so the class is a lower bound; ``only_in`` names
    the rare environments to which the conflicts of an `irreconcilable` release are confined.
    """

    project: str
    version: str
    origin: str
    release_class: ReleaseClass
    at_least: bool
    advice: Advice
    advice_reason: str
    files: tuple[FileReport, ...]
    fields: tuple[FieldReport, ...]
    findings: tuple[Finding, ...]
    witnesses: tuple[Witness, ...] = ()
    merged: Merged | None = None
    only_in: str | None = None
    class_reason: str | None = None
    workarounds: tuple[tuple[str, str], ...] = ()
    """Ready-to-paste remedies for users: (what it is for, the text)."""

    @property
    def class_words(self) -> str:
        """The class as a reader wants it: ``at least mergeable``, ``irreconcilable (only …)``."""
        words = self.release_class.value
        if self.release_class is ReleaseClass.UNKNOWN and self.class_reason:
            words += f" ({self.class_reason})"
        if self.only_in:
            words += f" (only {self.only_in})"
        return f"at least {words}" if self.at_least else words


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The judgement on everything that was asked for; ``failures`` are what could not be judged."""

    releases: tuple[ReleaseReport, ...]
    failures: tuple[tuple[str, str], ...] = ()
    known: int = 0
    """Findings left out because the baseline file knows them."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for release in self.releases for finding in release.findings)

    def worst(self) -> Severity | None:
        """The heaviest severity found, None if nothing was."""
        return max(_severities(self.findings), key=lambda item: item.rank, default=None)


def _severities(findings: Iterable[Finding]) -> list[Severity]:
    return [finding.severity for finding in findings]
