"""What a crawl or a walk has read becomes part of a dataset, import by import."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import asdict
from datetime import UTC, datetime

from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.records import Written
from trueup.sources.dataset import Dataset

__all__ = ["Imports", "Problem", "dataset_buckets"]

Problem = tuple[str, str, str]
"""A project, or a file that has none; what became of it, and why."""

_PROBLEM = ("project", "outcome", "problem")


def dataset_buckets(where: str, buckets: int | None) -> int:
    """The number of buckets of a dataset, which is begun if there is none; see `start_dataset`."""
    # Here and below: a process that crawls all night does not carry Arrow and DuckDB with it.
    from trueup.features.survey.run import start_dataset
    from trueup.sources.dataset import open_dataset

    return start_dataset(open_dataset(where), buckets).buckets


def _write(journal: str, where: str, origin: str, buckets: int) -> Written:
    from trueup.sources.crawl.parts import write_parts

    return write_parts(journal, where, origin, buckets)


class Imports:
    """Writes the parts of a dataset, by ``executor``, and a record of each import beside them.

    ``about`` is what every record says of where its rows come from; ``written`` are the imports of
    this run, by name.
    """

    def __init__(
        self,
        dataset: Dataset,
        journal: Journal,
        executor: Executor,
        *,
        buckets: int,
        about: Mapping[str, str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._dataset, self._journal, self._executor = dataset, journal, executor
        self._buckets, self._about, self._now = buckets, about, now
        self.written: list[tuple[str, Written]] = []

    def left(self) -> tuple[str, Future[Written]] | None:
        """What an interrupted run left to be written, under way; to be asked for before all else.

        A journal whose dataset was removed is begun anew.
        """
        last = self._journal.last
        if last is not None and self._dataset.read(_record_key(last)) is None:
            self._journal.begin_anew()
        return self._under_way(self._journal.unfinished())

    def begin(self) -> tuple[str, Future[Written]] | None:
        """The next import under way, to be given to :meth:`done`; None if nothing waits."""
        return self._under_way(self._journal.gather(self._now()))

    def _under_way(self, origin: str | None) -> tuple[str, Future[Written]] | None:
        if origin is None:
            return None
        path, where = str(self._journal.path), self._dataset.where
        return origin, self._executor.submit(_write, path, where, origin, self._buckets)

    def done(self, origin: str, written: Written) -> None:
        """An import is part of the dataset: its rows need not wait any more."""
        self.written.append((origin, written))
        self._record(origin, written, ())
        self._journal.forget(origin)

    def name_problems(self, problems: Sequence[Problem]) -> None:
        """Name in the last record what is not in the dataset; without any, in one of its own."""
        if not problems:
            return
        if not self.written:
            nothing = Written(projects=0, rows=0, sources={}, unread=0)
            self.written.append((self._journal.name(self._now()), nothing))
        self._record(*self.written[-1], problems)

    def _record(self, origin: str, written: Written, problems: Sequence[Problem]) -> None:
        record = {
            "origin": origin,
            **self._about,
            **asdict(written),
            "problems": [dict(zip(_PROBLEM, one, strict=True)) for one in problems],
        }
        self._dataset.write(_record_key(origin), json.dumps(record).encode())


def _record_key(origin: str) -> str:
    return f"imports/{origin}.json"
