"""What is said of requirements that cannot be met together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import reduce
from operator import and_

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.features.lock.universe import Universe, World, wish
from trueup.features.lock.explain import listed, requirement_text
from trueup.features.lock.offer import Node
from trueup.features.lock.resolver import Clash, solve

LIB_NODE = Node(project=canonicalize_name("lib"))

LIB: Mapping[str, list[str]] = {"1.0": [], "2.0": [], "3.0": []}


def told(universe: Universe, *roots: tuple[str, str]) -> list[str]:
    answer = solve(universe, [wish(text, origin) for text, origin in roots])
    assert isinstance(answer, Clash), answer
    assert not answer.limited
    return [*answer.lines, *(f"hint: {hint}" for hint in answer.hints)]


CASES: dict[str, tuple[World, list[tuple[str, str]], list[str]]] = {
    "two chains": (
        {
            "app": {"1.0": [], "2.0": ["lib<2"], "2.3": ["lib<2"]},
            "tool": {"1.3": ["lib>=1"], "1.4": ["lib>=3"]},
            "lib": LIB,
        },
        [("app>=2", "pyproject.toml:12"), ("tool>=1.4", "command line")],
        [
            "`app>=2` (pyproject.toml:12) needs `lib<2` (every version of `app` from 2.0 to 2.3)",
            "`tool>=1.4` (command line) needs `lib>=3` (`tool` 1.4)",
            "so no version of `lib` serves both",
            "hint: all could be met with `app==1.0`, which `app>=2` (pyproject.toml:12) does not allow",
            "hint: all could be met with `tool==1.3`, which `tool>=1.4` (command line) does not allow",
        ],
    ),
    "two wishes for one project": (
        {"lib": LIB},
        [("lib<2", "a.in:1"), ("lib>=3", "b.in:7")],
        [
            "`lib<2` (a.in:1)",
            "`lib>=3` (b.in:7)",
            "so no version of `lib` serves both",
            "hint: all could be met with `lib==3.0`, which `lib<2` (a.in:1) does not allow",
            "hint: all could be met with `lib==1.0`, which `lib>=3` (b.in:7) does not allow",
        ],
    ),
    "a deep chain": (
        {
            "app": {"1.0": ["mid"]},
            "mid": {"1.0": ["low"], "2.0": ["low"]},
            "low": {"1.0": ["lib<2"]},
            "lib": LIB,
        },
        [("app", "a.in:1"), ("lib>=3", "a.in:2")],
        [
            "`app` (a.in:1) needs `mid` (`app` 1.0, the only version)",
            "  `mid` needs `low` (every version of `mid`)",
            "    `low` needs `lib<2` (`low` 1.0, the only version)",
            "`lib>=3` (a.in:2)",
            "so no version of `lib` serves both",
            "hint: all could be met with `lib==1.0`, which `lib>=3` (a.in:2) does not allow",
        ],
    ),
    "an extra": (
        {"app": {"1.0": ["x: lib<2"], "2.0": ["x: lib<2"]}, "lib": LIB},
        [("app[x]", "a.in:1"), ("lib>=3", "a.in:2")],
        [
            "`app[x]` (a.in:1) needs `lib<2` (every version of `app`)",
            "`lib>=3` (a.in:2)",
            "so no version of `lib` serves both",
            "hint: all could be met with `lib==1.0`, which `lib>=3` (a.in:2) does not allow",
        ],
    ),
    "no such version": (
        {"lib": LIB},
        [("lib>=9", "a.in:1")],
        [
            "`lib>=9` (a.in:1)",
            "there is no `lib>=9`, only 1.0 to 3.0",
            "hint: all could be met with `lib==3.0`, which `lib>=9` (a.in:1) does not allow",
        ],
    ),
    "no such project": (
        {},
        [("lib>=9", "a.in:1")],
        [
            "`lib>=9` (a.in:1)",
            "there is no version of `lib`",
        ],
    ),
    "no such project, deep": (
        {"app": {"1.0": ["gone"]}},
        [("app", "a.in:1")],
        [
            "`app` (a.in:1) needs `gone` (`app` 1.0, the only version)",
            "there is no version of `gone`",
        ],
    ),
    "every version asks for something else": (
        {
            "app": {f"1.{n}": [f"lib=={n}"] for n in range(9)},
            "lib": {str(n): [] for n in range(20)},
        },
        [("app", "a.in:1"), ("lib>=10", "a.in:2")],
        [
            "`app` (a.in:1) needs `lib==8` (`app` 1.8)",
            "`app` (a.in:1) needs `lib==7` (`app` 1.7)",
            "`app` (a.in:1) needs `lib==6` (`app` 1.6)",
            "`app` (a.in:1) needs 6 other ranges of `lib` in other versions",
            "`lib>=10` (a.in:2)",
            "so no version of `lib` serves both",
            "hint: all could be met with `lib==8`, which `lib>=10` (a.in:2) does not allow",
        ],
    ),
    "each version pins its core": (
        {
            "client": {f"1.{n}": [f"core>=1.{n},<1.{n + 1}"] for n in range(9)},
            "core": {f"1.{n}": ["http>=2"] for n in range(9)},
            "http": {"1.26": [], "2.0": []},
            "old": {"1.0": ["http<2"], "2.0": []},
        },
        [("client>=1.2", "a.in:1"), ("old<2", "a.in:2")],
        [
            "`client>=1.2` (a.in:1) needs `core>=1.8,<1.9` (`client` 1.8)",
            "`client>=1.2` (a.in:1) needs `core>=1.7,<1.8` (`client` 1.7)",
            "`client>=1.2` (a.in:1) needs `core>=1.6,<1.7` (`client` 1.6)",
            "`client>=1.2` (a.in:1) needs 4 other ranges of `core` in other versions",
            "  `core` needs `http>=2` (every version of `core` from 1.2 to 1.8)",
            "`old<2` (a.in:2) needs `http<2` (`old` 1.0)",
            "so no version of `http` serves both",
            "hint: all could be met with `old==2.0`, which `old<2` (a.in:2) does not allow",
        ],
    ),
}
"""By what clashes: the world, the wishes with where they stand, and what is said."""


@pytest.mark.parametrize(("world", "roots", "expected"), CASES.values(), ids=CASES)
def test_clashes(world: World, roots: list[tuple[str, str]], expected: list[str]) -> None:
    assert told(Universe(world), *roots) == expected
    assert told(Universe(world), *reversed(roots)) == expected


def test_versions_that_cannot_be_used_say_why() -> None:
    unusable = {
        ("lib", "3.0"): "no wheel for cp312-linux-aarch64-glibc2.17",
        ("lib", "2.0"): "its files need Python >=3.13",
        ("lib", "1.0"): "yanked",
    }
    assert told(Universe({"lib": LIB}, unusable), ("lib>=2", "a.in:1")) == [
        "`lib>=2` (a.in:1)",
        "no version of `lib>=2` can be used",
        "  2.0: its files need Python >=3.13",
        "  3.0: no wheel for cp312-linux-aarch64-glibc2.17",
    ]


def test_a_version_that_cannot_be_used_is_no_way_out() -> None:
    world: World = {"app": {"1.0": ["lib>=2"]}, "lib": LIB}
    unusable = {("lib", "3.0"): "yanked", ("lib", "2.0"): "yanked"}
    assert told(Universe(world, unusable), ("app", "a.in:1"), ("lib<3", "a.in:2")) == [
        "`app` (a.in:1) needs `lib>=2` (`app` 1.0, the only version)",
        "`lib<3` (a.in:2)",
        "no version of `lib>=2,<3` can be used",
        "  2.0: yanked",
    ]


def test_long_chains_and_long_stories_are_cut() -> None:
    names = [f"p{n:02}" for n in range(20)]
    chain: dict[str, dict[str, list[str]]] = {
        name: {"1.0": [after]} for name, after in itertools.pairwise(names)
    }
    chain |= {names[-1]: {"1.0": ["lib<2"]}, "lib": dict(LIB)}
    lines = told(Universe(chain), ("p00", "a.in:1"), ("lib>=3", "a.in:2"))
    assert lines[6:] == [
        "          `p05` needs `p06` (`p05` 1.0, the only version)",
        "            …",
        "              `p19` needs `lib<2` (`p19` 1.0, the only version)",
        "so no version of `lib` serves both",
        "hint: all could be met with `lib==1.0`, which `lib>=3` (a.in:2) does not allow",
    ]
    wide: dict[str, dict[str, list[str]]] = {f"w{n:02}": {"1.0": [f"lib!={n}"]} for n in range(36)}
    wide |= {"lib": {str(n): [] for n in range(36)}}
    lines = told(Universe(wide), *((f"w{n:02}", f"a.in:{n}") for n in range(36)))
    assert len(lines) == 31
    assert lines[20] == "… 7 more lines of the same kind"
    assert lines[-1] == "so no version of `lib` serves all of them"


@pytest.mark.parametrize(
    ("specifier", "text"),
    [
        ("", "lib"),
        ("<2,>=1", "lib>=1,<2"),
        ("!=2.0,>=1", "lib>=1,!=2.0"),
        ("~=1.0", "lib>=1.0,<2"),
        ("==1.*", "lib==1.*"),
        ("===1.0", "lib===1.0"),
    ],
)
def test_ranges_are_written_as_requirements(specifier: str, text: str) -> None:
    versions = SpecifierSet(specifier).to_range()
    assert requirement_text(Universe({}), LIB_NODE, versions) == text


COMPLEMENTS = [
    (">=3.0", "<3.0"),
    ("<=3.0", ">3.0"),
    ("<3.0", ">=3"),
    ("!=3.0", "==3.0"),
    (">=3.0,<4", " 1.0 to 2.0, 4.0"),
]


@pytest.mark.parametrize(("outside", "text"), COMPLEMENTS)
def test_what_a_range_leaves_over_is_written_as_people_do(outside: str, text: str) -> None:
    universe = Universe({"lib": {**LIB, "4.0": []}})
    versions = ~SpecifierSet(outside).to_range()
    assert requirement_text(universe, LIB_NODE, versions) == f"lib{text}"


@pytest.mark.parametrize(
    ("made", "outside", "text"),
    [
        ("3.0rc1", ">=3.0", "lib<=3.0,!=3.0"),
        ("3.0.post1", "<=3.0", "lib>=3.0,!=3.0"),
        ("3.0.dev1", "<3.0", "lib>=2,!=2.*"),
    ],
)
def test_a_range_is_not_shortened_past_a_version_that_exists(
    made: str, outside: str, text: str
) -> None:
    universe = Universe({"lib": {**LIB, made: []}})
    assert requirement_text(universe, LIB_NODE, ~SpecifierSet(outside).to_range()) == text


MADE = ("1.0", "1.5", "2.0.dev1", "2.0rc1", "2.0", "2.0.post1", "2.0+local", "2.1", "3.0a1", "3.0")
CLAUSES = [f"{operator}{version}" for operator in ("<", "<=", ">", ">=", "!=", "==") for version in
           ("1.0", "2.0", "2.1", "3.0")] + ["!=2.*", "==2.*", "~=2.0"]  # fmt: skip


@given(
    st.lists(st.sampled_from(MADE), unique=True, min_size=1),
    st.lists(st.tuples(st.sampled_from(CLAUSES), st.booleans()), min_size=1, max_size=4),
)
def test_the_text_of_a_range_holds_the_same_versions(
    made: list[str], clauses: list[tuple[str, bool]]
) -> None:
    ranges = [SpecifierSet(clause).to_range() for clause, _ in clauses]
    versions = reduce(
        and_, (~one if outside else one for one, (_, outside) in zip(ranges, clauses, strict=True))
    )
    universe = Universe({"lib": {version: [] for version in made}})
    text = requirement_text(universe, LIB_NODE, versions)
    if not any(mark in text for mark in (" ", "===")):
        said = SpecifierSet(text.removeprefix("lib"))
        for version in map(Version, made):
            assert said.contains(version, prereleases=True) == (version in versions)


def test_ranges_that_no_specifier_says_are_written_as_versions() -> None:
    universe = Universe({"lib": LIB})
    first = SpecifierSet("<1.5").to_range()
    last = SpecifierSet(">2.5").to_range()
    assert requirement_text(universe, LIB_NODE, first | last) == "lib 1.0, 3.0"
    assert requirement_text(universe, LIB_NODE, first.singleton("2.0")) == "lib==2.0"


def test_versions_are_listed_as_runs_of_what_exists() -> None:
    every = [Version(f"{n}.0") for n in range(20)]
    assert listed(every[2:5], every) == "2.0 to 4.0"
    assert listed([every[0], every[2], *every[5:8]], every) == "0.0, 2.0, 5.0 to 7.0"
    assert listed(every[::2], every) == "0.0, 2.0, 4.0, … 6 more …, 18.0"


class Forgotten(Universe):
    """One that says why a project is unknown, as an index does."""

    def obstacles(self, project: NormalizedName, versions: VersionRange) -> tuple[str, ...]:
        return () if self.versions(project) else ("no such project on the index",)


def test_an_unknown_project_is_named_once_with_the_reason() -> None:
    assert told(Forgotten({}), ("lib", "a.in:1")) == [
        "`lib` (a.in:1)",
        "there is no version of `lib`: no such project on the index",
    ]
