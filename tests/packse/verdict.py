"""Is what a tool answered the answer that a scenario expects?

- satisfiable: a lock for every target, right on every machine by the oracle of
  `tests/scenarios`, with the versions that the scenario names;
- not satisfiable: no lock, exit code 1 or 2, and words that name a package of the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.packse.scenario import Scenario, release_of
from tests.packse.tools import Answer
from tests.scenarios.machines import Machine
from tests.scenarios.oracle import Verdict, judge, read_lock

__all__ = ["faults"]


def faults(
    scenario: Scenario,
    answer: Answer,
    files: Path,
    targets: Sequence[str],
    *,
    satisfiable: bool,
    packages: Mapping[NormalizedName, Version],
) -> list[str]:
    """What is wrong with the answer, none if it is as expected; ``files`` are all of the index."""
    if not satisfiable:
        return _refusal(scenario, answer)
    if answer.code or answer.lock is None:
        return [f"exit code {answer.code}: {_last_words(answer.said)}"]
    return list(dict.fromkeys(_wrong(scenario, answer.lock, files, targets, packages)))


def _refusal(scenario: Scenario, answer: Answer) -> list[str]:
    found = []
    if answer.code not in (1, 2):
        found.append(f"exit code {answer.code}, not 1 or 2: {_last_words(answer.said)}")
    if answer.lock is not None:
        found.append("a lock was written")
    if "Traceback" in answer.said:
        found.append(f"a crash: {_last_words(answer.said)}")
    asked = {release.project for release in scenario.releases}
    asked |= {canonicalize_name(root.split(";")[0].split("[")[0]) for root in scenario.roots}
    if not any(name in answer.said for name in asked):
        found.append(f"no package is named: {_last_words(answer.said)}")
    return found


def _wrong(
    scenario: Scenario,
    lock: Path,
    files: Path,
    targets: Sequence[str],
    packages: Mapping[NormalizedName, Version],
) -> list[str]:
    withdrawn = frozenset(
        path.name for path in files.iterdir() if release_of(path.name) in scenario.withdrawn
    )
    found = []
    for machine in scenario.machines(tuple(targets)):
        judged = judge(lock, files, scenario.roots, machine, withdrawn=withdrawn)
        if judged.verdict is not Verdict.OK:
            found.append(f"{machine.name}: {'; '.join(judged.reasons)}")
        elif packages and (there := _pins(lock, machine)) != packages:
            shown = ", ".join(f"{name} {version}" for name, version in sorted(there.items()))
            found.append(f"{machine.name}: locked {shown}")
    return found


def _pins(lock: Path, machine: Machine) -> dict[NormalizedName, Version]:
    """What the lock installs on the machine."""
    environment = dict(machine.environment)
    selected = read_lock(lock).select(environment=environment, tags=machine.tags)  # type: ignore[arg-type]
    return {package.name: package.version for package, _ in selected if package.version is not None}


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-4:])[:600] or "it said nothing"
