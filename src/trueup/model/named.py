"""What a requirements file or a lock names: releases, and what is no release of an index."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.utils import NormalizedName
from packaging.version import Version

__all__ = ["LeftOut", "NamedRelease", "NamedReleases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRelease:
    """One release that a file names.

    ``index`` is the address that the file gives for it, None where it leaves that to the user's
    configuration; ``origin`` is the place in the file, ``requirements.txt:12``.
    """

    project: NormalizedName
    version: Version
    origin: str
    index: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An entry that names no release, as it stands in the file, and why it is none."""

    what: str
    reason: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedReleases:
    """Everything that one file names, each release once, in the order of the file.

    ``extra_indexes`` are addresses that the file adds to whatever index is searched first.
    """

    releases: tuple[NamedRelease, ...]
    left_out: tuple[LeftOut, ...] = ()
    extra_indexes: tuple[str, ...] = ()
