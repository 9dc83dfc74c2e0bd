"""What can go wrong, as values: fields first, the sentence derived from them."""

from __future__ import annotations

from typing import Self

__all__ = [
    "ArchiveError",
    "LimitError",
    "NotFoundError",
    "PageError",
    "SourceError",
    "SpaceTooLargeError",
    "TrueupError",
    "UsageError",
]


class TrueupError(Exception):
    """Something could not be done.

    ``what`` says what happened, without a place and without a final period; ``found`` and
    ``expected`` are values; ``hint`` says what to do. The place (file, field, address) is added
    on the way up with :meth:`within`, outermost first.
    """

    def __init__(
        self,
        what: str,
        *,
        found: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
        place: tuple[str, ...] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.found = found
        self.expected = expected
        self.hint = hint
        self.place = place

    def within(self, place: str) -> Self:
        """Add an outer place; returns the same error, to be raised again."""
        if not self.place or self.place[0] != place:
            self.place = (place, *self.place)
        return self

    def __str__(self) -> str:
        parts = [*(f"`{place}`" for place in self.place), self.what]
        text = ": ".join(parts)
        if self.found is not None:
            text += f": found {self.found}"
        if self.expected is not None:
            text += f", expected {self.expected}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders, and keyword-only fields do not pickle by themselves.
        return (_rebuild, (type(self), self.what, self.found, self.expected, self.hint, self.place))


def _rebuild(
    cls: type[TrueupError],
    what: str,
    found: str | None,
    expected: str | None,
    hint: str | None,
    place: tuple[str, ...],
) -> TrueupError:
    return cls(what, found=found, expected=expected, hint=hint, place=place)


class UsageError(TrueupError):
    """The caller asked for something that makes no sense (exit code 2)."""


class SourceError(TrueupError):
    """A folder or an index could not answer."""


class NotFoundError(SourceError):
    """The project, the version or the file does not exist there."""


class PageError(SourceError):
    """An index page is not what the Simple API promises."""


class ArchiveError(TrueupError):
    """An sdist or a wheel is damaged, malformed or hostile."""


class LimitError(ArchiveError):
    """Reading on would cost more memory or time than a file may cost."""


class SpaceTooLargeError(TrueupError):
    """The environments of a release are too many to enumerate; ``variables`` are to blame."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        names = ", ".join(f"`{name}`" for name in variables)
        super().__init__(f"space too large: too many values of {names}")
        self.variables = variables

    def __reduce__(self) -> tuple[object, ...]:
        return SpaceTooLargeError, (self.variables,)
