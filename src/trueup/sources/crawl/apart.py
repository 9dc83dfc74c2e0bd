"""A process beside a crawl, for what takes more memory than a crawl does."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from trueup.model.errors import SourceError

__all__ = ["apart"]


@contextmanager
def apart() -> Iterator[Executor]:
    """An executor of one process, which is there only while it has something to do.

    An interrupt from the keyboard is left to the crawl. Raises SourceError if it was killed.
    """
    # A forked process would inherit an event loop and its connections.
    with ProcessPoolExecutor(
        1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
        max_tasks_per_child=1,
    ) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise SourceError(
                "the process that writes the dataset was killed, perhaps for want of memory",
                hint="run the same command again: what was read is kept",
            ) from error
