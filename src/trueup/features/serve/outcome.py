"""What became of a release in a view, as it is kept: nothing, derived wheels, hidden or yanked files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from packaging.version import Version

from trueup.features.serve.derived import DerivedFile

__all__ = ["Account", "Outcome", "Verdict", "outcome_bytes", "outcome_of"]


class Verdict(StrEnum):
    """What was found about a release."""

    SAME = "same"
    """The view shows it as it is."""
    CHANGED = "changed"
    """Derived wheels stand before the originals."""
    LEFT = "left"
    """No list can serve its files, and they are shown as they are."""
    HIDDEN = "hidden"
    """No list can serve its files, so a part of them is not listed."""
    YANKED = "yanked"
    """No list can serve its files, so a part of them is listed as yanked."""
    UNREAD = "unread"
    """A file cannot be read, so that nothing is known of the release."""
    DRIFTED = "drifted"
    """The patches of the ledger do not fit it any more."""
    FAILED = "failed"
    """It could not be looked into now; that is tried again."""

    @property
    def is_known(self) -> bool:
        """Whether the files were compared, or patched."""
        return self not in (Verdict.UNREAD, Verdict.FAILED)

    @property
    def is_irreconcilable(self) -> bool:
        return self in (Verdict.LEFT, Verdict.HIDDEN, Verdict.YANKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``hidden`` are names of files that are not listed, ``yanked`` names with the reason (PEP 592),
    ``said`` is why, in sentences for people; ``retry`` when it is worth another look (seconds since
    1970; None: never, it depends on the files alone).
    """

    verdict: Verdict
    derived: tuple[DerivedFile, ...] = ()
    hidden: tuple[str, ...] = ()
    yanked: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    retry: float | None = None

    def holds(self, now: float) -> bool:
        """Whether another look would tell nothing new."""
        return self.retry is None or self.retry > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A release that a step of a view looks into; ``outcome`` None: not yet."""

    step: str
    version: Version
    outcome: Outcome | None = None

    @property
    def is_known(self) -> bool:
        return self.outcome is not None and self.outcome.verdict.is_known


def outcome_bytes(outcome: Outcome) -> bytes:
    """As it is kept."""
    return msgspec.json.encode(outcome)


def outcome_of(data: bytes) -> Outcome:
    """A kept outcome."""
    return msgspec.json.decode(data, type=Outcome)
