"""Values of free-form variables are asked about in the comparisons that files make."""

from __future__ import annotations

import pytest
from packaging.markers import Marker as PackagingMarker

from trueup.judge.freewriter import free_writer
from trueup.model.freeform import free_axis
from trueup.model.marker import parse_marker

RELEASES = (
    'platform_release >= "18"', 'platform_release < "20"', 'platform_release >= "22"',
    '"azure" in platform_release',
)  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        'platform_release >= "18"',
        'platform_release < "18"',
        'platform_release >= "18" and platform_release < "20"',
        'platform_release < "18" or platform_release >= "22"',
        '"azure" not in platform_release',
        '"azure" in platform_release or platform_release < "20"',
        'platform_release >= "18" and platform_release < "20" and "azure" not in platform_release',
    ],
)
def test_what_is_written_holds_for_these_values_only(wanted: str) -> None:
    atoms = [
        atom
        for text in RELEASES
        for atom in parse_marker(PackagingMarker(text)).atoms()
    ]  # fmt: skip
    axis = free_axis("platform_release", atoms)
    assert axis is not None
    marker = PackagingMarker(wanted)
    values = frozenset(
        number
        for number, value in enumerate(axis.values)
        if marker.evaluate({"platform_release": value})
    )
    text = free_writer(axis, atoms)(values, values)
    assert text is not None
    written = PackagingMarker(text)
    for number, value in enumerate(axis.values):
        assert written.evaluate({"platform_release": value}) is (number in values)


def test_nothing_is_written_where_every_value_may_be_or_no_comparison_helps() -> None:
    atoms = list(parse_marker(PackagingMarker(RELEASES[0])).atoms())
    axis = free_axis("platform_release", atoms)
    assert axis is not None
    every = frozenset(range(len(axis.values)))
    assert free_writer(axis, atoms)(frozenset({0}), every) == ""
    assert free_writer(axis, [])(frozenset({0}), frozenset({0})) is None
