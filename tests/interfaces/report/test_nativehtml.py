"""The page on native code as text: its shape, its facts, and that no value acts."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tests.interfaces.report.test_html import Page
from tests.nativesamples import CROWD_FILES, NATIVE_SAMPLES
from trueup.interfaces.report.nativehtml import render_native_html

PAGES = {name: render_native_html(report) for name, report in NATIVE_SAMPLES.items()}


def tiles(name: str) -> list[dict[str, str | None]]:
    return [
        attrs for attrs in Page(PAGES[name]).all("g") if "tile" in (attrs["class"] or "").split()
    ]


def said(name: str) -> str:
    return " ".join(" ".join(Page(PAGES[name]).text).split())


@pytest.mark.parametrize("name", PAGES)
def test_elements_nest_and_links_lead_somewhere(name: str) -> None:
    page = Page(PAGES[name])
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for key in ("href", "aria-labelledby"):
        for _, attrs in page.tags:
            target = attrs.get(key)
            if target is not None and target != "data:,":
                assert target.removeprefix("#") in ids
    for tile in page.all("g"):
        assert tile.get("data-row") is None or f"f{tile['data-row']}" in ids


@pytest.mark.parametrize("name", PAGES)
def test_one_script_one_style_nothing_from_elsewhere(name: str) -> None:
    page = Page(PAGES[name])
    assert page.all("script") == [{}]
    assert page.all("style") == [{}]
    assert not any("src" in attrs or "style" in attrs for _, attrs in page.tags)
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_admits_exactly_the_own_style_and_script(name: str) -> None:
    (policy,) = (a["content"] for a in Page(PAGES[name]).all("meta") if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for element in ("style", "script"):
        match = re.search(rf"<{element}>(.*?)</{element}>", PAGES[name], re.DOTALL)
        assert match is not None
        digest = base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("name", PAGES)
def test_equal_reports_give_equal_pages(name: str) -> None:
    assert render_native_html(NATIVE_SAMPLES[name]) == PAGES[name]


def test_hostile_values_are_text() -> None:
    assert all(character == "\n" or character.isprintable() for character in PAGES["hostile"])
    assert "<script>alert" not in PAGES["hostile"]
    assert r"</title><script>alert(1)</script>\x1b[31m\u202egnp" in said("hostile")
    links = [attrs["href"] or "" for attrs in Page(PAGES["hostile"]).all("a")]
    assert all(link.startswith("#") for link in links)


def test_six_hundred_files_make_no_large_page() -> None:
    assert len(tiles("crowd")) == CROWD_FILES
    assert len(PAGES["crowd"].encode()) < 1_500_000


@pytest.mark.parametrize("name", ["mixed", "one", "installed", "crowd"])
def test_areas_are_as_large_as_bytes(name: str) -> None:
    scales = []
    for tile in tiles(name):
        sizes = [int(size) for size in (tile["data-b"] or "").split()]
        edges = [int(edge) for edge in (tile["data-g"] or "").split()]
        assert len(edges) == 8 * len(sizes)
        left, top, right, bottom = edges[:4]
        scales.append((right - left) * (bottom - top) / sizes[0])
    # Hundredths are rounded, which a small tile feels.
    assert min(scales) == pytest.approx(max(scales), rel=0.03)


def test_parts_are_as_large_as_their_share_of_the_file() -> None:
    parts = [
        a for a in Page(PAGES["mixed"]).all("g") if (a["class"] or "").startswith("part of-gpu")
    ]
    assert [(a["data-n"], a["data-b"]) for a in parts[:4]] == [
        ("sm_80", "40000000"),
        ("sm_90", "55000000"),
        ("sm_100", "60000000"),
        ("compute_100", "6000000"),
    ]
    areas = []
    for part in parts[:4]:
        left, top, right, bottom = map(int, (part["data-g"] or "").split()[:4])
        areas.append((right - left) * (bottom - top))
    assert [area / areas[0] for area in areas] == pytest.approx([1, 55 / 40, 1.5, 0.15], rel=0.01)


def test_where_the_packed_sizes_are_unknown_nobody_is_asked_for_them() -> None:
    assert "bytes in the wheel" in PAGES["mixed"]
    assert "bytes in the wheel" not in PAGES["installed"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mixed", "4 distributions; 14 native files, "),
        ("mixed", "same bytes as another 6.0 MB"),
        ("mixed", "library-missing net 1.0: asks for libnowhere.so.1"),
        ("mixed", "openblas 2 copies side by side"),
        ("mixed", "libnowhere.so.1 nobody here provides it"),
        ("mixed", "RPATH $ORIGIN/../numbers.libs 3 users"),
        ("mixed", "the files are equal, byte for byte; one of them would do"),
        ("mixed", "gfortran same bytes 2 copies, 3.0 MB too many; Linux x86_64, Python 3.12"),
        ("mixed", "sm_80 binary 52,000,000 29.9 % 2 files"),
        ("mixed", "of a future format unread 1,000,000"),
        ("mixed", "sm_75 0 0.0 % nothing here runs on it 0 of 2 libraries"),
        ("mixed", "sm_86 52,000,000 30.1 % sm_80 52.0 MB 2 of 2 libraries"),
        ("mixed", "sm_90 55,000,000 31.8 % sm_90 55.0 MB 1 of 2 libraries"),
        ("mixed", "sm_120 6,000,000 3.5 % compute_100 (PTX) 6.0 MB 1 of 2 libraries"),
        ("mixed", "1.0 MB of GPU code could not be read; who needs it is not known."),
        ("mixed", "compute_100 PTX 6,000,000"),
        ("mixed", "openblas 0.3.29 pkg:generic/openblas@0.3.29 nameless – –"),
        ("mixed", "numbers 1.0 expects of the system: libz"),
        ("mixed", "numbers 1.0 RECORD is unread"),
        ("mixed", "numbers/broken.so numbers 1.0 unreadable: it ends after 7 of 70 kB"),
        ("mixed", "debug information: 100,000 bytes padding: 30,000 bytes"),
        ("crowd", "runtime 4 4 more of two-openmp warning two-openmp runtime 5"),
        ("release", "everything: 5 distributions"),
        ("release", "same bytes across the wheels of one release"),
        ("release", "bound 1.0 (3 wheels, the same bytes)"),
        ("one", "Native code of science 1.0"),
        ("one", "No findings"),
        ("empty", "Could not be judged nothing.whl nothing.whl is not there"),
    ],
)
def test_what_is_said(name: str, words: str) -> None:
    assert words in said(name)


def test_what_is_not_there_has_no_section() -> None:
    assert 'id="gpu"' not in PAGES["one"]
    assert 'id="components"' not in PAGES["one"]
    assert all(f'id="{part}"' not in PAGES["empty"] for part in ("map", "loads", "files"))


def test_many_tiles_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trueup.interfaces.report.nativehtml._TILES", 0)
    page = render_native_html(NATIVE_SAMPLES["crowd"])
    assert "smaller files of package00 1.0" in page
    assert page.count('class="tile ') < CROWD_FILES / 4
    assert page.count('<tr id="f') == CROWD_FILES  # the table still has them all
