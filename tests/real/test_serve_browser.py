"""The index's pages in a real browser: searched, used with the keyboard alone, light and dark."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.build import make_wheel
from tests.index_server import IndexServer, Status
from tests.real.test_html_report import ARGUMENTS, CHROMIUM
from tests.serving import Server, serving

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)
PHONE, LAPTOP, DESKTOP = (360, 740), (1024, 768), (1280, 900)
WINDOWS, OLD, NEW = "win_amd64", "win32", "win_arm64"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[IndexServer]:
    with IndexServer() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: IndexServer) -> Iterator[Server]:
    """demo 1.0 is published and differs, 2.0 waits; behind is a project named demolition."""
    folder = tmp_path_factory.mktemp("browser")
    behind = [
        make_wheel(folder, "demolition", "1.0", tags=f"cp312-cp312-{tag}", requires=[tag])
        for tag in (WINDOWS, OLD)
    ]
    for path in behind:
        upstream.add(path.name, path.read_bytes())
    options = ("--index", upstream.url, "--policy", "warn")
    with serving(folder / "data", *options, cwd=folder) as found:
        for tag, asks in ((WINDOWS, ["one"]), (OLD, ["two"])):
            wheel = make_wheel(folder, "demo", "1.0", tags=f"cp312-cp312-{tag}", requires=asks)
            assert found.upload(wheel).status_code == 200
        assert found.post("/api/demo/1.0/publish").status_code == 200
        assert found.upload(make_wheel(folder, "demo", "2.0")).status_code == 200
        for name in ("alpha", "beta"):
            found.upload(make_wheel(folder, name, "1.0"))
            assert found.post(f"/api/{name}/1.0/publish").status_code == 200
        yield found


@contextmanager
def visit(
    browser: Browser,
    *,
    script: bool = True,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Page]:
    """A page of a new visitor, which must not complain: not of faults, nor of the policy."""
    context = browser.new_context(
        java_script_enabled=script,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
    )
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    # That a page is only for those who log in is said by the status as well.
    assert [one for one in complaints if "401" not in one] == []
    context.close()


def tab_to(page: Page, name: str) -> None:
    """Press the tabulator until what is named so has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const it = document.activeElement;"
            " return (it.labels?.[0] ?? it).innerText"
            r".replace(/\s+/g, ' ').trim() }"
        )
        if str(focused).startswith(name):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"nobody sees that `{name}` has the focus"
            return
    raise AssertionError(f"the keyboard does not reach `{name}`")


def log_in(page: Page, server: Server, to: str) -> None:
    page.goto(f"{server.url}{to}")
    page.get_by_label("Token").fill(server.token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_everything_can_be_read_without_script(browser: Browser, server: Server) -> None:
    with visit(browser, script=False, size=PHONE) as page:
        page.goto(f"{server.url}/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.get_by_role("searchbox", name="Search").fill("dem")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("1 project with “dem” in the name")
        page.get_by_role("link", name="demo", exact=True).click()
        page.get_by_role("link", name="1.0").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("demo 1.0")
        expect(page.locator(".finding .where").first).to_contain_text("Requires-Dist")
        expect(page.get_by_role("table", name="Which variant")).to_contain_text("B")
        expect(page.get_by_role("heading", name="The nearest to one list")).to_be_visible()
        page.get_by_role("link", name="Full report").click()
        expect(page.get_by_role("heading", name="Files and fields")).to_be_visible()
        log_in(page, server, "/waiting")
        page.get_by_role("link", name="More about demo 2.0").click()
        expect(page.get_by_role("heading", name="It can be published")).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_the_search_answers_while_somebody_types(browser: Browser, server: Server) -> None:
    with visit(browser) as page:
        page.goto(f"{server.url}/")
        page.evaluate("window.same = true")
        page.get_by_role("searchbox", name="Search").press_sequentially("ALPH")
        expect(page.get_by_role("status")).to_have_text("1 project with “ALPH” in the name")
        expect(page.locator("#found tbody tr")).to_have_count(1)
        expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
        assert page.url == f"{server.url}/?q=ALPH"
        page.get_by_role("searchbox", name="Search").fill("")
        expect(page.locator("#found tbody tr")).to_have_count(3)
        page.get_by_role("searchbox", name="Search").fill("alpha-centauri")
        expect(page.get_by_role("link", name="Ask the index behind")).to_be_visible()
        assert page.evaluate("window.same"), "the page was not loaded again"


def test_a_release_is_managed_by_keyboard_alone(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    assert server.upload(make_wheel(tmp_path, "gamma", "1.0")).status_code == 200
    with visit(browser) as page:
        page.goto(f"{server.url}/waiting")
        expect(page.get_by_label("Token")).to_be_focused()
        page.keyboard.type(server.token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Waiting releases")
        tab_to(page, "Publish gamma 1.0")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("The release is published")
        assert server.json("gamma") == ["gamma-1.0-py3-none-any.whl"]
        tab_to(page, "Yank")
        page.keyboard.press("Enter")
        tab_to(page, "Why")
        page.keyboard.type("breaks <b>everything</b>")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("What was chosen is yanked")
        expect(page.get_by_role("table", name="Files")).to_contain_text("<b>everything</b>")
        tab_to(page, "Delete …")
        page.keyboard.press("Enter")
        tab_to(page, "Delete gamma 1.0 for good")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("The release is deleted")
        assert server.get("/p/gamma").status_code == 404
        page.goto(f"{server.url}/audit")
        page.get_by_role("searchbox", name="Project").fill("gamma")
        expect(page.get_by_role("status")).to_have_text("4 entries")
        tab_to(page, "Log out")
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_a_release_behind_is_read_while_the_visitor_watches(
    browser: Browser, server: Server, upstream: IndexServer
) -> None:
    slow = f"/files/demolition-1.0-cp312-cp312-{OLD}.whl"
    upstream.fault(slow, Status(503, headers={"Retry-After": "3"}))
    with visit(browser) as page:
        page.goto(f"{server.url}/p/demolition")
        expect(page.locator("main")).to_contain_text("From the index behind")
        page.get_by_role("link", name="1.0").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text(re.compile("[01] of 2 files read"))
        expect(page.get_by_role("heading", name="Findings")).to_be_visible(timeout=10_000)
        expect(page.locator(".finding").first).to_contain_text("Requires-Dist")


def test_pages_fit_and_have_colours_for_the_night(browser: Browser, server: Server) -> None:
    pages = ("/", "/p/demo", "/p/demo/1.0", "/audit", "/waiting", "/channels", "/channels/main")
    pictures, backgrounds = set(), set()
    for scheme in ("light", "dark"):
        with visit(browser, size=PHONE, scheme=scheme) as page:
            log_in(page, server, "/login")
            for path in pages:
                page.goto(f"{server.url}{path}")
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= PHONE[0], path
                pictures.add(page.screenshot())
            backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    with visit(browser, size=LAPTOP) as page:
        log_in(page, server, "/channels/main")
        rows = page.get_by_role("region", name="Releases of the channel").first
        assert rows.evaluate("it => it.scrollWidth <= it.clientWidth"), "long words are broken"
    assert len(backgrounds) == 2
    assert len(pictures) == 2 * len(pages)
    assert all(len(picture) > 10_000 for picture in pictures)


@pytest.mark.live
@pytest.mark.skipif(shutil.which("npm") is None, reason="axe-core comes with npm")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    browser: Browser, server: Server, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    """Contrast, names, headings, landmarks: what axe-core knows of WCAG 2.1 AA and good practice."""
    subprocess.run(["npm", "pack", "axe-core@4.14.1"], cwd=tmp_path, check=True)
    with tarfile.open(tmp_path / "axe-core-4.14.1.tgz") as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        axe = member.read().decode()
    wanted = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}
    run = f"{axe}; axe.run(document, {json.dumps(wanted)}).then(it => it.violations)"
    found = []
    with visit(browser, scheme=scheme) as page:
        for path in ("/", "/p/demo", "/p/demo/1.0", "/login"):
            page.goto(f"{server.url}{path}")
            found += [(path, one["id"], one["nodes"][0]["html"]) for one in page.evaluate(run)]
        log_in(page, server, "/waiting")
        for path in (
            "/waiting",
            "/channels",
            "/channels/main",
            "/audit",
            "/channels/main/demo/2.0",
        ):
            page.goto(f"{server.url}{path}")
            found += [(path, one["id"], one["nodes"][0]["html"]) for one in page.evaluate(run)]
    assert found == []
