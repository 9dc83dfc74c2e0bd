"""The space: its points, its cuts, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from packaging.markers import Marker as PackagingMarker
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag

from trueup.model.axes import MAX_POINTS, build_space
from trueup.model.errors import SpaceTooLargeError
from trueup.model.marker import Marker, parse_marker
from trueup.model.space import Space


def marker(text: str) -> Marker:
    return parse_marker(PackagingMarker(text))


def space_of(tags: Iterable[str] = (), markers: Iterable[str] = ()) -> Space:
    return build_space(
        tags={tag for text in tags for tag in parse_tag(text)},
        markers=[marker(text) for text in markers],
    )


def hosts(space: Space) -> set[tuple[str, str, str]]:
    return {(host.platform.words, host.machine, host.words) for host in space.hosts}


def test_libc_levels_are_cut_at_what_the_tags_name_and_below() -> None:
    space = space_of(["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_28_x86_64"])
    linux = {
        words
        for platform, machine, words in hosts(space)
        if machine == "x86_64" and platform == "Linux"
    }
    levels = {"glibc ≥ 2.28", "glibc ≥ 2.17 and < 2.28", "glibc < 2.17", "musl"}
    assert linux == levels | {"32-bit Python"}


@pytest.mark.parametrize(
    ("tags", "machine", "words"),
    [
        (["musllinux_1_2_s390x"], "s390x", ["glibc", "musl ≥ 1.2", "musl < 1.2"]),
        (
            ["android_24_x86", "android_30_x86"],
            "i686",
            ["Android API ≥ 30", "Android API ≥ 24 and < 30", "Android API < 24"],
        ),
        (
            ["ios_13_0_arm64_iphoneos"],
            "arm64",
            ["iOS ≥ 13.0 arm64_iphoneos", "iOS < 13.0 arm64_iphoneos"],
        ),
    ],
)
def test_levels_in_words(tags: list[str], machine: str, words: list[str]) -> None:
    space = space_of([f"cp313-cp313-{tag}" for tag in tags])
    assert [host.words for host in space.hosts if host.machine == machine and host.words] == words


def test_macos_for_arm64_begins_at_11() -> None:
    space = space_of(["cp311-cp311-macosx_10_9_universal2"])
    assert ("macOS", "arm64", "") in hosts(space)
    assert ("macOS", "x86_64", "macOS ≥ 10.9") in hosts(space)
    assert ("macOS", "x86_64", "macOS < 10.9") in hosts(space)


def test_a_32_bit_interpreter_runs_on_64_bit_machines() -> None:
    space = space_of(["cp311-cp311-win32", "cp311-cp311-manylinux_2_17_armv7l"])
    rare = {host.rare for host in space.hosts if host.rare}
    assert {
        "32-bit Python on Windows AMD64",
        "32-bit Python on Linux aarch64",
        "32-bit Python on Linux armv8l",
    } <= rare


def test_sys_platform_was_linux2_before_python_3_3() -> None:
    space = space_of(markers=['sys_platform == "linux2"', 'sys_platform == "linux"'])
    old = space.where(marker('sys_platform == "linux2"')) & space.universe
    new = space.where(marker('sys_platform == "linux"')) & space.universe
    assert old
    assert new
    assert not old & new
    assert {space.point(index).environment()["sys_platform"] for index in space.indices(old)} == {
        "linux2"
    }


def test_patch_levels_cut_an_interval_of_their_own() -> None:
    space = space_of(markers=['python_full_version < "3.11.4"'])
    points = space.where(marker('python_full_version < "3.11.4"'))
    versions = {space.point(index).python for index in space.indices(points & space.universe)}
    assert len(versions) == 1
    assert "3.11.4" in space.pythons.values


def test_python_intervals_end_where_something_changes() -> None:
    space = build_space(specifiers=[SpecifierSet(">=3.9")])
    assert space.pythons.values == ("2.0.0", "3.9.0")
    assert space.pythons.last == ("3.8.0", "4.0.0")


@pytest.mark.parametrize(("markers", "size"), [
    (['platform_release >= "5.4"'], 3),
    (['platform_release >= "5.4"', 'platform_release < "6"'], 5),
    (['"Ubuntu" in platform_version'], 2),
    (['"a" in platform_version', '"b" in platform_version'], 4),
    (['platform_version == "x"'], 2),
])  # fmt: skip
def test_free_form_variables_get_one_value_per_outcome(markers: list[str], size: int) -> None:
    space = space_of(markers=markers)
    (axis,) = space.free
    assert len(axis.values) <= size
    outcomes = {
        tuple(marker(text).atoms().__next__().holds(value) for text in markers)
        for value in axis.values
    }
    assert len(outcomes) == len(axis.values) >= min(size, 2)


def test_spread_gives_all_points_with_the_same_marker_part() -> None:
    space = space_of(
        [
            "cp313-cp313t-manylinux_2_28_x86_64",
            "cp313-cp313-manylinux_2_17_x86_64",
            "cp313-cp313-win32",
        ],
        ['python_version < "3.13"', 'platform_release == "1"'],
    )
    for index in list(space.indices(space.universe))[::17]:
        environment = space.point(index).environment()
        expected = {
            other
            for other in space.indices(space.everything)
            if space.point(other).environment() == environment
        }
        assert set(space.indices(space.spread(1 << index))) == expected


def test_impossible_points_are_left_out() -> None:
    space = space_of(
        ["cp313-cp313t-win_amd64", "cp27-cp27m-win_amd64", "cp27-cp27mu-manylinux1_x86_64"]
    )
    for index in space.indices(space.universe):
        point = space.point(index)
        minor = tuple(int(part) for part in point.python.split(".")[:2])
        if point.interpreter.abi == "t":
            assert minor >= (3, 13)
        if minor == (2, 7) and point.host.platform.words == "Windows":
            assert point.interpreter.name != "cpython" or point.interpreter.abi == "m"


def test_a_space_that_would_be_too_large_names_the_variables() -> None:
    texts = [f'"w{n}" in platform_version' for n in range(11)]
    texts += [f'"r{n}" in platform_release' for n in range(11)]
    with pytest.raises(SpaceTooLargeError) as caught:
        space_of(markers=texts)
    assert caught.value.variables == ("platform_release", "platform_version")
    assert space_of(markers=texts[:9]).size < MAX_POINTS


def test_nonsense_levels_in_tags_cost_nothing() -> None:
    space = space_of([
        "cp311-cp311-manylinux_2_999999999_x86_64",
        "cp311-cp311-macosx_999999999_0_arm64",
        "cp399999-cp399999-win_amd64",
        "cp3-none-android_99999999_arm64_v8a",
    ])  # fmt: skip
    assert space.size < 100_000
