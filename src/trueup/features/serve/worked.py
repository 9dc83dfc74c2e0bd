"""A view around a view: releases are looked into one by one, and shown as far as that has come.

A page that is asked for waits a while for the newest releases, and not for the others: they are
looked into in the background, and what was found is kept for good.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.derived import DerivedFile, Workshop, with_build
from trueup.features.serve.looker import Beat, Job, Looker
from trueup.features.serve.outcome import Account, Outcome, outcome_of
from trueup.features.serve.shelves import Shelf, file_path
from trueup.model.artifact import Artifact, WheelName, parse_filename
from trueup.model.metadata import parse_metadata
from trueup.model.release import How, Reading
from trueup.sources.source import Listing
from trueup.sources.store.store import Store

__all__ = ["Bench", "Step", "Worked"]

_CODE = "1"
"""To be changed when the same files would come out otherwise than before."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the steps of all views share.

    A page waits up to ``patience`` seconds for the ``newest`` releases that it has to do with, and
    up to ``glimpse`` for all others.
    """

    store: Store
    workshop: Workshop
    looker: Looker
    clock: Callable[[], float] = time.time
    newest: int = 3
    patience: float = 10.0
    glimpse: float = 1.0


class Step(Protocol):
    """What a view does with a release.

    ``label`` ends the build tags of its derived wheels; ``holds_back``: what was not looked into is
    not listed.
    """

    name: str
    label: str
    holds_back: bool

    def concerns(
        self, project: NormalizedName, version: Version, files: Sequence[Artifact]
    ) -> bool:
        """Whether a look at the release could change anything; what the page says must do."""
        ...

    def mark(self, project: NormalizedName, version: Version) -> str:
        """What an outcome rests on besides the files."""
        ...

    def work(
        self,
        inner: Shelf,
        project: NormalizedName,
        version: Version,
        files: Sequence[Artifact],
        beat: Beat,
    ) -> Outcome:
        """Look into a release; ``beat`` is called between files. Raises TrueupError."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Room:
    """A release that the step is about; ``outcome`` None: nobody looked into it yet."""

    version: Version
    files: Sequence[Artifact]
    key: str
    outcome: Outcome | None = None
    anew: bool = False


class Worked:
    """A shelf around a shelf: the same projects, and what a step makes of their releases."""

    def __init__(self, inner: Shelf, step: Step, bench: Bench) -> None:
        self._inner = inner
        self._step = step
        self._bench = bench
        self._accounts: dict[NormalizedName, tuple[Account, ...]] = {}
        self._superseded: dict[NormalizedName, frozenset[str]] = {}

    def owns(self, project: NormalizedName) -> bool:
        return self._inner.owns(project)

    def stale(self, project: NormalizedName) -> bool:
        return self._inner.stale(project)

    def accounts(self, project: NormalizedName) -> Sequence[Account]:
        return [*self._inner.accounts(project), *self._accounts.get(project, ())]

    def superseded(self, project: NormalizedName) -> frozenset[str]:
        return self._superseded.get(project, frozenset())

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        derived = self._bench.store.derived(artifact.hashes.get("sha256", ""))
        if derived is None:
            return self._inner.read(artifact, deep=deep)
        metadata = parse_metadata(bytes(derived.core_metadata))
        return Reading(metadata=metadata, how=How.FILE, verified=True)

    def listing(self, project: NormalizedName) -> Listing:
        listing = self._inner.listing(project)
        rooms = self._known(project, self._rooms(listing))
        now = self._bench.clock()
        open_ = [room for room in rooms if room.outcome is None or not room.outcome.holds(now)]
        # Of an index behind that is away nothing can be read.
        if open_ and not self._inner.stale(project):
            self._work(project, open_, {room.version for room in rooms[: self._bench.newest]})
            rooms = self._known(project, rooms)
        return self._shown(listing, rooms)

    def _rooms(self, listing: Listing) -> list[_Room]:
        """The releases that the step is about: final ones first, the newest first."""
        project = listing.project
        old = self._inner.superseded(project)
        found = []
        for version, all_files in listing.by_version().items():
            files = [file for file in all_files if file.filename not in old] if old else all_files
            if self._step.concerns(project, version, files):
                key = self._key(project, version, files)
                found.append(_Room(version=version, files=files, key=key))
        found.sort(key=lambda room: (not room.version.is_prerelease, room.version), reverse=True)
        return found

    def _key(self, project: NormalizedName, version: Version, files: Iterable[Artifact]) -> str:
        """A digest of all that the outcome rests on."""
        said = sorted(
            (
                file.filename,
                file.hashes.get("sha256") or file.url,
                file.index_requires_python or "",
                "" if file.yanked is None else "yanked",
                "" if file.core_metadata is None else file.core_metadata.get("sha256", "?"),
            )
            for file in files
        )
        text = repr((_CODE, self._step.name, self._step.mark(project, version), str(version), said))
        return hashlib.sha256(text.encode()).hexdigest()

    def _known(self, project: NormalizedName, rooms: Sequence[_Room]) -> list[_Room]:
        """The same with what is kept; a derived wheel that is lost has its release done again."""
        kept = self._bench.store.outcomes(project) if rooms else {}
        found = [
            replace(room, outcome=outcome_of(kept[room.key]) if room.key in kept else None)
            for room in rooms
        ]
        wanted = {one.sha256 for room in found if room.outcome for one in room.outcome.derived}
        missing = wanted - set(self._bench.store.known_derived(wanted))
        if not missing:
            return found
        return [
            replace(room, outcome=None, anew=True)
            if room.outcome and missing & {one.sha256 for one in room.outcome.derived}
            else room
            for room in found
        ]

    def _work(self, project: NormalizedName, rooms: Sequence[_Room], newest: set[Version]) -> None:
        bench, started = self._bench, time.monotonic()
        bench.looker.want([self._job(project, room) for room in rooms])
        urgent = [room.key for room in rooms if room.version in newest]
        if urgent:
            bench.looker.hurry(urgent)
            bench.looker.wait(urgent, bench.patience)
        left = bench.glimpse - (time.monotonic() - started)
        if left > 0:
            bench.looker.wait([room.key for room in rooms], left)

    def _job(self, project: NormalizedName, room: _Room) -> Job:
        def run(beat: Beat) -> Outcome:
            return self._step.work(self._inner, project, room.version, room.files, beat)

        return Job(
            key=room.key,
            step=self._step.name,
            project=project,
            version=room.version,
            run=run,
            anew=room.anew,
        )

    # --- the page -----------------------------------------------------------------------------------

    def _shown(self, listing: Listing, rooms: Sequence[_Room]) -> Listing:
        self._accounts[listing.project] = tuple(
            Account(step=self._step.name, version=room.version, outcome=room.outcome)
            for room in rooms
        )
        hidden: set[str] = set()
        yanked: dict[str, str] = {}
        derived: list[Artifact] = []
        for room in rooms:
            outcome = room.outcome
            if outcome is None or not outcome.verdict.is_known:
                if self._step.holds_back:
                    hidden |= {file.filename for file in room.files}
                continue
            hidden |= set(outcome.hidden)
            yanked |= outcome.yanked
            originals = {file.filename: file for file in room.files}
            derived += [_listed(originals[one.of], one) for one in outcome.derived]
        kept = [
            replace(file, yanked=yanked[file.filename]) if file.filename in yanked else file
            for file in listing.files
            if file.filename not in hidden
        ]
        earlier = self._earlier(listing, rooms, hidden | {file.filename for file in derived})
        self._superseded[listing.project] = frozenset(
            {
                *self._inner.superseded(listing.project),
                *(one.of for room in rooms if room.outcome for one in room.outcome.derived),
                *(file.filename for file in earlier),
            }
        )
        return replace(listing, files=[*derived, *kept, *earlier])

    def _earlier(
        self, listing: Listing, rooms: Sequence[_Room], without: set[str]
    ) -> list[Artifact]:
        """Wheels that were derived from files of the page before: locks may name them."""
        wheels = {
            file.filename: file
            for room in rooms
            for file in room.files
            if file.is_wheel and file.filename not in without
        }
        if not wheels:
            return []
        found = []
        originals = {file.hashes["sha256"] for file in listing.files if "sha256" in file.hashes}
        for row in self._bench.store.derived_of(originals):
            names = _made_of(row.filename, self._step.label)
            of = next((name for name in names if name in wheels), None)
            if of is not None and row.filename not in without:
                found.append(self._again(wheels[of], row.sha256, row.filename, row.size))
        return found

    def _again(self, original: Artifact, sha256: str, filename: str, size: int) -> Artifact:
        row = self._bench.store.derived(sha256)
        data = b"" if row is None else bytes(row.core_metadata)
        metadata = parse_metadata(data)
        digest = hashlib.sha256(data).hexdigest()
        python = getattr(metadata, "first", lambda name: None)("requires-python")
        one = DerivedFile(
            filename=filename, of=original.filename, sha256=sha256, size=size, metadata=digest,
            requires_python=python,
        )  # fmt: skip
        return _listed(original, one)


def _listed(original: Artifact, one: DerivedFile) -> Artifact:
    return replace(
        original,
        filename=one.filename,
        name=parse_filename(one.filename),
        url=file_path(one.sha256, one.filename),
        size=one.size,
        hashes={"sha256": one.sha256},
        index_requires_python=one.requires_python,
        core_metadata={"sha256": one.metadata},
    )


def _made_of(filename: str, label: str) -> Sequence[str]:
    """The names that the original of a derived wheel can have had; none if the label is another."""
    name = parse_filename(filename)
    if not isinstance(name, WheelName) or not name.build:
        return ()
    match = re.fullmatch(rf"(.*?){re.escape(label)}(?:\d\d)?", name.build[1])
    if match is None:
        return ()
    build = f"{name.build[0]}{match[1]}"
    parts = filename.split("-")
    plain = "-".join([*parts[:2], *parts[3:]])
    return (with_build(filename, build), *([plain] if build == "1" else ()))
