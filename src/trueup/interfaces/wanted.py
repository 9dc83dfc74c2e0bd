"""From what a user names to the releases that are to be judged, and the places where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

from trueup.features.check import Wanted
from trueup.interfaces.target import AskedAddress, AskedPath, AskedRelease, parse_target
from trueup.model.artifact import OtherName
from trueup.model.errors import TrueupError
from trueup.model.named import LeftOut
from trueup.model.watcher import Watcher
from trueup.sources.cache import Cache, MemoryCache, open_cache
from trueup.sources.config import IndexConfig, ask_pip, index_config
from trueup.sources.folder import FolderSource
from trueup.sources.index import IndexSource, UrlSource, open_index
from trueup.sources.named import read_named
from trueup.sources.release import versions

__all__ = ["PAGE_AGE", "Collected", "Places", "collect"]

PAGE_AGE = 600
"""Seconds for which `lock` and `verify` believe a page of the cache; uv and pip do the same."""


_JUDGED = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar")
"""A file that ends so and cannot be placed is a fault; an egg or an installer is only left out."""

_SHOWN = 5
"""Entries of a list that are named where none of them is a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What is to be judged, what names no release, and what could not be placed, with reasons."""

    wanted: tuple[Wanted, ...]
    left_out: tuple[LeftOut, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    newest: tuple[str, ...] = ()
    """Names that are looked up on an index although they could have been meant as folders."""


class Places:
    """Opens the places where releases are: each once, and only when it is needed.

    ``index`` are the user's own addresses (`--index`), which win over what files and configuration
    say; ``keep`` uses the cache in the user's folder, and pages in it are believed for
    ``page_age`` seconds. A context manager: leaving it closes all.
    """

    def __init__(
        self,
        *,
        index: Sequence[str] = (),
        environ: Mapping[str, str],
        directory: Path,
        keep: bool = True,
        watcher: Watcher | None = None,
        page_age: float = 0,
    ) -> None:
        self.environ = environ
        self.directory = directory
        self._explicit = tuple(index)
        self._keep = keep
        self._page_age = page_age
        self._watcher = watcher or Watcher()
        self._pip = cache(ask_pip)
        self._kept: Cache | None = None
        self._opened: dict[tuple[str, ...], IndexSource] = {}

    def configured(self) -> IndexSource:
        """The user's indexes: those of `--index`, else what uv and pip are set to."""
        return self._open(self._explicit)

    def named(self, index: str | None, extra: Sequence[str] = ()) -> IndexSource:
        """The indexes that a file names, in place of the user's or after them (``extra``).

        `--index` wins over both.
        """
        if self._explicit or (index is None and not extra):
            return self.configured()
        first = (index,) if index is not None else self._config(()).urls
        return self._open((*first, *extra))

    def addresses(self, urls: Sequence[str]) -> UrlSource:
        """Files at addresses of their own."""
        folders = tuple(f"{url.partition('#')[0].rpartition('/')[0]}/" for url in urls)
        return UrlSource(urls, self._open(folders))

    @property
    def cache(self) -> Cache:
        """What keeps things that were read, in the user's folder or for this run."""
        return self._cache()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for source in self._opened.values():
            source.close()
        if self._kept is not None:
            self._kept.close()

    def _config(self, urls: Sequence[str]) -> IndexConfig:
        # pip is asked once, however many indexes there are: that takes a tenth of a second.
        return index_config(urls, environ=self.environ, directory=self.directory, pip=self._pip)

    def _open(self, urls: tuple[str, ...]) -> IndexSource:
        if urls not in self._opened:
            self._opened[urls] = open_index(
                self._config(urls),
                environ=self.environ,
                cache=self._cache(),
                watcher=self._watcher,
                also=self._with_credentials(),
                page_age=self._page_age,
            )
        return self._opened[urls]

    def _cache(self) -> Cache:
        if self._kept is None:
            self._kept = (
                open_cache(self.environ, watcher=self._watcher) if self._keep else MemoryCache()
            )
        return self._kept

    def _with_credentials(self) -> tuple[str, ...]:
        """The configured addresses: a lock names the same ones without their passwords."""
        try:
            return self._config(()).urls
        except TrueupError:
            # Nothing is configured, and nothing of it was asked for.
            return ()


@dataclass(slots=True)
class _Gathered:
    wanted: list[Wanted] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    newest: list[str] = field(default_factory=list)


def collect(texts: Sequence[str], *, listed: Sequence[str], places: Places) -> Collected:
    """Everything that a user names: targets, and files that name releases.

    Folders and files are looked at together, so that a release that is spread over several folders
    is one release. Raises UsageError for a target that is none, and what :func:`read_named` raises.
    """
    gathered = _Gathered()
    asked = [parse_target(text, directory=places.directory) for text in texts]
    paths = [item.path for item in asked if isinstance(item, AskedPath)]
    if paths:
        _collect_folder(paths, gathered)
    for item in asked:
        match item:
            case AskedRelease(project=project, version=version, text=text):
                source = places.configured()
                if version is None:
                    gathered.newest.append(text)
                gathered.wanted.append(
                    Wanted(source=source, project=project, version=version, asked=text)
                )
            case AskedAddress() | AskedPath():
                pass
            case _:
                assert_never(item)
    urls = [item.url for item in asked if isinstance(item, AskedAddress)]
    if urls:
        _collect_addresses(urls, places, gathered)
    for name in listed:
        _collect_listed(name, places, gathered)
    return Collected(
        wanted=tuple(gathered.wanted),
        left_out=tuple(gathered.left_out),
        failures=tuple(gathered.failures),
        newest=tuple(dict.fromkeys(gathered.newest)),
    )


def _collect_listed(name: str, places: Places, gathered: _Gathered) -> None:
    found = read_named(Path(name), environ=places.environ)
    gathered.left_out += found.left_out
    if not found.releases:
        # A gate that looked at nothing must not pass.
        gathered.failures.append((name, _nothing_named(found.left_out)))
    for release in found.releases:
        source = places.named(release.index, found.extra_indexes)
        gathered.wanted.append(
            Wanted(
                source=source,
                project=release.project,
                version=release.version,
                asked=f"{release.project}=={release.version}",
            )
        )


def _nothing_named(left_out: Sequence[LeftOut]) -> str:
    text = "names no release that could be judged"
    if not left_out:
        return f"{text}: it has no entries"
    shown = [f"`{item.what}` {item.reason}" for item in left_out[:_SHOWN]]
    if len(left_out) > _SHOWN:
        shown.append(f"and {len(left_out) - _SHOWN:,} more")
    return f"{text}: {', '.join(shown)}"


def _collect_addresses(urls: Sequence[str], places: Places, gathered: _Gathered) -> None:
    source = places.addresses(urls)
    for artifact in source.artifacts:
        assert not isinstance(artifact.name, OtherName)  # refused by UrlSource
        gathered.wanted.append(
            Wanted(
                source=source,
                project=artifact.name.project,
                version=artifact.name.version,
                asked=artifact.url,
            )
        )


def _collect_folder(paths: Sequence[Path], gathered: _Gathered) -> None:
    source = FolderSource(paths)
    for project in source.projects():
        for version in reversed(versions(source, project)):
            gathered.wanted.append(
                Wanted(
                    source=source,
                    project=project,
                    version=version,
                    asked=f"{project}=={version}",
                )
            )
    for artifact in source.unplaced():
        assert isinstance(artifact.name, OtherName)  # a name that is understood has its place
        reason = artifact.name.reason
        if artifact.filename.endswith(_JUDGED):
            gathered.failures.append((artifact.url, reason))
        else:
            gathered.left_out.append(
                LeftOut(what=artifact.filename, reason=reason, origin=artifact.url)
            )
