"""A log tells what happened in one line, and no secret."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime

import pytest

from trueup.interfaces.web.logs import Log, LogHandler, clean
from trueup.interfaces.web.watched import Exchange

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def log(form: str = "json", **options: bool) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return Log(stream, form=form, now=lambda: NOON, **options), stream


def exchange(**fields: object) -> Exchange:
    values: dict[str, object] = {
        "id": "1", "method": "GET", "path": "/x", "client": "127.0.0.1", "agent": "pip/26.3",
    }  # fmt: skip
    return Exchange(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://me:secret@index.test/simple/", "https://****@index.test/simple/"),
        ("https://me:a@b@index.test/ away", "https://****@index.test/ away"),
        ("no https://:@/", "no https://****@/"),
        ("Authorization: Bearer abcdef0123", "Authorization: Bearer ****"),
        ("basic X19fOmFiYw==, more", "basic ****, more"),
        ("a basic need", "a basic need"),
        ("trueup-0123456789abcdef_-XY away", "**** away"),
        ("trueup-serve.service", "trueup-serve.service"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "****"),
        ("x" * 400, "x" * 299 + "…"),
        ("`demo-1.0.tar.gz` was uploaded before", "`demo-1.0.tar.gz` was uploaded before"),
    ],
)
def test_what_looks_like_a_secret_is_not_told(text: str, told: str) -> None:
    assert clean(text) == told


def test_a_line_is_json_in_ascii_without_empty_fields() -> None:
    told, stream = log()
    told.event("start", text="a\nb\x1b\u202e", none=None, empty="", number=0)
    line = stream.getvalue()
    assert line.isascii()
    assert line.count("\n") == 1
    found = json.loads(line)
    assert found.pop("worker") > 0
    assert found == {
        "at": "2026-11-21T12:00:00.123Z",
        "event": "start",
        "text": "a\nb\x1b\u202e",
        "number": 0,
    }


def test_words_are_one_line_that_cannot_act() -> None:
    told, stream = log("text")
    told.exchange(exchange(path="/a\nb\x1b[2J\u202e", status=404, agent="x\x9by"))
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.split(" ", 1)[1] == "GET /a\\nb\\x1b[2J\\u202e 404 0.0 s 0 B x\\x9by\n"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"route": "/api/{project}/{version}", "parts": {"project": "demo", "version": "1.0"}},
            "GET /api/demo/1.0 0",
        ),
        ({"route": "/upload/{session}/", "path": "/upload/s3cret/"}, "GET /upload/…/ 0"),
        ({"path": "/upload/0123456789abcdef0123456789abcdef/x"}, "GET /upload/…/x 0"),
    ],
)
def test_an_address_is_told_without_what_may_be_a_secret(
    fields: dict[str, object], words: str
) -> None:
    told, stream = log("text")
    told.exchange(exchange(**fields))
    assert stream.getvalue().split(" ", 1)[1].startswith(words)


@pytest.mark.parametrize(("everything", "lines"), [(False, 1), (True, 2)])
def test_pages_from_memory_are_told_on_demand(everything: bool, lines: int) -> None:
    told, stream = log(everything=everything)
    told.exchange(exchange(memory=True, status=200))
    told.exchange(exchange(status=200))
    assert stream.getvalue().count("\n") == lines


def test_a_fault_is_told_with_where_it_happened() -> None:
    told, stream = log("text")
    told.exchange(exchange(status=500, trouble="Traceback:\n  File x\nKeyError: 'y'\n"))
    assert stream.getvalue().splitlines()[1:] == ["  Traceback:", "    File x", "  KeyError: 'y'"]


def test_what_the_server_library_says_is_an_event() -> None:
    told, stream = log()
    logger = logging.getLogger("trueup-test")
    logger.propagate = False
    logger.addHandler(LogHandler(told))
    try:
        raise ValueError("bearer abcdefghij")
    except ValueError:
        logger.exception("in %s", "application")
    found = json.loads(stream.getvalue())
    assert (found["event"], found["level"], found["message"]) == (
        "server",
        "error",
        "in application",
    )
    assert found["trouble"].endswith("ValueError: bearer ****")


def test_a_stream_that_is_closed_stops_nothing() -> None:
    told, stream = log()
    stream.close()
    told.event("start")
