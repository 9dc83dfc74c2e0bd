"""Who asks for whom: roots, what is live, and the shortest chains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.judge.graph import graph_of, why
from trueup.model.condition import parse_condition
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
