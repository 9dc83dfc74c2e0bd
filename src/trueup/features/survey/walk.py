"""Files that lie in folders, in a mirror, or in the store of `serve`, taken into a dataset.

They are all read: that costs no requests. What has not changed since the last walk is not read again.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from packaging.utils import NormalizedName

from trueup.features.survey.imports import Imports, Problem
from trueup.features.survey.minimum import Answer, Found, rows_of
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.filerow import Provenance
from trueup.model.watcher import Watcher
from trueup.sources.archive import reading_of_sdist, reading_of_wheel
from trueup.sources.collected import Collected, Collection
from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.pages import PageFile
from trueup.sources.crawl.records import Known, Outcome, Settled, Tally, Written
from trueup.sources.crawl.texts import Refused, Text, answer_of, read_text

__all__ = ["Content", "Folders", "Place", "Walked", "walk"]

_TOGETHER = 64
"""Projects whose files are read before any of them is settled."""
_NOT_JUDGED = (".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg")


Content = str | bytes | Answer
"""What there is of a file: its path, its METADATA or PKG-INFO, or what was read of it already."""


class Place(Protocol):
    """Where files are; ``problems`` are of those that cannot even be listed."""

    problems: Sequence[Problem]

    def projects(self) -> Sequence[NormalizedName]:
        """The projects that have files there, sorted."""
        ...

    def files(self, project: NormalizedName) -> list[PageFile]:
        """The files of a project, each name once; any of them changes with what is in it."""
        ...

    def content(self, project: NormalizedName, file: PageFile) -> Content:
        """What there is to be read of a file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a walk did; see `Crawled`."""

    tally: Tally
    written: Sequence[tuple[str, Written]]
    problems: Sequence[Problem]


class Folders:
    """What :func:`~trueup.sources.collected.collect` found; a name that is there twice counts once."""

    def __init__(self, collection: Collection) -> None:
        self._files: dict[NormalizedName, dict[str, Collected]] = {}
        problems = [
            (left.name, Outcome.UNREAD, left.reason)
            for left in collection.left_out
            if not left.name.endswith(_NOT_JUDGED)
        ]
        for file in collection.files:
            first = self._files.setdefault(file.name.project, {}).setdefault(file.filename, file)
            if first.path != file.path:
                reason = f"is there twice; `{first.path}` was read"
                problems.append((str(file.path), Outcome.UNREAD, reason))
        self.problems: Sequence[Problem] = problems

    def projects(self) -> Sequence[NormalizedName]:
        return sorted(self._files)

    def files(self, project: NormalizedName) -> list[PageFile]:
        found = self._files[project]
        return [_listed(found[name]) for name in sorted(found)]

    def content(self, project: NormalizedName, file: PageFile) -> Content:
        return str(self._files[project][file.filename].path)


def _listed(file: Collected) -> PageFile:
    try:
        status = file.path.stat()
        size, changed = status.st_size, str(status.st_mtime_ns)
    except OSError:
        size, changed = None, ""  # reading it tells why
    uploaded = None if file.uploaded is None else datetime.fromtimestamp(file.uploaded, tz=UTC)
    return PageFile(
        filename=file.filename,
        kind="wheel" if file.filename.endswith(".whl") else "sdist",
        version=str(file.name.version),
        url=f"{file.path} {changed}",
        size=size,
        sha256=file.hashes.get("sha256"),
        uploaded=None if uploaded is None else uploaded.isoformat(),
        requires_python=None,
        yanked=file.yanked,
        sidecar=None,
    )


def walk(
    place: Place,
    journal: Journal,
    executor: Executor,
    imports: Imports,
    *,
    watcher: Watcher | None = None,
) -> Walked:
    """Read all files of a place, going on where a walk was interrupted; ``executor`` reads them."""
    watcher = watcher or Watcher()
    _written(imports, imports.left())
    if not journal.begin("walk"):
        journal.want_versions((project, None) for project in place.projects())
        journal.listed()
    watcher.expect(journal.tally().left)
    after = ""
    while some := journal.todo(after, _TOGETHER):
        after = some[-1].name
        for settled in _settled(place, some, executor):
            journal.settle(settled)
            watcher.done(settled.name)
        journal.flush()
    _written(imports, imports.begin())
    problems = [*place.problems, *journal.problems()]
    imports.name_problems(problems)
    journal.finish()
    return Walked(tally=journal.tally(), written=imports.written, problems=problems)


def _written(imports: Imports, begun: tuple[str, Future[Written]] | None) -> None:
    if begun is not None:
        origin, future = begun
        imports.done(origin, future.result())


def _settled(place: Place, some: Sequence[Known], executor: Executor) -> list[Settled]:
    """The projects, of which those that have changed are read."""
    found = {known.name: place.files(known.name) for known in some}
    marks = {name: _mark(files) for name, files in found.items()}
    changed = [known.name for known in some if known.etag != marks[known.name]]
    given = [
        [(file.filename, place.content(name, file)) for file in found[name]] for name in changed
    ]
    answers = dict(zip(changed, executor.map(_read_all, changed, given), strict=True))
    return [
        Settled(name=known.name, outcome=Outcome.SAME)
        if known.name not in answers
        else _project(known.name, found[known.name], answers[known.name], marks[known.name])
        for known in some
    ]


def _mark(files: Sequence[PageFile]) -> str:
    """A digest of what is known of files before they are read."""
    return hashlib.sha256(msgspec.msgpack.encode(files)).hexdigest()


def _read_all(project: NormalizedName, given: Sequence[tuple[str, Content]]) -> list[Answer]:
    return [_read(project, filename, content) for filename, content in given]


def _read(project: NormalizedName, filename: str, content: Content) -> Answer:
    if isinstance(content, bytes):
        return read_text(content)
    if not isinstance(content, str):
        return content
    path = Path(content)
    artifact = Artifact(filename=filename, url=content, name=parse_filename(filename, project))
    try:
        # Opening a pipe would wait for its writer, reading a device might never end.
        if not stat.S_ISREG(path.stat().st_mode):
            return Refused(reason="is no regular file")
        with path.open("rb") as file:
            read = reading_of_wheel if artifact.is_wheel else reading_of_sdist
            return answer_of(read(file, artifact))
    except OSError as error:
        return Refused(reason=f"cannot be opened: {error.strerror or error}")


def _project(
    name: NormalizedName, files: Sequence[PageFile], answers: Sequence[Answer], mark: str
) -> Settled:
    found, unread = {}, []
    for file, answer in zip(files, answers, strict=True):
        problem = answer.problem if isinstance(answer, Text) else answer.reason
        if problem is None and isinstance(answer, Text):
            found[file.filename] = Found(Provenance.ARCHIVE, answer)
        else:
            found[file.filename] = Found(Provenance.UNREAD, None, problem)
            unread.append(f"`{file.filename}`: {problem}")
    said = f"{len(unread)} of {len(files)} files unread: {unread[0]}" if unread else None
    return Settled(
        name=name,
        outcome=Outcome.READ,
        rows=rows_of(files, found),
        etag=mark,
        problem=said,
        # What may be mended by other hands than those that change files is looked at again.
        whole=not unread,
    )
