"""Every scenario, locked, is right on every machine; only what has no answer may be refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.index_server import IndexServer
from tests.scenarios.drawn import drawn_scenario
from tests.scenarios.drivers import lock_for
from tests.scenarios.every import SCENARIOS
from tests.scenarios.machines import machines
from tests.scenarios.oracle import Judgement, Verdict, answerable, judge, judge_without_lock
from tests.scenarios.scenario import Scenario
from trueup.features.lock import lock
from trueup.model.lockrequest import LockRequest, Root
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.http import Client
from trueup.sources.index import IndexSource
from trueup.sources.lockfiles.write import write_pylock
from trueup.sources.supply import Supply

DRAWN = 40
"""How many are drawn by chance; more seeds were tried than are worth repeating every time."""


@dataclass(frozen=True)
class Answer:
    """What `lock` gave: the folder with its locks, and the targets that it says are not served."""

    folder: Path
    unserved: frozenset[str]


def run_lock(scenario: Scenario, files: Path, folder: Path) -> Answer:
    """Build the files, serve them, lock for the targets and write the locks as a user gets them."""
    scenario.write(files)
    folder.mkdir()
    request = LockRequest(
        roots=tuple(
            Root(requirement=parse_requirement(root), origin="the test") for root in scenario.roots
        ),
        targets=parse_targets(",".join(scenario.targets)),
    )
    with IndexServer() as server, IndexSource([server.url], Client()) as source:
        scenario.serve(files, server)
        locked = lock(request, Supply(lambda _: source))
    for profile in locked.profiles:
        name = f"pylock.{profile.name}.toml" if profile.name else "pylock.toml"
        write_pylock(folder / name, profile.lock)
    return Answer(folder, frozenset(str(item.target) for item in locked.unserved))


def judged(scenario: Scenario, folder: Path, files: Path, target: str) -> list[Judgement]:
    """What the oracle says of each machine of a target."""
    path = lock_for(folder, target)
    return [
        judge_without_lock("no lock")
        if path is None
        else judge(path, files, scenario.roots, machine, withdrawn=scenario.withdrawn)
        for machine in machines(target, scenario.patches)
    ]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_is_locked_right(scenario: Scenario, tmp_path: Path) -> None:
    files = tmp_path / "files"
    answer = run_lock(scenario, files, tmp_path / "project")
    excused = scenario.unserved | scenario.unbuilt
    assert scenario.unserved <= answer.unserved <= excused
    for target in scenario.targets:
        found = judged(scenario, answer.folder, files, target)
        if target not in answer.unserved:
            assert {item.verdict for item in found} == {Verdict.OK}, (target, found)
        else:
            assert Verdict.WRONG not in {item.verdict for item in found}, (target, found)


@pytest.mark.parametrize("seed", range(DRAWN))
def test_a_drawn_scenario_is_never_wrong_and_served_where_it_can_be(
    seed: int, tmp_path: Path
) -> None:
    scenario, files = drawn_scenario(seed), tmp_path / "files"
    answer = run_lock(scenario, files, tmp_path / "project")
    for target in scenario.targets:
        found = judged(scenario, answer.folder, files, target)
        verdicts = {item.verdict for item in found}
        assert Verdict.WRONG not in verdicts, (target, found)
        if target not in answer.unserved:
            assert verdicts == {Verdict.OK}, (target, found)
        elif Verdict.REFUSED in verdicts:
            # What it could have taken: wheels, each the best of its release and without an equal.
            assert not all(
                answerable(
                    files,
                    scenario.roots,
                    machine,
                    withdrawn=scenario.withdrawn,
                    sdists=False,
                    best=True,
                )
                for machine in machines(target, scenario.patches)
            ), target
