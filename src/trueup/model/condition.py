"""When a lock installs something: a marker that may also ask which extras and groups are chosen.

PEP 751, "packages.marker": `'cpu' in extras` and `'dev' in dependency_groups`. Other tools' ways of
saying the same (uv's `extra == 'extra-8-invokeai-cpu'`) are rewritten to this when they are read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from packaging.markers import InvalidMarker
from packaging.markers import Marker as PackagingMarker
from packaging.utils import NormalizedName, canonicalize_name

from .marker import MARKER_VARIABLES, And, Atom, Marker, Node, Or, parse_marker

__all__ = ["ALWAYS", "Condition", "Option", "OptionKind", "Selection", "parse_condition"]


class OptionKind(StrEnum):
    EXTRA = "extra"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that a user of a lock can ask for besides the project itself.

    ``project`` is the workspace member whose extra or group it is; None where the lock has only one
    set of them, as `pylock.toml` does.
    """

    kind: OptionKind
    name: str
    project: NormalizedName | None = None

    def __str__(self) -> str:
        of = f" of {self.project}" if self.project else ""
        return f"{self.kind} `{self.name}`{of}"

    @property
    def sort_key(self) -> tuple[str, str, str]:
        return self.kind.value, self.project or "", self.name


Selection = frozenset[Option]
"""The options that are chosen together."""

_VARIABLES = {"extras": OptionKind.EXTRA, "dependency_groups": OptionKind.GROUP}


@dataclass(frozen=True)
class Condition:
    """A marker over environments and options; ``text`` is as PEP 751 writes it.

    In ``text`` an option of a workspace member is written ``'member:name' in extras``.
    """

    text: str

    @property
    def options(self) -> frozenset[Option]:
        """The options that it asks about."""
        return frozenset(
            _option(atom) for atom in self._marker.atoms() if atom.variable in _VARIABLES
        )

    @property
    def _marker(self) -> Marker:
        return Marker(self.text)

    def under(self, selection: Selection) -> Marker | bool:
        """What is left of it when these options, and no others, are chosen.

        True and False where no environment is asked about any more.
        """
        return _under(self, selection & self.options if self.text else frozenset())

    def __str__(self) -> str:
        return self.text


ALWAYS = Condition("")
"""The condition that holds everywhere, whatever is chosen."""


@lru_cache(maxsize=65536)
def parse_condition(text: str) -> Condition:
    """Parse the marker of a lock entry (an empty one holds always).

    Raises ValueError, with the reason in one line, if it cannot be read or evaluated.
    """
    if not text.strip():
        return ALWAYS
    try:
        condition = Condition(str(PackagingMarker(text)))
    except InvalidMarker as error:
        raise ValueError(str(error).splitlines()[0]) from error
    for atom in Marker(condition.text).atoms():
        if atom.variable in _VARIABLES:
            if atom.operator not in ("in", "not in"):
                raise ValueError(f"`{atom.variable}` is a set: `{atom.text}` needs `in`")
        elif atom.variable not in MARKER_VARIABLES - {"extra"}:
            raise ValueError(f"the marker variable `{atom.variable}` means nothing here")
        else:
            parse_marker(PackagingMarker(atom.text))
    return condition


@lru_cache(maxsize=262144)
def _under(condition: Condition, chosen: Selection) -> Marker | bool:
    if not condition.text:
        return True
    tree = _settled(Marker(condition.text).tree, chosen)
    if isinstance(tree, bool):
        return tree
    return parse_marker(PackagingMarker(_written(tree)))


def _settled(node: Node, chosen: Collection[Option]) -> Node | bool:
    if isinstance(node, Atom):
        if node.variable not in _VARIABLES:
            return node
        return (_option(node) in chosen) is (node.operator == "in")
    conjunction = isinstance(node, And)
    parts: list[Node] = []
    for part in node.parts:
        settled = _settled(part, chosen)
        if isinstance(settled, bool):
            if settled is not conjunction:
                return settled
        else:
            parts.append(settled)
    if not parts:
        return conjunction
    if len(parts) == 1:
        return parts[0]
    return And(tuple(parts)) if conjunction else Or(tuple(parts))


def _written(node: Node) -> str:
    if isinstance(node, Atom):
        return node.text
    if isinstance(node, Or):
        return " or ".join(_written(part) for part in node.parts)
    return " and ".join(
        f"({_written(part)})" if isinstance(part, Or) else _written(part) for part in node.parts
    )


def _option(atom: Atom) -> Option:
    kind = _VARIABLES[atom.variable]
    project, colon, name = atom.constant.rpartition(":")
    return Option(
        kind=kind,
        name=canonicalize_name(name),
        project=canonicalize_name(project) if colon else None,
    )
