"""Working without a network: only what earlier runs kept is there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TypeVar

from trueup.model.errors import SourceError
from trueup.sources.http import Client, Response
from trueup.sources.url import redact

__all__ = ["OfflineClient"]

T = TypeVar("T")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class OfflineClient(Client):
    """Sends nothing: what is kept has not changed, and what is not kept cannot be had."""

    def request(
        self,
        url: str,
        read: Callable[[Response], T],
        *,
        method: str = "GET",
        headers: Mapping[str, str] = _NO_HEADERS,
        accept: Collection[int] = (200,),
    ) -> T:
        """Answer 304 where that would do; raises SourceError otherwise."""
        import httpx2  # late, as in the client: most runs ask nothing

        # Whoever accepts it has a copy already (RFC 9110, section 15.4.5).
        if 304 in accept:
            return read(Response(httpx2.Response(304), url))
        raise SourceError(
            "is not in the cache",
            hint="run once without `--offline`, or name a folder that has the files with "
            "`--find-links`",
            place=(redact(url),),
        )
