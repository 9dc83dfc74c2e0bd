"""Who asks for whom in a lock that was read, by its edges, and what is installed where."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.utils import NormalizedName

from trueup.model.condition import Condition, Selection
from trueup.model.lock import Edge, Lock, LockEntry

__all__ = ["Graph", "GraphEdge", "GraphNode", "graph_of", "why"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """One entry; ``live`` tells whether its condition holds, ``root`` that nobody asks for it."""

    project: NormalizedName
    title: str
    live: bool
    root: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """``parent`` asks for ``child`` (places in ``Graph.nodes``) with ``extras``, under ``marker``."""

    parent: int
    child: int
    extras: frozenset[NormalizedName]
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes in the order of the lock, edges in the order of their parents."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


def graph_of(lock: Lock, environment: Mapping[str, str] | None, selection: Selection) -> Graph:
    """The graph of a lock.

    ``environment`` has a value for each marker variable but `extra` (PEP 508); with None, an entry
    is live that is so in any environment. In a lock without marked roots, those are the entries
    that no other entry asks for.
    """
    edges = tuple(
        GraphEdge(parent=parent, child=child, extras=edge.extras, marker=edge.condition.text)
        for parent, entry in enumerate(lock.entries)
        for edge in entry.edges
        for child, other in enumerate(lock.entries)
        if _means(edge, other)
    )
    asked = {edge.child for edge in edges if edge.parent != edge.child}
    marked = any(entry.root for entry in lock.entries)
    nodes = tuple(
        GraphNode(
            project=entry.project,
            title=entry.title,
            live=_holds(entry.condition, environment, selection),
            root=entry.root if marked else number not in asked,
        )
        for number, entry in enumerate(lock.entries)
    )
    return Graph(nodes=nodes, edges=edges)


def why(graph: Graph, project: NormalizedName) -> tuple[tuple[int, ...], ...]:
    """A shortest chain from each root that leads to a project, through live nodes alone.

    Chains are places in ``Graph.nodes``, the root first; the shortest chain comes first.
    """
    children: dict[int, list[int]] = {}
    for edge in graph.edges:
        children.setdefault(edge.parent, []).append(edge.child)
    roots = [number for number, node in enumerate(graph.nodes) if node.root and node.live]
    chains = [chain for root in roots if (chain := _shortest(graph, children, root, project))]
    return tuple(sorted(chains, key=len))


def _shortest(
    graph: Graph, children: Mapping[int, list[int]], root: int, project: NormalizedName
) -> tuple[int, ...]:
    pending: deque[tuple[int, ...]] = deque([(root,)])
    seen = {root}
    while pending:
        chain = pending.popleft()
        if graph.nodes[chain[-1]].project == project:
            return chain
        for child in children.get(chain[-1], ()):
            if child not in seen and graph.nodes[child].live:
                seen.add(child)
                pending.append((*chain, child))
    return ()


def _means(edge: Edge, entry: LockEntry) -> bool:
    return (
        edge.project == entry.project
        and edge.version in (None, entry.version)
        and edge.location in (None, entry.place.location)
    )


def _holds(
    condition: Condition, environment: Mapping[str, str] | None, selection: Selection
) -> bool:
    left = condition.under(selection)
    if isinstance(left, bool):
        return left
    return environment is None or left.holds(environment)
