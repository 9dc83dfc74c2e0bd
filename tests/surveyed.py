"""Datasets of a survey, made from rows, and what their results say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from trueup.features.survey.audit import Summary
from trueup.features.survey.run import run_audit, start_dataset
from trueup.model.filerow import FileRow
from trueup.sources.dataset import FolderDataset
from trueup.sources.executor import Here
from trueup.sources.filetable import bucket_of, part_key, write_rows

__all__ = ["audited", "dataset_of", "results"]


def dataset_of(
    folder: Path, rows: Iterable[FileRow], *, origin: str = "a", buckets: int = 4
) -> Path:
    """A dataset with these rows, added to what is there."""
    dataset = FolderDataset(folder)
    start_dataset(dataset, buckets)
    by_bucket: dict[int, list[FileRow]] = {}
    for row in rows:
        by_bucket.setdefault(bucket_of(row.project, buckets), []).append(row)
    for bucket, found in by_bucket.items():
        path = folder / part_key(bucket, origin)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(found, path)
    return folder


def audited(folder: Path) -> list[Summary]:
    """The summaries of an audit, here and now, by bucket."""
    summaries = run_audit(FolderDataset(folder), Here())
    return sorted(summaries, key=lambda one: one.bucket)


def results(folder: Path, table: str, columns: str = "*", rest: str = "") -> list[tuple[Any, ...]]:
    """Rows of a table of results, sorted."""
    sql = f"SELECT {columns} FROM read_parquet('{folder}/results/*/{table}.parquet') {rest} ORDER BY ALL"
    return duckdb.execute(sql).fetchall()
