"""`trueup lock` with requirements from real Git repositories."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.build import make_wheel
from tests.gitrepository import ENVIRON, GitRepository, project
from tests.index_server import IndexServer
from trueup.interfaces.cli.main import main

LINUX = "cp312-linux-x86_64"
FILES = {
    "py/pyproject.toml": project(
        "demo", "six>=1", more="[project.optional-dependencies]\nx = ['y']"
    )
}

Run = Callable[..., int]


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
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, ENVIRON[name])
    return work


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = GitRepository(tmp_path / "repository")
    made.commit(FILES)
    return made


@pytest.fixture
def lock(tmp_path: Path, repository: GitRepository) -> Iterator[Run]:
    """Runs `trueup lock`; one project on the index asks for `demo` from the repository."""
    dist = tmp_path / "dist"
    dist.mkdir()
    make_wheel(dist, "six", "1.16.0")
    make_wheel(dist, "y", "2.0")
    make_wheel(dist, "asks", "1.0", requires=[demo(repository)])
    with IndexServer() as server:
        server.add_folder(dist)
        yield lambda *arguments: main(["lock", "--index", server.url, "--for", LINUX, *arguments])


def demo(repository: GitRepository, revision: str = "@main") -> str:
    return f"demo @ {repository.url}{revision}#subdirectory=py"


def packages(folder: Path) -> dict[str, dict[str, Any]]:
    document = tomllib.loads((folder / "pylock.toml").read_text())
    return {one["name"]: one for one in document["packages"]}


def test_a_commit_is_locked_and_kept(
    lock: Run, repository: GitRepository, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = repository.git("rev-parse", "HEAD")
    assert lock(demo(repository)) == 0
    before = (workspace / "pylock.toml").read_bytes()
    found = packages(workspace)
    assert sorted(found) == ["demo", "six"]
    assert found["demo"] == {
        "name": "demo",
        "version": "1.0",
        "dependencies": [{"name": "six"}],
        "vcs": {
            "type": "git",
            "path": "../repository",
            "requested-revision": "main",
            "commit-id": first,
            "subdirectory": "py",
        },
        "tool": {"trueup": {"requires-dist": ["six>=1", 'y; extra == "x"']}},
    }
    second = repository.commit({"py/pyproject.toml": project("demo", version="2.0")})
    # The branch moved on, the lock does not; and nobody looks at the repository.
    hidden = repository.folder.rename(repository.folder.with_name("hidden"))
    assert lock(demo(repository), "--check") == 0
    assert lock(demo(repository)) == 0
    assert (workspace / "pylock.toml").read_bytes() == before
    hidden.rename(repository.folder)
    assert lock(demo(repository), "--upgrade-package", "six") == 0
    assert (workspace / "pylock.toml").read_bytes() == before
    assert lock(demo(repository, f"@{first}"), "--check") == 1
    assert lock(demo(repository), "--upgrade-package", "demo", "--check") == 1
    capsys.readouterr()
    assert main(["lock", "--why", "demo"]) == 0
    assert f"demo 1.0: commit {first} of `../repository`\n" in capsys.readouterr().out
    assert lock(demo(repository), "--upgrade") == 0
    assert f"~ demo 1.0 at {first[:12]} → 2.0 at {second[:12]}\n" in capsys.readouterr().err
    assert packages(workspace)["demo"]["vcs"]["commit-id"] == second
    assert packages(workspace)["demo"]["version"] == "2.0"


def test_verify_believes_what_the_lock_records(
    lock: Run, repository: GitRepository, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({"py/pyproject.toml": project("demo")})
    assert lock(demo(repository)) == 0
    assert main(["verify"]) == 0
    assert "pylock.toml: sound; 1 entry" in capsys.readouterr().out
    path = workspace / "pylock.toml"
    path.write_text(path.read_text().replace("requires-dist = []\n", ""))
    assert main(["verify"]) == 0
    out = capsys.readouterr().out
    assert "pylock.toml: not proven; 1 entry" in out
    assert "is built from its source" in out


def test_a_project_with_extras_and_sources_of_uv(
    lock: Run, repository: GitRepository, workspace: Path
) -> None:
    (workspace / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\ndependencies = ["demo[x]>=1"]\n'
        f'[tool.uv.sources]\ndemo = {{git = "{repository.folder.as_uri()}", branch = "main", '
        'subdirectory = "py"}\n'
    )
    assert lock() == 0
    assert sorted(packages(workspace)) == ["demo", "six", "y"]
    assert lock("--check") == 0


def test_what_others_take_from_a_repository(
    lock: Run,
    repository: GitRepository,
    workspace: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As for an archive at an address: a file may ask for it where the user does too."""
    assert lock("asks") == 1
    assert "no answer" in capsys.readouterr().err
    assert lock("asks", demo(repository, "")) == 1
    assert lock("asks", demo(repository)) == 0
    assert sorted(packages(workspace)) == ["asks", "demo", "six"]
    # A project in a folder is the user's own.
    folder = workspace / "app"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(project("app", demo(repository)))
    assert lock("./app") == 0
    assert sorted(packages(workspace)) == ["app", "demo", "six"]


def test_requirements_files_name_the_commit(
    lock: Run, repository: GitRepository, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "requirements.in").write_text(f"-e {repository.url}@main#egg=demo&subdirectory=py")
    assert lock("-r", "requirements.in", "--requirements-txt", "out") == 0
    commit = repository.git("rev-parse", "HEAD")
    text = next((workspace / "out").iterdir()).read_text()
    assert f"/repository@{commit}#subdirectory=py\n" in text
    assert "    # pip has no hash" in text


def test_what_cannot_be_locked(
    lock: Run,
    repository: GitRepository,
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    repository.commit({"old/setup.py": ""})
    assert lock(f"old @ {repository.url}#subdirectory=old") == 1
    err = capsys.readouterr().err
    assert "only a build would tell; `--allow-build old` would build it in the sandbox" in err
    assert lock(f"demo @ {repository.url}") == 2
    err = capsys.readouterr().err
    assert "`command line`" in err
    assert "holds no project: found no `pyproject.toml`" in err
    assert "hint: `#subdirectory=FOLDER`" in err
    assert lock("demo @ hg+https://hg.test/demo") == 2
    assert "found the scheme `hg+https`" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lock(demo(repository)) == 2
    assert "there is no `git` on this machine" in capsys.readouterr().err
    assert not (workspace / "pylock.toml").exists()
