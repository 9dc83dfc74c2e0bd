"""A folder of wheels and sdists (`dist/`), or such files by their paths, as a source of releases."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import NormalizedName

from trueup.model.artifact import (
    Artifact,
    OtherName,
    SdistName,
    WheelName,
    has_artifact_suffix,
    parse_filename,
)
from trueup.model.errors import NotFoundError, SourceError, UsageError
from trueup.model.metadata import Unreadable
from trueup.model.release import How, Reading
from trueup.sources.archive import reading_of_sdist, reading_of_wheel
from trueup.sources.limits import Limits
from trueup.sources.release import version_of
from trueup.sources.source import Listing
from trueup.sources.unzip import dist_info_file

__all__ = ["FolderSource"]


class FolderSource:
    """The artifacts in folders (not below them) and those named by their own paths, in one place.

    What is there is looked up once, when the source is made. An artifact's ``url`` is its path, its
    ``size`` in bytes comes from the file system (None: it cannot be looked at). A folder lists no
    hashes, so there is nothing to compare with: every reading is `How.FILE` and not ``verified``.
    Files of no known kind (`README`, signatures, sidecars) are passed over.

    Raises NotFoundError for a path that does not exist and a folder without any artifact,
    SourceError for a folder that cannot be listed, and UsageError for a named file that is no
    artifact and for two files of one name, which no release can have.
    """

    def __init__(self, paths: Path | Iterable[Path], *, limits: Limits | None = None) -> None:
        paths = (paths,) if isinstance(paths, Path) else tuple(paths)
        self._limits = limits or Limits()
        files = _files(paths)
        self._origin = ", ".join(dict.fromkeys(str(_folder_of(path)) for path in paths))
        self._placed, self._unplaced = _place([_artifact(path) for path in files])

    def projects(self) -> tuple[NormalizedName, ...]:
        """The projects of which there is a wheel or an sdist, sorted."""
        return tuple(sorted(self._placed))

    def unplaced(self) -> tuple[Artifact, ...]:
        """Artifacts whose names do not tell their project: misnamed wheels and sdists, stray eggs.

        To place them would be to guess; whoever shows what is there shows these, with the reason
        in their ``name``.
        """
        return self._unplaced

    def listing(self, project: NormalizedName) -> Listing:
        """The project's files, sorted by name; raises NotFoundError if there are none."""
        files = self._placed.get(project)
        if files is None:
            known = ", ".join(f"`{name}`" for name in self.projects()[:5])
            raise NotFoundError(
                f"holds no file of `{project}`",
                hint=f"there are files of {known}" if known else None,
                place=(self._origin,),
            )
        return Listing(project=project, files=files, origin=self._origin, one_release=True)

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        """What the file says; one that cannot be read gives Unreadable metadata with the reason.

        ``deep`` changes nothing: there is no hash and no sidecar to compare with.
        """
        if isinstance(artifact.name, OtherName):
            return _not_read(artifact.name.reason)
        path = Path(artifact.url)
        try:
            # Opening a pipe would wait for its writer, reading a device might never end.
            if not stat.S_ISREG(path.stat().st_mode):
                return _not_read("is no regular file")
            with path.open("rb") as file:
                read = reading_of_wheel if artifact.is_wheel else reading_of_sdist
                return read(file, artifact, limits=self._limits)
        except OSError as error:
            return _not_read(f"cannot be opened: {error.strerror or error}")

    def dist_info(self, artifact: Artifact, name: str) -> bytes:
        """A file of a wheel's dist-info folder; raises ArchiveError, SourceError."""
        path = Path(artifact.url)
        try:
            with path.open("rb") as file:
                return dist_info_file(file, name, place=artifact.filename)
        except OSError as error:
            raise SourceError(
                f"cannot be opened: {error.strerror or error}", place=(str(path),)
            ) from error


def _not_read(reason: str) -> Reading:
    return Reading(metadata=Unreadable(reason=reason), how=How.NOT_READ)


def _folder_of(path: Path) -> Path:
    # Not `Path.is_dir`: that one raises where a folder above may not be entered.
    return path if os.path.isdir(path) else path.parent  # noqa: PTH112


def _files(paths: Sequence[Path]) -> list[Path]:
    """The artifacts that the paths name, each once, sorted by file name."""
    found: dict[str, Path] = {}
    for path in paths:
        for file in _in_folder(path) if _folder_of(path) == path else [_named(path)]:
            known = found.setdefault(file.name, file)
            if known != file and known.resolve() != file.resolve():
                raise UsageError(
                    f"two files have the name `{file.name}`",
                    found=f"`{known}` and `{file}`",
                    expected="one, as in every release",
                )
    return [found[name] for name in sorted(found)]


def _in_folder(folder: Path) -> list[Path]:
    try:
        present = os.listdir(folder)  # noqa: PTH208
    except OSError as error:
        raise SourceError(
            f"cannot be listed: {error.strerror or error}", place=(str(folder),)
        ) from error
    # Not `Path.is_dir`: that one raises for a link that leads to itself.
    names = [name for name in present if not os.path.isdir(folder / name)]  # noqa: PTH112
    files = [folder / name for name in names if has_artifact_suffix(name)]
    if not files:
        folders = len(present) - len(names)
        counts = ((len(names), "other file"), (folders, "folder"))
        found = " and ".join(f"{n} {what}{'s' * (n > 1)}" for n, what in counts if n)
        raise NotFoundError(
            "holds no wheel and no sdist",
            found=found or "an empty folder",
            hint="build the project first, or name the folder that holds its files"
            + ("; folders in it are not looked into" if folders else ""),
            place=(str(folder),),
        )
    return files


def _named(path: Path) -> Path:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("no such file or folder", place=(str(path),)) from error
    except OSError as error:
        raise SourceError(
            f"cannot be looked at: {error.strerror or error}", place=(str(path),)
        ) from error
    if not has_artifact_suffix(path.name):
        raise UsageError(
            "is neither a wheel nor an sdist",
            hint="wheels end in `.whl`, sdists in `.tar.gz` or `.zip`",
            place=(str(path),),
        )
    return path


def _artifact(path: Path) -> Artifact:
    try:
        status = path.stat()
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
    except OSError:
        size = None  # reading it tells why
    return Artifact(filename=path.name, url=str(path), name=parse_filename(path.name), size=size)


def _place(
    artifacts: Sequence[Artifact],
) -> tuple[Mapping[NormalizedName, tuple[Artifact, ...]], tuple[Artifact, ...]]:
    """The artifacts by project, and those whose names tell none."""
    wheels = {item.name.project for item in artifacts if isinstance(item.name, WheelName)}
    artifacts = [_settled(item, wheels) for item in artifacts]
    projects = sorted(
        {item.name.project for item in artifacts if not isinstance(item.name, OtherName)}
    )
    placed: dict[NormalizedName, list[Artifact]] = {project: [] for project in projects}
    unplaced: list[Artifact] = []
    for item in artifacts:
        if not isinstance(item.name, OtherName):
            placed[item.name.project].append(item)
            continue
        # Eggs and installers are listed with the release that an index would list them with.
        fitting = [
            project
            for project in projects
            if not item.filename.endswith(".whl") and version_of(item, project) is not None
        ]
        (placed[fitting[0]] if len(fitting) == 1 else unplaced).append(item)
    return {project: tuple(files) for project, files in placed.items()}, tuple(unplaced)


def _settled(item: Artifact, projects: Collection[NormalizedName]) -> Artifact:
    """The sdist with its name read as that of a project of which there are wheels, if it can be.

    A legacy name such as `a-b-1.0-2.tar.gz` alone does not tell where the version begins; read
    without help it is version 2 of `a-b-1-0`.
    """
    if not isinstance(item.name, SdistName) or item.name.project in projects:
        return item
    readings = [parse_filename(item.filename, project) for project in sorted(projects)]
    fitting = [
        name for name in readings if isinstance(name, SdistName) and name.project in projects
    ]
    return replace(item, name=fitting[0]) if len(fitting) == 1 else item
