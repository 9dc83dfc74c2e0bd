"""Which part of a long list an address asks for."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from trueup.interfaces.web.paging import Sheet, sheet_of


def asked(query: str) -> Sheet:
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1")], "scheme": "http", "server": ("127.0.0.1", 80),
    }  # fmt: skip
    return sheet_of(Request(scope), size=10)


@pytest.mark.parametrize(
    ("query", "total", "number", "items", "before", "after"),
    [
        ("", 0, 1, [], None, None),
        ("", 10, 1, [*range(10)], None, None),
        ("", 11, 1, [*range(10)], None, "/?page=2"),
        ("page=2", 25, 2, [*range(10, 20)], "/?page=1", "/?page=3"),
        ("page=9", 25, 3, [*range(20, 25)], "/?page=2", None),
        ("page=0", 25, 1, [*range(10)], None, "/?page=2"),
        ("page=-1", 25, 1, [*range(10)], None, "/?page=2"),
        ("page=9999999999999", 25, 1, [*range(10)], None, "/?page=2"),
        ("page=%D9%A2", 25, 1, [*range(10)], None, "/?page=2"),
        ("q=a%26b&page=2", 25, 2, [*range(10, 20)], "/?q=a%26b&page=1", "/?q=a%26b&page=3"),
    ],
)
def test_a_sheet_knows_its_neighbours(
    query: str, total: int, number: int, items: list[int], before: str | None, after: str | None
) -> None:
    sheet = asked(query).of(total)
    assert (sheet.number, sheet.before, sheet.after) == (number, before, after)
    assert sheet.cut(range(total)) == range(total)[number * 10 - 10 : number * 10]
    assert [*sheet.cut(range(total))] == items
