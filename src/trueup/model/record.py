"""The RECORD of a wheel or an installed distribution, row by row and without loss.

Source: "Recording installed projects" (PEP 376, PEP 427): rows of path, hash and size as CSV, the
hash as ``sha256=`` and the URL-safe base64 of the digest without padding.
"""

from __future__ import annotations

import csv
import hashlib
import io
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Record", "Row", "Stamp", "hash_of", "hex_digest", "parse_record", "record_digest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: ``path`` as written, ``digest`` such as ``sha256=…`` (empty: none), ``size`` as
    written (empty: none), and the text of the row with its line ending, as found.
    """

    path: str
    digest: str
    size: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a row says of contents: ``digest`` such as ``sha256=…``, ``size`` in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All rows in their order."""

    rows: tuple[Row, ...]

    def __bytes__(self) -> bytes:
        return "".join(row.raw for row in self.rows).encode("utf-8", "surrogateescape")

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(row.path for row in self.rows)

    def changed(
        self,
        *,
        contents: Mapping[str, bytes | Stamp],
        dropped: Iterable[str] = (),
        renamed: Mapping[str, str] | None = None,
        last: str,
    ) -> Record:
        """The record after a change; rows of what does not change keep their text.

        ``contents`` are the new bytes of members, or what is known of them, by their new paths (one
        without a row gets one before that of ``last``, the RECORD itself); ``dropped`` are old
        paths; ``renamed`` maps old paths to new ones.
        """
        gone, renamed = frozenset(dropped), renamed or {}
        newline = self.rows[0].raw[len(self.rows[0].raw.rstrip("\r\n")) :] if self.rows else ""
        newline = newline or "\n"
        rows: list[Row] = []
        for row in self.rows:
            if row.path in gone:
                continue
            path = renamed.get(row.path, row.path)
            digest, size = row.digest, row.size
            if path in contents and path != last:
                digest, size = _stamped(contents[path])
            same = (path, digest, size) == (row.path, row.digest, row.size)
            rows.append(row if same else _row(path, digest, size, newline))
        listed = {row.path for row in rows}
        added = [
            _row(path, *_stamped(data), newline)
            for path, data in contents.items()
            if path not in listed and path != last
        ]
        place = next((n for n, row in enumerate(rows) if row.path == last), len(rows))
        if added and rows and place == len(rows):
            rows[-1] = _ended(rows[-1], newline)
        rows[place:place] = added
        return Record(rows=tuple(rows))


def parse_record(data: bytes) -> Record:
    """Take the bytes of a RECORD apart; raises ValueError, with the reason, if it is none."""
    lines = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
    taken: list[str] = []

    def feed() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    rows: list[Row] = []
    try:
        for cells in csv.reader(feed(), strict=True):
            raw = "".join(taken)
            taken.clear()
            if len(cells) not in (0, 3):
                raise ValueError(f"row {len(rows) + 1} has {len(cells)} cells instead of 3")
            path, digest, size = cells or ("", "", "")
            rows.append(Row(path=path, digest=digest, size=size, raw=raw))
    except csv.Error as error:
        raise ValueError(f"row {len(rows) + 1} is no CSV: {error}") from error
    return Record(rows=tuple(rows))


def hash_of(data: bytes) -> str:
    """``sha256=`` and the URL-safe base64 of the digest, as RECORD wants it."""
    return record_digest(hashlib.sha256(data).digest())


def record_digest(digest: bytes) -> str:
    """The 32 bytes of a sha256 as RECORD writes them."""
    return f"sha256={urlsafe_b64encode(digest).rstrip(b'=').decode('ascii')}"


def hex_digest(digest: str) -> str:
    """A digest of RECORD in hexadecimal; raises ValueError for one that is no sha256."""
    name, _, text = digest.partition("=")
    if name != "sha256":
        raise ValueError(f"{digest!r} is no sha256")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()


def _stamped(data: bytes | Stamp) -> tuple[str, str]:
    if isinstance(data, Stamp):
        return data.digest, str(data.size)
    return hash_of(data), str(len(data))


def _row(path: str, digest: str, size: str, newline: str) -> Row:
    text = f'"{path.replace(chr(34), chr(34) * 2)}"' if set(path) & set(',"\r\n') else path
    return Row(path=path, digest=digest, size=size, raw=f"{text},{digest},{size}{newline}")


def _ended(row: Row, newline: str) -> Row:
    if row.raw.endswith(("\n", "\r")):
        return row
    return Row(path=row.path, digest=row.digest, size=row.size, raw=row.raw + newline)
