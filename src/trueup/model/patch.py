"""What a redistributor changes in upstream's metadata, release after release: the patch ledger.

Everything that no operation names is taken from upstream as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from .requirement import Requirement

__all__ = [
    "Application",
    "Content",
    "Drift",
    "DriftKind",
    "Effect",
    "Field",
    "FieldOperation",
    "Ledger",
    "Outcome",
    "Patch",
    "RequirementOperation",
    "Selector",
    "Verb",
]


class Verb(StrEnum):
    """What can be done to a requirement, in the words that Linux packagers use."""

    DROP_UPPER = "drop-upper"
    DROP_LOWER = "drop-lower"
    SET_UPPER = "set-upper"
    SET_LOWER = "set-lower"
    DROP_PREEMPTIVE = "drop-preemptive"
    SET_MARKER = "set-marker"
    MOVE_TO_EXTRA = "move-to-extra"
    REPLACE = "replace"
    REMOVE = "remove"
    ADD = "add"


class Field(StrEnum):
    """What else can be set or removed."""

    REQUIRES_PYTHON = "requires-python"
    SUMMARY = "summary"
    LICENSE = "license"
    LICENSE_EXPRESSION = "license-expression"
    DESCRIPTION = "description"
    EXTRAS = "extras"
    ENTRY_POINTS = "entry-points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which lines of `Requires-Dist` an operation means.

    All lines of the project; with ``extras`` only those that ask for exactly these, with
    ``marker`` (in `packaging`'s spelling) only those under exactly this marker.
    """

    project: NormalizedName
    extras: frozenset[NormalizedName] | None = None
    marker: str | None = None

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        marker = f"; {self.marker}" if self.marker else ""
        return f"{self.project}{extras}{marker}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementOperation:
    """One operation on requirements.

    ``value`` is the bound (`<3`), the marker, the extra, or the new requirement; None for the
    operations that need none. A ``selector`` of None (`drop-preemptive` only) means every project
    that upstream names.
    """

    verb: Verb
    selector: Selector | None
    value: str | None = None

    def __str__(self) -> str:
        match self.verb:
            case Verb.SET_UPPER | Verb.SET_LOWER:
                return f"{self.verb} {self.selector} to {self.value}"
            case Verb.REPLACE:
                return f"replace {self.selector} by {self.value}"
            case Verb.SET_MARKER:
                return f"set-marker of {self.selector} to {self.value or 'none'}"
            case Verb.MOVE_TO_EXTRA:
                return f"move-to-extra {self.selector} to {self.value}"
            case Verb.ADD:
                return f"add {self.value}"
            case _:
                return f"{self.verb} {self.selector or 'of all that upstream names'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOperation:
    """Set one field, one extra or one entry point to ``value``; None removes it.

    ``name`` is the extra, or the entry point as ``(group, name)``; ``expects`` is the value that
    upstream had when the patch was written (single-valued fields only).
    """

    field: Field
    value: str | None
    name: tuple[str, ...] = ()
    expects: str | None = None

    def __str__(self) -> str:
        what = " ".join((self.field.value, *self.name))
        if self.value is None:
            return f"remove {what}"
        if self.field is Field.DESCRIPTION:
            return "set description"
        return f"set {what}" if self.field is Field.EXTRAS else f"set {what} to {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One change, why it is made, for which releases, and until when.

    ``number`` counts from 1 in the file. ``until`` is the last day, or the versions from which on
    the patch should be gone. ``expects`` are upstream's lines for the projects that they name.
    """

    number: int
    project: NormalizedName
    reason: str
    operations: tuple[RequirementOperation | FieldOperation, ...]
    versions: SpecifierSet = field(default_factory=SpecifierSet)
    until: date | SpecifierSet | None = None
    expects: tuple[Requirement, ...] = ()
    accept_drift: bool = False

    def covers(self, project: NormalizedName, version: Version) -> bool:
        """Whether the patch is for this release."""
        return project == self.project and self.versions.contains(version, prereleases=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All patches of one file, in its order."""

    patches: tuple[Patch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The parts of one artifact's metadata that a ledger may change, as written.

    ``description`` is the body of the file (or the old header), ``entry_points`` the text of
    `entry_points.txt`; None where there is none.
    """

    project: NormalizedName
    version: Version
    metadata_version: tuple[int, int]
    requires_dist: tuple[str, ...] = ()
    provides_extra: tuple[str, ...] = ()
    requires_python: str | None = None
    summary: str | None = None
    license: str | None = None
    license_expression: str | None = None
    description: str | None = None
    entry_points: str | None = None


class Outcome(StrEnum):
    """What became of one operation."""

    CHANGED = "changed"
    ALREADY = "already so"
    NO_MATCH = "nothing matches"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one operation did: the lines or values it met, and what they became."""

    patch: int
    operation: str
    outcome: Outcome
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reason: str | None = None


class DriftKind(StrEnum):
    """How a patch and upstream have come apart."""

    NO_MATCH = "no-match"
    """Nothing that it names is there."""
    NOT_NEEDED = "not-needed"
    """Upstream did the same."""
    CHANGED_UPSTREAM = "changed-upstream"
    """It would now hit something else than what it was written against."""
    EXPIRED = "expired"
    """It is past its `until`."""
    IMPOSSIBLE = "impossible"
    """What it asks for cannot be written, or contradicts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One way in which one patch (0: the ledger as a whole) no longer fits, in words."""

    patch: int
    kind: DriftKind
    message: str
    hint: str
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A ledger applied to one artifact.

    ``left_out`` are the numbers of the patches for this project but other versions.
    """

    before: Content
    after: Content
    effects: tuple[Effect, ...]
    drift: tuple[Drift, ...]
    left_out: tuple[int, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all drift is accepted."""
        return all(item.accepted for item in self.drift)
