"""Which files are the locks of a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.interfaces.foundlocks import find_locks
from trueup.model.errors import UsageError


def names(folder: Path, start: Path | None = None) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_locks(start or folder)]


def test_all_in_a_fixed_order(tmp_path: Path) -> None:
    for name in (
        "requirements.txt",
        "requirements-dev.txt",
        "Pipfile.lock",
        "pylock.toml",
        "pylock.dev.toml",
        "pylock.a.b.toml",
        "pylockx.toml",
        "pdm.lock",
        "poetry.lock",
        "uv.lock",
        "other.lock",
    ):
        (tmp_path / name).write_text("six==1.16.0 --hash=sha256:00\n")
    assert names(tmp_path) == [
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "pylock.dev.toml",
        "pylock.toml",
        "Pipfile.lock",
        "requirements-dev.txt",
        "requirements.txt",
    ]


def test_requirements_without_hashes_are_no_lock(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    with pytest.raises(UsageError, match="there is no lock here"):
        find_locks(tmp_path)


def test_the_nearest_folder_that_has_any(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    inner = tmp_path / "member" / "src"
    inner.mkdir(parents=True)
    assert names(tmp_path, inner) == ["uv.lock"]
    (tmp_path / "member" / "poetry.lock").touch()
    assert names(tmp_path, inner) == ["member/poetry.lock"]


def test_not_beyond_the_repository(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    with pytest.raises(UsageError):
        find_locks(tmp_path / "repository")
