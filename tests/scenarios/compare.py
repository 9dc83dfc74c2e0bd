"""Asks every locker that is installed for a lock of every scenario, and has the oracle judge it.

    just compare-lockers --install     # each tool into a virtual environment of its own, once
    just compare-lockers               # measure and print
    just compare-lockers --write       # and record it, here and in docs/reference/comparison.md

Whoever changes a scenario measures again; `--only NAME` and `--scenario NAME` limit a run, and
what is not measured keeps its record.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from tests.index_server import IndexServer
from tests.scenarios.drivers import DRIVERS, Answer, Driver, Installation
from tests.scenarios.every import SCENARIOS
from tests.scenarios.machines import Machine, machines
from tests.scenarios.oracle import Judgement, Verdict, judge, judge_without_lock
from tests.scenarios.recorded import Cell, Column, read_record, render, write_record
from tests.scenarios.scenario import Scenario
from tests.tools import install, tools_folder

__all__ = ["main"]

WORKERS = 2


# --- installing ---------------------------------------------------------------------------------


def installed(driver: Driver, cache: Path) -> Installation | None:
    """Where a tool is, None if it is not; trueup is the one of this virtual environment."""
    folder = cache / driver.command / "bin" if driver.packages else Path(sys.executable).parent
    if not (folder / driver.command).exists():
        return None
    python = _said(
        [str(folder / "python"), "-c", "import platform as p; print(p.python_version())"]
    )
    if not driver.packages and not _works([str(folder / driver.command), "lock", "--help"]):
        return None
    return Installation(bin=folder, python=python)


def version(driver: Driver, tool: Installation) -> str:
    code = f"from importlib.metadata import version; print(version({driver.command!r}))"
    return _said([tool.command("python"), "-c", code])


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


# --- measuring ----------------------------------------------------------------------------------


def measure(driver: Driver, tool: Installation, scenario: Scenario, folder: Path) -> Cell:
    """One cell of the table: the tool's lock of the scenario, judged on every machine."""
    files, project = folder / "files", folder / "project"
    scenario.write(files)
    project.mkdir()
    with IndexServer() as server:
        scenario.serve(files, server)
        answer = driver.lock(tool, scenario, server.url, project)
    here = _here(tool) if driver.here_only else None
    found = [
        (machine, _judge(answer, files, scenario, target, machine))
        for target in scenario.targets
        for machine in _machines(target, scenario, driver, here)
    ]
    return _cell(scenario, answer, found)


def _judge(
    answer: Answer, files: Path, scenario: Scenario, target: str, machine: Machine
) -> Judgement:
    # Who locks for this machine alone is asked about it under another name.
    lock = answer.locks.get(target)
    if lock is None:
        return judge_without_lock(answer.why)
    return judge(lock, files, scenario.roots, machine, withdrawn=scenario.withdrawn)


def _machines(
    target: str, scenario: Scenario, driver: Driver, here: Machine | None
) -> Sequence[Machine]:
    if not driver.here_only:
        return machines(target, scenario.patches)
    kind = target.rpartition("glibc")[0]
    return [here] if here is not None and kind and here.target.startswith(kind) else []


def _here(tool: Installation) -> Machine | None:
    """This machine, as a tool that locks for nothing else sees it."""
    libc, level = platform.libc_ver()
    if libc != "glibc" or platform.machine() != "x86_64":
        return None
    _, minor, patch = tool.python.split(".")
    target = f"cp3{minor}-linux-x86_64-glibc{'.'.join(level.split('.')[:2])}"
    return machines(target, (int(patch),))[0]


def _cell(scenario: Scenario, answer: Answer, found: list[tuple[Machine, Judgement]]) -> Cell:
    verdicts = [judgement.verdict for _, judgement in found]
    excused = scenario.unserved | scenario.unbuilt
    wrong = [(machine, item) for machine, item in found if item.verdict is Verdict.WRONG]
    return Cell(
        ok=verdicts.count(Verdict.OK),
        wrong=len(wrong),
        refused=verdicts.count(Verdict.REFUSED),
        needless=sum(
            item.verdict is Verdict.REFUSED and machine.target not in excused
            for machine, item in found
        ),
        locks=len(set(answer.locks.values())),
        reduced=answer.reduced,
        example=f"{wrong[0][0].name}: {wrong[0][1].reasons[0]}" if wrong else "",
    )


def column(driver: Driver, tool: Installation, scenarios: Sequence[Scenario]) -> Column:
    """All cells of a tool."""

    def one(scenario: Scenario) -> Cell:
        with tempfile.TemporaryDirectory(prefix="lockers-") as folder:
            return measure(driver, tool, scenario, Path(folder))

    with ThreadPoolExecutor(WORKERS) as pool:
        cells = dict(zip((s.name for s in scenarios), pool.map(one, scenarios), strict=True))
    return Column(
        tool=driver.name,
        version=version(driver, tool),
        python=tool.python,
        date=datetime.now(UTC).date().isoformat(),
        how=driver.how,
        cells=cells,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="just compare-lockers", description=__doc__)
    parser.add_argument("--install", action="store_true", help="install the newest of each, first")
    parser.add_argument("--cache", type=Path, default=tools_folder(), help="where tools live")
    parser.add_argument("--python", default=sys.executable, help="the Python they are to run on")
    parser.add_argument("--only", action="append", metavar="NAME", help="these tools only")
    parser.add_argument("--scenario", action="append", metavar="NAME", help="these scenarios only")
    parser.add_argument("--write", action="store_true", help="record what was measured")
    options = parser.parse_args(arguments)
    drivers = [d for d in DRIVERS if options.only is None or d.name in options.only]
    scenarios = [s for s in SCENARIOS if options.scenario is None or s.name in options.scenario]
    if options.install:
        for driver in drivers:
            if driver.packages:
                install(driver.command, driver.packages, where=options.cache, python=options.python)
    columns = []
    for driver in drivers:
        tool = installed(driver, options.cache)
        if tool is None:
            print(f"{driver.name}: not installed, left out", file=sys.stderr)
            continue
        print(f"{driver.name}: {len(scenarios)} scenarios", file=sys.stderr)
        columns.append(column(driver, tool, scenarios))
    record = read_record().updated(columns) if options.write else None
    if record is not None:
        write_record(record)
    print(render(columns if record is None else record.columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
