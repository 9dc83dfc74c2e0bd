"""The merged list as text ready to paste into a `pyproject.toml`."""

from __future__ import annotations

import re

from trueup.judge.workaround import toml_list, toml_string
from trueup.model.finding import Merged
from trueup.model.marker import And, Atom, Node, Or
from trueup.model.requirement import Requirement, parse_requirement

__all__ = ["pyproject"]


def pyproject(merged: Merged) -> str:
    """The merged metadata as the ``[project]`` table's keys (PEP 621).

    Requirements under a marker on ``extra`` go to ``[project.optional-dependencies]`` without it.
    The result is TOML and parses as such whatever the values hold.
    """
    base: list[str] = []
    extras: dict[str, list[str]] = {extra: [] for extra in merged.provides_extra}
    for line in merged.requires_dist:
        _sort_in(line, base, extras)
    lines = ["[project]"]
    if merged.requires_python is not None:
        lines.append(f"requires-python = {toml_string(merged.requires_python)}")
    lines.append(f"dependencies = {toml_list(base)}")
    if extras:
        lines += ["", "[project.optional-dependencies]"]
        for extra, items in extras.items():
            lines.append(f"{_key(extra)} = {toml_list(items)}")
    return "\n".join(lines) + "\n"


def _sort_in(line: str, base: list[str], extras: dict[str, list[str]]) -> None:
    try:
        requirement = parse_requirement(line)
    except ValueError:
        # Not ours to judge here: shown as it is, so that nothing is lost.
        base.append(line)
        return
    always = _under(requirement, None)
    if always is not None:
        base.append(always)
    # An extra that a marker names is offered even where no `Provides-Extra` line says so.
    named = requirement.marker.extras if requirement.marker else ()
    for extra in dict.fromkeys((*extras, *sorted(named))):
        within = _under(requirement, extra)
        if within is not None and within != always:
            extras.setdefault(extra, []).append(within)


def _under(requirement: Requirement, extra: str | None) -> str | None:
    """The requirement where this extra (None: no extra) is asked for; None if it is not live."""
    if requirement.marker is None:
        return requirement.bare
    rest = _without_extra(requirement.marker.tree, extra or "")
    if isinstance(rest, bool):
        return requirement.bare if rest else None
    return requirement.with_marker(_text(rest))


def _without_extra(node: Node, extra: str) -> Node | bool:
    """The marker with its tests of ``extra`` decided: what remains, or its truth."""
    if isinstance(node, Atom):
        return node.holds(extra) if node.variable == "extra" else node
    absorbing = isinstance(node, Or)
    kept: list[Node] = []
    for part in node.parts:
        rest = _without_extra(part, extra)
        if isinstance(rest, bool):
            if rest is absorbing:
                return absorbing
        else:
            kept.append(rest)
    if not kept:
        return not absorbing
    if len(kept) == 1:
        return kept[0]
    return Or(tuple(kept)) if absorbing else And(tuple(kept))


def _text(node: Node) -> str:
    if isinstance(node, Atom):
        return node.text
    if isinstance(node, Or):
        return " or ".join(_text(part) for part in node.parts)
    return " and ".join(
        f"({_text(part)})" if isinstance(part, Or) else _text(part) for part in node.parts
    )


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else toml_string(text)
