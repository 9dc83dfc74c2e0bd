"""Long lists, a sheet at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

__all__ = ["Sheet", "sheet_of"]

_LAST = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Which part of a list is shown; ``number`` counts from 1, ``path`` is the address without it."""

    number: int
    size: int
    path: str
    rest: tuple[tuple[str, str], ...] = ()
    total: int = 0

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    @property
    def count(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def before(self) -> str | None:
        return self._address(self.number - 1) if self.number > 1 else None

    @property
    def after(self) -> str | None:
        return self._address(self.number + 1) if self.number < self.count else None

    def of(self, total: int) -> Sheet:
        """The same part of a list of so many; the last one if there are not that many."""
        found = replace(self, total=total)
        return replace(found, number=min(found.number, found.count))

    def cut(self, items: Sequence[T]) -> Sequence[T]:
        """The part of a list that is shown."""
        return items[self.offset : self.offset + self.size]

    def _address(self, number: int) -> str:
        return f"{self.path}?{urlencode([*self.rest, ('page', number)])}"


def sheet_of(request: Request, *, size: int) -> Sheet:
    """The part that an address asks for, with ``?page=``; the first one if that is no number."""
    text = request.query_params.get("page", "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    rest = tuple(
        (name, value) for name, value in request.query_params.items() if name != "page" and value
    )
    return Sheet(number=min(max(number, 1), _LAST), size=size, path=request.url.path, rest=rest[:8])
