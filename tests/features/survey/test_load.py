"""An export of the public table, taken in: what it says, what it cannot say, what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bulk.generate import SCHEMA, generate
from tests.surveyed import audited, results
from trueup.features.survey.load import Loaded, load
from trueup.features.survey.run import start_dataset
from trueup.model.errors import SourceError
from trueup.sources.dataset import FolderDataset
from trueup.sources.executor import Here

ROWS = int(os.environ.get("TRUEUP_BULK_ROWS", "1000000"))


def record(filename: str, requires: Sequence[str] | None = (), **others: Any) -> dict[str, Any]:
    """A row of the public table; ``others`` replace what it says otherwise."""
    name, version = filename.removesuffix(".tar.gz").split("-")[:2]
    wheel = filename.endswith(".whl")
    return {
        "metadata_version": "2.4",
        "name": name,
        "version": version,
        "requires_dist": None if requires is None else list(requires),
        "filename": filename,
        "packagetype": "bdist_wheel" if wheel else "sdist",
        "sha256_digest": "0" * 64,
        **others,
    }


LINUX = "demo-1.0-py3-none-manylinux_2_17_x86_64.whl"
WINDOWS = "demo-1.0-py3-none-win_amd64.whl"


def export(folder: Path, *records: Mapping[str, Any], drop: Sequence[str] = ()) -> Path:
    path = folder / "export.parquet"
    table = pa.Table.from_pylist([dict(one) for one in records], schema=SCHEMA)
    pq.write_table(table.drop_columns(list(drop)), path)
    return path


def loaded(folder: Path, *paths: Path, origin: str = "a-bulk") -> Loaded:
    dataset = FolderDataset(folder / "dataset")
    buckets = start_dataset(dataset, 4).buckets
    return load(dataset, paths, Here(), origin=origin, buckets=buckets)


def releases(folder: Path, columns: str) -> list[tuple[Any, ...]]:
    audited(folder / "dataset")
    return results(folder / "dataset", "releases", columns)


def test_a_table_of_known_answers_is_answered_exactly(tmp_path: Path) -> None:
    """Every release, with every class, and how many files: nothing lost, nothing twice."""
    generate(tmp_path, rows=ROWS, seed=int(os.environ.get("TRUEUP_SEED", "1")), processes=2)
    exports = sorted((tmp_path / "export").iterdir())
    found = loaded(tmp_path, *exports)
    summaries = audited(tmp_path / "dataset")
    assert sum(one.rows for one in summaries) == found.rows
    said = f"read_parquet('{tmp_path}/dataset/results/*/releases.parquet')"
    wrong = duckdb.execute(f"""
        SELECT * FROM '{tmp_path}/truth.parquet' AS truth FULL JOIN {said} AS said
        USING (project, version)
        WHERE (truth.class, truth.as_written, truth.files)
            IS DISTINCT FROM (said.class, said.as_written, said.files)
        LIMIT 5
    """).fetchall()
    assert wrong == []
    kinds = duckdb.execute(f"SELECT class, count(*) FROM {said} GROUP BY ALL").fetchall()
    assert {kind for kind, _ in kinds} == {
        "identical", "uniform", "mergeable", "irreconcilable", "single", "not auditable"
    }  # fmt: skip
    rows = sum(pq.read_metadata(path).num_rows for path in exports)
    assert found.rows + found.duplicates == rows
    assert found.duplicates > 0
    # Releases that look like one that was judged are not judged again.
    assert sum(one.judged for one in summaries) < sum(one.differing for one in summaries)


def test_rows_from_the_release_are_not_called_consistent(tmp_path: Path) -> None:
    level = {"metadata_version": None}
    path = export(tmp_path, record(LINUX, ["a"], **level), record(WINDOWS, ["a"], **level))
    assert loaded(tmp_path, path).release_level == 2
    assert releases(tmp_path, "class, evidence, at_least") == [("not auditable", "release", True)]


def test_what_the_table_does_not_have_is_said(tmp_path: Path) -> None:
    path = export(tmp_path, record(LINUX), drop=["size", "upload_time"])
    assert loaded(tmp_path, path).missing == (
        "size", "upload_time", "provides_extra", "dynamic", "yanked"
    )  # fmt: skip
    assert releases(tmp_path, "files, bytes, uploaded") == [(1, None, None)]


def test_a_file_that_was_streamed_twice_counts_once(tmp_path: Path) -> None:
    one, two = record(LINUX, ["a"]), record(WINDOWS)
    assert loaded(tmp_path, export(tmp_path, one, two, one, one)).duplicates == 2
    assert releases(tmp_path, "class, files") == [("mergeable", 2)]


def test_spellings_of_names_and_versions_are_one_release(tmp_path: Path) -> None:
    path = export(
        tmp_path,
        record(LINUX, ["a"], name="De.Mo__x", version="1.0-RC.1"),
        record(WINDOWS, ["a"], name="de-mo-x", version="1.0rc1"),
    )
    loaded(tmp_path, path)
    assert releases(tmp_path, "project, version, files") == [("de-mo-x", "1.0rc1", 2)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"version": "latest"}, ("latest", "not auditable", "its version is no version (PEP 440)")),
        ({"requires_dist": ["not a !"]}, ("1.0", "not auditable", "`Requires-Dist: not a !`: ")),
        ({"requires_dist": None}, ("1.0", "mergeable", "")),
        ({"requires_python": ">>3"}, ("1.0", "not auditable", "`Requires-Python: >>3`: ")),
    ],
)
def test_nonsense_is_not_judged(
    tmp_path: Path, changed: dict[str, Any], expected: tuple[str, ...]
) -> None:
    one, two = {**record(LINUX, ["a"]), **changed}, record(WINDOWS, ["b"])
    if "version" in changed:
        two |= changed
    loaded(tmp_path, export(tmp_path, one, two))
    ((version, found, reason),) = releases(tmp_path, "version, class, coalesce(reason, '')")
    assert (version, found) == expected[:2]
    assert reason.startswith(expected[2])


def test_rows_without_a_name_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    schema = pa.schema([field.with_nullable(True) for field in SCHEMA])
    rows = [record(LINUX), {**record(WINDOWS), "name": None}]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    assert loaded(tmp_path, path).nameless == 1


@pytest.mark.parametrize("column", ["name", "requires_dist", "metadata_version"])
def test_an_export_without_a_needed_column_is_refused(tmp_path: Path, column: str) -> None:
    path = export(tmp_path, record(LINUX), drop=[column])
    with pytest.raises(SourceError, match=rf"export\.parquet.*the columns {column}"):
        loaded(tmp_path, path)


@pytest.mark.parametrize(
    ("column", "kind"), [("version", pa.float64()), ("requires_dist", pa.string())]
)
def test_a_column_of_another_type_is_named(tmp_path: Path, column: str, kind: pa.DataType) -> None:
    path = export(tmp_path, record(LINUX))
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, pa.array([None], kind)), path)
    with pytest.raises(SourceError, match=rf"its column `{column}` is of another type"):
        loaded(tmp_path, path)


@pytest.mark.parametrize("left", [0, 4, 200, -1])
def test_a_truncated_export_is_named_and_nothing_is_added(tmp_path: Path, left: int) -> None:
    good = export(tmp_path, record(LINUX))
    bad = tmp_path / "truncated.parquet"
    bad.write_bytes(good.read_bytes()[:left])
    with pytest.raises(SourceError, match=r"truncated\.parquet"):
        loaded(tmp_path, good, bad)
    assert FolderDataset(tmp_path / "dataset").parts("files") == []


def test_an_export_that_is_damaged_inside_adds_nothing(tmp_path: Path) -> None:
    path = export(tmp_path, *(record(f"demo-{n}.0.tar.gz", ["a"] * n) for n in range(50)))
    data = bytearray(path.read_bytes())
    data[4:400] = b"\xff" * 396
    path.write_bytes(data)
    with pytest.raises(SourceError):
        loaded(tmp_path, path)
    assert FolderDataset(tmp_path / "dataset").parts("files") == []


def test_two_exports_of_the_same_files_count_once(tmp_path: Path) -> None:
    rows = [record(LINUX, ["a"]), record(WINDOWS)]
    loaded(tmp_path, export(tmp_path, *rows), origin="a-bulk")
    loaded(tmp_path, export(tmp_path, *rows), origin="b-bulk")
    assert releases(tmp_path, "class, files") == [("mergeable", 2)]
    assert sum(one.duplicates for one in audited(tmp_path / "dataset")) == 2


def test_the_answers_do_not_depend_on_the_limit_of_memory(tmp_path: Path) -> None:
    generate(tmp_path, rows=20_000, seed=5)
    loaded(tmp_path, *(tmp_path / "export").iterdir())
    said = []
    for memory in (None, "64MB"):
        for path in (tmp_path / "dataset" / "results").rglob("summary.json"):
            path.unlink()
        from trueup.features.survey.run import run_audit

        dataset = FolderDataset(tmp_path / "dataset")
        summaries = list(run_audit(dataset, Here(), memory=memory))
        assert all(replace(one).fresh for one in summaries)
        said.append(results(tmp_path / "dataset", "releases"))
    assert said[0] == said[1]
