"""The crawl's own HTTP client: asynchronous, polite, and as patient as somebody who has all night.

It raises what :mod:`trueup.sources.http` raises, and is the one module that knows aiohttp.
"""

from __future__ import annotations

import asyncio
import random
import re
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import trueup
from trueup.model.errors import LimitError, NotFoundError, PageError, SourceError, UsageError
from trueup.model.watcher import Watcher
from trueup.sources.crawl.rate import Bucket
from trueup.sources.credentials import Credentials
from trueup.sources.http import redirected, retry_after, status_text
from trueup.sources.httperrors import AnswerError, BusyError, UnreachableError
from trueup.sources.transport import HttpSettings, RetryPolicy, certificate_failed, tls
from trueup.sources.url import redact

if TYPE_CHECKING:
    import aiohttp

__all__ = ["AgainError", "Answer", "Fetcher", "Streamed", "is_passing", "user_agent"]

_PATIENT = RetryPolicy(attempts=6, connect_attempts=4, base=1.0, cap=60.0, retry_after_cap=3600.0)
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_BUSY = frozenset({429, 503})
"""What a server says of itself, not of one address: everybody waits then."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 10
_LOST = 60.0
"""Seconds for which a server to which there was no connection is not asked again."""
_LONGEST = 20
"""A page may take so many times the time that a server may be silent."""
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?/[\w./~+-]*", re.ASCII)
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with its body; ``url`` is where it finally came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class AgainError(Exception):
    """An attempt failed in a way that another may not.

    ``busy``: the server as a whole wants a rest, of ``after`` seconds if it said so; ``lost``:
    there is no connection to it.
    """

    def __init__(
        self,
        found: str,
        *,
        attempts: int,
        after: float | None = None,
        busy: bool = False,
        status: bool = False,
        lost: bool = False,
    ) -> None:
        super().__init__(found)
        self.found, self.attempts, self.after = found, attempts, after
        self.busy, self.status, self.lost = busy, status, lost


def user_agent(contact: str | None) -> str:
    """What the crawler calls itself, with an address for whoever minds it."""
    about = "survey" if contact is None else f"survey; +{contact}"
    return f"trueup/{trueup.__version__} ({about})"


def is_passing(error: Exception) -> bool:
    """Whether an error says nothing of the address: the server was busy, silent, or not there."""
    if isinstance(error, (NotFoundError, PageError)) or not isinstance(error, SourceError):
        return False
    return isinstance(error, BusyError) or not isinstance(error, AnswerError)


class Streamed:
    """An answer whose body is still to come; to be closed."""

    def __init__(self, answer: aiohttp.ClientResponse, url: str, fetcher: Fetcher) -> None:
        self._answer = answer
        self._fetcher = fetcher
        self.url = url
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers

    async def chunk(self) -> bytes:
        """The next piece of the body; empty at its end. Raises AgainError if it breaks off."""
        try:
            return await self._answer.content.readany()
        except Exception as error:
            raise self._fetcher.failure(error, answered=True) from error

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces."""
        while piece := await self.chunk():
            yield piece

    async def body(self, limit: int) -> bytes:
        """The whole body; LimitError as soon as it is longer than ``limit`` bytes."""
        first = await self.chunk()
        if not first or (self._answer.content.at_eof() and len(first) <= limit):
            return first
        parts, size = [first], len(first)
        until = monotonic() + self._fetcher.longest
        while size <= limit and (piece := await self.chunk()):
            parts.append(piece)
            size += len(piece)
            if monotonic() > until:
                raise AgainError("an answer that does not end", attempts=2)
        if size > limit:
            raise LimitError(
                "the answer is too large",
                found=f"more than {limit} bytes",
                expected=f"at most {limit} bytes",
            )
        return b"".join(parts)

    def close(self) -> None:
        """Free the connection; one whose answer was not read to its end is given up."""
        self._answer.release() if self._answer.content.at_eof() else self._answer.close()


class Fetcher:
    """Sends requests from one event loop; use it as an asynchronous context manager.

    ``bucket`` sets the pace, ``per_host`` limits the connections to one server, ``contact`` is told
    to all. ``now`` and ``jitter`` (a number from 0 to 1) are what retries need from the outside
    world. ``sent`` counts the requests, redirects and retries too.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        bucket: Bucket,
        contact: str | None = None,
        credentials: Credentials | None = None,
        watcher: Watcher | None = None,
        environ: Mapping[str, str] = _NONE,
        retry: RetryPolicy = _PATIENT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._bucket, self._retry = settings, bucket, retry
        self._agent = user_agent(contact)
        self._credentials = credentials or Credentials()
        self._watcher = watcher or Watcher()
        self._environ, self._now, self._jitter = environ, now, jitter
        self._session: aiohttp.ClientSession | None = None
        self._ways: dict[str, Mapping[str, Any]] = {}
        self._lost: dict[str, tuple[float, str]] = {}
        self.sent = 0
        self.longest = _LONGEST * settings.timeout
        """Seconds that a body may take which is wanted as a whole."""

    async def __aenter__(self) -> Self:
        try:
            import aiohttp
            import yarl
        except ModuleNotFoundError as error:
            raise UsageError(
                "a crawl needs the extra `survey`",
                hint="install it with `pip install 'trueup[survey]'`",
            ) from error
        self._aiohttp, self._plain = aiohttp, yarl.URL
        settings = self._settings
        # There are never more requests than connections, so nobody waits for one. A limit for the
        # whole of a request would set a timer for each: the body looks at the clock instead.
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=min(settings.connect_timeout, settings.timeout),
            sock_read=settings.timeout,
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=settings.per_host),
            headers={"User-Agent": self._agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def get(
        self,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] = _NONE,
        accept: Collection[int] = (200,),
    ) -> Answer:
        """An answer whose status is in ``accept``, with at most ``limit`` bytes of body.

        Raises NotFoundError for 404 and 410, AnswerError for any other status, LimitError, and
        SourceError if the server keeps failing. The address, without credentials, is the place.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self.open(url, headers=headers, accept=accept)
                try:
                    body = await answer.body(limit)
                finally:
                    answer.close()
                return Answer(
                    status=answer.status, headers=answer.headers, body=body, url=answer.url
                )
            except AgainError as again:
                await self.again(again, attempt, url)
            except (SourceError, LimitError) as error:
                raise error.within(redact(url)) from error.__cause__

    async def open(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] = _NONE,
        accept: Collection[int] = (200,),
        raw: bool = False,
    ) -> Streamed:
        """One attempt at an answer, to be closed; redirects and a login belong to it.

        ``raw``: the body is wanted as it is sent, whatever its encoding. Raises as :meth:`get`
        does, and AgainError.
        """
        options: Mapping[str, Any] = {"auto_decompress": False} if raw else _NONE
        asked = False
        for _ in range(_MAX_REDIRECTS + 1):
            server = _server(url)
            answer = await self._send(method, url, server, headers, options)
            if answer.status in accept:
                return Streamed(answer, url, self)
            answer.close() if answer.status == 200 else answer.release()
            if answer.status == 401 and not asked:
                asked = True
                if await asyncio.to_thread(self._credentials.ask, url) is not None:
                    self._ways.pop(server, None)
                    continue
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                raise self._refusal(answer, had_credentials="headers" in self._ways[server])
            url = redirected(url, location)
        raise AnswerError("redirects in circles", found=f"more than {_MAX_REDIRECTS} redirects")

    async def again(self, again: AgainError, attempt: int, url: str) -> None:
        """Wait for the next attempt; raises SourceError if there is none."""
        policy, server = self._retry, _server(url)
        delay = min(policy.base * 2.0 ** (attempt - 1), policy.cap) * (0.5 + self._jitter() / 2)
        if again.after is not None:
            delay = min(again.after, policy.retry_after_cap)
        if again.busy:
            self._bucket.pause(server, delay)
        if attempt >= again.attempts:
            raise self._gave_up(again, attempt, server).within(redact(url)) from again.__cause__
        self._watcher.note(f"`{redact(url)}`: {again.found}; trying again in {delay:.1f} s")
        if not again.busy:
            await asyncio.sleep(delay)

    async def _send(
        self,
        method: str,
        url: str,
        server: str,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> aiohttp.ClientResponse:
        assert self._session is not None
        if server in self._lost:
            self._look_at(server)
        way = self._ways.get(server)
        if way is None:
            try:
                way = self._ways[server] = self._way(url)
            except ValueError as error:
                raise AnswerError("the address is malformed", found=str(error)) from error
        sent = {**headers, **way["headers"]} if "headers" in way else headers
        await self._bucket.take(server)
        self.sent += 1
        # What is written plainly need not be taken apart and put together again.
        address = self._plain(url, encoded=True) if _PLAIN.fullmatch(url) else url
        try:
            return await self._session.request(
                method, address, allow_redirects=False, **{**way, **options, "headers": sent}
            )
        except Exception as error:
            raise self.failure(error, answered=False) from error

    def _way(self, url: str) -> Mapping[str, Any]:
        """How a server is reached: certificates, proxy, credentials."""
        way: dict[str, Any] = {}
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            insecure = host in self._settings.trusted_hosts
            way["ssl"] = tls(self._settings, self._environ, insecure=insecure)
        proxy = self._settings.proxy
        if proxy is None and not urllib.request.proxy_bypass(host):
            proxies = urllib.request.getproxies()
            proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy is not None:
            way["proxy"] = proxy if "://" in proxy else f"http://{proxy}"
        pair = self._credentials.known(url)
        if pair is not None:
            token = b64encode(f"{pair[0]}:{pair[1]}".encode()).decode()
            way["headers"] = {"Authorization": f"Basic {token}"}
        return way

    def failure(self, error: Exception, *, answered: bool) -> Exception:
        """What an error of the HTTP library means; anything else is given back as it is."""
        policy, library = self._retry, self._aiohttp
        if isinstance(error, ValueError):  # InvalidURL, or a name that no server can have
            return AnswerError("the address is malformed", found=str(error))
        if certificate_failed(error):
            return SourceError(
                "the server's certificate cannot be verified",
                found=str(error),
                hint="name your certificate authorities with `SSL_CERT_FILE` "
                "or pip's setting `cert`",
            )
        if isinstance(error, (library.ClientConnectorError, library.ConnectionTimeoutError)):
            found = "no connection in time" if isinstance(error, TimeoutError) else str(error)
            return AgainError(found, attempts=policy.connect_attempts, lost=True)
        if isinstance(error, TimeoutError):
            found = f"silence for {self._settings.timeout:g} s"
            return AgainError(found, attempts=policy.connect_attempts)
        if isinstance(error, library.ClientResponseError):
            return AgainError(f"no HTTP ({error.message})", attempts=policy.connect_attempts)
        if isinstance(error, (library.ClientError, OSError)):
            words = str(error) or type(error).__name__
            what = "an answer that breaks off" if answered else "a dropped connection"
            return AgainError(f"{what} ({words})", attempts=policy.attempts)
        return error

    def _refusal(self, answer: aiohttp.ClientResponse, *, had_credentials: bool) -> Exception:
        status = status_text(answer.status)
        if answer.status in _AGAIN:
            after = retry_after(answer.headers.get("retry-after"), self._now())
            busy = answer.status in _BUSY or after is not None
            return AgainError(
                f"status {status}", attempts=self._retry.attempts, after=after, busy=busy,
                status=True,
            )  # fmt: skip
        if answer.status in (404, 410):
            return NotFoundError("does not exist", found=f"status {status}")
        if answer.status in (401, 403, 407):
            hint = "put a user name and password in the index address, netrc or the keyring"
            if had_credentials:
                hint = "the user name or password that was sent is wrong, or may not read this"
            return AnswerError("the server wants a login", found=f"status {status}", hint=hint)
        return AnswerError("the server refuses", found=f"status {status}")

    def _gave_up(self, again: AgainError, attempts: int, server: str) -> SourceError:
        found = f"{again.found}, {attempts} times" if attempts > 1 else again.found
        if again.lost:
            self._lost[server] = (asyncio.get_running_loop().time() + _LOST, found)
            return UnreachableError("there is no connection to the server", found=found)
        kind = BusyError if again.status else SourceError
        return kind("the server gave no usable answer", found=found)

    def _look_at(self, server: str) -> None:
        """Raise for a server to which there was no connection a moment ago."""
        until, found = self._lost[server]
        if asyncio.get_running_loop().time() < until:
            raise UnreachableError("there is no connection to the server", found=found)
        del self._lost[server]


def _server(url: str) -> str:
    """``https://host:port`` of an address."""
    return "/".join(url.split("/", 3)[:3])
