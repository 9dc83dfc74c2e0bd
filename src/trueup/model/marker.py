"""Environment markers, taken apart into atoms that `packaging` evaluates.

`packaging` has no public access to a marker's structure, but its text form is canonical, so the
structure is read back from there; every comparison is left to `packaging` itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from packaging.markers import Marker as PackagingMarker

__all__ = ["MARKER_VARIABLES", "And", "Atom", "Marker", "Or", "parse_marker"]

MARKER_VARIABLES = frozenset(
    {
        "python_version", "python_full_version", "implementation_name", "implementation_version",
        "platform_python_implementation", "sys_platform", "platform_system", "os_name",
        "platform_machine", "platform_release", "platform_version", "extra",
    }
)  # fmt: skip
"""The variables of the dependency specifiers standard, "Environment markers"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """One comparison; ``variable`` is the environment variable, ``constant`` the other side."""

    variable: str
    operator: str
    constant: str
    text: str

    def holds(self, value: str) -> bool:
        """Whether the comparison holds where the variable has this value."""
        return _holds(self.text, self.variable, value)


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


Node = Atom | And | Or


@dataclass(frozen=True)
class Marker:
    """A parsed marker; equal where the canonical text is equal."""

    text: str

    @cached_property
    def tree(self) -> Node:
        return _parse_tree(self.text)

    def atoms(self) -> Iterator[Atom]:
        """Every comparison in it, repeated ones repeatedly."""
        stack: list[Node] = [self.tree]
        while stack:
            node = stack.pop()
            if isinstance(node, Atom):
                yield node
            else:
                stack.extend(node.parts)

    def holds(self, environment: Mapping[str, str]) -> bool:
        """Whether it holds where the variables have these values (`extra` included)."""

        def holds(node: Node) -> bool:
            if isinstance(node, Atom):
                return node.holds(environment[node.variable])
            results = (holds(part) for part in node.parts)
            return all(results) if isinstance(node, And) else any(results)

        return holds(self.tree)

    @cached_property
    def extras(self) -> frozenset[str]:
        """The extra names that it tests, normalised."""
        return frozenset(atom.constant for atom in self.atoms() if atom.variable == "extra")

    def __str__(self) -> str:
        return self.text


def parse_marker(marker: PackagingMarker) -> Marker:
    """Take a marker apart.

    Raises ValueError if it uses a variable that core metadata does not have, or a comparison that
    `packaging` cannot evaluate: such a requirement is unreadable, never guessed.
    """
    return _interned_marker(str(marker))


@lru_cache(maxsize=16384)
def _interned_marker(text: str) -> Marker:
    marker = Marker(text)
    for atom in marker.atoms():
        if atom.variable not in MARKER_VARIABLES:
            raise ValueError(f"core metadata has no marker variable `{atom.variable}`")
        if atom.variable == "extra" and atom.operator not in ("==", "!="):
            raise ValueError(f"`extra` can only be equal or not: `{atom.text}`")
        # Once as a version and once as none: `packaging` refuses some comparisons only then.
        for probe in ("0", "none of these"):
            atom.holds(probe)
    return marker


@lru_cache(maxsize=262144)
def _holds(text: str, variable: str, value: str) -> bool:
    return _packaging_marker(text).evaluate({variable: value})


@lru_cache(maxsize=16384)
def _packaging_marker(text: str) -> PackagingMarker:
    return PackagingMarker(text)


_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>and|or)\b
    |(?P<atom>(?P<lhs>"[^"]*"|'[^']*'|\w+)\s*
      (?P<op>===|==|~=|!=|<=|>=|<|>|not\s+in\b|in\b)\s*
      (?P<rhs>"[^"]*"|'[^']*'|\w+)))""",
    re.VERBOSE,
)


def _parse_tree(text: str) -> Node:
    tokens: list[str | Atom] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"cannot take the marker `{text}` apart at column {position + 1}")
        position = match.end()
        tokens.append(_atom(match) if match["atom"] else match[0].strip())
    # An explicit stack, because nesting comes from files that nobody has vetted.
    stack: list[list[str | Node]] = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            group = stack.pop()
            stack[-1].append(_combine(group))
        else:
            stack[-1].append(token)
    return _combine(stack[0])


def _combine(items: list[str | Node]) -> Node:
    alternatives: list[list[Node]] = [[]]
    for item in items:
        if item == "or":
            alternatives.append([])
        elif not isinstance(item, str):
            alternatives[-1].append(item)
    nodes = [group[0] if len(group) == 1 else And(tuple(group)) for group in alternatives]
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))


def _atom(match: re.Match[str]) -> Atom:
    lhs, rhs = match["lhs"], match["rhs"]
    variable, constant = (rhs, lhs) if lhs[0] in "\"'" else (lhs, rhs)
    if variable[0] in "\"'":
        raise ValueError(f"`{match['atom']}` compares two constants")
    return Atom(
        variable=variable,
        operator=" ".join(match["op"].split()),
        constant=constant[1:-1],
        text=match["atom"],
    )
