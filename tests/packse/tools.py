"""How the tools are asked: trueup, and uv, whose answers the scenarios were written for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from tests.packse.scenario import Scenario

__all__ = ["TOOLS", "Answer", "version"]

TIMEOUT = 120
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool said and did; ``lock`` is there only if it wrote one."""

    code: int
    said: str
    lock: Path | None


def _trueup(
    scenario: Scenario, targets: Sequence[str], url: str, folder: Path, python: str
) -> Answer:
    del python
    # A scenario is one question: it has no answer if one of its targets has none.
    options = ["--require-all-targets"]
    for target in targets:
        options += ["--for", target]
    for name in sorted(scenario.options.no_build):
        options += ["--only-binary", name]
    if scenario.options.prereleases:
        options += ["--prereleases", "allow"]
    command = [
        str(BIN / "trueup"), "lock", "--index", url, *options,
        "-o", "pylock.toml", *scenario.roots,
    ]  # fmt: skip
    return _asked([command], folder, {"TRUEUP_CACHE_DIR": str(folder / "cache")})


def _uv(scenario: Scenario, targets: Sequence[str], url: str, folder: Path, python: str) -> Answer:
    """`uv lock` for all environments, `uv pip compile` for one."""
    del targets
    uv = str(BIN / "uv")
    options = scenario.options
    environment = {
        "UV_PYTHON": python,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_DEFAULT_INDEX": url,
    }
    if options.prereleases:
        environment["UV_PRERELEASE"] = "allow"
    written = ["--format", "pylock.toml", "-o", "pylock.toml"]
    if options.universal:
        project = {
            "name": "project",
            "version": "0",
            "requires-python": scenario.requires_python,
            "dependencies": list(scenario.roots),
        }
        text = tomli_w.dumps({"project": project})
        folder.joinpath("pyproject.toml").write_text(text, "utf-8")
        export = [uv, "export", "--quiet", "--frozen", "--no-emit-project", *written]
        return _asked([[uv, "lock"], export], folder, environment)
    folder.joinpath("requirements.in").write_text("\n".join(scenario.roots), "utf-8")
    without = [part for name in sorted(options.no_build) for part in ("--only-binary", name)]
    without += [part for name in sorted(options.no_binary) for part in ("--no-binary", name)]
    command = [
        uv, "pip", "compile", "--python-version", scenario.python,
        "--python-platform", "x86_64-manylinux2014", *without, *written, "requirements.in",
    ]  # fmt: skip
    return _asked([command], folder, environment)


TOOLS: Mapping[str, Callable[[Scenario, Sequence[str], str, Path, str], Answer]] = {
    "trueup": _trueup,
    "uv": _uv,
}
"""Each is given a scenario, its targets, the index, an empty folder, and a Python (3.12 or newer)."""


def version(tool: str) -> str:
    """The version of a tool, as it says itself: `uv 0.13.8`."""
    command = [str(BIN / tool), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()[:2])


def _asked(commands: list[list[str]], folder: Path, environment: Mapping[str, str]) -> Answer:
    """Run the commands one after the other, until one fails, with no setting of this machine."""
    home = folder / "home"
    home.mkdir()
    clean = {
        "PATH": f"{BIN}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PIP_CONFIG_FILE": os.devnull,
        **environment,
    }
    said, code = "", 0
    for command in commands:
        done = subprocess.run(
            command, cwd=folder, env=clean, capture_output=True, text=True,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
        said, code = done.stdout + done.stderr, done.returncode
        if code:
            break
    lock = folder / "pylock.toml"
    return Answer(code=code, said=said, lock=lock if lock.exists() else None)
