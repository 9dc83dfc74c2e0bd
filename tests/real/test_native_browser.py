"""The page on native code in a real browser: it zooms, colours, filters, sorts, and loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.nativesamples import CROWD_FILES, NATIVE_SAMPLES
from tests.real.test_html_report import _CONTRAST as CONTRAST
from tests.real.test_html_report import ARGUMENTS, CHROMIUM, DESKTOP, PHONE, Reader
from trueup.interfaces.report.nativehtml import render_native_html

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
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    for name, report in NATIVE_SAMPLES.items():
        (folder / f"{name}.html").write_text(render_native_html(report), "utf-8")
    return folder


@pytest.fixture
def reader(browser: Browser, reports: Path) -> Iterator[Reader]:
    """Whatever a test does with a page, it must cause no request, message or error."""
    reader = Reader(browser=browser, folder=reports)
    yield reader
    for visit in reader.visits:
        assert visit.complaints == []
        assert [address.partition(":")[0] for address in visit.requests] == ["file"]
        visit.page.context.close()


def tile(page: Page, name: str) -> Locator:
    return page.locator(f'.map:not([hidden]) .tile[data-n^="{name}"]').first


def shown(page: Page) -> list[str]:
    """The names of the files in the picture, from the largest tile to the smallest."""
    found: list[str] = page.locator(".map:not([hidden]) .tile").evaluate_all(
        "(all) => all.filter((tile) => tile.style.display !== 'none').map((tile) => tile.dataset.n)"
    )
    return found


def here(page: Page) -> Locator:
    return page.locator(".map:not([hidden]) .crumbs .here")


def area(found: Locator) -> float:
    box = found.locator(":scope > rect").bounding_box()
    assert box is not None
    return box["width"] * box["height"]


def fill(found: Locator) -> str:
    colour: str = found.locator(":scope > rect").evaluate("(rect) => getComputedStyle(rect).fill")
    return colour


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_picture_fills_its_place(reader: Reader, size: tuple[int, int]) -> None:
    page = reader.open("crowd", size)
    box = page.locator(".treemap").bounding_box()
    assert box is not None
    assert box["width"] > size[0] * 0.9
    assert len(shown(page)) == CROWD_FILES
    areas: list[float] = page.locator(".tile > rect").evaluate_all(
        "(all) => all.map((rect) => rect.width.baseVal.value * rect.height.baseVal.value)"
    )
    assert sum(areas) == pytest.approx(box["width"] * box["height"], rel=0.01)


def test_a_click_goes_into_a_package_and_escape_leads_back(reader: Reader) -> None:
    page = reader.open("mixed")
    everything = shown(page)
    before = area(tile(page, "libopenblas-0a"))
    tile(page, "libopenblas-0a").click()
    expect(here(page)).to_have_text("numbers 1.0")
    assert len(shown(page)) == 6
    assert area(tile(page, "libopenblas-0a")) > 3 * before
    expect(page.locator(".crumbs .meta")).to_have_text(
        "6 files, 27,970,000 bytes on disk, 13,985,000 packed"
    )
    page.keyboard.press("Escape")
    expect(here(page)).to_have_text("Linux x86_64, Python 3.12")
    assert shown(page) == everything
    expect(page.locator(".group:focus")).to_have_attribute("data-n", "numbers 1.0")


def test_the_keyboard_reaches_everything(reader: Reader) -> None:
    page = reader.open("mixed")
    focused = page.locator(".treemap [tabindex='0']")
    expect(focused).to_have_count(1)
    focused.focus()
    expect(focused).to_have_attribute(
        "aria-label", "deep 1.0: 4 files, 194,300,000 bytes on disk, 97,150,000 packed"
    )
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("aria-label", re.compile("^(numbers|science) 1.0: "))
    expect(focused).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(here(page)).to_have_text("deep 1.0")
    expect(focused).to_be_focused()
    expect(focused).to_have_attribute("data-n", "libdeep_cuda.so")
    expect(page.locator(".readout")).to_contain_text("sm_90 (binary): 55,000,000 bytes")
    page.keyboard.press("Enter")
    row = page.locator("tr.found")
    expect(row).to_be_focused()
    expect(row).to_be_in_viewport()
    expect(row.locator("th")).to_have_text("deep/lib/libdeep_cuda.so")


def test_three_levels_are_left_one_by_one(reader: Reader) -> None:
    page = reader.open("release")
    tile(page, "libgmp").click()
    expect(here(page)).to_have_text("bound")
    tile(page, "libgmp").click()
    expect(here(page)).to_have_text(re.compile(r"^(1\.0|0\.9) cp31[123] manylinux_2_17_x86_64$"))
    page.get_by_role("button", name="bound", exact=True).click()
    expect(here(page)).to_have_text("bound")
    page.keyboard.press("Escape")
    expect(here(page)).to_have_text("everything: 5 distributions")


def test_a_file_shows_its_other_copies(reader: Reader) -> None:
    page = reader.open("mixed")
    tile(page, "libgfortran").hover()
    expect(page.locator(".tile.like")).to_have_count(2)
    expect(page.locator(".readout")).to_contain_text("same bytes as 1 other")
    page.get_by_role("heading", level=1).hover()
    expect(page.locator(".tile.like")).to_have_count(0)


def test_colours_and_their_legends(reader: Reader) -> None:
    page = reader.open("mixed")
    choice = page.get_by_label("Colour")
    fills = {}
    for value in ("alike", "kind", "gpu", "idle"):
        choice.select_option(value)
        fills[value] = fill(tile(page, "libgfortran"))
        expect(page.locator(".legend:visible")).to_have_count(1)
        expect(page.locator(".legend:visible")).to_have_attribute("data-of", value)
        parts = page.locator(f".part.of-{value}")
        for number in range(parts.count()):
            expect(parts.nth(number)).to_be_visible()
        assert page.locator(".part:visible").count() == parts.count()
    assert len(set(fills.values())) == 3  # what is no GPU code and not idle is grey in both
    choice.select_option("gpu")
    swatches = page.locator(".legend:visible .swatch").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).backgroundColor)"
    )
    painted = {fill(part) for part in page.locator(".part:visible").all()}
    assert painted <= set(swatches)
    assert len(set(swatches)) == 5  # PTX has the shade of its generation, and is dashed


def test_areas_can_be_those_in_the_wheel(reader: Reader) -> None:
    page = reader.open("mixed")
    page.get_by_label("Colour").select_option("gpu")
    expect(page.locator(".unknown")).to_be_hidden()
    page.get_by_label("Area").select_option("packed")
    expect(page.locator(".unknown")).to_be_visible()
    assert page.locator(".part:visible").count() == 0
    ratio = area(tile(page, "libopenblas-0a")) / area(tile(page, "libopenblas-99"))
    assert ratio == pytest.approx(24 / 22, rel=0.02)
    page.get_by_label("Colour").select_option("kind")
    numbers = page.locator(".legend:visible b span:visible")
    assert numbers.all_inner_texts() == ["122 MB", "900 kB", "1.0 MB", "35.0 kB"]


def test_one_picture_for_each_environment(reader: Reader) -> None:
    page = reader.open("release")
    choice = page.locator("select[name=map]")
    assert len(shown(page)) == 4 * 2 + 6
    for number in (11, 12):
        choice.select_option(label=f"Linux x86_64, Python 3.{number}")
        bound = [name for name in shown(page) if name.startswith("_bound")]
        assert bound == [f"_bound.cpython-3{number}-x86_64-linux-gnu.so"]
        expect(page.locator(".map:visible")).to_have_count(1)


@pytest.mark.parametrize(
    ("words", "found", "opened"),
    [
        ("openblas", ["openblas", "gfortran"], ["openblas"]),
        ("LIBOPENBLAS-99", ["openblas", "gfortran"], []),
        ("nowhere", ["nowhere"], ["nowhere"]),
        ("numbers.libs gfortran", ["gfortran"], []),
        ("nothing like it", [], []),
    ],
)
def test_the_filter_of_libraries(
    reader: Reader, words: str, found: list[str], opened: list[str]
) -> None:
    page = reader.open("mixed")
    loads = page.locator("#loads")
    loads.get_by_role("searchbox").fill(words)
    seen = loads.locator(".library:visible > summary > b")
    assert sorted(seen.all_inner_texts()) == sorted(found)
    assert loads.locator(".library[open] > summary > b").all_inner_texts() == opened
    assert loads.locator(".none").is_visible() == (not found)


def test_only_what_is_odd(reader: Reader) -> None:
    page = reader.open("mixed")
    page.get_by_label("only with several copies, or missing").check()
    names = page.locator("#loads .library:visible > summary > b").all_inner_texts()
    assert names == ["nowhere", "openblas", "gfortran"]


def test_the_table_of_files_sorts_and_filters(reader: Reader) -> None:
    page = reader.open("mixed")
    table = page.locator("table.listing")
    heads = table.locator("tbody tr:visible th")
    debug = table.get_by_role("button", name="Debug")
    debug.click()
    expect(table.locator("thead th[aria-sort=descending]")).to_have_text("Debug")
    expect(heads.first).to_have_text(re.compile("cpython"))
    expect(heads.last).to_have_text("numbers/broken.so")  # what is not known comes last
    debug.click()
    expect(heads.first).to_have_text("numbers/broken.so")
    table.get_by_role("button", name="File").click()
    expect(heads.first).to_have_text("deep/_C.cpython-312-x86_64-linux-gnu.so")
    page.locator("#files").get_by_role("searchbox").fill("science extension")
    expect(heads).to_have_text(["science/_opt.cpython-312-x86_64-linux-gnu.so"])
    expect(page.locator("#files output")).to_have_text("1 of 14 files")


def test_a_device_is_chosen(reader: Reader) -> None:
    page = reader.open("mixed")
    choice = page.locator("select[name=gpu]")
    rows = page.locator("table.devices tbody tr:visible th")
    everything = rows.count()
    choice.select_option("sm_86")
    expect(rows).to_have_text(["sm_86"])
    expect(page.locator("#gpu output")).to_have_text(
        "a user of sm_86 needs 52.0 MB of 173 MB of GPU code"
    )
    expect(page.locator("table.codes tr.found th")).to_have_text(["sm_80"])
    choice.select_option("")
    assert rows.count() == everything
    expect(page.locator("table.codes tr.found")).to_have_count(0)


@pytest.mark.parametrize("name", NATIVE_SAMPLES)
def test_the_page_never_scrolls_sideways(reader: Reader, name: str) -> None:
    page = reader.open(name)
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true })")
    for width, height in (DESKTOP, PHONE, (320, 600)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_stay_within_their_tiles(reader: Reader) -> None:
    page = reader.open("mixed")
    over = """(all) => all.filter((text) => {
      const box = text.parentElement.querySelector(":scope > rect").getBoundingClientRect();
      const own = text.getBoundingClientRect();
      return text.textContent && (own.right > box.right + 1 || own.bottom > box.bottom + 2);
    }).map((text) => text.textContent)"""
    for size in (DESKTOP, PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert page.locator(".tile > text:visible").count() > 3
        assert page.locator(".treemap text:visible").evaluate_all(over) == []


def test_without_script_pictures_and_tables_are_there(reader: Reader) -> None:
    page = reader.open("release", script=False)
    assert page.get_by_role("search").count() == 0
    assert page.locator(".tools:visible").count() == 0
    expect(page.locator(".treemap").first).to_be_visible()
    expect(page.locator(".tile text", has_text="libopenblas-0a1b2c3d.so").first).to_be_visible()
    expect(page.locator("table.listing tbody tr")).to_have_count(14)
    folded = page.locator(".map", has_text="Linux x86_64, Python 3.12")
    folded.locator("> summary").click()
    expect(folded.locator(".treemap")).to_be_visible()


# The contrast of a name with the tile that it stands on, or with its own halo.
_TILE_CONTRAST = """(all) => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = {};
  for (const text of all) {
    const style = getComputedStyle(text);
    const rect = getComputedStyle(text.parentElement.querySelector(":scope > rect"));
    const [a, b] = [light(style.fill), light(style.stroke === "none" ? rect.fill : style.stroke)];
    const name = text.parentElement.getAttribute("class");
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen[name] = Math.min(seen[name] ?? 99, ratio);
  }
  return seen;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(reader: Reader, scheme: Literal["light", "dark"]) -> None:
    page = reader.open("mixed", scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((item) => { item.open = true })")
    for value in ("alike", "kind", "gpu", "idle"):
        page.get_by_label("Colour").select_option(value)
        ratios: dict[str, Any] = page.evaluate(CONTRAST)
        names = page.locator(".treemap text:visible")
        ratios = {
            what: ratio
            for what, ratio in ratios.items()
            if not what.startswith(("text", "tspan", "title"))
        } | names.evaluate_all(_TILE_CONTRAST)
        assert len(ratios) > 15
        assert {what: ratio for what, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_shade_of_the_legend_can_be_read(
    reader: Reader, scheme: Literal["light", "dark"]
) -> None:
    page = reader.open("mixed", scheme=scheme)
    page.get_by_label("Colour").select_option("gpu")
    part = page.locator(".part.of-gpu").first
    fills = []
    for number in range(10):
        part.evaluate(
            "(item, shade) => item.setAttribute('class', `part of-gpu g${shade}`)", number
        )
        ratios: dict[str, float] = part.locator("text").evaluate_all(_TILE_CONTRAST)
        assert min(ratios.values()) >= 4.5
        fills.append(fill(part))
    assert len(set(fills)) == 10


def test_hostile_values_run_nothing(reader: Reader) -> None:
    page = reader.open("hostile")
    assert page.evaluate("document.scripts.length") == 1
    page.get_by_label("Colour").select_option("gpu")
    page.locator(".treemap [tabindex='0']").focus()
    expect(page.locator(".readout")).to_contain_text("<script>alert(1)</script>")


def test_print(reader: Reader) -> None:
    page = reader.open("mixed", (794, 1123))  # A4 at 96 dots per inch
    page.emulate_media(media="print")
    expect(page.locator(".tools").first).to_be_hidden()
    expect(page.locator(".treemap")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
