"""The text of a METADATA, PKG-INFO or WHEEL file, without loss: edit a field, keep every other byte.

What the fields mean is in :mod:`trueup.model.metadata`; this module only knows where they stand.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from .metadata import title

__all__ = ["Document", "Header", "is_line", "parse_document"]

_BOM = b"\xef\xbb\xbf"
_NEWLINE = re.compile(rb"\r\n|\r|\n")
# A header line as the `email` package knows it: printable ASCII but the colon, then a colon.
_NAME = re.compile(rb"[!-9;-~]*:")
_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]|  ")
_FOLDING = re.compile(rb"[ \t\r\n]+")
_FOLLOWS = {
    "build": ("root-is-purelib", "tag"),
    "default-extra": ("provides-extra",),
    "provides-extra": ("requires-dist", "requires-python"),
    "requires-dist": ("requires-python",),
    "version": ("name",),
}
"""After which field one that was not there before is put; others go to the end of the headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header with its continuation lines and line endings, as found.

    ``name`` is lower-cased, and empty for lines that are no header (they are kept, never changed).
    """

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """The value, unfolded; bytes that are not UTF-8 become surrogates."""
        text = self.raw.partition(b":")[2]
        return _FOLDING.sub(b" ", text).strip(b" ").decode("utf-8", "surrogateescape")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file of headers and a body, as bytes that can be put together again.

    ``lead`` is a byte order mark or nothing; ``rest`` is everything from the first line that
    belongs to no header: the empty line and the body below it.
    """

    lead: bytes
    headers: tuple[Header, ...]
    rest: bytes

    def __bytes__(self) -> bytes:
        return b"".join([self.lead, *(header.raw for header in self.headers), self.rest])

    @cached_property
    def newline(self) -> bytes:
        """The line ending of the first line; a line feed if there is none."""
        found = _NEWLINE.search(bytes(self))
        return found[0] if found else b"\n"

    def values(self, field: str) -> tuple[str, ...]:
        """All values of a field (lower-cased), unfolded, in the order of the file."""
        return tuple(header.value for header in self.headers if header.name == field)

    def with_values(self, field: str, values: Sequence[str]) -> Document:
        """The document with exactly these values of one field (lower-cased), in this order.

        A header whose value stays keeps its bytes and its place; a new one stands after its
        predecessor, the first at the place of the first header that there was. No values remove
        the field. Raises ValueError for a new value that would not come back as it is: with line
        breaks or other control characters, with spaces at its ends or in runs, or without text.
        """
        kept = _kept(self.values(field), values)
        for value, number in zip(values, kept, strict=True):
            if number is None and not is_line(value):
                raise ValueError(f"{value!r} cannot be written as the value of one header")
        positions = [n for n, header in enumerate(self.headers) if header.name == field]
        start = positions[0] if positions else self._place(field)
        # What stands before each of the present headers, and at their end.
        added: dict[int, list[Header]] = {}
        survivors: set[int] = set()
        place = start
        for value, number in zip(values, kept, strict=True):
            if number is None:
                raw = f"{title(field)}: {value}".encode("utf-8", "surrogateescape") + self.newline
                added.setdefault(place, []).append(Header(name=field, raw=raw))
            else:
                survivors.add(positions[number])
                place = positions[number] + 1
        headers: list[Header] = []
        for n, header in enumerate(self.headers):
            headers += added.get(n, ())
            if header.name != field or n in survivors:
                headers.append(header)
        headers += added.get(len(self.headers), ())
        return replace(self, headers=self._ended(headers))

    def with_body(self, body: bytes) -> Document:
        """The document with another body, the same headers; empty for none."""
        headers = self._ended(self.headers, always=bool(body))
        return replace(self, headers=headers, rest=self.newline + body if body else b"")

    @property
    def body(self) -> bytes:
        """What stands below the headers and the empty line."""
        separator = _NEWLINE.match(self.rest)
        return self.rest[separator.end() :] if separator else self.rest

    def _place(self, field: str) -> int:
        for before in _FOLLOWS.get(field, ()):
            found = [n for n, header in enumerate(self.headers) if header.name == before]
            if found:
                return found[-1] + 1
        return len(self.headers)

    def _ended(self, headers: Sequence[Header], *, always: bool = False) -> tuple[Header, ...]:
        """The headers, each with a line ending; only the file's very last line may lack one."""
        last = len(headers) if always or self.rest else len(headers) - 1
        ended = [
            replace(header, raw=header.raw + self.newline)
            if n < last and not header.raw.endswith((b"\n", b"\r"))
            else header
            for n, header in enumerate(headers)
        ]
        if ended and ended[-1].raw.endswith(b"\r") and self.rest.startswith(b"\n"):
            # Next to each other these two would be one line ending, and the empty line gone.
            ended[-1] = replace(ended[-1], raw=ended[-1].raw + b"\n")
        return tuple(ended)


def parse_document(data: bytes) -> Document:
    """Take the bytes of a file apart; never fails, and ``bytes`` of the result is ``data``."""
    lead = _BOM if data.startswith(_BOM) else b""
    headers: list[Header] = []
    parts: list[bytes] = []
    name = ""
    position = len(lead)
    while position < len(data):
        found = _NEWLINE.search(data, position)
        end = found.end() if found else len(data)
        line = data[position:end]
        match = _NAME.match(line)
        envelope = line.startswith(b"From ")
        if not (match or envelope or line[:1] in (b" ", b"\t")):
            break
        if (match or envelope) and parts:
            headers.append(Header(name=name, raw=b"".join(parts)))
            parts = []
        if not parts:
            name = match[0][:-1].decode("ascii").lower() if match else ""
        parts.append(line)
        position = end
    if parts:
        headers.append(Header(name=name, raw=b"".join(parts)))
    return Document(lead=lead, headers=tuple(headers), rest=data[position:])


def is_line(value: str) -> bool:
    """Whether a value, written in one line, is read again as it is."""
    return bool(value) and not _CONTROL.search(value) and value == value.strip()


def _kept(present: Sequence[str], wanted: Sequence[str]) -> list[int | None]:
    """For each wanted value the present one that becomes it, each at most once and in order."""
    places: dict[str, list[int]] = {}
    for number, value in enumerate(present):
        places.setdefault(value, []).append(number)
    kept: list[int | None] = []
    last = -1
    for value in wanted:
        candidates = places.get(value, [])
        index = bisect_right(candidates, last)
        if index < len(candidates):
            last = candidates[index]
            kept.append(last)
        else:
            kept.append(None)
    return kept
