"""The comparison of lockers is what was measured, of the scenarios as they are."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from tests.scenarios.compare import main, measure
from tests.scenarios.drivers import DRIVERS, Installation, lock_for
from tests.scenarios.every import SCENARIOS
from tests.scenarios.recorded import BEGIN, END, PAGE, Cell, read_record, render

NAMES = [scenario.name for scenario in SCENARIOS]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
UV = next(driver for driver in DRIVERS if driver.name == "uv")


def test_every_scenario_as_it_is_was_measured() -> None:
    """Whoever adds a scenario runs `just compare-lockers --write`."""
    columns = read_record().columns
    assert {column.tool for column in columns} <= {driver.name for driver in DRIVERS}
    assert len(columns) >= 5
    for column in columns:
        assert list(column.cells) == NAMES
        machines = {
            name: cell.ok + cell.wrong + cell.refused for name, cell in column.cells.items()
        }
        if column.tool != "pip lock":
            assert machines == {s.name: len(s.machines) for s in SCENARIOS}, column.tool


def test_the_page_shows_what_was_recorded() -> None:
    page = PAGE.read_text("utf-8")
    assert page.split(BEGIN)[1].split(END)[0] == f"\n{render(read_record().columns)}\n"


def test_nobody_is_wrong_about_the_controls() -> None:
    """A tool that is wrong where all files agree would show a fault of ours."""
    for column in read_record().columns:
        for scenario in SCENARIOS:
            if scenario.agrees:
                assert column.cells[scenario.name].wrong == 0, (column.tool, scenario.name)


@pytest.mark.skipif(platform.system() != "Linux", reason="uv's folder is named otherwise")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("n-good", Cell(ok=8, wrong=0, refused=0, needless=0, locks=1)),
        ("none-but-linux", None),
    ],
)
def test_uv_is_really_asked(name: str, expected: Cell | None, tmp_path: Path) -> None:
    tool = Installation(bin=Path(sys.executable).parent, python=platform.python_version())
    cell = measure(UV, tool, BY_NAME[name], tmp_path)
    if expected is None:
        # One list for all: too short on Linux, or with a package too many elsewhere.
        assert cell.locks == 1
        assert cell.ok + cell.wrong == 7
    else:
        assert cell == expected


def test_a_tool_that_is_not_there_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--cache", str(tmp_path), "--only", "nab"]) == 0
    captured = capsys.readouterr()
    assert "nab: not installed, left out" in captured.err
    assert "| nab |" not in captured.out


@pytest.mark.parametrize(
    ("files", "target", "expected"),
    [
        (["pylock.toml"], "cp312-linux-x86_64-musl1.2", "pylock.toml"),
        (["pylock.toml", "pylock.musl.toml"], "cp312-linux-x86_64-musl1.2", "pylock.musl.toml"),
        (["pylock.toml", "pylock.musl.toml"], "cp312-linux-x86_64-glibc2.17", "pylock.toml"),
        (
            ["pylock.toml", "pylock.free-threaded.toml"],
            "cp313t-linux-x86_64-glibc2.17",
            "pylock.free-threaded.toml",
        ),
        (["pylock.toml", "pylock.free-threaded.toml"], "cp313-windows-amd64", "pylock.toml"),
        (
            ["pylock.cp312-windows-amd64.toml", "pylock.cp313-windows-amd64.toml"],
            "cp313-windows-amd64",
            "pylock.cp313-windows-amd64.toml",
        ),
        (["pylock.musl.toml"], "cp312-windows-amd64", None),
    ],
)
def test_the_lock_for_a_target(
    files: list[str], target: str, expected: str | None, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).touch()
    found = lock_for(tmp_path, target)
    assert (found and found.name) == expected
