"""A source that asks package indexes over HTTP, or a tree of pages in a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, WheelName, parse_filename
from trueup.model.errors import ArchiveError, NotFoundError, SourceError, UsageError
from trueup.model.metadata import Unreadable
from trueup.model.release import How, Reading
from trueup.model.watcher import Watcher
from trueup.sources.cache import Cache, MemoryCache
from trueup.sources.config import IndexConfig
from trueup.sources.credentials import Credentials, netrc_path
from trueup.sources.fetch import ArchiveFetcher
from trueup.sources.http import Client
from trueup.sources.kept import KeptReadings
from trueup.sources.pages import Pages
from trueup.sources.sidecar import Sidecars
from trueup.sources.simple import MAX_PAGE_BYTES, parse_page
from trueup.sources.source import Listing
from trueup.sources.url import local_path, redact, without_credentials

__all__ = ["IndexSource", "UrlSource", "artifact_of_url", "open_index"]

_WORTH_A_TRY = 8
"""Wheels of a release from which one request for an unadvertised sidecar may pay off."""


class IndexSource:
    """The indexes at these addresses, as one source (:class:`~trueup.sources.source.Source`).

    A project is looked up in the order of ``urls``, and the first index that has it is the only one
    that counts: releases of several indexes are never mixed (uv's `first-index` strategy; pip
    would take files of all). Each page is asked for once in the source's life, conditionally if the
    cache holds it; what cannot change is kept in the cache. Safe to use from several threads.
    """

    def __init__(
        self,
        urls: Sequence[str],
        client: Client,
        cache: Cache | None = None,
        *,
        watcher: Watcher | None = None,
        page_age: float = 0,
    ) -> None:
        self._urls = tuple(urls)
        self._client = client
        self._cache = cache if cache is not None else MemoryCache()
        self._watcher = watcher or Watcher()
        self._pages = Pages(client, self._cache, max_age=page_age)
        self._sidecars = Sidecars(client, self._cache)
        self._kept = KeptReadings(self._cache)
        self._archives = ArchiveFetcher(client)
        self._lock = threading.Lock()
        self._flights: dict[str, threading.Lock] = {}
        self._listings: dict[str, Listing] = {}
        self._worth_a_try: dict[tuple[NormalizedName, Version], bool] = {}
        self._noted: set[str] = set()

    def listing(self, project: NormalizedName) -> Listing:
        """All files of the project, on the first index that has it.

        Raises NotFoundError naming the indexes that were asked, PageError for a page that is none,
        LimitError for one beyond any reason, SourceError if an index does not answer.
        """
        with self._lock:
            flight = self._flights.setdefault(project, threading.Lock())
        with flight:
            if project not in self._listings:
                self._listings[project] = self._find(project)
            return self._listings[project]

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        """The metadata of one file: from its sidecar, what is kept, a part of it, or all of it."""
        if isinstance(artifact.name, OtherName):
            return Reading(metadata=Unreadable(reason=artifact.name.reason), how=How.NOT_READ)
        if deep:
            return self._read_deep(artifact)
        missing = None
        if artifact.is_wheel and artifact.core_metadata is not None:
            reading = self._sidecars.advertised(artifact)
            if reading is not None:
                return reading
            missing = Unreadable(reason="the index advertises a sidecar that does not exist")
        reading = self._kept.get(artifact)
        if reading is None:
            reading = self._read_archive(artifact)
            self._kept.put(artifact, reading)
        return reading if missing is None else replace(reading, sidecar=missing)

    def download(self, artifact: Artifact, folder: Path) -> Path:
        """Put a whole file into a folder, its size and hash compared with the listing's.

        Raises ArchiveError if they differ or it cannot be read, SourceError if the index does not
        answer.
        """
        path = folder / artifact.filename
        if path.parent != folder or path.name != artifact.filename:
            raise ArchiveError(
                "has a name that leads out of its folder", place=(artifact.filename,)
            )
        with path.open("w+b") as file:
            reading = self._archives.save(artifact, file)
        if isinstance(reading.metadata, Unreadable):
            path.unlink()
            raise ArchiveError(
                reading.metadata.reason, hint=reading.metadata.hint, place=(artifact.filename,)
            )
        return path

    def sidecar(self, artifact: Artifact) -> bytes:
        """The bytes of the sidecar that the listing advertises, compared with its hash.

        Raises NotFoundError if it is not there, SourceError if it is another or the index does not
        answer.
        """
        return self._sidecars.fetch(artifact)

    def members(self, artifact: Artifact) -> tuple[str, ...]:
        """The names of a wheel's members, without fetching it; raises TrueupError."""
        return self._archives.members(artifact)

    def dist_info(self, artifact: Artifact, name: str) -> bytes:
        """A file of a wheel's dist-info folder, without fetching the wheel; raises TrueupError."""
        return self._archives.dist_info(artifact, name)

    @property
    def sent(self) -> int:
        """How many requests were sent so far."""
        return self._client.sent

    def close(self) -> None:
        """Close the connections and the cache."""
        self._client.close()
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def _read_archive(self, artifact: Artifact) -> Reading:
        if not artifact.is_wheel:
            return self._archives.sdist(artifact)
        name = artifact.name
        if isinstance(name, WheelName) and self._is_worth_a_try(name):
            reading = self._sidecars.unadvertised(artifact)
            if reading is not None:
                return reading
        return self._archives.wheel(artifact)

    def _read_deep(self, artifact: Artifact) -> Reading:
        reading = self._archives.whole(artifact)
        if artifact.core_metadata is None or not artifact.is_wheel:
            return reading
        sidecar = self._sidecars.advertised(artifact)
        if sidecar is None:
            missing = Unreadable(reason="the index advertises a sidecar that does not exist")
            return replace(reading, sidecar=missing)
        return replace(reading, sidecar=sidecar.metadata)

    def _find(self, project: NormalizedName) -> Listing:
        for base in self._urls:
            try:
                if base.startswith("file:"):
                    listing = self._local_page(base, project)
                else:
                    listing = self._pages.listing(base, project)
            except NotFoundError:
                continue
            return listing
        asked = ", ".join(f"`{redact(url)}`" for url in self._urls)
        raise NotFoundError(
            "no such project on the index" if len(self._urls) == 1 else "no such project",
            place=(f"{project}",),
            hint=f"asked {'was' if len(self._urls) == 1 else 'were'} {asked}; "
            "see the spelling, and `--index` for another index",
        )

    def _local_page(self, base: str, project: NormalizedName) -> Listing:
        """A page of a tree in a folder (PEP 503): `<folder>/<project>/index.html`."""
        folder = local_path(base)
        path = folder / project / "index.html"
        try:
            with path.open("rb") as file:
                body = file.read(MAX_PAGE_BYTES + 1)
        except FileNotFoundError as error:
            if not folder.is_dir():
                self._note(f"the index `{redact(base)}` is left out: there is no such folder")
            raise NotFoundError("does not exist") from error
        except OSError as error:
            raise SourceError(
                "cannot be read", found=error.strerror or str(error), place=(str(path),)
            ) from error
        page = parse_page(body, content_type="text/html", url=path.as_uri(), project=project)
        return page.listing(project)

    def _note(self, text: str) -> None:
        with self._lock:
            first = text not in self._noted
            self._noted.add(text)
        if first:
            self._watcher.note(text)

    def _is_worth_a_try(self, name: WheelName) -> bool:
        """Whether a request for an unadvertised sidecar of a release may pay off.

        An index that advertises any sidecar on the page advertises all that it has.
        """
        release = (name.project, name.version)
        found = self._worth_a_try.get(release)
        if found is None:
            listing = self._listings.get(name.project)
            if listing is None or listing.advertises:
                found = False
            else:
                files = listing.of_version(name.version)
                found = sum(file.is_wheel for file in files) >= _WORTH_A_TRY
            self._worth_a_try[release] = found
        return found


class UrlSource:
    """Files at addresses of their own, listed by nobody; ``index`` reads them."""

    def __init__(self, urls: Iterable[str], index: IndexSource) -> None:
        self.artifacts = tuple(artifact_of_url(url) for url in urls)
        self._index = index

    def listing(self, project: NormalizedName) -> Listing:
        """The files whose names say that they belong to the project."""
        files = tuple(
            file
            for file in self.artifacts
            if not isinstance(file.name, OtherName) and file.name.project == project
        )
        if not files:
            raise NotFoundError("no address leads to a file of this project", place=(project,))
        return Listing(project=project, files=files, origin=files[0].url.rpartition("/")[0] + "/")

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        return self._index.read(artifact, deep=deep)


def artifact_of_url(url: str) -> Artifact:
    """The file at an address, with the hash that its fragment may give (``#sha256=…``).

    Credentials in the address are dropped: give them to the client. Raises UsageError if it is no
    http, https or file address, or its last part is no name of a wheel or sdist.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (the property raises for a malformed port)
    except ValueError as error:
        raise UsageError(
            "is a malformed address", found=str(error), place=(redact(url),)
        ) from error
    filename = unquote(parts.path.rpartition("/")[2])
    name = parse_filename(filename)
    if parts.scheme.lower() not in ("http", "https", "file"):
        raise UsageError(
            "cannot be fetched",
            found=f"the scheme `{parts.scheme}`",
            expected="an http, https or file address",
            place=(redact(url),),
        )
    if isinstance(name, OtherName):
        raise UsageError(
            "is not the address of a wheel or sdist", found=name.reason, place=(redact(url),)
        )
    hashes: Mapping[str, str] = {
        key: digest.lower()
        for key, equals, digest in (item.partition("=") for item in parts.fragment.split("&"))
        if equals and key in ("sha256", "sha384", "sha512", "md5", "sha1", "sha224")
    }
    bare = without_credentials(parts._replace(fragment="").geturl())
    return Artifact(filename=filename, url=bare, name=name, hashes=hashes)


def open_index(
    config: IndexConfig,
    *,
    environ: Mapping[str, str],
    cache: Cache | None = None,
    watcher: Watcher | None = None,
    also: Sequence[str] = (),
    page_age: float = 0,
) -> IndexSource:
    """The configured indexes, ready to be asked; close it after use.

    ``environ`` gives netrc and certificates, ``also`` further addresses with credentials; pages
    that are kept are believed for ``page_age`` seconds.
    """
    credentials = Credentials(
        (*config.urls, *also),
        netrc_file=netrc_path(environ),
        keyring=config.keyring,
        watcher=watcher,
    )
    client = Client(config.http, credentials=credentials, watcher=watcher, environ=environ)
    return IndexSource(config.urls, client, cache, watcher=watcher, page_age=page_age)
