"""The HTML report in a real browser: what it shows, does, and leaves alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.locksamples import LOCK_SAMPLES
from tests.samples import CROWD, SAMPLES
from trueup.interfaces.report import render_html
from trueup.interfaces.report.lockhtml import render_lock_html

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NAMES = (*SAMPLES, *(f"lock-{name}" for name in LOCK_SAMPLES))
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = (1280, 900), (360, 740)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name, report in SAMPLES.items():
        (folder / f"{name}.html").write_text(render_html(report), "utf-8")
    for name, locks in LOCK_SAMPLES.items():
        (folder / f"lock-{name}.html").write_text(render_lock_html(locks), "utf-8")
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An open page, with everything it did that a report should not do."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Opens reports in the browser, each in a context of its own."""

    browser: Browser
    folder: Path
    visits: list[Visit] = field(default_factory=list)

    def open(
        self,
        name: str,
        size: tuple[int, int] = DESKTOP,
        *,
        scheme: Literal["light", "dark"] = "light",
        script: bool = True,
        fragment: str = "",
    ) -> Page:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        visit = Visit(page=context.new_page())
        self.visits.append(visit)
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        visit.page.goto((self.folder / f"{name}.html").as_uri() + fragment)
        return visit.page


@pytest.fixture
def reader(browser: Browser, reports: Path) -> Iterator[Reader]:
    """Whatever a test does with a report, it must cause no request, message or error."""
    reader = Reader(browser=browser, folder=reports)
    yield reader
    for visit in reader.visits:
        assert visit.complaints == []
        assert len(visit.requests) == 1
        assert visit.requests[0].startswith("file:")
        visit.page.context.close()


def _rows(page: Page) -> Locator:
    return page.locator("tbody tr:not([hidden]):not(.peek)")


@pytest.mark.parametrize("name", NAMES)
def test_the_page_never_scrolls_sideways(reader: Reader, name: str) -> None:
    page = reader.open(name)
    # Folded parts count as well.
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true })")
    for width, height in (DESKTOP, PHONE, (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_matrix_scrolls_in_its_own_container(reader: Reader) -> None:
    page = reader.open("crowd", PHONE)
    box = page.locator(".scroll")
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    # The page's policy forbids what Playwright's own waiting functions do.
    box.evaluate("""(box) => new Promise((done) => {
      const look = () => box.scrollLeft > 0 ? done() : requestAnimationFrame(look);
      look();
    })""")
    head = page.locator("tbody th").first.bounding_box()
    assert head is not None
    assert head["x"] >= 0  # the file names stay in sight


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 176),
        ("cp312 win_amd64", 1),
        ("CP312", 25),
        ("requires-dist:b", 44),
        ("requires-dist:b requires-python:b cp38", 6),
        ("sdist", 1),
        ("nothing like it", 0),
    ],
)
def test_filter(reader: Reader, text: str, count: int) -> None:
    page = reader.open("crowd")
    page.get_by_role("searchbox", name="Filter").fill(text)
    expect(_rows(page)).to_have_count(count)
    said = f"{count} of 176 files" if count < 176 else "176 files"
    expect(page.get_by_role("search").locator("output")).to_have_text(said)


def test_only_unusual_files_and_only_fields_that_differ(reader: Reader) -> None:
    page = reader.open("nmslib")
    page.get_by_label("only unusual files").check()
    expect(_rows(page)).to_have_count(4)
    page.get_by_label("only fields that differ").check()
    expect(page.locator("thead th:visible")).to_have_text(
        ["File", "Status", "Requires-Dist3 variants"]
    )
    page.get_by_label("only unusual files").uncheck()
    expect(_rows(page)).to_have_count(35)


def test_details_open_on_click(reader: Reader) -> None:
    page = reader.open("nmslib")
    page.get_by_role("searchbox").fill("cp35 win")
    cell = page.locator("tbody").get_by_role("button", name="B", exact=True)
    expect(cell).to_have_attribute("aria-expanded", "false")
    cell.click()
    expect(cell).to_have_attribute("aria-expanded", "true")
    peek = page.locator(".peek")
    expect(peek.get_by_role("heading")).to_have_text("Requires-Dist")
    expect(peek).to_contain_text("Python 3.5 on macOS and Windows")
    expect(peek.locator(".own")).to_have_text(["numpy<1.17,>=1.10.0", "numpy>=1.10.0"])
    peek.get_by_role("button", name="show only these").click()
    expect(page.get_by_role("searchbox")).to_have_value("requires-dist:b")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(_rows(page)).to_have_count(3)
    expect(peek).to_have_count(0)


def test_details_open_from_the_keyboard(reader: Reader) -> None:
    page = reader.open("crowd")
    cell = page.locator("tbody a.cell").nth(12)
    peek = page.locator(".peek")
    cell.focus()
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        expect(peek).to_have_count(1)
        page.keyboard.press(key)
        expect(peek).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(peek).to_have_count(0)
    expect(cell).to_be_focused()


def test_focus_is_visible(reader: Reader) -> None:
    page = reader.open("crowd")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the report")).to_be_in_viewport()
    for _ in range(4):
        page.keyboard.press("Tab")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style == "solid"


def test_what_assistive_technology_is_told(reader: Reader) -> None:
    page = reader.open("nmslib")
    table = page.get_by_role("table", name="Which variant of each field each file of nmslib 2.1.1")
    expect(table.get_by_role("columnheader")).to_have_count(5)
    expect(table.get_by_role("rowheader")).to_have_count(35)
    expect(page.get_by_role("region", name="Files and fields")).not_to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("nmslib 2.1.1")
    expect(page.get_by_role("main")).to_have_count(1)


def test_several_releases_are_linked_and_folded(reader: Reader) -> None:
    page = reader.open("many")
    links = page.get_by_role("navigation", name="Releases").get_by_role("link")
    expect(links).to_have_count(8)
    flask = page.locator("details.release", has=page.get_by_role("heading", name="flask 3.1.3"))
    expect(flask).not_to_have_attribute("open", "")
    links.filter(has_text="flask").click()
    expect(flask).to_have_attribute("open", "")
    expect(flask.get_by_text("any one wheel speaks for all", exact=False)).to_be_in_viewport()


def test_copy(reader: Reader) -> None:
    page = reader.open("nmslib")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_have_count(1)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("[project]\ndependencies = [\n")
    assert copied.endswith("]\n")


def test_without_javascript_everything_is_there(reader: Reader) -> None:
    page = reader.open("crowd", script=False)
    expect(page.get_by_role("search")).to_be_hidden()
    expect(_rows(page)).to_have_count(len(CROWD.files))
    # Folded, because it has 30 variants; a link into it unfolds it.
    variant = page.get_by_text("region 8 of 30: Linux, Python 3.15")
    expect(variant).to_be_hidden()
    page.locator("tbody tr").nth(8).locator("a.cell", has_text="H").last.click()
    expect(variant).to_be_in_viewport()
    shared = page.locator("details.shared").first
    shared.locator("summary").click()
    expect(shared.get_by_text("shared-11>=1")).to_be_visible()


def test_hostile_values_run_nothing(reader: Reader) -> None:
    page = reader.open("hostile")
    assert page.evaluate("document.scripts.length") == 1
    page.locator("tbody a.cell").first.click()
    expect(page.locator(".peek")).to_contain_text("<script>alert(1)</script>")


def test_print(reader: Reader) -> None:
    page = reader.open("crowd", (794, 1123))  # A4 at 96 dots per inch
    page.emulate_media(media="print")
    expect(page.get_by_role("search")).to_be_hidden()
    folded = page.locator("details.field:not([open]) li").first
    box = folded.bounding_box()
    assert box is not None
    assert box["height"] > 0
    assert page.locator(".scroll").evaluate("(box) => box.scrollHeight <= box.clientHeight + 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= 794


# WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1 for text of ordinary size.
_CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(node).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const seen = {};
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [channels(getComputedStyle(element).color).slice(0, 3), ground(element)]
      .map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = element.tagName + "." + element.className;
    seen[name] = Math.min(seen[name] ?? 99, ratio);
  }
  return seen;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["many", "failed", "lock-many"])
def test_contrast(reader: Reader, name: str, scheme: Literal["light", "dark"]) -> None:
    page = reader.open(name, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true })")
    ratios: dict[str, Any] = page.evaluate(_CONTRAST)
    assert len(ratios) > 15
    assert {what: ratio for what, ratio in ratios.items() if ratio < 4.5} == {}


def test_dark_is_dark(reader: Reader) -> None:
    page = reader.open("nmslib", scheme="dark")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(20, 23, 28)"
