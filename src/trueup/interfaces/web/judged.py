"""Releases judged because somebody looks at them: a few at a time, in the background, remembered."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from queue import SimpleQueue

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.serve.desk import MAIN, Desk
from trueup.features.serve.receive import RefusedError
from trueup.judge.release import judge_release
from trueup.model.errors import SourceError, TrueupError
from trueup.model.finding import ReleaseReport
from trueup.model.watcher import Watcher
from trueup.sources.release import gather
from trueup.sources.store.store import HostedRelease

__all__ = ["Judgement", "Judgements"]

_KEPT = 64
"""So many judgements stay in memory."""

_WAITING = 16
"""So many may wait for their turn."""

_AT_ONCE = 2
_PATIENCE = 120.0
"""Seconds after which reading a release is given up."""

_AGE = 600.0
"""Seconds after which a release behind us is read again: it may have got more files."""

_RETRY = 30.0
"""Seconds for which a failure is believed."""


class Judgement(Watcher):
    """A release that is being judged, or was: ``report``, ``error``, or neither yet."""

    def __init__(self, *, deadline: float, clock: Callable[[], float]) -> None:
        self.expected = 0
        self.read = 0
        self.report: ReleaseReport | None = None
        self.error: Exception | None = None
        self.finished = threading.Event()
        self._deadline = deadline
        self._clock = clock
        self.until = float("inf")

    @property
    def is_done(self) -> bool:
        return self.finished.is_set()

    def expect(self, count: int) -> None:
        self.expected += count

    def done(self, what: str) -> None:
        self.read += 1
        # A server that is stopped does not wait for those who only wanted to look.
        if self._clock() > self._deadline or not threading.main_thread().is_alive():
            raise SourceError(
                f"reading its files takes longer than {_PATIENCE:.0f} seconds",
                found=f"{self.read} of {self.expected} files read",
            )


class Judgements:
    """Judges for all who look; the same release once."""

    def __init__(self, desk: Desk, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._clock = clock
        self._known: OrderedDict[Hashable, Judgement] = OrderedDict()
        self._queue: SimpleQueue[tuple[Judgement, Callable[[Judgement], ReleaseReport]]] = (
            SimpleQueue()
        )
        self._workers = 0
        self._lock = threading.Lock()

    def hosted(self, release: HostedRelease, *, wait: float = 2.0) -> Judgement:
        """The judgement of a release that was uploaded; waits some seconds for it to be finished."""
        said = tuple((file.filename, file.sha256, file.yanked) for file in release.files)

        def judge(found: Judgement) -> ReleaseReport:
            return self._desk.receiver(release.channel).report(release)

        key = (release.channel, release.project, release.version, said)
        return self._find(key, judge, age=float("inf"), wait=wait)

    def behind(self, project: NormalizedName, version: Version, *, wait: float = 0.5) -> Judgement:
        """The judgement of a release of the index behind."""
        source = self._desk.upstream

        def judge(found: Judgement) -> ReleaseReport:
            if source is None:
                raise SourceError("there is no index behind this one")
            release = gather(source, project, version, watcher=found)
            rules = self._desk.policies.for_project(MAIN, project).rules
            return judge_release(release, settings=rules, suggest=True)

        return self._find((project, version), judge, age=_AGE, wait=wait)

    def known(self, project: NormalizedName, version: Version) -> ReleaseReport | None:
        """What was said of a release of the index behind, if somebody looked at it lately."""
        found = self._known.get((project, version))
        return None if found is None else found.report

    def _find(
        self,
        key: Hashable,
        judge: Callable[[Judgement], ReleaseReport],
        *,
        age: float,
        wait: float,
    ) -> Judgement:
        with self._lock:
            found = self._known.get(key)
            if found is None or found.until < self._clock():
                found = self._begin(key, judge, age)
            self._known.move_to_end(key)
        found.finished.wait(wait)
        if found.error is not None and not isinstance(found.error, TrueupError):
            raise found.error  # a fault of ours: the log shall have it
        return found

    def _begin(
        self, key: Hashable, judge: Callable[[Judgement], ReleaseReport], age: float
    ) -> Judgement:
        if sum(not one.is_done for one in self._known.values()) >= _WAITING + _AT_ONCE:
            raise _BusyError(
                "too many releases are being read for others", hint="look again in a minute"
            )
        found = Judgement(deadline=self._clock() + _PATIENCE, clock=self._clock)
        self._known[key] = found
        over = [one for one, kept in self._known.items() if kept.is_done and kept is not found]
        for one in over[: max(0, len(self._known) - _KEPT)]:
            del self._known[one]

        def work(one: Judgement) -> ReleaseReport:
            report = judge(one)
            one.until = self._clock() + age
            return report

        self._queue.put((found, work))
        if self._workers < _AT_ONCE:
            self._workers += 1
            threading.Thread(target=self._work, name="trueup-look", daemon=True).start()
        return found

    def _work(self) -> None:
        while True:
            found, judge = self._queue.get()
            try:
                found.report = judge(found)
            except Exception as error:  # whatever it is: visitors wait for an end
                found.error = error
                found.until = self._clock() + _RETRY
            finally:
                found.finished.set()


class _BusyError(RefusedError):
    status = 503
