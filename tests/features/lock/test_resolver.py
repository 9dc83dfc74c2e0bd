"""The adapter to the solver against brute force, and its bounds."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.features.lock.universe import Universe, World, nodes, wish
from trueup.features.lock.resolver import Clash, Node, Solved, solve
from trueup.model.requirement import parse_requirement, version_range

PROJECTS = ("a", "b", "c", "d")
VERSIONS = ("1.0", "2.0", "3.0")
SPECIFIERS = ("", "<2", ">=2", "==2.0", "!=2.0", ">=3", "<1", "===3.0")


def requirements(*extras: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, extra, specifier: name + extra + specifier,
        st.sampled_from(PROJECTS),
        st.sampled_from(("", *extras)),
        st.sampled_from(SPECIFIERS),
    )


LINES = st.builds(
    lambda prefix, requirement: prefix + requirement,
    st.sampled_from(("", "", "", "x: ")),
    requirements("[x]"),
)
WORLDS = st.fixed_dictionaries(
    {
        name: st.dictionaries(st.sampled_from(VERSIONS), st.lists(LINES, max_size=3))
        for name in PROJECTS
    }
)
ROOTS = st.lists(requirements("[x]"), min_size=1, max_size=3)


def satisfied(
    universe: Universe, roots: Sequence[str], pins: Mapping[NormalizedName, Version]
) -> set[Node] | None:
    """The nodes that a choice of versions needs; None if it breaks a requirement."""
    asked = [
        (node, version_range(requirement.specifier))
        for requirement in map(parse_requirement, roots)
        for node in nodes(requirement)
    ]
    reached: set[Node] = set()
    while asked:
        node, versions = asked.pop()
        if node.project not in pins or pins[node.project] not in versions:
            return None
        if node not in reached:
            reached.add(node)
            version = pins[node.project]
            asked += universe.needs(node, version).items()
            if node.extra is not None:
                asked.append((node.base, version_range(parse_requirement("x").specifier)))
    return reached


def choices(universe: Universe) -> Iterator[dict[NormalizedName, Version]]:
    usable = [universe.usable(canonicalize_name(name)) for name in PROJECTS]
    for chosen in itertools.product(*([None, *versions] for versions in usable)):
        yield {
            canonicalize_name(name): version
            for name, version in zip(PROJECTS, chosen, strict=True)
            if version is not None
        }


@given(WORLDS, ROOTS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_choice_is_found_exactly_where_there_is_one(
    world: World, roots: list[str], order: random.Random
) -> None:
    universe = Universe(world)
    answer = solve(universe, [wish(text) for text in roots])
    if isinstance(answer, Solved):
        assert satisfied(universe, roots, answer.pins) == set(answer.edges)
        assert {node.project for node in answer.edges} == set(answer.pins)
    else:
        assert not answer.limited
        assert not any(satisfied(universe, roots, pins) for pins in choices(universe))
    shuffled = [wish(text) for text in roots]
    order.shuffle(shuffled)
    assert solve(Universe(world), shuffled) == answer


@given(WORLDS, ROOTS, st.fixed_dictionaries({name: st.sampled_from(VERSIONS) for name in PROJECTS}))
@settings(max_examples=75, deadline=None)
def test_preferred_versions_never_change_whether_there_is_a_choice(
    world: World, roots: list[str], preferred: dict[str, str]
) -> None:
    universe = Universe(world)
    wishes = [wish(text) for text in roots]
    pins = {
        canonicalize_name(name): Version(version)
        for name, version in preferred.items()
        if version in world[name]
    }
    answer = solve(universe, wishes, pins)
    assert isinstance(answer, Solved) is isinstance(solve(universe, wishes), Solved)
    if isinstance(answer, Solved):
        assert satisfied(universe, roots, answer.pins) is not None
        used = satisfied(universe, roots, pins)
        if used is not None:
            assert answer.pins == {node.project: pins[node.project] for node in used}


def pinned(answer: Solved | Clash) -> dict[str, str]:
    assert isinstance(answer, Solved), answer
    return {name: str(version) for name, version in answer.pins.items()}


@pytest.mark.parametrize(
    ("world", "roots", "expected"),
    [
        pytest.param(
            {"a": {"1.0": ["b"]}, "b": {"1.0": [], "2.0": []}, "c": {"1.0": []}},
            ["a"],
            {"a": "1.0", "b": "2.0"},
            id="the newest, and nothing that is not needed",
        ),
        pytest.param(
            {"a": {"1.0": ["b"], "2.0": ["b<2"]}, "b": {"1.0": [], "2.0": []}},
            ["a", "b>=2"],
            {"a": "1.0", "b": "2.0"},
            id="an older version where the newest does not fit",
        ),
        pytest.param(
            {"a": {"1.0": ["x: b"], "2.0": []}, "b": {"1.0": []}},
            ["a[x]<2"],
            {"a": "1.0", "b": "1.0"},
            id="an extra has the version of its project",
        ),
        pytest.param(
            {"a": {"1.0": ["a[x]", "x: b"]}, "b": {"1.0": []}},
            ["a"],
            {"a": "1.0", "b": "1.0"},
            id="a project that needs an extra of itself",
        ),
        pytest.param(
            {"a": {"1.0": [], "2.0": ["a[x]", "x: a<2"]}},
            ["a"],
            {"a": "1.0"},
            id="an extra that asks for another version of its project",
        ),
        pytest.param(
            {"a": {"1.0": ["b"]}, "b": {"1.0": ["a"]}},
            ["a"],
            {"a": "1.0", "b": "1.0"},
            id="a circle",
        ),
        pytest.param(
            {"a": {"1.0": ["b>=1"]}, "b": {"2.0a1": []}, "c": {"1.0": ["b>=2.0a1"]}},
            ["a", "c"],
            {"a": "1.0", "b": "2.0a1", "c": "1.0"},
            id="a pre-release where there is nothing else",
        ),
        pytest.param(
            {"a": {"1.0": [], "1.0+cpu": []}},
            ["a==1.0"],
            {"a": "1.0+cpu"},
            id="a local version",
        ),
    ],
)
def test_choices(world: World, roots: list[str], expected: dict[str, str]) -> None:
    assert pinned(solve(Universe(world), [wish(text) for text in roots])) == expected


def test_a_solution_names_its_edges_and_extras() -> None:
    world: World = {"a": {"1.0": ["b[y,x]<2", "c"]}, "b": {"1.0": ["x: c"]}, "c": {"1.0": []}}
    answer = solve(Universe(world), [wish("a")])
    assert isinstance(answer, Solved)
    assert {str(node): [str(need) for need in needs] for node, needs in answer.edges.items()} == {
        "a": ["b", "b[x]", "b[y]", "c"],
        "b": [],
        "b[x]": ["b", "c"],
        "b[y]": ["b"],
        "c": [],
    }
    assert answer.extras == {"b": {"x", "y"}}


def test_preferred_versions_are_taken_where_they_fit() -> None:
    world: World = {"a": {"1.0": ["b"], "2.0": ["b"]}, "b": {"1.0": [], "2.0": [], "3.0": []}}
    preferred = {canonicalize_name("a"): Version("1.0"), canonicalize_name("b"): Version("2.0")}
    assert pinned(solve(Universe(world), [wish("a")], preferred)) == {"a": "1.0", "b": "2.0"}
    newer = [wish("a"), wish("b>=3")]
    assert pinned(solve(Universe(world), newer, preferred)) == {"a": "1.0", "b": "3.0"}


def dense(projects: int, versions: int, needs: int) -> World:
    chance = random.Random(1)
    names = [f"p{number:02}" for number in range(projects)]
    return {
        name: {
            f"{version}.0": [
                f"{other}=={chance.randrange(versions)}.0" for other in chance.sample(names, needs)
            ]
            for version in range(versions)
        }
        for name in names
    }


def test_a_search_without_end_is_given_up() -> None:
    universe = Universe(dense(60, 12, 3))
    wishes = [wish(f"p{number:02}") for number in range(0, 60, 2)]
    answer = solve(universe, wishes, limit=100)
    assert isinstance(answer, Clash)
    assert answer.limited
    assert "was given up after 100 steps" in answer.lines[0]
    assert universe.picks <= 200
    assert solve(Universe(dense(60, 12, 3)), wishes, limit=100) == answer


def test_an_obvious_answer_takes_one_round_for_each_project() -> None:
    names = [f"p{number:03}" for number in range(106)]
    world: World = {
        name: {f"{v}.0": [f"{other}>=1" for other in names[i + 1 : i + 5]] for v in range(20)}
        for i, name in enumerate(names)
    }
    universe = Universe(world)
    answer = solve(universe, [wish("p000")])
    assert isinstance(answer, Solved)
    assert len(answer.pins) == 106
    assert answer.rounds <= 107
    assert universe.picks == 106


def test_many_versions_that_clash_one_by_one_cost_a_few_rounds_each() -> None:
    """As with a client library that pins its core, whose own needs changed long ago."""
    count = 150
    world: World = {
        "client": {f"1.{n}": [f"core>=1.{n},<1.{n + 1}"] for n in range(count)},
        "core": {f"1.{n}": ["http<2" if n < 100 else "http>=2"] for n in range(count)},
        "http": {"1.26": [], "2.0": []},
        "old": {"1.0": ["http<2"]},
    }
    answer = solve(Universe(world), [wish("client"), wish("old")])
    assert pinned(answer) == {"client": "1.99", "core": "1.99", "http": "1.26", "old": "1.0"}
    assert isinstance(answer, Solved)
    assert answer.rounds < 5 * count


def test_local_versions_and_pre_releases_that_clash() -> None:
    versions = ["1.0", "1.0+cpu", "1.1a1", "1.1", "1.1.post1", "2.0.dev1", "2.0"]
    world: World = {
        "a": {version: ["b<2"] if version != "1.0+cpu" else [] for version in versions},
        "b": {"1.0": [], "2.0": []},
    }
    assert pinned(solve(Universe(world), [wish("a"), wish("b>=2")])) == {"a": "1.0+cpu", "b": "2.0"}
