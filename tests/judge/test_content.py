"""What a ledger may change, out of METADATA and back, byte for byte where it stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.judge.content import content_of, with_content
from trueup.model.document import parse_document
from trueup.model.errors import TrueupError
from trueup.model.patch import Content

DEMO, VERSION = canonicalize_name("demo"), Version("1.0")
TEXT = (
    b"Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\nSummary: UNKNOWN\r\nLicense: \r\n"
    b"Requires-Dist: numpy\r\n  >=1\r\nX-Odd:  kept \r\nRequires-Dist: six\r\n\r\nThe\r\nbody\r\n"
)


def content(data: bytes, entry_points: bytes | None = None) -> Content:
    return content_of(parse_document(data), entry_points, project=DEMO, version=VERSION)


def changed(data: bytes, **values: object) -> bytes:
    before = content(data)
    after = replace(before, **values)  # type: ignore[arg-type]
    return bytes(with_content(parse_document(data), before, after))


def test_what_is_read() -> None:
    found = content(TEXT, b"[g]\r\na = b\r\n")
    assert found.requires_dist == ("numpy >=1", "six")
    assert (found.metadata_version, found.summary, found.license) == ((2, 1), None, None)
    assert (found.description, found.entry_points) == ("The\nbody\n", "[g]\r\na = b\r\n")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, TEXT),
        ({"requires_dist": ("numpy >=1",)}, TEXT.replace(b"Requires-Dist: six\r\n", b"")),
        (
            {"requires_dist": ("numpy", "six")},
            TEXT.replace(b"numpy\r\n  >=1\r\n", b"numpy\r\n"),
        ),
        ({"summary": "Short"}, TEXT.replace(b"UNKNOWN", b"Short")),
        ({"description": "New\ntext"}, TEXT.replace(b"The\r\nbody\r\n", b"New\r\ntext\r\n")),
        ({"description": None}, TEXT.replace(b"\r\n\r\nThe\r\nbody\r\n", b"\r\n")),
        (
            {"provides_extra": ("plot",)},
            TEXT.replace(b"Dist: six\r\n", b"Dist: six\r\nProvides-Extra: plot\r\n"),
        ),
    ],
)
def test_what_changes_is_all_that_changes(values: dict[str, object], expected: bytes) -> None:
    assert changed(TEXT, **values) == expected


def test_a_description_in_a_header_becomes_a_body() -> None:
    data = b"Metadata-Version: 1.2\nName: demo\nVersion: 1.0\nDescription: Old\n        text\n"
    assert content(data).description == "Old text"
    assert changed(data, description="New") == (
        b"Metadata-Version: 1.2\nName: demo\nVersion: 1.0\n\nNew\n"
    )


def test_entry_points_that_are_not_utf8() -> None:
    with pytest.raises(TrueupError, match=r"`entry_points.txt` is not UTF-8: found 0xff at byte 1"):
        content(TEXT, b"[\xff]")


@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [b"Name: demo\n", b"Requires-Dist: a<1\n", b"\r\n", b"\n", b" folded\n", b"\xff",
                 b"Provides-Extra:\n", b"Summary: \xc3\xa9\r\n", b"Description: x\n", b"From x\n"]
            ),
            max_size=12,
        ).map(b"".join),
    )
)  # fmt: skip
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        before = content(data)
    except TrueupError:
        return
    assert bytes(with_content(parse_document(data), before, before)) == data
