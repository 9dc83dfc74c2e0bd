"""Where units of work run: here, in a pool of processes, or on a Dask cluster.

One seam for all, `concurrent.futures.Executor`: units are functions of a module with small values,
and what they return is small as well. A unit may run twice, when a worker is lost.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from trueup.model.errors import SourceError, UsageError

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
def open_executor(
    workers: int = 1, *, scheduler: str | None = None, patience: float = 20.0
) -> Iterator[Executor]:
    """An executor: the workers of a Dask ``scheduler`` (``tcp://host:port``), or so many processes.

    ``patience`` are the seconds in which the scheduler must answer.

    Raises UsageError without Dask, SourceError for a scheduler that does not answer or a worker
    that was killed.
    """
    if scheduler is not None:
        with _cluster(scheduler, patience) as executor:
            yield executor
    elif workers == 1:
        yield Here()
    else:
        with _pool(workers) as executor:
            yield executor


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    # A forked process would inherit threads and locks of DuckDB.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise SourceError(
                "a worker was killed, perhaps for want of memory",
                hint="run it again: what is done is kept; `--memory` limits what a worker takes",
            ) from error


@contextmanager
def _cluster(scheduler: str, patience: float) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise UsageError(
            "a cluster needs the extra `dask`", hint="install it with `pip install 'trueup[dask]'`"
        ) from error
    try:
        client = Client(scheduler, timeout=patience)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:  # a time-out is an OSError
        raise SourceError(
            "no Dask scheduler answers", found=f"`{scheduler}`", expected="`tcp://host:port`"
        ) from error
    with client:
        # A unit whose worker dies is done by another one; it can run twice without harm.
        yield client.get_executor(pure=False, retries=3)  # type: ignore[no-untyped-call]
