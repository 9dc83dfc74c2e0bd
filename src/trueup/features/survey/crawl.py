"""A live index, crawled into a dataset: politely, and so that it can be interrupted at any moment."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from packaging.utils import NormalizedName

from trueup.features.survey.imports import Imports
from trueup.features.survey.live import Live, Manner
from trueup.model.errors import SourceError
from trueup.model.watcher import Watcher
from trueup.sources.crawl.fetch import AgainError, Fetcher
from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.names import open_list
from trueup.sources.crawl.reader import FileReader
from trueup.sources.crawl.records import Known, Outcome, Tally, Written
from trueup.sources.simple import ACCEPT
from trueup.sources.url import redact

__all__ = ["Crawled", "Wanted", "crawl", "listed_projects"]

_SILENT = 20
"""Pages in a row that a server did not give, after which there is no use in going on."""
_PART = 50_000
"""Projects after which what was read becomes part of the dataset."""
_REFILL = 1000
_TICK = 1.0
"""Seconds after which what is done is certain to be in the journal."""

Names = Mapping[NormalizedName, tuple[str, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be crawled of the index at ``url``: projects by name, each with the versions that
    are wanted (None: as ``manner`` says), or all that the index lists (``names`` None).

    ``limit``: at most so many projects now; ``workers``: so many at a time.
    """

    url: str
    names: Names | None = None
    manner: Manner = Manner()  # noqa: RUF009  (frozen)
    limit: int | None = None
    workers: int = 16
    part: int = _PART


@dataclass(slots=True, kw_only=True)
class Crawled:
    """What a crawl did: the projects of all of it, and the imports that were written now.

    ``problems`` name project, what became of it, and why; ``strange`` are entries of the index's
    list that are no names.
    """

    tally: Tally = Tally()  # noqa: RUF009  (frozen)
    written: list[tuple[str, Written]] = field(default_factory=list)
    requests: int = 0
    strange: list[str] = field(default_factory=list)
    problems: list[tuple[str, str, str]] = field(default_factory=list)


async def crawl(
    wanted: Wanted,
    journal: Journal,
    fetcher: Fetcher,
    imports: Imports,
    *,
    watcher: Watcher | None = None,
) -> Crawled:
    """Crawl, going on where the journal says that a crawl of the same was interrupted.

    Parts of the dataset are written when enough was read, and at the end. Raises SourceError if the
    index gives no list, or stops answering: what was read stays in the journal.
    """
    work = _Crawl(wanted, journal, fetcher, imports, watcher or Watcher())
    try:
        return await work.run()
    except ExceptionGroup as group:
        found: Exception = group
        while isinstance(found, ExceptionGroup):
            found = found.exceptions[0]
        raise found from None
    finally:
        journal.flush()


async def listed_projects(url: str, fetcher: Fetcher) -> dict[NormalizedName, int | None]:
    """The projects that an index lists, with the serial number of their last change where it tells.

    Raises SourceError if it gives no list.
    """
    url, attempt = f"{url.rstrip('/')}/", 0
    while True:
        attempt += 1
        found: dict[NormalizedName, int | None] = {}
        try:
            await _read_list(url, fetcher, found.update)
        except AgainError as again:
            await fetcher.again(again, attempt, url)
        except SourceError as error:
            raise error.within(redact(url)) from error.__cause__
        else:
            return found


async def _read_list(
    url: str,
    fetcher: Fetcher,
    take: Callable[[list[tuple[NormalizedName, int | None]]], object],
) -> list[str]:
    """Hand on the names of an index's list as they come; returns the entries that are no names."""
    answer = await fetcher.open(url, headers={"Accept": ACCEPT})
    try:
        names = open_list(answer.headers.get("content-type", ""))
        async for chunk in answer.chunks():
            take(list(names.feed(chunk)))
        take(list(names.feed(b"", last=True)))
    finally:
        answer.close()
    return names.strange


class _Crawl:
    """One run of a crawl."""

    def __init__(
        self,
        wanted: Wanted,
        journal: Journal,
        fetcher: Fetcher,
        imports: Imports,
        watcher: Watcher,
    ) -> None:
        self._wanted, self._journal, self._fetcher = wanted, journal, fetcher
        self._imports, self._watcher = imports, watcher
        self._crawled = Crawled()
        self._queue: deque[Known] = deque()
        self._after = ""
        self._left = wanted.limit
        self._silent = self._fresh = 0

    async def run(self) -> Crawled:
        journal, crawled = self._journal, self._crawled
        await self._write(self._imports.left())
        if not journal.begin(self._key()):
            await self._list()
        self._watcher.expect(min(journal.tally().left, self._left or sys.maxsize))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(self._keep(over))
            async with FileReader(self._fetcher, journal.text) as reader:
                live = Live(self._wanted.url, self._fetcher, reader, self._wanted.manner)
                await self._round(live, last=False)
                if self._left != 0:
                    await self._round(live, last=True)
            over.set()
            await keeper
        await self._part()
        crawled.tally, crawled.requests = journal.tally(), self._fetcher.sent
        strange = [(name, Outcome.UNREAD, "is no name of a project") for name in crawled.strange]
        crawled.problems = [*strange, *journal.problems()]
        self._imports.name_problems(crawled.problems)
        crawled.written = self._imports.written
        if not crawled.tally.left:
            journal.finish()
        return crawled

    def _key(self) -> str:
        """What an interrupted crawl must have asked for, to be gone on with."""
        names = None if self._wanted.names is None else sorted(self._wanted.names.items())
        text = json.dumps([names, str(self._wanted.manner)])
        return hashlib.sha256(text.encode()).hexdigest()

    async def _list(self) -> None:
        """Learn which projects there are."""
        if self._wanted.names is not None:
            self._journal.want_versions(self._wanted.names.items())
            self._journal.listed()
            return
        attempt = 0
        url = f"{self._wanted.url.rstrip('/')}/"
        while True:
            attempt += 1
            try:
                self._crawled.strange = await _read_list(url, self._fetcher, self._journal.want)
                break
            except AgainError as again:
                await self._fetcher.again(again, attempt, url)
            except SourceError as error:
                raise error.within(redact(url)) from error.__cause__
        self._journal.listed()

    async def _round(self, live: Live, *, last: bool) -> None:
        """Read all projects that are left; in the last round what cannot be had now is unread."""
        self._after, self._silent = "", 0
        async with asyncio.TaskGroup() as group:
            for _ in range(self._wanted.workers):
                group.create_task(self._work(live, last=last))

    async def _work(self, live: Live, *, last: bool) -> None:
        while (known := self._next()) is not None:
            try:
                settled = await live.settle(known, last=last)
            except SourceError as error:
                self._unanswered(error)
                continue
            if settled is None:
                continue
            self._silent = 0
            self._journal.settle(settled)
            self._fresh += settled.rows is not None
            self._watcher.done(known.name)

    def _next(self) -> Known | None:
        if self._left == 0:
            return None
        if not self._queue:
            self._journal.flush()
            self._queue.extend(self._journal.todo(self._after, _REFILL))
            if not self._queue:
                return None
            self._after = self._queue[-1].name
        if self._left is not None:
            self._left -= 1
        return self._queue.popleft()

    def _unanswered(self, error: SourceError) -> None:
        self._silent += 1
        if self._silent >= _SILENT:
            raise SourceError(
                "the index does not answer any more",
                found=str(error),
                hint="what was read is kept: the same command goes on where this one stopped",
                place=(redact(self._wanted.url),),
            ) from error

    async def _keep(self, over: asyncio.Event) -> None:
        """Every second make sure of what is done, and now and then make it part of the dataset."""
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _TICK)
            self._journal.flush()
            if self._fresh >= self._wanted.part:
                self._fresh = 0
                await self._part()

    async def _part(self) -> bool:
        """Make what was read part of the dataset; whether there was anything."""
        return await self._write(self._imports.begin())

    async def _write(self, begun: tuple[str, Future[Written]] | None) -> bool:
        if begun is None:
            return False
        origin, future = begun
        self._imports.done(origin, await asyncio.wrap_future(future))
        return True
