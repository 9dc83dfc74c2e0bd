"""Merged lists: short markers, in the order of preference of the model."""

from __future__ import annotations

import pytest

from tests.releases import release, wheel
from trueup.judge.merge import Unmergeable, merge
from trueup.judge.reconcile import classify
from trueup.model.finding import Merged
from trueup.model.release import ReleaseFile

LINUX = "cp312-cp312-manylinux_2_17_x86_64"
ARM = "cp312-cp312-manylinux_2_17_aarch64"
MAC = "cp312-cp312-macosx_11_0_arm64"
INTEL = "cp312-cp312-macosx_11_0_x86_64"
WINDOWS = "cp312-cp312-win_amd64"

CASES: list[tuple[str, list[ReleaseFile], list[str]]] = [
    ("no marker", [wheel(LINUX, ["a", "b"]), wheel(MAC, ["b", "a"])], ["a", "b"]),
    ("platform", [wheel(LINUX, ["a"]), wheel(MAC)], ['a; sys_platform == "linux"']),
    (
        "all but one platform",
        [wheel(LINUX, ["a"]), wheel(MAC, ["a"]), wheel(WINDOWS)],
        ['a; sys_platform != "win32"'],
    ),
    (
        "a marker that a wheel uses already",
        [wheel(LINUX, ['a; platform_system == "Linux"']), wheel(MAC, ['a; os_name == "nt"'])],
        ['a; platform_system == "Linux"'],
    ),
    (
        "platform and machine",
        [wheel(LINUX, ["a"]), wheel(ARM), wheel(INTEL)],
        ['a; sys_platform == "linux" and platform_machine == "x86_64"'],
    ),
    (
        "machine alone",
        [wheel(LINUX, ["a"]), wheel(ARM), wheel(MAC)],
        ['a; platform_machine == "x86_64"'],
    ),
    (
        "Python",
        [wheel("cp310-cp310-win_amd64", ["a"]), wheel("cp311-cp311-win_amd64")],
        ['a; python_version < "3.11"'],
    ),
    (
        "one Python among others",
        [
            wheel("cp310-cp310-win_amd64"),
            wheel("cp311-cp311-win_amd64", ["a"]),
            wheel("cp312-cp312-win_amd64"),
        ],
        ['a; python_version == "3.11"'],
    ),
    (
        "implementation",
        [wheel("cp311-cp311-win_amd64", ["a"]), wheel("pp311-pypy311_pp73-win_amd64")],
        ['a; implementation_name == "cpython"'],
    ),
    (
        "other bounds elsewhere",
        [wheel(LINUX, ["a<2"]), wheel(MAC, ["a>=2"])],
        ['a<2; sys_platform == "linux"', 'a>=2; sys_platform == "darwin"'],
    ),
    (
        "an extra's requirement",
        [wheel(LINUX, ['a; extra == "x"'], extras=["x"]), wheel(MAC, extras=["x"])],
        ['a; sys_platform == "linux" and extra == "x"'],
    ),
    (
        "what some have always and others for an extra",
        [wheel(LINUX, ["a"]), wheel(MAC, ['a; extra == "x"'], extras=["x"])],
        # Where it is asked for anyway, asking again does no harm.
        ['a; sys_platform == "linux"', 'a; extra == "x"'],
    ),
    (
        "a direct URL keeps its space",
        [wheel(LINUX, ["a @ https://index.test/a.zip"]), wheel(MAC)],
        ['a @ https://index.test/a.zip ; sys_platform == "linux"'],
    ),
    (
        "a checkerboard",
        [wheel(LINUX, ["a"]), wheel(ARM), wheel(MAC, ["a"]), wheel(INTEL)],
        [
            'a; sys_platform == "linux" and platform_machine == "x86_64" or '
            'platform_machine == "arm64"'
        ],
    ),
]


@pytest.mark.parametrize(("name", "files", "lines"), CASES, ids=[case[0] for case in CASES])
def test_merged_list(name: str, files: list[ReleaseFile], lines: list[str]) -> None:
    found = merge(classify(release(*files))[0])
    assert isinstance(found, Merged)
    assert list(found.requires_dist) == lines


def test_requires_python_and_extras_merge_to_the_union() -> None:
    files = [
        wheel("cp38-cp38-win_amd64", python=">=3.8,<3.10", extras=["x"]),
        wheel("cp313-cp313-win_amd64", python=">=3.9", extras=["y"]),
    ]
    found = merge(classify(release(*files))[0])
    assert isinstance(found, Merged)
    assert (found.requires_python, found.provides_extra) == (">=3.8", ("x", "y"))


def test_a_wheel_without_requires_python_admits_every_python() -> None:
    files = [wheel("cp38-cp38-win_amd64", python=">=3.8"), wheel("cp313-cp313-win_amd64")]
    found = merge(classify(release(*files))[0])
    assert isinstance(found, Merged)
    assert found.requires_python is None
    assert found.notes == ("a wheel without `Requires-Python` admits every Python",)


def test_what_no_marker_can_tell_apart_is_not_merged() -> None:
    files = [wheel(LINUX, ["a"]), wheel("cp312-cp312-manylinux_2_28_x86_64")]
    found = merge(classify(release(*files))[0])
    assert found == Unmergeable(reason="no marker can tell the wheels apart")


def test_the_residue_is_named() -> None:
    files = [wheel(WINDOWS, ["a"]), wheel("cp312-cp312-win32")]
    found = merge(classify(release(*files))[0])
    assert isinstance(found, Merged)
    assert found.requires_dist == ('a; platform_machine != "x86"',) or found.requires_dist == (
        'a; platform_machine == "AMD64"',
    )
    assert (
        found.residue
        == "32-bit Python on Windows AMD64, 32-bit or emulated Python on Windows ARM64"
    )
