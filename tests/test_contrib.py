"""What others start the index with: systemd reads its units, and trueup the options in them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from trueup.interfaces.cli.main import cli

CONTRIB = Path(__file__).parent.parent / "contrib"
SERVICES = sorted(CONTRIB.glob("*.service"))
PROGRAM = "/opt/trueup/bin/trueup"


def started(unit: Path) -> list[str]:
    """The arguments of the program that a unit starts."""
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    program, *arguments = shlex.split(line)
    assert program == PROGRAM
    return arguments


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.stem)
def test_what_a_unit_starts_is_understood(unit: Path, tmp_path: Path) -> None:
    arguments = started(unit)
    data = arguments.index("--data") + 1
    arguments[data] = str(tmp_path)
    last = "--check-config" if unit.stem == "trueup-serve" else "--help"
    done = CliRunner().invoke(cli, [*arguments, last])
    assert done.exit_code == 0, done.output


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    for unit in [*SERVICES, *CONTRIB.glob("*.timer")]:
        text = unit.read_text().replace(PROGRAM, sys.executable)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "trueup" in line]
    assert ours == []


def test_a_stop_waits_longer_than_the_index_does() -> None:
    text = (CONTRIB / "trueup-serve.service").read_text()
    patience = int(re.findall(r"--patience (\d+)", text)[0])
    assert int(re.findall(r"TimeoutStopSec=(\d+)", text)[0]) > patience


def test_the_container_has_what_the_build_needs() -> None:
    root = CONTRIB.parent
    text = (CONTRIB / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE):
        for name in line.split():
            assert (root / name).exists(), name
    # Not root, and no name that an image would have to know.
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)
