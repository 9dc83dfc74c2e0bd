"""The HTML report as text; what it does in a browser is in `tests/real/test_html_report.py`."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.samples import CROWD, SAMPLES, XGBOOST
from trueup.interfaces.report import render_html
from trueup.model.finding import Evidence, FileStatus, Report

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """Checks that elements nest, and gathers what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.mark.parametrize("name", SAMPLES)
def test_elements_nest_and_links_lead_somewhere(name: str) -> None:
    page = Page(render_html(SAMPLES[name]))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for key in ("href", "aria-labelledby", "aria-controls"):
        for _, attrs in page.tags:
            target = attrs.get(key)
            if target is not None and target != "data:,":
                assert target.removeprefix("#") in ids
                assert target.startswith("#") or key != "href"


@pytest.mark.parametrize("name", SAMPLES)
def test_one_script_one_style_nothing_from_elsewhere(name: str) -> None:
    text = render_html(SAMPLES[name])
    page = Page(text)
    assert page.all("script") == [{}]
    assert page.all("style") == [{}]
    assert {attrs.get("href") for attrs in page.all("link")} == {"data:,"}
    assert not any("src" in attrs or "style" in attrs for _, attrs in page.tags)
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)


def test_the_policy_admits_exactly_the_own_style_and_script() -> None:
    text = render_html(SAMPLES["hostile"])
    (policy,) = (attrs["content"] for attrs in Page(text).all("meta") if "http-equiv" in attrs)
    assert policy is not None
    for element in ("style", "script"):
        match = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert match is not None
        digest = base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_hostile_values_are_text() -> None:
    text = render_html(SAMPLES["hostile"])
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "<script>alert" not in text
    page = Page(text)
    assert any("<script>alert(1)</script>" in data for data in page.text)
    assert r"\x1b[31m\u202egnp\x07\x9b\u2028" in "".join(page.text)
    assert "secret" not in text


def test_the_matrix_has_a_cell_for_every_file_and_field() -> None:
    text = render_html(SAMPLES["crowd"])
    assert text.count('<th scope="row">') == len(CROWD.files) == 176
    assert text.count('<a class="cell ') == 176 * 10
    assert text.count('<th scope="col"') == 2 + 10


def test_a_file_of_which_nothing_is_known_has_no_variant() -> None:
    text = render_html(SAMPLES["unread"])
    assert text.count("not known") == 2
    assert "is not a zip file: it ends after 4,096 of 81,920 bytes" in text
    assert '<span class="badge unknown">at least identical</span>' in text


def test_only_what_differs_is_highlighted() -> None:
    text = render_html(SAMPLES["nmslib"])
    own = re.findall(r'<li class="own"><code>(.*?)</code>', text)
    assert own[:4] == [
        "numpy&lt;1.17,&gt;=1.10.0; python_version == &#34;2.7&#34;",
        "numpy&gt;=1.10.0; python_version &gt;= &#34;3.5&#34;",
        "numpy&lt;1.17,&gt;=1.10.0",
        "numpy&gt;=1.10.0",
    ]
    assert "2 values common to all wheels" in text


def test_backticks_become_code() -> None:
    text = render_html(SAMPLES["xgboost"])
    assert "the sdist says that <code>Requires-Dist</code> is static" in text


def test_backticks_of_evidence_become_code_and_signs_are_explained() -> None:
    finding = replace(
        XGBOOST.findings[0],
        code="identity-mismatch",
        where="Linux `x86_64`",
        evidence=(
            Evidence(
                files=("a.whl",), where="in `WHEEL`", says=("`Name` is `x`", "+ py3-none-any")
            ),
        ),
    )
    text = render_html(Report(releases=(replace(XGBOOST, findings=(finding,)),)))
    assert (
        "<li><code>Name</code> is <code>x</code></li><li><code>+ py3-none-any</code></li>" in text
    )
    assert '<span class="region">in <code>WHEEL</code></span>' in text
    assert "<b>Where</b> Linux <code>x86_64</code>" in text
    assert '<p class="note"><code>+</code> only in <code>WHEEL</code></p>' in text


def test_rows_of_the_matrix_do_not_depend_on_the_order_of_the_listing() -> None:
    files = tuple(
        replace(file, status=FileStatus.OUTSIDE) if number == 1 else file
        for number, file in enumerate(XGBOOST.files)
    )
    pages = {
        render_html(Report(releases=(replace(XGBOOST, files=order),)))
        for order in (files, files[::-1])
    }
    assert len(pages) == 1
    assert '<td class="status outside">outside</td>' in pages.pop()


def test_equal_reports_give_equal_pages() -> None:
    assert render_html(SAMPLES["many"]) == render_html(SAMPLES["many"])


def test_other_formats_do_not_load_the_template_engine() -> None:
    code = "import sys, trueup.interfaces.report; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
