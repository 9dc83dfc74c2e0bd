"""RECORD, row by row and without loss."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.record import hash_of, parse_record

RECORD = "d.dist-info/RECORD"
SAMPLE = b'"a,b.py",sha256=x,1\r\nd.dist-info/METADATA,sha256=y,2\r\nd.dist-info/RECORD,,\r\n'


def test_it_comes_back_as_it_is() -> None:
    record = parse_record(SAMPLE)
    assert bytes(record) == SAMPLE
    assert record.paths == ("a,b.py", "d.dist-info/METADATA", RECORD)


def test_only_rows_of_what_changes_change() -> None:
    record = parse_record(SAMPLE).changed(
        contents={"d.dist-info/METADATA": b"new", "d.dist-info/entry_points.txt": b"e"},
        dropped=(),
        last=RECORD,
    )
    assert bytes(record).decode() == (
        '"a,b.py",sha256=x,1\r\n'
        f"d.dist-info/METADATA,{hash_of(b'new')},3\r\n"
        f"d.dist-info/entry_points.txt,{hash_of(b'e')},1\r\n"
        "d.dist-info/RECORD,,\r\n"
    )


def test_rows_are_dropped_and_renamed() -> None:
    record = parse_record(SAMPLE).changed(
        contents={},
        dropped=["d.dist-info/METADATA"],
        renamed={"a,b.py": 'q"uote.py', RECORD: "e.dist-info/RECORD"},
        last="e.dist-info/RECORD",
    )
    assert bytes(record) == b'"q""uote.py",sha256=x,1\r\ne.dist-info/RECORD,,\r\n'


def test_a_record_without_its_own_row_gets_new_rows_at_its_end() -> None:
    record = parse_record(b"a,,").changed(contents={"b": b""}, last=RECORD)
    assert bytes(record).decode() == f"a,,\nb,{hash_of(b'')},0\n"


@pytest.mark.parametrize("data", [b"a,b\n", b'"a,b,c', b'"a"b,,\n'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="row 1"):
        parse_record(data)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=6))
def test_any_path_survives(paths: list[str]) -> None:
    record = parse_record(b"").changed(contents=dict.fromkeys(paths, b""), last=RECORD)
    expected = [path for path in dict.fromkeys(paths) if path != RECORD]
    again = parse_record(bytes(record))
    assert list(again.paths) == expected
    assert bytes(again) == bytes(record)
    text = io.StringIO(bytes(record).decode(), newline="")
    assert [row[0] for row in csv.reader(text)] == expected


@given(st.binary(max_size=60))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        record = parse_record(data)
    except ValueError:
        return
    assert bytes(record) == data
