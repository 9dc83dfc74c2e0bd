"""Readings of archives, kept from one run to the next."""

from __future__ import annotations

import threading
from collections import OrderedDict

import msgspec
from packaging.utils import NormalizedName

from trueup.model.artifact import Artifact
from trueup.model.declaration import Declaration
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import How, Reading
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.cache import Cache, Kind

__all__ = ["KeptReadings"]

_LAYOUT = "2"
"""Part of the key: to be raised when the reading of archives or metadata changes its meaning."""


class _KeptDeclaration(msgspec.Struct, array_like=True):
    """A declaration; requirements as they were written, to be parsed again."""

    wheels_require: list[str]
    as_built: list[str]
    may_add: list[str]
    manual_build: bool
    reason: str | None
    preemptive: list[NormalizedName] = []


class _Kept(msgspec.Struct, array_like=True):
    """A reading; ``digest`` is that of the metadata, which is decoded once for all that share it."""

    digest: str
    metadata: msgspec.Raw
    how: How
    verified: bool
    dist_info: str | None
    wheel_headers: dict[str, tuple[str, ...]] | None
    declaration: _KeptDeclaration | None
    no_declaration: Unreadable | None
    """Why the declaration is unread."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Kept)
_METADATA = msgspec.msgpack.Decoder(Metadata)
_IN_MEMORY = 4096


class KeptReadings:
    """Readings by the address of the file and the sha256 that its listing gives.

    Nothing is kept of a file without a sha256, which may change behind its address, nor of one that
    could not be read, which may be readable next time.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._decoded: OrderedDict[str, Metadata] = OrderedDict()

    def get(self, artifact: Artifact) -> Reading | None:
        """What was read of this very file before; None if nothing is kept."""
        key = _key(artifact)
        data = self._cache.get(Kind.READING, key) if key is not None else None
        if data is None:
            return None
        try:
            kept = _DECODER.decode(data)
            return Reading(
                metadata=self._metadata(kept),
                how=kept.how,
                verified=kept.verified,
                dist_info=kept.dist_info,
                wheel_headers=kept.wheel_headers,
                declaration=kept.no_declaration or _declaration(kept.declaration),
            )
        except (msgspec.DecodeError, ValueError):
            return None

    def put(self, artifact: Artifact, reading: Reading) -> None:
        """Keep a reading, if it is one that will not change."""
        key = _key(artifact)
        if key is None or isinstance(reading.metadata, Unreadable):
            return
        try:
            self._cache.put(Kind.READING, key, _encoded(reading, reading.metadata))
        except UnicodeEncodeError:
            return  # a lone surrogate from an archive: rare, and read again next time

    def _metadata(self, kept: _Kept) -> Metadata:
        """The metadata; the same object for all readings with the same digest."""
        with self._lock:
            known = self._decoded.get(kept.digest)
        if known is not None:
            return known
        metadata = _METADATA.decode(kept.metadata)
        with self._lock:
            found = self._decoded.setdefault(kept.digest, metadata)
            while len(self._decoded) > _IN_MEMORY:
                self._decoded.popitem(last=False)
        return found


def _encoded(reading: Reading, metadata: Metadata) -> bytes:
    declaration = reading.declaration
    unread = declaration if isinstance(declaration, Unreadable) else None
    headers = reading.wheel_headers
    kept = _Kept(
        digest=metadata.digest,
        metadata=msgspec.Raw(_ENCODER.encode(metadata)),
        how=reading.how,
        verified=reading.verified,
        dist_info=reading.dist_info,
        wheel_headers=dict(headers) if headers is not None else None,
        declaration=_kept_declaration(declaration),
        no_declaration=unread,
    )
    return _ENCODER.encode(kept)


def _key(artifact: Artifact) -> str | None:
    digest = artifact.hashes.get("sha256")
    # A local file is as near as its cache.
    if digest is None or artifact.url.startswith("file:"):
        return None
    return f"{_LAYOUT} {digest} {artifact.url}"


def _kept_declaration(declaration: Declaration | Unreadable | None) -> _KeptDeclaration | None:
    if declaration is None or isinstance(declaration, Unreadable):
        return None
    return _KeptDeclaration(
        wheels_require=[item.text for item in declaration.wheels_require],
        as_built=list(declaration.as_built),
        may_add=[item.text for item in declaration.may_add],
        manual_build=declaration.manual_build,
        reason=declaration.reason,
        preemptive=list(declaration.preemptive),
    )


def _declaration(kept: _KeptDeclaration | None) -> Declaration | None:
    if kept is None:
        return None
    return Declaration(
        wheels_require=_requirements(kept.wheels_require),
        as_built=tuple(kept.as_built),
        may_add=_requirements(kept.may_add),
        manual_build=kept.manual_build,
        reason=kept.reason,
        preemptive=tuple(kept.preemptive),
    )


def _requirements(texts: list[str]) -> tuple[Requirement, ...]:
    return tuple(parse_requirement(text) for text in texts)
