"""The published files that installed distributions may have come from, read as little as will do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Protocol

from packaging.utils import NormalizedName

from trueup.judge.origin import Published, candidates_of, explain, origin_of
from trueup.model.artifact import Artifact
from trueup.model.errors import ArchiveError, NotFoundError, TrueupError
from trueup.model.installed import InstalledDistribution, InstalledEnvironment
from trueup.model.installedreport import Origin, OriginKind
from trueup.model.patch import Ledger
from trueup.model.record import parse_record
from trueup.model.watcher import Watcher
from trueup.sources.source import Source

__all__ = ["PublishedSource", "origins_of"]

_AT_ONCE = 8
_LOOKED_AT = 3
"""So many wheels of a release are looked into: the likeliest is mostly the right one."""


class PublishedSource(Source, Protocol):
    """A place with published files, of which single members can be read."""

    def dist_info(self, artifact: Artifact, name: str) -> bytes:
        """A file of a wheel's dist-info folder; raises TrueupError."""
        ...


def origins_of(
    environment: InstalledEnvironment,
    source: PublishedSource,
    *,
    ledger: Ledger | None = None,
    today: date,
    watcher: Watcher | None = None,
) -> tuple[tuple[Origin, ...], tuple[tuple[str, str], ...]]:
    """Where each distribution comes from, and what could not be asked, each with its reason.

    What is editable has no published file and is not asked for. ``ledger`` explains changes.
    """
    watcher = watcher or Watcher()
    asked = [one for one in environment.distributions if not one.editable]
    watcher.expect(len(asked))
    failures: list[tuple[str, str]] = []

    def find(one: InstalledDistribution) -> Origin:
        try:
            return _origin(one, source, ledger, today)
        except TrueupError as error:
            failures.append((one.title, str(error)))
            return Origin(distribution=one, kind=OriginKind.NOT_ASKED, known_by=error.what)
        finally:
            watcher.done(one.title)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = tuple(pool.map(find, asked))
    return found, tuple(sorted(failures))


def _origin(
    one: InstalledDistribution, source: PublishedSource, ledger: Ledger | None, today: date
) -> Origin:
    files = _files(one.project, one, source)
    published: list[Published] = []
    candidates = candidates_of(one, files)
    for file in _likeliest(candidates):
        published.append(_published(file, source))
        origin = origin_of(one, published)
        if origin.kind in (OriginKind.PUBLISHED, OriginKind.RENAMED):
            break
    origin = origin_of(one, published)
    if ledger is not None and origin.changed and origin.filename is not None:
        artifact = next(file for file in candidates if file.filename == origin.filename)
        if artifact.is_wheel:
            origin = explain(origin, ledger, source.dist_info(artifact, "METADATA"), today=today)
    return origin


def _files(
    project: NormalizedName, one: InstalledDistribution, source: PublishedSource
) -> Sequence[Artifact]:
    if one.version is None:
        return ()
    try:
        return source.listing(project).of_version(one.version)
    except NotFoundError:
        return ()


def _likeliest(candidates: Sequence[Artifact]) -> Iterable[Artifact]:
    wheels = [file for file in candidates if file.is_wheel][:_LOOKED_AT]
    return wheels or candidates[:1]


def _published(file: Artifact, source: PublishedSource) -> Published:
    rows = None
    if file.is_wheel:
        try:
            record = parse_record(source.dist_info(file, "RECORD"))
            rows = frozenset((row.path, row.digest) for row in record.rows)
        except (ArchiveError, ValueError):
            rows = None
    return Published(artifact=file, metadata=source.read(file).metadata, rows=rows)
