"""`trueup cache`: the folder, its size, and clearing it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trueup.interfaces.cli.cache import command
from trueup.sources.cache import Kind, SqliteCache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(folder))
    return folder


def fill(folder: Path) -> None:
    cache = SqliteCache(folder)
    cache.put(Kind.PAGE, "https://index.test/simple/six/", b"<html>" * 1000)
    cache.put(Kind.PAGE, "https://index.test/simple/flask/", b"<html>" * 1000)
    cache.close()


def test_help_says_verbs_as_the_group_above_does() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert "Verbs:\n  clear  Forget everything" in text
    assert "Commands:" not in text


def test_dir(folder: Path) -> None:
    result = CliRunner().invoke(command, ["dir"])
    assert (result.exit_code, result.stdout) == (0, f"{folder}\n")


def test_asking_creates_nothing(folder: Path) -> None:
    assert CliRunner().invoke(command, ["size"]).stdout == "0\n"
    assert CliRunner().invoke(command, ["clear"]).stderr == "removed 0 entries\n"
    assert not folder.exists()


def test_size_and_clear(folder: Path) -> None:
    fill(folder)
    before = int(CliRunner().invoke(command, ["size"]).stdout)
    assert before > 0
    assert CliRunner().invoke(command, ["size", "--human"]).stdout.endswith(" kB\n")
    cleared = CliRunner().invoke(command, ["clear"])
    assert (cleared.exit_code, cleared.stdout, cleared.stderr) == (0, "", "removed 2 entries\n")
    assert CliRunner().invoke(command, ["clear"]).stderr == "removed 0 entries\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_500_000, "2.5 MB"), (3 * 10**9, "3.0 GB")],
)
def test_sizes_for_people(count: int, text: str) -> None:
    from trueup.interfaces.cli.cache import _human

    assert _human(count) == text
