"""An index behind that keeps everybody waiting is asked by one at a time, while the others go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trueup.model.errors import NotFoundError, SourceError, TrueupError

__all__ = ["Outage"]

_SLOW = 0.5
"""Seconds after which an answer that is none has cost somebody time."""

_LONGEST = 10.0
"""Seconds for which nobody else waits at most; it is as long as somebody waited in vain."""


class Outage:
    """Remembers that the index behind let somebody wait in vain; safe to use from several threads.

    A fault that is told at once costs nobody time: then each who asks is told anew. ``clock`` gives
    seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: float | None = None
        self._pause = 0.0
        self._why = ""

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask within; raises SourceError at once where somebody else has just waited in vain."""
        self._ask()
        begun = self._clock()
        try:
            yield
        except NotFoundError:
            self._answered()
            raise
        except TrueupError as error:
            waited = self._clock() - begun
            if waited >= _SLOW:
                self._waited(min(waited, _LONGEST), str(error))
            else:
                self._answered()
            raise
        self._answered()

    def _ask(self) -> None:
        now = self._clock()
        with self._lock:
            if self._until is not None and now < self._until:
                raise SourceError(
                    "is not asked for a moment: others have just waited for it in vain",
                    found=self._why,
                    hint="try again in a moment",
                )
            if self._until is not None:
                # This one looks whether it is there again, and the others do not wait for that.
                self._until = now + self._pause

    def _waited(self, pause: float, why: str) -> None:
        with self._lock:
            self._until, self._pause, self._why = self._clock() + pause, pause, why

    def _answered(self) -> None:
        with self._lock:
            self._until = None
