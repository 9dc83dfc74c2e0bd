"""The graph of a lock in a real browser: it searches, greys out, highlights, and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.real.test_html_report import ARGUMENTS, CHROMIUM, DESKTOP, PHONE
from trueup.interfaces.report.lockshow import show_graph
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.condition import parse_condition
from trueup.model.lock import Edge, Lock, LockEntry, LockKind

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)
LINUX, WINDOWS = "cp312-linux-x86_64-glibc2.28", "cp312-windows-amd64"
SIZE = 100


def entry(project: str, *asks: str, marker: str = "") -> LockEntry:
    filename = f"{project.replace('-', '_')}-1-py3-none-any.whl"
    return LockEntry(
        project=NormalizedName(project),
        version=Version("1"),
        origin="",
        condition=parse_condition(marker),
        edges=tuple(Edge(project=NormalizedName(name)) for name in asks),
        files=(Artifact(filename=filename, url="", name=parse_filename(filename)),),
    )


LOCK = Lock(
    kind=LockKind.PYLOCK,
    path="pylock.toml",
    entries=(
        entry("app", "web", "console"),
        entry("web", "deep", "ansi"),
        entry("console", "ansi", marker="sys_platform == 'win32'"),
        entry("deep"),
        entry("ansi"),
        entry("tool", "deep"),
    ),
    targets=(LINUX, WINDOWS),
    roots=("app", "tool"),
)
CROWD = Lock(
    kind=LockKind.PYLOCK,
    path="pylock.toml",
    entries=tuple(
        entry(f"package-{n}", *(f"package-{2 * n + k}" for k in (1, 2, 30) if 2 * n + k < SIZE))
        for n in range(SIZE)
    ),
    targets=(LINUX, WINDOWS),
)
LOCKS = {"small": LOCK, "crowd": CROWD}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


class Reader:
    """Opens a picture in a fresh context, and remembers what it did that it should not do."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def open(
        self,
        name: str = "small",
        suffix: str = ".html",
        *,
        scheme: Literal["light", "dark"] = "light",
        script: bool = True,
    ) -> Page:
        path = self.folder / f"{name}{suffix}"
        show_graph(LOCKS[name], path)
        context = self.browser.new_context(
            viewport={"width": DESKTOP[0], "height": DESKTOP[1]},
            color_scheme=scheme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.goto(path.as_uri())
        return page


@pytest.fixture
def reader(browser: Browser, tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(browser, tmp_path)
    yield reader
    assert reader.complaints == []
    assert [address.partition(":")[0] for address in reader.requests] == ["file"]
    for context in browser.contexts:
        context.close()


def names(page: Page, selector: str) -> list[str]:
    """The packages among the boxes that a selector finds."""
    texts = page.locator(f".graph .node{selector} text").all_text_contents()
    return [text.split()[0] for text in texts]


def arrows(page: Page, selector: str) -> list[tuple[str, str]]:
    ends: list[list[str]] = page.locator(f".graph .edge{selector}").evaluate_all(
        "(all) => all.map((edge) => [edge.dataset.from, edge.dataset.to])"
    )
    projects = [one.project for one in LOCK.entries]
    return [(projects[int(start)], projects[int(end)]) for start, end in ends]


def click(page: Page, name: str) -> None:
    page.locator(".graph .node").filter(has_text=f"{name} 1").locator("rect").first.click()


def test_a_click_highlights_what_leads_to_a_package_and_what_it_brings(reader: Reader) -> None:
    page = reader.open()
    click(page, "web")
    assert names(page, ".picked") == ["web"]
    assert names(page, ".up") == ["app"]
    assert names(page, ".down") == ["deep", "ansi"]
    assert arrows(page, ".up") == [("app", "web")]
    assert arrows(page, ".down") == [("web", "deep"), ("web", "ansi")]
    assert names(page, ".faint") == ["console", "tool"]
    expect(page.locator("output")).to_have_text("web 1: 1 lead to it, it brings 2")
    expect(page.locator("tr.picked th")).to_have_text("web")
    click(page, "web")
    assert names(page, ".picked") == names(page, ".faint") == []


def test_a_target_greys_out_what_is_not_installed_there(reader: Reader) -> None:
    page = reader.open()
    page.get_by_role("combobox").select_option(label=LINUX)
    assert names(page, ".absent") == ["console"]
    assert arrows(page, ".absent") == [("app", "console"), ("console", "ansi")]
    expect(page.locator("tr.absent th")).to_have_text("console")
    expect(page.locator("output")).to_have_text("5 of 6 installed")
    click(page, "ansi")  # what leads to it is what does so in this target
    assert names(page, ".up") == ["app", "web"]
    page.get_by_role("combobox").select_option(label=WINDOWS)
    assert names(page, ".absent") == []
    assert names(page, ".up") == ["app", "web", "console"]


def in_frame(page: Page, name: str) -> bool:
    frame = page.locator(".pan").bounding_box()
    node = page.locator(".graph .node").filter(has_text=f"{name} 1").locator("rect").last
    box = node.bounding_box()
    assert frame is not None
    assert box is not None
    return (
        frame["x"] <= box["x"] <= frame["x"] + frame["width"] - box["width"]
        and frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]
    )


def test_what_is_found_comes_into_sight(reader: Reader) -> None:
    page = reader.open("crowd")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert not in_frame(page, "package-99")
    page.get_by_role("searchbox").fill("package-99")
    assert in_frame(page, "package-99")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("AN", ["ansi"]),
        ("deep-1", ["deep"]),
        ("deep_1", []),
        ("deep-1-py3", ["deep"]),
        ("app 1", ["app"]),
        ("", ["app", "web", "console", "deep", "ansi", "tool"]),
    ],
)
def test_the_search_filters_table_and_graph(reader: Reader, words: str, found: list[str]) -> None:
    page = reader.open()
    page.get_by_role("searchbox").fill(words)
    rows = page.locator("tbody tr:not([hidden]) th").all_inner_texts()
    assert rows == found
    assert names(page, ":not(.faint)") == found
    expect(page.locator("output")).to_have_text(
        f"{len(found)} of 6 found" if words else "6 packages"
    )


def test_the_keyboard_reaches_everything(reader: Reader) -> None:
    page = reader.open()
    page.get_by_role("region", name="Who asks for whom").focus()
    page.keyboard.press("Tab")
    focused = page.locator(".node:focus")
    expect(focused).to_have_attribute("aria-label", "app 1")
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("aria-label", "web 1")
    page.keyboard.press("Enter")
    expect(focused).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("aria-label", "tool 1")
    assert names(page, ".picked") == ["web"]  # walking does not choose
    page.keyboard.press("Escape")
    assert names(page, ".picked") == []
    assert page.locator(".node[tabindex='0']").count() == 1


def test_a_row_shows_its_package_in_the_graph(reader: Reader) -> None:
    page = reader.open("crowd")
    page.get_by_role("link", name="package-99", exact=True).click()
    assert names(page, ".picked") == ["package-99"]
    assert in_frame(page, "package-99")


def test_every_button_has_a_role_and_a_name(reader: Reader) -> None:
    page = reader.open()
    buttons = page.locator(".graph").get_by_role("button")
    labels = buttons.evaluate_all("(all) => all.map((item) => item.getAttribute('aria-label'))")
    assert labels == [one.title for one in LOCK.entries]
    page.get_by_role("combobox").select_option(label=LINUX)
    expect(buttons.nth(2)).to_have_attribute("aria-label", "console 1, not in this target")


def test_text_stays_within_its_box_and_boxes_apart(reader: Reader) -> None:
    page = reader.open("crowd")
    over = page.locator(".graph .node").evaluate_all("""(all) => all.filter((node) => {
      const box = node.querySelector("rect").getBoundingClientRect();
      const text = node.querySelector("text").getBoundingClientRect();
      return text.right > box.right || text.bottom > box.bottom + 1;
    }).length""")
    assert over == 0
    assert page.locator(".graph .node").count() == SIZE


@pytest.mark.parametrize("name", LOCKS)
def test_the_page_never_scrolls_sideways(reader: Reader, name: str) -> None:
    page = reader.open(name)
    for width, height in (DESKTOP, PHONE, (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_whole_graph_fits_the_window_on_demand(reader: Reader) -> None:
    page = reader.open("crowd")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    pan = page.locator(".pan")
    assert pan.evaluate("(box) => box.scrollWidth > box.clientWidth")
    page.get_by_label("fit to the window").check()
    assert pan.evaluate("(box) => box.scrollWidth <= box.clientWidth")


def test_without_script_the_graph_and_the_table_are_there(reader: Reader) -> None:
    page = reader.open(script=False)
    assert len(names(page, "")) == 6
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator(".tools")).to_be_hidden()


@pytest.mark.parametrize("suffix", [".html", ".svg"])
def test_light_and_dark_differ(browser: Browser, tmp_path: Path, suffix: str) -> None:
    fills = set()
    for scheme in ("light", "dark"):
        reader = Reader(browser, tmp_path)
        page = reader.open(suffix=suffix, scheme=scheme)
        node = page.locator(".graph .node rect").nth(1)
        fills.add(node.evaluate("(rect) => getComputedStyle(rect).fill"))
        assert reader.complaints == []
        page.context.close()
    assert len(fills) == 2
