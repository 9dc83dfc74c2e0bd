"""Rows of evidence that read differently, and what their signs mean."""

from __future__ import annotations

import pytest

from trueup.interfaces.report.evidence import legend, short_names
from trueup.model.finding import Evidence, Finding, Severity

PYTHONS = [f"cp3{minor}" for minor in range(6, 14)]


def wheels(
    *platforms: str, build: str = "", abi: str = "", pythons: list[str] = PYTHONS
) -> Evidence:
    return Evidence(
        files=tuple(
            f"demo-1.0-{build}{python}-{abi or python}-{platform}.whl"
            for python in pythons
            for platform in platforms
        )
    )


LINUX, MUSL = "manylinux_2_17_x86_64.manylinux2014_x86_64", "musllinux_1_2_x86_64"
EIGHT = "8 wheels: cp36 … cp313"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param([wheels(LINUX)], [EIGHT], id="one"),
        pytest.param(
            [wheels(LINUX), wheels("win32", pythons=PYTHONS[:7])],
            [EIGHT, "7 wheels: cp36 … cp312"],
            id="different anyway",
        ),
        pytest.param(
            [wheels(LINUX), wheels(MUSL), wheels("macosx_11_0_arm64")],
            [
                f"{EIGHT} (manylinux x86_64)",
                f"{EIGHT} (musllinux x86_64)",
                f"{EIGHT} (macosx arm64)",
            ],
            id="platforms",
        ),
        pytest.param(
            [wheels(LINUX, abi="abi3"), wheels(LINUX, abi="none")],
            [f"{EIGHT} (abi3)", f"{EIGHT} (none)"],
            id="ABIs",
        ),
        pytest.param(
            [wheels("manylinux_2_17_x86_64"), wheels("manylinux_2_28_x86_64")],
            [f"{EIGHT} (manylinux_2_17_x86_64)", f"{EIGHT} (manylinux_2_28_x86_64)"],
            id="levels",
        ),
        pytest.param(
            [wheels("win32"), wheels("win32", build="1-")],
            [EIGHT, f"{EIGHT} (build 1)"],
            id="builds",
        ),
        pytest.param(
            [
                Evidence(files=(*wheels("win32").files[:4], *wheels("win_amd64").files[4:])),
                Evidence(files=(*wheels("win_amd64").files[:4], *wheels("win32").files[4:])),
            ],
            [f"{EIGHT} (cp36-cp36-win32, …)", f"{EIGHT} (cp36-cp36-win_amd64, …)"],
            id="nothing in common",
        ),
        pytest.param([wheels(LINUX, pythons=PYTHONS[:6])], [], id="few"),
    ],
)
def test_no_two_groups_read_the_same(evidence: list[Evidence], expected: list[str]) -> None:
    assert list(short_names(evidence).values()) == expected


def test_two_rows_of_the_same_files_share_their_words() -> None:
    assert list(short_names([wheels(LINUX), wheels(LINUX)]).values()) == [EIGHT]


def finding(code: str, *says: str) -> Finding:
    return Finding(
        code=code,
        severity=Severity.WARNING,
        project="demo",
        version="1.0",
        message="m",
        evidence=(Evidence(files=("a.whl",), says=says),),
    )


@pytest.mark.parametrize(
    ("code", "says", "expected"),
    [
        ("undeclared-difference", ("+ numpy",), "`+` not in the sdist"),
        ("append-only-difference", ("- numpy",), "`-` in the sdist, missing here"),
        ("identity-mismatch", ("+ a", "- b"), "`+` only in `WHEEL`; `-` only in the file name"),
        ("identity-mismatch", ("`Name` is `x`",), None),
        (
            "shadowed-file",
            ("- b", "+ a"),
            "`+` only this file says so; `-` all files that are chosen say so, this one does not",
        ),
        (
            "declaration-not-met",
            ("- b", "+ a"),
            "`+` neither in the sdist nor declared; `-` in the sdist or declared, missing here",
        ),
        ("descriptive-fields-differ", ("- an item of a list",), None),
    ],
)
def test_signs_are_explained_where_they_occur(
    code: str, says: tuple[str, ...], expected: str | None
) -> None:
    assert legend(finding(code, *says)) == expected
