"""A source whose files are fetched from elsewhere: a mirror, or a server that stands for an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from packaging.utils import NormalizedName

from trueup.model.artifact import Artifact
from trueup.model.release import Reading
from trueup.sources.source import Listing, Source

__all__ = ["MappedSource", "moved"]


def moved(url: str, mapping: Mapping[str, str]) -> str:
    """The address with its beginning replaced: the longest key of the mapping that it starts with."""
    prefixes = [prefix for prefix in mapping if url.startswith(prefix)]
    if not prefixes:
        return url
    prefix = max(prefixes, key=len)
    return mapping[prefix] + url.removeprefix(prefix)


class MappedSource:
    """A source whose pages may name addresses that the mapping moves."""

    def __init__(self, inner: Source, mapping: Mapping[str, str]) -> None:
        self._inner = inner
        self._mapping = mapping

    def listing(self, project: NormalizedName) -> Listing:
        listing = self._inner.listing(project)
        files = tuple(replace(file, url=moved(file.url, self._mapping)) for file in listing.files)
        return replace(listing, files=files)

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        return self._inner.read(artifact, deep=deep)
