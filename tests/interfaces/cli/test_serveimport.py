"""`trueup serve import` says what became of each release."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.build import make_wheel
from trueup.interfaces.cli.main import cli

DEVPI = Path(__file__).parents[2] / "cases" / "devpi"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        cli, ["serve", "--data", "index", "--hosted-only", "import", *arguments]
    )


def test_an_export_of_devpi_index_by_index() -> None:
    dry = run(str(DEVPI), "--from", "team/stable", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.splitlines() == [
        "lattice 1.0: would be published, 3 of 3 files taken",
        "my-tool 2.0: would be published, 1 of 1 file taken",
        "my-tool 2.1: would be published, 1 of 1 file taken",
        "devpi export with 3 releases (3 published); files: 5 taken, 0 left out; nothing was done",
    ]
    taken = run(str(DEVPI), "--from", "team/stable", "--quiet")
    assert taken.stdout == (
        "devpi export with 3 releases (3 published); files: 5 taken, 0 left out\n"
    )
    again = run(str(DEVPI), "--from", "team/stable", "--quiet")
    assert (again.exit_code, again.stdout) == (
        0,
        "devpi export with 3 releases (3 published); files: 5 there already, 0 left out\n",
    )
    other = run(str(DEVPI), "--from", "team/dev", "--channel", "dev", "--quiet")
    assert other.exit_code == 1
    release, refused, numbers = other.stdout.splitlines()
    assert release == (
        "quarrel 1.0: quarantined, 1 of 2 files taken; not shown: "
        "not all of its files could be taken"
    )
    assert refused.startswith("  refused: quarrel-1.0-py3-none-win_amd64.whl: Requires-Dist: ")
    assert numbers == (
        "devpi export with 1 release (1 quarantined); files: 1 taken, 1 refused, 0 left out"
    )


def test_a_folder_with_what_cannot_be_taken(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    (tmp_path / "a\x1bb.whl").write_bytes(b"")
    (tmp_path / "other-1.0-py3-none-any.whl").write_bytes(b"MZ")
    done = run(".")
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "demo 1.0: published, 1 of 1 file taken"
    assert lines[1] == "other 1.0: refused, 0 of 1 file taken"
    assert lines[3].startswith(r"left out: a\x1bb.whl: ")
    assert lines[4] == (
        "folder with 2 releases (1 published, 1 refused); files: 1 taken, 1 refused, 1 left out"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "`nowhere`: no such folder"),
        ((str(DEVPI),), "has several indexes: found `team/dev`, `team/stable`"),
        ((".", "--from", "team/dev"), "is no export of devpi"),
        ((".", "--channel", "MPI"), "the channel is malformed: found `MPI`"),
    ],
)
def test_misuse(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.exception is not None
    assert said in str(done.exception)
