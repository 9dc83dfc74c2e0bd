"""Processes beside a crawl, for what takes more memory than a crawl does."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from trueup.model.errors import SourceError

__all__ = ["apart"]


@contextmanager
def apart() -> Iterator[Executor]:
    """An executor that does each piece of work in a process of its own, which ends with it.

    An interrupt from the keyboard is left to the crawl. Raises SourceError if a process was killed.
    """
    try:
        yield _Apart()
    except BrokenProcessPool as error:
        raise SourceError(
            "the process that writes the dataset was killed, perhaps for want of memory",
            hint="run the same command again: what was read is kept",
        ) from error


class _Apart(Executor):
    def submit(self, function: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        # A forked process would inherit an event loop and its connections.
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        with _ignored():
            future = pool.submit(function, *values, **named)
        pool.shutdown(wait=False)
        return future


@contextmanager
def _ignored() -> Iterator[None]:
    """Processes that are started in this block ignore interrupts, from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
