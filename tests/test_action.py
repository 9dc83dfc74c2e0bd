"""The GitHub Action and the pre-commit hook: what they say is what they run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from trueup.interfaces.cli.check import command

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
INSTALL, CHECK = ACTION["runs"]["steps"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A working folder with `dist/`, whose wheels disagree, as the tutorial builds it."""
    folder = tmp_path / "work space"
    folder.mkdir()
    factory = ROOT / "docs/tutorial/factory.py"
    subprocess.run([sys.executable, factory], cwd=folder, check=True)
    return folder


def run_check(workspace: Path, tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step `Check` as the runner does: inputs in its environment, `bash -eo pipefail`."""
    values = {name: spec["default"] for name, spec in ACTION["inputs"].items()} | inputs
    tools = tmp_path / "temp/trueup/bin"
    tools.mkdir(parents=True)
    (tools / "trueup").symlink_to(Path(sys.executable).with_name("trueup"))
    script = tmp_path / "step.sh"
    script.write_text(CHECK["run"])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
        cwd=workspace,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            **{name: expand(text, values) for name, text in CHECK["env"].items()},
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def expand(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: values[match[1]], text)


def test_every_input_is_used_and_every_use_is_an_input() -> None:
    used = re.findall(r"inputs\.([\w-]+)", str(ACTION["runs"]))
    assert sorted(set(used)) == sorted(ACTION["inputs"])


def test_no_input_is_pasted_into_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


def test_every_input_is_documented() -> None:
    text = (ROOT / "docs/how-to/ci-gate.md").read_text("utf-8")
    for name, spec in ACTION["inputs"].items():
        default = f"`{spec['default']}`" if spec["default"] else ""
        assert re.search(rf"^\| `{name}` \| {re.escape(default)} ?\| \S", text, re.MULTILINE), name


def test_the_action_annotates_and_fails(workspace: Path, tmp_path: Path) -> None:
    done = run_check(workspace, tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error ")
    assert "lattice" in (tmp_path / "summary.md").read_text()


def test_the_action_takes_its_inputs(workspace: Path, tmp_path: Path) -> None:
    inputs = {"fail-on": "never", "format": "text", "args": "--suggest --ignore  unused-dynamic"}
    done = run_check(workspace, tmp_path, **inputs, targets="dist/*.whl\n dist/*.tar.gz")
    assert done.returncode == 0, done.stderr
    assert "lattice 1.0: mergeable; 3 wheels, 1 sdist" in done.stdout
    assert "dependencies = [" in done.stdout


def test_the_action_runs_no_text_of_an_input(workspace: Path, tmp_path: Path) -> None:
    done = run_check(workspace, tmp_path, targets="dist; touch oops", args="$(touch oops)")
    assert done.returncode == 2
    assert not (workspace / "oops").exists()


def test_the_action_installs_from_its_own_folder(tmp_path: Path) -> None:
    """With a stand-in for the installed Python: pip's work is not ours to test."""
    fake = tmp_path / "python"
    fake.write_text(
        "#!/bin/bash\n"
        'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit; fi\n'
        'echo "$@" >"$RUNNER_TEMP/asked"\n'
    )
    fake.chmod(0o755)
    temp = tmp_path / "runner temp"
    temp.mkdir()
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", INSTALL["run"]],
        env={
            "PATH": os.environ["PATH"],
            "PYTHON": str(fake),
            "RUNNER_TEMP": str(temp),
            "GITHUB_ACTION_PATH": "/path/of/the/action",
        },
        check=True,
        timeout=60,
    )
    asked = (temp / "asked").read_text().split()
    assert asked[:3] == ["-m", "pip", "install"]
    assert asked[-1] == "/path/of/the/action"


def test_the_hook_judges_dist(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (hook,) = HOOKS
    assert hook["id"] == "trueup-check"
    assert hook["stages"] == ["pre-push", "manual"]
    words: list[str] = [*shlex.split(hook["entry"]), *hook["args"]]
    program, verb, *options = words
    assert (program, verb) == ("trueup", "check")
    assert shutil.which(program, path=str(Path(sys.executable).parent))
    monkeypatch.chdir(workspace)
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 1, result.output
    assert "mergeable" in result.stdout
