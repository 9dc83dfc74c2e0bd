"""What an index does not accept, with the HTTP status that says so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from trueup.model.errors import TrueupError

__all__ = ["ForbiddenError", "HeldError", "RefusedError", "ThereError", "TooLargeError"]


class RefusedError(TrueupError):
    """An upload or a publication that is not accepted; ``status`` is the HTTP status, ``headers``
    are sent with it.
    """

    status = 400
    headers: Mapping[str, str] = MappingProxyType({})


class ForbiddenError(RefusedError):
    """Not for whoever asks."""

    status = 403


class ThereError(RefusedError):
    """The same file is there already; clients may skip it."""

    status = 409


class TooLargeError(RefusedError):
    """More than the index takes."""

    status = 413


class HeldError(RefusedError):
    """A publishing session has the name, or the release; 409 would be taken for "is there"."""

    status = 423
