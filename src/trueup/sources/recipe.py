"""A new file as pieces of an old one and a few bytes of its own.

A recipe is a value: small, kept or sent without the file, and rendered by whoever has the original,
now into a new wheel or later by an index that answers a download.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from trueup.model.errors import ArchiveError

__all__ = ["Literal", "Range", "Recipe", "Scratch", "Segment", "joined"]

CHUNK = 1024 * 1024
"""Bytes that are in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """Bytes that the recipe itself holds."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The bytes of the original from ``start`` to before ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """All ``size`` bytes of another file, which must stay until the recipe is rendered."""

    path: Path
    size: int


Segment = Literal | Range | Scratch


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The segments of a new file, in order; the same recipe gives the same bytes, always."""

    segments: tuple[Segment, ...]

    @cached_property
    def size(self) -> int:
        """Bytes of the new file."""
        return sum(segment.size for segment in self.segments)

    @property
    def literal_size(self) -> int:
        """Bytes that the recipe itself holds."""
        return sum(item.size for item in self.segments if isinstance(item, Literal))

    def render(self, original: BinaryIO) -> Iterator[bytes]:
        """The new file in chunks of at most a mebibyte; ``original`` must be seekable.

        Raises ArchiveError if the original ends before a range does.
        """
        for segment in self.segments:
            match segment:
                case Literal():
                    yield segment.data
                case Range():
                    original.seek(segment.start)
                    yield from _chunks(original, segment.size)
                case Scratch():
                    with segment.path.open("rb") as file:
                        yield from _chunks(file, segment.size)


def _chunks(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left:
        chunk = file.read(min(left, CHUNK))
        if not chunk:
            raise ArchiveError("is cut off: it stops before its end")
        left -= len(chunk)
        yield chunk


def joined(segments: Iterable[Segment]) -> Recipe:
    """The recipe of these segments: neighbours become one, empty ones go."""
    found: list[Segment] = []
    for segment in segments:
        last = found[-1] if found else None
        if not segment.size:
            continue
        if isinstance(segment, Range) and isinstance(last, Range) and last.end == segment.start:
            found[-1] = Range(start=last.start, end=segment.end)
        elif isinstance(segment, Literal) and isinstance(last, Literal):
            found[-1] = Literal(data=last.data + segment.data)
        else:
            found.append(segment)
    return Recipe(segments=tuple(found))
