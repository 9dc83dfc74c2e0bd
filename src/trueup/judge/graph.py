"""Who asks for whom in a lock that was read, by its edges, and what is installed where."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName

from trueup.model.condition import Condition, OptionKind, Selection
from trueup.model.lock import Edge, Lock, LockEntry
from trueup.model.requirement import Requirement, parse_requirement

__all__ = ["Graph", "GraphEdge", "GraphNode", "Reason", "graph_of", "nearest", "reasons", "why"]

_State = tuple[int, NormalizedName | None]
"""A node (its place), or one of its extras."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """One entry; ``live`` tells whether it is installed.

    ``root`` tells that the user asks for it, with ``extras``, or that nobody asks for it.
    """

    project: NormalizedName
    title: str
    live: bool
    root: bool
    extras: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """``parent`` asks for ``child`` (places in ``Graph.nodes``) with ``extras``, under ``marker``.

    ``of_extra`` is the extra of the parent that brings it; ``live`` tells whether both ends are
    installed and the marker holds.
    """

    parent: int
    child: int
    extras: frozenset[NormalizedName]
    marker: str
    live: bool
    of_extra: NormalizedName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes in the order of the lock, edges in the order of their parents."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a project is installed in some environments, by their names, where that is the same.

    ``chains`` are those of :func:`why`, ``installed`` the entries of the project that are installed
    there (none: it is not), ``askers`` those that ask for it: places in the nodes of ``graph``.
    """

    names: tuple[str, ...]
    graph: Graph
    chains: tuple[tuple[int, ...], ...]
    askers: tuple[int, ...]
    installed: tuple[int, ...]


def graph_of(lock: Lock, environment: Mapping[str, str] | None, selection: Selection) -> Graph:
    """The graph of a lock.

    ``environment`` has a value for each marker variable but `extra` (PEP 508); with None, what
    depends on it holds. Roots are the entries that the lock marks, or those that the user asked
    for where the lock repeats that, and always those that no other entry asks for, unless the lock
    is walked from its marked ones.
    """
    # Few conditions are told apart in a lock, and some of uv's take a millisecond each.
    conditions = {edge.condition for entry in lock.entries for edge in entry.edges}
    conditions |= {entry.condition for entry in lock.entries}
    holds = {one: _holds(one, environment, selection) for one in conditions}
    limits = [holds[entry.condition] for entry in lock.entries]
    edges = tuple(
        GraphEdge(
            parent=parent,
            child=child,
            extras=edge.extras,
            of_extra=edge.of_extra,
            marker=edge.condition.text,
            live=limits[parent] and limits[child] and holds[edge.condition],
        )
        for parent, child, edge in _pairs(lock)
    )
    roots = _roots(lock, edges, limits, environment, selection)
    nodes = tuple(
        GraphNode(
            project=entry.project,
            title=entry.title,
            live=limits[number],
            root=number in roots,
            extras=roots.get(number, frozenset()) | entry.extras,
        )
        for number, entry in enumerate(lock.entries)
    )
    graph = Graph(nodes=nodes, edges=edges)
    return _as_walked(graph) if lock.walked else graph


def why(graph: Graph, project: NormalizedName) -> tuple[tuple[int, ...], ...]:
    """A shortest chain from each root that leads to a project, through live nodes and edges alone.

    Chains are places in ``Graph.nodes``, the root first; the shortest chain comes first.
    """
    children = _children(graph)
    roots = [number for number, node in enumerate(graph.nodes) if node.root and node.live]
    chains = [chain for root in roots if (chain := _shortest(graph, children, root, project))]
    return tuple(sorted(chains, key=len))


def nearest(graph: Graph) -> dict[int, tuple[int, ...]]:
    """A shortest chain to each live node that a root leads to, from whichever root is nearest."""
    children = _children(graph)
    pending: deque[tuple[_State, tuple[int, ...]]] = deque(
        (state, (number,))
        for number, node in enumerate(graph.nodes)
        if node.root and node.live
        for state in _states(number, node.extras)
    )
    found: dict[int, tuple[int, ...]] = {}
    seen = {state for state, _ in pending}
    while pending:
        state, chain = pending.popleft()
        found.setdefault(state[0], chain)
        pending.extend(_following(graph, children, state, chain, seen))
    return found


def reasons(
    lock: Lock,
    environments: Sequence[tuple[str, Mapping[str, str] | None]],
    project: NormalizedName,
    selection: Selection,
) -> tuple[Reason, ...]:
    """Why a project is installed in each of these named environments, those alike together."""
    found: dict[tuple[object, ...], list[Reason]] = {}
    for name, environment in environments:
        graph = graph_of(lock, environment, selection)
        live = [edge for edge in graph.edges if edge.live]
        reason = Reason(
            names=(name,),
            graph=graph,
            chains=why(graph, project),
            askers=tuple(
                sorted(
                    {
                        edge.parent
                        for edge in live
                        if graph.nodes[edge.child].project == project
                        and graph.nodes[edge.parent].project != project
                    }
                )
            ),
            installed=tuple(
                number
                for number, node in enumerate(graph.nodes)
                if node.live and node.project == project
            ),
        )
        key = (reason.chains, reason.askers, reason.installed)
        found.setdefault(key, []).append(reason)
    return tuple(
        replace(alike[0], names=tuple(name for reason in alike for name in reason.names))
        for alike in found.values()
    )


def _pairs(lock: Lock) -> Iterable[tuple[int, int, Edge]]:
    places: dict[NormalizedName, list[int]] = {}
    for number, entry in enumerate(lock.entries):
        places.setdefault(entry.project, []).append(number)
    for parent, entry in enumerate(lock.entries):
        for edge in entry.edges:
            for child in places.get(edge.project, ()):
                if _means(edge, lock.entries[child]):
                    yield parent, child, edge


def _roots(
    lock: Lock,
    edges: Sequence[GraphEdge],
    limits: Sequence[bool],
    environment: Mapping[str, str] | None,
    selection: Selection,
) -> dict[int, frozenset[NormalizedName]]:
    """The places of roots, each with the extras that the user asks of it."""
    chosen = {option for option in selection if option.kind is OptionKind.EXTRA}
    found: dict[int, frozenset[NormalizedName]] = {
        number: frozenset(
            NormalizedName(option.name)
            for option in chosen
            if option.project in (None, entry.project)
        )
        for number, entry in enumerate(lock.entries)
        if entry.root
    }
    if found:
        return found
    for requirement in _asked(lock, environment):
        for number, entry in enumerate(lock.entries):
            if entry.project == requirement.project and limits[number]:
                found[number] = found.get(number, frozenset()) | requirement.extras
    # What a lock repeats of the user's wish may leave out its groups.
    wanted = {edge.child for edge in edges if edge.live and edge.parent != edge.child}
    for number in range(len(lock.entries)):
        if number not in wanted:
            found.setdefault(number, frozenset())
    return found


def _asked(lock: Lock, environment: Mapping[str, str] | None) -> Iterable[Requirement]:
    for text in lock.roots:
        try:
            requirement = parse_requirement(text)
        except ValueError:  # another tool's text: then only what nobody asks for is a root
            continue
        marker = requirement.marker
        if environment is None or marker is None or marker.holds({**environment, "extra": ""}):
            yield requirement


def _as_walked(graph: Graph) -> Graph:
    """Only what its roots lead to is installed, where a lock is walked."""
    children = _children(graph)
    pending = [
        state
        for number, node in enumerate(graph.nodes)
        if node.root and node.live
        for state in _states(number, node.extras)
    ]
    reached = set(pending)
    while pending:
        for edge in children.get(pending.pop(), ()):
            for state in _states(edge.child, edge.extras):
                if state not in reached:
                    reached.add(state)
                    pending.append(state)
    live = {number for number, _ in reached}
    return Graph(
        nodes=tuple(replace(node, live=place in live) for place, node in enumerate(graph.nodes)),
        edges=tuple(
            replace(edge, live=edge.live and (edge.parent, edge.of_extra) in reached)
            for edge in graph.edges
        ),
    )


def _states(number: int, extras: Iterable[NormalizedName]) -> list[_State]:
    return [(number, None), *((number, extra) for extra in sorted(extras))]


def _children(graph: Graph) -> dict[_State, list[GraphEdge]]:
    found: dict[_State, list[GraphEdge]] = {}
    for edge in graph.edges:
        if edge.live:
            found.setdefault((edge.parent, edge.of_extra), []).append(edge)
    return found


def _shortest(
    graph: Graph, children: Mapping[_State, list[GraphEdge]], root: int, project: NormalizedName
) -> tuple[int, ...]:
    states = _states(root, graph.nodes[root].extras)
    pending: deque[tuple[_State, tuple[int, ...]]] = deque((state, (root,)) for state in states)
    seen = set(states)
    while pending:
        state, chain = pending.popleft()
        if graph.nodes[state[0]].project == project:
            return chain
        pending.extend(_following(graph, children, state, chain, seen))
    return ()


def _following(
    graph: Graph,
    children: Mapping[_State, list[GraphEdge]],
    state: _State,
    chain: tuple[int, ...],
    seen: set[_State],
) -> Iterable[tuple[_State, tuple[int, ...]]]:
    """What was not seen yet and is asked for by a state, each with the chain to it."""
    for edge in children.get(state, ()):
        if not graph.nodes[edge.child].live:
            continue
        # A project that asks for an extra of its own is one link of the chain.
        longer = chain if edge.child == chain[-1] else (*chain, edge.child)
        for following in _states(edge.child, edge.extras):
            if following not in seen:
                seen.add(following)
                yield following, longer


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
