"""What an index did and keeps, in the text format of Prometheus.

Several workers count into files of a folder that `PROMETHEUS_MULTIPROC_DIR` names, which is how
`prometheus_client` adds them up; a worker that dies takes no count along.
"""

from __future__ import annotations

import os
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import trueup
from trueup.features.serve.desk import Desk
from trueup.features.serve.watch import DeskWatcher
from trueup.interfaces.web.access import Access
from trueup.interfaces.web.watched import Exchange, Place, Tally, view_of
from trueup.model.errors import TrueupError
from trueup.sources.store.blobs import Blobs
from trueup.sources.store.counts import Counted
from trueup.sources.store.failures import StoreError
from trueup.sources.store.store import State

__all__ = ["FOLDER", "CountedBlobs", "Metrics"]

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that has several workers count together; read when the library is imported."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_MAY = "metrics"
"""The action of a token that may read them from another machine."""

_AGE = 5.0
"""Seconds for which numbers of the store are not asked for again."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Metrics(DeskWatcher):
    """Counts what one worker does, and shows what all of them did."""

    def __init__(self, desk: Desk, tally: Tally) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._tally = tally
        self._told: dict[Place, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._own = CollectorRegistry()
        self._make_requests()
        self._make_rest()
        self._kept = _Kept(desk)
        if FOLDER not in os.environ:
            # The numbers of one process among several would be a different one's each time.
            ProcessCollector(registry=self._own)
            self._own.register(self._kept)
        event.listen(desk.store.engine, "handle_error", self._database_failed)

    def _make_requests(self) -> None:
        kept = self._own
        self.requests = Counter(
            "trueup_requests",
            "Requests by the template of their address; status 0: the client went away.",
            ["route", "method", "view", "status"],
            registry=kept,
        )
        self.seconds = Histogram(
            "trueup_request_seconds",
            "Time until the last byte of an answer that did not come from memory.",
            ["route"],
            buckets=_SECONDS,
            registry=kept,
        )
        self.sent = Counter("trueup_sent_bytes", "Bytes of answers.", ["route"], registry=kept)
        self.received = Counter(
            "trueup_received_bytes", "Bytes of requests.", ["route"], registry=kept
        )
        self.pages = Counter(
            "trueup_pages",
            "Pages by where they came from: memory, database, made for the request, or stale.",
            ["origin"],
            registry=kept,
        )

    def _make_rest(self) -> None:
        kept = self._own
        self.upstream = Counter(
            "trueup_upstream_requests",
            "Questions to the index behind: for a page, metadata, or a file.",
            ["kind"],
            registry=kept,
        )
        self.upstream_failures = Counter(
            "trueup_upstream_failures", "Those that it did not answer.", ["kind"], registry=kept
        )
        self.upstream_seconds = Histogram(
            "trueup_upstream_seconds", "How long it took.", ["kind"], buckets=_SECONDS,
            registry=kept,
        )  # fmt: skip
        self.uploads = Counter(
            "trueup_uploads",
            "Uploaded files: the state of their release, there already, or refused.",
            ["outcome"],
            registry=kept,
        )
        self.publications = Counter(
            "trueup_publications", "Releases published, or refused to be.", ["outcome"],
            registry=kept,
        )  # fmt: skip
        self.store_errors = Counter(
            "trueup_store_errors", "Errors of the database and of the blobs.", ["part"],
            registry=kept,
        )  # fmt: skip
        for part in ("database", "blobs"):
            self.store_errors.labels(part)

    # --- counting -----------------------------------------------------------------------------------

    def exchange(self, found: Exchange) -> None:
        """One request; a page from memory was counted already."""
        if found.memory:
            return
        method = found.method if found.method in _METHODS else "other"
        route = found.route
        self.requests.labels(route, method, found.view, found.status).inc()
        self.seconds.labels(route).observe(found.seconds)
        if found.sent:
            self.sent.labels(route).inc(found.sent)
        if found.received:
            self.received.labels(route).inc(found.received)

    def page(self, origin: str) -> None:
        self.pages.labels(origin).inc()

    def asked(self, kind: str, what: str, seconds: float, error: TrueupError | None) -> None:
        self.upstream.labels(kind).inc()
        self.upstream_seconds.labels(kind).observe(seconds)
        if error is not None:
            self.upstream_failures.labels(kind).inc()

    def uploaded(self, outcome: str) -> None:
        self.uploads.labels(outcome).inc()

    def published(self, outcome: str) -> None:
        self.publications.labels(outcome).inc()

    def blobs_failed(self) -> None:
        """An error of the blobs."""
        self.store_errors.labels("blobs").inc()

    def _database_failed(self, context: ExceptionContext) -> None:
        # Two who write the same are no error, one of them tries again.
        if not isinstance(context.sqlalchemy_exception, IntegrityError):
            self.store_errors.labels("database").inc()

    def collect(self) -> None:
        """Count what was sent without waiting since the last time."""
        with self._lock:
            for place, (number, size) in self._tally.taken():
                before, size_before = self._told.get(place, (0, 0))
                self._told[place] = number, size
                channel, view, same, origin = place
                prefix = "/c/{channel}" if channel else ""
                route = f"{prefix}{view or ''}/simple/{{project}}/"
                status = 304 if same else 200
                new = number - before
                self.requests.labels(route, "GET", view_of(route), status).inc(new)
                self.pages.labels(origin).inc(new)
                self.sent.labels(route).inc(size - size_before)

    # --- showing ------------------------------------------------------------------------------------

    def text(self) -> bytes:
        """All of it, of all workers."""
        self.collect()
        if FOLDER not in os.environ:
            return generate_latest(self._own)
        every = CollectorRegistry()
        MultiProcessCollector(every)  # type: ignore[no-untyped-call]
        every.register(self._kept)
        return generate_latest(every)

    def routes(self, access: Access) -> list[Route]:
        """`/metrics`, for this machine and for tokens that may read it."""

        async def answer(request: Request) -> Response:
            if not _is_here(request):
                token = await access.token(request)
                access.may(token, _MAY, "*", "*")
            body = await run_in_threadpool(self.text)
            headers = {"content-type": CONTENT_TYPE_PLAIN_0_0_4, "cache-control": "no-store"}
            return Response(body, headers=headers)

        return [Route("/metrics", answer)]


def _is_here(request: Request) -> bool:
    """Whether the request comes from this machine, and not through a proxy on it."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    if request.client is None:
        return True
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class CountedBlobs:
    """Blobs around blobs, which tell of their errors."""

    def __init__(self, inner: Blobs, failed: Callable[[], None]) -> None:
        self._inner = inner
        self._failed = failed
        self.scratch = inner.scratch

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            self._failed()
            raise

    def put(self, sha256: str, path: Path) -> None:
        with self._told():
            self._inner.put(sha256, path)

    def size(self, sha256: str) -> int | None:
        with self._told():
            return self._inner.size(sha256)

    def read(self, sha256: str, start: int, end: int) -> Iterator[bytes]:
        with self._told():
            yield from self._inner.read(sha256, start, end)

    def delete(self, sha256: str) -> None:
        with self._told():
            self._inner.delete(sha256)

    def drop(self, sha256: str, *, before: float) -> bool:
        with self._told():
            return self._inner.drop(sha256, before=before)

    def path(self, sha256: str) -> Path | None:
        return self._inner.path(sha256)

    def all(self) -> Iterator[str]:
        with self._told():
            yield from self._inner.all()


class _Kept(Collector):
    """What lies in the store, looked up when it is asked for, but not more often than that."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._last: tuple[float, Counted | None] = (-_AGE, None)

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield _gauge(
            "trueup_build_info", "What runs here.", 1,
            version=trueup.__version__, python=platform.python_version(),
        )  # fmt: skip
        found = self._counted()
        yield _gauge("trueup_store_up", "Whether the database answers.", int(found is not None))
        if found is not None:
            releases = GaugeMetricFamily(
                "trueup_releases", "Releases by their state.", labels=["state"]
            )
            for state in State:
                releases.add_metric([state.value], found.releases.get(state.value, 0))
            yield releases
            yield _gauge("trueup_projects", "Projects that were uploaded to.", found.projects)
            yield _gauge("trueup_files", "Uploaded files.", found.files)
            yield _gauge("trueup_file_bytes", "Bytes of them, each content once.", found.size)
            yield _gauge("trueup_derived_wheels", "Corrected wheels.", found.derived)
        with suppress(OSError):
            free = shutil.disk_usage(self._desk.blobs.scratch).free
            yield _gauge("trueup_disk_free_bytes", "Free space where uploads arrive.", free)

    def _counted(self) -> Counted | None:
        at, found = self._last
        if time.monotonic() - at >= _AGE or found is None:
            try:
                found = self._desk.store.counted()
            except StoreError:
                return None
            self._last = time.monotonic(), found
        return found


def _gauge(name: str, words: str, value: float, **labels: str) -> Metric:
    found = GaugeMetricFamily(name, words, labels=list(labels))
    found.add_metric(list(labels.values()), value)
    return found
