"""What a sample says holds for the whole: as often as it claims."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rows import row
from tests.surveyed import audited, dataset_of
from trueup.features.survey.ask import Answer, Results, open_results
from trueup.features.survey.sample import (
    Sample,
    Stratum,
    draw,
    estimates,
    keep_sample,
    kept_sample,
)
from trueup.model.errors import SourceError
from trueup.sources.dataset import FolderDataset


class Whole(Results):
    """An index of which every project's releases are known, and what a sample sees of it."""

    def __init__(self, counts: Mapping[str, Mapping[str, int]], seen: Sample) -> None:
        self._rows = tuple(
            (project, name, number)
            for project in seen.projects
            for name, number in counts[project].items()
        )

    def ask(self, sql: str, values: object = ()) -> Answer:
        return Answer(columns=("project", "class", "releases"), rows=self._rows)


def population(seed: int, size: int = 4_000) -> dict[str, dict[str, int]]:
    """Projects of very different sizes; who differs, differs often, and old projects more so."""
    chance = random.Random(seed)
    found = {}
    for number in range(size):
        releases = int(chance.paretovariate(1.1))
        bad = releases if chance.random() < (0.06 if number < size // 3 else 0.01) else 0
        found[f"p{number}"] = {"identical": releases - bad, "mergeable": bad}
    return found


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    counts = population(1)
    total = sum(sum(one.values()) for one in counts.values())
    releases = sum(one["mergeable"] for one in counts.values()) / total
    projects = sum(one["mergeable"] > 0 for one in counts.values()) / len(counts)
    serials: dict[str, int | None] = {name: number for number, name in enumerate(counts)}
    held = [0, 0]
    for seed in range(200):
        sample = draw(serials, 800, seed)
        found = {one.release_class: one for one in estimates(Whole(counts, sample), sample)}
        one = found["mergeable"]
        held[0] += one.projects_low <= projects <= one.projects_high
        held[1] += one.low <= releases <= one.high
    # 95 % of 200 are 190. Sizes vary without bound here, which costs the share of releases some.
    assert held[0] >= 182
    assert held[1] >= 150


def test_everything_drawn_leaves_no_doubt() -> None:
    counts = population(2, 300)
    sample = draw({name: number for number, name in enumerate(counts)}, 300, 1)
    for one in estimates(Whole(counts, sample), sample):
        assert one.low == pytest.approx(one.share) == pytest.approx(one.high)
        assert one.projects_low == pytest.approx(one.projects_share)


def test_strata_are_drawn_alike_and_exactly_so_many() -> None:
    sample = draw({f"p{number}": number for number in range(1_003)}, 101, 7)
    assert len(sample.projects) == len(set(sample.projects)) == 101
    assert [len(one.projects) for one in sample.strata] in ([20, 20, 20, 20, 21],
        [20, 20, 20, 21, 20], [20, 20, 21, 20, 20], [20, 21, 20, 20, 20], [21, 20, 20, 20, 20])  # fmt: skip
    assert sample.population == 1_003
    assert max(int(name[1:]) for name in sample.strata[0].projects) < 202


@pytest.mark.parametrize("count", [0, 1, 3, 49, 50, 99, 1000])
def test_any_number_can_be_asked_for(count: int) -> None:
    sample = draw({f"p{number}": number for number in range(99)}, count, 1)
    assert len(sample.projects) == min(count, 99)


def test_a_list_without_serial_numbers_is_one_stratum() -> None:
    sample = draw({f"p{number}": None for number in range(500)}, 100, 1)
    assert [(one.name, one.population) for one in sample.strata] == [("all", 500)]


def test_the_seed_decides() -> None:
    projects = {f"p{number}": number for number in range(500)}
    backwards = dict(reversed(projects.items()))
    assert draw(projects, 100, 3) == draw(backwards, 100, 3)
    assert draw(projects, 100, 3) != draw(projects, 100, 4)


def test_it_is_kept_with_the_dataset(tmp_path: Path) -> None:
    dataset = FolderDataset(tmp_path)
    assert kept_sample(dataset) is None
    sample = draw({f"p{number}": number for number in range(500)}, 100, 3)
    keep_sample(dataset, sample)
    assert kept_sample(dataset) == sample
    dataset.write("sample.json", b"{}")
    with pytest.raises(SourceError, match=r"sample\.json"):
        kept_sample(dataset)


def test_projects_that_were_not_drawn_say_nothing(tmp_path: Path) -> None:
    rows = [
        row(f"{name}-1.0-py3-none-{tag}.whl", ["a"] if differs and tag == "win_amd64" else [])
        for name, differs in (("one", False), ("two", True), ("three", True))
        for tag in ("win_amd64", "linux_x86_64")
    ]
    audited(dataset_of(tmp_path, rows))
    stratum = Stratum(name="all", population=100, projects=("one", "two", "vanished"))
    with open_results(FolderDataset(tmp_path)) as results:
        found = estimates(results, Sample(seed=1, strata=(stratum,)))
    shares = [(one.release_class, one.releases, one.share) for one in found]
    assert shares == [("identical", 1, 0.5), ("mergeable", 1, 0.5)]
    assert 0 < found[0].low < 0.5 < found[0].high < 1
