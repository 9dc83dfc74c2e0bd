"""Unpacked and installed dist-info folders."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.build import make_wheel
from trueup.model.errors import ArchiveError, NotFoundError, SourceError
from trueup.model.record import hash_of, parse_record
from trueup.sources.distinfo import DistInfo

NEW = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    wheel = make_wheel(tmp_path, "demo", "1.0", requires=["numpy"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    return tmp_path / "site" / "demo-1.0.dist-info"


def rows(folder: Path) -> dict[str, str]:
    return {row.path: row.digest for row in parse_record((folder / "RECORD").read_bytes()).rows}


def test_metadata_and_its_row_change_and_nothing_else(folder: Path) -> None:
    before = rows(folder)
    assert DistInfo(folder).rewrite({"METADATA": NEW}) == ()
    assert (folder / "METADATA").read_bytes() == NEW
    assert rows(folder) == {**before, "demo-1.0.dist-info/METADATA": hash_of(NEW)}


def test_files_come_and_go(folder: Path) -> None:
    DistInfo(folder).rewrite({"entry_points.txt": b"[x]\n"})
    assert rows(folder)["demo-1.0.dist-info/entry_points.txt"] == hash_of(b"[x]\n")
    DistInfo(folder).rewrite({"entry_points.txt": None})
    assert "demo-1.0.dist-info/entry_points.txt" not in rows(folder)
    assert not (folder / "entry_points.txt").exists()


def test_a_missing_record_is_said(folder: Path) -> None:
    (folder / "RECORD").unlink()
    assert DistInfo(folder).rewrite({"METADATA": NEW}) == ("has no RECORD, so none was updated",)
    assert not (folder / "RECORD").exists()


def test_signatures_go(folder: Path) -> None:
    (folder / "RECORD.jws").write_text("{}")
    (note,) = DistInfo(folder).rewrite({"METADATA": NEW})
    assert "`RECORD.jws` is dropped" in note
    assert not (folder / "RECORD.jws").exists()


def test_what_cannot_be_read_or_written_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no `METADATA`"):
        DistInfo(tmp_path)
    (folder / "RECORD").write_bytes(b"a,b\n")
    with pytest.raises(ArchiveError, match="RECORD cannot be read"):
        DistInfo(folder).rewrite({"METADATA": NEW})
    assert (folder / "METADATA").read_bytes() != NEW
    (folder / "METADATA").unlink()
    (folder / "METADATA").mkdir()
    with pytest.raises(SourceError, match="cannot be read"):
        DistInfo(folder)


def test_a_failure_half_way_gives_the_old_contents_back(folder: Path) -> None:
    before = (folder / "METADATA").read_bytes()
    name = "entry_points.txt/" + "x"
    with pytest.raises(SourceError, match="cannot be written"):
        DistInfo(folder).rewrite({"METADATA": NEW, name: b""})
    assert (folder / "METADATA").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["METADATA", "RECORD", "WHEEL"]
