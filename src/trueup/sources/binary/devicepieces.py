"""What a section with device code consists of, piece by piece, to the last byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from trueup.model.library import GpuKind

__all__ = ["UNREADABLE", "Piece", "between"]

UNREADABLE = "unreadable"
"""The target of bytes that belong to nothing that was understood."""

_ANYTHING = re.compile(rb"[^\0]")


class Piece(NamedTuple):
    """Bytes that follow those of the piece before.

    ``target`` is None for what is no code: headers, tables and padding. Codes of one ``module``
    are alternatives to each other; each UNREAD piece stands alone.
    """

    size: int
    target: str | None = None
    kind: GpuKind = GpuKind.UNREAD
    module: int = 0


def between(data: memoryview, start: int, end: int) -> Iterator[Piece]:
    """What lies between two things that were understood: padding, or something unreadable."""
    if start < end:
        filled = _ANYTHING.search(data, start, end) is not None
        yield Piece(end - start, UNREADABLE if filled else None)
