from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from trueup.model.artifact import OtherName
from trueup.model.errors import LimitError, PageError
from trueup.sources import simple
from trueup.sources.simple import parse_page
from trueup.sources.source import Listing

DEMO = canonicalize_name("demo")
URL = "https://index.test/simple/demo/"
WHEEL = "demo-1.0-py3-none-any.whl"
SHA = "ab" * 32


def html(body: str, *, url: str = URL, content_type: str = "text/html; charset=utf-8") -> Listing:
    page = parse_page(body.encode(), content_type=content_type, url=url, project=DEMO)
    return page.listing(DEMO)


def page(*files: dict[str, Any], more: dict[str, Any] | None = None) -> Listing:
    document = {"meta": {"api-version": "1.4"}, "name": "demo", "files": list(files)}
    found = parse_page(
        json.dumps(document | (more or {})).encode(),
        content_type="application/vnd.pypi.simple.v1+json",
        url=URL,
        project=DEMO,
    )
    return found.listing(DEMO)


def test_json_page_with_everything() -> None:
    listing = page(
        {
            "filename": WHEEL,
            "url": f"../../files/{WHEEL}",
            "hashes": {"sha256": SHA.upper()},
            "requires-python": ">=3.9",
            "size": 123,
            "upload-time": "2024-05-06T07:08:09.123456Z",
            "yanked": "broken",
            "core-metadata": {"sha256": SHA},
            "provenance": None,
            "from-the-future": {"x": [1]},
        },
        more={"versions": ["1.0"], "project-status": {"status": "archived", "reason": "done"}},
    )
    (file,) = listing.files
    assert file.url == f"https://index.test/files/{WHEEL}"
    assert file.is_wheel
    assert file.hashes == {"sha256": SHA}
    assert file.index_requires_python == ">=3.9"
    assert file.size == 123
    assert file.upload_time == datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    assert file.yanked == "broken"
    assert file.core_metadata == {"sha256": SHA}
    assert listing.status == "archived"
    assert listing.origin == URL


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, None),
        ({"core-metadata": True}, {}),
        ({"core-metadata": False}, None),
        ({"core-metadata": {"sha256": SHA}}, {"sha256": SHA}),
        ({"dist-info-metadata": {"sha256": SHA}}, {"sha256": SHA}),
        ({"core-metadata": False, "dist-info-metadata": True}, None),
        ({"core-metadata": True, "dist-info-metadata": {"sha256": SHA}}, {}),
        ({"core-metadata": None}, None),
    ],
)
def test_json_sidecars(keys: dict[str, Any], expected: object) -> None:
    (file,) = page({"filename": WHEEL, "url": WHEEL, **keys}).files
    assert file.core_metadata == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(False, None), (True, ""), ("why", "why"), ("", None), (None, None)],
)
def test_json_yanked(value: object, expected: str | None) -> None:
    (file,) = page({"filename": WHEEL, "url": WHEEL, "yanked": value}).files
    assert file.yanked == expected


def test_upload_time_that_is_none_is_not_invented() -> None:
    (file,) = page({"filename": WHEEL, "url": WHEEL, "upload-time": "yesterday"}).files
    assert file.upload_time is None


def test_html_page_with_everything() -> None:
    listing = html(
        f"""<!DOCTYPE html><html><head>
        <meta name="pypi:repository-version" content="1.3">
        <meta name="pypi:project-status" content="deprecated">
        <base href="https://files.index.test/a/"></head><body>
        <a href="../">up</a> <a href="#top">top</a> <a href="?C=N">sort</a>
        <a href="mailto:us@index.test">us</a> <a name="x">no link</a>
        <A HREF="b/{WHEEL}?x=1&amp;y=2#sha256={SHA}" data-requires-python="&gt;=3.9"
           data-yanked data-core-metadata="sha256={SHA}" data-dist-info-metadata="true">{WHEEL}</A>
        <a href="demo-1.0.tar.gz#md5=ABC" data-yanked="bad&quot;" data-dist-info-metadata="true">x</a>
        <a href="demo-1%2B1.0-py3-none-any.whl#egg=demo" data-core-metadata="false">x</a>
        </body></html>"""
    )
    wheel, sdist, encoded = listing.files
    assert wheel.url == f"https://files.index.test/a/b/{WHEEL}?x=1&y=2"
    assert wheel.hashes == {"sha256": SHA}
    assert wheel.index_requires_python == ">=3.9"
    assert wheel.yanked == ""
    assert wheel.core_metadata == {"sha256": SHA}
    assert sdist.hashes == {"md5": "abc"}
    assert sdist.yanked == 'bad"'
    assert sdist.core_metadata == {}
    assert encoded.filename == "demo-1+1.0-py3-none-any.whl"
    assert encoded.hashes == {}
    assert encoded.core_metadata is None
    assert encoded.yanked is None
    assert listing.status == "deprecated"


def test_a_page_without_files_is_an_empty_listing() -> None:
    assert not html("<!DOCTYPE html><html><body></body></html>").files
    assert not page().files


def test_the_body_tells_where_the_content_type_does_not() -> None:
    for kind in ("", "text/plain", "application/octet-stream"):
        assert not html('{"files": []}', content_type=kind).files
        assert len(html(f'<a href="{WHEEL}">', content_type=kind).files) == 1


def test_other_files_are_listed() -> None:
    listing = html(f'<a href="demo-1.0-py2.7.egg">x</a><a href="{WHEEL}.asc">y</a>')
    assert [type(file.name) for file in listing.files] == [OtherName, OtherName]


def test_credentials_do_not_reach_the_listing() -> None:
    url = "https://user:secret@index.test/simple/demo/"
    listing = html(f'<a href="{WHEEL}">', url=url)
    assert listing.files[0].url == f"{URL}{WHEEL}"
    assert listing.origin == URL
    with pytest.raises(PageError) as caught:
        html("", url=url)
    assert "secret" not in str(caught.value)


def test_local_pages_may_link_to_local_files() -> None:
    listing = html('<a href="../demo-1.0.zip">', url="file:///srv/simple/demo/index.html")
    assert listing.files[0].url == "file:///srv/simple/demo-1.0.zip"


EXPECTED = "a project page of the Simple API (PEP 503 or PEP 691)"


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (
            "",
            "text/html",
            f"the page is neither JSON nor HTML: found an empty page, expected {EXPECTED}",
        ),
        (
            "\x89PNG\r\n\x1a",
            "text/html",
            f"the page is neither JSON nor HTML: found `\\xc2\\x89PNG\\r\\n\\x1a`, expected {EXPECTED}",
        ),
        (
            "%PDF",
            "application/pdf",
            "the page has an unexpected content type: found `application/pdf`, "
            f"expected {EXPECTED}",
        ),
        (
            '{"files": [',
            "application/json",
            "the page is not the JSON that PEP 691 describes: found Input data was truncated, "
            f"expected {EXPECTED}",
        ),
        (
            '{"meta": {}}',
            "application/json",
            "the page is not the JSON that PEP 691 describes: found Object missing required field "
            f"`files`, expected {EXPECTED}",
        ),
        (
            '{"files": [{"filename": 1, "url": ""}]}',
            "application/json",
            "the page is not the JSON that PEP 691 describes: found Expected `str`, got `int` - at "
            f"`$.files[0].filename`, expected {EXPECTED}",
        ),
        (
            '{"meta": {"api-version": "2.0"}, "files": []}',
            "application/json",
            "the page has an unknown version of the Simple API: found `2.0`, expected `1.x`",
        ),
        (
            '<meta name="pypi:repository-version" content="2.1">',
            "text/html",
            "the page has an unknown version of the Simple API: found `2.1`, expected `1.x`",
        ),
        (
            '<html><a href="/login">Sign in</a></html>',
            "text/html",
            f"the page lists no file of any release: found links such as `login`, expected {EXPECTED}",
        ),
        (
            f'<a href="file:///etc/{WHEEL}">',
            "text/html",
            f"the page links `{WHEEL}` to a place that an index may not link to: found "
            f"`file:///etc/{WHEEL}`, expected an http or https address",
        ),
        (
            f'<a href="javascript:{WHEEL}">',
            "text/html",
            f"the page links `{WHEEL}` to a place that an index may not link to: found "
            f"`javascript:{WHEEL}`, expected an http or https address",
        ),
        (
            json.dumps({"files": [{"filename": WHEEL, "url": "data:,x"}]}),
            "application/json",
            f"the page links `{WHEEL}` to a place that an index may not link to: found "
            "`data:,x`, expected an http or https address",
        ),
        (
            json.dumps({"files": [{"filename": WHEEL, "url": "x", "size": 10**400}]}),
            "application/json",
            "the page is not the JSON that PEP 691 describes: found Expected `int` <= "
            f"9007199254740992 - at `$.files[0].size`, expected {EXPECTED}",
        ),
        (
            json.dumps({"files": [{"filename": "../x.whl", "url": "x"}]}),
            "application/json",
            "the page lists a file with a malformed name: found `../x.whl`, "
            "expected a file name without path separators or control characters",
        ),
        (
            f'<a href="http://[::1/{WHEEL}">',
            "text/html",
            f"the page has a malformed link: found `http://[::1/{WHEEL}`, expected an address",
        ),
        (
            '<a href="%2e%2e%2Fx.whl">',
            "text/html",
            "the page links to a file with a malformed name: found `../x.whl`, "
            "expected a file name without path separators or control characters",
        ),
        (
            "<html><!--" + "-" * 1_200_000,
            "text/html",
            "the page is malformed: found a tag, comment or script of more than 1024 KiB, "
            f"expected {EXPECTED}",
        ),
    ],
)
def test_bad_pages(body: str, content_type: str, message: str) -> None:
    with pytest.raises(PageError) as caught:
        html(body, content_type=content_type)
    assert str(caught.value) == f"`{URL}`: {message}"


def test_a_page_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple, "MAX_PAGE_BYTES", 2 * 1024**2)
    with pytest.raises(LimitError) as caught:
        html("x" * (2 * 1024**2 + 1))
    assert str(caught.value) == (
        f"`{URL}`: the page is too large: found more than 2 MiB, expected at most 2 MiB"
    )


FRAGMENTS = st.sampled_from(
    [
        "<a href=", '"', "'", ">", "<", "&", "&gt;", "<!--", "-->", "<!", "<?", "</a>", "<script>",
        "<base href=", "<meta name=pypi:repository-version content=1.0>", "data-yanked", "=",
        "demo-1.0.tar.gz", WHEEL, "#sha256=", "//", "http://[", "file:", "javascript:", "\x00",
        "data-core-metadata=", "%2F", "%00", " ", "\n", "]]>", "<![CDATA[", "é",
    ]
)  # fmt: skip


def holds(body: bytes, content_type: str) -> bool:
    """Whether a body gives what any body must: a listing, or an error that names the address."""
    try:
        page = parse_page(body, content_type=content_type, url=URL, project=DEMO)
    except (PageError, LimitError) as error:
        return str(error).startswith(f"`{URL}`: ")
    return all(file.filename for file in page.listing(DEMO).files)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=30).map("".join))
def test_fuzzed_html_is_a_listing_or_a_page_error(body: str) -> None:
    assert holds(body.encode("utf-8", "surrogatepass"), "text/html")
    assert holds(body.encode("utf-8", "surrogatepass"), "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([WHEEL, SHA]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["filename", "url", "hashes", "yanked", "core-metadata", "size", "upload-time", "meta",
             "files", "api-version", "project-status", "requires-python", "sha256"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON | JSON.map(lambda file: {"files": [file]}), st.integers(0, 5))
def test_fuzzed_json_is_a_listing_or_a_page_error(value: object, cut: int) -> None:
    text = json.dumps(value).encode()
    assert holds(text, "application/json")
    assert holds(text[: len(text) - cut], "application/json")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["text/html", "application/json", ""]))
def test_fuzzed_bytes(body: bytes, content_type: str) -> None:
    assert holds(body, content_type)
