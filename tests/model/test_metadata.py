"""Lenient reading of core metadata: what is read, what becomes a fault, what is unreadable."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.metadata import (
    Fault,
    Metadata,
    Resolution,
    Unreadable,
    canonical_values,
    parse_metadata,
    title,
)

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


def read(data: bytes) -> Metadata:
    metadata = parse_metadata(data)
    assert isinstance(metadata, Metadata), metadata
    return metadata


def resolution(data: bytes) -> Resolution:
    value = read(HEAD + data).resolution
    assert isinstance(value, Resolution), value
    return value


def requirements(data: bytes) -> set[str]:
    return {str(requirement) for requirement in resolution(data).requires_dist}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", set(), id="no Requires-Dist, as in PKG-INFO of old setuptools"),
        pytest.param(b"Requires-Dist: numpy>=1\n", {"numpy>=1"}, id="plain"),
        pytest.param(b"Requires-Dist: numpy (>=1)\n", {"numpy>=1"}, id="parentheses of old"),
        pytest.param(b"Requires-Dist: NumPy >= 1\n", {"numpy>=1"}, id="spelling"),
        pytest.param(b"requires-dist: numpy\n", {"numpy"}, id="lower-case header"),
        pytest.param(
            b"Requires-Dist: numpy\nRequires-Dist: numpy\n", {"numpy"}, id="repeated header"
        ),
        pytest.param(
            b"Requires-Dist: numpy\nSummary: x\nRequires-Dist: scipy\n",
            {"numpy", "scipy"},
            id="headers apart",
        ),
        pytest.param(b"Requires-Dist: numpy\n   >=1\n", {"numpy>=1"}, id="folded with spaces"),
        pytest.param(
            b"Requires-Dist: numpy\n\t>=1,\n\t<2\n", {"numpy<2,>=1"}, id="folded with tabs"
        ),
        pytest.param(b"Requires-Dist: numpy\r\n >=1\r\n", {"numpy>=1"}, id="folded, CRLF"),
        pytest.param(
            b"Requires-Dist: demo-data @ https://index.test/d.whl\n",
            {"demo-data @ https://index.test/d.whl"},
            id="URL",
        ),
        pytest.param(
            b'Requires-Dist: d @ https://index.test/d.whl ; python_version < "3"\n',
            {'d @ https://index.test/d.whl ; python_version < "3"'},
            id="URL and marker",
        ),
    ],
)
def test_requirements_are_read(data: bytes, expected: set[str]) -> None:
    assert requirements(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", None, id="absent"),
        pytest.param(b"Requires-Python: \n", None, id="empty is absent"),
        pytest.param(b"Requires-Python: UNKNOWN\n", None, id="UNKNOWN is absent"),
        pytest.param(b"Requires-Python: >=3.9\n", ">=3.9", id="plain"),
        pytest.param(b"Requires-Python: >=3.9, <4\n", "<4,>=3.9", id="spaces"),
        pytest.param(
            b"Requires-Python: >=3.9\nRequires-Python: >=3.9\n", ">=3.9", id="twice the same"
        ),
    ],
)
def test_requires_python_is_read(data: bytes, expected: str | None) -> None:
    found = resolution(data).requires_python
    assert (None if found is None else str(found)) == expected


def test_extras_are_normalised_and_empty_ones_left_out() -> None:
    found = resolution(b"Provides-Extra: All_Of.It\nProvides-Extra: \nDefault-Extra: X\n")
    assert set(map(str, found.provides_extra)) == {"all-of-it"}
    assert set(map(str, found.default_extra)) == {"x"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(
            b"Requires-Dist: numpy>=1.*\n",
            "`Requires-Dist: numpy>=1.*`: .* suffix can only be used with `==` or `!=` operators",
            id="invalid requirement",
        ),
        pytest.param(
            "Requires-Dist: numpy\xa0>=1\n".encode(),
            "`Requires-Dist: numpy\xa0>=1`: "
            "Expected semicolon (after name with no version specifier) or end",
            id="no-break space",
        ),
        pytest.param(
            b"Requires-Dist: numpy>=" + b"1" * 5000 + b"\n",
            "`Requires-Dist: numpy>=" + "1" * 70 + "...`: holds a number of too many digits",
            id="endless number",
        ),
        pytest.param(
            b"Requires-Dist: numpy" + b">=1," * 10_000 + b"\n",
            "`Requires-Dist: numpy" + ">=1," * 18 + "...`: is longer than 32,768 characters",
            id="endless requirement",
        ),
        pytest.param(
            b'Requires-Dist: numpy; colour == "red"\n',
            '`Requires-Dist: numpy; colour == "red"`: Expected a marker variable or quoted string',
            id="unknown marker variable",
        ),
        pytest.param(
            b"Requires-Dist: n\xefmpy\n",
            "`Requires-Dist: n\ufffdmpy`: is not UTF-8 (and 1 more)",
            id="Latin-1",
        ),
        pytest.param(
            b"Requires-Python: >=3.x\n",
            "`Requires-Python: >=3.x`: Invalid specifier: '>=3.x'",
            id="invalid Requires-Python",
        ),
        pytest.param(
            b"Requires-Python: >=" + b"3" * 5000 + b"\n",
            "`Requires-Python: >=" + "3" * 75 + "...`: holds a number of too many digits",
            id="endless number in Requires-Python",
        ),
        pytest.param(
            b"Requires-Python: >=3.9\nRequires-Python: >=3.8\n",
            "`Requires-Python: >=3.8 and >=3.9`: stands there more than once, with different values",
            id="two values of a single-use field",
        ),
    ],
)
def test_a_fault_in_a_resolution_field_makes_them_unreadable(data: bytes, reason: str) -> None:
    assert read(HEAD + data).resolution == Unreadable(reason=reason)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n\n", "is empty", id="only white space"),
        pytest.param(HEAD + b"\x00", "holds a NUL byte, so it is no metadata file", id="NUL"),
        pytest.param(
            "Name: demo\n".encode("utf-16"),
            "holds a NUL byte, so it is no metadata file",
            id="UTF-16",
        ),
        pytest.param(b"\nName: demo\n", "has no headers", id="begins with an empty line"),
        pytest.param(
            b"Metadata-Version: 3.0\nName: demo\n",
            "is of `Metadata-Version` `3.0`: what its fields mean is not known, expected 2.x",
            id="of a later major version",
        ),
        pytest.param(
            b"<html>\n", "has a line among the headers that is no header: `<html>`", id="HTML"
        ),
        pytest.param(
            b"Name: demo\nand more\nRequires-Dist: x\n",
            "has a line among the headers that is no header: `and more`",
            id="unfolded text",
        ),
        pytest.param(
            b"Name: demo\nRequires Dist: x\n",
            "has a line among the headers that is no header: `Requires Dist: x`",
            id="space in a header name",
        ),
        pytest.param(
            b" Name: demo\nVersion: 1\n",
            "has a line among the headers that is no header: ` Name: demo`",
            id="begins with a continuation",
        ),
        pytest.param(
            b"Name: demo\nFrom afar\nVersion: 1\n",
            "has a line among the headers that is no header: `From afar`",
            id="mailbox line",
        ),
        pytest.param(
            b"Name: demo\n" + b"x" * 100 + b"\n",
            f"has a line among the headers that is no header: `{'x' * 77}...`",
            id="long line is cut",
        ),
        pytest.param(b"a:\n" * 200_002, "has more than 200,000 header lines", id="endless headers"),
    ],
)
def test_no_metadata_file(data: bytes, reason: str) -> None:
    assert parse_metadata(data) == Unreadable(reason=reason)


def test_a_header_without_a_name_loses_nothing() -> None:
    assert requirements(b": what\nRequires-Dist: numpy\n") == {"numpy"}


@pytest.mark.parametrize(
    ("data", "newline"), [(b"\n", "LF"), (b"\r\n", "CRLF"), (b"\r", "CR")], ids=["LF", "CRLF", "CR"]
)
def test_any_line_ending_will_do(data: bytes, newline: str) -> None:
    metadata = read((HEAD + b"Requires-Dist: numpy\n\nOne\nTwo\n").replace(b"\n", data))
    assert metadata.newline == newline
    assert metadata.fields["requires-dist"] == ("numpy",)
    assert metadata.body == "One\nTwo\n"


def test_line_endings_that_change_far_below_the_beginning() -> None:
    metadata = read(HEAD + b"Classifier: x\n" * 500 + b"Requires-Dist: numpy\r\n\r\nbody\r\n")
    assert (metadata.newline, metadata.body) == ("CRLF", "body\n")


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert read(b"\xef\xbb\xbf" + HEAD).metadata_version == (2, 1)


def test_what_is_not_utf_8_is_a_fault_of_its_field() -> None:
    metadata = read(HEAD + b"Author: Andr\xe9\n\nAndr\xe9's work\n")
    assert metadata.first("author") == "Andr\ufffd"
    assert metadata.body == "Andr\ufffd's work\n"
    assert metadata.faults == (
        Fault(field="author", found="Andr\ufffd", reason="is not UTF-8"),
        Fault(field="description", found="the text below the headers", reason="is not UTF-8"),
    )
    assert isinstance(metadata.resolution, Resolution)


def test_the_digest_is_that_of_the_bytes_as_found() -> None:
    data = HEAD.replace(b"\n", b"\r\n")
    assert read(data).digest == hashlib.sha256(data).hexdigest()
    assert parse_metadata(data, digest="known") == parse_metadata(data, digest="known")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2.4", (2, 4)), ("2.10", (2, 10)), ("2", (0, 0)), ("two.one", (0, 0)), ("", (0, 0))],
)
def test_metadata_version(text: str, expected: tuple[int, int]) -> None:
    assert read(f"Metadata-Version: {text}\nName: x\n".encode()).metadata_version == expected


@pytest.mark.parametrize("text", ["", "UNKNOWN", "not a version", "1" * 5000])
def test_a_version_that_is_none(text: str) -> None:
    assert read(f"Name: x\nVersion: {text}\n".encode()).version is None


@pytest.mark.parametrize(
    ("field", "data", "expected"),
    [
        ("name", b"Name: De_mo\n", {"de-mo"}),
        ("keywords", b"Keywords: a, b,,\n", {"a", "b"}),
        ("dynamic", b"Dynamic: Requires-Dist\n", {"requires-dist"}),
        ("license", b"License: UNKNOWN\nLicense: \n", set()),
        ("description", b"\nOne\n  two\n", {"One two"}),
        ("summary", b"Summary: a\n  b\n", {"a b"}),
    ],
)
def test_canonical_values(field: str, data: bytes, expected: set[str]) -> None:
    assert canonical_values(read(b"Metadata-Version: 2.1\n" + data), field) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("requires-dist", "Requires-Dist"),
        ("project-url", "Project-URL"),
        ("home-page", "Home-page"),
    ],
)
def test_title(field: str, expected: str) -> None:
    assert title(field) == expected


_LINES = st.one_of(
    st.sampled_from(
        [
            b"Requires-Dist: ", b"Requires-Python: ", b"Provides-Extra: ", b"Version: ", b"Name: ",
            b"Metadata-Version: ", b"Dynamic: ", b"\n", b"\r\n", b"\r", b" ", b"\t", b":", b";", b"@",
            b"From ", b"numpy>=1", b'python_version < "3"', b"(", b")", b"[", b"]", b"===", b"and",
            b"\xff", b"\xed\xa0\x80", b"\x0c", b"\xe2\x80\xa8", b"9" * 4400, b"1!2.post3+local",
        ]
    ),
    st.binary(max_size=20),
    st.text(max_size=10).map(lambda text: text.encode("utf-8", "surrogatepass")),
)  # fmt: skip


@given(st.lists(_LINES, max_size=30).map(b"".join))
def test_whatever_the_bytes_are_nothing_is_raised(data: bytes) -> None:
    metadata = parse_metadata(data)
    if isinstance(metadata, Unreadable):
        assert metadata.reason.encode()
        return
    assert isinstance(metadata.resolution, Resolution | Unreadable)
    assert hash(metadata.resolution) == hash(metadata.resolution)
    assert metadata.version is None or metadata.version.release
    assert metadata.metadata_version >= (0, 0)
    for field in metadata.fields:
        assert all(value.encode() or not value for value in canonical_values(metadata, field))
    assert (metadata.body or "").encode() is not None
    # What was read reads the same again: nothing depends on how it was written.
    again = parse_metadata(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    assert isinstance(again, Metadata)
    assert again.headers == metadata.headers
