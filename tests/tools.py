"""Tools of others, each in a virtual environment of its own, for what they depend on disagrees.

    python3 -m tests.tools             # the clients that tests run, from the configured index
    python3 -m tests.tools poetry      # this one

A test skips a client that is not installed and says so; `.ci/run` installs them all before the tests,
which then need no index. Any Python can run this: it has no dependencies.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import SkipTest

__all__ = ["CLIENTS", "client", "install", "tools_folder", "versions"]

CLIENTS = {
    "poetry": ("poetry", "poetry-plugin-export"),
    "pdm": ("pdm[locked]",),
    "hatch": ("hatch",),
}
"""The command of each client that tests run, and the distributions that make it."""


def tools_folder() -> Path:
    """Where tools live: `TRUEUP_TOOLS`, or a folder in the user's cache."""
    if chosen := os.environ.get("TRUEUP_TOOLS"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trueup-tools"


def install(
    name: str, packages: Sequence[str], *, where: Path | None = None, python: str = sys.executable
) -> None:
    """The newest release of a tool that this Python can run, into an environment of that name."""
    folder = (where or tools_folder()) / name
    print(f"installing {' '.join(packages)}", file=sys.stderr)
    if not folder.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--upgrade"]
    subprocess.run([*pip, *packages], check=True)


def versions(name: str, packages: Sequence[str], *, where: Path | None = None) -> str | None:
    """The version of each of these distributions beside a tool; None if one is not installed."""
    python = (where or tools_folder()) / name / "bin/python"
    if not python.exists():
        return None
    code = (
        "import sys; from importlib.metadata import version\n"
        "for name in sys.argv[1:]: print(name, version(name))"
    )
    names = dict.fromkeys(package.partition("[")[0] for package in packages)
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=False)
    return ", ".join(done.stdout.splitlines()) if done.returncode == 0 else None


def client(name: str) -> str:
    """The command of one of `CLIENTS`; skips the test if it is not installed.

    Prints what its version is, which pytest shows with `-s` and when the test fails.
    """
    found = versions(name, CLIENTS[name])
    if found is None:
        raise SkipTest(f"{name} is not installed: python3 -m tests.tools {name}")
    print(f"\n{found}")
    return str(tools_folder() / name / "bin" / name)


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: install(name, CLIENTS[name]), sys.argv[1:] or CLIENTS))
