"""An extra taken out of markers."""

from __future__ import annotations

from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.marker import And, Atom, Node, Or

__all__ = ["marker_text", "without_extra"]


def without_extra(node: Node, extra: NormalizedName) -> Node | bool:
    """A marker where this extra is never asked for: what is left, or whether it holds anyway."""
    if isinstance(node, Atom):
        if node.variable != "extra" or canonicalize_name(node.constant) != extra:
            return node
        return node.operator == "!="
    neutral = isinstance(node, And)
    parts: list[Node] = []
    for part in node.parts:
        left = without_extra(part, extra)
        if left is (not neutral):
            return left
        if not isinstance(left, bool):
            parts.append(left)
    if not parts:
        return neutral
    if len(parts) == 1:
        return parts[0]
    return And(tuple(parts)) if neutral else Or(tuple(parts))


def marker_text(node: Node | bool) -> str | None:
    """A marker's text; None for one that always holds."""
    if isinstance(node, bool):
        return None
    if isinstance(node, Atom):
        return node.text
    texts = [
        f"({marker_text(part)})" if isinstance(part, Or) else str(marker_text(part))
        for part in node.parts
    ]
    return (" and " if isinstance(node, And) else " or ").join(texts)
