"""Archives of a crawl: read by ranges, or forward and no further than needed, in threads.

The readers of archives are synchronous and stay so; what they ask for is fetched by the crawl's own
client, at its pace, whose event loop they wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, TypeVar

from trueup.model.artifact import Artifact
from trueup.model.errors import SourceError
from trueup.model.release import Reading
from trueup.sources.crawl.fetch import AgainError, Fetcher, Streamed
from trueup.sources.fetch import ArchiveFetcher
from trueup.sources.http import Client, Response
from trueup.sources.url import redact

__all__ = ["Archives"]

T = TypeVar("T")

_THREADS = 16
_LOOK = 1.0
"""Seconds after which a thread that waits for the event loop looks whether there still is one."""
_NONE: Mapping[str, str] = MappingProxyType({})


class Archives:
    """Reads wheels and sdists at http and https addresses; for one event loop, which is running."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="archives")
        self._archives = ArchiveFetcher(_LoopClient(fetcher, asyncio.get_running_loop()))

    async def read(self, artifact: Artifact) -> Reading:
        """What a file says; damage and a refusal are Unreadable, a silent server SourceError."""
        read = self._archives.wheel if artifact.is_wheel else self._archives.sdist
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, read, artifact)

    def close(self) -> None:
        """Let nobody begin any more; does not wait."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _LoopResponse(Response):
    """An answer whose pieces the event loop fetches for a thread."""

    def __init__(self, answer: Streamed, wait: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._streamed = answer
        self._wait = wait
        self.url, self.status, self.headers = answer.url, answer.status, answer.headers

    def chunks(self, *, decoded: bool = False) -> Iterator[bytes]:
        assert not decoded, "archives come as they were sent"
        while piece := self._wait(self._streamed.chunk()):
            yield piece


class _LoopClient(Client):
    """The client of `ranged.py` and `fetch.py`, whose requests go through an event loop."""

    def __init__(self, fetcher: Fetcher, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._fetcher, self._loop = fetcher, loop

    def request(
        self,
        url: str,
        read: Callable[[Response], T],
        *,
        method: str = "GET",
        headers: Mapping[str, str] = _NONE,
        accept: Collection[int] = (200,),
    ) -> T:
        attempt = 0
        sent = {"Accept-Encoding": "identity", **headers}
        while True:
            attempt += 1
            try:
                answer = self._wait(
                    self._fetcher.open(url, method=method, headers=sent, accept=accept, raw=True)
                )
                try:
                    return read(_LoopResponse(answer, self._wait))
                finally:
                    self._loop.call_soon_threadsafe(answer.close)
            except AgainError as again:
                self._wait(self._fetcher.again(again, attempt, url))
            except SourceError as error:
                raise error.within(redact(url)) from error.__cause__

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        while True:
            try:
                return future.result(timeout=_LOOK)
            except TimeoutError:
                # A loop that was stopped in this very moment will never answer.
                if self._loop.is_closed():
                    raise CancelledError from None
