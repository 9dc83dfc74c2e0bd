"""What moves into a companion wheel, and every reason why nothing does."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.natives import distribution, native_file
from trueup.judge.companion import (
    PreviousCompanion,
    bundle_folder,
    companion_path,
    plan_companion,
)
from trueup.model.library import NativeFile
from trueup.model.split import CompanionPlan, Refusal, SplitWheel

LINUX, MACOS, WINDOWS = "manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64"
LIBS = {"demo.libs/liba-01234567.so.1": "aa", "demo.libs/libb-89abcdef.so.2": "bb"}
DYLIBS = {"demo/.dylibs/liba.1.dylib": "cc"}
DLLS = {"demo.libs/a-10.dll": "dd"}


def wheel(
    python: str = "cp311",
    platform: str = LINUX,
    bundled: dict[str, str] | None = None,
    *,
    version: str = "2.0",
    mentions: tuple[str, ...] = (),
    files: tuple[NativeFile, ...] = (),
    members: frozenset[str] = frozenset(),
    requires: tuple[str, ...] = (),
    pure: bool = False,
) -> SplitWheel:
    tags = f"{python}-{python}-{platform}" if python != "py3" else f"py3-none-{platform}"
    return SplitWheel(
        distribution=distribution("demo", *files, tags=tags, version=version),
        bundled=LIBS if bundled is None else bundled,
        mentions=mentions,
        members=members,
        requires=frozenset(map(canonicalize_name, requires)),
        pure=pure,
    )


def planned(*wheels: SplitWheel, **options: object) -> CompanionPlan:
    plan = plan_companion(wheels, **options)  # type: ignore[arg-type]
    assert isinstance(plan, CompanionPlan), plan
    return plan


def refused(*wheels: SplitWheel, **options: object) -> tuple[Refusal, ...]:
    refusals = plan_companion(wheels, **options)  # type: ignore[arg-type]
    assert isinstance(refusals, tuple), refusals
    return refusals


@pytest.mark.parametrize(
    ("member", "folder", "moved"),
    [
        ("demo.libs/liba.so", "demo.libs", "demo_libs/liba.so"),
        ("my_demo.libs/sub/liba.so", "my_demo.libs", "my_demo_libs/sub/liba.so"),
        ("demo/.dylibs/liba.dylib", "demo/.dylibs", "demo/.dylibs/liba.dylib"),
        ("demo/demo.libs/liba.so", None, "demo/demo.libs/liba.so"),
        ("demo/libs/liba.so", None, "demo/libs/liba.so"),
        ("demo/fast.so", None, "demo/fast.so"),
        (
            "demo-1.0.data/platlib/demo/.dylibs/a.dylib",
            None,
            "demo-1.0.data/platlib/demo/.dylibs/a.dylib",
        ),
    ],
)
def test_bundled_folders_and_where_they_go(member: str, folder: str | None, moved: str) -> None:
    assert bundle_folder(member) == folder
    assert companion_path(member) == moved
    assert len(moved) == len(member), "a search path is overwritten in place"


def test_one_companion_serves_all_pythons_of_a_platform() -> None:
    plan = planned(wheel("cp311"), wheel("cp312"), wheel("cp313"))
    (platform,) = plan.platforms
    assert plan.requirement == "demo-libs==2.0"
    assert (platform.platform, platform.tags) == ("Linux x86_64", (LINUX,))
    assert len(platform.wheels) == 3
    assert platform.moves["demo.libs/liba-01234567.so.1"] == "demo_libs/liba-01234567.so.1"


def test_wheels_of_different_floors_share_one_companion_with_both_tags() -> None:
    plan = planned(wheel("cp311"), wheel("cp312", "manylinux_2_28_x86_64"))
    assert [one.tags for one in plan.platforms] == [(LINUX, "manylinux_2_28_x86_64")]


def test_every_platform_has_a_companion_so_the_requirement_is_the_same_everywhere() -> None:
    plan = planned(wheel(), wheel("cp311", WINDOWS, DLLS), wheel("py3", "any", {}))
    assert [one.platform for one in plan.platforms] == ["Linux x86_64", "Windows amd64", "any"]
    assert [one.distribution.filename for one in plan.plain] == ["demo-2.0-py3-none-any.whl"]
    assert len(plan.wheels) == 3
    windows = plan.platforms[1]
    assert windows.moves == {"demo.libs/a-10.dll": "demo.libs/a-10.dll"}


REFUSALS: dict[str, tuple[list[SplitWheel], dict[str, Any], str]] = {
    "two releases": (
        [wheel(), wheel("cp312", version="2.1")],
        {},
        "these are wheels of 2 releases",
    ),
    "nothing bundled": ([wheel(bundled={})], {}, "no wheel of this release bundles libraries"),
    "other bytes": (
        [wheel(), wheel("cp312", bundled={**LIBS, "demo.libs/liba-01234567.so.1": "zz"})],
        {},
        "the wheels for Linux x86_64 bundle different libraries",
    ),
    "one wheel without": (
        [wheel(), wheel("cp312", bundled={})],
        {},
        "the wheels for Linux x86_64 bundle different libraries",
    ),
    "code names the folder": (
        [wheel(mentions=("demo/_load.py",))],
        {},
        "code names the folder of the libraries, which moves",
    ),
    "two files of one name": (
        [wheel(), wheel()],
        {},
        "two of these wheels have the same file name",
    ),
    "split before": (
        [wheel(requires=("Demo_Libs",))],
        {},
        "there are wheels that ask for `demo-libs` already",
    ),
    "the companion of another project": (
        [wheel()],
        {
            "previous": PreviousCompanion(
                project=canonicalize_name("other-libs"),
                version=Version("1.9"),
                platforms={(LINUX,): {companion_path(path): one for path, one in LIBS.items()}},
            )
        },
        "the earlier companion is called `other-libs`, and the one of this release `demo-libs`",
    ),
    "a search path that cannot be read": (
        [wheel(files=(native_file("demo/fast.so", unreadable="is damaged"),))],
        {},
        "there are files whose search paths cannot be read, and so not be followed",
    ),
    "something is there": (
        [wheel(members=frozenset({"demo_libs/libb-89abcdef.so.2"}))],
        {},
        "the wheels have files already where the libraries would move",
    ),
    "two folders on some systems": (
        [wheel(), wheel("cp312", pure=True)],
        {},
        "of the wheels for Linux x86_64 some are installed as pure Python and others as "
        "platform-specific: on some systems these are two folders",
    ),
    "an earlier release owns the path": (
        [wheel("cp311", MACOS, DYLIBS)],
        {"owned": {"demo/.dylibs/liba.1.dylib": "demo-1.9-cp311-cp311-macosx_11_0_arm64.whl"}},
        "on macOS arm64 the libraries must stay at their paths, and another release that is not "
        "split owns them: pip installs the companion, then uninstalls that release and deletes "
        "them",
    ),
    "two companions would fit one Mac": (
        [wheel("cp311", MACOS, DYLIBS), wheel("cp312", "macosx_11_0_universal2", DYLIBS)],
        {},
        "wheels for macOS arm64 and for macOS arm64 and macOS x86_64 would need a companion each, "
        "and both would fit one machine",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name: str) -> None:
    wheels, options, reason = REFUSALS[name]
    assert [one.reason for one in refused(*wheels, **options)] == [reason]


def test_what_does_not_move_is_nobodys_business() -> None:
    """A folder of delocate's in a wheel for Linux stays where it is, and may differ."""
    wheels = [wheel(python, bundled={**LIBS, **DYLIBS, "x/.dylibs/b": python})
              for python in ("cp311", "cp312")]  # fmt: skip
    previous = PreviousCompanion(
        project=canonicalize_name("demo-libs"),
        version=Version("1.9"),
        platforms={(LINUX,): {companion_path(path): one for path, one in LIBS.items()}},
    )
    plan = planned(*wheels, previous=previous)
    assert plan.platforms[0].moves.keys() == LIBS.keys()
    assert plan.reused


def test_a_companion_goes_where_its_wheels_go() -> None:
    plan = planned(wheel(pure=True), wheel("cp312", pure=True), wheel("cp311", WINDOWS, DLLS))
    assert [one.pure for one in plan.platforms] == [True, False]


def test_all_reasons_are_told_at_once() -> None:
    reasons = refused(
        wheel(mentions=("demo/_load.py",)),
        wheel("cp312", bundled={}),
        wheel("cp311", WINDOWS, DLLS),
        owned={"demo.libs/a-10.dll": "demo-1.9-cp311-cp311-win_amd64.whl"},
    )
    assert len(reasons) == 3
    assert reasons[-1].files == ("demo.libs/a-10.dll (of demo-1.9-cp311-cp311-win_amd64.whl)",)


def test_on_windows_a_path_that_no_earlier_release_owns_is_fine() -> None:
    owned = {"demo.libs/a-9.dll": "demo-1.9-cp311-cp311-win_amd64.whl"}
    assert planned(wheel("cp311", WINDOWS, DLLS), owned=owned).platforms


MOVED = {companion_path(path): digest for path, digest in LIBS.items()}


@pytest.mark.parametrize(
    ("platforms", "reused"),
    [
        ({(LINUX,): MOVED, (WINDOWS,): DLLS}, True),
        ({(LINUX,): MOVED}, False),
        ({(LINUX,): MOVED, (WINDOWS,): {"demo.libs/a-10.dll": "other"}}, False),
        ({(LINUX,): {**MOVED, "demo_libs/more.so": "ee"}, (WINDOWS,): DLLS}, False),
        ({("manylinux_2_28_x86_64",): MOVED, (WINDOWS,): DLLS}, False),
    ],
)
def test_an_earlier_companion_is_reused_only_if_no_platform_changed(
    platforms: dict[tuple[str, ...], dict[str, str]], *, reused: bool
) -> None:
    previous = PreviousCompanion(
        project=canonicalize_name("demo-libs"), version=Version("1.9"), platforms=platforms
    )
    plan = planned(wheel(), wheel("cp311", WINDOWS, DLLS), previous=previous)
    assert plan.reused is reused
    assert plan.requirement == ("demo-libs==1.9" if reused else "demo-libs==2.0")
