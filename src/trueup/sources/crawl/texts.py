"""The resolution fields of one metadata file, as a survey keeps them.

Hundreds of thousands of files are read of which five headers are wanted, so those that are written
plainly are not taken apart further; the rest goes through the parser of the model.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from trueup.model.metadata import RESOLUTION_FIELDS, Metadata, Unreadable, parse_metadata, title
from trueup.model.release import Reading

__all__ = ["Refused", "Text", "answer_of", "read_text", "text_of"]


class Text(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a METADATA or PKG-INFO says as written; ``sha256`` is of its bytes (hexadecimal).

    With a ``problem`` it could not be read, and the fields say nothing.
    """

    sha256: str | None
    metadata_version: str | None = None
    requires_python: str | None = None
    requires_dist: tuple[str, ...] = ()
    provides_extra: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()
    generator: str | None = None
    problem: str | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no text; ``passing``: it may be there next time."""

    reason: str
    passing: bool = False


# A block of headers in which nothing is unusual: names, values, and lines that go on with a space.
_PLAIN = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)+")
_WANTED = re.compile(
    r"^(metadata-version|requires-python|requires-dist|provides-extra|dynamic):"
    r"(.*(?:\n[ \t].*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_FOLDING = re.compile(r"[ \t\n]+")


def read_text(data: bytes, sha256: str | None = None) -> Text:
    """The fields of a file's bytes; ``sha256`` where it is known."""
    digest = sha256 or hashlib.sha256(data).hexdigest()
    head = _head(data)
    if head is None or _PLAIN.fullmatch(head) is None:
        return text_of(parse_metadata(data, digest=digest))
    found: dict[str, list[str]] = {}
    for name, value in _WANTED.findall(head):
        found.setdefault(name.lower(), []).append(_FOLDING.sub(" ", value).strip(" "))
    pythons = [value for value in found.get("requires-python", ()) if _says(value)]
    if len(pythons) > 1:
        return text_of(parse_metadata(data, digest=digest))
    return Text(
        sha256=digest,
        metadata_version=next(filter(_says, found.get("metadata-version", ())), None),
        requires_python=pythons[0] if pythons else None,
        requires_dist=tuple(found.get("requires-dist", ())),
        provides_extra=tuple(found.get("provides-extra", ())),
        dynamic=_dynamic(found.get("dynamic", ())),
    )


def text_of(metadata: Metadata | Unreadable, generator: str | None = None) -> Text:
    """The fields of parsed metadata; ``generator`` is what the wheel was made with."""
    if isinstance(metadata, Unreadable):
        return Text(sha256=None, generator=generator, problem=metadata.reason)
    fields = metadata.fields
    pythons = {value for value in fields.get("requires-python", ()) if _says(value)}
    resolution = metadata.resolution
    lost = len(pythons) > 1 or any(fault.field in RESOLUTION_FIELDS for fault in metadata.faults)
    if lost and isinstance(resolution, Unreadable):
        # Columns could not tell it: which of two values holds, what was not UTF-8.
        return Text(sha256=metadata.digest, generator=generator, problem=resolution.reason)
    return Text(
        sha256=metadata.digest,
        metadata_version=metadata.first("metadata-version"),
        requires_python=metadata.first("requires-python"),
        requires_dist=fields.get("requires-dist", ()),
        provides_extra=fields.get("provides-extra", ()),
        dynamic=_dynamic(fields.get("dynamic", ())),
        generator=generator,
    )


def answer_of(read: Reading) -> Text | Refused:
    """What reading an archive gave."""
    if isinstance(read.metadata, Unreadable):
        return Refused(reason=read.metadata.reason, passing=read.metadata.passing)
    generator = (read.wheel_headers or {}).get("generator", ())
    return text_of(read.metadata, generator[0] if generator else None)


def _head(data: bytes) -> str | None:
    """The headers, with a line feed after each line; None if they need a closer look."""
    end = data.find(b"\n\n")
    windows = data.find(b"\r\n\r\n") if b"\r" in data[:4096] else -1
    if windows >= 0 and (end < 0 or windows < end):
        block = data[: windows + 2]
        lines = block.count(b"\r\n")
        if lines != block.count(b"\n") or lines != block.count(b"\r"):
            return None
        block = block.replace(b"\r\n", b"\n")
    else:
        block = data[: end + 1] if end >= 0 else data
        if b"\r" in block:
            return None
    if b"\x00" in data or not block.endswith(b"\n"):
        return None
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _says(value: str) -> bool:
    return bool(value) and value != "UNKNOWN"


def _dynamic(values: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Names of fields in one spelling, so that they can be looked for."""
    return tuple(title(value.strip().lower()) for value in values)
