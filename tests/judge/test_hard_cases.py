"""Releases that once were judged wrongly, or took for ever, or ended in a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.releases import release, sdist, wheel
from trueup.judge.reconcile import classify
from trueup.judge.release import judge_release
from trueup.model.declaration import Declaration
from trueup.model.errors import UsageError
from trueup.model.finding import Advice, FileStatus, ReleaseReport
from trueup.model.release import ReleaseFile
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets

ARM64 = "32-bit or emulated Python on Windows ARM64"
X86 = "manylinux_2_17_x86_64"


def judged(*files: ReleaseFile, targets: str | None = None) -> ReleaseReport:
    limits = parse_targets(targets) if targets else ()
    return judge_release(release(*files), targets=limits, suggest=True)


CLASSES: list[tuple[str, list[ReleaseFile], str]] = [
    (
        "a page that hides one file from some Pythons",
        [wheel("py3-none-linux_x86_64", page_python=">=3.11"), wheel(f"py3-none-{X86}", python=">=3.7")],
        "irreconcilable",
    ),
    (
        "what is installed unasked differs everywhere",
        [wheel("py3-none-win_amd64", ["a"], headers=[("Default-Extra", "q")]), wheel("py3-none-win32")],
        "irreconcilable",
    ),
    (
        "another Emscripten takes the pure wheel",
        [wheel("cp312-cp312-emscripten_3_1_58_wasm32", ["a"]), wheel("py3-none-any")],
        "irreconcilable",
    ),
    (
        "another GraalPy takes the pure wheel",
        [wheel(f"graalpy311-graalpy240_311_native-{X86}", ["a"]), wheel(f"py3-none-{X86}")],
        "irreconcilable",
    ),
    (
        "another PyPy takes the pure wheel",
        [wheel(f"pp36-pypy36_pp72-{X86}", ["a"]), wheel(f"py3-none-{X86}")],
        "irreconcilable",
    ),
    (
        "`in` is a substring test, which holds for x86 too",
        [
            wheel("py3-none-any", ['x; platform_machine in "x86_64 AMD64 aarch64"']),
            wheel(
                "cp312-cp312-macosx_11_0_arm64",
                [
                    'x; platform_machine == "x86_64" or platform_machine == "AMD64" '
                    'or platform_machine == "aarch64"'
                ],
            ),
        ],
        "mergeable",
    ),
    (
        "ARM64 has both words",
        [
            wheel("py3-none-any", ['x; "ARM" in platform_machine and "64" in platform_machine']),
            wheel("cp312-cp312-macosx_11_0_arm64"),
        ],
        "mergeable",
    ),
    (
        "a FreeBSD of another version is a FreeBSD",
        [
            wheel("py3-none-any", ['x; sys_platform == "freebsd13" and platform_system == "FreeBSD"']),
            wheel("cp312-cp312-win_amd64"),
        ],
        "mergeable",
    ),
    (
        "an unknown system is most likely POSIX",
        [
            wheel("py3-none-any", ['x; sys_platform == "midnightbsd" and os_name == "posix"']),
            wheel("cp312-cp312-win_amd64"),
        ],
        "mergeable",
    ),
    (
        "Linux runs on ppc64",
        [
            wheel("py3-none-any", ['x; sys_platform == "linux" and platform_machine == "ppc64"']),
            wheel("cp312-cp312-win_amd64"),
        ],
        "mergeable",
    ),
    (
        "quotes that belong to the constant",
        [
            wheel("py3-none-any", ["x; platform_version == \"'a'\""]),
            wheel("cp312-cp312-macosx_11_0_arm64"),
        ],
        "mergeable",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "words"), CLASSES, ids=[case[0] for case in CLASSES])
def test_class(name: str, files: list[ReleaseFile], words: str) -> None:
    assert judged(*files).class_words == words


def test_the_windows_wheel_also_runs_emulated() -> None:
    report = judged(
        wheel("cp312-cp312-win_amd64", ["a"]),
        wheel("cp312-cp312-win32", ["a"]),
        wheel("py3-none-any"),
    )
    assert report.class_words.endswith(f"(only {ARM64})")


def test_requirements_that_exclude_each_other_meet_nowhere() -> None:
    """uv looks at environments that do not exist, such as Linux on AMD64, when it forks."""
    report = judged(
        wheel("py3-none-any", ["requests>=2.31"]), wheel("py3-none-win_amd64", ["requests==2.25.1"])
    )
    assert report.merged is not None
    environments = [
        {"platform_system": system, "platform_machine": machine}
        for system in ("Windows", "Linux", "Darwin")
        for machine in ("AMD64", "x86_64", "ARM64", "other")
    ]
    markers = [parse_requirement(line).marker for line in report.merged.requires_dist]
    for environment in environments:
        names = {"sys_platform": environment["platform_system"].lower(), "os_name": "posix"}
        values = {**environment, **names}
        assert sum(marker is None or marker.holds(values) for marker in markers) == 1


def test_a_merge_is_found_next_to_a_pure_wheel() -> None:
    report = judged(
        wheel("py3-none-any", ["requests"]),
        wheel("py3-none-macosx_11_0_arm64", ["requests", "idna"]),
    )
    assert report.merged is not None
    assert report.merged.requires_dist == (
        'idna; platform_system == "Darwin" and platform_machine == "arm64"',
        "requests",
    )


ADVICE: list[tuple[str, list[ReleaseFile], str | None, Advice, str]] = [
    (
        "a file that is never chosen says something else",
        [wheel("py3-none-any", ["a<2"], build="1"), wheel("py3-none-any", ["a"])],
        None,
        Advice.PER_TARGET,
        "wheels that are never chosen say something else",
    ),
    (
        "no file fits the target",
        [wheel("cp312-cp312-win_amd64", ["a"]), wheel("cp311-cp311-win_amd64")],
        "cp312-linux-x86_64",
        Advice.UNKNOWN,
        "no file of this release fits `cp312-linux-x86_64-glibc2.17`",
    ),
    (
        "a target that nothing in the release knows",
        [wheel("cp312-cp312-freebsd_14_riscv64"), sdist(metadata_version="2.1")],
        "cp312-linux-riscv64",
        Advice.UNKNOWN,
        "some environments have only the sdist, whose metadata (before 2.2) promises nothing",
    ),
    (
        "there is no free-threaded 3.12",
        [wheel(f"cp312-cp312-{X86}")],
        "cp312t-linux-x86_64",
        Advice.UNKNOWN,
        "no file of this release fits `cp312t-linux-x86_64-glibc2.17`",
    ),
    (
        "a declaration excuses only what it declares",
        [
            wheel("cp312-cp312-win_amd64", ["b"], python=">=3.8"),
            sdist(
                dynamic=["Requires-Python"],
                python=">=3.8",
                declaration=Declaration(wheels_require=(parse_requirement("b"),)),
            ),
        ],
        None,
        Advice.UNKNOWN,
        "some environments have only the sdist, where Requires-Python is dynamic",
    ),
    (
        "the sdist differs only where a wheel fits",
        [wheel("py312-none-any", ["x"]), sdist(["x", 'w; python_version >= "3.13"'])],
        None,
        Advice.READ_ONE,
        "all wheels say the same, and so does the sdist, which is static",
    ),
]


@pytest.mark.parametrize(
    ("name", "files", "target", "advice", "reason"), ADVICE, ids=[case[0] for case in ADVICE]
)
def test_advice(
    name: str, files: list[ReleaseFile], target: str | None, advice: Advice, reason: str
) -> None:
    report = judged(*files, targets=target)
    assert (report.advice, report.advice_reason) == (advice, reason)


def test_the_order_of_files_does_not_change_the_advice() -> None:
    one = wheel("py313-none-any", build="1", python=">=3.8")
    two = wheel("py313-none-any", python=">=3.13")
    old = sdist(metadata_version="2.1")
    assert judged(one, two, old).advice is judged(two, one, old).advice


def test_wheels_outside_the_targets_are_not_shadowed() -> None:
    report = judged(
        wheel("cp312-cp312-macosx_11_0_arm64", ["a"]),
        wheel(f"cp312-cp312-{X86}"),
        targets="cp312-linux-x86_64",
    )
    assert report.findings == ()
    assert {file.filename.split("-")[-1]: file.status for file in report.files} == {
        "macosx_11_0_arm64.whl": FileStatus.OUTSIDE,
        f"{X86}.whl": FileStatus.CHOSEN,
    }


def test_an_empty_range_is_no_limit_but_a_mistake() -> None:
    with pytest.raises(UsageError, match=r"`cp314\.\.cp311` is an empty range"):
        parse_targets("cp314..cp311-linux-x86_64")


def test_legacy_names_of_manylinux_are_the_same_tags() -> None:
    subject = wheel("cp312-cp312-manylinux2014_x86_64")
    reading = type(subject.reading)(
        metadata=subject.reading.metadata,
        how=subject.reading.how,
        dist_info="demo-1.0.dist-info",
        wheel_headers={"tag": ("cp312-cp312-manylinux_2_17_x86_64",)},
    )
    report = judged(type(subject)(artifact=subject.artifact, reading=reading))
    assert report.findings == ()


HOSTILE: list[tuple[str, list[ReleaseFile]]] = [
    ("digits", [wheel("py3-none-any", [f'x; "{"1" * 5000}" in platform_version']), wheel("cp312-cp312-win_amd64", ["x"])]),
    ("arbitrary equality", [wheel("py3-none-any", ['x; "1.0" === platform_release']), wheel("cp312-cp312-win_amd64")]),
    ("runs in names", [sdist(extras=["a__b"], dynamic=["Provides-Extra"], metadata_version="2.6"), wheel("py3-none-any", extras=["a__b", "c"])]),
    ("ABIs without end", [wheel("cp310-" + ".".join("cp310" + "a" * k for k in range(1, 400)) + "-any"), wheel("py3-none-" + ".".join(f"hw_{i}_foo" for i in range(3000)))]),
    ("machines", [wheel("py3-none-any", [f'x; platform_machine == "m{i}"' for i in range(100)] + [f'x; sys_platform == "m{i}"' for i in range(100)]), wheel("cp312-cp312-win_amd64", ["x"])]),
    ("patch levels", [wheel("py3-none-any", [f'x{i}; python_full_version >= "3.5.{i}"' for i in range(1000)]), wheel("cp312-cp312-win_amd64")]),
    ("releases", [wheel("py3-none-any", [f'x; platform_release >= "{i}"' for i in range(800)]), wheel("cp312-cp312-win_amd64")]),
    ("exclusions", [wheel("py3-none-any", ["x" + ",".join(f"!={i}" for i in range(3000))]), wheel("cp312-cp312-win_amd64")]),
    ("extras", [wheel("py3-none-any", [f'x=={i}; extra == "e{i}"' for i in range(1000)]), wheel("cp312-cp312-win_amd64")]),
    ("a product of tags", [wheel(".".join(f"cp3{i}" for i in range(100)) + "-" + ".".join(f"a{i}" for i in range(100)) + "-" + ".".join(f"p{i}" for i in range(100)))]),
    ("extra in a list", [wheel("py3-none-any", ['x; extra in "docs"'], extras=["docs"]), wheel("cp312-cp312-win_amd64", ["x"])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_hostile_metadata_gets_a_verdict(name: str, files: list[ReleaseFile]) -> None:
    report = judged(*files)
    assert report.class_words
    assert report.advice_reason


@given(
    requires=st.lists(st.text(max_size=60), max_size=4),
    tags=st.sampled_from(["py3-none-any", "cp312-cp312-win_amd64", "cp27-cp27m-linux_x86_64"]),
    python=st.one_of(st.none(), st.text(max_size=20)),
)
@settings(max_examples=60)
def test_any_text_gets_a_verdict(requires: list[str], tags: str, python: str | None) -> None:
    other = wheel("py2.py3-none-any", ["a"])
    clean = [" ".join(line.split()) for line in requires]
    text = None if python is None else " ".join(python.split())
    files = [wheel(tags, [line.encode("utf-8", "replace").decode() for line in clean], python=text)]
    assert classify(release(*files, other))
