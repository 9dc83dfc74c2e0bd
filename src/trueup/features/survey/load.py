"""The public distribution-metadata table, exported to Parquet, becomes rows of the table of files.

First every row goes to its bucket, as it comes and in little memory; then each bucket is sorted and
rid of what stands there twice. Nothing of an import is in the dataset before all of it can be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trueup.features.survey.buckets import Buckets
from trueup.model.errors import SourceError
from trueup.model.version import written_version
from trueup.sources.dataset import Dataset
from trueup.sources.duck import duck, parquet
from trueup.sources.filetable import SCHEMA, part_key

__all__ = ["Loaded", "load"]

_SQL = Path(__file__).parent / "sql"
_NEEDED = ("name", "version", "filename", "metadata_version", "requires_dist", "requires_python")
_WELCOME = ("upload_time", "size", "sha256_digest", "packagetype")
_TYPES = {"upload_time": "TIMESTAMP", "size": "BIGINT", "requires_dist": "VARCHAR[]"}
_BATCH = 65_536
_ABSENT = ("provides_extra", "dynamic", "yanked")
"""What the table does not have, so that nothing can be said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What an import brought: ``rows`` without the ``duplicates``; ``release_level`` of them cannot
    show a difference; ``nameless`` lacked a name, a version or a file name; ``missing`` are columns
    that the export has not.
    """

    origin: str
    files: tuple[str, ...]
    rows: int
    duplicates: int
    release_level: int
    nameless: int
    missing: tuple[str, ...]


def load(
    dataset: Dataset,
    paths: Sequence[Path],
    executor: Executor,
    *,
    origin: str,
    buckets: int,
    memory: str | None = None,
) -> Loaded:
    """Add an export to a dataset, all or nothing.

    ``origin`` names the import. Raises SourceError for a file that is truncated, or that lacks a
    column without which nothing can be said.
    """
    rows, missing = _look(paths)
    with TemporaryDirectory(prefix="trueup-load-", dir=_beside(dataset)) as name:
        folder = Path(name)
        with Buckets(folder, buckets) as gathered, duck(memory=memory) as connection:
            for batch in _rows(connection, paths, missing):
                gathered.add(batch)
        counts = list(executor.map(_finish, gathered.paths, [memory] * len(gathered.paths)))
        for path, bucket in zip(gathered.paths, gathered.numbers, strict=True):
            dataset.put(part_key(bucket, origin), path)
    kept = sum(count for count, _ in counts)
    named = sum(gathered.rows)
    loaded = Loaded(
        origin=origin,
        files=tuple(path.name for path in paths),
        rows=kept,
        duplicates=named - kept,
        release_level=sum(count for _, count in counts),
        nameless=rows - named,
        missing=(*missing, *_ABSENT),
    )
    dataset.write(f"imports/{origin}.json", json.dumps(asdict(loaded)).encode())
    return loaded


def _beside(dataset: Dataset) -> str | None:
    """A folder on the same file system, where moving costs nothing, if there is one."""
    folder = Path(dataset.where)
    return str(folder) if folder.is_dir() else None


def _look(paths: Sequence[Path]) -> tuple[int, tuple[str, ...]]:
    """The number of rows, and the welcome columns that are missing, before anything is done."""
    rows, missing = 0, set()
    for path in paths:
        try:
            metadata = pq.read_metadata(path)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                f"cannot be read: {error}",
                hint="export it again: nothing was added to the dataset",
                place=(str(path),),
            ) from error
        schema = metadata.schema.to_arrow_schema()
        names = set(schema.names)
        lacking = [name for name in _NEEDED if name not in names]
        if lacking:
            raise SourceError(
                "is no export of the distribution-metadata table",
                expected=f"the columns {', '.join(lacking)}",
                place=(str(path),),
            )
        for name in _NEEDED:
            if not _fits(name, schema.field(name).type):
                raise SourceError(
                    f"its column `{name}` is of another type",
                    found=f"`{schema.field(name).type}`",
                    expected="a list of texts" if name == "requires_dist" else "text",
                    place=(str(path),),
                )
        missing |= {name for name in _WELCOME if name not in names}
        rows += metadata.num_rows
    return rows, tuple(sorted(missing))


def _fits(name: str, kind: pa.DataType) -> bool:
    if name == "requires_dist" and not pa.types.is_null(kind):
        return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind)) and _is_text(
            kind.value_type
        )
    return _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    # A column without a single value has no type of its own.
    texts = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_null,
    )
    return any(fits(kind) for fits in texts)


def _rows(
    connection: Any, paths: Sequence[Path], missing: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The rows in the table's form, versions as PEP 440 writes them."""
    absent = [f"CAST(NULL AS {_TYPES.get(name, 'VARCHAR')}) AS {name}" for name in missing]
    columns = ", ".join(["*", *absent])
    connection.execute(f"CREATE VIEW exported AS SELECT {columns} FROM {parquet(paths)}")  # noqa: S608
    known: dict[str, str] = {}
    sql = (_SQL / "bulk.sql").read_text("utf-8")
    for batch in connection.sql(sql).to_arrow_reader(_BATCH):
        yield _written(batch, known)


def _written(batch: pa.RecordBatch, known: dict[str, str]) -> pa.RecordBatch:
    """The batch with versions as PEP 440 writes them; ``known`` remembers them."""
    encoded = batch["version"].dictionary_encode()
    versions = []
    for text in encoded.dictionary.to_pylist():
        if text not in known:
            known[text] = written_version(text)
        versions.append(known[text])
    values = pc.take(pa.array(versions, pa.string()), encoded.indices)
    return batch.set_column(batch.schema.get_field_index("version"), "version", values)


def _finish(path: Path, memory: str | None) -> tuple[int, int]:
    """Sort one bucket's rows and keep each file once; how many rows, and release-level ones."""
    sql = (_SQL / "once.sql").read_text("utf-8")
    done = path.with_suffix(".done")
    release_level = 0
    with (
        duck(memory=memory, threads=1) as connection,
        pq.ParquetWriter(done, SCHEMA, compression="zstd") as writer,
    ):
        connection.execute(f"CREATE VIEW gathered AS FROM {parquet([path])}")
        count = 0
        for batch in connection.sql(sql).to_arrow_reader(_BATCH):
            table = _complete(batch)
            release_level += pc.sum(pc.equal(table["source"], "release")).as_py() or 0
            count += table.num_rows
            writer.write_table(table)
    done.replace(path)
    return count, release_level


def _complete(batch: pa.RecordBatch) -> pa.Table:
    """The batch with every column of the table."""
    columns: Mapping[str, Any] = {
        field.name: batch[field.name].cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in SCHEMA
    }
    return pa.table(columns, schema=SCHEMA)
