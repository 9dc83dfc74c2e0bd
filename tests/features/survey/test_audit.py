"""What an audit writes is what the model says of every release."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import corpus
from tests.rows import recorded_rows, row
from tests.surveyed import audited, dataset_of, results
from trueup.judge.observed import Observer
from trueup.model.errors import SourceError
from trueup.model.filerow import FileRow, Provenance

LINUX = "demo-1.0-py3-none-manylinux_2_17_x86_64.whl"
WINDOWS = "demo-1.0-py3-none-win_amd64.whl"
SDIST = "demo-1.0.tar.gz"
COLUMNS = "class, at_least, promise, sdist, differs, apart_by"


def one(folder: Path, *rows: FileRow, columns: str = COLUMNS) -> tuple[object, ...]:
    audited(dataset_of(folder, rows))
    (found,) = results(folder, "releases", columns)
    return found


def test_the_corpus_comes_out_as_check_says(tmp_path: Path) -> None:
    rows = {name: recorded_rows(name) for name in corpus.NAMES}
    audited(dataset_of(tmp_path, [each for found in rows.values() for each in found]))
    said = {
        (project, version): rest
        for project, version, *rest in results(
            tmp_path, "releases", "project, version, class, at_least, only_in"
        )
    }
    for found in rows.values():
        verdict = Observer().observe(found)
        expected = [verdict.release_class, verdict.at_least, verdict.only_in]
        assert said[found[0].project, found[0].version] == expected
    assert len(results(tmp_path, "projects")) == len({found[0].project for found in rows.values()})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(LINUX, ["a"]), row(WINDOWS, ["a"])],
         ("identical", False, "no sdist", "none", [], [])),
        ([row(LINUX, ["a"]), row(WINDOWS)],
         ("mergeable", False, "no sdist", "none", ["Requires-Dist"], ["platform"])),
        ([row(LINUX, ["a"]), row(SDIST, ["a"])],
         ("identical", False, "static", "agrees", [], [])),
        ([row(LINUX, ["a"]), row(SDIST, [])],
         ("identical", False, "static", "differs", [], [])),
        ([row(LINUX, ["a"]), row(SDIST, [], dynamic=["Requires-Dist"])],
         ("identical", False, "dynamic", "agrees", [], [])),
        ([row(LINUX, ["a"]), row(SDIST, ["a"], dynamic=["Requires-Dist"])],
         ("identical", False, "dynamic", "agrees", [], [])),
        # An old sdist that says nothing has not been compared with anything.
        ([row(LINUX, ["a"]), row(SDIST, [], metadata_version="2.1")],
         ("identical", False, "legacy", "unknown", [], [])),
        ([row(LINUX, ["a"]), row(SDIST, ["a"], dynamic=None)],
         ("identical", False, "unknown", "agrees", [], [])),
        # Rows that were copied from the release cannot show that anything is equal.
        ([row(LINUX, ["a"], source=Provenance.RELEASE),
          row(WINDOWS, ["a"], source=Provenance.RELEASE)],
         ("not auditable", True, "no sdist", "none", [], [])),
        ([row(LINUX, ["a"]), row(WINDOWS, None, source=Provenance.UNREAD)],
         ("not auditable", True, "no sdist", "none", [], [])),
        ([row(LINUX, ["a"])], ("single", False, "no sdist", "none", [], [])),
    ],
)  # fmt: skip
def test_releases(tmp_path: Path, rows: list[FileRow], expected: tuple[object, ...]) -> None:
    assert one(tmp_path, *rows) == expected


def known(filename: str, digest: str | None, **others: Any) -> FileRow:
    """A file that was not read: its page gives the digest of its metadata, or nothing."""
    source = Provenance.UNREAD if digest is None else Provenance.SIDECAR
    bare = row(filename, None, source=source, extras=None, dynamic=None)
    return replace(bare, metadata_version=None, metadata_sha256=digest, **others)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Equal digests are a proof, whatever the page says of the Pythons.
        ([known(LINUX, "x"), known(WINDOWS, "x", index_requires_python=">=3.9")],
         ("identical", False, "same", "no sdist", 0)),
        ([known(LINUX, "x"), known(SDIST, None)], ("identical", False, "none", "unknown", 0)),
        ([known(LINUX, None), known(SDIST, None)],
         ("not auditable", True, "none", "unknown", 0)),
        # Different digests prove nothing: they differ in line endings as a rule.
        ([known(LINUX, "x"), known(WINDOWS, "y")],
         ("not auditable", True, "none", "no sdist", 0)),
        ([known(LINUX, "x"), known(WINDOWS, None, problem="is gone")],
         ("not auditable", True, "none", "no sdist", 1)),
        ([replace(row(LINUX, ["a"]), metadata_sha256="x"), known(WINDOWS, "x")],
         ("identical", False, "same", "no sdist", 0)),
        ([replace(row(name, ["a"]), metadata_sha256="x") for name in (LINUX, WINDOWS)]
         + [row(SDIST, [])], ("identical", False, "differs", "static", 0)),
    ],
)  # fmt: skip
def test_what_digests_tell(
    tmp_path: Path, rows: list[FileRow], expected: tuple[object, ...]
) -> None:
    columns = "class, at_least, as_written, promise, unread"
    assert one(tmp_path, *rows, columns=columns) == expected


def test_what_is_known_of_a_release(tmp_path: Path) -> None:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    found = one(
        tmp_path,
        replace(row(LINUX, ["a"]), size=5, uploaded=when, metadata_sha256="x"),
        replace(row(WINDOWS), size=6, metadata_sha256="y", source=Provenance.FORM),
        columns="files, wheels, sdists, audited, texts, bytes, evidence, uploaded",
    )
    assert found == (2, 2, 0, 2, 2, 11, "sidecar+form", when.replace(tzinfo=None))


def test_findings_and_variants_can_be_checked_by_hand(tmp_path: Path) -> None:
    one(tmp_path, row(LINUX, ["a", "common"]), row(WINDOWS, ["common"]))
    ((code, evidence),) = results(
        tmp_path, "findings", "code, evidence", "WHERE code = 'dependencies-differ'"
    )
    assert code == "dependencies-differ"
    assert sorted(name for each in evidence for name in each["files"]) == [LINUX, WINDOWS]
    assert results(tmp_path, "variants", "field, files, says") == [
        ("Requires-Dist", [LINUX], ["a"]),
        ("Requires-Dist", [WINDOWS], []),
    ]


def test_of_two_imports_that_know_a_file_the_file_itself_counts(tmp_path: Path) -> None:
    dataset_of(tmp_path, [row(LINUX, ["form"], source=Provenance.FORM)], origin="b")
    dataset_of(tmp_path, [row(LINUX, ["a"]), row(WINDOWS, ["a"])], origin="a")
    (summary,) = (found for found in audited(tmp_path) if found.rows)
    assert (summary.rows, summary.duplicates) == (3, 1)
    assert results(tmp_path, "releases", "class, files") == [("identical", 2)]


def test_of_two_that_know_it_equally_well_the_newer_import_counts(tmp_path: Path) -> None:
    dataset_of(tmp_path, [row(LINUX, ["a"]), row(WINDOWS, ["a"])], origin="2026-01")
    dataset_of(tmp_path, [row(LINUX, ["b"])], origin="2026-02")
    audited(tmp_path)
    assert results(tmp_path, "releases", "class, files") == [("mergeable", 2)]


def test_a_second_audit_reads_only_what_changed(tmp_path: Path) -> None:
    dataset_of(tmp_path, [row(LINUX, ["a"]), row(WINDOWS)])
    assert all(found.fresh for found in audited(tmp_path))
    assert not any(found.fresh for found in audited(tmp_path))
    dataset_of(tmp_path, [row("other-1.0-py3-none-any.whl")], origin="b")
    assert sum(found.fresh for found in audited(tmp_path)) == 1


def test_results_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [each for name in corpus.NAMES[:40] for each in recorded_rows(name)]
    seen = []
    for name in ("one", "two"):
        random.Random(name).shuffle(rows)
        audited(dataset_of(tmp_path / name, rows))
        seen.append([results(tmp_path / name, table) for table in ("releases", "findings")])
    assert seen[0] == seen[1]


def test_a_part_that_is_no_part_is_named(tmp_path: Path) -> None:
    dataset_of(tmp_path, [row(LINUX), row("other-1.0-py3-none-any.whl")])
    path = next(tmp_path.glob("files/*/*.parquet"))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceError, match=r"\.parquet"):
        audited(tmp_path)
    assert list(tmp_path.glob("results/*/summary.json")), "the other buckets are done"
