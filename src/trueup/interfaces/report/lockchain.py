"""Why a package is in a lock, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trueup.interfaces.report.lockwords import short_targets
from trueup.interfaces.report.page import join_blocks
from trueup.interfaces.report.words import printable
from trueup.model.lockreport import ChainLink

__all__ = ["render_chains"]


def render_chains(package: str, chains: Mapping[str, Sequence[ChainLink]]) -> str:
    """The way from a root to a package for each target; targets of the same way together."""
    ways: dict[tuple[tuple[str, str], ...], tuple[Sequence[ChainLink], list[str]]] = {}
    for target, links in chains.items():
        # The files differ from target to target; the way is what is asked by whom.
        key = tuple((link.parent, link.requirement) for link in links)
        ways.setdefault(key, (links, []))[1].append(target)
    blocks = [_way(package, links, targets) for links, targets in ways.values()]
    return "\n".join(join_blocks(blocks)) + "\n"


def _way(package: str, links: Sequence[ChainLink], targets: Iterable[str]) -> list[str]:
    lines = [f"{package} is asked for {'on' if links else 'by nothing on'}"]
    lines += [f"  {text}" for text in short_targets(targets)]
    for depth, link in enumerate(links):
        file = f"   ({printable(link.file)})" if link.file is not None else ""
        lines.append(f"{'  ' * (depth + 1)}{printable(link.parent)}{file}")
        lines.append(f"{'  ' * (depth + 2)}asks for `{printable(link.requirement)}`")
    return lines
