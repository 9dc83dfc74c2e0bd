"""Project pages of an index over HTTP, kept as they were read: parsing a large one takes longer
than fetching it.
"""

from __future__ import annotations

import hashlib
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
from packaging.utils import NormalizedName

from trueup.sources.cache import Cache, Kind
from trueup.sources.http import Client, Response
from trueup.sources.listed import ListedFile, ListedFiles
from trueup.sources.simple import ACCEPT, MAX_PAGE_BYTES, page_too_large, parse_page
from trueup.sources.source import KeptFiles, Listing
from trueup.sources.url import redact, without_credentials

__all__ = ["Pages"]

_LAYOUT = "7"
"""Part of the key: to be raised when the reading of pages changes its meaning."""


class _About(msgspec.Struct, array_like=True):
    """A page as it is kept: ``stored`` is when it was last known to be current (epoch, seconds),
    ``digest`` what it was read from, ``versions`` the version of each of its files.
    """

    stored: float
    origin: str
    digest: bytes
    etag: str | None
    last_modified: str | None
    status: str | None
    advertises: bool
    versions: list[str | None]


class _Fresh(_About, array_like=True):
    files: Sequence[ListedFile]


class _Kept(_About, array_like=True):
    """The files as they were encoded: of thousands a few are looked at."""

    files: list[msgspec.Raw]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Kept)
_FILE = msgspec.msgpack.Decoder(ListedFile)
_SUM = struct.Struct("<I")


class Pages:
    """Fetches and keeps pages; safe to use from several threads.

    ``max_age`` is for how long, in seconds, a page that is kept is believed without asking; after
    that it is asked for conditionally where the server gave a validator. ``now`` tells the time in
    seconds since the epoch.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        *,
        max_age: float = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._cache = cache
        self._max_age = max_age
        self._now = now

    def listing(self, base: str, project: NormalizedName) -> Listing:
        """The project's page on the index at ``base``.

        Raises NotFoundError, PageError, LimitError, or SourceError if the index does not answer.
        """
        url = f"{base.rstrip('/')}/{project}/"
        kept = self._get(url)
        if kept is not None and 0 <= self._now() - kept.stored < self._max_age:
            return _listing(kept, project)
        headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip, deflate"}
        validated = kept if kept is not None and (kept.etag or kept.last_modified) else None
        if validated is not None and validated.etag is not None:
            headers["If-None-Match"] = validated.etag
        elif validated is not None and validated.last_modified is not None:
            headers["If-Modified-Since"] = validated.last_modified
        accept = (200,) if validated is None else (200, 304)
        answer = self._client.request(url, _answer, headers=headers, accept=accept)
        if answer is None:
            assert validated is not None  # only a conditional request may be answered so
            self._put(url, msgspec.structs.replace(validated, stored=self._now()))
            return _listing(validated, project)
        if kept is not None and kept.digest == answer.digest:
            # Fetched again because the server gives no validator, and still the same page.
            self._put(url, msgspec.structs.replace(kept, stored=self._now()))
            return _listing(kept, project)
        page = parse_page(
            answer.body, content_type=answer.content_type, url=answer.url, project=project
        )
        self._put(url, self._fresh(page, answer))
        return page.listing(project)

    def _get(self, url: str) -> _Kept | None:
        value = self._cache.get(Kind.PAGE, _key(url))
        # Files are decoded later, and damage must be known now.
        if value is None or value[:4] != _SUM.pack(zlib.crc32(memoryview(value)[4:])):
            return None
        try:
            return _DECODER.decode(memoryview(value)[4:])
        except msgspec.DecodeError:
            return None

    def _put(self, url: str, kept: _Fresh | _Kept) -> None:
        value = _ENCODER.encode(kept)
        self._cache.put(Kind.PAGE, _key(url), _SUM.pack(zlib.crc32(value)) + value)

    def _fresh(self, page: ListedFiles, answer: _Answer) -> _Fresh:
        return _Fresh(
            stored=self._now(),
            origin=page.origin,
            digest=answer.digest,
            etag=answer.etag,
            last_modified=answer.last_modified,
            status=page.status,
            advertises=page.advertises,
            versions=[file.version for file in page.files],
            files=page.files,
        )


def _key(url: str) -> str:
    return f"{_LAYOUT} {without_credentials(url)}"


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """A page as it came, to be parsed once its connection is free again."""

    body: bytes
    content_type: str
    url: str
    etag: str | None
    last_modified: str | None

    @cached_property
    def digest(self) -> bytes:
        """Equal for answers that are read alike: body, type and address, from which links start."""
        about = f"{self.content_type}\0{without_credentials(self.url)}\0".encode()
        return hashlib.sha256(about + self.body).digest()


def _answer(response: Response) -> _Answer | None:
    """The page with its validators; None if the one that is kept is still current."""
    if response.status == 304:
        return None
    parts, size = [], 0
    for part in response.chunks(decoded=True):
        size += len(part)
        if size > MAX_PAGE_BYTES:
            raise page_too_large().within(redact(response.url))
        parts.append(part)
    return _Answer(
        body=b"".join(parts),
        content_type=response.headers.get("content-type", ""),
        url=response.url,
        etag=response.headers.get("etag"),
        last_modified=response.headers.get("last-modified"),
    )


def _listing(kept: _Kept, project: NormalizedName) -> Listing:
    files = kept.files
    return Listing(
        project=project,
        files=KeptFiles(
            kept.versions, lambda number: _FILE.decode(files[number]).artifact(project)
        ),
        origin=kept.origin,
        status=kept.status,
        advertises=kept.advertises,
    )
