"""Which releases a requirements file or a lock names: names and versions, nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from trueup.model.errors import SourceError
from trueup.model.lock import Lock, LockEntry, LockFault, LockKind, PlaceKind
from trueup.model.named import LeftOut, NamedRelease, NamedReleases
from trueup.sources.lockfiles.document import MAX_BYTES, text_reader
from trueup.sources.lockfiles.read import is_requirements, read_document
from trueup.sources.lockfiles.uv import is_group_entry
from trueup.sources.requirements import read_requirements

__all__ = ["MAX_BYTES", "read_named"]

Entry = NamedRelease | LeftOut


def read_named(path: Path, *, environ: Mapping[str, str] | None = None) -> NamedReleases:
    """Read the releases that a file names.

    Understood are `uv.lock`, `poetry.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock` and
    requirements files, told apart by their content, so that a renamed one is read too. ``environ``
    expands ``${NAME}`` in addresses, as pip and Pipenv do. Raises NotFoundError for a missing
    file, LimitError for one above MAX_BYTES, UsageError for a document of another kind, and
    SourceError, with the line, for one that is malformed, be it in one entry.
    """
    environ = environ or {}
    read = text_reader(MAX_BYTES)
    text = read(path)
    if is_requirements(path, text):
        # The text that was read already, so that it counts once.
        return read_requirements(
            path, read=lambda file: text if file == path else read(file), environ=environ
        )
    lock = read_document(path, text, environ=environ, project=path.parent)
    entries = list(_of_lock(lock))
    releases: dict[object, NamedRelease] = {}
    for entry in entries:
        if isinstance(entry, NamedRelease):
            # A lock may name a release in several entries: per extra (PDM), per environment (uv).
            releases.setdefault((entry.project, entry.version, entry.index), entry)
    return NamedReleases(
        releases=tuple(releases.values()),
        left_out=tuple(entry for entry in entries if isinstance(entry, LeftOut)),
    )


def _of_lock(lock: Lock) -> Iterator[Entry]:
    for fault in lock.faults:
        if _loses_an_entry(fault, lock):
            raise _refusal(fault)
    beside = lock.kind in (LockKind.POETRY, LockKind.PDM)
    for entry in lock.entries:
        # The project beside these locks is none of what they name, nor is a group.
        if not (beside and entry.root) and not is_group_entry(entry):
            yield _named(entry, lock)


def _refusal(fault: LockFault) -> SourceError:
    of = f" of `{fault.project}`" if fault.project else ""
    return SourceError(
        f"`{fault.key}`{of}", found=fault.found, expected=fault.expected, place=(fault.origin,)
    )


def _loses_an_entry(fault: LockFault, lock: Lock) -> bool:
    """Whether a release that the lock means cannot be told from it."""
    if fault.key == "name" or fault.key.startswith("package["):
        return fault.project is None
    if fault.key != "version" or (lock.kind is LockKind.UV and fault.project is None):
        return False  # The latter is the version of the format.
    # Pipenv writes `*` for what it does not pin.
    return lock.kind is not LockKind.PIPFILE


def _named(entry: LockEntry, lock: Lock) -> NamedRelease | LeftOut:
    """The release of an entry; ``origin`` is its place."""
    reason = _place_reason(entry)
    if lock.kind is LockKind.PDM and entry.place.kind in (PlaceKind.DIRECTORY, PlaceKind.ARCHIVE):
        # PDM writes `path` for a folder and for a file alike.
        archive = (entry.place.location or "").startswith(("http://", "https://"))
        reason = _elsewhere("url" if archive else "path")
    if reason is None and entry.version is None:
        pipenv = lock.kind is LockKind.PIPFILE
        reason = "is not pinned to one version" if pipenv else "has no version"
    if reason is not None or entry.version is None:
        return LeftOut(what=entry.project, reason=reason or "", origin=entry.origin)
    return NamedRelease(
        project=entry.project,
        version=entry.version,
        origin=entry.origin,
        index=entry.place.location,
    )


def _place_reason(entry: LockEntry) -> str | None:
    """Why an entry is no release of an index, None if it is one."""
    location = entry.place.location or ""
    match entry.place.kind:
        case PlaceKind.INDEX:
            if not location or location.startswith(("http://", "https://")):
                return None
            return f"comes from the local folder `{location}`; check that folder itself"
        case PlaceKind.VCS:
            # The address of a repository that is no Git one starts with its system, `hg+https:`.
            system = location.partition("+")[0]
            return _elsewhere(system if system in _ELSEWHERE else "git")
        case PlaceKind.ARCHIVE | PlaceKind.DIRECTORY:
            return _elsewhere(entry.place.kind)


_ELSEWHERE = {
    "editable": "a project folder", "virtual": "a project folder", "directory": "a project folder",
    "path": "a path", "file": "a file", "archive": "an archive", "url": "an address",
    "git": "a Git repository", "hg": "a Mercurial repository", "svn": "a Subversion repository",
    "bzr": "a Bazaar repository", "vcs": "a version control system",
}  # fmt: skip


def _elsewhere(kind: str) -> str:
    return f"comes from {_ELSEWHERE.get(kind, f'`{kind}`')}, not from an index"
