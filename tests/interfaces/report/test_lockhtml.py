"""The HTML report on locks as text."""

from __future__ import annotations

import pytest

from tests.interfaces.report.test_html import Page
from tests.locksamples import LOCK_SAMPLES
from trueup.interfaces.report.lockhtml import render_lock_html


@pytest.mark.parametrize("name", LOCK_SAMPLES)
def test_elements_nest_and_links_lead_somewhere(name: str) -> None:
    page = Page(render_lock_html(LOCK_SAMPLES[name]))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        target = attrs.get("href")
        if target is not None and target != "data:,":
            assert target.removeprefix("#") in ids


@pytest.mark.parametrize("name", LOCK_SAMPLES)
def test_one_script_one_style_nothing_from_elsewhere(name: str) -> None:
    page = Page(render_lock_html(LOCK_SAMPLES[name]))
    assert page.all("script") == [{}]
    assert page.all("style") == [{}]
    assert not any("src" in attrs or "style" in attrs for _, attrs in page.tags)
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)


def test_hostile_values_are_text() -> None:
    page = Page(render_lock_html(LOCK_SAMPLES["hostile"]))
    assert page.all("img") == []
    assert "</pre><script>alert(1)</script>" in page.text


def test_what_is_said() -> None:
    text = " ".join(" ".join(Page(render_lock_html(LOCK_SAMPLES["many"])).text).split())
    for words in (
        "3 locks",
        "1 error, 1 warning in 3 locks; 2 files are not proven",
        "Could not be judged Pipfile.lock is not valid JSON",
        "uv.lock unsound Some target gets something else than its files ask for",
        "cp310..cp313-{linux-aarch64-glibc2.28,linux-x86_64-glibc2.28}",
        "missing-requirement xgboost 3.0.5: asks for nvidia-nccl-cu12 , which",
        "not proven Requires-Dist is dynamic legacy-1.0.tar.gz everywhere",
        "Ways out uv, in pyproject.toml : use this metadata for every file [[tool.uv.",
    ):
        assert words in text
