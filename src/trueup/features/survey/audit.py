"""One bucket, judged: DuckDB finds what differs as written, the model says what that means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import groupby, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.features.survey.tables import (
    FINDINGS,
    TABLES,
    VARIANTS,
    VERDICTS,
    finding_record,
    variant_records,
    verdict_record,
)
from trueup.judge.observed import Observer
from trueup.model.filerow import FileRow
from trueup.sources.dataset import Dataset, Part, open_dataset
from trueup.sources.duck import duck, parquet
from trueup.sources.filetable import row_of

__all__ = ["Summary", "audit", "state_of"]

_REVISION = 2
"""Raised when results would come out otherwise from the same parts."""

_SQL = Path(__file__).parent / "sql"
_BATCH = 4096

_OBSERVER = Observer()
"""For all buckets that this process judges: what one of them showed is known for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an audit of a bucket did: counts, and processor seconds.

    Of those, ``seconds_passes`` are for finding what differs and fetching it, ``seconds_model`` for
    judging that, ``seconds_results`` for writing the tables.
    """

    bucket: int
    state: str
    rows: int = 0
    duplicates: int = 0
    releases: int = 0
    differing: int = 0
    judged: int = 0
    looked_up: int = 0
    seconds_passes: float = 0
    seconds_model: float = 0
    seconds_results: float = 0
    fresh: bool = True
    """Whether it was done now; False where the results were there already."""


def state_of(parts: Sequence[Part]) -> str:
    """A digest of what a bucket's results depend on."""
    said = [_REVISION, *((part.key, part.size, part.mark) for part in parts)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def audit(where: str, bucket: int, *, memory: str | None = None, threads: int = 1) -> Summary:
    """Judge a bucket of the dataset at ``where`` and write its results there, all or nothing.

    The results are the same whoever does it, and however often. Results that fit the parts are
    kept. Raises SourceError for a part that cannot be read.
    """
    dataset = open_dataset(where)
    parts = dataset.parts(f"files/{bucket:04}/")
    state = state_of(parts)
    known = _kept(dataset, bucket)
    if known is not None and known.state == state:
        return known
    if not parts:
        return _nothing(dataset, bucket, state)
    with ExitStack() as stack:
        paths = [stack.enter_context(dataset.fetched(part.key)) for part in parts]
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trueup-audit-")))
        connection = stack.enter_context(duck(memory=memory, threads=threads))
        summary = _Audit(connection, paths, folder).run(bucket, state)
        for table in TABLES:
            dataset.put(_key(bucket, table), folder / f"{table}.parquet")
    return _said(dataset, summary)


def _nothing(dataset: Dataset, bucket: int, state: str) -> Summary:
    """The summary of a bucket without rows, which has no tables either."""
    for table in TABLES:
        dataset.delete(_key(bucket, table))
    return _said(dataset, Summary(bucket=bucket, state=state))


def _said(dataset: Dataset, summary: Summary) -> Summary:
    # Written last: results without it do not count.
    text = json.dumps(asdict(summary))
    dataset.write(f"results/{summary.bucket:04}/summary.json", text.encode())
    return summary


def _key(bucket: int, table: str) -> str:
    return f"results/{bucket:04}/{table}.parquet"


def _kept(dataset: Dataset, bucket: int) -> Summary | None:
    data = dataset.read(f"results/{bucket:04}/summary.json")
    if data is None:
        return None
    try:
        return Summary(**{**json.loads(data), "fresh": False})
    except (ValueError, TypeError):
        return None


class _Audit:
    """The audit of one bucket, in a database of its own."""

    def __init__(self, connection: Any, paths: Sequence[Path], folder: Path) -> None:
        self._connection = connection
        self._paths = tuple(paths)
        self._origins = {path.name.rpartition("-")[0] for path in paths}
        self._folder = folder
        self._before = (_OBSERVER.judged, _OBSERVER.looked_up)

    def run(self, bucket: int, state: str) -> Summary:
        clock = [process_time()]
        self._give()
        self._execute("seen")
        self._execute("differing")
        clock.append(process_time())
        differing = self._judge()
        clock.append(process_time())
        for table in ("releases", "projects"):
            self._execute(table)
            path = self._folder / f"{table}.parquet"
            self._connection.execute(
                f"COPY {table} TO '{path}' (COMPRESSION zstd, PARQUET_VERSION v2)"
            )
        clock.append(process_time())
        passes, model, results = (round(b - a, 3) for a, b in pairwise(clock))
        rows = sum(pq.read_metadata(path).num_rows for path in self._paths)
        releases, files = self._connection.execute(
            "SELECT count(*), sum(files) FROM seen"
        ).fetchone()
        return Summary(
            bucket=bucket,
            state=state,
            rows=rows,
            duplicates=rows - int(files or 0),
            releases=releases,
            differing=differing,
            judged=_OBSERVER.judged - self._before[0],
            looked_up=_OBSERVER.looked_up - self._before[1],
            seconds_passes=passes,
            seconds_model=model,
            seconds_results=results,
        )

    def _give(self) -> None:
        """The rows of the bucket, a file once: what was read from the file itself counts most."""
        several = len(self._origins) > 1
        self._connection.execute(
            f"CREATE VIEW {'all_given' if several else 'given'} AS FROM {parquet(self._paths)}"
        )
        if several:
            self._execute("given")

    def _execute(self, name: str) -> None:
        self._connection.execute((_SQL / f"{name}.sql").read_text("utf-8"))

    def _judge(self) -> int:
        """Judge what differs as written; returns how many releases that are."""
        writers = {
            name: _Writer(self._folder / f"{name}.parquet", schema)
            for name, schema in (
                ("verdicts", VERDICTS),
                ("findings", FINDINGS),
                ("variants", VARIANTS),
            )
        }
        count = 0
        for rows in self._differing():
            found = _OBSERVER.observe(rows)
            count += 1
            writers["verdicts"].add(verdict_record(rows[0], found))
            for finding in found.findings:
                writers["findings"].add(finding_record(rows[0], finding))
            for record in variant_records(rows[0], found):
                writers["variants"].add(record)
        for writer in writers.values():
            writer.close()
        self._connection.execute(
            f"CREATE VIEW verdicts AS FROM {parquet([self._folder / 'verdicts.parquet'])}"
        )
        return count

    def _differing(self) -> Iterator[list[FileRow]]:
        """The rows of each release that differs as written."""
        reader = self._connection.sql("FROM differing").to_arrow_reader(_BATCH)
        records = (record for batch in reader for record in batch.to_pylist())
        for _, group in groupby(records, key=lambda record: (record["project"], record["version"])):
            yield list(map(row_of, group))


class _Writer:
    """Records, written as Parquet some thousands at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._records: list[Any] = []

    def add(self, record: Any) -> None:
        self._records.append(record)
        if len(self._records) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._records:
            self._writer.write_table(pa.Table.from_pylist(self._records, schema=self._schema))
            self._records = []

    def close(self) -> None:
        self._flush()
        self._writer.close()
