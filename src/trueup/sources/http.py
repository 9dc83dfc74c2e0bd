"""A thin HTTP client for threads: retries, limits, redirects, credentials, certificates, proxies.

The one module that knows the HTTP library, which is imported with the first request.
"""

from __future__ import annotations

import random
import threading
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urljoin, urlsplit

from trueup.model.errors import LimitError, NotFoundError, SourceError
from trueup.model.watcher import Watcher
from trueup.sources.credentials import Credentials
from trueup.sources.httperrors import AnswerError, BusyError, UnreachableError
from trueup.sources.transport import HttpSettings, RetryPolicy, certificate_failed, new_client
from trueup.sources.url import origin_of, redact, without_credentials

if TYPE_CHECKING:
    import httpx2

__all__ = [
    "AnswerError",
    "BusyError",
    "Client",
    "HttpSettings",
    "Response",
    "RetryPolicy",
    "UnreachableError",
    "redirected",
    "retry_after",
    "status_text",
]

T = TypeVar("T")
Origin = tuple[str, str, int]

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 10
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Response:
    """An answer whose body has not been read yet."""

    def __init__(self, answer: httpx2.Response, url: str) -> None:
        self._answer = answer
        self.url = url
        self.status = answer.status_code
        self.headers: Mapping[str, str] = answer.headers

    def chunks(self, *, decoded: bool = False) -> Iterator[bytes]:
        """The body in pieces, as sent, or with its content encoding undone.

        A file is hashed and cut as sent, whatever encoding a server claims for a `.tar.gz`.
        """
        return self._answer.iter_bytes() if decoded else self._answer.iter_raw()

    def body(self, limit: int, *, decoded: bool = False) -> bytes:
        """The whole body; LimitError as soon as it is longer than ``limit`` bytes."""
        parts, size = [], 0
        for part in self.chunks(decoded=decoded):
            size += len(part)
            if size > limit:
                raise LimitError(
                    "the answer is too large",
                    found=f"more than {limit} bytes",
                    expected=f"at most {limit} bytes",
                ).within(redact(self.url))
            parts.append(part)
        return b"".join(parts)


class _AgainError(Exception):
    """This attempt failed in a way that another may not."""

    def __init__(
        self, found: str, *, attempts: int, after: float | None = None, lost: Origin | None = None
    ) -> None:
        super().__init__(found)
        self.found = found
        self.attempts = attempts
        self.after = after
        self.lost = lost
        """The server that is to be given up with the last attempt."""


class Client:
    """Sends requests, from any thread.

    ``sleep``, ``clock`` (monotonic seconds), ``now`` and ``jitter`` (a number from 0 to 1) are what
    retries need from the outside world. ``sent`` counts the requests, redirects and retries too.

    A server to which there is no connection, or that was silent from the first request on, is given
    up: further requests to it fail at once.
    """

    def __init__(
        self,
        settings: HttpSettings | None = None,
        *,
        credentials: Credentials | None = None,
        watcher: Watcher | None = None,
        environ: Mapping[str, str] = _NO_HEADERS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings or HttpSettings()
        self._credentials = credentials or Credentials()
        self._watcher = watcher or Watcher()
        self._environ = environ
        self._sleep, self._clock, self._now, self._jitter = sleep, clock, now, jitter
        self._lock = threading.Lock()
        self._clients: dict[bool, httpx2.Client] = {}
        self._answered: set[Origin] = set()
        self._given_up: dict[Origin, str] = {}
        self._slots: dict[Origin, threading.Semaphore] = defaultdict(
            lambda: threading.BoundedSemaphore(self._settings.per_host)
        )
        self._resume: dict[Origin, float] = {}
        self.sent = 0

    def request(
        self,
        url: str,
        read: Callable[[Response], T],
        *,
        method: str = "GET",
        headers: Mapping[str, str] = _NO_HEADERS,
        accept: Collection[int] = (200,),
    ) -> T:
        """Send a request and give the answer to ``read``, whose result is returned.

        ``read`` sees only answers whose status is in ``accept``. It is called again, from the
        start, when the connection drops while it reads; the answer is closed when it returns, read
        to its end or not.

        Raises NotFoundError for 404 and 410 and AnswerError for any other status, UnreachableError
        if there is no connection to the server, SourceError if it keeps failing, or redirects to
        where an index may not lead; and whatever ``read`` raises. The address, without credentials, is the place.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._follow(method, url, headers, accept, read)
            except _AgainError as again:
                delay = self._delay(attempt, again.after)
                if again.after is not None:
                    # The server as a whole is busy: every thread waits before its next request.
                    self._resume[origin_of(url)] = self._clock() + delay
                if attempt >= again.attempts:
                    error = self._gave_up(again, attempt)
                    raise error.within(redact(url)) from again.__cause__
                self._watcher.note(f"`{redact(url)}`: {again.found}; trying again in {delay:.1f} s")
                if again.after is None:
                    self._sleep(delay)
            except SourceError as error:
                raise error.within(redact(url)) from error.__cause__

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        accept: Collection[int],
        read: Callable[[Response], T],
    ) -> T:
        asked = False
        for _ in range(_MAX_REDIRECTS + 1):
            pair = self._credentials.known(url)
            with self._send(method, url, headers, pair) as response:
                if response.status in accept:
                    return read(response)
                if response.status == 401 and not asked:
                    asked = True
                    again = self._credentials.ask(url)
                    if again is not None and again != pair:
                        continue
                location = response.headers.get("location")
                if response.status not in _REDIRECTS or location is None:
                    raise self._refusal(response, had_credentials=pair is not None)
            url = redirected(url, location)
        raise AnswerError("redirects in circles", found=f"more than {_MAX_REDIRECTS} redirects")

    @contextmanager
    def _send(
        self, method: str, url: str, headers: Mapping[str, str], pair: tuple[str, str] | None
    ) -> Iterator[Response]:
        origin = origin_of(url)
        with self._lock:
            slot = self._slots[origin]
            given_up = self._given_up.get(origin)
        if given_up is not None:
            raise _unreachable(origin, given_up)
        sent = {**headers}
        if pair is not None:
            token = b64encode(f"{pair[0]}:{pair[1]}".encode()).decode()
            sent["Authorization"] = f"Basic {token}"
        with slot:
            wait = self._resume.get(origin, 0.0) - self._clock()
            if wait > 0:
                self._sleep(wait)
            client = self._client(insecure=(urlsplit(url).hostname or "") in self._trusted)
            with self._lock:
                self.sent += 1
            with (
                self._transport_errors(origin),
                client.stream(method, without_credentials(url), headers=sent) as answer,
            ):
                self._answered.add(origin)
                yield Response(answer, without_credentials(url))

    @property
    def _trusted(self) -> frozenset[str]:
        return self._settings.trusted_hosts

    @contextmanager
    def _transport_errors(self, origin: Origin) -> Iterator[None]:
        import httpx2

        policy = self._settings.retry
        # One that answered before may be silent about one file and answer about the next.
        never = None if origin in self._answered else origin
        try:
            yield
        except httpx2.ConnectError as error:
            if certificate_failed(error):
                raise SourceError(
                    "the server's certificate cannot be verified",
                    found=str(error),
                    hint="name your certificate authorities with `SSL_CERT_FILE` "
                    "or pip's setting `cert`",
                ) from error
            raise _AgainError(
                f"no connection ({error})", attempts=policy.connect_attempts, lost=origin
            ) from error
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise _AgainError(
                f"no connection within {self._settings.connect_timeout:g} s",
                attempts=policy.connect_attempts,
                lost=origin,
            ) from error
        except httpx2.TimeoutException as error:
            raise _AgainError(
                f"silence for {self._settings.timeout:g} s",
                attempts=policy.connect_attempts,
                lost=never,
            ) from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise AnswerError("the address is malformed", found=str(error)) from error
        except httpx2.DecodingError as error:
            raise AnswerError(
                "the answer is damaged", found=f"a content encoding that fails: {error}"
            ) from error
        except httpx2.TransportError as error:
            raise _AgainError(
                f"a dropped connection ({error})", attempts=policy.attempts
            ) from error

    def _gave_up(self, again: _AgainError, attempts: int) -> SourceError:
        found = f"{again.found}, {attempts} times" if attempts > 1 else again.found
        if again.lost is not None:
            with self._lock:
                found = self._given_up.setdefault(again.lost, found)
            return _unreachable(again.lost, found)
        # A status is an answer; silence and dropped connections are not.
        kind = BusyError if again.found.startswith("status") else SourceError
        return kind(
            "the server gave no usable answer",
            found=found,
            hint="try again later, or see whether the address, the network and the proxy are right",
        )

    def _refusal(self, response: Response, *, had_credentials: bool) -> Exception:
        status = status_text(response.status)
        if response.status in _AGAIN:
            after = retry_after(response.headers.get("retry-after"), self._now())
            return _AgainError(
                f"status {status}", attempts=self._settings.retry.attempts, after=after
            )
        if response.status in (404, 410):
            return NotFoundError("does not exist", found=f"status {status}")
        if response.status in (401, 403, 407):
            if had_credentials:
                hint = "the user name or password that was sent is wrong, or may not read this"
            else:
                hint = "put a user name and password in the index address, netrc or the keyring"
            return AnswerError("the server wants a login", found=f"status {status}", hint=hint)
        return AnswerError("the server refuses", found=f"status {status}")

    def _delay(self, attempt: int, after: float | None) -> float:
        policy = self._settings.retry
        if after is not None:
            return min(after, policy.retry_after_cap)
        wait = min(policy.base * 2.0 ** (attempt - 1), policy.cap)
        return wait * (0.5 + self._jitter() / 2)

    def _client(self, *, insecure: bool) -> httpx2.Client:
        with self._lock:
            if insecure not in self._clients:
                self._clients[insecure] = new_client(
                    self._settings, self._environ, insecure=insecure
                )
            return self._clients[insecure]


def redirected(url: str, location: str) -> str:
    """Where a redirect leads; raises AnswerError if an index may not lead there."""
    try:
        target = urljoin(without_credentials(url), location)
        scheme, before = urlsplit(target).scheme.lower(), urlsplit(url).scheme.lower()
        origin_of(target)
    except ValueError as error:
        raise AnswerError("redirects to a malformed address", found=f"`{location}`") from error
    if scheme not in ("http", "https"):
        raise AnswerError(
            "redirects to where an index may not lead",
            found=f"`{redact(target)}`",
            expected="an http or https address",
        )
    if before == "https" and scheme == "http":
        raise AnswerError(
            "redirects from https to http, where everyone may listen",
            found=f"`{redact(target)}`",
            expected="an https address",
        )
    return target


def _unreachable(origin: Origin, found: str) -> UnreachableError:
    scheme, host, port = origin
    error = UnreachableError(
        "the server gave no usable answer",
        found=found,
        hint="try again later, see whether the address, the network and the proxy are right, "
        "or name another index with `--index`",
    )
    shown = f"[{host}]" if ":" in host else host
    usual = port == (443 if scheme == "https" else 80)
    error.server = f"{scheme}://{shown}" if usual else f"{scheme}://{shown}:{port}"
    return error


def status_text(status: int) -> str:
    """``404 Not Found``."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, or a date (RFC 9110, section 10.2.3); None if absent or nonsense."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value[:12])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
