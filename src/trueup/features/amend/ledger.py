"""A redistributor's patch ledger as an operation of `amend`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from packaging.utils import NormalizedName

from trueup.features.amend.operations import Step
from trueup.features.amend.subject import Kind, Subject
from trueup.judge.content import content_of, with_content
from trueup.judge.patch import apply_ledger
from trueup.model.errors import TrueupError, UsageError
from trueup.model.patch import Application, Ledger

__all__ = ["Patches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patches:
    """Applies a ledger, and refuses to where it has drifted.

    ``today`` decides what is past its `until`; ``preemptive`` are the projects that upstream's
    `[tool.trueup.bounds]` names (None: upstream's source is not at hand).
    """

    ledger: Ledger
    today: date
    preemptive: Collection[NormalizedName] | None = None
    accept_drift: bool = False

    def judge(self, subjects: Sequence[Subject]) -> tuple[Application, ...]:
        """What the ledger makes of each target, and where it has drifted from it."""
        return tuple(self._judge(subject) for subject in subjects)

    def apply(self, subjects: Sequence[Subject]) -> Step:
        """The targets afterwards; raises UsageError for drift that is not accepted."""
        after, notes = [], []
        for subject, application in zip(subjects, self.judge(subjects), strict=True):
            faults = [drift.message for drift in application.drift if not drift.accepted]
            if faults:
                raise UsageError(
                    f"the ledger has drifted from it: {'; '.join(faults)}",
                    hint="bring it up to date, or accept the drift",
                    place=(str(subject.path),),
                )
            changed = _with(subject, application)
            if subject.kind is Kind.INSTALLED and changed.entry_points != subject.entry_points:
                # Installers make scripts out of entry points once, when they install.
                notes.append(
                    f"`{subject.path.name}`: the scripts that an installer made out of its entry "
                    "points stay as they are"
                )
            after.append(changed)
        return Step(subjects=tuple(after), notes=tuple(notes))

    def _judge(self, subject: Subject) -> Application:
        if subject.kind is Kind.SDIST:
            raise UsageError(
                "is an sdist, and a ledger is applied to what is built from it",
                hint="name a wheel or a `*.dist-info` folder",
                place=(str(subject.path),),
            )
        try:
            return apply_ledger(
                self.ledger,
                content_of(
                    subject.metadata,
                    subject.entry_points,
                    project=subject.project,
                    version=subject.version,
                ),
                today=self.today,
                preemptive=self.preemptive,
                accept_drift=self.accept_drift,
            )
        except TrueupError as error:
            raise error.within(str(subject.path)) from error


def _with(subject: Subject, application: Application) -> Subject:
    before, after = application.before, application.after
    points = subject.entry_points
    if before.entry_points != after.entry_points:
        points = None if after.entry_points is None else after.entry_points.encode()
    try:
        document = with_content(subject.metadata, before, after)
    except ValueError as error:
        raise UsageError(str(error), place=(str(subject.path),)) from error
    return replace(subject, metadata=document, entry_points=points)
