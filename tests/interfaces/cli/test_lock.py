"""`trueup lock` on real wheels, served by a real HTTP server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Status
from trueup.interfaces.cli.main import main

LINUX, MACOS = "cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-macosx_11_0_arm64"
BOTH = "cp312-{linux-x86_64,macos-arm64}"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a cache and settings of its own."""
    work = tmp_path / "work"
    (work / ".git").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    return work


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IndexServer]:
    """A project with a wheel for each of two systems, one of which asks for more."""
    dist = tmp_path / "dist"
    dist.mkdir()
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["six", "extra-thing>=2"])
    make_wheel(dist, "demo", "1.0", tags=MACOS, requires=["six"])
    make_wheel(dist, "six", "1.16.0")
    make_wheel(dist, "extra-thing", "2.0")
    make_sdist(dist, "legacy", "1.0", metadata_version="2.1")
    with IndexServer() as server:
        server.add_folder(dist)
        yield server


def run(index: IndexServer, *arguments: str) -> int:
    return main(["lock", "--index", index.url, *arguments])


def test_a_lock_is_written_and_current(
    index: IndexServer, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(index, "demo", "--for", BOTH) == 0
    assert "wrote `pylock.toml`: 3 projects, 4 files" in capsys.readouterr().err
    first = (workspace / "pylock.toml").read_bytes()
    packages = {one["name"]: one for one in tomllib.loads(first.decode())["packages"]}
    assert packages["extra-thing"]["marker"] == 'sys_platform == "linux"'
    # Without --for the targets of the lock stay.
    assert run(index, "demo", "--check") == 0
    assert run(index, "demo") == 0
    assert (workspace / "pylock.toml").read_bytes() == first


def test_what_profiles_leave_behind_is_told(
    index: IndexServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for tags, lib in (("manylinux_2_17_x86_64", "six"), ("musllinux_1_2_x86_64", "extra-thing")):
        make_wheel(tmp_path / "dist", "app", "1.0", tags=f"py3-none-{tags}", requires=[lib])
    index.add_folder(tmp_path / "dist")
    assert run(index, "app", "--for", "cp312-{linux-x86_64,linux-x86_64-musl}") == 0
    assert "note:" not in capsys.readouterr().err
    assert run(index, "app", "--for", "cp312-linux-x86_64") == 0
    assert "note: `pylock.musl.toml` is of an earlier lock" in capsys.readouterr().err


def test_check_tells_what_would_change(
    index: IndexServer, workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(index, "demo", "--check", "--for", BOTH) == 1
    assert "there is no `pylock.toml`" in capsys.readouterr().err
    assert run(index, "demo", "--for", BOTH) == 0
    before = (workspace / "pylock.toml").read_bytes()
    assert run(index, "demo", "extra-thing", "legacy", "--check", "--for", BOTH) == 1
    assert run(index, "six", "--check", "--for", BOTH) == 1
    err = capsys.readouterr().err
    assert "- demo 1.0\n- extra-thing 2.0\nerror: `pylock.toml` is not up to date" in err
    assert (workspace / "pylock.toml").read_bytes() == before


def test_targets_that_cannot_be_served(
    index: IndexServer, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three = "cp312-{linux-x86_64,macos-arm64,windows-amd64}"
    assert run(index, "demo", "--for", three, "--require-all-targets") == 1
    assert not (workspace / "pylock.toml").exists()
    assert run(index, "demo", "--for", three) == 0
    err = capsys.readouterr().err
    assert "warning: no answer for `cp312-windows-amd64`" in err
    assert "no wheel fits" in err
    assert run(index, "legacy", "--for", BOTH) == 1
    assert "--allow-build legacy" in capsys.readouterr().err


def test_extras_that_no_file_has_are_told(
    index: IndexServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(index, "six[nothing]", "--for", BOTH) == 0
    assert (
        "warning: you ask for the extra `nothing`, which six 1.16.0 does not provide"
        in capsys.readouterr().err
    )


def test_everything_as_json_lines(index: IndexServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(index, "demo", "--for", "cp312-{linux-x86_64,windows-amd64}", "--json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = {event["event"] for event in events}
    assert kinds == {"progress", "unserved", "locked"}
    (locked,) = (event for event in events if event["event"] == "locked")
    assert locked["added"] == ["demo 1.0", "extra-thing 2.0", "six 1.16.0"]
    assert locked["targets"] == ["cp312-linux-x86_64-glibc2.17"]


def test_an_index_that_fails_half_way_leaves_the_old_lock(
    index: IndexServer, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(index, "demo", "--for", BOTH) == 0
    before = (workspace / "pylock.toml").read_bytes()
    index.fault("/simple/extra-thing/", Status(403), times=100)
    assert run(index, "demo", "six", "--for", BOTH, "--refresh", "--no-cache") == 2
    assert (workspace / "pylock.toml").read_bytes() == before
    assert "403" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["six", "-o", "other.toml"], "is no name for a lock"),
        (["si x"], "is no requirement"),
        (["six", "--for", "nowhere"], "names no environment"),
        (["six", "--exclude-newer", "soon"], "`--exclude-newer`"),
        ([], "nothing to lock"),
    ],
)
def test_misuse_is_told(
    index: IndexServer, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(index, *arguments) == 2
    assert words in capsys.readouterr().err
    assert index.log == []


def test_hashed_requirements_for_each_target(index: IndexServer, workspace: Path) -> None:
    assert run(index, "demo", "--for", BOTH, "--requirements-txt", "pins") == 0
    texts = {path.name: path.read_text() for path in (workspace / "pins").iterdir()}
    assert sorted(texts) == [
        "requirements.cp312-linux-x86_64-glibc2.17.txt",
        "requirements.cp312-macos-arm64-14.0.txt",
    ]
    assert ["extra-thing==2.0" in texts[name] for name in sorted(texts)] == [True, False]
    assert all("--hash=sha256:" in text for text in texts.values())


def test_why_and_graph_look_at_the_lock_that_is_there(
    index: IndexServer, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(index, "demo", "--for", BOTH) == 0
    index.log.clear()
    assert run(index, "--why", "extra-thing") == 0
    assert "demo 1.0\n  └─ extra-thing 2.0" in capsys.readouterr().out
    assert run(index, "--graph", "lock.svg") == 0
    assert (workspace / "lock.svg").read_text().startswith("<svg")
    assert run(index, "--why", "missing") == 2
    assert "is not in the lock" in capsys.readouterr().err
    assert index.log == []


def test_a_missing_extra_is_named(
    index: IndexServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Run where the resolver cannot be imported, as after `pip install trueup` alone."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfrom importlib.machinery import PathFinder\n"
        "class Hidden(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'nab_resolver':\n"
        "            return None\n"
        "        return super().find_spec(name, path, target)\n"
        "sys.meta_path[:] = [Hidden if one is PathFinder else one for one in sys.meta_path]\n"
    )
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("trueup")), "lock", "six", "--index", index.url],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert ended.returncode == 2
    err = capfd.readouterr().err
    assert "needs the extra `lock`" in err
    assert "pip install 'trueup[lock]'" in err
