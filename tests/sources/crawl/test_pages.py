"""Pages as a crawl reads them: the same files as `check` sees, of which less is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from trueup.model.errors import PageError
from trueup.sources.crawl.pages import PageFile, address_of, artifact_of, read_page
from trueup.sources.simple import parse_page

DEMO = canonicalize_name("demo")
URL = "https://index.test/simple/demo/"
JSON = "application/vnd.pypi.simple.v1+json"
WHEEL = "demo-1.0-py3-none-any.whl"
SHA = "ab" * 32


def page(*files: Mapping[str, Any], **others: Any) -> bytes:
    document = {"meta": {"api-version": "1.4"}, "name": "demo", "files": files, **others}
    return json.dumps(document).encode()


def file(filename: str = WHEEL, **others: Any) -> dict[str, Any]:
    """An entry of a page; keys are written with underscores."""
    found = {"filename": filename, "url": f"../../files/{filename}", "hashes": {}, **others}
    return {key.replace("_", "-"): value for key, value in found.items()}


def read(body: bytes, kind: str = JSON) -> list[PageFile]:
    return read_page(body, content_type=kind, url=URL, project=DEMO)


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        (file(), "kind", "wheel"),
        (file("demo-1.0.tar.gz"), "kind", "sdist"),
        (file("demo-1.0.win32.exe"), "kind", "other"),
        (file("demo-1.0.win32.exe"), "version", "1.0"),
        (file("demo.whl"), "version", ""),
        (file("demo-1.0.0RC1-py3-none-any.whl"), "version", "1.0.0rc1"),
        (file(core_metadata={"sha256": SHA}), "sidecar", SHA),
        (file(core_metadata={"sha256": SHA.upper()}), "sidecar", SHA),
        (file(core_metadata={"md5": "x"}), "sidecar", ""),
        (file(core_metadata=True), "sidecar", ""),
        (file(core_metadata=False, dist_info_metadata={"sha256": SHA}), "sidecar", None),
        (file(dist_info_metadata={"sha256": SHA}), "sidecar", SHA),
        (file(yanked=True), "yanked", ""),
        (file(yanked="broken"), "yanked", "broken"),
        (file(yanked=""), "yanked", None),
        (file(hashes={"sha256": SHA, "md5": "x"}), "sha256", SHA),
        (file(upload_time="never"), "uploaded", "never"),
        (file(size=5, unknown={"x": [1]}), "size", 5),
    ],
)
def test_files(given: dict[str, Any], field: str, expected: object) -> None:
    (found,) = read(page(given))
    assert getattr(found, field) == expected


def test_html_says_the_same() -> None:
    html = (
        f"<a href='/f/{WHEEL}#sha256={SHA}' data-core-metadata='sha256={SHA}' "
        f"data-requires-python='&gt;=3' data-yanked='why'>{WHEEL}</a>"
    )
    as_json = file(
        hashes={"sha256": SHA}, yanked="why", core_metadata={"sha256": SHA}, requires_python=">=3"
    )
    (one,), (other,) = read(html.encode(), "text/html"), read(page(as_json))
    one.url = other.url = ""
    assert one == other


def test_a_name_that_stands_there_twice_counts_once() -> None:
    assert [one.size for one in read(page(file(size=1), file(size=2)))] == [1]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", JSON), (b"{}", JSON), (b"[", JSON), (b"\xff\xfe", JSON), (b"null", "text/html"),
        (page(file("../x.whl")), JSON), (page(file("")), JSON), (page(file("a\nb.whl")), JSON),
        (page(meta={"api-version": "2.0"}), JSON), (page({"filename": WHEEL}), JSON),
        (page(file()), "image/png"), (b'{"files": [' + b"[" * 5000, JSON),
        (b"<html><a href='/login'>log in</a></html>", "text/html"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused_as_check_refuses_it(body: bytes, kind: str) -> None:
    with pytest.raises(PageError) as mine:
        read(body, kind)
    with pytest.raises(PageError) as theirs:
        parse_page(body, content_type=kind, url=URL, project=DEMO)
    assert str(mine.value) == str(theirs.value)


def test_links_are_resolved_when_they_are_followed() -> None:
    (found,) = read(page(file(hashes={"sha256": SHA.upper()}, core_metadata={"sha256": SHA})))
    artifact = artifact_of(found, address_of(found, URL), DEMO)
    assert artifact.url == f"https://index.test/files/{WHEEL}"
    assert artifact.hashes == {"sha256": SHA}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://files.test/a/b.whl", "https://files.test/a/b.whl"),
        ("https://files.test/a/b.whl#sha256=x", "https://files.test/a/b.whl"),
        ("https://me:secret@files.test:8/b%20c.whl?x=1", "https://files.test:8/b%20c.whl?x=1"),
        ("/b.whl", "https://index.test/b.whl"),
        ("//files.test/b.whl", "https://files.test/b.whl"),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    (found,) = read(page({**file(), "url": url}))
    assert address_of(found, URL) == expected


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:x", "https://a:b/x", "http:///x"]
)
def test_links_to_where_an_index_may_not_lead(url: str) -> None:
    (found,) = read(page({**file(), "url": url}))
    with pytest.raises(PageError):
        address_of(found, URL)
