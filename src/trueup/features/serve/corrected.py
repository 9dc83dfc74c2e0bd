"""The corrected view: one metadata for all wheels of a release, in wheels that really have it.

A sidecar that says something else than its wheel makes pip stop, and breaks the standard. So every
wheel of a release whose files differ and can be merged gets a *derived wheel*: the same payload,
the merged METADATA, and a build tag that makes installers prefer it. It is listed before the
original, because Poetry and PDM read the first wheel of a page; the originals stay, for locks that
name their hashes. Where no list can serve all wheels, a policy says what becomes of the smaller part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.derived import DerivedFile, Workshop
from trueup.features.serve.looker import Beat
from trueup.features.serve.minority import Dropped, settle
from trueup.features.serve.outcome import Outcome, Verdict
from trueup.features.serve.policies import Irreconcilable, Sdists, ViewPolicy
from trueup.features.serve.shelves import Shelf
from trueup.features.serve.view import CORRECTED
from trueup.judge.merge import Unmergeable, merge
from trueup.judge.reconcile import Classification, classify
from trueup.judge.witness import witness
from trueup.model.artifact import Artifact, WheelName
from trueup.model.declaration import Declaration
from trueup.model.document import parse_document
from trueup.model.errors import SourceError
from trueup.model.finding import Merged, ReleaseClass
from trueup.model.metadata import Unreadable
from trueup.model.release import Release, ReleaseFile
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.rewrite import Wheel

__all__ = ["Corrected", "may_differ"]


class Corrected:
    """One list for all wheels; ``policy`` is what holds for a project."""

    name = CORRECTED
    label = "cons"
    holds_back = False

    def __init__(self, workshop: Workshop, policy: Callable[[NormalizedName], ViewPolicy]) -> None:
        self._workshop = workshop
        self._policy = policy

    def concerns(
        self, project: NormalizedName, version: Version, files: Sequence[Artifact]
    ) -> bool:
        return may_differ(files)

    def mark(self, project: NormalizedName, version: Version) -> str:
        policy = self._policy(project)
        return f"{policy.irreconcilable} {policy.sdists}"

    def work(
        self,
        inner: Shelf,
        project: NormalizedName,
        version: Version,
        files: Sequence[Artifact],
        beat: Beat,
    ) -> Outcome:
        read = tuple(_read(inner, file, beat) for file in files)
        release = Release(project=project, version=version, files=read, origin=CORRECTED)
        classes = classify(release)
        unread = [
            f"`{file.filename}` {metadata.reason}"
            for item in classes
            for file in item.wheels
            if isinstance(metadata := file.reading.resolution, Unreadable)
        ]
        if unread:
            return Outcome(verdict=Verdict.UNREAD, said=tuple(unread))
        parts = [_Part(item, self._policy(project)) for item in classes]
        derived = self._derived(parts, beat)
        hidden = {name for part in parts if part.verdict is Verdict.HIDDEN for name in part.gone}
        sdists = self._sdists(project, release, parts)
        return Outcome(
            verdict=max((part.verdict for part in parts), key=_WEIGHTS.index),
            derived=derived,
            hidden=(*sorted(hidden), *sdists),
            yanked={name: reason for part in parts for name, reason in part.yanked.items()},
            said=tuple(text for part in parts for text in part.said),
        )

    def _derived(self, parts: Iterable[_Part], beat: Beat) -> tuple[DerivedFile, ...]:
        found: list[DerivedFile] = []
        for part in parts:
            for file in part.wheels:
                beat()
                taken = [one.filename for one in found]
                found.append(self._derive(file.artifact, part, taken))
        return tuple(found)

    def _derive(self, artifact: Artifact, part: _Part, taken: Sequence[str]) -> DerivedFile:
        """The wheel with the merged metadata, made now or kept from before."""
        assert part.merged is not None
        opened = self._workshop.open(artifact)
        wheel = Wheel(opened.file, artifact.filename)
        metadata = _with_merged(wheel.read("METADATA") or b"", part.merged)
        return self._workshop.derive(
            artifact, wheel, opened, {"METADATA": metadata}, self.label, taken=taken
        )

    def _sdists(
        self, project: NormalizedName, release: Release, parts: Sequence[_Part]
    ) -> tuple[str, ...]:
        """Sdists that do not say what the corrected wheels say: a reader could take one for all."""
        merged = [part.merged for part in parts if part.merged is not None]
        if not merged or self._policy(project).sdists is Sdists.KEEP:
            return ()
        wanted = frozenset(map(parse_requirement, merged[0].requires_dist))
        return tuple(file.filename for file in release.sdists if _contradicts(file, wanted))


_WEIGHTS = (Verdict.SAME, Verdict.CHANGED, Verdict.YANKED, Verdict.HIDDEN, Verdict.LEFT)


class _Part:
    """The wheels of one label (PEP 825; ordinary ones have none), and what becomes of them.

    ``wheels`` are those that get the ``merged`` list, ``gone`` the files of minorities.
    """

    def __init__(self, item: Classification, policy: ViewPolicy) -> None:
        self.verdict = Verdict.SAME
        self.merged: Merged | None = None
        self.wheels: tuple[ReleaseFile, ...] = ()
        self.gone: dict[str, str] = {}
        self.said: list[str] = []
        left: Classification | None = item
        if item.release_class is ReleaseClass.IRRECONCILABLE:
            left = self._settled(item, policy)
        if left is not None:
            self._merge(left)

    @property
    def yanked(self) -> dict[str, str]:
        return self.gone if self.verdict is Verdict.YANKED else {}

    def _settled(self, item: Classification, policy: ViewPolicy) -> Classification | None:
        """The classification without minorities; None where the files stay as they are."""
        self.verdict = Verdict.LEFT
        if policy.irreconcilable is Irreconcilable.LEAVE:
            self.said += _conflicts(item)
            return None
        settled = settle(item)
        if settled is None:
            self.said += _conflicts(item)
            return None
        hides = policy.irreconcilable is Irreconcilable.HIDE_MINORITY
        self.verdict = Verdict.HIDDEN if hides else Verdict.YANKED
        for one in settled.dropped:
            self._drop(one)
        return settled.left

    def _drop(self, one: Dropped) -> None:
        self.gone |= dict.fromkeys(one.files, one.reason)
        names = ", ".join(f"`{name}`" for name in one.files)
        self.said.append(f"{names} {self.verdict.value}: {one.reason}")

    def _merge(self, item: Classification) -> None:
        if item.release_class is ReleaseClass.UNKNOWN:
            self.verdict = Verdict.LEFT
            self.said.append(item.reason or "its environments are too many to compare")
        if item.release_class is not ReleaseClass.MERGEABLE:
            return
        merged = merge(item)
        if isinstance(merged, Unmergeable):
            self.verdict = Verdict.LEFT
            self.said.append(merged.reason)
            return
        self.merged = merged
        self.wheels = tuple(
            sorted((file for file in item.wheels if file.artifact.hashes.get("sha256")), key=_build)
        )
        missing = [file.filename for file in item.wheels if file not in self.wheels]
        if missing:
            raise SourceError("has no sha256 on its page", place=(missing[0],))
        if self.verdict is Verdict.SAME:
            self.verdict = Verdict.CHANGED


def _build(file: ReleaseFile) -> tuple[object, str]:
    """Lower build tags first, so that a name that two would get goes up in their order."""
    name = file.artifact.name
    return (name.build if isinstance(name, WheelName) else ()), file.filename


def _conflicts(item: Classification) -> list[str]:
    """Why no list can serve all, one sentence for each difference."""
    found = []
    for difference in item.differences:
        one = witness(item, difference) if difference.conflict else None
        if one is None:
            continue
        sides = [
            f"`{name}` asks for {', '.join(values) or 'nothing'} ({part})"
            for name, values, part in zip(one.files, one.values, one.tag_parts, strict=True)
        ]
        found.append(f"{one.field}: {' and '.join(sides)}")
    return found or ["no marker can tell its wheels apart"]


def _read(inner: Shelf, file: Artifact, beat: Beat) -> ReleaseFile:
    beat()
    reading = inner.read(file)
    if isinstance(reading.metadata, Unreadable) and reading.metadata.passing:
        raise SourceError(reading.metadata.reason, place=(file.filename,))
    return ReleaseFile(artifact=file, reading=reading)


def may_differ(files: Iterable[Artifact]) -> bool:
    """Whether reading the files could tell anything: sidecars of one hash say the same."""
    wheels = [file for file in files if file.is_wheel]
    known = {
        file.core_metadata.get("sha256") if file.core_metadata is not None else None
        for file in wheels
    }
    return len(wheels) > 1 and (len(known) > 1 or None in known)


def _contradicts(file: ReleaseFile, wanted: frozenset[Requirement]) -> bool:
    resolution = file.reading.resolution
    if isinstance(resolution, Unreadable):
        return True
    declared = file.reading.declaration
    added = declared.wheels_require if isinstance(declared, Declaration) else ()
    # What it declares that wheels add is no contradiction.
    return resolution.requires_dist | frozenset(added) != wanted


def _with_merged(data: bytes, merged: Merged) -> bytes:
    document = parse_document(data).with_values("requires-dist", merged.requires_dist)
    python = [merged.requires_python] if merged.requires_python is not None else []
    document = document.with_values("requires-python", python)
    return bytes(document.with_values("provides-extra", merged.provides_extra))
