"""Copies of one library for people: the groups worth a look, and a line for each copy."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.interfaces.report.nativewords import brief_path, bytes_text
from trueup.interfaces.report.words import natural, printable, shorten
from trueup.model.nativereport import Copy, Degree, Duplicate

__all__ = ["copy_rows", "told_groups"]

_SUREST = list(Degree)


def told_groups(groups: Sequence[Duplicate]) -> list[tuple[Duplicate, list[Duplicate]]]:
    """The groups that lie within no other, most wasteful first, each with those within it.

    Of groups with the same copies the surest degree stands for all.
    """
    members: dict[frozenset[tuple[str, str]], Duplicate] = {}
    for group in sorted(groups, key=lambda group: _SUREST.index(group.degree)):
        members.setdefault(_members(group), group)
    told = [
        (group, [small for less, small in members.items() if less < own])
        for own, group in members.items()
        if not any(own < other for other in members)
    ]
    for _, within in told:
        within.sort(key=lambda group: -group.wasted)
    told.sort(key=lambda one: (-one[0].wasted, natural(one[0].library)))
    return told


def _members(group: Duplicate) -> frozenset[tuple[str, str]]:
    return frozenset((copy.filename, copy.path) for copy in group.copies)


def copy_rows(group: Duplicate, *, whole: bool) -> list[tuple[str, ...]]:
    """(Whose, size, path) of each copy; the same file in many wheels of a release is one row.

    ``whole`` gives each copy a row, with the file name of its wheel.
    """
    if whole:
        return [
            (printable(copy.filename), bytes_text(copy.size), printable(copy.path))
            for copy in group.copies
        ]
    alike: dict[tuple[str, str, str, int], list[Copy]] = {}
    for copy in group.copies:
        key = (copy.project, copy.version, copy.path, copy.size)
        alike.setdefault(key, []).append(copy)
    return [
        (
            printable(_whose(copies)),
            bytes_text(copies[0].size),
            printable(brief_path(copies[0].path)),
        )
        for _, copies in sorted(alike.items(), key=lambda item: tuple(map(natural, item[0][:3])))
    ]


def _whose(copies: Sequence[Copy]) -> str:
    names = {copy.filename for copy in copies}
    label = f"{copies[0].project} {copies[0].version}"
    if len(names) > 1:
        return f"{label}, {shorten(names)}"
    return label
