"""One project of a live index: its page, the minimum of its files' metadata, its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trueup.features.survey.minimum import Answer, Ask, Found, Way, chosen, reading, rows_of
from trueup.model.errors import ArchiveError, NotFoundError, PageError, SourceError
from trueup.model.filerow import Provenance
from trueup.sources.crawl.fetch import Fetcher, is_passing
from trueup.sources.crawl.pages import PageFile, address_of, artifact_of, read_page
from trueup.sources.crawl.reader import FileReader
from trueup.sources.crawl.records import Known, Outcome, Settled
from trueup.sources.crawl.texts import Refused, Text
from trueup.sources.simple import ACCEPT, MAX_PAGE_BYTES

__all__ = ["Live", "Manner"]

_AT_ONCE = 8
"""Requests that one project may have under way."""
_LARGE = 2 * 1024 * 1024
"""Bytes of a page that is taken apart alone: what is in it takes several times as much memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What of every project is read: the ``newest`` releases (None: all), and ``sdists``."""

    newest: int | None = None
    sdists: bool = False

    def __str__(self) -> str:
        return f"newest={self.newest} sdists={self.sdists}"


class Live:
    """The projects of the index at ``url``."""

    def __init__(self, url: str, fetcher: Fetcher, reader: FileReader, manner: Manner) -> None:
        self._base = f"{url.rstrip('/')}/"
        self._fetcher, self._reader, self._manner = fetcher, reader, manner
        self._alone = asyncio.Lock()

    async def settle(self, known: Known, *, last: bool) -> Settled | None:
        """Read a project; None if a file could not be had now, unless this is the ``last`` try.

        Raises SourceError if the page could not be had now, until the last try.
        """
        try:
            return await self._read(known, last=last)
        except NotFoundError as error:
            return Settled(name=known.name, outcome=Outcome.GONE, problem=str(error))
        except (SourceError, ArchiveError) as error:
            passing = is_passing(error)
            if passing and not last:
                raise
            return Settled(
                name=known.name, outcome=Outcome.UNREAD, problem=str(error), whole=not passing
            )

    async def _read(self, known: Known, *, last: bool) -> Settled | None:
        headers = {"Accept": ACCEPT}
        if known.etag is not None:
            headers["If-None-Match"] = known.etag
        page = await self._fetcher.get(
            f"{self._base}{known.name}/", limit=MAX_PAGE_BYTES, headers=headers, accept=(200, 304)
        )
        if page.status == 304:
            return Settled(name=known.name, outcome=Outcome.SAME)
        if len(page.body) > _LARGE:
            await self._alone.acquire()
        try:
            files = read_page(
                page.body,
                content_type=page.headers.get("content-type", ""),
                url=page.url,
                project=known.name,
            )
            wanted = chosen(files, newest=self._manner.newest, versions=known.versions)
            project = _Project(self._reader, known, page.url)
            # An index that advertises any sidecar on a page advertises all that it has.
            guess = self._reader.guesses and all(file.sidecar is None for file in files)
            found = await project.read(wanted, sdists=self._manner.sdists, guess=guess)
            rows = rows_of(wanted, found)
        finally:
            if len(page.body) > _LARGE:
                self._alone.release()
        whole = not any(one.passing for one in found.values())
        if not whole and not last:
            return None
        return Settled(
            name=known.name,
            outcome=Outcome.READ,
            rows=rows,
            etag=page.headers.get("etag") if known.versions is None else None,
            problem=_problem(known, wanted, found),
            whole=whole,
            texts=project.fresh,
        )


class _Project:
    """The files of one project, asked for; ``fresh`` is what was read now, by its key."""

    def __init__(self, reader: FileReader, known: Known, page: str) -> None:
        self._reader, self._name, self._page = reader, known.name, page
        self.fresh: list[tuple[bytes, Text]] = []

    async def read(
        self, files: Sequence[PageFile], *, sdists: bool, guess: bool
    ) -> Mapping[str, Found]:
        asking = reading(files, sdists=sdists, guess=guess)
        try:
            asks = next(asking)
            while True:
                asks = asking.send(await self._answers(asks))
        except StopIteration as end:
            found: Mapping[str, Found] = end.value
            return found

    async def _answers(self, asks: Sequence[Ask]) -> list[Answer]:
        if len(asks) == 1:
            return [await self._answer(asks[0])]
        answers: list[Answer] = []
        for start in range(0, len(asks), _AT_ONCE):
            some = asks[start : start + _AT_ONCE]
            answers += await asyncio.gather(*map(self._answer, some))
        return answers

    async def _answer(self, ask: Ask) -> Answer:
        try:
            url = address_of(ask.file, self._page)
        except PageError as error:
            return Refused(reason=error.what)
        if ask.way is Way.SIDECAR:
            return await self._reader.sidecar(url, ask.file.sidecar or None, self.fresh)
        artifact = artifact_of(ask.file, url, self._name)
        if ask.way is Way.GUESSED:
            return await self._reader.guessed(artifact)
        return await self._reader.archive(artifact, self.fresh)


def _problem(known: Known, files: Sequence[PageFile], found: Mapping[str, Found]) -> str | None:
    """What is wrong with a project in one line: the first file of those that are unread."""
    missing = set(known.versions or ()) - {file.version for file in files}
    if missing:
        return f"has no {', '.join(f'`{version}`' for version in sorted(missing))}"
    unread = [name for name, one in found.items() if one.source is Provenance.UNREAD]
    if unread:
        first = found[unread[0]].problem
        return f"{len(unread)} of {len(files)} files unread: `{unread[0]}`: {first}"
    odd = [name for name, one in found.items() if one.problem is not None]
    if odd:
        return f"read from the file itself: `{odd[0]}`: {found[odd[0]].problem}"
    return None
