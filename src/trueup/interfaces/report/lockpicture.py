"""A lock as a picture: a page to look around in, and a drawing that stands by itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from trueup.interfaces.report.html import render_page
from trueup.interfaces.report.lockgraph import Box, layout
from trueup.interfaces.report.lockwords import short_targets
from trueup.interfaces.report.words import count
from trueup.judge.graph import Graph, graph_of, nearest
from trueup.model.condition import Selection
from trueup.model.lock import Lock, LockEntry
from trueup.model.requirement import parse_requirement

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["lock_html", "lock_svg"]

_CHARACTER = 7.3
"""Pixels of a character of a monospaced font of 12 pixels, rounded up."""
_PADDING = 20.0
_LONGEST = 44

Places = Sequence[tuple[str, Mapping[str, str] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """One package; ``places`` are the targets (by number) where it is installed."""

    number: int
    entry: LockEntry
    box: Box
    root: bool
    places: tuple[int, ...]
    where: str
    """Empty where it is installed everywhere."""
    wishes: tuple[str, ...]
    chains: tuple[tuple[str, tuple[str, ...]], ...]
    """Where, and the titles from a root to it."""
    wanted_by: int

    @property
    def label(self) -> str:
        title = self.entry.title
        return title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"

    @property
    def facts(self) -> tuple[str, ...]:
        """What is told of it on a glance."""
        entry = self.entry
        facts = [f"asked for as {wish}" for wish in self.wishes]
        if self.root and not facts:
            facts.append("asked for by no other package")
        facts += [f"installed in {self.where}"] if self.where else []
        facts += [f"where {entry.condition}"] if entry.condition.text else []
        return (*facts, *(file.filename for file in entry.files))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """One arrow: all that one package asks of another, and the targets where it does."""

    parent: int
    child: int
    label: str
    places: tuple[int, ...]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A lock, laid out."""

    path: str
    summary: str
    places: tuple[str, ...]
    width: float
    height: float
    nodes: tuple[_Node, ...]
    edges: tuple[_Edge, ...]


@dataclass(slots=True)
class _Seen:
    """What the graphs of all targets tell, gathered."""

    nodes: dict[int, set[int]] = field(default_factory=dict)
    edges: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    labels: dict[tuple[int, int], dict[str, None]] = field(default_factory=dict)
    chains: dict[int, dict[tuple[int, ...], list[int]]] = field(default_factory=dict)
    roots: set[int] = field(default_factory=set)


def lock_html(lock: Lock, places: Places) -> str:
    """One self-contained HTML page: the graph, and a table of packages with versions and reasons.

    ``places`` are the names of targets, each with values for all marker variables but `extra`.
    """
    from markupsafe import Markup

    style = "".join(map(_asset, ("report.css", "lockpicture.css", "lockpage.css")))
    script = _asset("lockpage.js")
    return render_page(
        "lockpage.html",
        picture=_picture(lock, places),
        page_style=Markup(style),  # noqa: S704 (our own files, no value from a lock)
        page_style_hash=_hash(style),
        page_script=Markup(script),  # noqa: S704
        page_script_hash=_hash(script),
    )


def lock_svg(lock: Lock, places: Places) -> str:
    """One drawing that follows the reader's choice of light or dark; titles tell more."""
    from markupsafe import Markup

    style = Markup(_asset("lockpicture.css"))  # noqa: S704
    return render_page("lockpicture.svg", picture=_picture(lock, places), page_style=style)


def _asset(name: str) -> str:
    return (files("trueup.interfaces.report") / "templates" / name).read_text("utf-8")


def _hash(text: str) -> Markup:
    from markupsafe import Markup

    digest = hashlib.sha256(text.encode()).digest()
    return Markup("'sha256-{}'").format(base64.b64encode(digest).decode())


def _picture(lock: Lock, places: Places) -> _Picture:
    seen = _gathered(lock, places)
    pairs = sorted(seen.edges)
    titles = [entry.title[:_LONGEST] for entry in lock.entries]
    drawn = layout([len(title) * _CHARACTER + _PADDING for title in titles], pairs)
    names = tuple(name for name, _ in places)
    asked_by: dict[int, set[int]] = {}
    for parent, child in pairs:
        if parent != child:
            asked_by.setdefault(child, set()).add(parent)
    nodes = tuple(
        _Node(
            number=number,
            entry=entry,
            box=drawn.boxes[number],
            root=number in seen.roots,
            places=tuple(sorted(seen.nodes.get(number, ()))),
            where=_where(seen.nodes.get(number, ()), names),
            wishes=tuple(_wishes(lock, entry)),
            chains=tuple(_chains(lock, seen.chains.get(number, {}), names)),
            wanted_by=len(asked_by.get(number, ())),
        )
        for number, entry in enumerate(lock.entries)
    )
    edges = tuple(
        _Edge(
            parent=parent,
            child=child,
            label=", ".join(seen.labels[parent, child]),
            places=tuple(sorted(seen.edges[parent, child])),
            path=path,
        )
        for (parent, child), path in zip(pairs, drawn.paths, strict=True)
    )
    return _Picture(
        path=lock.path,
        summary=_summary(lock, names, len(edges)),
        places=names if names != ("",) else (),
        width=drawn.width,
        height=drawn.height,
        nodes=nodes,
        edges=edges,
    )


def _gathered(lock: Lock, places: Places) -> _Seen:
    seen = _Seen()
    for selection in _selections(lock):
        if len(seen.nodes) == len(lock.entries) and selection != lock.default:
            break
        for place, (_, environment) in enumerate(places):
            _gather(seen, graph_of(lock, environment, selection), place)
    for parent, child in _silent(lock, seen):
        seen.edges[parent, child] = set()
    return seen


def _selections(lock: Lock) -> list[Selection]:
    """The default, all options together, then those that are left for what is still nowhere."""
    default, *others = lock.selections()
    return [default, *others[-1:], *others[:-1]]


def _gather(seen: _Seen, graph: Graph, place: int) -> None:
    for number, node in enumerate(graph.nodes):
        if node.live:
            seen.nodes.setdefault(number, set()).add(place)
            if node.root:
                seen.roots.add(number)
    for edge in graph.edges:
        if edge.live:
            pair = (edge.parent, edge.child)
            seen.edges.setdefault(pair, set()).add(place)
            node = graph.nodes[edge.child]
            extras = f"[{','.join(sorted(edge.extras))}]" if edge.extras else ""
            marker = f" ; {edge.marker}" if edge.marker else ""
            seen.labels.setdefault(pair, {})[f"{node.project}{extras}{marker}"] = None
    for number, chain in nearest(graph).items():
        told = seen.chains.setdefault(number, {})
        if not any(place in before for before in told.values()):
            told.setdefault(chain, []).append(place)


def _silent(lock: Lock, seen: _Seen) -> Iterator[tuple[int, int]]:
    """Edges that hold in no target; they are drawn, and grey in each."""
    for edge in graph_of(lock, None, frozenset()).edges:
        if (edge.parent, edge.child) not in seen.edges:
            label = f"{lock.entries[edge.child].project}{f' ; {edge.marker}' * bool(edge.marker)}"
            seen.labels.setdefault((edge.parent, edge.child), {})[label] = None
            yield edge.parent, edge.child


def _where(places: set[int] | tuple[()], names: Sequence[str]) -> str:
    if len(places) == len(names):
        return ""
    found = short_targets(names[place] for place in sorted(places))
    return ", ".join(found) or ("no environment" if names == ("",) else "no target")


def _wishes(lock: Lock, entry: LockEntry) -> Iterator[str]:
    for text in lock.roots:
        try:
            requirement = parse_requirement(text)
        except ValueError:
            continue
        if requirement.project == entry.project:
            yield str(requirement)


def _chains(
    lock: Lock, chains: Mapping[tuple[int, ...], Sequence[int]], names: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each chain with where it is the one; only one needs no place."""
    for chain, places in chains.items():
        where = _where(set(places), names) if len(chains) > 1 else ""
        yield where, tuple(lock.entries[number].project for number in chain)


def _summary(lock: Lock, names: Sequence[str], edges: int) -> str:
    text = f"{count(len(lock.entries), 'package')}, {count(edges, 'requirement')}"
    if names != ("",):
        text += f", for {', '.join(short_targets(names))}"
    return text
