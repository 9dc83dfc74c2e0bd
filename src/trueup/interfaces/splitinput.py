"""From what a user names to the wheels of one release, and what earlier releases did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

from packaging.tags import Tag
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.interfaces.target import AskedPath, AskedRelease, parse_target
from trueup.interfaces.wanted import Places
from trueup.judge.companion import PreviousCompanion, bundle_folder
from trueup.judge.layouts import platform_of
from trueup.model.artifact import Artifact, WheelName
from trueup.model.errors import NotFoundError, SourceError, TrueupError, UsageError
from trueup.model.library import Distribution
from trueup.model.libraryname import parse_library_name
from trueup.model.split import SplitWheel
from trueup.model.watcher import Watcher
from trueup.sources.binary.dwarf import type_table
from trueup.sources.nativewheel import read_native_wheel
from trueup.sources.release import newest
from trueup.sources.splitwheel import member_digests, member_names, read_split_wheel

__all__ = [
    "owned_paths",
    "previous_companion",
    "read_distributions",
    "read_wheels",
    "type_tables",
    "wheel_paths",
]


def wheel_paths(texts: Sequence[str], places: Places, scratch: Path) -> list[Path]:
    """The wheels that are named: files, those of folders, or a release that is fetched."""
    paths: list[Path] = []
    for text in texts:
        asked = parse_target(text, directory=places.directory)
        match asked:
            case AskedPath(path=path) if path.is_dir():
                found = sorted(path.glob("*.whl"))
                if not found:
                    raise NotFoundError("holds no wheels", place=(str(path),))
                paths += found
            case AskedPath(path=path):
                paths.append(path)
            case AskedRelease():
                paths += _downloaded(asked, places, scratch)
            case _:
                raise UsageError(
                    "an address cannot be split",
                    hint="download the file, or name `NAME==VERSION`",
                )
    for path in paths:
        if path.suffix != ".whl":
            raise UsageError("is no wheel", place=(str(path),))
    # What a folder holds may be named besides.
    return list({path.parent.resolve() / path.name: path for path in paths}.values())


def _downloaded(asked: AskedRelease, places: Places, scratch: Path) -> list[Path]:
    source = places.configured()
    version = asked.version or newest(source, asked.project)
    files = source.listing(asked.project).by_version().get(version, ())
    wheels = [file for file in files if file.is_wheel and file.yanked is None]
    if not wheels:
        raise NotFoundError("has no wheels", place=(asked.text,))
    return [source.download(file, scratch) for file in wheels]


def read_wheels(paths: Sequence[Path], watcher: Watcher) -> tuple[SplitWheel, ...]:
    """Read them one after the other; raises TrueupError with the file."""
    watcher.expect(len(paths))
    found = []
    for path in paths:
        found.append(read_split_wheel(path))
        watcher.done(path.name)
    return tuple(found)


def read_distributions(paths: Sequence[Path], watcher: Watcher) -> tuple[Distribution, ...]:
    """Read the native files of wheels; raises TrueupError with the file."""
    watcher.expect(len(paths))
    found = []
    for path in paths:
        try:
            with path.open("rb") as file:
                found.append(read_native_wheel(file, path.name, origin=str(path)))
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}", place=(str(path),)
            ) from error
        except TrueupError as error:
            raise error.within(str(path)) from error
        watcher.done(path.name)
    return tuple(found)


def type_tables(
    wheels: Sequence[Distribution], libraries: Sequence[str]
) -> dict[str, Mapping[str, str]]:
    """Layouts of types of the libraries that have debug information, by the sha256 of the file."""
    found: dict[str, Mapping[str, str]] = {}
    for wheel in wheels:
        for file in wheel.files:
            wanted = parse_library_name(file.filename).stem in libraries
            if wanted and any(image.debug for image in file.readable):
                with ZipFile(wheel.origin) as archive:
                    members = member_names(archive.namelist(), wheel.tags)
                    table = type_table(archive.read(members[file.path]))
                if table is not None:
                    found[file.sha256] = table
    return found


def previous_companion(paths: Sequence[Path], project: NormalizedName) -> PreviousCompanion:
    """The companions of an earlier release of a project, by their platform tags.

    Wheels of the project itself, which lie beside them after a split, do not matter. Raises
    UsageError if the others are of several releases, or two of them of one platform.
    """
    releases: set[tuple[NormalizedName, Version]] = set()
    platforms: dict[tuple[str, ...], Mapping[str, str]] = {}
    for path in paths:
        name, digests = member_digests(path)
        if name.project == project:
            continue
        releases.add((name.project, name.version))
        tags = tuple(sorted({tag.platform for tag in name.tags}))
        if tags in platforms:
            raise UsageError("`--previous` names two wheels of one platform", place=(str(path),))
        platforms[tags] = digests
    if len(releases) != 1:
        raise UsageError(
            "`--previous` names the companions of one release",
            found=", ".join(sorted(f"{name} {version}" for name, version in releases)) or "none",
        )
    ((companion, version),) = releases
    return PreviousCompanion(project=companion, version=version, platforms=platforms)


def owned_paths(wheels: Sequence[SplitWheel], places: Places, watcher: Watcher) -> dict[str, str]:
    """Paths of bundled libraries in other releases on the index, and one file that has each.

    Asked only for platforms whose libraries cannot move to another folder; of each other release,
    a later one too, for this may be a fix of an older series, one wheel per platform is looked
    into, by ranges. An index that does not know the project owns nothing.
    """
    staying = [wheel for wheel in wheels if wheel.bundled and not _moves(wheel)]
    if not staying:
        return {}
    project, version = staying[0].distribution.project, staying[0].distribution.version
    platforms = {p for wheel in staying for p in _platforms(wheel.distribution.tags)}
    chosen = _others(project, version, platforms, places)
    watcher.expect(len(chosen))
    owned: dict[str, str] = {}
    source = places.configured()
    for file in chosen:
        try:
            names = source.members(file)
        except TrueupError as error:
            raise error.within(file.filename) from error
        for name in names:
            if bundle_folder(name) is not None:
                owned.setdefault(name, file.filename)
        watcher.done(file.filename)
    return owned


def _others(
    project: NormalizedName, version: Version, platforms: set[str], places: Places
) -> list[Artifact]:
    try:
        listing = places.configured().listing(project)
    except NotFoundError:
        return []
    found: dict[tuple[Version, str], Artifact] = {}
    for other, files in listing.by_version().items():
        for file in files:
            if other != version and isinstance(file.name, WheelName):
                for platform in _platforms(file.name.tags) & platforms:
                    found[other, platform] = file
    return list({file.filename: file for file in found.values()}.values())


def _platforms(tags: frozenset[Tag]) -> set[str]:
    return {p for tag in tags for p in platform_of(tag.platform)}


def _moves(wheel: SplitWheel) -> bool:
    return all(p.startswith("Linux") for p in _platforms(wheel.distribution.tags))
