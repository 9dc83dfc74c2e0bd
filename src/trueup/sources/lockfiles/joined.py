"""Entries that pin alike are one entry, installed where any of them is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trueup.model.condition import ALWAYS, parse_condition
from trueup.model.lock import LockEntry

__all__ = ["joined"]


def joined(entries: Iterable[LockEntry]) -> tuple[LockEntry, ...]:
    """The entries, those of one project, version and place together in the place of the first.

    Pipenv repeats in a category what another category has, and a requirements file may repeat a
    line; both install it once.
    """
    found: dict[object, LockEntry] = {}
    for entry in entries:
        key = (entry.project, entry.version, entry.place)
        known = found.get(key)
        found[key] = entry if known is None else _join(known, entry)
    return tuple(found.values())


def _join(first: LockEntry, second: LockEntry) -> LockEntry:
    one, other = first.condition.text, second.condition.text
    condition = parse_condition(f"({one}) or ({other})") if one and other else ALWAYS
    return replace(
        first,
        condition=first.condition if one == other else condition,
        digests=first.digests | second.digests,
        extras=first.extras | second.extras,
    )
