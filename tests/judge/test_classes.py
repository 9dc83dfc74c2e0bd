"""The four classes on small releases, read like a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.releases import release, sdist, wheel
from trueup.judge.reconcile import classify
from trueup.judge.release import judge_release
from trueup.model.declaration import Declaration
from trueup.model.finding import Advice, FileStatus
from trueup.model.release import ReleaseFile
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets

X86 = "manylinux_2_17_x86_64"

CASES: list[tuple[str, list[ReleaseFile], str]] = [
    ("one wheel", [wheel("py3-none-any", ["a"])], "identical"),
    ("no wheel", [sdist(["a"])], "identical"),
    (
        "spelling, order, duplicates",
        [
            wheel("cp311-cp311-win_amd64", ["numpy (>=1)", "Foo_Bar", "foo-bar"]),
            wheel("cp312-cp312-win_amd64", ["foo.bar", "numpy>=1"]),
        ],
        "identical",
    ),
    (
        "a marker that is always true where a wheel is chosen",
        [
            wheel("cp311-cp311-win_amd64", ['a; python_version >= "3.8"']),
            wheel("cp312-cp312-win_amd64", ["a"]),
        ],
        "uniform",
    ),
    (
        "empty ranges are equal",
        [
            wheel("cp311-cp311-win_amd64", ["a>2,<1"]),
            wheel("cp312-cp312-win_amd64", ["a>3,<1"]),
        ],
        "uniform",
    ),
    (
        "by platform",
        [wheel("cp311-cp311-win_amd64", ["a"]), wheel(f"cp311-cp311-{X86}")],
        "mergeable",
    ),
    (
        "by implementation",
        [wheel("cp311-cp311-win_amd64", ["a"]), wheel("pp311-pypy311_pp73-win_amd64")],
        "mergeable",
    ),
    (
        "by glibc",
        [wheel(f"cp311-cp311-{X86}", ["a"]), wheel("cp311-cp311-manylinux_2_28_x86_64")],
        "irreconcilable",
    ),
    (
        "glibc against musl",
        [wheel(f"cp311-cp311-{X86}", ["a"]), wheel("cp311-cp311-musllinux_1_2_x86_64")],
        "irreconcilable",
    ),
    (
        "by macOS version",
        [
            wheel("cp311-cp311-macosx_11_0_arm64", ["a"]),
            wheel("cp311-cp311-macosx_14_0_arm64"),
        ],
        "irreconcilable",
    ),
    (
        "free-threaded",
        [wheel("cp313-cp313-win_amd64", ["a"]), wheel("cp313-cp313t-win_amd64")],
        "irreconcilable",
    ),
    (
        "free-threaded takes the pure wheel",
        [wheel("cp313-cp313-win_amd64", ["a"]), wheel("py3-none-any")],
        "irreconcilable",
    ),
    (
        "32-bit Python on 64-bit Windows",
        [wheel("cp311-cp311-win_amd64", ["a"]), wheel("cp311-cp311-win32")],
        "irreconcilable (only 32-bit Python on Windows AMD64, 32-bit or emulated Python on Windows ARM64)",
    ),
    (
        "32-bit Python on 64-bit Linux",
        [wheel(f"cp311-cp311-{X86}", ["a"]), wheel("cp311-cp311-manylinux_2_17_i686")],
        "irreconcilable (only 32-bit Python on Linux x86_64)",
    ),
    (
        "a libc that nobody maintains",
        [wheel("cp311-cp311-manylinux1_x86_64"), wheel(f"cp311-cp311-{X86}", ["a"])],
        "irreconcilable (only glibc older than 2.17)",
    ),
    (
        "a tie",
        [wheel("py3-none-any", ["a"]), wheel("py2.py3-none-any", ["b"])],
        "irreconcilable",
    ),
    (
        "shadowed by a build tag",
        [wheel("py3-none-any", ["a"]), wheel("py3-none-any", ["b"], build="1")],
        "identical",
    ),
    (
        "narrow and wide Unicode",
        [wheel("cp27-cp27mu-manylinux1_x86_64", ["a"]), wheel("cp27-cp27m-manylinux1_x86_64")],
        "irreconcilable",
    ),
    (
        "Windows has only narrow builds",
        [wheel("cp27-cp27m-win_amd64", ["a"]), wheel("py2.py3-none-any", ["b"])],
        "irreconcilable (only 32-bit Python on Windows AMD64, 32-bit or emulated Python on Windows ARM64)",
    ),
    (
        "by patch level",
        [
            wheel("cp311-cp311-win_amd64", ['a; python_full_version < "3.11.4"']),
            wheel("cp312-cp312-win_amd64", ["a"]),
        ],
        "mergeable",
    ),
    (
        "an extra's requirements",
        [
            wheel("cp311-cp311-win_amd64", ['a; extra == "x"'], extras=["x"]),
            wheel(f"cp311-cp311-{X86}", ['b; extra == "x"'], extras=["x"]),
        ],
        "mergeable",
    ),
    (
        "extras alone always merge",
        [wheel(f"cp311-cp311-{X86}", extras=["x"]), wheel("cp311-cp311-manylinux_2_28_x86_64")],
        "mergeable",
    ),
    (
        "direct URLs",
        [
            wheel("cp311-cp311-win_amd64", ["a @ https://index.test/a-1.zip"]),
            wheel(f"cp311-cp311-{X86}", ["a"]),
        ],
        "mergeable",
    ),
    (
        "Requires-Python by Python",
        [
            wheel("cp38-cp38-win_amd64", python=">=3.8,<3.13"),
            wheel("cp313-cp313-win_amd64", python=">=3.8,<3.14"),
        ],
        "mergeable",
    ),
    (
        "Requires-Python by glibc",
        [
            wheel(f"cp38-abi3-{X86}", python=">=3.8"),
            wheel("cp38-abi3-manylinux_2_28_x86_64", python=">=3.9"),
        ],
        "irreconcilable",
    ),
    (
        "one Requires-Python would move an environment to another file",
        [
            wheel("py3-none-any", python=">=3.8", page_python=">=3.8"),
            wheel("py3-none-win_amd64", python=">=3.9", page_python=">=3.9"),
        ],
        "irreconcilable",
    ),
    (
        "yanked files are left out",
        [
            wheel("cp311-cp311-win_amd64", ["a"]),
            wheel(f"cp311-cp311-{X86}", yanked="broken"),
        ],
        "identical",
    ),
    (
        "unless all are",
        [
            wheel("cp311-cp311-win_amd64", ["a"], yanked=""),
            wheel(f"cp311-cp311-{X86}", yanked="broken"),
        ],
        "mergeable",
    ),
    (
        "something unread",
        [
            wheel("cp311-cp311-win_amd64", ["a"]),
            wheel(f"cp311-cp311-{X86}", unreadable="is no zip archive"),
        ],
        "at least identical",
    ),
    (
        "a requirement that is none",
        [
            wheel("cp311-cp311-win_amd64", ["a"]),
            wheel(f"cp311-cp311-{X86}", ["a>=1.*"]),
        ],
        "at least identical",
    ),
    (
        "variants are judged among equal labels",
        [wheel("py3-none-any", ["a"]), wheel("py3-none-any", ["b"], label="cu128")],
        "identical",
    ),
    (
        "a free-form variable",
        [
            wheel("cp311-cp311-win_amd64", ['a; platform_release >= "10"']),
            wheel("cp312-cp312-win_amd64", ["a"]),
        ],
        "mergeable",
    ),
    (
        "more words than anybody can tell apart",
        [
            wheel("py3-none-any", [f'a{n}; "word{n}" in platform_version' for n in range(13)]),
            wheel("cp311-cp311-win_amd64"),
        ],
        "unknown (space too large: too many values of `platform_version`)",
    ),
]


@pytest.mark.parametrize(("name", "files", "words"), CASES, ids=[case[0] for case in CASES])
def test_class(name: str, files: list[ReleaseFile], words: str) -> None:
    assert judge_release(release(*files)).class_words == words


def test_a_yanked_file_of_any_kind_is_shown_as_one() -> None:
    source = sdist()
    source = replace(source, artifact=replace(source.artifact, yanked="broken"))
    files = [wheel("py3-none-any"), wheel("py2-none-any", yanked=""), source]
    assert [file.status for file in judge_release(release(*files)).files] == [
        FileStatus.CHOSEN,
        FileStatus.YANKED,
        FileStatus.YANKED,
    ]


def test_targets_limit_the_environments() -> None:
    files = [wheel(f"cp311-cp311-{X86}", ["a"]), wheel("cp311-cp311-manylinux_2_28_x86_64")]
    for text, words in [
        ("cp311-linux-x86_64", "irreconcilable"),
        ("cp311-linux-x86_64-glibc2.28", "identical"),
        ("cp312-linux-x86_64", "identical"),
        ("cp311-windows-amd64", "identical"),
    ]:
        (found,) = classify(release(*files), parse_targets(text))
        assert found.release_class.value == words


ADVICE: list[tuple[str, list[ReleaseFile], str | None, Advice]] = [
    ("pure", [wheel("py3-none-any", ["a"])], None, Advice.READ_ONE),
    (
        "static sdist that agrees",
        [wheel("cp311-cp311-win_amd64", ["a"]), sdist(["a"])],
        None,
        Advice.READ_ONE,
    ),
    (
        "legacy sdist",
        [wheel("cp311-cp311-win_amd64", ["a"]), sdist(metadata_version="2.1")],
        None,
        Advice.UNKNOWN,
    ),
    (
        "legacy sdist, not needed",
        [wheel("cp311-cp311-win_amd64", ["a"]), sdist(metadata_version="2.1")],
        "cp311-windows-amd64",
        Advice.READ_ONE,
    ),
    (
        "the central case: wheels add OpenBLAS",
        [wheel("cp311-cp311-win_amd64", ["openblas==1"]), sdist()],
        None,
        Advice.PER_TARGET,
    ),
    (
        "the central case, declared",
        [
            wheel("cp311-cp311-win_amd64", ["openblas==1"]),
            sdist(declaration=Declaration(wheels_require=(parse_requirement("openblas==1"),))),
        ],
        None,
        Advice.READ_ONE,
    ),
    (
        "dynamic sdist",
        [wheel("cp311-cp311-win_amd64"), sdist(dynamic=["Requires-Dist"])],
        None,
        Advice.UNKNOWN,
    ),
    (
        "mergeable",
        [wheel("cp311-cp311-win_amd64", ["a"]), wheel(f"cp311-cp311-{X86}")],
        None,
        Advice.PER_TARGET,
    ),
    ("unread", [wheel("py3-none-any", unreadable="is empty")], None, Advice.UNKNOWN),
    ("nothing", [], None, Advice.UNKNOWN),
    ("only a static sdist", [sdist(["a"])], None, Advice.READ_ONE),
    ("only a legacy sdist", [sdist(["a"], metadata_version="1.2")], None, Advice.UNKNOWN),
]


@pytest.mark.parametrize(
    ("name", "files", "target", "advice"), ADVICE, ids=[case[0] for case in ADVICE]
)
def test_advice(name: str, files: list[ReleaseFile], target: str | None, advice: Advice) -> None:
    targets = parse_targets(target) if target else ()
    report = judge_release(release(*files), targets=targets)
    assert (report.advice, bool(report.advice_reason)) == (advice, True)
