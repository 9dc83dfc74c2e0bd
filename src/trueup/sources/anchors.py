"""The anchors of an HTML page: by one regular expression where the page is written plainly, as
those of indexes are, and else by `html.parser`, which takes fifteen times as long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser

from trueup.model.errors import PageError

__all__ = ["A_PROJECT_PAGE", "Anchors", "parsed_anchors", "plain_anchors", "read_anchors"]

A_PROJECT_PAGE = "a project page of the Simple API (PEP 503 or PEP 691)"
"""What errors say was expected."""

# html.parser keeps an unfinished tag and scans it again with every piece that follows. Pieces and
# what is left over are bounded, so a hostile page costs linear time.
_PIECE = 64 * 1024
_LONGEST_TAG = 1024 * 1024

# A subset of HTML of which there is one reading only: lower-case names, values in double quotes,
# no element whose text is no markup. A tag is far below the longest, and a page that is not plain is
# known as such in linear time: every repetition stops at what cannot be part of it.
_SPACE = r"[ \t\r\n]{0,64}+"
_ATTRIBUTES = r'(?:[ \t\r\n]{1,64}+[a-z][a-z0-9-]{0,63}+="[^"]{0,8192}+"){0,16}'
_PLAIN = re.compile(
    rf"""[^<]*+ < (?:
      a(?P<anchor>{_ATTRIBUTES}){_SPACE}> (?: [^<]*+ </a> {_SPACE} (?: <br[ ]?/?> )? )?
    | (?: html|head|body|main|header|footer|h[1-6]|p|br|hr|div|span|pre|ul|ol|li|strong|small|em )
      {_ATTRIBUTES} {_SPACE} /?>
    | title> [^<]*+ </title>
    | meta (?P<meta>{_ATTRIBUTES}) {_SPACE} /?>
    | / [a-z][a-z0-9]{{0,31}}+ {_SPACE} >
    | !(?:doctype|DOCTYPE)\ html>
    | !--(?: [^<>-] | -(?=[^<>-]) ){{0,4096}} -->
    )""".replace("[ \\t", "[\\ \\t"),
    re.VERBOSE,
)
_PAIR = re.compile(r'([a-z][a-z0-9-]*)="([^"]*)"')
# Other references are read differently by different versions of html.parser.
_ODD_REFERENCE = re.compile(r"&(?!(?:amp|lt|gt|quot|#34|#39|#x27);)")

_unescape = lru_cache(maxsize=4096)(unescape)


@dataclass(slots=True, kw_only=True)
class Anchors:
    """What the Simple API knows of a page (PEP 503, PEP 629, PEP 792).

    ``anchors`` are the attributes of each, by name; ``base`` is the address that links start from,
    ``meta`` the contents of the `<meta>` elements by lower-cased name; ``empty`` says that there is
    no tag at all.
    """

    anchors: list[Mapping[str, str | None]] = field(default_factory=list)
    base: str | None = None
    meta: dict[str, str] = field(default_factory=dict)
    empty: bool = True


def read_anchors(text: str) -> Anchors:
    """The anchors of a page.

    Raises PageError, without a hint or place, for a page with a part that does not end within a
    mebibyte; AssertionError and ValueError are what html.parser of older Pythons raises for a
    malformed declaration.
    """
    return plain_anchors(text) or parsed_anchors(text)


def plain_anchors(text: str) -> Anchors | None:
    """The anchors of a page that is written plainly: what :func:`parsed_anchors` gives.

    None if it is not, or has no tag.
    """
    found = Anchors()
    position = 0
    match = _PLAIN.match
    while (part := match(text, position)) is not None:
        position = part.end()
        attributes = part["anchor"]
        if attributes is not None:
            pairs = _pairs(attributes)
            if pairs is None:
                return None
            # The first of repeated attributes counts (HTML, 13.2.5.33).
            found.anchors.append(dict(reversed(pairs)))
        elif part["meta"] is not None:
            pairs = _pairs(part["meta"])
            if pairs is None:
                return None
            _note_meta(found, dict(pairs))
        found.empty = False
    # The rest may be text; an end tag or a comment alone make no page.
    if text.find("<", position) >= 0 or not (found.anchors or found.meta):
        return None
    return found


def _pairs(attributes: str) -> list[tuple[str, str]] | None:
    pairs: list[tuple[str, str]] = _PAIR.findall(attributes)
    if "&" not in attributes:
        return pairs
    if _ODD_REFERENCE.search(attributes):
        return None
    return [(name, _unescape(value) if "&" in value else value) for name, value in pairs]


def _note_meta(found: Anchors, values: Mapping[str, str | None]) -> None:
    found.meta.setdefault(str(values.get("name")).lower(), values.get("content") or "")


class _Parser(HTMLParser):
    """Gathers anchors, the base, and `<meta>` elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Anchors()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.empty = False
        if tag == "a":
            self.found.anchors.append(dict(reversed(attrs)))
        elif tag == "base" and self.found.base is None:
            self.found.base = dict(attrs).get("href")
        elif tag == "meta":
            _note_meta(self.found, dict(attrs))


def parsed_anchors(text: str) -> Anchors:
    """The anchors of any page, by html.parser; raises as :func:`read_anchors`."""
    parser = _Parser()
    for start in range(0, len(text), _PIECE):
        parser.feed(text[start : start + _PIECE])
        if len(parser.rawdata) > _LONGEST_TAG:
            raise PageError(
                "the page is malformed",
                found=f"a tag, comment or script of more than {_LONGEST_TAG // 1024} KiB",
                expected=A_PROJECT_PAGE,
            )
    return parser.found
