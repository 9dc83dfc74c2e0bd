"""What an index tells those who count and log what it does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from trueup.features.serve.receive import Received, Receiver, ThereError
from trueup.model.errors import NotFoundError, TrueupError
from trueup.sources.store.store import HostedRelease

__all__ = ["DeskWatcher", "WatchedReceiver", "asking"]


class DeskWatcher:
    """Listens to an index; every method may be called from any thread, and must not fail."""

    def page(self, origin: str) -> None:
        """A page that was not in memory came from the ``database``, or was ``made``; ``stale``: made
        from what the index behind said before, because it did not answer.
        """

    def asked(self, kind: str, what: str, seconds: float, error: TrueupError | None) -> None:
        """The index behind was asked for a ``page``, ``metadata`` or a ``file``.

        ``error`` is why that failed; what is not there was answered.
        """

    def looked(
        self, step: str, release: str, verdict: str, said: Sequence[str], seconds: float
    ) -> None:
        """A release was looked into for a step of a view (`corrected`, `ledger`); see `Verdict`."""

    def uploaded(self, outcome: str) -> None:
        """An upload that was read: the state of its release, ``there`` or ``refused``."""

    def published(self, outcome: str) -> None:
        """A release was to be shown: ``published`` or ``refused``."""


@contextmanager
def asking(watcher: DeskWatcher, kind: str, what: str) -> Iterator[None]:
    """Tell the watcher how long the index behind took, and whether it failed."""
    started = time.perf_counter()
    failed: TrueupError | None = None
    try:
        yield
    except TrueupError as error:
        failed = None if isinstance(error, NotFoundError) else error
        raise
    finally:
        watcher.asked(kind, what, time.perf_counter() - started, failed)


class WatchedReceiver(Receiver):
    """A receiver whose decisions are told to a watcher."""

    watcher: DeskWatcher = DeskWatcher()

    def receive(self, *arguments: Any, **named: Any) -> Received:
        try:
            received = super().receive(*arguments, **named)
        except TrueupError as error:
            self.watcher.uploaded("there" if isinstance(error, ThereError) else "refused")
            raise
        self.watcher.uploaded(received.state.value)
        return received

    def publish(self, *arguments: Any, **named: Any) -> HostedRelease:
        try:
            release = super().publish(*arguments, **named)
        except TrueupError:
            self.watcher.published("refused")
            raise
        self.watcher.published("published")
        return release
