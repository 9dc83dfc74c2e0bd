"""Sdists with another PKG-INFO."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.build import make_sdist, tar_bytes
from trueup.model.errors import ArchiveError, SourceError, UsageError
from trueup.sources.repack import open_sdist, write_sdist

NEW = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n" + b"Requires-Dist: numpy\n" * 50
LONG = "x" * 150
FILES = {f"{LONG}/{LONG}.py": b"code", "demo/__init__.py": b"", "PKG-INFO.txt": b"other"}


def repacked(path: Path, target: Path) -> str:
    with path.open("rb") as file:
        return write_sdist(file, open_sdist(file, path.name), NEW, target)


@pytest.mark.parametrize("last", [True, False])
def test_a_tar_keeps_everything_else(tmp_path: Path, last: bool) -> None:
    path = make_sdist(tmp_path, "demo", "1.0", files=FILES, pkg_info_last=last)
    target = tmp_path / "new.tar.gz"
    assert repacked(path, target) == hashlib.sha256(target.read_bytes()).hexdigest()
    with tarfile.open(path) as old, tarfile.open(target) as new:
        assert old.getnames() == new.getnames()
        for before, after in zip(old.getmembers(), new.getmembers(), strict=True):
            one, two = old.extractfile(before), new.extractfile(after)
            assert one is not None
            assert two is not None
            if before.name == "demo-1.0/PKG-INFO":
                assert two.read() == NEW
            else:
                assert one.read() == two.read()
            assert (before.mode, before.mtime, before.uname) == (
                after.mode, after.mtime, after.uname,
            )  # fmt: skip
    repacked(path, tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == target.read_bytes()


def test_a_zip_is_spliced(tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "demo", "1.0", files=FILES, format="zip")
    repacked(path, tmp_path / "new.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "new.zip") as new:
        assert old.namelist() == new.namelist()
        assert new.read("demo-1.0/PKG-INFO") == NEW
        assert new.testzip() is None


def test_old_formats_damage_and_doubles_are_refused(tmp_path: Path) -> None:
    old = make_sdist(tmp_path, "demo", "1.0", format="tar.bz2")
    with pytest.raises(UsageError, match="old format"):
        repacked(old, tmp_path / "new")
    twice = tmp_path / "demo-1.0.tar.gz"
    twice.write_bytes(tar_bytes([("demo-1.0/PKG-INFO", NEW), ("demo-1.0/PKG-INFO", NEW)]))
    with pytest.raises(ArchiveError, match="2 times"):
        repacked(twice, tmp_path / "new")
    twice.write_bytes(b"nothing")
    with pytest.raises(ArchiveError):
        repacked(twice, tmp_path / "new")
    assert sorted(item.name for item in tmp_path.iterdir()) == [old.name, twice.name]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "demo", "1.0")
    with pytest.raises(SourceError, match="cannot be written"):
        repacked(path, tmp_path / "absent" / "new.tar.gz")
