"""`serve upload`: releases go to an index in publishing sessions, and come out whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import OtherName, parse_filename
from trueup.model.errors import TrueupError, UsageError
from trueup.model.watcher import Watcher
from trueup.sources.uploadindex import RemoteFile, RemoteSession, UploadError

__all__ = ["SentFile", "SentRelease", "Target", "found_files", "upload"]


class Target(Protocol):
    """Where releases go: an index, or what stands for one."""

    def open(self, project: str, version: str) -> RemoteSession:
        """A session for a release: a new one, or the one that it has."""
        ...

    def status(self, session: RemoteSession) -> RemoteSession:
        """The session as it is now."""
        ...

    def send(self, session: RemoteSession, path: Path) -> RemoteFile:
        """Send a file; one of that name is replaced."""
        ...

    def publish(self, session: RemoteSession) -> RemoteSession:
        """Have the release shown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """What became of a file: ``error`` is why it was not taken, ``notices`` what is wrong with it
    beside the others, when all had come.
    """

    path: Path
    error: TrueupError | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRelease:
    """What became of a release; ``session`` None: not even that was to be had, ``error`` is why it
    was not published though it was to be.
    """

    project: NormalizedName
    version: Version
    files: tuple[SentFile, ...]
    session: RemoteSession | None = None
    published: bool = False
    error: TrueupError | None = None

    @property
    def holds(self) -> bool:
        """Whether everything that was to be done is done."""
        return self.error is None and all(file.error is None for file in self.files)


def found_files(places: Iterable[Path]) -> tuple[Path, ...]:
    """Wheels and sdists: files, and what lies directly in folders.

    Raises UsageError for a file that is neither, and where there is none at all.
    """
    found: dict[Path, None] = {}
    for place in places:
        if not place.is_dir():
            name = parse_filename(place.name)
            if isinstance(name, OtherName):
                raise UsageError("cannot be uploaded", found=name.reason, place=(str(place),))
            found[place] = None
            continue
        for path in sorted(place.iterdir()):
            if path.is_file() and not isinstance(parse_filename(path.name), OtherName):
                found[path] = None
    if not found:
        raise UsageError("there is nothing to upload", expected="wheels and sdists")
    names = [path.name for path in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"`{twice}` is there twice", hint="each name is uploaded once")
    return tuple(found)


def upload(
    paths: Sequence[Path], target: Target, *, publish: bool, watcher: Watcher | None = None
) -> tuple[SentRelease, ...]:
    """Send files, release by release; with ``publish`` each release that was taken whole is shown.

    What fails is in the results, so that the other files are sent all the same.
    """
    watcher = watcher or Watcher()
    watcher.expect(len(paths))
    releases: dict[tuple[NormalizedName, Version], list[Path]] = {}
    for path in paths:
        name = parse_filename(path.name)
        assert not isinstance(name, OtherName)  # found_files lets none through
        releases.setdefault((name.project, name.version), []).append(path)
    return tuple(
        _release(key, files, target, publish=publish, watcher=watcher)
        for key, files in releases.items()
    )


def _release(
    key: tuple[NormalizedName, Version],
    paths: Sequence[Path],
    target: Target,
    *,
    publish: bool,
    watcher: Watcher,
) -> SentRelease:
    project, version = key
    try:
        session = target.open(project, str(version))
    except TrueupError as error:
        for path in paths:
            watcher.done(path.name)
        files = tuple(SentFile(path=path) for path in paths)
        return SentRelease(project=project, version=version, files=files, error=error)
    errors = {path: _send(target, session, path, watcher) for path in paths}
    told, published = session, False
    failure: TrueupError | None = None
    try:
        told = target.status(session)
        if publish and not any(errors.values()):
            published = target.publish(session).status == "published"
            if not published:
                failure = UploadError("the index is not done yet", hint="look at the session later")
    except TrueupError as error:
        failure = error
    files = tuple(
        SentFile(path=path, error=error, notices=_notices(told, path, error))
        for path, error in errors.items()
    )
    return SentRelease(
        project=project, version=version, files=files, session=told, published=published,
        error=failure,
    )  # fmt: skip


def _send(
    target: Target, session: RemoteSession, path: Path, watcher: Watcher
) -> TrueupError | None:
    try:
        target.send(session, path)
    except TrueupError as error:
        return error
    except OSError as error:
        return UsageError(f"cannot be read: {error.strerror or error}", place=(str(path),))
    finally:
        watcher.done(path.name)
    return None


def _notices(session: RemoteSession, path: Path, error: TrueupError | None) -> tuple[str, ...]:
    known = session.files.get(path.name)
    return () if known is None or error is not None else known.notices
