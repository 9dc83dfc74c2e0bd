"""Which wheels can stand side by side."""

from __future__ import annotations

import pytest

from tests.natives import distribution, image, native_file
from trueup.judge.layouts import layouts_of, platform_of
from trueup.model.library import Distribution


def wheel(project: str, tags: str, version: str = "1.0") -> Distribution:
    return distribution(
        project, native_file(f"{project}/x.so", image()), tags=tags, version=version
    )


@pytest.mark.parametrize(
    ("tag", "platforms"),
    [
        ("any", ()),
        ("manylinux_2_28_x86_64", ("Linux x86_64",)),
        ("manylinux2014_aarch64", ("Linux aarch64",)),
        ("manylinux1_i686", ("Linux i686",)),
        ("linux_armv7l", ("Linux armv7l",)),
        ("musllinux_1_2_x86_64", ("Linux (musl) x86_64",)),
        ("macosx_11_0_arm64", ("macOS arm64",)),
        ("macosx_10_9_universal2", ("macOS arm64", "macOS x86_64")),
        ("win32", ("Windows x86",)),
        ("win_amd64", ("Windows amd64",)),
    ],
)
def test_platforms_in_words(tag: str, platforms: tuple[str, ...]) -> None:
    assert platform_of(tag) == platforms


LINUX = "manylinux_2_28_x86_64"
WHEELS = {
    "for one Python": (
        [wheel("a", f"cp312-cp312-{LINUX}"), wheel("b", f"cp312-cp312-{LINUX}")],
        {"Linux x86_64, Python 3.12": "a b"},
    ),
    "the stable ABI serves later Pythons": (
        [
            wheel("a", f"cp311-cp311-{LINUX}"),
            wheel("a", f"cp313-cp313-{LINUX}"),
            wheel("b", f"cp312-abi3-{LINUX}"),
        ],
        {"Linux x86_64, Python 3.11": "a", "Linux x86_64, Python 3.13": "a b"},
    ),
    "free-threaded Pythons take no abi3": (
        [wheel("a", f"cp313-cp313t-{LINUX}"), wheel("b", f"cp312-abi3-{LINUX}")],
        {"Linux x86_64, Python 3.13, free-threaded": "a"},
    ),
    "no particular Python": (
        [wheel("a", f"py3-none-{LINUX}"), wheel("b", f"cp312-abi3-{LINUX}")],
        {"Linux x86_64": "a b"},
    ),
    "a library wheel joins every Python": (
        [wheel("a", f"cp312-cp312-{LINUX}"), wheel("b", f"py3-none-{LINUX}")],
        {"Linux x86_64, Python 3.12": "a b"},
    ),
    "platforms stay apart": (
        [wheel("a", f"cp312-cp312-{LINUX}"), wheel("b", "cp312-cp312-win_amd64")],
        {"Linux x86_64, Python 3.12": "a", "Windows amd64, Python 3.12": "b"},
    ),
    "universal wheels join both kinds of Mac": (
        [
            wheel("a", "cp312-cp312-macosx_10_9_universal2"),
            wheel("b", "cp312-cp312-macosx_11_0_arm64"),
        ],
        {"macOS arm64, Python 3.12": "a b", "macOS x86_64, Python 3.12": "a"},
    ),
    "without native files": ([distribution("a"), wheel("b", f"cp312-cp312-{LINUX}")],
                             {"Linux x86_64, Python 3.12": "b"}),
}  # fmt: skip


@pytest.mark.parametrize(("wheels", "layouts"), WHEELS.values(), ids=WHEELS)
def test_layouts(wheels: list[Distribution], layouts: dict[str, str]) -> None:
    found = {
        one.label: " ".join(sorted(item.project for item in one.distributions))
        for one in layouts_of(wheels)
    }
    assert found == layouts


def test_the_newest_version_and_the_most_particular_wheel_stand() -> None:
    old = wheel("a", f"cp312-cp312-{LINUX}")
    stable = wheel("a", f"cp311-abi3-{LINUX}", "2.0")
    own = wheel("a", f"cp312-cp312-{LINUX}", "2.0")
    (layout,) = layouts_of([own, stable, old])
    assert layout.distributions == (own,)
