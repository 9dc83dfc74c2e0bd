"""What a ledger may change, read out of METADATA and `entry_points.txt`, and written back."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.document import Document
from trueup.model.errors import TrueupError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.patch import Content

__all__ = ["content_of", "with_content"]

_SINGLE = {
    "requires-python": "requires_python",
    "summary": "summary",
    "license": "license",
    "license-expression": "license_expression",
}
_LISTS = {"requires-dist": "requires_dist", "provides-extra": "provides_extra"}


def content_of(
    document: Document,
    entry_points: bytes | None = None,
    *,
    project: NormalizedName,
    version: Version,
) -> Content:
    """The content of a METADATA file and the `entry_points.txt` beside it.

    Raises TrueupError if one of them cannot be read.
    """
    metadata = parse_metadata(bytes(document))
    if isinstance(metadata, Unreadable):
        raise TrueupError(f"its METADATA {metadata.reason}", hint=metadata.hint)
    return Content(
        project=project,
        version=version,
        metadata_version=metadata.metadata_version,
        requires_dist=document.values("requires-dist"),
        provides_extra=document.values("provides-extra"),
        requires_python=_first(document, "requires-python"),
        summary=_first(document, "summary"),
        license=_first(document, "license"),
        license_expression=_first(document, "license-expression"),
        description=_description(document),
        entry_points=None if entry_points is None else _text(entry_points),
    )


def with_content(document: Document, before: Content, after: Content) -> Document:
    """The METADATA file with another content; what is the same in both keeps its bytes."""
    for field, attribute in _LISTS.items():
        if getattr(before, attribute) != getattr(after, attribute):
            document = document.with_values(field, getattr(after, attribute))
    for field, attribute in _SINGLE.items():
        value: str | None = getattr(after, attribute)
        if getattr(before, attribute) != value:
            document = document.with_values(field, [] if value is None else [value])
    if before.description != after.description:
        text = after.description or ""
        if text and not text.endswith("\n"):
            text += "\n"
        body = text.replace("\n", document.newline.decode()).encode("utf-8", "surrogateescape")
        # Before metadata 2.1 the description was a header.
        document = document.with_values("description", []).with_body(body)
    return document


def _first(document: Document, field: str) -> str | None:
    """The field's first value, with `UNKNOWN` and empty as absent."""
    return next((v for v in document.values(field) if v and v != "UNKNOWN"), None)


def _description(document: Document) -> str | None:
    text = document.body.decode("utf-8", "surrogateescape")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.strip() else _first(document, "description")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TrueupError(
            "its `entry_points.txt` is not UTF-8",
            found=f"{data[error.start]:#04x} at byte {error.start}",
            expected="UTF-8",
            hint="build it again",
        ) from error
