"""What `trueup lock` writes for Git repositories is what pip and uv install; builds are real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pip
import pytest
from packaging.version import Version
from uv import find_uv_bin

from tests.build import make_wheel
from tests.gitrepository import ENVIRON, GitRepository, project
from tests.sandboxed import sandbox_or_skip
from trueup.interfaces.cli.main import main

BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, info = "demo-1.0-py3-none-any.whl", "demo-1.0.dist-info"
    text = "Metadata-Version: 2.4\\nName: demo\\nVersion: 1.0\\n" + REQUIRES
    members = {"demo.py": open("demo.py").read(), info + "/METADATA": text}
    members[info + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    record = "".join(f"{name},,\\n" for name in (*members, info + "/RECORD"))
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
        wheel.writestr(info + "/RECORD", record)
    return name
"""
PIP = (sys.executable, "-m", "pip", "install", "--no-cache-dir")
UV = (find_uv_bin(), "pip", "install", "--python", sys.executable)
NEW_PIP = pytest.mark.skipif(
    Version(pip.__version__) < Version("26.3"),
    reason="older versions of pip do not read all of a `pylock.toml`",
)

Install = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a wheel of `six` in `dist`, where no index is."""
    folder = tmp_path / "work"
    (folder / "dist").mkdir(parents=True)
    (folder / "simple").mkdir()
    make_wheel(folder / "dist", "six", "1.16.0")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", (folder / "simple").as_uri())
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, ENVIRON[name])
    return folder


@pytest.fixture
def install(work: Path) -> Install:
    """Runs a client that installs into the folder `out`."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, "--target", "out"], cwd=work, capture_output=True, text=True, check=False
        )

    return run


def repository(folder: Path, *requires: str, pyproject: str | None = None) -> GitRepository:
    made = GitRepository(folder / "repository")
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    made.commit(
        {
            "py/pyproject.toml": pyproject or project("demo", *requires),
            "py/backend.py": f"REQUIRES = {lines!r}\n{BACKEND}",
            "py/demo.py": "answer = 'locked'",
        }
    )
    return made


def lock(made: GitRepository, *options: str) -> int:
    line = f"demo @ {made.url}@main#subdirectory=py"
    return main(["lock", line, "--index", "simple", "--find-links", "dist", *options])


def test_uv_installs_the_commit_that_is_locked(
    work: Path, tmp_path: Path, install: Install
) -> None:
    made = repository(tmp_path, "six")
    assert lock(made) == 0
    made.commit({"py/demo.py": "answer = 'later'"})
    done = install(*UV, "-r", "pylock.toml")
    assert done.returncode == 0, done.stderr
    assert (work / "out/demo.py").read_text() == "answer = 'locked'"
    assert (work / "out/six-1.16.0.dist-info").is_dir()


@NEW_PIP
def test_pip_installs_it_only_where_nothing_has_hashes(
    work: Path, tmp_path: Path, install: Install
) -> None:
    made = repository(tmp_path)
    assert lock(made) == 0
    made.commit({"py/demo.py": "answer = 'later'"})
    done = install(*PIP, "-r", "pylock.toml")
    assert done.returncode == 0, done.stderr
    assert (work / "out/demo.py").read_text() == "answer = 'locked'"
    assert lock(made, "six") == 0
    done = install(*PIP, "-r", "pylock.toml")
    assert "a way to hash version control repositories" in done.stderr


def test_a_dynamic_project_is_built_in_the_sandbox(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox_or_skip()
    text = project("demo").replace("dependencies = []\n", 'dynamic = ["dependencies"]\n')
    made = repository(tmp_path, "six>=1", pyproject=text)
    assert lock(made) == 1
    assert "`--allow-build demo` would build it in the sandbox" in capsys.readouterr().err
    assert lock(made, "--allow-build", "demo") == 0, capsys.readouterr().err
    packages = tomllib.loads((work / "pylock.toml").read_text())["packages"]
    assert [one["name"] for one in packages] == ["demo", "six"]
    assert packages[0]["tool"]["trueup"] == {"sdist": "built", "requires-dist": ["six>=1"]}
    assert lock(made, "--allow-build", "demo", "--check") == 0
