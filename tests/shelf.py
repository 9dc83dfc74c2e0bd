"""A source in memory: an honest small index, for tests of what asks one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from packaging.utils import NormalizedName, canonicalize_name

from tests.releases import metadata_text
from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.errors import NotFoundError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import How, Reading
from trueup.sources.source import Listing

__all__ = ["Shelf"]


@dataclass
class Shelf:
    """Files by name, each with its metadata; ``asked`` counts what was asked for."""

    files: dict[str, Artifact] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(
        self,
        filename: str,
        requires: Sequence[str] = (),
        *,
        python: str | None = None,
        page_python: str | None = None,
        extras: Sequence[str] = (),
        dynamic: Sequence[str] = (),
        metadata_version: str = "2.4",
        yanked: str | None = None,
        uploaded: datetime | None = None,
        unreadable: str | None = None,
    ) -> Shelf:
        """Put a wheel or sdist on the shelf; returns the shelf, to go on."""
        name = parse_filename(filename)
        assert not isinstance(name, OtherName), filename
        text = metadata_text(
            name=name.project,
            version=str(name.version),
            requires=requires,
            python=python,
            extras=extras,
            metadata_version=metadata_version,
            headers=[("Dynamic", one) for one in dynamic],
        )
        self.files[filename] = Artifact(
            filename=filename,
            url=f"https://index.test/files/{filename}",
            name=name,
            size=len(text),
            hashes={"sha256": hashlib.sha256(f"{filename}{text}".encode()).hexdigest()},
            index_requires_python=page_python or python,
            yanked=yanked,
            upload_time=uploaded,
        )
        self.readings[filename] = Reading(
            metadata=Unreadable(reason=unreadable)
            if unreadable is not None
            else parse_metadata(text.encode()),
            how=How.FILE,
        )
        return self

    def listing(self, project: NormalizedName) -> Listing:
        self.asked.append(f"page {project}")
        files = tuple(
            file
            for file in self.files.values()
            if not isinstance(file.name, OtherName) and file.name.project == project
        )
        if not files:
            raise NotFoundError("no such project on the shelf", place=(project,))
        return Listing(project=canonicalize_name(project), files=files, origin="shelf")

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        self.asked.append(artifact.filename)
        return self.readings[artifact.filename]

    @classmethod
    def of(cls, files: Mapping[str, Sequence[str]]) -> Shelf:
        """File names with their requirements."""
        shelf = cls()
        for filename, requires in files.items():
            shelf.add(filename, requires)
        return shelf
