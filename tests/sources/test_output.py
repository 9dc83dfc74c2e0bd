"""Files are written all or nothing."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from trueup.model.errors import SourceError
from trueup.sources.output import write_atomically


def test_writes_and_replaces_without_leaving_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_atomically(path, "é\n")
    write_atomically(path, "later\n")
    assert path.read_bytes() == b"later\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX")
def test_permissions_follow_the_mask_and_then_the_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    mask = os.umask(0o027)
    try:
        write_atomically(path, "a")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    write_atomically(path, "b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "report.json"
    link.symlink_to(tmp_path / "real" / "report.json")
    write_atomically(link, "a")
    assert link.is_symlink()
    assert (tmp_path / "real" / "report.json").read_text() == "a"


def test_a_device_is_written_to() -> None:
    write_atomically(Path(os.devnull), "a")


@pytest.mark.parametrize(("name", "reason"), [("", "is a folder"), ("no/x", "No such file")])
def test_refusals_name_the_path(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    with pytest.raises(SourceError) as caught:
        write_atomically(path, "a")
    assert str(caught.value).startswith(f"`{path}`: cannot be written: {reason}")
    assert list(tmp_path.iterdir()) == []
