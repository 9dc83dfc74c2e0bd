"""The page on an environment shows the builds that installers keep, if that was asked."""

from __future__ import annotations

import re

from tests.interfaces.report.test_installedjson import broken, whole
from trueup.interfaces.report.installedhtml import render_installed_html


def test_builds_are_shown_if_that_was_asked() -> None:
    page = render_installed_html(broken())
    (section,) = re.findall(r'<section class="part" id="builds".*?</section>', page, re.DOTALL)
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", section)]
    assert cells[5:] == [
        "demo-1.0-py3-none-any.whl",
        "pip",
        "https://index.test/demo-1.0.tar.gz",
        "six",
        "another Requires-Dist; demo-1.0.tar.gz is published with another content",
    ]
    assert 'id="builds"' not in render_installed_html(whole())
