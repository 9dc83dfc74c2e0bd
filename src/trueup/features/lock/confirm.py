"""Tells that resolving again would give the lock that is there, without doing it.

What `lock` gives depends on the request, the versions of the old lock included, and on what the
indexes say; nothing else. So when resolving has given the old lock once more, this is remembered
together with what it came from: the request, the text of the lock, and the files that the indexes
listed of the versions in it. While all of that is unchanged, the answer is. It is remembered in the
cache and not in the lock, where whoever edits the lock could write it too.

Only the plain case is remembered: every version was the first choice, and from the old lock. What
was published besides was not looked at then, and cannot change anything. Whatever else went into
the answer (a search, a build, a file that nobody lists) is done again each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import packaging
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

import trueup
from trueup.model.artifact import Artifact
from trueup.model.errors import TrueupError
from trueup.model.lockrequest import LockRequest
from trueup.model.requirement import Requirement
from trueup.sources.cache import Cache, Kind
from trueup.sources.supply import Supply

if TYPE_CHECKING:
    from trueup.features.lock.drive import Resolved
    from trueup.model.lock import Lock

__all__ = ["Confirmations", "Looked", "looked_at"]

_LAYOUT = "1"
"""Part of the key: to be raised when resolving changes its meaning between two releases."""

_WORKERS = 32
"""Threads that wait for pages that have to be asked for again."""

_STRONG = frozenset({"sha256", "sha384", "sha512"})
_BUILT = ("built", "proved")

Looked = Collection[tuple[NormalizedName, str | None]]
"""Projects with the index that each is assigned to (None: the configured ones)."""


def looked_at(resolved: Resolved, lock: Lock) -> Looked | None:
    """Where the answer comes from: listings, and of them only the versions of the old lock.

    None if it depends on more than that.
    """
    stock = resolved.field.stock
    preferred = stock.request.preferred
    built = any(entry.promise in _BUILT for entry in lock.entries)
    if resolved.unserved or built or stock.request.find_links:
        return None
    found: set[tuple[NormalizedName, str | None]] = set()
    for placed in resolved.placed:
        if placed.searched:
            return None
        for project, version in placed.pins.items():
            if project in stock.local:
                continue  # the request has all that is known of it
            if stock.direct(project) or version not in preferred.get(project, {}):
                return None
            found.add((project, placed.offer.index_of(project)))
    return found


class _Known(msgspec.Struct, array_like=True):
    """What is remembered of a lock; ``told`` is what was told of it."""

    looked: list[tuple[NormalizedName, str | None]]
    listed: str
    told: dict[str, Any]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmations:
    """What is known of one lock: ``text`` is what its file holds now, ``path`` where it stands."""

    cache: Cache
    request: LockRequest
    supply: Supply
    path: Path
    text: str

    def confirm(self) -> Mapping[str, Any] | None:
        """What was told of the lock when it was resolved; None if it has to be resolved again.

        Pages that are too old are asked for. An index that does not answer confirms nothing.
        """
        data = self.cache.get(Kind.LOCK, self._key())
        if data is None:
            return None
        try:
            known = _DECODER.decode(data)
        except msgspec.DecodeError:
            return None
        return known.told if self._listed(known.looked) == known.listed else None

    def remember(self, looked: Looked, told: Mapping[str, Any]) -> None:
        """That resolving gave this very text, from these listings."""
        listed = self._listed(looked)
        if listed is not None:
            known = _Known(looked=sorted(looked, key=str), listed=listed, told=dict(told))
            self.cache.put(Kind.LOCK, self._key(), _ENCODER.encode(known))

    def _key(self) -> str:
        parts = (_LAYOUT, trueup.__version__, packaging.__version__, str(self.path.absolute()))
        return _digest([*parts, self.text, _canonical(self.request)])

    def _listed(self, looked: Looked) -> str | None:
        """A digest of what the indexes list of the versions in the old lock.

        None if one does not answer, or a file could change without its listing showing it.
        """
        ordered = sorted(looked, key=str)
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="lock") as pool:
            try:
                found = list(pool.map(lambda one: self._of_project(*one), ordered))
            except TrueupError:
                return None
        return None if None in found else _digest(part for part in found if part is not None)

    def _of_project(self, project: NormalizedName, index: str | None) -> str | None:
        listing = self.supply.listing(project, index)
        files = [
            file
            for version in self.request.preferred[project]
            for file in listing.of_version(version)
        ]
        if not all(map(_is_identified, files)):
            return None
        return _digest([f"{project} {index}", *sorted(map(_facts, files))])


def _is_identified(file: Artifact) -> bool:
    """Whether neither the file nor its sidecar could change without its listing showing it."""
    sidecar = file.core_metadata
    return not (
        _STRONG.isdisjoint(file.hashes) or (sidecar is not None and _STRONG.isdisjoint(sidecar))
    )


def _facts(file: Artifact) -> str:
    """All that a listing says of a file."""
    return repr(
        (
            file.filename,
            file.url,
            file.size,
            sorted(file.hashes.items()),
            file.upload_time and file.upload_time.isoformat(),
            file.index_requires_python,
            file.yanked,
            None if file.core_metadata is None else sorted(file.core_metadata.items()),
        )
    )


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _canonical(value: object) -> str:
    """A text that is equal for equal values, in every process, and for no others."""
    match value:
        case Enum():
            return f"{type(value).__name__}.{value.name}"
        case None | bool() | int() | str():
            return repr(value)
        case datetime():
            return value.isoformat()
        case Version() | SpecifierSet() | Requirement():
            return f"{type(value).__name__}({str(value)!r})"
        case Mapping():
            pairs = sorted(f"{_canonical(key)}: {_canonical(one)}" for key, one in value.items())
            return f"{{{', '.join(pairs)}}}"
        case frozenset():
            return f"{{{', '.join(sorted(map(_canonical, value)))}}}"
        case tuple():
            return f"({', '.join(map(_canonical, value))})"
        case _ if is_dataclass(value):
            parts = (f"{one.name}={_canonical(getattr(value, one.name))}" for one in fields(value))
            return f"{type(value).__name__}({', '.join(parts)})"
    raise TypeError(f"no canonical text for a `{type(value).__name__}`")
