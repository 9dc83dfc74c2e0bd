"""Who asks for whom: roots, what is live, and the shortest chains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.judge.graph import graph_of, reasons, why
from trueup.model.condition import Option, OptionKind, parse_condition
from trueup.model.lock import Edge, Lock, LockEntry, LockKind

LINUX = {"sys_platform": "linux"}
WINDOWS = {"sys_platform": "win32"}


def entry(project: str, *asks: str, marker: str = "", version: str = "1") -> LockEntry:
    return LockEntry(
        project=NormalizedName(project),
        version=Version(version),
        origin="",
        condition=parse_condition(marker),
        edges=tuple(Edge(project=NormalizedName(name)) for name in asks),
    )


LOCK = Lock(
    kind=LockKind.PYLOCK,
    path="pylock.toml",
    entries=(
        entry("app", "long", "short"),
        entry("long", "middle"),
        entry("middle", "dep"),
        entry("short", "dep", marker="sys_platform == 'linux'"),
        entry("tool", "dep"),
        entry("dep", "middle"),
    ),
)


def test_roots_are_what_nobody_asks_for() -> None:
    assert [n.title for n in graph_of(LOCK, None, frozenset()).nodes if n.root] == [
        "app 1",
        "tool 1",
    ]


def test_marked_roots_are_the_only_ones() -> None:
    entries = tuple(replace(one, root=one.project == "long") for one in LOCK.entries)
    graph = graph_of(replace(LOCK, entries=entries), None, frozenset())
    assert [node.project for node in graph.nodes if node.root] == ["long"]


@pytest.mark.parametrize(
    ("environment", "project", "chains"),
    [
        (LINUX, "dep", ["tool dep", "app short dep"]),
        (WINDOWS, "dep", ["tool dep", "app long middle dep"]),
        (None, "short", ["app short"]),
        (WINDOWS, "short", []),
        (None, "app", ["app"]),
        (None, "absent", []),
    ],
)
def test_why(environment: Mapping[str, str] | None, project: str, chains: list[str]) -> None:
    graph = graph_of(LOCK, environment, frozenset())
    found = why(graph, NormalizedName(project))
    assert [" ".join(graph.nodes[number].project for number in chain) for chain in found] == chains


def test_an_edge_with_a_version_means_that_entry() -> None:
    edge = Edge(project=NormalizedName("dep"), version=Version("2"))
    entries = (
        replace(entry("app"), edges=(edge,)),
        entry("dep"),
        entry("dep", version="2"),
    )
    graph = graph_of(replace(LOCK, entries=entries), None, frozenset())
    assert [(edge.parent, edge.child) for edge in graph.edges] == [(0, 2)]


def chains(lock: Lock, project: str, environment: Mapping[str, str] | None = None) -> list[str]:
    graph = graph_of(lock, environment, lock.default)
    found = why(graph, NormalizedName(project))
    return [" ".join(graph.nodes[number].project for number in chain) for chain in found]


def ask(project: str, marker: str = "", *, extras: str = "", of: str | None = None) -> Edge:
    return Edge(
        project=NormalizedName(project),
        condition=parse_condition(marker),
        extras=frozenset(map(NormalizedName, extras.split())),
        of_extra=None if of is None else NormalizedName(of),
    )


def locked(entries: Mapping[str, tuple[Edge, ...]], *, roots: tuple[str, ...] = ()) -> Lock:
    return replace(
        LOCK,
        entries=tuple(replace(entry(name), edges=edges) for name, edges in entries.items()),
        roots=roots,
    )


def test_a_chain_heeds_the_conditions_of_edges() -> None:
    lock = locked(
        {
            "app": (ask("dep", "sys_platform == 'win32'"), ask("middle")),
            "middle": (ask("dep"),),
            "dep": (),
        }
    )
    assert chains(lock, "dep", WINDOWS) == ["app dep"]
    assert chains(lock, "dep", LINUX) == ["app middle dep"]
    assert chains(lock, "dep", None) == ["app dep"]


@pytest.mark.parametrize(
    ("roots", "environment", "expected"),
    [
        (("App",), LINUX, ["app dep"]),
        (("app", "dep>=1"), LINUX, ["dep", "app dep"]),
        (("app", "dep; sys_platform == 'win32'"), LINUX, ["app dep"]),
        (("app", "dep; sys_platform == 'win32'"), WINDOWS, ["dep", "app dep"]),
        (("app", "is no requirement"), WINDOWS, ["app dep"]),
    ],
)
def test_who_is_asked_for_and_depended_on_is_a_root(
    roots: tuple[str, ...], environment: Mapping[str, str], expected: list[str]
) -> None:
    lock = locked({"app": (ask("dep"),), "dep": ()}, roots=roots)
    assert chains(lock, "dep", environment) == expected


def test_what_only_a_group_asks_for_is_a_root_beside_the_recorded_ones() -> None:
    lock = locked({"app": (), "pytest": (ask("pluggy"),), "pluggy": ()}, roots=("app",))
    assert chains(lock, "pluggy") == ["pytest pluggy"]


@pytest.mark.parametrize(
    ("roots", "expected"),
    [(("app",), []), (("app[fast]",), ["app dep speed"]), (("app[slow]",), [])],
)
def test_an_extra_brings_its_own_only_where_it_is_asked_for(
    roots: tuple[str, ...], expected: list[str]
) -> None:
    lock = locked(
        {
            "app": (ask("dep"), ask("dep", extras="quick", of="fast")),
            "dep": (ask("dep", extras="all", of="quick"), ask("speed", of="all")),
            "speed": (),
        },
        roots=roots,
    )
    assert chains(lock, "speed") == expected


def test_a_walked_lock_installs_what_its_roots_lead_to() -> None:
    found = locked(
        {
            "app": (ask("dep"), ask("more", of="plus")),
            "dep": (),
            "more": (),
            "alone": (),
        }
    )
    entries = tuple(replace(one, root=one.project == "app") for one in found.entries)
    lock = replace(found, entries=entries, walked=True)
    plus = frozenset({Option(kind=OptionKind.EXTRA, name="plus", project=NormalizedName("app"))})
    for selection, expected in ((frozenset[Option](), "app dep"), (plus, "app dep more")):
        graph = graph_of(lock, None, selection)
        assert " ".join(node.project for node in graph.nodes if node.live) == expected
        assert all(edge.live == graph.nodes[edge.child].live for edge in graph.edges)


def test_reasons_are_told_once_for_environments_that_are_alike() -> None:
    places = (("linux", LINUX), ("windows", WINDOWS), ("wsl", LINUX))
    found = reasons(LOCK, places, NormalizedName("short"), frozenset())
    assert [(one.names, one.chains, one.askers, one.installed) for one in found] == [
        (("linux", "wsl"), ((0, 3),), (0,), (3,)),
        (("windows",), (), (), ()),
    ]
    shared = reasons(LOCK, places, NormalizedName("dep"), frozenset())
    assert [(one.names, one.askers) for one in shared] == [
        (("linux", "wsl"), (2, 3, 4)),
        (("windows",), (2, 4)),
    ]
