"""The quick way to read a metadata file says what the model's parser says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.model.metadata import parse_metadata
from trueup.sources.crawl.texts import Text, read_text, text_of

START = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"


def slow(data: bytes) -> Text:
    return text_of(parse_metadata(data))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Requires-Dist: a\nRequires-Dist: b>=1\n", {"requires_dist": ("a", "b>=1")}),
        ("requires-dist:a\nREQUIRES-DIST:   b \n", {"requires_dist": ("a", "b")}),
        ("Requires-Dist: a;\n  python_version\n\t> '3'\n",
         {"requires_dist": ("a; python_version > '3'",)}),
        ("Requires-Python: >=3.9\nProvides-Extra: x\n",
         {"requires_python": ">=3.9", "provides_extra": ("x",)}),
        ("Requires-Python: UNKNOWN\n", {"requires_python": None}),
        ("Dynamic: requires-dist\nDynamic: Version\n", {"dynamic": ("Requires-Dist", "Version")}),
        ("License: a\n   Requires-Dist: not one\n", {}),
        ("\nRequires-Dist: in the description\n", {}),
        ("Summary: ünïcode\nRequires-Dist: a\n", {"requires_dist": ("a",)}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fields(text: str, newline: str, expected: dict[str, object]) -> None:
    data = (START + text).replace("\n", newline).encode()
    found = read_text(data)
    assert found == slow(data)
    assert found == Text(
        sha256=hashlib.sha256(data).hexdigest(), metadata_version="2.4", **expected  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\x00\x01", "NUL byte"),
        (b"<html>\n", "no header"),
        (START.encode() + b"Requires-Dist\nRequires-Dist: a\n", "no header"),
        (START.encode() + b"Requires-Dist: \xff\n", "is not UTF-8"),
        (START.encode() + b"Requires-Python: >3\nRequires-Python: <3\n", "more than once"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, problem: str) -> None:
    found = read_text(data)
    assert found == slow(data)
    assert problem in (found.problem or "")
    assert found.requires_dist == ()


def test_requirements_are_kept_as_written_though_nobody_can_parse_them() -> None:
    found = read_text(f"{START}Requires-Dist: not a !\n".encode())
    assert (found.requires_dist, found.problem) == (("not a !",), None)


LINES = st.lists(
    st.sampled_from(
        [
            "Requires-Dist: a", "requires-dist : b", "Requires-Dist:", "Requires-Python: >=3",
            "Requires-Python: UNKNOWN", "Provides-Extra: x", "Dynamic: License", " folded",
            "\tfolded: too", "Summary: é", "no header", ": nameless", "", "  ", "\x0bodd: x",
            "Metadata-Version: 2.1", "X-Y: \x85\u2028z", "From mail",
        ]
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.binary(max_size=6))
def test_the_quick_way_agrees_with_the_model(
    lines: list[str], newline: str, ends: bool, tail: bytes
) -> None:
    data = newline.join([*lines, "" if ends else "Name: x"]).encode() + tail
    assert read_text(data) == slow(data)


def test_real_files_agree() -> None:
    folder = Path(pytest.__file__).parent.parent
    files = sorted(folder.glob("*.dist-info/METADATA"))
    assert files
    for path in files:
        data = path.read_bytes()
        assert read_text(data) == slow(data), path.name
