"""Everything about one release that rules look at, computed once and only when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from trueup.judge.merge import Unmergeable, merge
from trueup.judge.promise import Relation, compared_fields, relation
from trueup.judge.reconcile import Classification, judged_files
from trueup.model.declaration import Declaration
from trueup.model.errors import SpaceTooLargeError
from trueup.model.finding import Evidence, FileStatus, Finding, Merged, Severity
from trueup.model.metadata import Metadata, Unreadable, title
from trueup.model.release import Release, ReleaseFile
from trueup.model.target import Target

__all__ = ["Judgement"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A release, the classes of its wheels (one per variant label), and what rules ask of them."""

    release: Release
    classifications: tuple[Classification, ...]
    targets: tuple[Target, ...] = ()

    @cached_property
    def worst(self) -> Classification:
        """The classification that gives the release its class."""
        return max(self.classifications, key=lambda item: item.release_class.rank)

    @cached_property
    def sdists(self) -> tuple[ReleaseFile, ...]:
        return tuple(file for file in judged_files(self.release) if file.artifact.is_sdist)

    @cached_property
    def wheels(self) -> tuple[ReleaseFile, ...]:
        return tuple(file for file in judged_files(self.release) if file.artifact.is_wheel)

    @property
    def read(self) -> Iterator[tuple[ReleaseFile, Metadata]]:
        """The judged files whose metadata could be read, with it."""
        for file in judged_files(self.release):
            if isinstance(file.reading.metadata, Metadata):
                yield file, file.reading.metadata

    @cached_property
    def declaration(self) -> Declaration | None:
        """What the sdist's `pyproject.toml` declares; None where it says nothing readable."""
        for file in self.sdists:
            if isinstance(file.reading.declaration, Declaration):
                return file.reading.declaration
        return None

    @cached_property
    def merged(self) -> Merged | Unmergeable:
        """The one metadata that serves all wheels of the worst classification.

        What the sdist declares that wheels add does not belong into the source, and is left out.
        """
        merged = merge(self.worst)
        declared = self.declaration.wheels_require if self.declaration else ()
        if isinstance(merged, Unmergeable) or not declared:
            return merged
        added = {str(line) for line in declared}
        return replace(
            merged,
            requires_dist=tuple(line for line in merged.requires_dist if line not in added),
            notes=(*merged.notes, f"wheels add, as declared: {', '.join(sorted(added))}"),
        )

    @cached_property
    def statuses(self) -> dict[str, FileStatus]:
        """What part each file plays, by file name."""
        statuses: dict[str, FileStatus] = {}
        judged = {file.filename for file in judged_files(self.release)}
        for file in self.release.files:
            if not (file.artifact.is_sdist or file.artifact.is_wheel):
                statuses[file.filename] = FileStatus.OTHER
            elif file.filename not in judged:
                statuses[file.filename] = FileStatus.YANKED
            elif file.artifact.is_sdist:
                statuses[file.filename] = FileStatus.SDIST
        for classification in self.classifications:
            statuses |= self._statuses(classification)
        return statuses

    def _statuses(self, classification: Classification) -> dict[str, FileStatus]:
        wheels = classification.wheels
        try:
            choice = classification.choice
        except SpaceTooLargeError:
            return {file.filename: FileStatus.UNDECIDED for file in wheels}
        statuses = {}
        for file, chosen, accepted in zip(wheels, choice.chosen, choice.accepted, strict=True):
            if isinstance(file.reading.resolution, Unreadable):
                status = FileStatus.UNREAD
            elif chosen:
                status = FileStatus.CHOSEN
            elif self.targets:
                # What happens elsewhere was not asked, so nothing is said of it.
                status = FileStatus.OUTSIDE
            else:
                status = FileStatus.SHADOWED if accepted else FileStatus.UNREACHABLE
            statuses[file.filename] = status
        return statuses

    @cached_property
    def relations(self) -> tuple[tuple[ReleaseFile, ReleaseFile, Relation], ...]:
        """How each wheel relates to each sdist's promise: (sdist, wheel, relation) per field.

        Wheels with the same metadata as one before are not repeated.
        """
        found = []
        for sdist in self.sdists:
            theirs = sdist.reading.metadata
            if isinstance(theirs, Unreadable):
                continue
            seen: set[str] = set()
            for wheel in self.wheels:
                ours = wheel.reading.metadata
                if isinstance(ours, Unreadable) or ours.digest in seen:
                    continue
                if self.statuses[wheel.filename] is FileStatus.OUTSIDE:
                    continue
                seen.add(ours.digest)
                if ours.digest != theirs.digest:
                    found += [
                        (sdist, wheel, relation(sdist, wheel, field))
                        for field in compared_fields(theirs, ours)
                    ]
        return tuple(found)

    def same_metadata(self, wheel: ReleaseFile) -> tuple[str, ...]:
        """The names of the judged files with the very metadata of this one."""
        metadata = wheel.reading.metadata
        assert isinstance(metadata, Metadata)
        return tuple(
            file.filename
            for file, other in self.read
            if other.digest == metadata.digest and file.artifact.is_wheel
        )

    def finding(
        self,
        code: str,
        severity: Severity,
        message: str,
        *,
        evidence: Iterable[Evidence] = (),
        where: str | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> Finding:
        """A finding about this release; ``field`` is lower-cased and gets its usual spelling."""
        return Finding(
            code=code,
            severity=severity,
            project=self.release.project,
            version=str(self.release.version),
            message=message,
            evidence=tuple(replace(item, files=tuple(sorted(item.files))) for item in evidence),
            where=where,
            field=title(field) if field else None,
            hint=hint,
        )
