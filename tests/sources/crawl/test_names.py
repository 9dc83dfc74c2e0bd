"""The list of an index's projects, in whatever pieces it comes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.errors import PageError
from trueup.sources.crawl.names import open_list

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"
PROJECTS = (
    b'"projects": [{"name": "A_b", "_last-serial": 7}, {"name": "c", "new": [1, {"x": "]}"}]}]'
)


def read(data: bytes, kind: str, size: int = 7) -> tuple[list[tuple[str, int | None]], list[str]]:
    reader = open_list(kind)
    found: list[tuple[str, int | None]] = []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    return [*found, *reader.feed(b"", last=True)], reader.strange


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (JSON, b'{"meta": {"api-version": "1.4"}, ' + PROJECTS + b"}", [("a-b", 7), ("c", None)]),
        (JSON, b'{' + PROJECTS + b', "meta": {"_last-serial": 12}, "n": 12}',
         [("a-b", 7), ("c", None)]),
        (JSON, b' {\n "projects" : [ ] , "else": "x"}\n', []),
        (HTML, b"<!DOCTYPE html><html><body><a href='/simple/a-b/'>A_b</a> <a href=\"c/\">c</a>"
         b'<a href="../">up</a><a name="x">no link</a><a href="file.txt">file</a></body>',
         [("a-b", None), ("c", None)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_lists(kind: str, data: bytes, expected: list[tuple[str, int | None]], size: int) -> None:
    assert read(data, kind, size) == (expected, [])


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (JSON, b""), (JSON, b"<html>"), (JSON, b"[]"), (JSON, b'{"meta": {}}x' * 3),
        (JSON, b'{"projects": {}}'), (JSON, b'{"projects": ["a"]}'), (JSON, b"{" + PROJECTS),
        (JSON, b'{"projects": [{"name": "a"}, {"nam'), (JSON, b'{"projects": [{}]}'),
        (HTML, b"<html>nothing to see</html>"), (HTML, b""),
    ],
)  # fmt: skip
def test_what_is_no_list(kind: str, data: bytes) -> None:
    if data.startswith(b'{"meta": {}}'):
        assert read(data, kind) == ([], [])  # complete, and what follows is nobody's
        return
    with pytest.raises(PageError):
        read(data, kind)


def test_entries_that_are_no_names_are_told() -> None:
    names = ["ok", "../../etc", "a b", "", "-x", "é" * 200]
    data = json.dumps({"projects": [{"name": name} for name in names]}).encode()
    found, strange = read(data, JSON)
    assert found == [("ok", None)]
    assert len(strange) == 5


def test_an_entry_without_end_is_not_waited_for() -> None:
    with pytest.raises(PageError):
        read(b'{"projects": [{"name": "' + b"x" * 4_000_000, JSON, 100_000)


@given(st.lists(st.tuples(st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), st.integers(0, 9**9))),
       st.integers(1, 50))  # fmt: skip
def test_no_entry_is_lost_between_two_pieces(entries: list[tuple[str, int]], size: int) -> None:
    listed = [{"_last-serial": serial, "name": name} for name, serial in entries]
    data = json.dumps({"meta": {"_last-serial": 1}, "projects": listed, "versions": []}).encode()
    assert read(data, JSON, size) == (entries, [])
