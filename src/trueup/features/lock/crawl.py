"""Fetches ahead, many at a time, what resolving will probably ask for.

It only fills the stock: which files it guesses right depends on the order in which answers arrive,
what is resolved from them afterwards does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from packaging.ranges import VersionRange
from packaging.utils import NormalizedName

from trueup.features.lock.field import Field, Finer
from trueup.features.lock.stock import Files, Stock
from trueup.judge.picks import sdist_says
from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import TrueupError
from trueup.model.lockrequest import Strategy
from trueup.model.metadata import Resolution
from trueup.model.release import ReleaseFile
from trueup.model.requirement import Requirement
from trueup.model.space import union
from trueup.model.watcher import Watcher

__all__ = ["crawl"]

WORKERS = 32
"""Threads that mostly wait; requests to one host are limited below."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A project to look up, with a requirement that led to it, or a file of it to read."""

    project: NormalizedName
    file: Artifact | None = None


class _Crawl:
    def __init__(self, field: Field, watcher: Watcher) -> None:
        self._field = field
        self._stock: Stock = field.stock
        self._watcher = watcher
        self._ranges: dict[NormalizedName, VersionRange] = {}
        self._extras: dict[NormalizedName, set[str | None]] = {}
        self._read: dict[NormalizedName, list[tuple[Resolution, int]]] = {}
        self._started: set[tuple[NormalizedName, object]] = set()
        self.cuts: set[object] = set()

    def run(self, roots: Iterable[Requirement]) -> None:
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="lock")
        waiting: set[Future[tuple[_Task, list[_Task] | None]]] = set()
        try:
            tasks = [task for line in roots for task in self._ask(line)]
            while tasks or waiting:
                self._watcher.expect(len(tasks))
                waiting |= {pool.submit(self._do, task) for task in tasks}
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                tasks = []
                for future in done:
                    task, found = future.result()
                    self._watcher.done(task.file.filename if task.file else task.project)
                    tasks += self._follow(task) if found is None else found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, line: Requirement) -> list[_Task]:
        """Note a requirement; the project is looked up again if its range got narrower."""
        project = line.project
        if line.url is not None or project in self._stock.local:
            return []
        before = self._ranges.get(project)
        asked = line.versions
        after = asked if before is None else before & asked
        if after.is_empty:
            after = asked  # two requirements that never hold together, or a clash to be told later
        self._ranges[project] = after
        new = {None, *line.extras} - self._extras.get(project, set())
        self._extras.setdefault(project, set()).update(new)
        tasks = [] if before is not None and before == after else [_Task(project)]
        if new and before is not None:
            for said, points in self._read.get(project, []):
                tasks += self._lines(said, points, new)
        return tasks

    def _do(self, task: _Task) -> tuple[_Task, list[_Task] | None]:
        """In a thread: look a project up, or read a file (None: it was read, and is to be followed).

        What fails is told when resolving, if it is needed at all.
        """
        try:
            if task.file is not None:
                self._stock.read(task.file)
                return task, None
            return task, [_Task(task.project, file) for file in self._likely(task.project)]
        except Finer as finer:
            self.cuts |= set(finer.cuts)
        except TrueupError:
            pass
        return task, []

    def _likely(self, project: NormalizedName) -> Iterable[Artifact]:
        """The files that the cells would take of the first version that fits each of them."""
        versions = self._ranges[project]
        lowest = self._stock.request.strategy is Strategy.LOWEST
        present = self._stock.files(project)
        left = set(self._field.cells)
        prereleases = self._stock.may_be_prerelease(project)
        first = self._stock.request.preferred.get(project, {})
        order = reversed(list(present)) if lowest else iter(present)
        found: dict[str, Artifact] = {}
        for version in (*(one for one in first if one in present), *order):
            if version not in versions or (version.is_prerelease and not prereleases):
                continue
            one = present[version]
            if one.yanked is not None and not self._stock.admits_yanked(project, one.version):
                continue
            served = {cell for cell in left if self._field.offered(project, one, cell)}
            if served:
                found.update(self._files(project, one))
            left -= served
            if not left:
                break
        return [
            file
            for file in found.values()
            if (project, file.url) not in self._started
            and not self._started.add((project, file.url))  # type: ignore[func-returns-value]
        ]

    def _files(self, project: NormalizedName, files: Files) -> dict[str, Artifact]:
        return {file.filename: file for file in self._field.wanted(project, files)}

    def _follow(self, task: _Task) -> list[_Task]:
        """What a file that was read asks for."""
        file = task.file
        assert file is not None  # only a file that was read is followed
        reading = self._stock.read(file)
        said = (
            sdist_says(ReleaseFile(artifact=file, reading=reading))
            if file.is_sdist
            else reading.resolution
        )
        if not isinstance(said, Resolution) or self._field.too_fine(said) is not None:
            return []
        points = self._points(task.project, file)
        self._read.setdefault(task.project, []).append((said, points))
        return self._lines(said, points, self._extras.get(task.project, {None}))

    def _points(self, project: NormalizedName, file: Artifact) -> int:
        assert not isinstance(file.name, OtherName)  # these are not admitted
        files = self._stock.files(project)[file.name.version]
        choice = self._field.choice(project, files)
        for number, wheel in enumerate(files.wheels):
            if wheel.url == file.url:
                return choice.chosen[number] & self._field.asked
        return self._field.asked & ~union(choice.chosen)

    def _lines(self, said: Resolution, points: int, extras: Iterable[str | None]) -> list[_Task]:
        tasks: list[_Task] = []
        for line in said.requires_dist:
            try:
                live = any(self._field.holds(line.marker, extra) & points for extra in extras)
            except Finer as finer:
                self.cuts |= set(finer.cuts)
                live = True
            if live:
                tasks += self._ask(line)
        return tasks


def crawl(field: Field, roots: Iterable[Requirement], watcher: Watcher) -> frozenset[object]:
    """Fetch ahead from these requirements; returns by what the space has to be cut more finely."""
    work = _Crawl(field, watcher)
    work.run(roots)
    return frozenset(work.cuts)
