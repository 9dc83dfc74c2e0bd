"""What `trueup lock --why` and `trueup lock --graph` show of a lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from trueup.interfaces.report.lockwords import short_targets
from trueup.interfaces.report.words import count, listed, printable
from trueup.judge.graph import Graph, Reason, reasons
from trueup.model.condition import Selection
from trueup.model.errors import TrueupError, UsageError
from trueup.model.grid import environment_of
from trueup.model.lock import Lock, LockEntry, PlaceKind
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.output import write_atomically
from trueup.sources.url import redact

__all__ = ["environments", "show_graph", "show_why"]

_LISTED_ASKERS = 8
_LONGEST_MARKER = 100
"""Characters; uv writes markers of thousands, which tell nothing on a terminal."""


def environments(lock: Lock) -> tuple[tuple[str, Mapping[str, str] | None], ...]:
    """The targets that a lock records, each with values for all marker variables but `extra`.

    A lock that records none has one environment without a name and without values. Raises
    UsageError for what is no target.
    """
    try:
        targets = [target for text in lock.targets for target in parse_targets(text)]
    except TrueupError as error:
        raise error.within("targets").within(lock.path) from error
    return tuple((str(target), environment_of(target)) for target in targets) or (("", None),)


def show_why(lock: Lock, package: str) -> str:
    """Why a package is in a lock: a chain from each root that leads to it, per target.

    Raises UsageError if it is not in the lock.
    """
    project = canonicalize_name(package)
    names = sorted({entry.project for entry in lock.entries})
    if project not in names:
        close = get_close_matches(project, names, 3, 0.6)
        raise UsageError(
            f"`{printable(package)}` is not in the lock",
            hint=f"it has {' and '.join(f'`{name}`' for name in close)}" if close else None,
            place=(lock.path,),
        )
    selection, found = _found(lock, project)
    lines = [*_head(lock, project, selection)]
    for reason in found:
        lines.append("")
        if len(found) > 1:
            lines.append(f"{', '.join(short_targets(reason.names))}:")
        elif reason.names != ("",):
            lines.append(f"in all {count(len(reason.names), 'target')}:")
        lines += [f"  {line}" for line in _reason(lock, reason)]
    return "\n".join(printable(line) for line in lines) + "\n"


def show_graph(lock: Lock, path: Path) -> None:
    """Write the graph of a lock as one page (`.html`) or one drawing (`.svg`), all or nothing.

    Raises UsageError for another suffix, SourceError if the file cannot be written.
    """
    # Imported here, because only pictures need it and starting must stay quick.
    from trueup.interfaces.report.lockpicture import lock_html, lock_svg

    renderers = {".html": lock_html, ".svg": lock_svg}
    render = renderers.get(path.suffix.lower())
    if render is None:
        raise UsageError(
            "a graph is a page or a drawing",
            found=f"`{path.suffix}`" if path.suffix else "no suffix",
            expected="`.html` or `.svg`",
            place=(str(path),),
        )
    write_atomically(path, render(lock, environments(lock)))


def _found(lock: Lock, project: NormalizedName) -> tuple[Selection, tuple[Reason, ...]]:
    """The reasons under the first selection that installs the project anywhere."""
    places = environments(lock)
    first = None
    for selection in lock.selections():
        found = reasons(lock, places, project, selection)
        if any(reason.installed for reason in found):
            return selection, found
        first = first or (selection, found)
    assert first is not None  # a lock has its default selection at least
    return first


def _source(entry: LockEntry) -> str:
    """What an installer takes: files, a commit, a folder."""
    place = entry.place
    if place.kind is PlaceKind.VCS and place.revision is not None:
        return f"commit {place.revision} of `{redact(place.location or '')}`"
    if place.kind is PlaceKind.DIRECTORY:
        return f"the folder `{place.location}`"
    return count(len(entry.files), "file")


def _head(lock: Lock, project: NormalizedName, selection: Selection) -> Iterator[str]:
    for entry in lock.entries:
        if entry.project == project:
            where = f", where `{_short(entry.condition.text)}`" if entry.condition.text else ""
            yield f"{entry.title}: {_source(entry)}{where}"
    chosen = sorted(selection - lock.default, key=lambda option: option.sort_key)
    if chosen:
        yield f"installed only with {', '.join(map(str, chosen))}"


def _reason(lock: Lock, reason: Reason) -> Iterator[str]:
    if not reason.installed:
        yield "not installed"
        return
    if not reason.chains:
        yield "the lock does not say who asks for it"
    for chain in reason.chains:
        yield from _tree(lock, reason.graph, chain)
    told = {chain[-2] for chain in reason.chains if len(chain) > 1}
    others = [reason.graph.nodes[number].title for number in reason.askers if number not in told]
    if others:
        yield f"also asked for by {listed(others, _LISTED_ASKERS)}"


def _tree(lock: Lock, graph: Graph, chain: Sequence[int]) -> Iterator[str]:
    root = graph.nodes[chain[0]]
    yield f"{root.title}{_wish(lock, root.project)}"
    for depth, (parent, child) in enumerate(pairwise(chain)):
        edges = [e for e in graph.edges if e.live and (e.parent, e.child) == (parent, child)]
        node = graph.nodes[child]
        extras = f"[{','.join(sorted(edges[0].extras))}]" if edges[0].extras else ""
        marker = f" ; {_short(edges[0].marker)}" if edges[0].marker else ""
        version = node.title.removeprefix(node.project)
        yield f"{'   ' * depth}└─ {node.project}{extras}{version}{marker}"


def _short(marker: str) -> str:
    return marker if len(marker) <= _LONGEST_MARKER else f"{marker[: _LONGEST_MARKER - 1]}…"


def _wish(lock: Lock, project: NormalizedName) -> str:
    """What the user asked for of a root, where that is more than its name."""
    found = []
    for text in lock.roots:
        try:
            requirement = parse_requirement(text)
        except ValueError:
            continue
        if requirement.project == project and str(requirement) != project:
            found.append(f"`{requirement}`")
    return f" (asked for: {', '.join(found)})" if found else ""
