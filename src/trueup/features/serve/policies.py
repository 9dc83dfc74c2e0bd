"""What holds for which project in which channel: the first table that fits, else the defaults; and
for whom a channel is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from packaging.utils import NormalizedName

from trueup.judge.rule import RuleSettings
from trueup.model.finding import ReleaseClass, Severity

__all__ = [
    "ANY",
    "MAIN",
    "Declarations",
    "Irreconcilable",
    "Policy",
    "PolicyBook",
    "PolicyTable",
    "ProjectPolicy",
    "Proofs",
    "ReadRules",
    "Readers",
    "Sdists",
    "ViewPolicy",
]

MAIN = "main"
"""The channel of uploads that name none; every channel shows what it has as well."""

ANY = "*"
"""The pattern that every name fits."""


class Policy(StrEnum):
    """What happens to a file that contradicts the others of its release."""

    REJECT = "reject"
    QUARANTINE = "quarantine"
    WARN = "warn"


class Irreconcilable(StrEnum):
    """What the corrected view does with a release that no list of requirements can serve."""

    LEAVE = "leave"
    """The files stay as they are."""
    HIDE_MINORITY = "hide-minority"
    """Of two that no marker can tell apart, the files of the smaller group are not listed."""
    YANK = "yank"
    """They are listed as yanked (PEP 592), so that only exact pins choose them."""


class Sdists(StrEnum):
    """What the corrected view does with an sdist that says something else than the wheels."""

    HIDE = "hide"
    """It is not listed."""
    KEEP = "keep"
    """It stays. There is no third way, see `docs/explanation/index-views.md`."""


class Declarations(StrEnum):
    """Whether what an sdist declares under `[tool.trueup]` counts when its release is judged."""

    HONOURED = "honoured"
    IGNORED = "ignored"


class Proofs(StrEnum):
    """Whether a release needs the record of a proof of its sdist (`trueup prove --record`)."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPolicy:
    """What the corrected view does where it cannot simply merge."""

    irreconcilable: Irreconcilable = Irreconcilable.LEAVE
    sdists: Sdists = Sdists.HIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPolicy:
    """How the uploads of a project are judged, and what its readers are shown.

    A contradiction is a finding from ``fail_on`` on (None: none is) under the ``rules``; findings
    that only say that the wheels differ count in the ``classes`` of releases that are not accepted.
    ``quiet`` and ``closed_after`` are in seconds after the last upload and after publication (None:
    never), ``largest`` in bytes (None: as large as the index takes).
    """

    contradictions: Policy = Policy.REJECT
    classes: frozenset[ReleaseClass] = frozenset(
        {ReleaseClass.MERGEABLE, ReleaseClass.IRRECONCILABLE, ReleaseClass.UNKNOWN}
    )
    rules: RuleSettings = field(default_factory=lambda: RuleSettings(severity={}))
    """Its mapping is a plain one, since policies go to the processes of workers."""
    fail_on: Severity | None = Severity.ERROR
    declarations: Declarations = Declarations.HONOURED
    proof: Proofs = Proofs.OPTIONAL
    quiet: float | None = None
    largest: int | None = None
    closed_after: float | None = None
    views: ViewPolicy = field(default_factory=ViewPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTable:
    """The policy of some projects in some channels: patterns of normalised names, as `fnmatch` has
    them.
    """

    projects: tuple[str, ...] = (ANY,)
    channels: tuple[str, ...] = (ANY,)
    policy: ProjectPolicy

    def fits(self, channel: str, project: str) -> bool:
        """Whether it is about this project in this channel."""
        return any(fnmatchcase(channel, pattern) for pattern in self.channels) and any(
            fnmatchcase(project, pattern) for pattern in self.projects
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBook:
    """All policies of an index: the first table that fits says everything, what none fits has the
    ``default``.
    """

    default: ProjectPolicy = field(default_factory=ProjectPolicy)
    tables: tuple[PolicyTable, ...] = ()

    def table(self, channel: str, project: NormalizedName) -> PolicyTable | None:
        """The table that decides; None: the defaults do."""
        return next((one for one in self.tables if one.fits(channel, project)), None)

    def for_project(self, channel: str, project: NormalizedName) -> ProjectPolicy:
        """What holds for a project in a channel."""
        found = self.table(channel, project)
        return self.default if found is None else found.policy


class Readers(StrEnum):
    """For whom the pages and files of a channel are."""

    PUBLIC = "public"
    TOKEN = "token"
    """For those who have a token that may `read` there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRules:
    """``channels`` are those that are named, all others have the ``default``."""

    default: Readers = Readers.PUBLIC
    channels: Mapping[str, Readers] = field(default_factory=dict)

    @property
    def all_public(self) -> bool:
        """Whether nobody needs a token for anything."""
        return Readers.TOKEN not in (self.default, *self.channels.values())

    def needed(self, channel: str) -> tuple[str, ...]:
        """The channels that a token must open: a channel shows what the main one has as well."""
        both = dict.fromkeys((channel, MAIN))
        return tuple(one for one in both if self.channels.get(one, self.default) is Readers.TOKEN)
