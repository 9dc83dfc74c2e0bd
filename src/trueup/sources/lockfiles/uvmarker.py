"""How uv writes conflicting extras and groups into markers, decoded.

uv gives an extra of a workspace member a name of its own in `extra`: `extra-8-invokeai-cpu` is the
extra `cpu` of `invokeai`, whose name has 8 letters; `group-8-invokeai-dev` is a group of it, and
`project-8-invokeai` the member itself. The length is needed because names may contain hyphens.
"""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.utils import NormalizedName

from trueup.model.condition import Condition, Option, OptionKind, parse_condition

__all__ = ["decoded", "in_option", "parse_uv_marker"]

_ATOM = re.compile(r"""\bextra\s*(==|!=)\s*(['"])(extra|group|project)-(\d{1,9})-([^'"]+)\2""")
_VARIABLES = {OptionKind.EXTRA: "extras", OptionKind.GROUP: "dependency_groups"}
# Every member is a root of the lock, so that asking for it is asking nothing.
_ALWAYS = {"==": "python_full_version >= '0'", "!=": "python_full_version < '0'"}


def in_option(option: Option, operator: str = "in") -> str:
    """The comparison that asks for an option, as PEP 751 writes it."""
    name = f"{option.project}:{option.name}" if option.project else option.name
    return f"'{name}' {operator} {_VARIABLES[option.kind]}"


@lru_cache(maxsize=65536)
def decoded(text: str, *, several: bool) -> str:
    """A marker of uv's with `'cpu' in extras` for `extra == 'extra-8-invokeai-cpu'`.

    ``several`` members have options, so that these are written `'invokeai:cpu' in extras`. A name
    whose length is not the one that it tells stays as it is.
    """
    return _ATOM.sub(lambda match: _atom(match, several), text)


def _atom(match: re.Match[str], several: bool) -> str:
    operator, _, kind, length, rest = match.groups()
    project, tail = rest[: int(length)], rest[int(length) :]
    if kind == "project":
        return match[0] if tail or len(project) != int(length) else _ALWAYS[operator]
    if not tail.startswith("-") or len(tail) < 2:
        return match[0]
    option = Option(
        kind=OptionKind(kind),
        name=tail[1:],
        project=NormalizedName(project) if several else None,
    )
    return in_option(option, "in" if operator == "==" else "not in")


def parse_uv_marker(text: str, *, several: bool) -> Condition:
    """The condition of an edge or entry; ValueError, with the reason, if it cannot be read."""
    return parse_condition(decoded(text, several=several))
