"""Metadata that many wheels of a release share is parsed once."""

from __future__ import annotations

from functools import lru_cache

from trueup.model.metadata import Metadata, Unreadable, parse_metadata

__all__ = ["parse_shared"]

_LARGE = 64 * 1024
"""Bytes: what is larger is rare, and would fill the memory."""


def parse_shared(data: bytes) -> Metadata | Unreadable:
    """What :func:`~trueup.model.metadata.parse_metadata` gives; for equal bytes the same object."""
    return parse_metadata(data) if len(data) > _LARGE else _parsed(data)


_parsed = lru_cache(maxsize=512)(parse_metadata)
