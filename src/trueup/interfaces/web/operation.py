"""What watches a running index: its metrics and its log, at every place where something happens."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route
from starlette.types import ASGIApp

from trueup.features.serve.desk import Desk
from trueup.features.serve.watch import DeskWatcher
from trueup.interfaces.web.access import Access
from trueup.interfaces.web.logs import Log
from trueup.interfaces.web.metrics import CountedBlobs, Metrics
from trueup.interfaces.web.watched import Exchange, Tally, Watched
from trueup.model.errors import TrueupError

__all__ = ["Operation"]


class Operation(DeskWatcher):
    """Tells the metrics and the log; either may be missing."""

    def __init__(self, desk: Desk, *, log: Log | None = None, metrics: bool = False) -> None:
        self.log = log
        self.tally = Tally()
        self.metrics = Metrics(desk, self.tally) if metrics else None
        if self.metrics is not None:
            desk.blobs = CountedBlobs(desk.blobs, self.metrics.blobs_failed)
        if log is not None:
            desk.store.on_write = log.write
        desk.watch(self)

    def routes(self, access: Access) -> list[Route]:
        """What it answers itself."""
        return [] if self.metrics is None else self.metrics.routes(access)

    def around(self, routes: ASGIApp) -> ASGIApp:
        """The routes, watched; pages from memory do not come to them."""
        return routes if self._hears_all() else Watched(routes, self._tell)

    def around_all(self, index: ASGIApp) -> ASGIApp:
        """The whole application, watched if every request is wanted."""
        return Watched(index, self._tell) if self._hears_all() else index

    def _hears_all(self) -> bool:
        return self.log is not None and self.log.everything

    def _tell(self, found: Exchange) -> None:
        if self.metrics is not None:
            self.metrics.exchange(found)
        if self.log is not None:
            self.log.exchange(found)

    def page(self, origin: str) -> None:
        if self.metrics is not None:
            self.metrics.page(origin)

    def asked(self, kind: str, what: str, seconds: float, error: TrueupError | None) -> None:
        for one in (self.metrics, self.log):
            if one is not None:
                one.asked(kind, what, seconds, error)

    def looked(
        self, step: str, release: str, verdict: str, said: Sequence[str], seconds: float
    ) -> None:
        if self.log is not None:
            self.log.looked(step, release, verdict, said, seconds)

    def uploaded(self, outcome: str) -> None:
        if self.metrics is not None:
            self.metrics.uploaded(outcome)

    def published(self, outcome: str) -> None:
        if self.metrics is not None:
            self.metrics.published(outcome)

    # --- every now and then -------------------------------------------------------------------------

    def collect(self) -> None:
        """Bring the counts of this worker to where others see them."""
        if self.metrics is not None:
            self.metrics.collect()
