"""`trueup lock` where the lock is still right: confirmed, and only as long as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import trueup
from tests.build import make_wheel, metadata_text
from tests.index_server import IndexServer, Served, Sidecar, Status
from trueup.interfaces.cli.main import main

LINUX, WINDOWS = "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-win_amd64"
UP_TO_DATE = "`pylock.toml` is up to date: nothing that it comes from has changed\n"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that asks for `demo` and for a project in a folder, with a cache of its own."""
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    (work / "side").mkdir()
    (work / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\ndependencies = ["demo", "side"]\n'
        '[tool.uv.sources]\nside = { path = "side" }\n'
        '[tool.trueup.lock]\ntargets = ["cp312-linux-x86_64"]\n'
    )
    (work / "side/pyproject.toml").write_text('[project]\nname = "side"\nversion = "1"\n')
    monkeypatch.chdir(work)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    return work


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    make_wheel(folder, "demo", "1.0", tags=LINUX, requires=["six[none]"])
    make_wheel(folder, "six", "1.16.0")
    return folder


@pytest.fixture
def index(dist: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.add_folder(dist)
        yield server


def run(index: IndexServer, *arguments: str) -> int:
    return main(["lock", "--index", index.url, *arguments])


@pytest.fixture
def settled(index: IndexServer, capsys: pytest.CaptureFixture[str]) -> IndexServer:
    """The index of a lock that was resolved, and resolved again to the same."""
    for _ in range(2):
        assert run(index) == 0
        assert "wrote `pylock.toml`: 3 projects, 2 files" in capsys.readouterr().err
    index.forget()
    return index


def test_a_lock_that_is_still_right_is_confirmed_without_a_request(
    settled: IndexServer, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (workspace / "pylock.toml").stat()
    assert run(settled) == 0
    told = capsys.readouterr().err
    assert told.endswith(UP_TO_DATE)
    # What is told of a lock is told again.
    assert "warning: demo 1.0 asks for the extra `none`, which six 1.16.0 does not" in told
    assert run(settled, "--check") == 0
    assert capsys.readouterr().err == UP_TO_DATE
    assert run(settled, "--check", "--quiet") == 0
    assert capsys.readouterr().err == ""
    assert settled.log == []
    after = (workspace / "pylock.toml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_pages_that_are_too_old_are_asked_for_and_nothing_else(settled: IndexServer) -> None:
    assert run(settled, "--refresh") == 0
    assert sorted(request.path for request in settled.log) == ["/simple/demo/", "/simple/six/"]


@pytest.mark.parametrize(("option", "event"), [("--json", "locked"), ("--check", "checked")])
def test_programs_are_told_the_same_and_that_it_was_confirmed(
    settled: IndexServer, capsys: pytest.CaptureFixture[str], option: str, event: str
) -> None:
    told = []
    for more in ("--no-cache", "--json"):
        assert run(settled, option, "--json", more) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (found,) = (one for one in events if one["event"] == event)
        told.append(found)
    resolved, confirmed = told
    assert [resolved.pop("confirmed"), confirmed.pop("confirmed")] == [False, True]
    assert confirmed == resolved


@pytest.mark.parametrize(
    "arguments",
    [["--upgrade"], ["--upgrade-package", "six"], ["--no-cache"], ["--strategy", "lowest"],
     ["--for", "cp313-linux-x86_64"], ["--prereleases", "allow"], ["--only-binary", "six"],
     ["--exclude-newer", "2999-01-01"], ["--requirements-txt", "pins"]],
)  # fmt: skip
def test_another_question_is_answered_anew(
    settled: IndexServer, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    run(settled, *arguments)
    assert "is up to date" not in capsys.readouterr().err


def edited(path: str, old: str, new: str) -> Callable[[IndexServer, Path], None]:
    def change(index: IndexServer, work: Path) -> None:
        text = (work / path).read_text(encoding="utf-8")
        assert old in text
        (work / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def yanked(index: IndexServer, work: Path) -> None:
    (served,) = index.projects["six"].values()
    served.yanked = "broken"


def vanished(index: IndexServer, work: Path) -> None:
    index.projects["six"].clear()


def another_wheel(index: IndexServer, work: Path) -> None:
    make_wheel(work, "six", "1.16.0", tags=LINUX)
    index.add_folder(work)


def other_bytes(index: IndexServer, work: Path) -> None:
    make_wheel(work, "six", "1.16.0", requires=["demo"])
    index.add_folder(work)


def no_answer(index: IndexServer, work: Path) -> None:
    index.fault("/simple/six/", Status(403), times=100)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(edited("pylock.toml", "six-1.16.0", "six-1.16.1"), 1, id="lock"),
        pytest.param(edited("pylock.toml", "# Made", "#  Made"), 1, id="comment in the lock"),
        pytest.param(edited("pyproject.toml", '"demo"', '"demo>=1"'), 1, id="requirement"),
        pytest.param(edited("side/pyproject.toml", '"1"', '"2"'), 1, id="project in a folder"),
        pytest.param(edited("pyproject.toml", "cp312", "cp313"), 1, id="target"),
        pytest.param(yanked, 0, id="yanked: what is locked may stay (PEP 592)"),
        pytest.param(vanished, 1, id="vanished"),
        pytest.param(another_wheel, 1, id="another wheel of a locked version"),
        pytest.param(other_bytes, 1, id="another hash"),
        pytest.param(no_answer, 2, id="no answer"),
    ],
)
def test_what_has_changed_is_looked_at(
    settled: IndexServer,
    workspace: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[IndexServer, Path], None],
    code: int,
) -> None:
    change(settled, workspace)
    assert run(settled, "--check", "--refresh") == code
    assert UP_TO_DATE not in capsys.readouterr().err


def test_a_new_version_of_what_is_locked_changes_nothing(
    settled: IndexServer, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_wheel(dist, "six", "1.17.0")
    settled.add_folder(dist)
    assert run(settled, "--refresh") == 0
    assert capsys.readouterr().err.endswith(UP_TO_DATE)
    assert run(settled, "--no-cache", "--check") == 0


def test_another_trueup_resolves_anew(
    settled: IndexServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trueup, "__version__", "99")
    assert run(settled) == 0
    assert "wrote `pylock.toml`" in capsys.readouterr().err


def no_hash(served: Served) -> None:
    served.sha256 = ""


def sidecar_without_hash(served: Served) -> None:
    served.sidecar = Sidecar.WITHOUT_HASH
    served.metadata = metadata_text("six", "1.16.0").encode()


@pytest.mark.parametrize("change", [no_hash, sidecar_without_hash])
def test_files_that_could_change_unseen_are_read_each_time(
    index: IndexServer, capsys: pytest.CaptureFixture[str], change: Callable[[Served], None]
) -> None:
    (served,) = index.projects["six"].values()
    change(served)
    for _ in range(3):
        assert run(index) == 0
        assert "wrote `pylock.toml`" in capsys.readouterr().err


def test_a_target_that_is_left_out_is_tried_each_time(
    index: IndexServer, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_wheel(dist, "windows", "1.0", tags=WINDOWS)
    index.add_folder(dist)
    for _ in range(3):
        assert run(index, "windows", "--for", "cp312-{linux-x86_64,windows-amd64}") == 0
        assert "no answer for `cp312-linux-x86_64" in capsys.readouterr().err
