"""The table of files that a survey reads: its columns, its buckets, its Parquet parts.

Every way in writes this one table, and every bucket holds whole projects, so a bucket is judged
without looking at another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from packaging.utils import NormalizedName

from trueup.model.errors import SourceError
from trueup.model.filerow import FileRow, Provenance

__all__ = ["COLUMNS", "SCHEMA", "bucket_of", "kind_of", "part_key", "read_rows", "row_of",
           "write_rows"]  # fmt: skip

SCHEMA = pa.schema(
    [
        pa.field("project", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("filename", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("metadata_version", pa.string()),
        pa.field("requires_python", pa.string()),
        pa.field("requires_dist", pa.list_(pa.string())),
        pa.field("provides_extra", pa.list_(pa.string())),
        pa.field("dynamic", pa.list_(pa.string())),
        pa.field("index_requires_python", pa.string()),
        pa.field("yanked", pa.string()),
        pa.field("uploaded", pa.timestamp("us")),
        pa.field("size", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("metadata_sha256", pa.string()),
        pa.field("generator", pa.string()),
        pa.field("problem", pa.string()),
    ]
)
"""The fields of :class:`FileRow`, and ``kind``: wheel, sdist or other, by the file name.

``version`` is normalised (PEP 440) where it is a version, and as found where it is not;
``uploaded`` is UTC.
"""

COLUMNS = tuple(SCHEMA.names)
_ROW_COLUMNS = frozenset(COLUMNS) - {"kind"}


def bucket_of(project: NormalizedName, buckets: int) -> int:
    """The bucket of a project: the first four digits of the md5 of its name, modulo ``buckets``.

    In SQL: ``CAST('0x' || left(md5(project), 4) AS INTEGER) % buckets``.
    """
    return int(hashlib.md5(project.encode(), usedforsecurity=False).hexdigest()[:4], 16) % buckets


def part_key(bucket: int, origin: str, number: int = 0) -> str:
    """Where a part of the table lies in a dataset.

    ``origin`` names the import; within one import a file stands in one row only.
    """
    return f"files/{bucket:04}/{origin}-{number:05}.parquet"


def kind_of(row: FileRow) -> str:
    """wheel, sdist or other."""
    artifact = row.artifact
    return "wheel" if artifact.is_wheel else "sdist" if artifact.is_sdist else "other"


def write_rows(rows: Iterable[FileRow], path: Path) -> int:
    """Write rows as one Parquet file, sorted by project, version and file name; returns how many."""
    ordered = sorted(rows, key=lambda row: (row.project, row.version, row.filename))
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row in ordered:
        for name in _ROW_COLUMNS:
            columns[name].append(getattr(row, name))
        columns["kind"].append(kind_of(row))
    table = pa.Table.from_pydict(columns, schema=SCHEMA)
    try:
        pq.write_table(table, path, compression="zstd")
    except OSError as error:
        raise SourceError(f"cannot be written: {error}", place=(str(path),)) from error
    return len(ordered)


def read_rows(path: Path) -> Iterator[FileRow]:
    """The rows of a part; raises SourceError for what is no such part."""
    try:
        with pq.ParquetFile(path) as file:
            missing = set(COLUMNS) - set(file.schema_arrow.names)
            if missing:
                raise SourceError(
                    "is no part of a table of files",
                    expected=f"the columns {', '.join(sorted(missing))}",
                    place=(str(path),),
                )
            for batch in file.iter_batches(columns=list(COLUMNS)):
                yield from map(row_of, batch.to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"cannot be read: {error}", place=(str(path),)) from error


def row_of(record: Mapping[str, Any]) -> FileRow:
    """A row from a record of the table, or of some of its columns."""
    values = {name: value for name, value in record.items() if name in _ROW_COLUMNS}
    for name in ("requires_dist", "provides_extra", "dynamic"):
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    values["source"] = Provenance(values["source"])
    if values.get("uploaded") is not None:
        values["uploaded"] = values["uploaded"].replace(tzinfo=UTC)
    return FileRow(**values)
