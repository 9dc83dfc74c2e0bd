"""Asks trueup every packse scenario that is in scope, and says where it answers otherwise.

    just packse                        # download and build packse once, ask, print the table
    just packse --tool uv              # ask uv, for whose answers the scenarios were written
    just packse --only fork-basic      # one scenario, with everything the tool said
    just packse --write                # record the counts in docs/reference/packse.md

It needs Python 3.12 or newer to build packse with (`--python`), and the package index that pip is
configured with. Nothing of packse is committed: it stays in the user's cache folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.index_server import IndexServer
from tests.packse.page import Column, render_counts, write_page
from tests.packse.scenario import Scenario, publish, read_scenarios
from tests.packse.scope import OTHERWISE, OUT_OF_SCOPE, expected, targets
from tests.packse.tools import TOOLS, version
from tests.packse.verdict import faults

__all__ = ["Asked", "ask", "main"]

VERSION = "0.3.59"
WORKERS = 2
_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3")


# --- building packse ----------------------------------------------------------------------------


def build(cache: Path, python: str | None) -> tuple[Path, Path]:
    """The folder of scenarios and that of their files, built in the cache if not there yet."""
    source, files = cache / f"packse-{VERSION}", cache / "index/files"
    if not (cache / "complete").exists():
        cache.mkdir(parents=True, exist_ok=True)
        own = cache / "venv/bin"
        _do([python or _python(), "-m", "venv", "--clear", str(cache / "venv")])
        fetch = ["download", "--quiet", "--no-deps", "--no-binary", "packse"]
        _do([str(own / "pip"), *fetch, "--dest", str(cache), f"packse=={VERSION}"])
        sdist = cache / f"packse-{VERSION}.tar.gz"
        _do([str(own / "pip"), "install", "--quiet", "hatchling", str(sdist)])
        with tarfile.open(sdist) as archive:
            archive.extractall(cache, filter="data")
        # packse calls `hatchling` by name, and what its wheel lacks is in the folder `src`.
        environment = {"PATH": f"{own}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": "src"}
        command = [str(own / "python"), "-m", "packse", "index", "build", "--no-hash", "--quiet"]
        _do([*command, "--index-dir", str(cache / "index"), "scenarios"], source, environment)
        (cache / "complete").touch()
    return source / "scenarios", files


def _python() -> str:
    """A Python that packse runs on."""
    code = "import sys; sys.exit(sys.version_info < (3, 12))"
    for name in _PYTHONS:
        try:
            if subprocess.run([name, "-c", code], capture_output=True, check=False).returncode == 0:
                return name
        except FileNotFoundError:
            continue
    sys.exit("packse needs Python 3.12 or newer: name one with --python")


def _do(
    command: list[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> None:
    print("$", " ".join(command), file=sys.stderr)
    known = {**os.environ, **(environment or {})}
    subprocess.run(command, cwd=folder, env=known, check=True, stdout=subprocess.DEVNULL)


# --- asking -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One scenario, and what was wrong with the tool's answer (nothing: as expected)."""

    scenario: Scenario
    faults: tuple[str, ...]
    said: str


def ask(tool: str, scenario: Scenario, url: str, files: Path, python: str) -> Asked:
    """Have a tool lock one scenario in a folder of its own, and judge what it wrote."""
    wanted = targets(scenario)
    satisfiable, packages = expected(scenario, tool)
    with tempfile.TemporaryDirectory() as folder:
        answer = TOOLS[tool](scenario, wanted, url, Path(folder), python)
        found = faults(scenario, answer, files, wanted, satisfiable=satisfiable, packages=packages)
    return Asked(scenario=scenario, faults=tuple(found), said=answer.said)


def _ask_all(tool: str, scenarios: list[Scenario], files: Path, python: str) -> list[Asked]:
    with IndexServer() as server, ThreadPoolExecutor(WORKERS) as pool:
        publish(scenarios, files, server)
        return list(pool.map(lambda item: ask(tool, item, server.url, files, python), scenarios))


# --- the command --------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, and return 1 if an answer of trueup is not the expected one."""
    options = _options(arguments)
    folder, files = build(options.cache, options.python)
    everything = read_scenarios(folder)
    if unknown := {*OUT_OF_SCOPE, *OTHERWISE} - {item.name for item in everything}:
        sys.exit(f"packse {VERSION} has no {', '.join(sorted(unknown))}")
    chosen = [
        item
        for item in everything
        if item.name not in OUT_OF_SCOPE and (not options.only or item.name in options.only)
    ]
    columns = []
    for tool in TOOLS if options.write else [options.tool]:
        asked = _ask_all(tool, chosen, files, str(options.cache / "venv/bin/python"))
        columns.append(
            Column(tool=version(tool), wrong=_tell(tool, asked, words=bool(options.only)))
        )
    print()
    print(render_counts(VERSION, everything, columns))
    if options.write and not options.only:
        write_page(render_counts(VERSION, everything, columns))
    return 1 if columns[0].wrong else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    base = os.environ.get("XDG_CACHE_HOME")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tool", choices=sorted(TOOLS), default="trueup")
    parser.add_argument("--only", action="append", help="ask this scenario alone")
    parser.add_argument("--python", help="build packse with this Python (3.12 or newer)")
    parser.add_argument("--write", action="store_true", help="ask all tools and record the counts")
    parser.add_argument(
        "--cache",
        type=Path,
        default=(Path(base) if base else Path.home() / ".cache") / "trueup-packse",
    )
    return parser.parse_args(arguments)


def _tell(tool: str, asked: list[Asked], *, words: bool) -> frozenset[str]:
    """Print what was not as expected (with ``words`` all that was said); returns the names."""
    for item in asked:
        if item.faults or words:
            place = f"{tool}: {item.scenario.group}/{item.scenario.name}"
            print(place, *item.faults, *([item.said] if words else []), sep="\n    ")
    return frozenset(item.scenario.name for item in asked if item.faults)


if __name__ == "__main__":
    sys.exit(main())
