"""Laws of what is read by a shorter way: it gives what the long way gives, or nothing."""

from __future__ import annotations

import io

from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.build import zip_bytes
from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.errors import ArchiveError, PageError
from trueup.sources.anchors import Anchors, parsed_anchors, plain_anchors
from trueup.sources.limits import Limits
from trueup.sources.listed import version_text
from trueup.sources.plainzip import PlainZip
from trueup.sources.source import KeptFiles, Listing
from trueup.sources.unzip import open_zip, read_member

# --- pages ----------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.sampled_from(
        [
            "https://index.test/demo-1.0.tar.gz#sha256=ab", "../x?a=1&amp;b=2", ">=3.9", "&gt;=3.9,&lt;4",
            "&gt", "&#62;", "&#39;", "&quot;", "&nbsp;", "&ampx;", "&amp=", "", "é", "a<b", "'",
        ]
    ),
    st.text(alphabet="a &;<>'=/\n\x00", max_size=6),
)  # fmt: skip
NAMES = st.sampled_from(
    ["href", "data-yanked", "data-requires-python", "name", "content", "HREF", "a:b", "rel"]
)
SPACE = st.sampled_from([" ", "", "\n", "\t ", "\r\n", "\x0c", "/", "\u00a0"])
QUOTED = st.tuples(SPACE, NAMES, SPACE, VALUES).map(lambda p: f'{p[0]}{p[1]}="{p[3]}"{p[2]}')
ODD = st.sampled_from([" href=x", " href='y'", " href", ' href=" ', " =", ' "', ' href = "z"', ""])
TAGS = st.sampled_from(
    ["a", "br", "meta", "base", "h1", "title", "script", "style", "textarea", "A", "body", "svg"]
)
PLAIN = st.sampled_from(
    [
        "<!DOCTYPE html>", "<html>", "</html>", "<title>Links</title>", "<br/>", "<br />", "<hr>",
        '<meta name="pypi:repository-version" content="1.0">', "<!--SERIAL 1-2-->", "text & more",
        '<a href="demo-1.0.tar.gz#md5=0">demo-1.0.tar.gz</a><br/>\n', "<a>", "</a >", "<a><br>",
        '<a href="x" href="y" data-yanked="">x</a> \n', "<body class=\"b\">", "]]>", " ", "\x00",
    ]
)  # fmt: skip
RARE = st.sampled_from(
    [
        "<", ">", "<!", "<!-->", "<!--->", "<!-- -- -->", "<!--a--!>", "<?", "</", "</>", "<a", "-->",
        "<![CDATA[", "<!doctype html SYSTEM 'x'>", "<title><a href='x'></title>", "<script><a></a>",
        "</script>", "<a/>", '<a href="x"/>', "<plaintext>", "<a href='", '"',
    ]
)  # fmt: skip
ELEMENTS = st.tuples(TAGS, st.lists(QUOTED | ODD, max_size=4), SPACE).map(
    lambda parts: f"<{parts[0]}{''.join(parts[1])}{parts[2]}>"
)


def long_way(text: str) -> Anchors | None:
    """What html.parser gives; None where it gives up."""
    try:
        return parsed_anchors(text)
    except (AssertionError, ValueError, PageError):
        return None


@settings(max_examples=600, deadline=None)
@given(st.lists(PLAIN | ELEMENTS | ELEMENTS | RARE, max_size=8).map("".join))
@example('<a href="a>b" data-requires-python="&gt;=3">')
@example('<title>x</title><a name="&gt;&lt;&#39;&#x27;&#34;">')
def test_a_plain_page_is_what_html_parser_makes_of_it(text: str) -> None:
    plain = plain_anchors(text)
    assert plain is None or plain == long_way(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(PLAIN, max_size=8).map("".join), st.data())
def test_a_page_as_indexes_write_it_is_plain_and_any_change_of_it_is_safe(
    text: str, data: st.DataObject
) -> None:
    text += '<a href="demo-1.0.tar.gz">demo</a>'
    assert plain_anchors(text) == long_way(text) is not None
    at = data.draw(st.integers(0, len(text)))
    new = data.draw(st.sampled_from(list("<>\"'&/!-= \x00aA")))
    for changed in (text[:at] + text[at + 1 :], text[:at] + new + text[at:], text[:at]):
        plain = plain_anchors(changed)
        assert plain is None or plain == long_way(changed)


# --- names ----------------------------------------------------------------------------------------

DEMO = canonicalize_name("a-b")
PARTS = st.sampled_from(
    [
        "a_b", "a-b", "A.B", "a--b", "a__b", "a", "b", "1.0", "1.0.0", "01", "1.0+local.1", "1!2", "v1",
        "1.0.post1", "1.0-1", "1.0RC1", "1_2", "py3", "cp312", "py2.py3", "none", "any", "3py", "a.",
        "manylinux_2_17_x86_64.manylinux2014_x86_64", "2", "2a", "2A", "", "é", "x86", "١",
    ]
)  # fmt: skip
ENDINGS = st.sampled_from([".whl", ".tar.gz", ".zip", ".exe", ".whl.metadata", "", ".tgz"])


@settings(max_examples=600, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=7), ENDINGS)
@example(["a_b", "1.0", "1", "py3", "none", "any"], ".whl")
@example(["a_b", "1.0", "cp312", "cp312", "win_amd64", "x86"], ".whl")
@example(["a-b", "1.0-2"], ".tar.gz")
@example(["a_b", "1" * 5000, "py3", "none", "any"], ".whl")
def test_the_version_in_a_file_name(parts: list[str], ending: str) -> None:
    filename = "-".join(parts) + ending
    name = parse_filename(filename, DEMO)
    expected = None if isinstance(name, OtherName) else str(name.version)
    assert version_text(filename, DEMO) == expected


VERSIONS = [
    "1",
    "1.0",
    "1.0.0",
    "10",
    "1.1",
    "0",
    "0.0",
    "1!1.0",
    "1!0",
    "1.0.post1",
    "1.0a1",
    "2.0",
]


@given(
    st.lists(st.sampled_from(VERSIONS), max_size=8),
    st.sampled_from([*VERSIONS, "1.0+local", "3"]),
)
def test_the_files_of_a_version(texts: list[str], wanted: str) -> None:
    files = [
        Artifact(
            filename=name, url=f"https://index.test/{number}/{name}", name=parse_filename(name)
        )
        for number, name in enumerate(f"lib-{text}.tar.gz" for text in texts)
    ]
    kept = KeptFiles([str(Version(text)) for text in texts], files.__getitem__)
    for some in (files, kept):
        listing = Listing(project=NormalizedName("lib"), files=some, origin="here")
        version = Version(wanted)
        assert list(listing.of_version(version)) == list(listing.by_version().get(version, ()))


# --- archives -------------------------------------------------------------------------------------

INFO = "demo-1.0.dist-info"
METADATA = f"{INFO}/METADATA"
WHEEL = zip_bytes(
    [
        ("demo/__init__.py", b"x = 1\n" * 50),
        ("demo/six-1.0.dist-info/METADATA", b"Name: six\n"),
        (METADATA, b"Name: demo\nVersion: 1.0\n" * 4),
        (f"{INFO}/WHEEL", b"Wheel-Version: 1.0\n"),
    ]
)
DIRECTORY = WHEEL.index(b"PK\x01\x02")


def by_zipfile(data: bytes, limit: int) -> tuple[set[str], bytes | None]:
    """The folders with a dist-info, and METADATA if there is one that can be read."""
    archive = open_zip(io.BytesIO(data), Limits())
    tops = {name.partition("/")[0] for name in archive.namelist() if "/" in name}
    found = [info for info in archive.infolist() if info.filename == METADATA]
    content = read_member(archive, found[0], limit) if len(found) == 1 else None
    return {top for top in tops if top.endswith(".dist-info")}, content


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(DIRECTORY, len(WHEEL) - 1) | st.integers(0, len(WHEEL) - 1),
            st.binary(min_size=1, max_size=4)
            | st.sampled_from([b"\x00", b"\xff\xff", b"../", b"PK\x06\x07", b"\\", b"demo"]),
            st.integers(0, 4),
        ),
        max_size=3,
    ),
    st.sampled_from([10, 96, 1000]),
)
def test_a_plain_archive_is_what_zipfile_makes_of_it(
    changes: list[tuple[int, bytes, int]], limit: int
) -> None:
    data = WHEEL
    for at, new, removed in changes:
        data = data[:at] + new + data[at + removed :]
    plain = PlainZip.open(io.BytesIO(data), Limits())
    if not changes:
        assert plain is not None
    if plain is None:
        return
    content = plain.read(METADATA, limit)
    try:
        folders, expected = by_zipfile(data, limit)
    except ArchiveError:
        # The table of contents is sound, so it is the member that is not.
        assert content is None
        return
    assert plain.folders(".dist-info") == folders
    assert content is None or content == expected
