"""The scenarios are what they claim to be, as the oracle finds by trying every set of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.index_server import IndexServer
from tests.scenarios.drawn import drawn_scenario
from tests.scenarios.every import SCENARIOS
from tests.scenarios.machines import machines
from tests.scenarios.oracle import answerable
from tests.scenarios.scenario import Scenario
from trueup.model.target import parse_targets

LETTERS = "a-plat b-glibc b2-glibc34 c-libc d-abi e-sdist e2-dyn f-build g-extra h-reqpy i-tie j-mac k-spec l-py n-good"

each = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert names[:15] == LETTERS.split()
    assert len(names) == len(set(names))
    assert sum(not scenario.agrees for scenario in SCENARIOS) >= 40


@each
def test_targets_without_an_answer_are_those_it_names(scenario: Scenario, tmp_path: Path) -> None:
    scenario.write(tmp_path)
    for sdists, unanswered in ((True, scenario.unserved), (False, None)):
        found = {
            target
            for target in scenario.targets
            if not all(
                answerable(
                    tmp_path, scenario.roots, machine,
                    withdrawn=scenario.withdrawn, sdists=sdists,
                )
                for machine in machines(target, scenario.patches)
            )
        }  # fmt: skip
        if unanswered is None:
            # Without sdists there are no answers but where a sdist promises enough.
            assert scenario.unserved | scenario.unbuilt <= found
        else:
            assert found == unanswered


@each
def test_its_targets_are_written_as_everywhere(scenario: Scenario) -> None:
    for target in scenario.targets:
        (parsed,) = parse_targets(target)
        assert str(parsed) == target
        for machine in machines(target):
            assert machine.environment["sys_platform"] == parsed.sys_platform
            assert machine.environment["platform_machine"] == parsed.host_machine
    assert scenario.unserved | scenario.unbuilt <= set(scenario.targets)


@each
def test_it_is_served(scenario: Scenario, tmp_path: Path) -> None:
    scenario.write(tmp_path)
    with IndexServer() as server:
        scenario.serve(tmp_path, server)
        served = {name for files in server.projects.values() for name in files}
    assert served == {file.name for file in scenario.files}
    assert served == {path.name for path in tmp_path.iterdir()}


def test_a_drawn_scenario_is_the_same_every_time_and_mostly_disagrees() -> None:
    assert drawn_scenario(7) == drawn_scenario(7)
    drawn = [drawn_scenario(seed) for seed in range(50)]
    assert len({scenario.files for scenario in drawn}) == 50
    for scenario in drawn:
        lists = {(f.project, f.version): set[tuple[str, ...]]() for f in scenario.files}
        for file in scenario.files:
            lists[file.project, file.version].add(file.requires)
        assert any(len(different) > 1 for different in lists.values())
