"""The text of `libs`: what stands on a line, what is left out, and that lines keep to the width."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from tests.nativesamples import NATIVE_SAMPLES, deep, library, numbers, report_of, science, wheel
from trueup.interfaces.report.nativetext import render_native_text
from trueup.interfaces.report.nativewho import render_who
from trueup.model.gpu import parse_gpu


def text_of(name: str, width: int = 100, *, verbose: bool = False) -> str:
    return render_native_text(NATIVE_SAMPLES[name], colour=False, width=width, verbose=verbose)


@pytest.mark.parametrize("name", sorted(set(NATIVE_SAMPLES) - {"hostile"}))
@pytest.mark.parametrize("width", [60, 100, 160])
def test_lines_keep_to_the_width(name: str, width: int) -> None:
    lines = text_of(name, width).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_names_do_not_act(verbose: bool) -> None:
    text = text_of("hostile", verbose=verbose)
    assert not {"\x1b", "\u202e"} & set(text)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("one", "  science 1.0   3 files, 1 extension module, 25.3 MB"),
        ("one", "    libopenblas-99990000.so     22.0 MB   0.3.27   used by _opt"),
        ("one", "    libgfortran-11112222.so.5    3.0 MB            used by libopenblas"),
        (
            "mixed",
            "    numbers/broken.so           70.0 kB            unreadable: it ends after 7 of 70 kB",
        ),
        ("mixed", "    note: `RECORD` is unread"),
        ("mixed", "  same bytes          1    3.0 MB    1.5 MB"),
        ("mixed", "    numbers 1.0   3.0 MB   libgfortran-11112222.so.5"),
        ("release", "Linux x86_64, Python 3.11, 3.13"),
        ("release", "    bound 1.0, 3 wheels: cp311 … cp313   1.0 MB   libgmp-aaaabbbb.so.10"),
        ("empty", "error: could not judge `nothing.whl`: `nothing.whl` is not there"),
        (
            "empty",
            "0 distributions; 0 native files, 0 bytes; no findings; 1 target could not be read",
        ),
    ],
)
def test_lines(name: str, line: str) -> None:
    assert line in text_of(name).splitlines()


def test_libraries_that_stay_the_same_over_environments_are_listed_once() -> None:
    pair = (wheel(11), wheel(12), numbers())
    twice = [
        replace(item, files=(*item.files, library("bound.libs/libmpfr-ccccdddd.so.6")))
        for item in pair[:2]
    ]
    text = render_native_text(report_of(*twice, pair[2]), colour=False, width=100)
    assert "1 extension module, 2.3 MB\n    libraries as above\n" in text


def test_the_surest_degree_of_a_group_is_told_once() -> None:
    text = text_of("mixed")
    assert "libgfortran: 3.0 MB too many, same bytes\n" in text
    assert "libopenblas: 22.0 MB too many, same library\n" in text
    assert "same build  " not in text  # It would say what `same bytes` says.


def test_verbose_names_every_file() -> None:
    text = text_of("one", verbose=True)
    assert "    science/_opt.cpython-312-x86_64-linux-gnu.so" in text
    assert "    science.libs/libopenblas-99990000.so" in text


def test_a_narrow_terminal_has_the_users_below() -> None:
    text = text_of("mixed", 60)
    assert "\n      nobody asks for it\n" in text


def test_targets_stand_in_natural_order() -> None:
    text = render_native_text(
        report_of(deep()), colour=False, width=100, gpu=parse_gpu("sm_90")
    ).splitlines()
    start = text.index("GPU code of deep 1.0: 174 MB")
    targets = [line.split()[0] for line in text[start + 1 : start + 6]]
    assert targets == ["compute_100", "of", "sm_80", "sm_90", "sm_100"]
    assert "sm_90 needs 55.0 MB of 174 MB" in text
    assert "  … and 1 file of which nothing fits" in text


def test_colour_changes_no_word() -> None:
    report = NATIVE_SAMPLES["mixed"]
    painted = render_native_text(report, colour=True, width=100)
    assert "\x1b[" in painted
    assert "\x1b[" not in text_of("mixed")


WHO = [
    (
        (numbers(), science()),
        "openblas",
        [
            "Linux x86_64, Python 3.12: 2 copies of `openblas`; no two packages load the same one",
            "  numbers 1.0   loads its own   libopenblas-0a1b2c3d.so",
            "  science 1.0   loads its own   libopenblas-99990000.so",
        ],
    ),
    (
        (wheel(12),),
        "gmp",
        [
            "Linux x86_64, Python 3.12: 1 copy of `gmp`",
            "  bound 1.0   loads its own   libgmp-aaaabbbb.so.10",
        ],
    ),
    ((science(),), "zstd", ["no file is, holds or asks for a library named `zstd`"]),
]


@pytest.mark.parametrize(("distributions", "library", "lines"), WHO, ids=[w[1] for w in WHO])
def test_who_answers_first(distributions: tuple, library: str, lines: list[str]) -> None:  # type: ignore[type-arg]
    report = report_of(*distributions)
    text = render_who(report.maps, library, colour=False, width=100)
    assert text.splitlines()[: len(lines)] == lines


@pytest.mark.parametrize("width", [60, 80])
def test_who_keeps_to_the_width(width: int) -> None:
    report = report_of(numbers(), science())
    text = render_who(report.maps, "openblas", colour=False, width=width)
    assert [line for line in text.splitlines() if cell_len(line) > width] == []


def test_a_check_of_nothing_says_so() -> None:
    text = render_native_text(NATIVE_SAMPLES["one"], colour=False, width=100, pins=True)
    assert text == (
        "nothing to compare: none of 1 distribution says in `nativelib.json` what it was made "
        "against\n"
    )
