"""Columns keep to the width, and cut names in their middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from trueup.interfaces.report.columns import columns, cut

ROWS = [
    ("libgmp-a6f47472.so.10.5.0", "745 kB", "used by flint"),
    ("libm.so", "1.1 MB", ""),
]


@pytest.mark.parametrize(
    ("width", "whole", "lines"),
    [
        (
            60,
            False,
            [
                "  libgmp-a6f47472.so.10.5.0   745 kB   used by flint",
                "  libm.so                     1.1 MB",
            ],
        ),
        (
            47,
            False,
            ["  libgmp-a6f…so.10.5.0   745 kB   used by flint", "  libm.so                1.1 MB"],
        ),
        (
            20,
            True,
            [
                "  libgmp-a6f47472.so.10.5.0   745 kB   used by flint",
                "  libm.so                     1.1 MB",
            ],
        ),
    ],
)
def test_width(width: int, whole: bool, lines: list[str]) -> None:
    assert columns(ROWS, width=width, right={1}, whole=whole) == lines


def test_figures_end_at_one_edge_and_empty_columns_take_no_room() -> None:
    rows = [("a", "", "99.5 kB"), ("bb", "", "1.0 MB")]
    assert columns(rows, width=40, right={2}) == ["  a    99.5 kB", "  bb    1.0 MB"]


@pytest.mark.parametrize(
    ("text", "size", "short"),
    [
        ("libgmp.so.10", 12, "libgmp.so.10"),
        ("libgmp.so.10", 7, "lib….10"),
        ("漢字漢字漢字", 7, "漢字…字"),
        ("ab", 1, "…"),
    ],
)
def test_cut(text: str, size: int, short: str) -> None:
    assert cut(text, size) == short


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "M"])), st.integers(1, 40))
def test_cut_fits(text: str, size: int) -> None:
    assert cell_len(cut(text, size)) <= size


@given(
    st.lists(
        st.tuples(*[st.text("abc…", max_size=60)] * 2, st.text("12 kMB", max_size=8)), min_size=1
    ),
    st.integers(70, 120),
)
def test_lines_fit(rows: list[tuple[str, str, str]], width: int) -> None:
    assert all(cell_len(line) <= width for line in columns(rows, width=width, right={2}))
