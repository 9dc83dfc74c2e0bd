"""The text of `split`: the plan before anything is written, the three figures, the refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.nativesamples import wheel
from trueup.features.split import Written
from trueup.interfaces.report.splittext import render_plan, render_refusals, render_written
from trueup.model.split import CompanionPlan, PlatformPlan, Refusal, SplitWheel

OLD = "bound.libs/libgmp-aaaabbbb.so.10"
TAG = "manylinux_2_17_x86_64"


def plan(*, moved: str = "bound_libs/libgmp-aaaabbbb.so.10", reused: bool = False) -> CompanionPlan:
    wheels = tuple(
        SplitWheel(distribution=wheel(minor), bundled={OLD: "00" * 32}) for minor in (11, 12)
    )
    return CompanionPlan(
        project=canonicalize_name("bound"),
        version=Version("1.0"),
        companion=canonicalize_name("bound-libs"),
        companion_version=Version("0.9" if reused else "1.0"),
        platforms=(
            PlatformPlan(platform="Linux x86_64", tags=(TAG,), wheels=wheels, moves={OLD: moved}),
        ),
        reused=reused,
    )


def written(*, reused: bool = False) -> tuple[Written, ...]:
    wheels = [
        Written(
            path=Path("out") / one.distribution.filename,
            source=Path(one.distribution.filename),
            before=1_800_000,
            size=1_000_000,
            sha256="00",
            notes=("`RECORD` was wrong, and is right now",) if number else (),
        )
        for number, one in enumerate(plan().platforms[0].wheels)
    ]
    path = Path(f"out/bound_libs-1.0-py3-none-{TAG}.whl")
    companion = Written(path=path, source=None, before=0, size=776_000, sha256="00")
    return tuple(wheels) if reused else (*wheels, companion)


def test_a_plan() -> None:
    assert render_plan(plan()).splitlines() == [
        "bound 1.0: every wheel asks for bound-libs==1.0",
        "  Linux x86_64: 2 wheels",
        "    `bound.libs` → `bound_libs`",
        "      libgmp-aaaabbbb.so.10   1.0 MB",
        "",
        "nothing is written with `--plan`",
    ]


def test_a_plan_that_moves_nothing_on_the_disk_says_so() -> None:
    text = render_plan(plan(moved=OLD))
    assert "    `bound.libs` stays at its path, in the companion\n" in text


def test_what_was_written_and_three_figures() -> None:
    name = "bound-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    lines = render_written(plan(), written()).splitlines()
    assert lines[1:4] == [
        "wrote 3 wheels into `out`",
        "  bound_libs-1.0-py3-none-manylinux_2_17_x86_64.whl      new   →   776 kB",
        f"  {name}     1.8 MB   →   1.0 MB",
    ]
    assert lines[-5:] == [
        "                                          before    after",
        "  stored, all files                       3.6 MB   2.8 MB   -23 %",
        "  first install, Linux x86_64             1.8 MB   1.8 MB    -1 %",
        "  upgrade, same libraries, Linux x86_64   1.8 MB   1.0 MB   -44 %",
        "  (a first install into one environment gets no smaller: it fetches both)",
    ]
    assert "`RECORD` was wrong, and is right now" in " ".join(line.strip() for line in lines)


def test_a_companion_that_is_reused_is_not_counted() -> None:
    text = render_written(plan(reused=True), written(reused=True))
    assert "  its libraries did not change since 0.9: no new companion\n" in text
    assert "first install, " not in text


@pytest.mark.parametrize("width", [60, 100])
def test_lines_keep_to_the_width(width: int) -> None:
    text = render_written(plan(), written(), width=width)
    lines = [line for line in text.splitlines() if "note: " not in line]
    assert [line for line in lines if len(line) > max(width, 73)] == []


REFUSALS = [
    (
        Refusal(reason="no wheel of this release bundles libraries"),
        ["error: not split: no wheel of this release bundles libraries"],
    ),
    (
        Refusal(reason="these are wheels of 2 releases", files=("a 1", "b\x1b 2"), hint="name one"),
        [
            "error: not split: these are wheels of 2 releases",
            "  a 1",
            r"  b\x1b 2",
            "",
            "hint: name one",
        ],
    ),
    (
        Refusal(reason="one reason that is longer than a line has room", hint="one two three " * 3),
        [
            "error: not split: one reason that is",
            "  longer than a line has room",
            "",
            "hint: one two three one two three one",
            "      two three",
        ],
    ),
]


@pytest.mark.parametrize(("refusal", "lines"), REFUSALS)
def test_refusals(refusal: Refusal, lines: list[str]) -> None:
    text = render_refusals([refusal], width=40 if len(refusal.reason) > 42 else 100)
    assert text.splitlines() == [*lines, "", "nothing is written"]
