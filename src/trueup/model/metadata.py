"""Core metadata, read leniently: 27 % of real files fail strict validation and still install.

Lenient is not guessing. What cannot be read is kept as a fault, and a fault in a resolution field
makes the file's resolution fields unreadable.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from email.message import Message
from email.parser import HeaderParser
from email.policy import compat32
from functools import cached_property
from typing import cast

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from .requirement import Requirement, parse_requirement, parse_specifiers
from .version import parse_version

__all__ = [
    "COMMA_FIELDS",
    "MULTIPLE_USE",
    "RESOLUTION_FIELDS",
    "Fault",
    "Metadata",
    "Resolution",
    "Unreadable",
    "canonical_values",
    "parse_metadata",
    "title",
]

RESOLUTION_FIELDS = ("requires-dist", "requires-python", "provides-extra", "default-extra")
"""The fields that decide what gets installed, lower-cased."""

MULTIPLE_USE = frozenset(
    {
        "dynamic", "platform", "supported-platform", "license-file", "classifier", "requires-dist",
        "requires-external", "project-url", "provides-extra", "default-extra", "import-name",
        "import-namespace", "provides-dist", "obsoletes-dist", "requires", "provides", "obsoletes",
    }
)  # fmt: skip
"""Fields marked "multiple use" in the core metadata specification, lower-cased."""

COMMA_FIELDS = frozenset({"keywords", "author-email", "maintainer-email"})
"""Single headers that hold comma lists; PEP 808 gives them the multiple-use rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing in a metadata file that cannot be read: the field, what stood there, and why."""

    field: str
    found: str
    reason: str

    def __str__(self) -> str:
        # A reason goes into messages: `packaging` repeats what it read, which may be very long.
        return f"`{title(self.field)}: {_cut(self.found)}`: {_cut(self.reason, 300)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file, or a part of it, that could not be read, and the reason."""

    reason: str
    hint: str | None = None
    passing: bool = False
    """Whether it says nothing of the file: a server was busy, or is out of order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The resolution fields of one artifact, normalised; equal where they mean the same as written.

    ``requires_python`` is None where the field is absent.
    """

    requires_dist: frozenset[Requirement]
    requires_python: SpecifierSet | None
    provides_extra: frozenset[NormalizedName]
    default_extra: frozenset[NormalizedName] = frozenset()
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Files are grouped by this value again and again, and specifier sets do not keep theirs.
        key = (self.requires_dist, self.requires_python, self.provides_extra, self.default_extra)
        object.__setattr__(self, "_hash", hash(key))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What one METADATA or PKG-INFO file says.

    ``headers`` are lower-cased names with their unfolded values, in the order of the file;
    ``body`` is the description that follows the headers (None if there is none); ``digest`` is the
    sha256 of the bytes as found.
    """

    headers: tuple[tuple[str, str], ...]
    body: str | None
    digest: str
    newline: str = "LF"
    faults: tuple[Fault, ...] = ()

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """All values per lower-cased field name, as written; repeated headers stay repeated."""
        gathered: dict[str, list[str]] = {}
        for name, value in self.headers:
            gathered.setdefault(name, []).append(value)
        return {name: tuple(values) for name, values in gathered.items()}

    def first(self, field: str) -> str | None:
        """The field's first value, with `UNKNOWN` and empty as absent."""
        for value in self.fields.get(field, ()):
            if value and value != "UNKNOWN":
                return value
        return None

    @cached_property
    def metadata_version(self) -> tuple[int, int]:
        """``Metadata-Version`` as (major, minor); (0, 0) if it is absent or nonsense."""
        text = self.first("metadata-version") or ""
        major, _, minor = text.partition(".")
        if major.isdecimal() and minor.isdecimal() and len(text) < 16:
            return int(major), int(minor)
        return 0, 0

    @cached_property
    def name(self) -> str | None:
        return self.first("name")

    @cached_property
    def version(self) -> Version | None:
        """``Version``, or None if it is absent or no PEP 440 version."""
        return parse_version(self.first("version") or "")

    @cached_property
    def dynamic(self) -> frozenset[str]:
        """The fields named by ``Dynamic`` (PEP 643), lower-cased."""
        return frozenset(value.strip().lower() for value in self.fields.get("dynamic", ()))

    @cached_property
    def resolution(self) -> Resolution | Unreadable:
        """The resolution fields, or why they cannot be read."""
        faults = [fault for fault in self.faults if fault.field in RESOLUTION_FIELDS]
        requirements: set[Requirement] = set()
        for text in _present(self.fields.get("requires-dist", ())):
            try:
                requirements.add(parse_requirement(text))
            except ValueError as error:
                faults.append(Fault(field="requires-dist", found=text, reason=str(error)))
        requires_python: SpecifierSet | None = None
        written = set(self.fields.get("requires-python", ())) - {"", "UNKNOWN"}
        if len(written) > 1:
            # A single-use field; which of two values holds is nobody's to guess.
            faults.append(
                Fault(
                    field="requires-python",
                    found=" and ".join(sorted(written)),
                    reason="stands there more than once, with different values",
                )
            )
        elif written:
            text = written.pop()
            try:
                requires_python = parse_specifiers(text)
            except ValueError as error:
                faults.append(Fault(field="requires-python", found=text, reason=str(error)))
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            return Unreadable(reason=f"{faults[0]}{more}")
        return Resolution(
            requires_dist=frozenset(requirements),
            requires_python=requires_python,
            provides_extra=frozenset(
                canonicalize_name(extra)
                for extra in _present(self.fields.get("provides-extra", ()))
            ),
            default_extra=frozenset(
                canonicalize_name(extra) for extra in _present(self.fields.get("default-extra", ()))
            ),
        )


def parse_metadata(data: bytes, *, digest: str | None = None) -> Metadata | Unreadable:
    """Read the bytes of a METADATA or PKG-INFO file.

    Folded headers are unfolded, any line ending will do, and a value that is not UTF-8 becomes a
    fault of its field. Text that is no header block at all is Unreadable, and so is a newer major
    version of metadata (core metadata specification, "Metadata-Version").
    """
    digest = digest if digest is not None else hashlib.sha256(data).hexdigest()
    newline = "CRLF" if b"\r\n" in data else "CR" if b"\r" in data else "LF"
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if newline != "LF":
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return Unreadable(reason="is empty")
    if "\x00" in text:
        return Unreadable(reason="holds a NUL byte, so it is no metadata file")
    end = text.find("\n\n")
    if text.count("\n", 0, end if end >= 0 else len(text)) > _MAX_LINES:
        return Unreadable(reason=f"has more than {_MAX_LINES:,} header lines")
    message = cast(_Message, HeaderParser(_Message, policy=compat32).parsestr(text))
    lost = _lost_line(message)
    if lost is not None:
        return Unreadable(reason=lost)
    headers: list[tuple[str, str]] = []
    faults: list[Fault] = []
    for name, value in _raw_headers(message):
        name, value = name.lower(), _unfold(value)
        clean = _without_surrogates(value)
        if clean != value:
            faults.append(Fault(field=name, found=_cut(clean), reason="is not UTF-8"))
        headers.append((name, clean))
    if not headers:
        return Unreadable(reason="has no headers")
    body = _without_surrogates(message.text)
    if body != message.text:
        faults.append(
            Fault(field="description", found="the text below the headers", reason="is not UTF-8")
        )
    metadata = Metadata(
        headers=tuple(headers),
        body=body or None,
        digest=digest,
        newline=newline,
        faults=tuple(faults),
    )
    if metadata.metadata_version[0] > _NEWEST_MAJOR:
        written = metadata.first("metadata-version")
        return Unreadable(
            reason=f"is of `Metadata-Version` `{written}`: what its fields mean is not known, "
            f"expected {_NEWEST_MAJOR}.x"
        )
    return metadata


def _present(values: Iterable[str]) -> Iterator[str]:
    """What was not written merely because a tool had to write something."""
    return (value for value in values if value and value != "UNKNOWN")


def canonical_values(metadata: Metadata, field: str) -> frozenset[str]:
    """A field's values by meaning: text after folding white space, names normalised, as a set.

    `UNKNOWN` and empty count as absent; comma lists are taken apart. Not for `Requires-Dist` and
    `Requires-Python`, whose meaning is in :class:`Resolution`.
    """
    values = [value for value in metadata.fields.get(field, ()) if value and value != "UNKNOWN"]
    if field in COMMA_FIELDS:
        values = [part.strip() for value in values for part in value.split(",") if part.strip()]
    if field == "description" and metadata.body is not None and metadata.body.strip():
        values.append(" ".join(metadata.body.split()))
    if field in ("name", "provides-extra", "default-extra"):
        values = [canonicalize_name(value) for value in values]
    if field == "dynamic":
        values = [value.lower() for value in values]
    return frozenset(values)


def title(field: str) -> str:
    """``requires-dist`` → ``Requires-Dist``; the names with acronyms keep them."""
    return _TITLES.get(field) or "-".join(part.capitalize() for part in field.split("-"))


_MAX_LINES = 200_000
_NEWEST_MAJOR = 2
_FOLDING = re.compile(r"[ \t\r\n]+")
_SURROGATES = re.compile("[\udc80-\udcff]")
_TITLES = {"project-url": "Project-URL", "home-page": "Home-page", "download-url": "Download-URL"}


class _Message(Message):
    """A message that keeps its text as it is: `get_payload` fails for some that is not UTF-8."""

    text = ""

    def set_payload(self, payload: object, charset: object = None) -> None:
        self.text = str(payload)


def _raw_headers(message: _Message) -> Iterator[tuple[str, str]]:
    # `raw_items` gives the text before the policy wraps undecodable values in Header objects.
    yield from message.raw_items()


def _lost_line(message: _Message) -> str | None:
    """Why the parser dropped a line among the headers, which may have been any field; or None."""
    for defect in message.defects:
        match defect:
            case MissingHeaderBodySeparatorDefect():
                # Every header below the broken line is lost, `Requires-Dist` among them.
                line = _without_surrogates(message.text.split("\n", 1)[0])
                return f"has a line among the headers that is no header: `{_cut(line)}`"
            case FirstHeaderLineIsContinuationDefect() | MisplacedEnvelopeHeaderDefect():
                line = _without_surrogates(str(defect.args[0]).rstrip("\n"))
                return f"has a line among the headers that is no header: `{_cut(line)}`"
    # A header without a name (`: text`), which real files have, is no field: nothing is lost.
    return None


def _unfold(value: str) -> str:
    """One line of a header that may stretch over several, each white space a single space.

    Only what RFC 5322 calls folding white space counts; a no-break space is a character.
    """
    return _FOLDING.sub(" ", value).strip(" ")


def _without_surrogates(text: str) -> str:
    """The text with U+FFFD for the bytes that are not UTF-8."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _cut(text: str, length: int = 80) -> str:
    return f"{text[: length - 3]}..." if len(text) > length else text
