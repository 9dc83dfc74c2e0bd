"""Areas that stand for numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.interfaces.report.treemap import Area, squarify

SIDES = st.floats(min_value=0.01, max_value=10_000)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**10), max_size=60)
BOX = Area(0, 0, 6, 4)


def size(area: Area) -> float:
    return area.width * area.height


@pytest.mark.parametrize(
    ("weights", "areas"),
    [
        ([], []),
        ([5], [(0, 0, 6, 4)]),
        ([0], [(0, 0, 0, 0)]),
        ([1, 1], [(0, 0, 3, 4), (3, 0, 6, 4)]),
        ([1, 0, 2], [(4, 0, 6, 4), (0, 0, 0, 0), (0, 0, 4, 4)]),
        # The example of the paper: 6, 6, 4, 3, 2, 2, 1 in six by four.
        (
            [6, 6, 4, 3, 2, 2, 1],
            [
                (0, 0, 3, 2),
                (0, 2, 3, 4),
                (3, 0, 3 + 12 / 7, 7 / 3),
                (3 + 12 / 7, 0, 6, 7 / 3),
                (3, 7 / 3, 4.2, 4),
                (4.2, 7 / 3, 5.4, 4),
                (5.4, 7 / 3, 6, 4),
            ],
        ),
    ],
)
def test_examples(weights: list[int], areas: list[tuple[float, float, float, float]]) -> None:
    found = squarify(weights, BOX)
    assert len(found) == len(areas)
    for area, expected in zip(found, areas, strict=True):
        assert area == pytest.approx(expected)


def test_no_weight_is_below_zero() -> None:
    with pytest.raises(ValueError, match="must not be negative: -2"):
        squarify([3, -2], BOX)


@given(weights=WEIGHTS, width=SIDES, height=SIDES)
def test_areas_are_proportional(weights: list[int], width: float, height: float) -> None:
    total = sum(weights)
    for weight, area in zip(
        weights, squarify(weights, Area(5, 7, 5 + width, 7 + height)), strict=True
    ):
        share = weight / total if total else 0
        assert math.isclose(
            size(area), share * width * height, rel_tol=1e-6, abs_tol=width * height * 1e-9
        )


@given(weights=WEIGHTS, width=SIDES, height=SIDES)
def test_parts_stay_inside_and_apart(weights: list[int], width: float, height: float) -> None:
    whole = Area(5, 7, 5 + width, 7 + height)
    parts = [area for area in squarify(weights, whole) if size(area)]
    for number, one in enumerate(parts):
        assert whole.left <= one.left <= one.right <= whole.right
        assert whole.top <= one.top <= one.bottom <= whole.bottom
        for other in parts[:number]:
            assert (
                one.right <= other.left
                or other.right <= one.left
                or one.bottom <= other.top
                or other.bottom <= one.top
            )


@pytest.mark.parametrize("number", [4, 7, 12, 61, 600])
def test_like_weights_give_squares(number: int) -> None:
    ratios = sorted(
        max(area.width / area.height, area.height / area.width)
        for area in squarify([3] * number, Area(0, 0, 120, 68))
    )
    assert ratios[number // 2] < 1.8
