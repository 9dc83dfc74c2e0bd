"""A crawl that is killed at any moment, again and again, comes to the same rows as one that is not.

`TRUEUP_KILLS` is how often (CI: 2), `TRUEUP_SEED` when.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawled import LINUX, MAC, WINDOWS, all_rows, crawled, list_projects, put
from tests.index_server import Hang, IndexServer, Sidecar

KILLS = int(os.environ.get("TRUEUP_KILLS", "2"))
SEED = os.environ.get("TRUEUP_SEED", "1")
PROJECTS = 60


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IndexServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with IndexServer() as running:
        for number in range(PROJECTS):
            wheels = {LINUX: ["a"], WINDOWS: ["a", "b"], MAC: []}
            put(running, tmp_path / "files", f"p{number:02}", wheels)
        list_projects(running)
        yield running


def start(server: IndexServer, dataset: Path) -> subprocess.Popen[bytes]:
    """The crawl in a process group of its own."""
    code = "from trueup.interfaces.cli.main import main; import sys; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, "survey", "crawl", str(dataset), "--index", server.url,
         "--rate", "300", "--buckets", "4"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def kill_after(server: IndexServer, process: subprocess.Popen[bytes], requests: int) -> None:
    """Kill the crawl and whatever it started, once it has asked for so much, or is done."""
    before = server.count()
    while process.poll() is None and server.count() < before + requests:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def test_nothing_is_lost_and_nothing_is_there_twice(server: IndexServer, tmp_path: Path) -> None:
    crawled(server, tmp_path / "whole")
    whole = server.count()
    server.forget()
    chance = random.Random(f"{SEED} kills")
    dataset = tmp_path / "killed"
    for _ in range(KILLS):
        process = start(server, dataset)
        kill_after(server, process, chance.randint(1, 2 * whole // KILLS))
    process = start(server, dataset)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert all_rows(dataset) == all_rows(tmp_path / "whole")
    assert len(all_rows(dataset)) == 3 * PROJECTS
    # What was done is not done again: only what was under way, or a second old, at each kill.
    assert server.count() <= whole + KILLS * 300


@pytest.mark.parametrize("silent", ["nothing", ".whl"])
def test_an_interrupt_says_how_to_go_on(server: IndexServer, tmp_path: Path, silent: str) -> None:
    """At once, also while files are read, and their server says nothing."""
    if silent != "nothing":
        put(server, tmp_path / "more", "a", {LINUX: [], MAC: ["a"]}, sidecar=Sidecar.NONE)
        list_projects(server)
        server.fault(silent, Hang(), times=99)
    process = start(server, tmp_path / "dataset")
    while server.count() < 50:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said.decode().strip()) == (
        2, "interrupted: the same command goes on where this one stopped"
    )  # fmt: skip
