"""Where `env` looks besides the environment: published files, and the caches of installers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trueup.model.errors import UsageError
from trueup.model.watcher import Watcher

if TYPE_CHECKING:
    from trueup.interfaces.cli.options import Combined
    from trueup.model.wheelcache import CachedBuild
    from trueup.sources.published import PublishedSource

__all__ = ["PublishedOptions", "compared_builds", "published_files", "read_wheel_caches"]

_Failures = tuple[tuple[str, str], ...]
_Builds = tuple[tuple["CachedBuild", ...], _Failures]


class PublishedOptions(Protocol):
    """The options that name published files."""

    @property
    def published(self) -> bool: ...
    @property
    def wheelhouse(self) -> str | None: ...
    @property
    def ledger(self) -> str | None: ...
    @property
    def no_cache(self) -> bool: ...
    @property
    def quiet(self) -> bool: ...
    @property
    def verbose(self) -> bool: ...


@contextmanager
def published_files(
    options: PublishedOptions, combined: Combined
) -> Iterator[tuple[PublishedSource | None, Watcher]]:
    """The index or folder to compare with, None if that was not asked, and who watches.

    Raises UsageError for options that need one.
    """
    if options.wheelhouse is None and not options.published:
        if options.ledger is not None:
            raise UsageError(
                "`--ledger` accounts for changes",
                hint="`--published` or `--wheelhouse` finds them",
            )
        yield None, Watcher()
        return
    from trueup.interfaces.progress import watching
    from trueup.interfaces.wanted import PAGE_AGE, Places
    from trueup.sources.folder import FolderSource

    bar = sys.stderr.isatty() and not options.quiet
    with (
        watching(sys.stderr, bar=bar, notes=options.verbose and not options.quiet) as watcher,
        Places(
            index=combined.index,
            environ=os.environ,
            directory=Path.cwd(),
            keep=not options.no_cache,
            page_age=PAGE_AGE,
            watcher=watcher,
        ) as places,
    ):
        if options.wheelhouse is None:
            yield places.configured(), watcher
        else:
            yield FolderSource(Path(options.wheelhouse)), watcher


def read_wheel_caches(asked: str | None) -> _Builds | None:
    """The builds in this folder (empty: in the user's own caches); None if that was not asked."""
    if asked is None:
        return None
    from trueup.sources.wheelcache import cached_builds, default_wheel_caches

    if asked:
        return cached_builds((Path(asked),))
    return cached_builds(default_wheel_caches(os.environ, platform=sys.platform))


def compared_builds(
    caches: _Builds | None, source: PublishedSource | None
) -> tuple[tuple[CachedBuild, ...] | None, _Failures]:
    """The builds, with their releases where there is a source, and all that failed."""
    if caches is None:
        return None, ()
    builds, failures = caches
    if source is None:
        return builds, failures
    from trueup.sources.wheelcache import with_published

    builds, more = with_published(builds, source)
    return builds, (*failures, *more)
