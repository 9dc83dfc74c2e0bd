"""Every wheel of a release gets the one list that serves all: what `check --suggest` shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.amend.operations import Step
from trueup.features.amend.subject import Kind, Subject
from trueup.judge.release import judge_release
from trueup.model.artifact import WheelName, parse_filename
from trueup.model.errors import TrueupError, UsageError
from trueup.model.finding import Merged, ReleaseClass, ReleaseReport, Witness
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.release import How, Reading, Release, ReleaseFile
from trueup.model.requirement import parse_requirement, parse_specifiers

__all__ = ["Reconcile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """Gives all wheels of each release the merged list; afterwards their class is `identical`.

    Raises TrueupError, with the witness, for a release that no single list can serve; one that
    could be served but for rare environments needs ``accept_residue``. sdists stay as they are.
    """

    accept_residue: bool = False

    def apply(self, subjects: Sequence[Subject]) -> Step:
        releases: dict[tuple[NormalizedName, Version], list[Subject]] = {}
        for subject in subjects:
            if subject.kind is Kind.INSTALLED:
                raise UsageError(
                    "an installed distribution cannot be reconciled: the other files of its "
                    "release are not there",
                    place=(str(subject.path),),
                )
            if subject.kind is Kind.WHEEL:
                releases.setdefault((subject.project, subject.version), []).append(subject)
        after: dict[object, Subject] = {}
        notes: list[str] = []
        for (project, version), wheels in releases.items():
            title = f"{project} {version}"
            notes += _unnamed(wheels)
            step = self._release(title, wheels)
            notes += step.notes
            after |= {subject.path: subject for subject in step.subjects}
        if not releases:
            raise UsageError("`--reconcile` needs the wheels of a release")
        return Step(
            subjects=tuple(after.get(subject.path, subject) for subject in subjects),
            notes=tuple(notes),
        )

    def _release(self, title: str, wheels: Sequence[Subject]) -> Step:
        for subject in wheels:
            resolution = subject.parsed.resolution
            if isinstance(resolution, Unreadable):
                raise TrueupError(
                    f"{title} cannot be reconciled: {resolution.reason}",
                    hint=resolution.hint or "correct this file first",
                    place=(str(subject.path),),
                )
            if getattr(parse_filename(subject.path.name), "variant", None) is not None:
                raise TrueupError(
                    f"{title} cannot be reconciled: wheels of a variant (PEP 825) may differ",
                    place=(str(subject.path),),
                )
        report = judge_release(_as_release(wheels), suggest=True)
        if report.release_class is ReleaseClass.IDENTICAL:
            return Step(subjects=tuple(wheels))
        merged = report.merged
        if merged is None:
            raise _irreconcilable(title, report)
        notes = [f"{title}: {note}" for note in merged.notes]
        if merged.residue is not None:
            if not self.accept_residue:
                raise _irreconcilable(title, report, merged.residue)
            notes.append(f"{title}: the merged list is wrong for {merged.residue}")
        return Step(subjects=_given(wheels, merged), notes=tuple(notes))


def _as_release(wheels: Sequence[Subject]) -> Release:
    return Release(
        project=wheels[0].project,
        version=wheels[0].version,
        files=tuple(
            ReleaseFile(
                artifact=subject.artifact,
                reading=Reading(metadata=subject.parsed, how=How.FILE),
            )
            for subject in wheels
        ),
        origin=str(wheels[0].path.parent),
    )


def _given(wheels: Sequence[Subject], merged: Merged) -> tuple[Subject, ...]:
    """The wheels with the merged values, in one spelling and order for all."""
    lines = _in_order(wheels, merged.requires_dist)
    pythons = [merged.requires_python] if merged.requires_python is not None else []
    python = pythons[0] if pythons else None
    for subject in wheels:
        for text in subject.metadata.values("requires-python"):
            if python is not None and parse_specifiers(text) == parse_specifiers(python):
                pythons = [text]
    after = tuple(
        subject.with_values("requires-dist", lines)
        .with_values("requires-python", pythons)
        .with_values("provides-extra", _extras(subject, wheels, merged))
        for subject in wheels
    )
    resolutions = {subject.parsed.resolution for subject in after}
    if len(resolutions) > 1:
        raise TrueupError(
            "the wheels differ in a field that cannot be merged",
            found="`Default-Extra`",
            hint="make it the same in all files",
        )
    return after


def _in_order(wheels: Sequence[Subject], merged: Sequence[str]) -> list[str]:
    """The merged requirements as the first wheel that has each spells it, in its order.

    The order of the sdist is that of most wheels, and what it promises (PEP 808) depends on it.
    """
    wanted = {parse_requirement(text): text for text in merged}
    ordered: dict[object, str] = {}
    for subject in wheels:
        for text in subject.metadata.values("requires-dist"):
            requirement = parse_requirement(text)
            if requirement in wanted:
                ordered.setdefault(requirement, text)
    return [*ordered.values(), *(text for item, text in wanted.items() if item not in ordered)]


def _extras(subject: Subject, wheels: Sequence[Subject], merged: Merged) -> list[str]:
    own = subject.parsed.resolution
    assert isinstance(own, Resolution)
    if own.provides_extra == set(merged.provides_extra):
        return list(subject.metadata.values("provides-extra"))
    texts = [text for item in wheels for text in item.metadata.values("provides-extra")]
    return list({parse_requirement(text).project: text for text in reversed(texts)}.values())[::-1]


def _unnamed(wheels: Sequence[Subject]) -> list[str]:
    """Wheels of the same release that lie beside and were not named."""
    named = {subject.path.name for subject in wheels}
    found: list[str] = []
    for folder in dict.fromkeys(subject.path.parent for subject in wheels):
        for path in sorted(folder.glob("*.whl")):
            name = parse_filename(path.name)
            if (
                isinstance(name, WheelName)
                and (name.project, name.version) == (wheels[0].project, wheels[0].version)
                and path.name not in named
            ):
                found.append(f"`{path.name}` is of the same release, and was not named")
    return found


def _irreconcilable(title: str, report: ReleaseReport, residue: str | None = None) -> TrueupError:
    words = f"{title} is {report.class_words}, and no single list of requirements serves all of it"
    witness = next(iter(report.witnesses), None)
    if witness is not None:
        words += f": {_shown(witness)}"
    elif report.class_reason:
        words += f": {report.class_reason}"
    if residue is not None:
        return TrueupError(
            words,
            hint=f"`--accept-residue` writes the list that is right everywhere but for {residue}",
        )
    return TrueupError(words, hint="`trueup check --fix-hint` says what can be done")


def _shown(witness: Witness) -> str:
    """The witness in one sentence."""
    environment = dict(witness.environment)
    system = environment["platform_system"].replace("Darwin", "macOS")
    where = f"{system} {environment['platform_machine']}, Python {environment['python_version']}"
    verb = "asks for" if witness.field == "Requires-Dist" else f"has as `{witness.field}`"
    # A witness is about one project; the file may well ask for others.
    nothing = f"no `{witness.project}`" if witness.project else "nothing"
    says = [
        f"`{name}`{f' ({part})' if part else ''} {verb} "
        + (", ".join(f"`{value}`" for value in values) or nothing)
        for name, part, values in zip(witness.files, witness.tag_parts, witness.values, strict=True)
    ]
    return f"on {where}, {' and '.join(says)}"
