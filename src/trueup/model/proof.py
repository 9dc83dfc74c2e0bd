"""What building an sdist several times shows: conditions, runs, and the verdict on each field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .finding import Case
from .metadata import Metadata, Unreadable

__all__ = [
    "Beginning",
    "Cause",
    "Comparison",
    "Condition",
    "Culprit",
    "Difference",
    "FieldProof",
    "Installed",
    "Proof",
    "Run",
    "Saying",
    "Standing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What was changed for a run, and to what; ``simulated`` where Python was only told so.

    ``baseline`` and ``again`` change nothing.
    """

    name: str
    value: str | None = None
    simulated: bool = False

    @property
    def label(self) -> str:
        return self.name if self.value is None else f"{self.name} {self.value}"

    @property
    def changes(self) -> bool:
        return self.name not in ("baseline", "again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One distribution in a build environment; ``sha256`` is that of its wheel, if known."""

    name: str
    version: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One build under one condition: the metadata it gave, or why there is none.

    ``python`` is the full version; ``seconds`` is wall-clock time in the sandbox; ``wheel`` is the
    file name and sha256 of a wheel that was built as a whole (None: only metadata was asked for).
    """

    condition: Condition
    metadata: Metadata | Unreadable
    python: str
    installed: tuple[Installed, ...] = ()
    seconds: float = 0.0
    wheel: tuple[str, str] | None = None


class Standing(StrEnum):
    """The verdict on one field, from good to bad."""

    REPRODUCIBLE = "reproducible"
    DECLARED = "varies as declared"
    VARIES = "varies"
    BEYOND = "beyond its declaration"
    BROKEN = "broken promise"

    @property
    def holds(self) -> bool:
        return self in (Standing.REPRODUCIBLE, Standing.DECLARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What one run says of a field beside another: items that are more, items that are missing."""

    label: str
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """With what a field varies; ``name`` is the condition's, or `nothing` where identical runs
    differ. ``sayings`` compare with the baseline.
    """

    name: str
    sayings: tuple[Saying, ...]
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProof:
    """The verdict on one field (lower-cased name).

    ``broken`` compares built metadata with PKG-INFO where that promised something; ``beyond`` are
    requirements that `may-add` does not allow; ``respelled`` are conditions under which the same is
    only written differently.
    """

    field: str
    case: Case
    standing: Standing
    causes: tuple[Cause, ...] = ()
    broken: tuple[Saying, ...] = ()
    beyond: tuple[str, ...] = ()
    respelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """A line that is the likely reason why a field is not reproducible."""

    field: str
    file: str
    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of a published wheel beside the built one: what it has more, what it lacks."""

    field: str
    added: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether a published wheel could have come from this sdist.

    ``label`` is the run that is nearest to it; no ``differences`` means that it says the same.
    ``unread`` is why nothing can be said.
    """

    filename: str
    label: str
    differences: tuple[Difference, ...] = ()
    unread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What was built: the sdist's file name and sha256 (None for a folder), and its `PKG-INFO`."""

    project: str
    version: str
    filename: str
    sha256: str | None
    pkg_info: Metadata | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Everything that the runs show about one sdist."""

    beginning: Beginning
    mechanism: str
    runs: tuple[Run, ...]
    fields: tuple[FieldProof, ...]
    may_add: tuple[str, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every field is reproducible, or varies only as the project declares."""
        return all(field.standing.holds for field in self.fields)

    @property
    def failed(self) -> tuple[tuple[Condition, str], ...]:
        """Conditions under which the build failed, with the reason."""
        return tuple(
            (run.condition, run.metadata.reason)
            for run in self.runs
            if isinstance(run.metadata, Unreadable)
        )
