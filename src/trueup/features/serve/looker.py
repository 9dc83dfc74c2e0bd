"""Looks into releases in the background: a few at a time, none twice, the ones waited for first.

Threads start with the first job. Workers in other processes do the same; a lease keeps them from
doing the same work, and what they find is the same in any case.
"""

from __future__ import annotations

import heapq
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.outcome import Outcome, Verdict, outcome_bytes, outcome_of
from trueup.features.serve.watch import DeskWatcher
from trueup.model.errors import TrueupError
from trueup.sources.store.store import Store

__all__ = ["Beat", "Job", "Looker"]

_LEASE = 120.0
"""Seconds without a sign of life after which another worker may take over."""
_ELSEWHERE = 0.5
"""Seconds until a job that another worker has is looked at again."""
_RETRY = 300.0
"""Seconds until a release that could not be looked into is tried again."""
_PATIENCE = 5.0
"""Seconds for which threads are waited for at the end; one may be waiting for an answer."""
_UNREAD = 3600.0
"""Seconds until a release with a file that says nothing is tried again."""
_MOST = 20_000
"""Jobs that wait; what is left out comes with a later page."""
_SOON, _LATER = 0, 1

Beat = Callable[[], None]
"""To be called between two files: a sign of life, and where a stop ends the work."""


class _StoppedError(Exception):
    """The index ends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One release to be looked into; ``key`` says everything that the outcome rests on, ``anew``
    that what is kept of it does not count.
    """

    key: str
    step: str
    project: NormalizedName
    version: Version
    run: Callable[[Beat], Outcome]
    anew: bool = False


class Looker:
    """At most ``threads`` releases at once; every method may be called from any thread."""

    def __init__(
        self,
        store: Store,
        *,
        threads: int = 4,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._most = threads
        self._clock = clock
        self.watcher = DeskWatcher()
        self._name = secrets.token_hex(16)
        self._queue: list[tuple[int, int, Job]] = []
        self._away: list[tuple[float, int, Job]] = []
        self._open: dict[str, Job] = {}
        self._begun: set[str] = set()
        self._urgent: set[str] = set()
        self._numbers = count()
        self._threads: list[threading.Thread] = []
        self._stop = False
        self._changed = threading.Condition()

    def want(self, jobs: Sequence[Job]) -> None:
        """Have these done at some time, in their order; those that are wanted already stay."""
        with self._changed:
            if self._stop:
                return
            for job in jobs:
                if job.key not in self._open and len(self._open) < _MOST:
                    self._open[job.key] = job
                    heapq.heappush(self._queue, (_LATER, next(self._numbers), job))
            while len(self._threads) < min(self._most, len(self._open)):
                thread = threading.Thread(target=self._run, name="trueup-looker", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def hurry(self, keys: Collection[str]) -> None:
        """Have these done before others."""
        with self._changed:
            for key in keys:
                if key in self._open and key not in self._urgent:
                    self._urgent.add(key)
                    job = self._open[key]
                    heapq.heappush(self._queue, (_SOON, next(self._numbers), job))
            self._changed.notify_all()

    def wait(self, keys: Collection[str], seconds: float) -> None:
        """Wait until these are done, but not longer than ``seconds``."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._stop and any(key in self._open for key in keys):
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)

    def close(self) -> None:
        """Stop after the file that is being worked on."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        until = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(timeout=max(0.0, until - time.monotonic()))

    # --- in its threads -----------------------------------------------------------------------------

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                done = self._do(job)
            except (TrueupError, _StoppedError):
                # The database is away, or the index ends: a later page asks again.
                done = True
            except Exception as error:  # or nothing would be looked into any more
                done = True
                self._tell(job, Verdict.FAILED, (_fault(error),), 0.0)
            with self._changed:
                self._begun.discard(job.key)
                if done:
                    self._open.pop(job.key, None)
                    self._urgent.discard(job.key)
                else:
                    due = time.monotonic() + _ELSEWHERE
                    heapq.heappush(self._away, (due, next(self._numbers), job))
                self._changed.notify_all()

    def _next(self) -> Job | None:
        with self._changed:
            while not self._stop:
                now = time.monotonic()
                while self._away and self._away[0][0] <= now:
                    job = heapq.heappop(self._away)[2]
                    heapq.heappush(self._queue, (_SOON, next(self._numbers), job))
                while self._queue:
                    job = heapq.heappop(self._queue)[2]
                    # One that was waited for stands there twice.
                    if self._open.get(job.key) is job and job.key not in self._begun:
                        self._begun.add(job.key)
                        return job
                self._changed.wait(self._away[0][0] - now if self._away else None)
        return None

    def _do(self, job: Job) -> bool:
        """Look into a release, unless somebody did; False if somebody is doing it."""
        kept = self._store.outcome(job.key)
        if kept is not None and not job.anew and outcome_of(kept).holds(self._clock()):
            return True
        lease = f"look-{job.key[:48]}"
        if not self._store.hold(lease, self._name, _LEASE):
            return False
        started = time.perf_counter()
        try:
            outcome = self._outcome(job, lease)
            self._store.keep_outcome(job.key, job.project, str(job.version), outcome_bytes(outcome))
        finally:
            with suppress(TrueupError):
                self._store.give_back(lease, self._name)
        self._tell(job, outcome.verdict, outcome.said, time.perf_counter() - started)
        return True

    def _tell(self, job: Job, verdict: Verdict, said: Sequence[str], seconds: float) -> None:
        release = f"{job.project} {job.version}"
        self.watcher.looked(job.step, release, verdict.value, said, seconds)

    def _outcome(self, job: Job, lease: str) -> Outcome:
        held = time.monotonic()

        def beat() -> None:
            nonlocal held
            if self._stop:
                raise _StoppedError
            if time.monotonic() - held > _LEASE / 4:
                held = time.monotonic()
                self._store.hold(lease, self._name, _LEASE)

        try:
            found = job.run(beat)
            if found.verdict is Verdict.UNREAD:
                # It may have been a server that refused.
                return replace(found, retry=self._clock() + _UNREAD)
            return found
        except TrueupError as error:
            said = str(error)
        except _StoppedError:
            raise
        except Exception as error:  # one release that breaks us must not end the thread
            said = _fault(error)
        return Outcome(verdict=Verdict.FAILED, said=(said,), retry=self._clock() + _RETRY)


def _fault(error: Exception) -> str:
    return f"a fault of trueup: {type(error).__name__}: {error}"
