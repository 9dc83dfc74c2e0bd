"""What goes wrong with what an index keeps."""

from __future__ import annotations

from trueup.model.errors import SourceError

__all__ = ["ChangedError", "StoreError", "UnreadError"]


class StoreError(SourceError):
    """The database or the blobs do not answer, or take nothing more; later they may."""


class ChangedError(StoreError):
    """Something is not any more as it was when it was looked at: look again."""


class UnreadError(StoreError):
    """One file that is there cannot be read, as on a bad disk; others may."""
