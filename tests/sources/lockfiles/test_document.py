"""Lenient access to a document: values of the right type, faults with their line for the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.errors import LimitError, NotFoundError, SourceError
from trueup.model.lock import LockFault
from trueup.sources.lockfiles.document import (
    LockDocument,
    Table,
    json_document,
    text_reader,
    toml_document,
    toml_if_there,
)
from trueup.sources.lockfiles.values import shown

LOCK = """\
version = "one"
names = ["a", 1]

[tool]
deep = { flag = "yes" }

[[package]]
name = "Demo.Name"
version = "1.0"
marker = "sys_platform == 'win32'"
files = [
  { name = "demo.whl", size = -1, time = 2026-01-02T03:04:05 },
  "demo.tar.gz",
]

[package.source]
url = 3

[[package]]
name = "-"
version = "1.0.x"
requires-python = ">>3"
marker = "python ="
time = "2026-01-02T03:04:05Z"
"""


def document() -> LockDocument:
    return toml_document("x.lock", LOCK)


def first() -> Table:
    return document().entries("package")[0]


def second() -> Table:
    return document().entries("package")[1]


def test_values() -> None:
    table = first()
    assert (table.project(), table.version()) == ("demo-name", Version("1.0"))
    assert str(table.condition()) == 'sys_platform == "win32"'
    assert table.origin == "x.lock:7"
    assert second().origin == "x.lock:19"
    assert second().moment("time") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert table.tables("files")[0].moment("time") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_what_is_absent_is_no_fault() -> None:
    table = first()
    for get in (table.text, table.number, table.moment, table.table, table.specifiers):
        assert get("absent") is None
    assert table.texts("absent") == () == table.tables("absent")
    assert table.flag("absent") is False
    assert table.condition("absent").text == ""
    assert table.where.document.faults == ()


@pytest.mark.parametrize(
    ("table", "get", "fault"),
    [
        (first, lambda t: t.text("absent", required=True), "x.lock:7 absent nothing: text"),
        (first, lambda t: t.text("files"), "x.lock:11 files {list}: text"),
        (first, lambda t: t.table("name"), "x.lock:8 name `'Demo.Name'`: a table"),
        (first, lambda t: t.texts("name"), "x.lock:8 name `'Demo.Name'`: a list"),
        (first, lambda t: t.flag("name"), "x.lock:8 name `'Demo.Name'`: `true` or `false`"),
        (first, lambda t: t.moment("name"), "x.lock:8 name `'Demo.Name'`: a date and time"),
        (first, lambda t: t.tables("files"), "x.lock:11 files[1] `'demo.tar.gz'`: a table"),
        (
            first,
            lambda t: t.tables("files")[0].number("size"),
            "x.lock:11 files[0].size `-1`: a whole number",
        ),
        (first, lambda t: t.table("source").text("url"), "x.lock:16 source.url `3`: text"),
        (second, lambda t: t.project(), "x.lock:20 name `'-'`: a project name"),
        (second, lambda t: t.version(), "x.lock:21 version `'1.0.x'`: a version"),
        (
            second,
            lambda t: t.specifiers(),
            "x.lock:22 requires-python `'>>3'` (Invalid specifier: '>>3'): "
            "version specifiers such as `>=3.11`",
        ),
        (
            second,
            lambda t: t.condition(),
            "x.lock:23 marker `'python ='` (Expected a marker variable or quoted string): "
            "an environment marker",
        ),
    ],
)
def test_what_is_wrong_is_a_fault(
    table: Callable[[], Table], get: Callable[[Table], object], fault: str
) -> None:
    found = table()
    get(found)
    last = found.where.document.faults[-1]
    assert describe(last) == fault.replace("{list}", shown(found.values.get("files")))


def describe(fault: LockFault) -> str:
    return f"{fault.origin} {fault.key} {fault.found}: {fault.expected}"


def test_faults_at_the_top_and_whom_they_are_about() -> None:
    found = document()
    found.root.number("version")
    found.root.texts("names")
    deep = found.root.table("tool")
    assert deep is not None
    deep.table("deep")
    table = found.entries("package")[1].about(NormalizedName("demo"), Version("2"))
    table.specifiers()
    table.specifiers()
    assert [(fault.origin, fault.key, fault.project) for fault in found.faults] == [
        ("x.lock:1", "version", None),
        ("x.lock:2", "names[1]", None),
        ("x.lock:22", "requires-python", "demo"),
    ], "a fault that is seen twice is one fault"
    assert found.faults[-1].version == Version("2")


def test_entries_written_inline_have_a_key_of_their_own() -> None:
    found = toml_document("x.lock", 'package = [{ name = "a" }, { name = 1 }, 2]\n')
    tables = found.entries("package")
    assert [table.origin for table in tables] == ["x.lock", "x.lock"]
    assert tables[1].project() is None
    assert [fault.key for fault in found.faults] == ["package[2]", "package[1].name"]
    assert found.entries("absent") == ()


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (toml_document, "a = 1\nb = = 2\n", "is not valid TOML: Invalid value (at line 2,"),
        (toml_document, "a = " + "[" * 5000, "is not valid TOML: nested too deeply"),
        (toml_document, "a = " + "1" * 5000, "is not valid TOML: Exceeds the limit"),
        (json_document, '{"a":\n}', "is not valid JSON: Expecting value (at line 2, column 1)"),
        (json_document, "[" * 50000, "is not valid JSON: nested too deeply"),
        (json_document, '{"a": ' + "1" * 5000 + "}", "is not valid JSON: Exceeds the limit"),
        (json_document, '{"a": "\\ud800"}', "is not valid JSON: 'utf-8' codec can't encode"),
        (json_document, "[]", "is no lock: found `[]`, expected an object"),
    ],
)
def test_what_is_no_document_is_refused(
    parse: Callable[[str, str], LockDocument], text: str, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        parse("x.lock", text)
    assert str(caught.value).startswith(f"`x.lock`: {message}")


def test_entries_that_are_no_list_are_refused() -> None:
    with pytest.raises(SourceError, match="`package`: found `'all'`, expected an array of tables"):
        toml_document("x.lock", "package = 'all'").entries("package")


def test_reading_within_a_limit(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    (tmp_path / "latin").write_bytes(b"a\n\xe9\n")
    read = text_reader(limit=14)
    assert read(tmp_path / "a.toml") == "a = 1\n"
    with pytest.raises(LimitError, match="too large to be a lock"):
        read(tmp_path / "a.toml")
    with pytest.raises(SourceError, match="line 2 is not UTF-8"):
        text_reader()(tmp_path / "latin")
    with pytest.raises(NotFoundError, match="no such file"):
        text_reader()(tmp_path / "absent")
    with pytest.raises(SourceError, match="cannot be read"):
        text_reader()(tmp_path)
    found = toml_if_there(tmp_path / "a.toml")
    assert found is not None
    assert found.values == {"a": 1}
    assert toml_if_there(tmp_path / "absent.toml") is None
