"""A page that is written says what the page said that was read, in either form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from packaging.utils import NormalizedName

from trueup.model.artifact import parse_filename
from trueup.sources.simple import parse_page
from trueup.sources.simplepage import page_html, page_json
from trueup.sources.source import Listing

DEMO = NormalizedName("demo")
WHEEL, OTHER, SDIST = "demo-1.0-py3-none-any.whl", "demo-1.0-1x-py3-none-any.whl", "demo-1.0.tar.gz"
URL = "https://index.test/simple/demo/"
ATTESTED = f"https://index.test/integrity/demo/1.0/{WHEEL}/provenance"
JSON, HTML = "application/vnd.pypi.simple.v1+json", "text/html"
WRITE = {JSON: page_json, HTML: page_html}


def listing(*files: dict[str, Any]) -> Listing:
    body = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": files}).encode()
    return read(body, JSON)


def read(body: bytes, form: str) -> Listing:
    return parse_page(body, content_type=form, url=URL, project=DEMO).listing(DEMO)


@pytest.mark.parametrize("form", [JSON, HTML])
def test_what_was_read_is_written(form: str) -> None:
    before = listing(
        {
            "filename": WHEEL, "url": f"https://files.index.test/{WHEEL}",
            "hashes": {"sha256": "a" * 64}, "requires-python": ">=3.9", "yanked": 'bad" <b>',
            "core-metadata": {"sha256": "b" * 64}, "provenance": ATTESTED,
        },
        {"filename": SDIST, "url": f"https://files.index.test/{SDIST}", "hashes": {}},
    )  # fmt: skip
    after = read(WRITE[form](before), form)
    assert list(after.files) == list(before.files)
    assert after.files[0].provenance == {"a" * 64: ATTESTED}
    assert after.files[1].provenance == {}


@pytest.mark.parametrize(
    "value",
    [
        None, "", "a" * 64, "../provenance", "ftp://index.test/p", "javascript:alert(1)",
        "https://", "https://[", 7, ["https://index.test/p"], {"sha256": "a"},
    ],
)  # fmt: skip
def test_a_provenance_that_leads_nowhere_is_left_out(value: object) -> None:
    (file,) = listing(
        {"filename": WHEEL, "url": WHEEL, "hashes": {"sha256": "a" * 64}, "provenance": value}
    ).files
    assert file.provenance == {}
    page = page_json(Listing(project=DEMO, files=[file], origin=URL))
    assert "provenance" not in json.loads(page)["files"][0]


def test_credentials_in_a_provenance_stay_here() -> None:
    given = ATTESTED.replace("https://", "https://me:secret@")
    (file,) = listing(
        {"filename": WHEEL, "url": WHEEL, "hashes": {"sha256": "a" * 64}, "provenance": given}
    ).files
    assert file.provenance == {"a" * 64: ATTESTED}


@pytest.mark.parametrize("form", [JSON, HTML])
def test_what_is_made_of_a_file_is_not_attested(form: str) -> None:
    """A derived wheel has the original's place and another content, which nobody signed."""
    (original,) = listing(
        {"filename": WHEEL, "url": WHEEL, "hashes": {"sha256": "a" * 64}, "provenance": ATTESTED}
    ).files
    derived = replace(
        original, filename=OTHER, name=parse_filename(OTHER), hashes={"sha256": "c" * 64}
    )
    page = WRITE[form](Listing(project=DEMO, files=[derived, original], origin=URL))
    assert page.count(ATTESTED.encode()) == 1
    assert [bool(file.provenance) for file in read(page, form).files] == [False, True]
