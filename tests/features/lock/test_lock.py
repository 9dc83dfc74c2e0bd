"""What `lock` decides, case by case; soundness in general is a law (tests/laws/test_lock_laws.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.shelf import Shelf
from trueup.features.lock import Locked, lock
from trueup.judge.closure import Kind
from trueup.judge.lock import audit
from trueup.judge.picks import key_of
from trueup.model.artifact import Artifact
from trueup.model.condition import ALWAYS, Option, OptionKind, parse_condition
from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.model.lock import Lock
from trueup.model.lockrequest import (
    EVERYTHING,
    Irreconcilable,
    LocalProject,
    LockRequest,
    Prereleases,
    Root,
    Strategy,
)
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.release import Reading
from trueup.model.requirement import parse_requirement
from trueup.model.target import parse_targets
from trueup.sources.supply import Supply

LINUX = "cp312-linux-x86_64-glibc2.28"
THREE = "cp312-{linux-x86_64-glibc2.28,macos-arm64,windows-amd64}"


def request(*roots: str | Root, targets: str = LINUX) -> LockRequest:
    return LockRequest(
        roots=tuple(
            root
            if isinstance(root, Root)
            else Root(requirement=parse_requirement(root), origin="the test")
            for root in roots
        ),
        targets=parse_targets(targets),
    )


def run(shelf: Shelf, wanted: LockRequest, build: object = None) -> Locked:
    return lock(wanted, Supply(lambda _: shelf, build=build))  # type: ignore[arg-type]


def one(found: Locked) -> Lock:
    assert not found.unserved, [item.clash.lines for item in found.unserved]
    (profile,) = found.profiles
    return profile.lock


def entries(found: Lock) -> list[str]:
    """``name version; condition``, as the lock has them."""
    return [
        f"{entry.project} {entry.version}"
        + (f"; {entry.condition.text}" if entry.condition.text else "")
        for entry in found.entries
    ]


def files(found: Lock, project: str) -> list[str]:
    return [
        file.filename.split("-", 2)[2]
        for entry in found.entries
        if entry.project == project
        for file in entry.files
    ]


def extra(name: str) -> Option:
    return Option(kind=OptionKind.EXTRA, name=name)


def group(name: str) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


def under(option: Option, text: str) -> Root:
    return Root(requirement=parse_requirement(text), origin="the test", option=option)


PER_PLATFORM = Shelf.of(
    {
        "app-1.0-cp312-cp312-manylinux_2_17_x86_64.whl": ["lin"],
        "app-1.0-cp312-cp312-macosx_11_0_arm64.whl": ["mac"],
        "app-1.0-cp312-cp312-win_amd64.whl": [],
        "lin-1.0-py3-none-any.whl": [],
        "mac-1.0-py3-none-any.whl": [],
    }
)


def test_every_target_gets_what_its_own_wheel_asks_for() -> None:
    found = one(run(PER_PLATFORM, request("app", targets=THREE)))
    # One entry: what each system takes from the list asks for what is recorded there.
    assert entries(found) == [
        "app 1.0",
        'lin 1.0; sys_platform == "linux"',
        'mac 1.0; sys_platform == "darwin"',
    ]
    assert len(found.environments) == 3
    assert found.targets == tuple(map(str, parse_targets(THREE)))


def test_files_that_would_serve_another_entrys_machines_wrongly_are_kept_apart() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-cp312-cp312-manylinux_2_28_x86_64.whl": ["fast"],
            "app-1.0-py3-none-any.whl": ["slow"],
            "fast-1.0-py3-none-any.whl": [],
            "slow-1.0-py3-none-any.whl": [],
        }
    )
    found = one(run(shelf, request("app", targets="cp312-{linux-x86_64-glibc2.28,windows-amd64}")))
    # Linux with musl would take the pure wheel if one entry listed both.
    assert entries(found) == [
        'app 1.0; sys_platform == "linux"',
        'app 1.0; sys_platform == "win32"',
        'fast 1.0; sys_platform == "linux"',
        'slow 1.0; sys_platform == "win32"',
    ]


GLIBC = Shelf.of(
    {
        "app-1.0-py3-none-manylinux_2_17_x86_64.whl": ["old"],
        "app-1.0-py3-none-manylinux_2_28_x86_64.whl": ["new"],
        "old-1.0-py3-none-any.whl": [],
        "new-1.0-py3-none-any.whl": [],
    }
)


@pytest.mark.parametrize(
    ("targets", "policy", "expected"),
    [
        ("cp312-linux-x86_64-glibc2.28", Irreconcilable.KEEP, ["app 1.0", "new 1.0"]),
        ("cp312-linux-x86_64-glibc2.17", Irreconcilable.KEEP, ["app 1.0", "old 1.0"]),
        ("cp312-linux-x86_64-glibc2.17", Irreconcilable.UNION, ["app 1.0", "new 1.0", "old 1.0"]),
    ],
)
def test_where_only_glibc_tells_wheels_apart(
    targets: str, policy: Irreconcilable, expected: list[str]
) -> None:
    wanted = replace(request("app", targets=targets), irreconcilable=policy)
    assert entries(one(run(GLIBC, wanted))) == expected


def test_what_was_left_out_is_told() -> None:
    (profile,) = run(GLIBC, request("app", targets="cp312-linux-x86_64-glibc2.17")).profiles
    (kept,) = profile.kept
    assert kept.kept == ("app-1.0-py3-none-manylinux_2_17_x86_64.whl",)
    assert kept.left_out == ("app-1.0-py3-none-manylinux_2_28_x86_64.whl",)
    assert kept.targets == ("cp312-linux-x86_64-glibc2.17",)


def test_refusing_names_the_files() -> None:
    wanted = request("app", targets="cp312-linux-x86_64-glibc2.17")
    found = run(GLIBC, replace(wanted, irreconcilable=Irreconcilable.REFUSE))
    (lost,) = found.unserved
    assert not found.profiles
    text = "\n".join(lost.clash.lines)
    assert "manylinux_2_17" in text
    assert "no marker tells them apart" in text


LIBC = Shelf.of(
    {
        "app-1.0-py3-none-manylinux_2_17_x86_64.whl": ["gnu"],
        "app-1.0-py3-none-musllinux_1_2_x86_64.whl": ["busy"],
        "same-1.0-py3-none-manylinux_2_17_x86_64.whl": [],
        "same-1.0-py3-none-musllinux_1_2_x86_64.whl": [],
        "gnu-1.0-py3-none-any.whl": [],
        "busy-1.0-py3-none-any.whl": [],
    }
)


def test_glibc_and_musl_share_a_lock_where_their_wheels_agree() -> None:
    found = one(run(LIBC, request("same", targets="cp312-{linux-x86_64,linux-x86_64-musl}")))
    assert len(files(found, "same")) == 2


def test_one_lock_for_each_tag_profile_where_they_do_not() -> None:
    found = run(LIBC, request("app", targets="cp312-{linux-x86_64,linux-x86_64-musl}"))
    assert [(profile.name, entries(profile.lock)) for profile in found.profiles] == [
        ("", ["app 1.0", "gnu 1.0"]),
        ("musl", ["app 1.0", "busy 1.0"]),
    ]


def test_each_profile_keeps_its_own_versions() -> None:
    shelf = Shelf.of(
        {f"same-{version}.0-py3-none-any.whl": [] for version in range(1, 4)}
        | {"app-1.0-py3-none-manylinux_2_17_x86_64.whl": ["gnu", "same"]}
        | {"app-1.0-py3-none-musllinux_1_2_x86_64.whl": ["busy", "same"]}
        | {"gnu-1.0-py3-none-any.whl": [], "busy-1.0-py3-none-any.whl": []}
    )
    old = {
        profile: {NormalizedName("same"): {Version(version): ()}}
        for profile, version in (("", "1.0"), ("musl", "2.0"))
    }
    asked = request("app", targets="cp312-{linux-x86_64,linux-x86_64-musl}")
    found = run(shelf, replace(asked, preferred=old[""], preferred_by_profile=old))
    assert [entries(profile.lock)[-1] for profile in found.profiles] == ["same 1.0", "same 2.0"]


def test_a_target_that_nothing_serves_is_told_and_the_others_are_locked() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-manylinux_2_17_x86_64.whl": [],
            "app-1.0-py3-none-win_amd64.whl": [],
        }
    )
    found = run(shelf, request("app", targets=THREE))
    (lost,) = found.unserved
    assert str(lost.target) == "cp312-macos-arm64-14.0"
    assert "no wheel fits" in "\n".join(lost.clash.lines)
    (profile,) = found.profiles
    assert len(profile.lock.environments) == 2
    assert not any("darwin" in str(marker) for marker in profile.lock.environments)


def test_a_patch_release_splits_a_target() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": ['old; python_full_version < "3.12.4"'],
            "old-1.0-py3-none-any.whl": [],
        }
    )
    found = one(run(shelf, request("app")))
    assert entries(found) == ["app 1.0", 'old 1.0; python_full_version < "3.12.4"']


def test_what_a_target_leaves_open_is_asked_about_as_the_files_do() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": [
                'new; platform_release >= "20.0"',
                'mid; platform_release >= "18.0" and platform_release < "22.0"',
                'own; "Ubuntu" in platform_version or sys_platform == "win32"',
            ],
            **{f"{name}-1.0-py3-none-any.whl": [] for name in ("new", "mid", "own")},
        }
    )
    assert entries(one(run(shelf, request("app", targets=THREE)))) == [
        "app 1.0",
        'mid 1.0; platform_release < "22.0" and platform_release >= "18.0"',
        'new 1.0; platform_release >= "20.0"',
        'own 1.0; sys_platform == "win32" or "Ubuntu" in platform_version',
    ]


def test_the_opposite_of_a_comparison_that_cannot_be_written_is_told() -> None:
    # Neither `<` nor `>=` holds for a release that is no version, as on most machines with Linux.
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": ["lib", 'lib<2; platform_release >= "5"'],
            "lib-1.0-py3-none-any.whl": [],
            "lib-2.0-py3-none-any.whl": [],
        }
    )
    wanted = replace(request("app"), strategy=Strategy.NEWEST)
    with pytest.raises(TrueupError, match="no marker describes where") as raised:
        run(shelf, wanted)
    assert raised.value.place == ("lib 2.0",)
    assert "`platform_release`" in (raised.value.hint or "")


def test_a_version_that_tells_too_many_environments_apart_is_passed_over() -> None:
    shelf = Shelf.of({"app-1.0-py3-none-any.whl": [], "lib-1.0-py3-none-any.whl": []})
    tests = [f'lib; platform_release > "{n}" and platform_version < "{n}"' for n in range(400)]
    shelf.add("app-2.0-py3-none-any.whl", tests)
    assert entries(one(run(shelf, request("app")))) == ["app 1.0"]
    (lost,) = run(shelf, request("app==2.0")).unserved
    assert "too many values of `platform_release`" in "\n".join(lost.clash.lines)


@pytest.mark.parametrize(
    "given",
    [
        {"constraints": ['lib<2; python_full_version < "3.12.4"']},
        {
            "overrides": [
                'lib<2; python_full_version < "3.12.4"',
                'lib>=2; python_full_version >= "3.12.4"',
            ]
        },
    ],
)
def test_markers_of_constraints_and_overrides_split_a_target(given: dict[str, list[str]]) -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": ["lib"],
            "lib-1.0-py3-none-any.whl": [],
            "lib-2.0-py3-none-any.whl": [],
        }
    )
    lines = {key: tuple(map(parse_requirement, texts)) for key, texts in given.items()}
    found = one(run(shelf, replace(request("app"), **lines)))  # type: ignore[arg-type]
    assert entries(found) == [
        "app 1.0",
        'lib 1.0; python_full_version < "3.12.4"',
        'lib 2.0; python_full_version >= "3.12.4"',
    ]


def test_the_newest_that_serves_a_target_is_taken_and_versions_are_aligned() -> None:
    shelf = Shelf.of(
        {
            "lib-2.0-py3-none-manylinux_2_17_x86_64.whl": [],
            "lib-1.0-py3-none-any.whl": [],
            "app-1.0-py3-none-manylinux_2_17_x86_64.whl": ["lib<2"],
            "app-1.0-py3-none-win_amd64.whl": ["lib"],
            "tool-1.0-py3-none-any.whl": [],
            "tool-2.0-py3-none-any.whl": [],
        }
    )
    both = "cp312-{linux-x86_64-glibc2.28,windows-amd64}"
    found = one(run(shelf, request("app", "tool", targets=both)))
    assert entries(found) == ["app 1.0", "lib 1.0", "tool 2.0"]
    lowest = replace(request("tool", targets=both), strategy=Strategy.LOWEST)
    assert entries(one(run(shelf, lowest))) == ["tool 1.0"]


def test_the_versions_of_the_lock_that_is_there_stay() -> None:
    shelf = Shelf.of({"tool-1.0-py3-none-any.whl": [], "tool-2.0-py3-none-any.whl": []})
    kept = {NormalizedName("tool"): {Version("1.0"): (ALWAYS,)}}
    assert entries(one(run(shelf, replace(request("tool"), preferred=kept)))) == ["tool 1.0"]
    assert entries(one(run(shelf, replace(request("tool>=2"), preferred=kept)))) == ["tool 2.0"]


def test_the_lowest_versions_stay_the_lowest() -> None:
    """A project that has two versions in the lock keeps both, each where it was."""
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": ["tool", 'tool>=2; sys_platform == "win32"'],
            "tool-1.0-py3-none-any.whl": [],
            "tool-2.0-py3-none-any.whl": [],
        }
    )
    both = "cp312-{linux-x86_64-glibc2.28,windows-amd64}"
    lowest = replace(request("app", targets=both), strategy=Strategy.LOWEST)
    first = entries(one(run(shelf, lowest)))
    assert [line.partition(";")[0] for line in first] == ["app 1.0", "tool 1.0", "tool 2.0"]
    kept = {
        NormalizedName("tool"): {
            Version("1.0"): (parse_condition('sys_platform == "linux"'),),
            Version("2.0"): (parse_condition('sys_platform == "win32"'),),
        }
    }
    assert entries(one(run(shelf, replace(lowest, preferred=kept)))) == first


@pytest.mark.parametrize(
    ("roots", "policy", "expected"),
    [
        (["lib"], Prereleases.IF_NECESSARY, ["lib 1.0"]),
        (["lib>=1.1b1"], Prereleases.IF_NECESSARY, ["lib 2.0rc1"]),
        (["only"], Prereleases.IF_NECESSARY, ["only 1.0a1"]),
        (["lib"], Prereleases.ALLOW, ["lib 2.0rc1"]),
    ],
)
def test_prereleases(roots: list[str], policy: Prereleases, expected: list[str]) -> None:
    shelf = Shelf.of(
        {
            "lib-1.0-py3-none-any.whl": [],
            "lib-2.0rc1-py3-none-any.whl": [],
            "only-1.0a1-py3-none-any.whl": [],
        }
    )
    wanted = replace(request(*roots), prereleases=policy)
    assert entries(one(run(shelf, wanted))) == expected


def test_yanked_versions_only_where_they_are_pinned() -> None:
    shelf = Shelf.of({"lib-1.0-py3-none-any.whl": []})
    shelf.add("lib-2.0-py3-none-any.whl", yanked="broken")
    assert entries(one(run(shelf, request("lib")))) == ["lib 1.0"]
    assert entries(one(run(shelf, request("lib==2.0")))) == ["lib 2.0"]
    (lost,) = run(shelf, request("lib>1")).unserved
    assert "yanked (broken)" in "\n".join(lost.clash.lines)


def test_files_uploaded_later_do_not_count() -> None:
    shelf = Shelf()
    shelf.add("lib-1.0-py3-none-any.whl", uploaded=datetime(2025, 1, 1, tzinfo=UTC))
    shelf.add("lib-2.0-py3-none-any.whl", uploaded=datetime(2026, 1, 1, tzinfo=UTC))
    wanted = replace(request("lib"), exclude_newer=datetime(2025, 6, 1, tzinfo=UTC))
    assert entries(one(run(shelf, wanted))) == ["lib 1.0"]


def test_constraints_overrides_and_exclusions() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": ["lib>=2", "junk"],
            "lib-1.0-py3-none-any.whl": [],
            "lib-2.0-py3-none-any.whl": [],
            "lib-3.0-py3-none-any.whl": [],
            "junk-1.0-py3-none-any.whl": [],
        }
    )
    lines = {
        "constraints": (parse_requirement("lib<3"),),
        "overrides": (parse_requirement("lib==1.0"),),
        "excluded": frozenset({NormalizedName("junk")}),
    }
    for key, expected in (
        ("constraints", ["app 1.0", "junk 1.0", "lib 2.0"]),
        ("overrides", ["app 1.0", "junk 1.0", "lib 1.0"]),
        ("excluded", ["app 1.0", "lib 3.0"]),
    ):
        wanted = replace(request("app"), **{key: lines[key]})  # type: ignore[arg-type]
        assert entries(one(run(shelf, wanted))) == expected, key


def test_extras_and_groups_become_conditions() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": [],
            "plot-1.0-py3-none-any.whl": ["both"],
            "test-1.0-py3-none-any.whl": ["both", 'winonly; sys_platform == "win32"'],
            "both-1.0-py3-none-any.whl": [],
            "winonly-1.0-py3-none-any.whl": [],
        }
    )
    wanted = replace(
        request("app", under(extra("plot"), "plot"), under(group("dev"), "test"), targets=THREE),
        default=frozenset({group("dev")}),
    )
    found = one(run(shelf, wanted))
    assert entries(found) == [
        "app 1.0",
        'both 1.0; "plot" in extras or "dev" in dependency_groups',
        'plot 1.0; "plot" in extras',
        'test 1.0; "dev" in dependency_groups',
        'winonly 1.0; "dev" in dependency_groups and sys_platform == "win32"',
    ]
    assert found.default == {group("dev")}


def test_extras_that_exclude_each_other_are_locked_apart() -> None:
    shelf = Shelf.of(
        {
            "torch-1.0-py3-none-any.whl": [],
            "torch-2.0-py3-none-any.whl": ["cuda"],
            "cuda-1.0-py3-none-any.whl": [],
            "app-1.0-py3-none-any.whl": [],
        }
    )
    cpu, gpu = extra("cpu"), extra("gpu")
    roots = ("app", under(cpu, "torch<2"), under(gpu, "torch>=2"))
    (lost,) = run(shelf, request(*roots)).unserved
    assert "torch" in "\n".join(lost.clash.lines)
    found = one(run(shelf, replace(request(*roots), conflicts=(frozenset({cpu, gpu}),))))
    assert entries(found) == [
        "app 1.0",
        'cuda 1.0; "gpu" in extras',
        'torch 1.0; "cpu" in extras',
        'torch 2.0; "gpu" in extras',
    ]


def test_sets_of_conflicts_that_have_nothing_to_do_with_each_other() -> None:
    shelf = Shelf.of({f"lib-{version}-py3-none-any.whl": [] for version in ("1.0", "2.0", "3.0")})
    for name, wanted in (("any", "lib"), ("old", "lib<2"), ("mid", "lib<3")):
        shelf.add(f"{name}-1.0-py3-none-any.whl", [wanted])
    x, y, p, q = map(extra, "xypq")
    roots = (under(x, "any"), under(y, "old"), under(p, "old"), under(q, "mid"))
    conflicts = (frozenset({x, y}), frozenset({p, q}))
    found = one(run(shelf, replace(request(*roots), conflicts=conflicts)))
    # `lib 3.0` only if neither `p` nor `q` is chosen besides `x`.
    assert entries(found) == [
        'any 1.0; "x" in extras',
        'lib 1.0; "y" in extras or "p" in extras or "q" in extras',
        'lib 3.0; "p" not in extras and "q" not in extras and "x" in extras',
        'mid 1.0; "q" in extras',
        'old 1.0; "y" in extras or "p" in extras',
    ]


def test_an_option_in_several_conflicts_is_never_chosen_with_a_rival() -> None:
    shelf = Shelf.of({"lib-1.0-py3-none-any.whl": [], "lib-2.0-py3-none-any.whl": []})
    x, y, z = map(extra, "xyz")
    roots = (under(x, "lib<2"), under(y, "lib>=2"), under(z, "lib>=2"))
    conflicts = (frozenset({x, y}), frozenset({x, z}))
    found = one(run(shelf, replace(request(*roots), conflicts=conflicts)))
    old, new = found.entries
    for chosen, live in (
        ({x}, (True, False)), ({y}, (False, True)), ({z}, (False, True)),
        ({y, z}, (False, True)), (set(), (False, False)),
    ):  # fmt: skip
        selection = frozenset(chosen)
        assert (old.condition.under(selection), new.condition.under(selection)) == live


def test_too_many_ways_to_choose_are_refused() -> None:
    pairs = [frozenset({extra(f"a{n}"), extra(f"b{n}")}) for n in range(10)]
    with pytest.raises(UsageError, match="more than 512 ways to choose"):
        run(Shelf(), replace(request("lib"), conflicts=tuple(pairs)))


def test_extras_may_take_a_project_from_indexes_of_their_own() -> None:
    cpu, gpu = extra("cpu"), extra("gpu")
    shelves = {
        None: Shelf.of({"app-1.0-py3-none-any.whl": ["torch"], "torch-3.0-py3-none-any.whl": []}),
        "https://index.test/cpu": Shelf.of({"torch-2.0+cpu-py3-none-any.whl": []}),
        "https://index.test/gpu": Shelf.of(
            {"torch-2.0+gpu-py3-none-any.whl": ['cuda; sys_platform == "linux"']}
        ),
    }
    shelves[None].add("cuda-1.0-py3-none-any.whl")
    everything = Shelf()
    for shelf in shelves.values():
        everything.files |= shelf.files
        everything.readings |= shelf.readings
    wanted = replace(
        request("app", under(cpu, "torch"), under(gpu, "torch"), targets=THREE),
        conflicts=(frozenset({cpu, gpu}),),
        assigned_by_option={
            option: {NormalizedName("torch"): f"https://index.test/{option.name}"}
            for option in (cpu, gpu)
        },
    )

    class Reader:
        """Lists one shelf, reads from any, as an index does."""

        def __init__(self, shelf: Shelf) -> None:
            self.listing = shelf.listing
            self.read = everything.read

    found = one(lock(wanted, Supply(lambda index: Reader(shelves[index]))))
    assert entries(found) == [
        "app 1.0",
        'cuda 1.0; "gpu" in extras and sys_platform == "linux"',
        'torch 2.0+cpu; "cpu" in extras',
        'torch 2.0+gpu; "gpu" in extras',
        'torch 3.0; "cpu" not in extras and "gpu" not in extras',
    ]
    assert [entry.place.location for entry in found.entries if entry.project == "torch"] == [
        "https://index.test/cpu",
        "https://index.test/gpu",
        None,
    ]


def test_options_that_want_different_indexes_have_to_exclude_each_other() -> None:
    options = (extra("cpu"), extra("gpu"))
    wanted = replace(
        request(*(under(option, "torch") for option in options)),
        assigned_by_option={
            option: {NormalizedName("torch"): f"https://index.test/{option.name}"}
            for option in options
        },
    )
    with pytest.raises(UsageError, match="take `torch` from different indexes"):
        run(Shelf(), wanted)


def test_an_old_lock_does_not_overrule_what_is_asked_for_now() -> None:
    shelf = Shelf.of({"lib-1.0-py3-none-any.whl": [], "lib-2.0-py3-none-any.whl": []})
    shelf.add("lib-3.0-py3-none-any.whl", yanked="broken")
    for old, expected in (("2.0", "lib 1.0"), ("9.9", "lib 1.0"), ("1.0", "lib 1.0")):
        wanted = replace(
            request("lib"),
            constraints=(parse_requirement("lib<2"),),
            preferred={NormalizedName("lib"): {Version(old): (ALWAYS,)}},
        )
        assert entries(one(run(shelf, wanted))) == [expected]


@pytest.mark.parametrize("lost", ["app", "fast", "plot", "quick"])
def test_what_the_user_asked_for_is_audited_too(lost: str) -> None:
    shelf = Shelf.of({"fast-1.0-py3-none-any.whl": [], "quick-1.0-py3-none-any.whl": []})
    shelf.add("app-1.0-py3-none-any.whl", ['fast; extra == "speed"'], extras=["speed"])
    shelf.add("plot-1.0-py3-none-any.whl", ['quick; extra == "speed"'], extras=["speed"])
    (profile,) = run(shelf, request("app[speed]", under(group("dev"), "plot[speed]"))).profiles
    found = replace(
        profile.lock,
        entries=tuple(entry for entry in profile.lock.entries if entry.project != lost),
    )
    readings = {
        key_of(file): shelf.readings[file.filename]
        for entry in found.entries
        for file in entry.files
    }
    result = audit(found, parse_targets(LINUX), readings)
    assert [
        (trouble.problem.kind, str(trouble.problem.requirement).partition(";")[0])
        for trouble in result.troubles
    ] == [(Kind.MISSING, {"app": "app[speed]", "plot": "plot[speed]"}.get(lost, lost))]


def test_an_extra_that_a_file_lacks_is_left_out_there() -> None:
    shelf = Shelf.of({"cuda-1.0-py3-none-any.whl": []})
    shelf.add("md-1.0-py3-none-manylinux_2_17_x86_64.whl", ['cuda; extra == "gpu"'], extras=["gpu"])
    shelf.add("md-1.0-py3-none-macosx_11_0_arm64.whl")
    found = one(run(shelf, request("md[gpu]", targets="cp312-{linux-x86_64,macos-arm64}")))
    assert entries(found) == ['cuda 1.0; sys_platform == "linux"', "md 1.0"]


def sdist(**options: object) -> Shelf:
    shelf = Shelf.of({"lib-1.0-py3-none-any.whl": []})
    shelf.add("app-1.0.tar.gz", ["lib"], **options)  # type: ignore[arg-type]
    return shelf


def test_a_static_sdist_enters_where_no_wheel_fits() -> None:
    found = one(run(sdist(), request("app")))
    assert entries(found) == ["app 1.0", "lib 1.0"]
    assert found.entries[0].promise == "static"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dynamic": ["requires-dist"]}, "only a build tells"),
        ({"metadata_version": "2.1"}, "promises nothing"),
        ({"dynamic": ["requires-dist"], "metadata_version": "2.6"}, "a build may add"),
    ],
)
def test_an_sdist_that_promises_nothing_does_not(options: dict[str, object], words: str) -> None:
    (lost,) = run(sdist(**options), request("app")).unserved
    text = "\n".join(lost.clash.lines)
    assert words in text
    assert "--allow-build app" in text


def test_an_sdist_may_be_built() -> None:
    built: list[str] = []

    def build(artifact: Artifact) -> Resolution | Unreadable:
        built.append(artifact.filename)
        return Resolution(
            requires_dist=frozenset({parse_requirement("lib")}),
            requires_python=None,
            provides_extra=frozenset(),
        )

    shelf = sdist(dynamic=["requires-dist"])
    wanted = replace(request("app"), allow_build=frozenset({EVERYTHING}))
    found = one(run(shelf, wanted, build))
    assert entries(found) == ["app 1.0", "lib 1.0"]
    assert found.entries[0].promise == "built"
    assert built == ["app-1.0.tar.gz"]


def test_sdists_can_be_refused() -> None:
    wanted = replace(request("app"), only_binary=frozenset({"app"}))
    (lost,) = run(sdist(), wanted).unserved
    assert "app" in "\n".join(lost.clash.lines)


def test_local_projects() -> None:
    shelf = Shelf.of({"lib-1.0-py3-none-any.whl": []})
    member = LocalProject(
        project=NormalizedName("mine"),
        path="libs/mine",
        version=Version("0.1"),
        requires_dist=(parse_requirement("lib"),),
        provides_extra=frozenset(),
        editable=True,
    )
    found = one(run(shelf, replace(request("mine"), local=(member,))))
    assert entries(found) == ["lib 1.0", "mine 0.1"]
    assert (found.entries[1].place.location, found.entries[1].place.editable) == ("libs/mine", True)


def test_what_cannot_be_met_is_explained() -> None:
    shelf = Shelf.of(
        {
            "app-1.0-py3-none-any.whl": ["lib<2"],
            "tool-1.0-py3-none-any.whl": ["lib>=2"],
            "lib-1.0-py3-none-any.whl": [],
            "lib-2.0-py3-none-any.whl": [],
        }
    )
    found = run(shelf, request("app", "tool", targets=THREE))
    assert len(found.unserved) == 3
    text = "\n".join(found.unserved[0].clash.lines)
    assert "lib<2" in text
    assert "lib>=2" in text


def test_no_python_is_left() -> None:
    wanted = replace(request("app"), requires_python=SpecifierSet(">=3.13"))
    with pytest.raises(UsageError, match="no target is left"):
        run(PER_PLATFORM, wanted)


def test_every_page_and_every_file_is_asked_for_once() -> None:
    shelf = Shelf(files=dict(PER_PLATFORM.files), readings=dict(PER_PLATFORM.readings))
    run(shelf, request("app", targets=f"{THREE},cp311-linux-x86_64,cp313-windows-amd64"))
    assert len(shelf.asked) == len(set(shelf.asked))


@pytest.mark.parametrize("unread", ["is damaged"])
def test_a_version_that_cannot_be_read_is_passed_over(unread: str) -> None:
    shelf = Shelf.of({"lib-1.0-py3-none-any.whl": []})
    shelf.add("lib-2.0-py3-none-any.whl", unreadable=unread)
    assert entries(one(run(shelf, request("lib")))) == ["lib 1.0"]
    (lost,) = run(shelf, request("lib>=2")).unserved
    assert unread in "\n".join(lost.clash.lines)


AT = "https://index.test/files/lib-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            request(f'lib @ {AT} ; sys_platform == "linux"', f"lib @ {AT.replace('1.0', '2.0')}"),
            "two addresses are given for `lib`",
        ),
        (request(f"app @ {AT}"), "another project's file"),
        (
            replace(request("app"), constraints=(parse_requirement(f"lib @ {AT}"),)),
            "a constraint can only limit versions",
        ),
    ],
)
def test_addresses_that_make_no_sense(wanted: LockRequest, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run(Shelf(), wanted)


def test_an_override_may_name_the_address_of_a_file() -> None:
    shelf = Shelf.of({"app-1.0-py3-none-any.whl": ["lib>=2"], "lib-2.0-py3-none-any.whl": []})
    shelf.add("lib-1.0-py3-none-any.whl")
    digest = shelf.files["lib-1.0-py3-none-any.whl"].hashes["sha256"]
    override = parse_requirement(f"lib @ {AT}#sha256={digest}")
    found = one(run(shelf, replace(request("app"), overrides=(override,))))
    assert entries(found) == ["app 1.0", "lib 1.0"]
    assert found.entries[1].place.location == AT


def test_a_place_that_does_not_answer_is_asked_once() -> None:
    class Broken(Shelf):
        def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
            self.asked.append(artifact.filename)
            raise SourceError("does not answer", place=(artifact.filename,))

    shelf = Broken.of({"app-1.0-py3-none-any.whl": []})
    with pytest.raises(SourceError, match="does not answer"):
        run(shelf, request("app"))
    assert shelf.asked.count("app-1.0-py3-none-any.whl") == 1
