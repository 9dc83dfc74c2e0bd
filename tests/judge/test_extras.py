"""An extra taken out of markers: what is left holds wherever the extra is not asked for."""

from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from trueup.judge.extras import marker_text, without_extra
from trueup.model.marker import parse_marker

GUI = canonicalize_name("gui")


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("extra == 'gui'", False),
        ("extra == 'GUI' and os_name == 'nt'", False),
        ("extra != 'gui'", None),
        ("extra == 'gui' or extra == 'dev'", 'extra == "dev"'),
        ("os_name == 'nt' or extra == 'gui' and sys_platform == 'win32'", 'os_name == "nt"'),
        (
            "(extra == 'gui' or extra == 'dev' or extra == 'all') and os_name == 'nt'",
            '(extra == "dev" or extra == "all") and os_name == "nt"',
        ),
        ("extra != 'gui' and os_name == 'nt' and extra == 'dev'",
         'os_name == "nt" and extra == "dev"'),
    ],
)  # fmt: skip
def test_without_an_extra(marker: str, expected: str | bool | None) -> None:
    left = without_extra(parse_marker(Marker(marker)).tree, GUI)
    assert (False if left is False else marker_text(left)) == expected
