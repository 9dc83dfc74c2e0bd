"""The ledger view: a redistributor's patches, in derived wheels.

A release that patches are for is shown patched, or held back until it is. Where the patches have
drifted from it, none is applied: its files are yanked with the reason, so that nobody gets it without
naming it, and whoever does is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.derived import DerivedFile, Opened, Workshop
from trueup.features.serve.looker import Beat
from trueup.features.serve.outcome import Outcome, Verdict
from trueup.features.serve.policies import Sdists, ViewPolicy
from trueup.features.serve.shelves import Shelf
from trueup.features.serve.view import LEDGER
from trueup.judge.content import content_of, with_content
from trueup.judge.patch import apply_ledger
from trueup.model.artifact import Artifact
from trueup.model.declaration import Declaration
from trueup.model.document import parse_document
from trueup.model.errors import TrueupError, UsageError
from trueup.model.patch import Application, Ledger, Patch
from trueup.model.requirement import Requirement
from trueup.sources.rewrite import Wheel

__all__ = ["Patched", "canonical"]

_ENTRY_POINTS = "entry_points.txt"
_LONGEST = 400


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A wheel being patched: the texts that patches may change, and what they become."""

    artifact: Artifact
    opened: Opened
    wheel: Wheel
    metadata: bytes
    points: bytes | None
    application: Application

    @property
    def changes(self) -> bool:
        return self.application.before != self.application.after

    def files(self) -> Mapping[str, bytes | None]:
        """The files of the dist-info folder that change; None for one that goes."""
        before, after = self.application.before, self.application.after
        try:
            document = with_content(parse_document(self.metadata), before, after)
        except ValueError as error:
            raise UsageError(str(error), place=(self.artifact.filename,)) from error
        found: dict[str, bytes | None] = {"METADATA": bytes(document)}
        if before.entry_points != after.entry_points:
            text = after.entry_points
            found[_ENTRY_POINTS] = None if text is None else text.encode()
        return found


class Patched:
    """The patches of a ledger; ``today`` decides which are past their `until`."""

    name = LEDGER
    label = "patched"
    holds_back = True

    def __init__(
        self,
        ledger: Ledger,
        workshop: Workshop,
        policy: Callable[[NormalizedName], ViewPolicy],
        today: Callable[[], date],
    ) -> None:
        self._ledger = ledger
        self._workshop = workshop
        self._policy = policy
        self._today = today

    def concerns(
        self, project: NormalizedName, version: Version, files: Sequence[Artifact]
    ) -> bool:
        return bool(self._patches(project, version)) and any(file.is_wheel for file in files)

    def _patches(self, project: NormalizedName, version: Version) -> tuple[Patch, ...]:
        return tuple(one for one in self._ledger.patches if one.covers(project, version))

    def mark(self, project: NormalizedName, version: Version) -> str:
        today = self._today()
        patches = self._patches(project, version)
        over = [one.number for one in patches if isinstance(one.until, date) and today > one.until]
        return repr((canonical(patches), over, self._policy(project).sdists.value))

    def work(
        self,
        inner: Shelf,
        project: NormalizedName,
        version: Version,
        files: Sequence[Artifact],
        beat: Beat,
    ) -> Outcome:
        preemptive = self._preemptive(inner, files, beat)
        # All before any: a release is patched whole, or not at all.
        opened: list[tuple[_Open, Mapping[str, bytes | None]]] = []
        faults: list[str] = []
        reasons: list[str] = []
        for file in files:
            if not file.is_wheel:
                continue
            beat()
            try:
                found = self._apply(file, project, version, preemptive)
                opened.append((found, found.files() if found.changes else {}))
                drift = _drift(found)
            except UsageError as error:
                drift = [error.what]
            reasons += drift
            faults += (f"`{file.filename}`: {text}" for text in drift)
        if faults:
            reason = f"not patched, the ledger has drifted: {'; '.join(dict.fromkeys(reasons))}"
            return Outcome(
                verdict=Verdict.DRIFTED,
                yanked={file.filename: _short(reason) for file in files},
                said=tuple(faults),
            )
        derived = self._derived(opened, beat)
        hides = bool(derived) and self._policy(project).sdists is not Sdists.KEEP
        return Outcome(
            verdict=Verdict.CHANGED if derived else Verdict.SAME,
            derived=derived,
            hidden=tuple(file.filename for file in files if file.is_sdist) if hides else (),
        )

    def _derived(
        self, opened: Sequence[tuple[_Open, Mapping[str, bytes | None]]], beat: Beat
    ) -> tuple[DerivedFile, ...]:
        found: list[DerivedFile] = []
        for one, files in opened:
            if files:
                beat()
                taken = [item.filename for item in found]
                found.append(
                    self._workshop.derive(
                        one.artifact, one.wheel, one.opened, files, self.label, taken=taken
                    )
                )
        return tuple(found)

    def _apply(
        self,
        file: Artifact,
        project: NormalizedName,
        version: Version,
        preemptive: Collection[NormalizedName] | None,
    ) -> _Open:
        opened = self._workshop.open(file)
        try:
            wheel = Wheel(opened.file, file.filename)
            metadata, points = wheel.read("METADATA") or b"", wheel.read(_ENTRY_POINTS)
            content = content_of(parse_document(metadata), points, project=project, version=version)
            application = apply_ledger(
                self._ledger, content, today=self._today(), preemptive=preemptive
            )
        except TrueupError as error:
            raise error.within(file.filename) from error
        return _Open(
            artifact=file,
            opened=opened,
            wheel=wheel,
            metadata=metadata,
            points=points,
            application=application,
        )

    def _preemptive(
        self, inner: Shelf, files: Sequence[Artifact], beat: Beat
    ) -> Collection[NormalizedName] | None:
        """What upstream's declaration calls pre-emptive; None where no sdist can be read."""
        for file in files:
            if file.is_sdist:
                beat()
                reading = inner.read(file)
                if isinstance(reading.declaration, Declaration):
                    return reading.declaration.preemptive
                if reading.declaration is None and not hasattr(reading.metadata, "reason"):
                    return ()
        return None


def _drift(one: _Open) -> list[str]:
    return [
        f"patch {item.patch}: {item.message}" for item in one.application.drift if not item.accepted
    ]


def _short(text: str) -> str:
    """What stands on the page of an installer."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def canonical(value: object) -> str:
    """A value in words that are the same in every process: sets have no order of their own."""
    if isinstance(value, Requirement):
        return repr(value.text)
    if is_dataclass(value) and not isinstance(value, type):
        parts = [canonical(getattr(value, one.name)) for one in fields(value)]
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, frozenset | set):
        return f"{{{', '.join(sorted(map(canonical, value)))}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(canonical, value))}]"
    return repr(str(value)) if value is not None else "-"
