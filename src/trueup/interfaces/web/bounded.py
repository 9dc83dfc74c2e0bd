"""Connections that cannot take memory, or wait for good, before anybody asks who they are.

uvicorn's httptools protocol keeps whatever comes as the head of a request (address and header
fields), however much it is and however slowly it comes.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["Bounded"]


class Bounded(HttpToolsProtocol):
    """One connection; ``largest`` is what the head of a request may have in bytes (one read more is
    not noticed), ``patience`` how many seconds it may take.
    """

    largest = 64 * 1024
    patience = 60.0

    _in_head = False
    _size = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there, who may say nothing at all."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._in_head = False
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Most heads come in one piece, and cost nothing here."""
        goes_on = self._in_head
        super().data_received(data)
        if not self._in_head:
            return
        if self._late is None:
            self._wait()
        self._size = self._size + len(data) if goes_on else 0
        if self._size > self.largest and not self.transport.is_closing():
            if not self._is_answering():
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It is there."""
        self._in_head = False
        self._end_wait()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.patience, self._close_late)

    def _end_wait(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close_late(self) -> None:
        self._late = None
        if self._is_answering():
            # The next request waits for that as well.
            self._wait()
        else:
            self.transport.close()

    def _is_answering(self) -> bool:
        cycle = cast("Any", self.cycle)
        return cycle is not None and not cycle.response_complete


_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
