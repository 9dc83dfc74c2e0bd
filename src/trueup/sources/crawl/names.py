"""The index's list of all its projects, read as it comes: it has hundreds of thousands of names."""

from __future__ import annotations

import codecs
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from trueup.model.errors import PageError
from trueup.sources.shown import shown

__all__ = ["ListReader", "is_name", "open_list"]

_A_LIST = "the list of an index's projects (PEP 503, PEP 691)"
_NAME = re.compile(r"[A-Z0-9](?:[A-Z0-9._-]{0,254}[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_LONGEST = 1024 * 1024
"""Characters of one entry; a name and two numbers have a hundred."""

Listed = tuple[NormalizedName, int | None]
"""A project's name, and the serial number of its last change where the index tells it."""


class ListReader(ABC):
    """Takes a list in pieces; ``strange`` are entries that are no names of projects."""

    def __init__(self) -> None:
        self.strange: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes, *, last: bool = False) -> Iterator[Listed]:
        """The entries that are complete now; raises PageError for what is no list."""
        for name, serial in self._entries(self._decoder.decode(data, last), last=last):
            if is_name(name):
                yield canonicalize_name(name), serial
            else:
                self.strange.append(shown(name[:100]))

    @abstractmethod
    def _entries(self, text: str, *, last: bool) -> Iterator[tuple[str, int | None]]:
        """The entries that are complete with this text."""


def is_name(text: str) -> bool:
    """Whether it can be the name of a project (core metadata, "Name")."""
    return _NAME.fullmatch(text) is not None


def open_list(content_type: str) -> ListReader:
    """A reader of the form that was sent."""
    kind = content_type.split(";", 1)[0].strip().lower()
    return _JsonList() if kind.endswith("json") else _HtmlList()


class _JsonList(ListReader):
    """``{"meta": {…}, "projects": [{"name": …, "_last-serial": …}, …]}``, keys in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._begun = self._inside = self._done = False

    def _entries(self, text: str, *, last: bool) -> Iterator[tuple[str, int | None]]:
        text, at = self._text + text, 0
        try:
            while not self._done and (at := _past(text, at)) < len(text):
                if self._inside and text[at] != "]":
                    value, at = _DECODE(text, at)
                    yield _entry(value)
                else:
                    at = self._between(text, at)
        except (ValueError, IndexError) as error:
            # Cut in the middle, or no JSON at all: more of it will tell.
            if last or len(text) - at > _LONGEST:
                raise PageError("the list of projects is no JSON", expected=_A_LIST) from error
        if last and not self._done:
            raise PageError("the list of projects is cut off", expected=_A_LIST)
        self._text = text[at:]

    def _between(self, text: str, at: int) -> int:
        """Past one thing that is not in the list; raises ValueError if more of it is needed."""
        if self._inside:
            self._inside = False
            return at + 1
        if not self._begun and text[at] == "{":
            self._begun = True
            return at + 1
        if self._begun and text[at] == "}":
            self._done = True
            return at + 1
        key, at = _DECODE(text, at)
        if not self._begun or not isinstance(key, str):
            raise PageError("the list of projects is no JSON object", expected=_A_LIST)
        at = _past(text, at, ":")
        if key == "projects":
            if text[at] != "[":
                raise PageError("the list of projects has no list", expected=_A_LIST)
            self._inside = True
            return at + 1
        _, at = _DECODE(text, at)
        if at == len(text):
            raise ValueError(key)  # a number may go on
        return at


_DECODE = json.JSONDecoder().raw_decode


def _past(text: str, at: int, also: str = ",") -> int:
    while at < len(text) and (text[at].isspace() or text[at] == also):
        at += 1
    return at


def _entry(value: Any) -> tuple[str, int | None]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise PageError("the list of projects has an entry without a name", expected=_A_LIST)
    serial = value.get("_last-serial")
    return value["name"], serial if isinstance(serial, int) else None


class _HtmlList(ListReader):
    """``<a href="NAME/">NAME</a>``: the link tells the name (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self._anchors = _Anchors()
        self._some = False

    def _entries(self, text: str, *, last: bool) -> Iterator[tuple[str, int | None]]:
        self._anchors.feed(text)
        if len(self._anchors.rawdata) > _LONGEST:
            raise PageError("the list of projects is no HTML", expected=_A_LIST)
        found, self._anchors.found = self._anchors.found, []
        self._some = self._some or bool(found)
        yield from ((name, None) for name in found)
        if last and not self._some:
            raise PageError("the list of projects has no link", expected=_A_LIST)


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href") if tag == "a" else None
        if href and not href.startswith(("#", "?", "..")):
            path = href.partition("?")[0].partition("#")[0]
            name = unquote(path.rstrip("/").rpartition("/")[2])
            if name and path.endswith("/"):
                self.found.append(name)
