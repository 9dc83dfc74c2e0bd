"""Files in folders, in mirrors and in the store of `serve`, taken into a dataset."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.build import make_sdist, make_wheel
from tests.crawled import LINUX, WINDOWS, all_rows
from tests.desks import add, open_desk, publish
from tests.surveyed import audited, results
from trueup.features.survey.hosted import Hosted
from trueup.features.survey.imports import Imports, dataset_buckets
from trueup.features.survey.walk import Folders, Place, Walked, walk
from trueup.interfaces.cli.main import main
from trueup.model.filerow import Provenance
from trueup.sources.collected import collect
from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.records import Tally
from trueup.sources.dataset import FolderDataset
from trueup.sources.executor import Here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two wheels that differ, and their sdist, in folders below one."""
    folder = tmp_path / "files"
    for below in ("a", "b/c"):
        (folder / below).mkdir(parents=True)
    make_wheel(folder / "a", "demo", "1.0", tags=LINUX, requires=["x"])
    make_wheel(folder / "b" / "c", "demo", "1.0", tags=WINDOWS)
    make_sdist(folder / "b", "demo", "1.0", requires=["x"])
    return folder


def walked(place: Place, dataset: Path) -> Walked:
    with Journal(dataset / "crawl" / "walk.sqlite3", manner="walk", kind="walk") as journal:
        imports = Imports(FolderDataset(dataset), journal, Here(),
                          buckets=dataset_buckets(str(dataset), 4), about={"folder": "x"})  # fmt: skip
        return walk(place, journal, Here(), imports)


def in_folders(folder: Path, dataset: Path) -> Walked:
    return walked(Folders(collect(folder)), dataset)


def test_a_tree_of_folders(folder: Path, tmp_path: Path) -> None:
    found = in_folders(folder, tmp_path / "d")
    assert (found.tally, found.problems) == (Tally(wanted=1, read=1), [])
    rows = all_rows(tmp_path / "d")
    assert {row.source for row in rows.values()} == {Provenance.ARCHIVE}
    wheel = rows[f"demo-1.0-{LINUX}.whl"]
    assert (wheel.requires_dist, wheel.generator, bool(wheel.size), bool(wheel.metadata_sha256)) == (
        ("x",), "trueup-tests", True, True
    )  # fmt: skip
    audited(tmp_path / "d")
    assert results(tmp_path / "d", "releases", "class, promise, evidence, files") == [
        ("mergeable", "static", "archive", 3)
    ]


def test_what_has_not_changed_is_not_read_again(folder: Path, tmp_path: Path) -> None:
    make_wheel(folder, "other", "1.0")
    in_folders(folder, tmp_path / "d")
    assert in_folders(folder, tmp_path / "d").tally == Tally(wanted=2, same=2)
    make_wheel(folder, "other", "1.0", requires=["new"])
    os.utime(folder / "other-1.0-py3-none-any.whl", (1, 1))
    assert in_folders(folder, tmp_path / "d").tally == Tally(wanted=2, read=1, same=1)
    assert all_rows(tmp_path / "d")["other-1.0-py3-none-any.whl"].requires_dist == ("new",)


def test_what_cannot_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "demo-1.0-py3-none-any.whl").write_bytes(b"no zip")
    (folder / "nonsense.whl").write_bytes(b"")
    (folder / "demo-1.0.win32.exe").write_bytes(b"MZ")
    make_wheel(folder, "demo", "1.0", tags=LINUX)
    os.mkfifo(folder / "demo-2.0-py3-none-any.whl")
    found = in_folders(folder, tmp_path / "d")
    rows = all_rows(tmp_path / "d")
    assert rows["demo-1.0-py3-none-any.whl"].problem
    assert rows["demo-2.0-py3-none-any.whl"].problem == "is no regular file"
    assert len(rows) == 5
    assert sorted(name.rpartition("/")[2] for name, _, _ in found.problems) == [
        "demo", f"demo-1.0-{LINUX}.whl", "nonsense.whl"
    ]  # fmt: skip
    # It may be mended without a change of its name, size or time.
    assert in_folders(folder, tmp_path / "d").tally == Tally(wanted=1, read=1)


def test_a_mirror(tmp_path: Path) -> None:
    web = tmp_path / "mirror" / "web"
    packages, page = web / "packages" / "ab" / "cd", web / "simple" / "demo"
    packages.mkdir(parents=True)
    page.mkdir(parents=True)
    for tags in (LINUX, WINDOWS):
        make_wheel(packages, "demo", "1.0", tags=tags)
    names = [*(path.name for path in packages.iterdir()), "demo-1.0-py2-none-any.whl"]
    links = "".join(
        f'<a href="../../packages/ab/cd/{name}#sha256={"ab" * 32}" data-yanked="old">{name}</a>'
        for name in names
    )
    (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    found = in_folders(tmp_path / "mirror", tmp_path / "d")
    rows = all_rows(tmp_path / "d")
    assert {(row.sha256, row.yanked) for row in rows.values()} == {("ab" * 32, "old")}
    assert len(rows) == 2
    assert found.problems == [
        ("demo-1.0-py2-none-any.whl", "unread", "is on a page, and not there")
    ]


def test_what_serve_keeps(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index") as desk:
        for tags in (LINUX, WINDOWS):
            add(desk, make_wheel(tmp_path, "demo", "1.0", tags=tags, requires=["x"]))
        add(desk, make_sdist(tmp_path, "demo", "1.0", requires=["x"]))
        publish(desk, "demo", "1.0")
        add(desk, make_wheel(tmp_path, "staged", "1.0"))
        found = walked(Hosted(desk.store, desk.blobs, "main"), tmp_path / "d")
        assert walked(Hosted(desk.store, desk.blobs, "main"), tmp_path / "d").tally.same == 1
    assert (found.tally, found.problems) == (Tally(wanted=1, read=1), [])
    rows = all_rows(tmp_path / "d")
    assert {(row.source, row.requires_dist) for row in rows.values()} == {
        (Provenance.ARCHIVE, ("x",))
    }
    assert all(row.sha256 and row.size and row.uploaded for row in rows.values())
    assert max(row.uploaded for row in rows.values() if row.uploaded) <= datetime.now(UTC)
    # And by the command, which finds the index by its folder.
    arguments = ["survey", "walk", str(tmp_path / "e"), "--serve", str(tmp_path / "index")]
    assert main([*arguments, "--buckets", "4"]) == 0
    assert {name: row.requires_dist for name, row in all_rows(tmp_path / "e").items()} == {
        name: row.requires_dist for name, row in rows.items()
    }


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["survey", "walk", str(tmp_path / "d"), str(folder), "--buckets", "4"]
    assert main([*arguments, "--local-workers", "2"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 projects: 1 read, 0 as they were"
    assert second.endswith("-walk: 3 files of 1 projects: 3 from the file itself")
    (folder / "nonsense.whl").write_bytes(b"")
    assert main(arguments) == 1
    first, problem = capsys.readouterr().out.splitlines()
    assert first == "1 projects: 0 read, 1 as they were"
    assert problem.startswith("unread: nonsense.whl: not a wheel file name")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "a walk needs a place"),
        (["missing"], "no such folder"),
        (["files", "--serve", "files"], "a walk needs a place"),
        (["--serve", "files"], "holds no index"),
        (["files", "--from", "x"], "no export of devpi"),
    ],
)
def test_mistakes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder.parent)
    assert main(["survey", "walk", "d", *arguments]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (folder.parent / "d").exists()
