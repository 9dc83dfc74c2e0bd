"""A lock, gathered: its files looked up where they come from, and those that are picked are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from packaging.utils import NormalizedName

from trueup.judge.lock import FileFact
from trueup.judge.picks import FileKey, Pick, Readings, key_of
from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import SourceError, TrueupError
from trueup.model.lock import Lock, LockEntry, PlaceKind
from trueup.model.metadata import Metadata
from trueup.model.release import Reading
from trueup.model.watcher import Watcher
from trueup.sources.source import Listing, Source

__all__ = ["Completed", "complete", "facts_of", "read_picks", "remapped"]

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 24
"""Requests are limited per host below this layer; the rest waits in threads."""

SourceFor = Callable[[str | None], Source]
"""Gives the source of an index address (None: the configured one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A lock whose files are looked up.

    ``listed`` are the files that the index lists for an entry's version, by the entry's number
    (missing: it was not asked, or does not know the project); ``failures`` are (what, why).
    """

    lock: Lock
    listed: Mapping[int, Mapping[str, Artifact]]
    failures: tuple[tuple[str, str], ...] = ()


def complete(lock: Lock, source_for: SourceFor, *, watcher: Watcher | None = None) -> Completed:
    """Look up every project of the lock, several at a time.

    A file that the index lists under the same name replaces that of the lock, so that its sidecar is
    known; what the index says of its hash and size is kept for :func:`facts_of`. Entries of locks
    that list no files get those of the index whose hash the lock has.
    """
    watcher = watcher or Watcher()
    wanted = sorted(
        {
            (entry.project, entry.place.location or "")
            for entry in lock.entries
            if entry.place.kind is PlaceKind.INDEX
            and entry.version is not None
            and not (entry.files and all(file.url.startswith("file:") for file in entry.files))
        }
    )
    watcher.expect(len(wanted))

    def ask(key: tuple[NormalizedName, str]) -> Listing | TrueupError:
        try:
            return source_for(key[1] or None).listing(key[0])
        except SourceError as error:
            return error
        finally:
            watcher.done(key[0])

    answers = dict(zip(wanted, _side_by_side(ask, wanted), strict=True))
    entries: list[LockEntry] = []
    listed: dict[int, Mapping[str, Artifact]] = {}
    for number, entry in enumerate(lock.entries):
        answer = answers.get((entry.project, entry.place.location or ""))
        if not isinstance(answer, Listing):
            entries.append(entry)
            continue
        # A page lists thousands of files, and only those of one version are looked at.
        version = entry.version
        of_version = answer.of_version(version) if version is not None else ()
        files = {file.filename: file for file in of_version}
        listed[number] = files
        entries.append(_completed(entry, files))
    failures = {
        project: (project, _reason(answer))
        for (project, _), answer in answers.items()
        if isinstance(answer, TrueupError)
    }
    return Completed(
        lock=replace(lock, entries=tuple(entries)),
        listed=listed,
        failures=tuple(failures.values()),
    )


def _reason(error: TrueupError) -> str:
    return str(error) if error.hint is None else f"{error}; {error.hint}"


def _completed(entry: LockEntry, listed: Mapping[str, Artifact]) -> LockEntry:
    if not entry.complete:
        files = [
            file
            for file in listed.values()
            if not isinstance(file.name, OtherName) and _may_be(file, entry.digests)
        ]
        return replace(entry, files=tuple(files))
    files = [_as_listed(file, listed.get(file.filename)) for file in entry.files]
    return replace(entry, files=tuple(files))


def _may_be(file: Artifact, digests: frozenset[str]) -> bool:
    """Whether a listed file is one that the lock has the hash of; unknown hashes may be."""
    if not digests:
        return True
    known = {f"{name}:{digest}" for name, digest in file.hashes.items()}
    algorithms = {digest.partition(":")[0] for digest in digests}
    comparable = {digest for digest in known if digest.partition(":")[0] in algorithms}
    return not comparable or bool(comparable & digests)


def _as_listed(file: Artifact, listed: Artifact | None) -> Artifact:
    if listed is None:
        return file
    return replace(
        listed,
        hashes=listed.hashes or file.hashes,
        size=listed.size if listed.size is not None else file.size,
    )


def read_picks(
    picks: Iterable[Iterable[Pick]],
    read: Callable[[Artifact], Reading],
    *,
    watcher: Watcher | None = None,
) -> Readings:
    """The metadata of every file that is picked, each distinct file once, several at a time."""
    watcher = watcher or Watcher()
    files: dict[FileKey, Artifact] = {}
    for group in picks:
        for pick in group:
            if pick.artifact.url:
                files.setdefault(key_of(pick.artifact), pick.artifact)
    watcher.expect(len(files))
    # One file of each sidecar first: those that share its hash then cost nothing.
    first: dict[str, FileKey] = {}
    for key, file in files.items():
        first.setdefault((file.core_metadata or {}).get("sha256") or file.url, key)
    batches = [_spread(files, first.values()), sorted(files.keys() - set(first.values()))]

    def one(key: FileKey) -> Reading:
        reading = read(files[key])
        watcher.done(key[0])
        return reading

    readings: dict[FileKey, Reading] = {}
    for batch in batches:
        readings.update(zip(batch, _side_by_side(one, batch), strict=True))
    return readings


def _spread(files: Mapping[FileKey, Artifact], keys: Iterable[FileKey]) -> list[FileKey]:
    """An order in which threads do not wait for each other.

    Sdists come first, for they are fetched up to where their metadata is, and that takes longest.
    Then one wheel of each project in turn: whether a release has sidecars that nobody advertises is
    found out with its first wheels, while the others of the release wait.
    """
    turns: Counter[object] = Counter()
    ranks = {}
    for key in sorted(keys):
        file = files[key]
        project = None if isinstance(file.name, OtherName) else file.name.project
        ranks[key] = (not file.is_sdist, turns[project], key)
        turns[project] += 1
    return sorted(ranks, key=ranks.__getitem__)


def facts_of(
    before: Lock, completed: Completed, picks: Sequence[Iterable[Pick]], readings: Readings
) -> tuple[FileFact, ...]:
    """What the index says against the files that are picked; ``before`` is the lock as written."""
    facts = []
    for number, (entry, group) in enumerate(zip(before.entries, picks, strict=True)):
        listed = completed.listed.get(number)
        if listed is None:
            continue
        if not listed and entry.place.kind is PlaceKind.INDEX:
            facts.append(
                FileFact(entry=number, filename="", what="vanished", found="", expected="")
            )
            continue
        written = {file.filename: file for file in entry.files}
        for pick in group:
            name = pick.artifact.filename
            if getattr(pick.artifact.name, "version", entry.version) != entry.version:
                continue  # the lock contradicts itself; the index says nothing about that
            facts += _file_facts(number, written.get(name), listed.get(name), name)
            facts += _metadata_facts(number, entry, pick, readings)
    return tuple(facts)


def _file_facts(
    number: int, written: Artifact | None, listed: Artifact | None, name: str
) -> Iterable[FileFact]:
    if listed is None:
        yield FileFact(entry=number, filename=name, what="vanished", found="", expected="")
        return
    if listed.yanked is not None:
        reason = listed.yanked or "no reason given"
        yield FileFact(entry=number, filename=name, what="yanked", found=reason, expected="")
    if written is None:
        return
    for algorithm in sorted(written.hashes.keys() & listed.hashes.keys()):
        if written.hashes[algorithm] != listed.hashes[algorithm]:
            yield FileFact(
                entry=number,
                filename=name,
                what="hash",
                found=f"{algorithm}:{written.hashes[algorithm]}",
                expected=f"{algorithm}:{listed.hashes[algorithm]}",
            )
    if written.size is not None and listed.size is not None and written.size != listed.size:
        yield FileFact(
            entry=number,
            filename=name,
            what="size",
            found=f"{written.size:,} bytes",
            expected=f"{listed.size:,} bytes",
        )


def _metadata_facts(
    number: int, entry: LockEntry, pick: Pick, readings: Readings
) -> Iterable[FileFact]:
    recorded = entry.recorded.get(pick.artifact.filename)
    reading = readings.get(key_of(pick.artifact))
    if recorded is None or reading is None or not isinstance(reading.metadata, Metadata):
        return
    if reading.metadata.digest != recorded:
        yield FileFact(
            entry=number,
            filename=pick.artifact.filename,
            what="metadata",
            found=f"sha256:{recorded}",
            expected=f"sha256:{reading.metadata.digest}",
        )


def remapped(lock: Lock, mapping: Mapping[str, str]) -> Lock:
    """The lock with every address that starts with a key of the mapping moved to its value."""

    def moved(url: str | None) -> str | None:
        if url is None:
            return None
        for prefix, target in mapping.items():
            if url.startswith(prefix):
                return target + url.removeprefix(prefix)
        return url

    entries = [
        replace(
            entry,
            files=tuple(replace(file, url=moved(file.url) or "") for file in entry.files),
            place=replace(entry.place, location=moved(entry.place.location)),
            edges=tuple(
                replace(edge, location=moved(edge.location)) if edge.location else edge
                for edge in entry.edges
            ),
        )
        for entry in lock.entries
    ]
    indexes = tuple(moved(index) or index for index in lock.indexes)
    return replace(lock, entries=tuple(entries), indexes=indexes)


def _side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    if len(items) < 2:
        return [work(item) for item in items]
    pool = ThreadPoolExecutor(min(WORKERS, len(items)), thread_name_prefix="lock")
    try:
        return list(pool.map(work, items))
    finally:
        # On an interruption nothing waits for requests that are still under way.
        pool.shutdown(wait=False, cancel_futures=True)
