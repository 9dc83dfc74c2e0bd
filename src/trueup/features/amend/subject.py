"""What can be amended: a wheel, a dist-info folder or an sdist, with the text of its metadata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.document import Document, parse_document
from trueup.model.errors import ArchiveError, TrueupError, UsageError
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.sources.distinfo import DistInfo
from trueup.sources.repack import open_sdist
from trueup.sources.rewrite import Wheel, open_wheel

__all__ = ["Kind", "Subject", "open_subjects"]

_ENTRY_POINTS = "entry_points.txt"


class Kind(StrEnum):
    """The three things that carry metadata."""

    WHEEL = "wheel"
    SDIST = "sdist"
    INSTALLED = "dist-info folder"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One target and the texts in it that operations change; ``entry_points`` None: there is none.

    ``version`` is that of the file's name, or of the metadata for a dist-info folder.
    """

    path: Path
    kind: Kind
    project: NormalizedName
    version: Version
    metadata: Document
    entry_points: bytes | None = None

    @property
    def parsed(self) -> Metadata:
        """The metadata as it means now."""
        parsed = parse_metadata(bytes(self.metadata))
        if isinstance(parsed, Unreadable):
            raise TrueupError(parsed.reason, hint=parsed.hint, place=(str(self.path),))
        return parsed

    @property
    def artifact(self) -> Artifact:
        """The file as a folder lists it; not for dist-info folders."""
        name = parse_filename(self.path.name, self.project)
        return Artifact(filename=self.path.name, url=str(self.path), name=name)

    def with_values(self, field: str, values: Iterable[str]) -> Subject:
        """The subject with exactly these values of one metadata field (lower-cased)."""
        values = tuple(values)
        try:
            return replace(self, metadata=self.metadata.with_values(field, values))
        except ValueError as error:
            raise UsageError(str(error), place=(str(self.path), field)) from error


def open_subjects(paths: Iterable[Path]) -> tuple[Subject, ...]:
    """What the paths name: wheels, sdists, `*.dist-info` folders, and the wheels in other folders.

    Raises UsageError for a path that is none of these, and otherwise one error for all files that
    cannot be read.
    """
    subjects: list[Subject] = []
    errors: list[TrueupError] = []
    for path in dict.fromkeys(file for given in paths for file in _expanded(given)):
        try:
            subjects.append(_open(path))
        except TrueupError as error:
            errors.append(error.within(str(path)))
    if errors:
        raise _all_of(errors)
    names = [subject.path.name for subject in subjects if subject.kind is not Kind.INSTALLED]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two files have the name `{name}`")
    return tuple(subjects)


def _expanded(path: Path) -> list[Path]:
    if not path.is_dir() or path.name.endswith(".dist-info"):
        return [path]
    wheels = sorted(file for file in path.iterdir() if file.name.endswith(".whl"))
    if not wheels:
        raise UsageError(
            "holds no wheel",
            hint="name a `*.dist-info` folder, or an sdist, by its own path",
            place=(str(path),),
        )
    return wheels


def _open(path: Path) -> Subject:
    if path.is_dir():
        folder = DistInfo(path)
        metadata, points = folder.read("METADATA"), folder.read(_ENTRY_POINTS)
        assert metadata is not None  # DistInfo saw to it
        return _installed(path, metadata, points)
    if not path.exists():
        raise UsageError("no such file or folder")
    name = parse_filename(path.name)
    if isinstance(name, OtherName):
        raise UsageError(
            "cannot be amended",
            found=name.reason,
            expected="a wheel, an sdist or a `*.dist-info` folder",
        )
    with open_wheel(path) as file:
        if path.name.endswith(".whl"):
            wheel = Wheel(file, path.name)
            kind, data, points = Kind.WHEEL, wheel.read("METADATA"), wheel.read(_ENTRY_POINTS)
        else:
            kind, data, points = Kind.SDIST, open_sdist(file, path.name).pkg_info, None
    assert data is not None  # a wheel without METADATA was refused
    subject = Subject(
        path=path,
        kind=kind,
        project=name.project,
        version=name.version,
        metadata=parse_document(data),
        entry_points=points,
    )
    _ = subject.parsed
    return subject


def _installed(path: Path, metadata: bytes, points: bytes | None) -> Subject:
    parsed = parse_metadata(metadata)
    if isinstance(parsed, Unreadable):
        raise ArchiveError(parsed.reason, hint=parsed.hint)
    if parsed.name is None or parsed.version is None:
        raise ArchiveError("its METADATA has no readable `Name` and `Version`")
    return Subject(
        path=path,
        kind=Kind.INSTALLED,
        project=canonicalize_name(parsed.name),
        version=parsed.version,
        metadata=parse_document(metadata),
        entry_points=points,
    )


def _all_of(errors: list[TrueupError]) -> TrueupError:
    """One error that says what all of them say."""
    if len(errors) == 1:
        return errors[0]
    hints = dict.fromkeys(error.hint for error in errors if error.hint)
    text = "; ".join(map(str, errors))
    return TrueupError(f"{len(errors)} files cannot be amended: {text}", hint="; ".join(hints))
