"""How a server fails: by its answer, by being busy, or by not being there."""

from __future__ import annotations

from trueup.model.errors import SourceError

__all__ = ["AnswerError", "BusyError", "UnreachableError"]


class AnswerError(SourceError):
    """The server answered, and its answer is an error: the address is bad, not the place."""


class BusyError(AnswerError):
    """The server kept answering that it cannot answer now: it says nothing of the address."""


class UnreachableError(SourceError):
    """There is no connection to the server, and no further request will look for one.

    ``server`` is its address (``https://index.test``).
    """

    server: str = ""

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"server": self.server})
