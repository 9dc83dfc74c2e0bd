"""Rows, sorted into buckets as they come: one file a bucket, and little memory."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.sources.filetable import bucket_of

__all__ = ["Buckets"]

_HELD = 300_000
"""Rows that wait to be written, in all buckets together."""


class Buckets:
    """A file for each bucket that gets a row; they are finished when the block ends."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._waiting: list[pa.RecordBatch] = []
        self._held = 0
        self._writers: dict[int, pq.ParquetWriter] = {}
        self.rows: list[int] = []
        """How many rows each of ``paths`` has."""
        self._counts: dict[int, int] = {}

    def __enter__(self) -> Buckets:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
        for writer in self._writers.values():
            writer.close()
        self.rows = [self._counts[number] for number in self.numbers]

    @property
    def numbers(self) -> list[int]:
        """The buckets that have rows, sorted."""
        return sorted(self._writers)

    @property
    def paths(self) -> list[Path]:
        """Their files, in that order."""
        return [self._path(number) for number in self.numbers]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:04}.parquet"

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows of any projects, with a column ``project``."""
        self._waiting.append(batch)
        self._held += batch.num_rows
        if self._held >= _HELD:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting).combine_chunks()
        self._waiting, self._held = [], 0
        numbers = self._numbers(table["project"].combine_chunks())
        table = table.take(pc.sort_indices(numbers))
        counts = {one["values"]: one["counts"] for one in pc.value_counts(numbers).to_pylist()}
        start = 0
        for number in sorted(counts):
            self._write(number, table.slice(start, counts[number]))
            start += counts[number]

    def _numbers(self, projects: pa.Array) -> pa.Array:
        """The bucket of each row; a name is looked at once."""
        encoded = projects.dictionary_encode()
        found = [bucket_of(name, self._count) for name in encoded.dictionary.to_pylist()]
        return pc.take(pa.array(found, pa.int32()), encoded.indices)

    def _write(self, number: int, table: pa.Table) -> None:
        writer = self._writers.get(number)
        if writer is None:
            # Read once more and then thrown away: small is not worth the time.
            writer = pq.ParquetWriter(self._path(number), table.schema, compression="lz4")
            self._writers[number] = writer
        writer.write_table(table)
        self._counts[number] = self._counts.get(number, 0) + table.num_rows
