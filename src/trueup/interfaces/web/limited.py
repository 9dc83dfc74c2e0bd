"""Limits on what one address or one token may ask, and the answer beyond them: 429, and when again."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trueup.features.serve.receive import RefusedError
from trueup.interfaces.web.problems import refused
from trueup.interfaces.web.rates import Bucket, Limits, Rate, address_of
from trueup.sources.store.store import Token

__all__ = ["Limited", "Rates", "TooManyError"]


class TooManyError(RefusedError):
    """Later it may be asked again."""

    status = 429

    def __init__(self, what: str, *, wait: float, hint: str | None = None) -> None:
        seconds = max(1, math.ceil(wait))
        super().__init__(f"{what}; ask again in {seconds} s", hint=hint)
        self.headers = {"retry-after": str(seconds)}


class Rates:
    """What this worker counts. An address of this machine has no limits, a token has them anywhere."""

    def __init__(self, limits: Limits) -> None:
        self._requests = _bucket(limits.requests)
        self._uploads = _bucket(limits.uploads)
        self._failures = _bucket(limits.failures)

    def request(self, address: str) -> None:
        """Count a request from an address; raises TooManyError."""
        _take(self._requests, address, "too many requests from this address")

    def asked(self, token: Token) -> None:
        """Count a request with a token; raises TooManyError."""
        _take(self._requests, token.id, "too many requests with this token")

    def upload(self, token: Token, host: str | None) -> None:
        """Count an upload, before its bytes are read; raises TooManyError."""
        _take(self._uploads, token.id, "too many uploads with this token")
        address = address_of(host)
        if address is not None:
            _take(self._uploads, address, "too many uploads from this address")

    def may_try(self, address: str) -> None:
        """Raises TooManyError for an address that sent too many tokens that are not known."""
        wait = 0.0 if self._failures is None else self._failures.wait(address)
        if wait:
            raise TooManyError(
                "too many attempts from this address with tokens that are not known", wait=wait
            )

    def failed(self, address: str) -> None:
        """Count such a token."""
        if self._failures is not None:
            self._failures.take(address)


def _bucket(rate: Rate | None) -> Bucket | None:
    return None if rate is None else Bucket(rate)


def _take(bucket: Bucket | None, key: str | int, what: str) -> None:
    wait = 0.0 if bucket is None else bucket.take(key)
    if wait:
        raise TooManyError(what, wait=wait)


class Limited:
    """An application around another, for as much as each address may ask."""

    def __init__(self, inner: ASGIApp, rates: Rates) -> None:
        self._inner = inner
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client") if scope["type"] == "http" else None
        address = None if client is None else address_of(client[0])
        if address is None:
            await self._inner(scope, receive, send)
            return
        tries = _tries(scope)
        try:
            self._rates.request(address)
            if tries:
                self._rates.may_try(address)
        except TooManyError as error:
            answer = await refused(Request(scope, receive), error)
            await answer(scope, receive, send)
            return
        await self._inner(scope, receive, self._listening(send, address) if tries else send)

    def _listening(self, send: Send, address: str) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._rates.failed(address)
            await send(message)

        return sent


def _tries(scope: Scope) -> bool:
    """Whether a request shows something that may be a token, in a header or in a form."""
    return scope["method"] == "POST" or any(
        name == b"authorization" for name, _ in scope["headers"]
    )
