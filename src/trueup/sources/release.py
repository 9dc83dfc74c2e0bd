"""A release, gathered from any source: list the files of a version, read each, lose no reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import NotFoundError
from trueup.model.metadata import Unreadable
from trueup.model.release import How, Reading, Release, ReleaseFile
from trueup.model.version import parse_version
from trueup.model.watcher import Watcher
from trueup.sources.source import Listing, Source

__all__ = ["gather", "gather_all", "known_identical", "newest", "version_of", "versions"]

_SHOWN = 5


def gather(
    source: Source,
    project: str,
    version: Version | None = None,
    *,
    watcher: Watcher | None = None,
    deep: bool = False,
    workers: int = 16,
    for_class_only: bool = False,
) -> Release:
    """One release with all its files, in the order of the listing.

    ``version`` None means :func:`newest`. Wheels and sdists are read by up to ``workers`` threads
    at once; what is neither is listed unread. ``for_class_only`` leaves sdists unread, and wheels
    too if :func:`known_identical` says that reading them could tell nothing: their class is
    `identical` without it. What was left unread says so (`How.NOT_READ`).

    Raises NotFoundError, with versions that exist, if the project has no such version, and
    SourceError if the source does not answer.
    """
    listing = source.listing(canonicalize_name(project))
    present = _by_version(listing)
    if version is None:
        version = _newest(listing, present)
    elif version not in present:
        raise NotFoundError(
            f"has no version `{version}`",
            hint=_hint(version, present),
            place=(f"{listing.project}", listing.origin),
        )
    # As the files spell it: `3.0` finds 3.0.0.
    version = next(found for found in present if found == version)
    return _read_release(
        source,
        listing,
        version,
        present[version],
        watcher=watcher or Watcher(),
        deep=deep,
        workers=workers,
        for_class_only=for_class_only,
    )


def gather_all(
    source: Source,
    project: str,
    *,
    watcher: Watcher | None = None,
    deep: bool = False,
    workers: int = 16,
) -> tuple[Release, ...]:
    """Every release of the project that the source lists, newest first; raises as :func:`gather`."""
    listing = source.listing(canonicalize_name(project))
    return tuple(
        _read_release(
            source,
            listing,
            version,
            files,
            watcher=watcher or Watcher(),
            deep=deep,
            workers=workers,
            for_class_only=False,
        )
        for version, files in sorted(_by_version(listing).items(), reverse=True)
    )


def versions(source: Source, project: str) -> tuple[Version, ...]:
    """All versions that the source lists for the project, newest first."""
    return tuple(sorted(_by_version(source.listing(canonicalize_name(project))), reverse=True))


def newest(source: Source, project: str) -> Version:
    """The version meant by a bare name: the newest final one that is not yanked.

    Pre-releases count only if there is nothing else, yanked versions (PEP 592: all files yanked)
    only after them. Raises NotFoundError if the project has no version at all.
    """
    listing = source.listing(canonicalize_name(project))
    return _newest(listing, _by_version(listing))


def known_identical(files: Iterable[Artifact]) -> bool:
    """Whether the listing itself says that all wheels have the same metadata, byte for byte.

    True if there is a wheel, and the sidecars of all have the same sha256 (PEP 658, PEP 714).
    """
    digests = {(file.core_metadata or {}).get("sha256") for file in files if file.is_wheel}
    return len(digests) == 1 and None not in digests


def version_of(artifact: Artifact, project: NormalizedName) -> Version | None:
    """The version that a file's name tells; None if it tells none.

    Eggs, installers and malformed wheel names are taken apart as far as needed to list them with
    their release.
    """
    if not isinstance(artifact.name, OtherName):
        return artifact.name.version
    for match in re.finditer("-", artifact.filename):
        if canonicalize_name(artifact.filename[: match.start()]) != project:
            continue
        rest = artifact.filename[match.end() :].split("-", 1)[0]
        # `1.0.win32`, `1.0.linux`, `1.0.egg`: what follows a version in these names.
        rest = re.sub(r"\.(?:win|linux|macosx|egg|exe|msi|noarch|src|tar|zip|deb|dmg).*$", "", rest)
        return parse_version(rest)
    return None


def _by_version(listing: Listing) -> dict[Version, list[Artifact]]:
    present: dict[Version, list[Artifact]] = {}
    for artifact in listing.files:
        version = version_of(artifact, listing.project)
        if version is not None:
            present.setdefault(version, []).append(artifact)
    return present


def _newest(listing: Listing, present: dict[Version, list[Artifact]]) -> Version:
    def rank(version: Version) -> tuple[bool, bool, bool, Version]:
        files = present[version]
        judged = any(not isinstance(file.name, OtherName) for file in files)
        live = any(file.yanked is None for file in files)
        return judged, live, not version.is_prerelease, version

    if not present:
        raise NotFoundError(
            "has no release",
            found=f"{len(listing.files)} files" if listing.files else "an empty list of files",
            expected="at least one wheel or sdist",
            place=(f"{listing.project}", listing.origin),
        )
    return max(present, key=rank)


def _hint(version: Version, present: dict[Version, list[Artifact]]) -> str:
    ordered = sorted(present, reverse=True)
    if not ordered:
        return "it has no release at all"
    shown = ", ".join(str(item) for item in ordered[:_SHOWN])
    hint = (
        f"the newest of its {len(ordered)} versions are {shown}"
        if len(ordered) > 1
        else (f"its only version is {shown}")
    )
    # Neighbours: a local version or a post-release is easily left out.
    near = [item for item in ordered[_SHOWN:] if item.release[:2] == version.release[:2]]
    if near:
        hint += f"; close to it are {', '.join(str(item) for item in near[:_SHOWN])}"
    return hint


def _read_release(
    source: Source,
    listing: Listing,
    version: Version,
    files: Sequence[Artifact],
    *,
    watcher: Watcher,
    deep: bool,
    workers: int,
    for_class_only: bool,
) -> Release:
    same = for_class_only and not deep and known_identical(files)
    readings: list[Reading | None] = [
        _not_read(file, same=same, for_class_only=for_class_only) for file in files
    ]
    wanted = [index for index, reading in enumerate(readings) if reading is None]
    watcher.expect(len(wanted))

    def read(index: int) -> None:
        readings[index] = source.read(files[index], deep=deep)
        watcher.done(files[index].filename)

    for batch in _batches(wanted, files, deep=deep):
        _in_threads(read, batch, workers)
    return Release(
        project=listing.project,
        version=version,
        files=tuple(
            ReleaseFile(artifact=file, reading=reading)
            for file, reading in zip(files, readings, strict=True)
            if reading is not None
        ),
        origin=listing.origin,
        status=listing.status,
        siblings=tuple(
            sorted(
                other
                for other in _by_version(listing)
                if other != version and (listing.one_release or other.public == version.public)
            )
        ),
    )


def _not_read(file: Artifact, *, same: bool, for_class_only: bool) -> Reading | None:
    """The reading of a file that is not read at all, with the reason; None for one to be read."""
    reason = None
    if isinstance(file.name, OtherName):
        reason = file.name.reason
    elif same and file.is_wheel:
        reason = "not read: the index gives all wheels the same metadata hash"
    elif for_class_only and file.is_sdist:
        reason = "not read: only the wheels were asked for"
    return None if reason is None else Reading(metadata=Unreadable(reason=reason), how=How.NOT_READ)


def _batches(
    wanted: Sequence[int], files: Sequence[Artifact], *, deep: bool
) -> tuple[list[int], list[int]]:
    """First one file of each sidecar hash, then those that share it and cost nothing any more.

    So the first in the listing is always the one that is fetched, whichever thread is faster.
    """
    seen: set[str] = set()
    first: list[int] = []
    then: list[int] = []
    for index in wanted:
        digest = (files[index].core_metadata or {}).get("sha256")
        if deep or digest is None or digest not in seen:
            first.append(index)
            seen.add(digest or "")
        else:
            then.append(index)
    return first, then


def _in_threads(read: Callable[[int], None], batch: Sequence[int], workers: int) -> None:
    if len(batch) < 2 or workers < 2:
        for index in batch:
            read(index)
        return
    with ThreadPoolExecutor(min(workers, len(batch)), thread_name_prefix="trueup") as pool:
        futures = [pool.submit(read, index) for index in batch]
        try:
            for future in futures:
                future.result()
        except BaseException:
            # The place does not answer (or the user has had enough): ask no more of it.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
