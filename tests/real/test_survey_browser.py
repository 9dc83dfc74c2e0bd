"""The page of a survey in a real browser: it shows its charts without script, network or overflow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import corpus
from tests.real.test_html_report import _CONTRAST as CONTRAST
from tests.real.test_html_report import ARGUMENTS, CHROMIUM, DESKTOP, PHONE, Reader
from tests.rows import recorded_rows
from tests.surveyed import audited, dataset_of
from trueup.features.survey.report import gather
from trueup.interfaces.report.surveyhtml import render_survey_html
from trueup.sources.dataset import FolderDataset

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("survey")
    dataset_of(found / "d", (each for name in corpus.NAMES for each in recorded_rows(name)))
    audited(found / "d")
    (found / "survey.html").write_text(
        render_survey_html(gather(FolderDataset(found / "d"))), "utf-8"
    )
    return found


@pytest.fixture
def reader(browser: Browser, folder: Path) -> Iterator[Reader]:
    """Whatever a test does with the page, it must cause no request, message or error."""
    reader = Reader(browser=browser, folder=folder)
    yield reader
    for visit in reader.visits:
        assert visit.complaints == []
        assert [address.partition(":")[0] for address in visit.requests] == ["file"]
        visit.page.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_fits_and_can_be_read(
    reader: Reader, size: tuple[int, int], scheme: str
) -> None:
    page = reader.open("survey", size, scheme="dark" if scheme == "dark" else "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.locator("figure svg").count() == 6
    for chart in page.locator("figure svg").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["x"] + box["width"] <= size[0]
    assert min(page.evaluate(CONTRAST).values()) >= 4.5


def test_words_of_charts_are_inside_and_have_the_colour_of_the_page(reader: Reader) -> None:
    page = reader.open("survey", scheme="dark")
    outside = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].filter(text => {
            const own = text.getBoundingClientRect();
            const chart = text.closest('svg').getBoundingClientRect();
            return own.left < chart.left - 1 || own.right > chart.right + 1;
        }).map(text => text.textContent)"""
    )
    assert outside == []
    colours = page.evaluate(
        """() => [...new Set([...document.querySelectorAll('figure svg text')]
            .map(text => getComputedStyle(text).fill))]"""
    )
    assert colours == [page.evaluate("getComputedStyle(document.body).color")]


def test_questions_can_be_reached_and_unfolded_without_script(reader: Reader) -> None:
    page = reader.open("survey", script=False)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.get_by_role("link", name="Which fields differ?").click()
    part = page.locator("#fields")
    part.get_by_text("The figures").click()
    assert part.get_by_role("row").nth(1).inner_text().split() == ["Requires-Dist", "20", "15"]
    part.get_by_text("How it was asked").click()
    assert "count(DISTINCT project)" in part.locator("pre").inner_text()
