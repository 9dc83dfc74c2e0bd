"""What bounds what, and that nothing else of a requirement's text changes."""

from __future__ import annotations

import pytest

from trueup.judge.bounds import (
    RequirementText,
    is_bound,
    set_bound,
    split_marker,
    without_bound,
)

TABLE = [
    # requirement, without upper, without lower, upper set to <3, lower set to >=1.1
    ("numpy", "numpy", "numpy", "numpy<3", "numpy>=1.1"),
    ("numpy<2", "numpy", "numpy<2", "numpy<3", "numpy>=1.1,<2"),
    ("numpy<=2", "numpy", "numpy<=2", "numpy<3", "numpy>=1.1,<=2"),
    ("numpy>1", "numpy>1", "numpy", "numpy>1,<3", "numpy>=1.1"),
    ("numpy>=1", "numpy>=1", "numpy", "numpy>=1,<3", "numpy>=1.1"),
    ("numpy~=1.4.2", "numpy>=1.4.2", "numpy<1.5", "numpy>=1.4.2,<3", "numpy>=1.1,<1.5"),
    ("numpy~=1.4.5a4", "numpy>=1.4.5a4", "numpy<1.5", "numpy>=1.4.5a4,<3", "numpy>=1.1,<1.5"),
    ("numpy==1.4.*", "numpy>=1.4", "numpy<1.5", "numpy>=1.4,<3", "numpy>=1.1,<1.5"),
    ("numpy==1!2.*", "numpy>=1!2", "numpy<1!3", "numpy>=1!2,<3", "numpy>=1.1,<1!3"),
    ("numpy==1.4", "numpy>=1.4", "numpy<=1.4", "numpy>=1.4,<3", "numpy>=1.1,<=1.4"),
    ("numpy==1.4+cu", "numpy>=1.4", "numpy<=1.4", "numpy>=1.4,<3", "numpy>=1.1,<=1.4"),
    ("numpy!=1.5", "numpy!=1.5", "numpy!=1.5", "numpy!=1.5,<3", "numpy>=1.1,!=1.5"),
    ("numpy!=1.5.*,<2,>=1", "numpy!=1.5.*,>=1", "numpy!=1.5.*,<2", "numpy!=1.5.*,<3,>=1",
     "numpy!=1.5.*,<2,>=1.1"),
    ("numpy>=1.2.3,==1.*", "numpy>=1.2.3", "numpy<2", "numpy>=1.2.3,<3", "numpy>=1.1,<2"),
    ("numpy<2,<4", "numpy", "numpy<2,<4", "numpy<3", "numpy>=1.1,<2,<4"),
]  # fmt: skip


def parts(text: str) -> RequirementText:
    found = RequirementText.of(text)
    assert found is not None
    return found


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_the_table_of_bounds(row: tuple[str, str, str, str, str]) -> None:
    requirement = parts(row[0])
    assert (
        str(requirement),
        str(without_bound(requirement, upper=True)),
        str(without_bound(requirement, upper=False)),
        str(set_bound(requirement, "<3", upper=True)),
        str(set_bound(requirement, ">=1.1", upper=False)),
    ) == row


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numpy (<2, >=1) ; python_version>'3'", "numpy (>=1) ; python_version>'3'"),
        ("Num_Py[a, b] >=1 , <2", "Num_Py[a, b] >=1"),
        ("numpy (<2) ; os_name == 'nt'", "numpy ; os_name == 'nt'"),
        ("numpy <2", "numpy"),
        ("numpy<2;os_name=='nt'", "numpy;os_name=='nt'"),
        ("numpy >= 1.0, < 2", "numpy >= 1.0"),
    ],
)
def test_the_rest_is_as_written(text: str, expected: str) -> None:
    assert str(without_bound(parts(text), upper=True)) == expected


def test_a_bound_that_is_there_stays_as_it_is_written() -> None:
    requirement = parts("numpy >=1 , < 2.0")
    assert set_bound(requirement, "<2", upper=True) is requirement


def test_an_address_has_no_bounds() -> None:
    assert RequirementText.of("demo @ https://index.test/demo.whl ; os_name == 'nt'") is None


@pytest.mark.parametrize("upper", [True, False])
def test_text_is_no_bound(upper: bool) -> None:
    assert parts("numpy===1.4").compares_text
    assert str(without_bound(parts("numpy===1.4"), upper=upper)) == "numpy===1.4"
    assert str(without_bound(parts("numpy==1.4.*,===1.4"), upper=True)) == "numpy>=1.4,===1.4"


def test_no_version_satisfies_contradicting_bounds() -> None:
    assert set_bound(parts("numpy>=2"), "<1", upper=True).unsatisfiable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("numpy", ("numpy", None)),
        ("numpy>=1 ; os_name == 'nt'", ("numpy>=1", "os_name == 'nt'")),
        ("demo @ https://index.test/a;b ; os_name == 'nt'",
         ("demo @ https://index.test/a;b", "os_name == 'nt'")),
        ("demo @ https://index.test/a;b", ("demo @ https://index.test/a;b", None)),
    ],
)  # fmt: skip
def test_a_marker_is_split_off(text: str, expected: tuple[str, str | None]) -> None:
    assert split_marker(text) == expected


@pytest.mark.parametrize(
    ("text", "upper", "lower"),
    [("<3", True, False), ("<=3", True, False), (">=3", False, True), (">3", False, True),
     ("==3", False, False), ("~=3.1", False, False), ("!=3", False, False), ("<3,>1", False, False),
     ("3", False, False)],
)  # fmt: skip
def test_what_is_one_bound(text: str, upper: bool, lower: bool) -> None:
    assert (is_bound(text, upper=True), is_bound(text, upper=False)) == (upper, lower)
