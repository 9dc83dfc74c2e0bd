"""Times `trueup lock` and `trueup verify` beside the other lockers, on one input and one index.

    .venv/bin/python -m tests.bench.compare_lock_speed [--rounds 3] [--only TOOL …]

Asks the configured index, so that it is no test. The tools alternate, so that what else the machine
does hits all of them, and the medians are printed as they go into `docs/reference/performance.md`.
`just compare-lockers --install` installs the other tools; one that is missing is left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools import tools_folder
from trueup.sources.config import ask_pip

__all__ = ["main"]

REQUIREMENTS = ("jupyterlab", "scikit-learn", "pandas")
PYTHON = ">=3.11,<3.15"
PLATFORMS = (
    "linux-x86_64-glibc2.28", "linux-aarch64-glibc2.28", "macos-arm64", "macos-x86_64",
    "windows-amd64", "windows-arm64",
)  # fmt: skip
ALL = tuple(f"--for=cp311..cp314-{platform}" for platform in PLATFORMS)
ONE = ("--for=cp312-linux-x86_64-glibc2.28",)
NAB_PLATFORMS = (
    "linux_x86_64", "linux_aarch64", "macos_arm64", "macos_x86_64", "windows_amd64",
    "windows_arm64",
)  # fmt: skip
PROJECT = f"""\
[project]
name = "project"
version = "0"
requires-python = "{PYTHON}"
dependencies = {json.dumps(REQUIREMENTS)}

[tool.uv]
package = false

[tool.poetry]
package-mode = false

[tool.pdm]
distribution = false

[tool.nab]
mode = "universal"

[tool.nab.matrix]
python = "{PYTHON}"
platforms = {json.dumps(NAB_PLATFORMS)}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of locking: ``command`` runs in the project's folder, ``written`` are its results.

    Results are removed before each run, or the tools would start from their last answer. What
    ``keeps`` them is measured with the lock of the run before. ``prepare`` runs before, untimed.
    """

    name: str
    command: tuple[str, ...]
    written: tuple[str, ...] = ()
    refresh: tuple[str, ...] | None = None
    """The arguments that make it ask for every page again, if it has any."""
    keeps: bool = False
    prepare: tuple[tuple[str, ...], ...] = ()
    cold: bool = True
    settings: str = ""
    """What its `pyproject.toml` has besides."""


@dataclass(slots=True, kw_only=True)
class Times:
    """Seconds of every run, by what the cache held: `cold`, `warm` or `asked again`."""

    runs: dict[str, list[float]] = field(default_factory=dict)

    def add(self, state: str, seconds: float) -> None:
        """Note one run."""
        self.runs.setdefault(state, []).append(seconds)

    def median(self, state: str) -> float | None:
        """The median in seconds; None where nothing was measured."""
        return statistics.median(self.runs[state]) if state in self.runs else None


# --- the ways -------------------------------------------------------------------------------------


def ways(tools: Path) -> list[Way]:
    """What is installed here, trueup first."""
    trueup = str(Path(sys.executable).with_name("trueup"))
    uv = str(tools / "uv/bin/uv")
    ours = (trueup, "lock", "--quiet")
    pages = ("--refresh",)
    found = [
        Way(name="trueup, 24 targets", command=(*ours, *ALL), written=("pylock.toml",),
            refresh=pages),
        Way(name="trueup, 24 targets, lock kept", command=(*ours, *ALL), keeps=True,
            refresh=pages, cold=False),
        Way(name="trueup, 1 target", command=(*ours, *ONE), written=("pylock.toml",),
            refresh=pages),
        Way(name="uv", command=(uv, "lock", "--quiet"), written=("uv.lock",), refresh=pages),
        Way(name="uv, lock kept", command=(uv, "lock", "--quiet"), keeps=True, refresh=pages,
            cold=False, prepare=((uv, "lock", "--quiet"),)),
        Way(name="nab, 24 targets", command=(
            str(tools / "nab/bin/nab"), "lock", "pyproject.toml",
            "--cache-dir", "cache/nab", "--output", "pylock.toml",
        ), written=("pylock.toml",)),
        Way(name="pip lock", command=(
            str(tools / "pip/bin/python"), "-m", "pip", "lock", "--quiet",
            "--output", "pylock.toml", *REQUIREMENTS,
        ), written=("pylock.toml",)),
        Way(name="PDM", command=(str(tools / "pdm/bin/pdm"), "lock", "--quiet"),
            written=("pdm.lock",)),
        Way(name="Poetry", command=(str(tools / "poetry/bin/poetry"), "lock", "--quiet"),
            written=("poetry.lock",), settings=poetry_source()),
        Way(name="trueup verify uv.lock", command=(
            trueup, "verify", "uv.lock", "--quiet", "--fail-on=never", *ALL,
        ), refresh=pages, prepare=((uv, "lock", "--quiet"),)),
    ]  # fmt: skip
    return [way for way in found if all(map(exists, (way.command, *way.prepare)))]


def poetry_source() -> str:
    """The index as a source of Poetry: without one it asks an interface that mirrors lack."""
    pip = ask_pip()
    url = pip.index_url or pip.default_index
    return f'\n[[tool.poetry.source]]\nname = "index"\nurl = "{url}"\npriority = "primary"\n'


def exists(command: Sequence[str]) -> bool:
    """Whether the program of a command is there."""
    return Path(command[0]).exists()


def environment(folder: Path) -> dict[str, str]:
    """Caches in the folder, no settings of the user; what names certificates and proxies stays."""
    unwanted = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    cache, home = folder / "cache", folder / "home"
    home.mkdir(exist_ok=True)
    return kept | {
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CACHE_DIR": str(cache / "pip"),
        "TRUEUP_CACHE_DIR": str(cache / "trueup"),
        "UV_CACHE_DIR": str(cache / "uv"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "XDG_CACHE_HOME": str(cache / "xdg"),
        "PDM_CACHE_DIR": str(cache / "pdm"),
        "PDM_CHECK_UPDATE": "0",
        "PDM_IGNORE_SAVED_PYTHON": "1",
        "PDM_USE_VENV": "0",
        "POETRY_CACHE_DIR": str(cache / "poetry"),
        "POETRY_VIRTUALENVS_CREATE": "false",
    }


def folder_of(way: Way, base: Path) -> Path:
    """The project's folder of a way, made and prepared the first time."""
    folder = base / "".join(letter if letter.isalnum() else "-" for letter in way.name)
    if not folder.exists():
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PROJECT + way.settings, "utf-8")
        for command in way.prepare:
            run(command, folder)
    return folder


# --- measuring ------------------------------------------------------------------------------------


def run(command: Sequence[str], folder: Path) -> float:
    """The seconds that a command takes; raises RuntimeError with its last words if it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout)[-800:]}")
    return seconds


def once(way: Way, base: Path, times: Times) -> None:
    """One round of a way: cold, then warm, then with every page asked for again."""
    folder = folder_of(way, base)

    def timed(state: str, more: Iterable[str] = ()) -> None:
        if not way.keeps:
            for name in way.written:
                (folder / name).unlink(missing_ok=True)
        seconds = run((*way.command, *more), folder)
        times.add(state, seconds)
        print(f"{way.name}, {state}: {seconds:.2f} s", file=sys.stderr, flush=True)

    if way.cold:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        timed("cold")
    elif not (folder / "cache").exists() or not (folder / "pylock.toml").exists():
        run(way.command, folder)
        run(way.command, folder)  # trueup confirms a lock that it has found right once
    timed("warm")
    if way.refresh is not None:
        timed("asked again", way.refresh)


def measure(chosen: Sequence[Way], base: Path, rounds: int) -> dict[str, Times]:
    """Every way in turn, round after round; a way that fails is told and left out from then on."""
    found = {way.name: Times() for way in chosen}
    for number in range(rounds):
        print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for way in chosen:
            if way.name not in found:
                continue
            try:
                once(way, base, found[way.name])
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{way.name} is left out: {error}", file=sys.stderr)
                del found[way.name]
    return found


# --- requests -------------------------------------------------------------------------------------


class Counting(logging.Handler):
    """Counts the requests of this process: the HTTP client logs each."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.seen: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Note the address of one request, and the status of its answer."""
        method, address, _, status, _ = record.args  # type: ignore[misc]
        self.seen[f"{method} {address} {status}"] += 1


def counted(arguments: Sequence[str], folder: Path) -> Counter[str]:
    """The requests that a trueup command sends: by method, address and status."""
    module = [sys.executable, "-m", "tests.bench.compare_lock_speed", "--count", "requests.json"]
    root = Path(__file__).parents[2]
    subprocess.run(
        [*module, "--", *arguments], cwd=folder, capture_output=True, timeout=600, check=False,
        env={**environment(folder), "PYTHONPATH": str(root)},
    )  # fmt: skip
    return Counter(json.loads((folder / "requests.json").read_text("utf-8")))


def count(path: Path, arguments: Sequence[str]) -> None:
    """Run trueup in this process and write down what it asked."""
    from trueup.interfaces.cli.main import cli

    handler = Counting()
    logger = logging.getLogger("httpx2")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        cli(list(arguments))
    finally:
        path.write_text(json.dumps(handler.seen), "utf-8")


def requests(chosen: Sequence[Way], base: Path) -> None:
    """Print how many requests each way of trueup sends, of what kind, and whether one is repeated."""
    print("\n| work | cache | requests | pages | sidecars | ranges of files | a sidecar twice |")
    print("|---|---|---|---|---|---|---|")
    for way in chosen:
        if Path(way.command[0]).stem != "trueup":
            continue
        folder = folder_of(way, base)
        states: list[tuple[str, tuple[str, ...]]] = [("warm", ())]
        if way.keeps:
            run((*way.command, *(way.refresh or ())), folder)
        else:
            shutil.rmtree(folder / "cache", ignore_errors=True)
            states.insert(0, ("empty", ()))
        if way.refresh is not None:
            states.append(("asked again", way.refresh))
        for state, more in states:
            for name in () if way.keeps else way.written:
                (folder / name).unlink(missing_ok=True)
            seen = counted((*way.command[1:], *more), folder)
            kinds = Counter[str]()
            for text, number in seen.items():
                kinds[kind_of(text)] += number
            twice = sum(n > 1 for text, n in seen.items() if kind_of(text) == "sidecar")
            cells = [way.name, state, seen.total(), *(kinds[kind] for kind in KINDS), twice]
            print(f"| {' | '.join(map(str, cells))} |")


KINDS = ("page", "sidecar", "file")


def kind_of(text: str) -> str:
    """What a request is about: a project's page, the metadata beside a file, or a file itself."""
    address = text.split()[1]
    if address.endswith(".metadata"):
        return "sidecar"
    return "file" if address.endswith((".whl", ".tar.gz", ".zip")) else "page"


# --- telling --------------------------------------------------------------------------------------


def table(found: Mapping[str, Times]) -> str:
    """Medians, and their ratio to trueup's with 24 targets in the same state of the cache."""
    states = ("cold", "warm", "asked again")
    first = found.get("trueup, 24 targets", Times())
    lines = ["| tool | " + " | ".join(f"{state}, s | ratio" for state in states) + " |"]
    lines.append("|---|" + "---|---|" * len(states))
    for name, times in found.items():
        cells = []
        for state in states:
            mine, other = first.median(state), times.median(state)
            cells.append("–" if other is None else f"{other:.2f}")
            cells.append("–" if other is None or not mine else f"{other / mine:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], metavar="TOOL")
    parser.add_argument("--tools", type=Path, default=tools_folder())
    parser.add_argument("--count", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.count is not None:
        count(chosen.count, chosen.command)
        return
    found = [
        way
        for way in ways(chosen.tools)
        if not chosen.only or any(way.name.startswith(name) for name in chosen.only)
    ]
    with tempfile.TemporaryDirectory() as base:
        print(f"{os.cpu_count()} cores, Python {platform.python_version()}", file=sys.stderr)
        print(table(measure(found, Path(base), chosen.rounds)))
        requests(found, Path(base))
    print(f"load at the end {os.getloadavg()[0]:.1f}", file=sys.stderr)


if __name__ == "__main__":
    main()
