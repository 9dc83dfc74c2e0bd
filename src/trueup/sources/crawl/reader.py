"""The metadata of one file of an index: from its sidecar, from the file, or from an earlier crawl."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import TracebackType
from typing import Self

from packaging.utils import canonicalize_name

from trueup.model.artifact import Artifact, OtherName
from trueup.model.errors import NotFoundError, SourceError, TrueupError
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.sources.crawl.archives import Archives
from trueup.sources.crawl.fetch import Answer, Fetcher, is_passing
from trueup.sources.crawl.texts import Refused, Text, answer_of, read_text, text_of
from trueup.sources.limits import Limits

__all__ = ["FileReader"]

_METADATA = Limits().metadata
_MISSES = 20
"""Sidecars that were not there, after which nobody looks for unadvertised ones any more."""


class FileReader:
    """Reads what the archives and sidecars of an index say; for one running event loop.

    ``known`` gives what was read before under a key: the sha256 of a sidecar, or that of an archive.
    """

    def __init__(self, fetcher: Fetcher, known: Callable[[bytes], Text | None]) -> None:
        self._fetcher, self._known = fetcher, known
        self._archives = Archives(fetcher)
        self._hits = self._misses = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archives.close()

    @property
    def guesses(self) -> bool:
        """Whether sidecars that nobody advertises are worth a request here."""
        return self._hits > 0 or self._misses < _MISSES

    async def sidecar(
        self, url: str, expected: str | None, fresh: list[tuple[bytes, Text]]
    ) -> Text | Refused:
        """The advertised sidecar of the file at ``url``, with the sha256 ``expected`` if it is known.

        What is read now goes to ``fresh``, under its key.
        """
        key = _key(b"m", expected)
        if key is not None and (known := self._known(key)) is not None:
            return known
        try:
            answer = await self._get(url)
        except NotFoundError:
            return Refused(reason="the index advertises a sidecar that does not exist")
        except TrueupError as error:
            return Refused(reason=f"its sidecar: {error}", passing=is_passing(error))
        found = hashlib.sha256(answer.body).hexdigest()
        if expected is not None and found != expected:
            return Refused(
                reason="the sidecar's sha256 is not the one that the index gives: "
                f"found `{found}`, expected `{expected}`"
            )
        text = read_text(answer.body, found)
        if key is not None:
            fresh.append((key, text))
        return text

    async def guessed(self, artifact: Artifact) -> Text | Refused:
        """A sidecar that nobody advertises: it must at least name the release of the file."""
        try:
            answer = await self._get(artifact.url)
        except TrueupError as error:
            self._misses += not is_passing(error)
            return Refused(reason=str(error))
        metadata = parse_metadata(answer.body)
        if not _is_of(artifact, metadata):
            self._misses += 1
            return Refused(reason="what stands there is not the metadata of the file")
        self._hits += 1
        return text_of(metadata)

    async def archive(self, artifact: Artifact, fresh: list[tuple[bytes, Text]]) -> Text | Refused:
        """What the file itself says; see :meth:`sidecar`."""
        key = _key(b"a", artifact.hashes.get("sha256"))
        if key is not None and (known := self._known(key)) is not None:
            return known
        try:
            read = await self._archives.read(artifact)
        except SourceError as error:
            return Refused(reason=str(error), passing=is_passing(error))
        answer = answer_of(read)
        if key is not None and isinstance(answer, Text):
            fresh.append((key, answer))
        return answer

    async def _get(self, url: str) -> Answer:
        # PEP 658: the address of the file, with `.metadata` appended to its path.
        path, question, query = url.partition("?")
        return await self._fetcher.get(f"{path}.metadata{question}{query}", limit=_METADATA)


def _key(kind: bytes, sha256: str | None) -> bytes | None:
    """Where a text is kept; None where nothing says what it has to be."""
    try:
        return None if sha256 is None else kind + bytes.fromhex(sha256)
    except ValueError:
        return None


def _is_of(artifact: Artifact, metadata: Metadata | Unreadable) -> bool:
    if isinstance(metadata, Unreadable) or isinstance(artifact.name, OtherName):
        return False
    project, version = artifact.name.project, artifact.name.version
    return canonicalize_name(metadata.name or "") == project and metadata.version == version
