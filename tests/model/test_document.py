"""Metadata text without loss."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.document import parse_document
from trueup.model.metadata import Metadata, parse_metadata

SAMPLE = (
    b"\xef\xbb\xbfMetadata-Version: 2.1\r\n"
    b"Name: demo\r\n"
    b"Version:1.0\r\n"
    b"X-Unknown:   kept\r\n"
    b"requires-dist: numpy\r\n\t>=1\r\n"
    b"Provides-Extra: x\r\n"
    b"Requires-Dist: pandas; extra == 'x'\r\n"
    b"\r\n"
    b"The body\nwith its own   endings\r"
)


def test_it_comes_back_as_it_is() -> None:
    document = parse_document(SAMPLE)
    assert bytes(document) == SAMPLE
    assert document.values("requires-dist") == ("numpy >=1", "pandas; extra == 'x'")
    assert document.body == b"The body\nwith its own   endings\r"


def test_what_stays_keeps_its_bytes_and_its_place() -> None:
    document = parse_document(SAMPLE)
    edited = document.with_values(
        "requires-dist", ["numpy >=1", "scipy", "pandas; extra == 'x'", "last"]
    )
    assert bytes(edited) == (
        SAMPLE.replace(b"\t>=1\r\n", b"\t>=1\r\nRequires-Dist: scipy\r\n").replace(
            b"'x'\r\n", b"'x'\r\nRequires-Dist: last\r\n"
        )
    )


def test_a_list_of_new_values_stands_where_the_first_stood() -> None:
    edited = parse_document(SAMPLE).with_values("requires-dist", ["a", "b"])
    assert [header.name for header in edited.headers][4:] == [
        "requires-dist", "requires-dist", "provides-extra",
    ]  # fmt: skip
    assert edited.values("requires-dist") == ("a", "b")


def test_the_same_values_change_nothing_and_none_remove_the_field() -> None:
    document = parse_document(SAMPLE)
    assert document.with_values("name", document.values("name")) == document
    assert bytes(document.with_values("x-unknown", [])) == SAMPLE.replace(
        b"X-Unknown:   kept\r\n", b""
    )


def test_a_new_field_has_a_usual_place() -> None:
    document = parse_document(b"Name: a\nRequires-Python: >=3\nSummary: s\n\nbody")
    edited = document.with_values("requires-dist", ["b"]).with_values("license", ["MIT"])
    assert bytes(edited) == (
        b"Name: a\nRequires-Python: >=3\nRequires-Dist: b\nSummary: s\nLicense: MIT\n\nbody"
    )


def test_a_last_line_without_an_end_gets_one_when_something_follows() -> None:
    document = parse_document(b"Name: a")
    assert bytes(document.with_values("summary", ["s"])) == b"Name: a\nSummary: s\n"
    assert bytes(document.with_body(b"text")) == b"Name: a\n\ntext"
    assert bytes(document.with_values("version", [])) == b"Name: a"


def test_a_body_is_replaced_and_removed() -> None:
    document = parse_document(SAMPLE)
    assert document.with_body(b"new").body == b"new"
    assert bytes(document.with_body(b"")).endswith(b"extra == 'x'\r\n")


@pytest.mark.parametrize("value", ["", " a", "a ", "a  b", "a\nEvil: b", "a\rb", "a\tb", "a\0"])
def test_a_value_that_would_be_read_differently_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        parse_document(SAMPLE).with_values("summary", [value])


# --- laws ---------------------------------------------------------------------------------------

PIECES = [
    b"\n", b"\r\n", b"\r", b" ", b"\t", b":", b"Name: a", b"Requires-Dist: numpy>=1",
    b"requires-dist:  b ; extra == 'x'", b"From me", b"\xff", b"\xef\xbb\xbf", b"X-Y: z\n", b"\n\n",
]  # fmt: skip
anything = st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)
values = st.lists(
    st.sampled_from(
        ["numpy>=1", "b ; extra == 'x'", "ünï", "c; python_version < '3'", "d[e]==1.*"]
    ),
    max_size=6,
)


@given(anything)
def test_parsing_loses_nothing(data: bytes) -> None:
    assert bytes(parse_document(data)) == data


@given(anything, values)
def test_an_edit_touches_only_what_it_names(data: bytes, wanted: list[str]) -> None:
    document = parse_document(data)
    edited = document.with_values("requires-dist", wanted)
    assert edited.values("requires-dist") == tuple(wanted)
    assert edited.body == document.body
    others = [h.raw.rstrip(b"\r\n") for h in document.headers if h.name != "requires-dist"]
    assert [h.raw.rstrip(b"\r\n") for h in edited.headers if h.name != "requires-dist"] == others
    assert edited.with_values("requires-dist", wanted) == edited


@given(anything, values)
def test_metadata_reads_what_was_written(data: bytes, wanted: list[str]) -> None:
    before = parse_metadata(data)
    if not isinstance(before, Metadata):
        return
    document = parse_document(data)
    assert (
        document.values("requires-dist") == before.fields.get("requires-dist", ())
        or b"\xff" in data
    )
    after = parse_metadata(bytes(document.with_values("requires-dist", wanted)))
    if isinstance(after, Metadata):
        assert after.fields.get("requires-dist", ()) == tuple(wanted)
        assert after.body == before.body


def test_two_line_endings_do_not_become_one() -> None:
    document = parse_document(b"A: b\rRequires-Dist: x\n\nbody")
    assert bytes(document.with_values("requires-dist", [])) == b"A: b\r\n\nbody"
