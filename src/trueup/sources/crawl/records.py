"""What a crawl knows of projects, and the rows it makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from packaging.utils import NormalizedName

from trueup.sources.crawl.texts import Text

__all__ = ["CrawledRow", "Known", "Outcome", "ProjectRows", "Settled", "Tally", "Written"]


class Outcome:
    """What became of a project."""

    READ = "read"
    SAME = "as it was"
    GONE = "gone"
    UNREAD = "unread"


class CrawledRow(msgspec.Struct, array_like=True, gc=False):
    """One file; see FileRow. ``text`` is the place of its metadata among those of the project, -1
    for none; ``sha256`` and ``metadata_sha256`` in hexadecimal, ``uploaded`` as its page writes it.
    """

    filename: str
    kind: str
    version: str
    source: str
    text: int
    requires_python: str | None
    yanked: str | None
    uploaded: str | None
    size: int | None
    sha256: str | None
    metadata_sha256: str | None
    problem: str | None


class ProjectRows(msgspec.Struct, array_like=True, gc=False):
    """All rows of a project, and the metadata they share."""

    texts: list[Text]
    rows: list[CrawledRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A project that is to be read: the serial number that the list gave, the versions that are
    wanted (None: all), and the validator of its page if it was read in the same way before.
    """

    name: NormalizedName
    listed: int | None = None
    versions: tuple[str, ...] | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a project; ``rows`` None: those that it had stay.

    ``problem`` names what could not be read of it. ``whole`` False: not all that was asked for was
    answered, so the next crawl asks again although nothing has changed.
    """

    name: NormalizedName
    outcome: str
    rows: ProjectRows | None = None
    etag: str | None = None
    problem: str | None = None
    whole: bool = True
    texts: Sequence[tuple[bytes, Text]] = ()
    """What was read now, by its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A crawl in numbers: projects by what became of them; ``left`` were not looked at yet."""

    wanted: int = 0
    left: int = 0
    read: int = 0
    same: int = 0
    gone: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became part of the dataset: ``sources`` counts rows by where they come from, ``unread``
    those that should have been read and were not.
    """

    projects: int
    rows: int
    sources: dict[str, int]
    unread: int
