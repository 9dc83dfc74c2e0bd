"""Where units of work run: here, in a pool of processes, or on somebody's cluster.

One seam for all, `concurrent.futures.Executor`: units are functions of a module with small values,
and what they return is small as well.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

__all__ = ["Here", "open_executor"]


class Here(Executor):
    """Does the work when it is submitted, in this process."""

    def submit(self, function: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*values, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def open_executor(workers: int = 1) -> Iterator[Executor]:
    """An executor: this process for one worker, else a pool."""
    if workers == 1:
        yield Here()
        return
    # A forked process would inherit threads and locks of DuckDB.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield pool
