"""Rows of a journal, written as parts of the table of files.

Runs where it is put, best in a process of its own: writing Parquet takes more memory than a crawl.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from packaging.utils import canonicalize_name

from trueup.model.filerow import Provenance
from trueup.sources.crawl.records import CrawledRow, ProjectRows, Written
from trueup.sources.crawl.texts import Text
from trueup.sources.dataset import Dataset, FolderDataset, open_dataset
from trueup.sources.filetable import COLUMNS, SCHEMA, bucket_of, part_key

__all__ = ["write_parts"]

_ROWS_OF_A_PART = 20_000
_DECODER = msgspec.msgpack.Decoder(ProjectRows)
_NOTHING = Text(sha256=None)


def write_parts(journal: str, where: str, origin: str, buckets: int) -> Written:
    """Write the rows that are gathered for an import; again it writes the very same parts.

    ``journal`` is the path of the journal, ``where`` the dataset. Raises SourceError.
    """
    dataset = open_dataset(where)
    sources: Counter[str] = Counter()
    unread = projects = 0
    with (
        closing(sqlite3.connect(f"{Path(journal).resolve().as_uri()}?mode=ro", uri=True)) as found,
        TemporaryDirectory(prefix=".trueup-crawl-", dir=_beside(dataset)) as folder,
    ):
        names = found.execute("SELECT name FROM waiting WHERE part = ?", (origin,)).fetchall()
        placed = sorted((bucket_of(canonicalize_name(name), buckets), name) for (name,) in names)
        for bucket, number, part in _parts(found, placed):
            path = Path(folder) / "part.parquet"
            table = _table(part)
            pq.write_table(table, path, compression="zstd")
            dataset.put(part_key(bucket, origin, number), path)
            sources.update(table["source"].to_pylist())
            unread += sum(
                row.source == Provenance.UNREAD and row.problem is not None
                for _, rows in part
                for row in rows.rows
            )
            projects += len(part)
    return Written(projects=projects, rows=sources.total(), sources=dict(sources), unread=unread)


def _beside(dataset: Dataset) -> str | None:
    """A folder from which moving costs nothing, if there is one."""
    return str(dataset.folder) if isinstance(dataset, FolderDataset) else None


_Project = tuple[str, ProjectRows]


def _parts(
    found: sqlite3.Connection, placed: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, int, list[_Project]]]:
    """Bucket, number and projects of each part, whole projects by name."""
    part: list[_Project] = []
    size = number = 0
    for (bucket, name), after in zip(placed, [*placed[1:], (None, "")], strict=True):
        row = found.execute("SELECT rows FROM waiting WHERE name = ?", (name,)).fetchone()
        rows = _DECODER.decode(row[0])
        part.append((name, rows))
        size += len(rows.rows)
        if size >= _ROWS_OF_A_PART or after[0] != bucket:
            if size:
                yield bucket, number, part
                number += 1
            part, size = [], 0
        if after[0] != bucket:
            number = 0


def _table(projects: Sequence[_Project]) -> pa.Table:
    """The rows of some projects, by project, version and file name."""
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for name, found in projects:
        rows = sorted(found.rows, key=lambda row: (row.version, row.filename))
        texts = [found.texts[row.text] if row.text >= 0 else _NOTHING for row in rows]
        columns["project"] += [name] * len(rows)
        for column in ("version", "filename", "kind", "source", "yanked", "size", "sha256",
                       "metadata_sha256", "problem"):  # fmt: skip
            columns[column] += [getattr(row, column) for row in rows]
        columns["index_requires_python"] += [row.requires_python for row in rows]
        columns["uploaded"] += [_time(row) for row in rows]
        columns["generator"] += [text.generator for text in texts]
        for column in ("metadata_version", "requires_python"):
            columns[column] += [getattr(text, column) for text in texts]
        for column in ("requires_dist", "provides_extra", "dynamic"):
            columns[column] += [
                None if text is _NOTHING else getattr(text, column) for text in texts
            ]
    return pa.Table.from_pydict(columns, schema=SCHEMA)


def _time(row: CrawledRow) -> datetime | None:
    """PEP 700: a time that cannot be read is not a time."""
    if row.uploaded is None:
        return None
    try:
        found = datetime.fromisoformat(row.uploaded)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
