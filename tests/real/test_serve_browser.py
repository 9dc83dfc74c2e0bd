"""The index's pages in a real browser: searched, read with the keyboard, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.build import make_wheel
from tests.real.test_html_report import ARGUMENTS, CHROMIUM
from tests.serving import serving

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)


def test_a_visitor_searches_reads_and_sees_what_waits_with_a_token(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--hosted-only", "--policy", "warn") as server:
        for tag, asks in (("cp312-cp312-win_amd64", ["one"]), ("cp312-cp312-win32", ["two"])):
            wheel = make_wheel(tmp_path, "demo", "1.0", tags=tag, requires=asks)
            assert server.upload(wheel).status_code == 200
        assert server.post("/api/demo/1.0/publish").status_code == 200
        assert server.upload(make_wheel(tmp_path, "demo", "2.0")).status_code == 200
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            context = browser.new_context(
                java_script_enabled=False, viewport={"width": 360, "height": 740}
            )
            page, complaints = context.new_page(), list[str]()
            page.on("console", lambda message: complaints.append(message.text))
            page.goto(f"{server.url}/")
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
            page.get_by_role("searchbox", name="Search").fill("dem")
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_have_text("1 project with “dem” in the name")
            page.get_by_role("link", name="demo", exact=True).click()
            page.get_by_role("link", name="demo 1.0").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("demo 1.0")
            expect(page.locator(".finding .where").first).to_contain_text("Requires-Dist")
            expect(page.get_by_role("heading", name="The nearest to one list")).to_be_visible()
            page.get_by_role("link", name="Matrix, variants and witnesses").click()
            expect(page.get_by_role("heading", name="Files and fields")).to_be_visible()
            assert complaints == []
            context.close()

            backgrounds = set()
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    color_scheme=scheme,
                    viewport={"width": 360, "height": 740},
                    http_credentials={"username": "__token__", "password": server.token},
                )
                page = context.new_page()
                for path in ("/p/demo/1.0", "/audit", "/waiting"):
                    page.goto(f"{server.url}{path}")
                    width = page.evaluate("document.documentElement.scrollWidth")
                    assert width <= 360
                backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
                page.get_by_role("link", name="demo 2.0").click()
                expect(page.get_by_text("staged in channel main")).to_be_visible()
                context.close()
            assert len(backgrounds) == 2
            browser.close()
