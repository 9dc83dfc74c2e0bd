"""From what a user gives to the request of a lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from trueup.interfaces.lockconfig import LockSettings, find_lock_settings
from trueup.interfaces.lockinput import LockOptions, lock_path, lock_request
from trueup.model.condition import Option, OptionKind
from trueup.model.errors import TrueupError, UsageError
from trueup.model.lockrequest import (
    EVERYTHING,
    Irreconcilable,
    LockRequest,
    Prereleases,
    Strategy,
)
from trueup.model.target import Target, parse_targets

(HERE,) = parse_targets("cp312-linux-x86_64-glibc2.36")

PROJECT = """\
[project]
name = "app"
version = "1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["flask>=3"]
[project.optional-dependencies]
cpu = ["torch"]
cu126 = ["torch", "nvidia"]
[dependency-groups]
dev = ["pytest"]
docs = ["sphinx"]
"""


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def request(
    folder: Path,
    *asked: str,
    requirements: Sequence[str] = (),
    options: LockOptions | None = None,
    environ: Mapping[str, str] | None = None,
    running: Target = HERE,
) -> LockRequest:
    return lock_request(
        asked,
        requirements=[Path(name) for name in requirements],
        directory=folder,
        settings=find_lock_settings(folder),
        options=options,
        environ=environ or {},
        running=lambda: running,
    )


def roots(request: LockRequest) -> list[str]:
    return [
        f"{root.requirement}" + (f" <- {root.option}" if root.option else "")
        for root in request.roots
    ]


def group(name: str) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


def extra(name: str) -> Option:
    return Option(kind=OptionKind.EXTRA, name=name)


def targets(request: LockRequest) -> list[str]:
    return [str(target) for target in request.targets]


# --- what is asked for ----------------------------------------------------------------------------


def test_a_project(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT})
    found = request(tmp_path)
    assert roots(found) == [
        "flask>=3",
        "torch <- extra `cpu`",
        "torch <- extra `cu126`",
        "nvidia <- extra `cu126`",
        "pytest <- group `dev`",
        "sphinx <- group `docs`",
    ]
    assert found.project == "app"
    assert str(found.requires_python) == "<3.14,>=3.11"
    assert found.targets == (HERE,)
    assert found.default == {group("dev")}
    assert found.roots[0].origin == "pyproject.toml:5"
    assert found.local == ()


def test_only_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "requirements.in": "requests\n-c limits.txt\n"})
    write(tmp_path, {"limits.txt": "urllib3<3"})
    found = request(tmp_path, requirements=["requirements.in"])
    assert roots(found) == ["requests"]
    assert found.roots[0].origin == "requirements.in:1"
    assert [str(item) for item in found.constraints] == ["urllib3<3"]
    assert (found.project, found.requires_python, found.default) == (None, None, frozenset())


def test_only_what_was_typed(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "requirements.in": "requests"})
    found = request(tmp_path, "flask>=3", "attrs")
    assert roots(found) == ["flask>=3", "attrs"]
    assert found.roots[0].origin == "command line"
    both = request(tmp_path, "flask", requirements=["requirements.in"])
    assert roots(both) == ["flask", "requests"]


@pytest.mark.parametrize(
    ("settings", "default"),
    [
        ("", {group("dev")}),
        ('default-groups = ["Docs"]', {group("docs")}),
        ("default-groups = []", set()),
        ('groups = ["docs"]', set()),
    ],
)
def test_groups_that_are_installed_by_default(
    settings: str, default: set[Option], tmp_path: Path
) -> None:
    write(tmp_path, {"pyproject.toml": f"{PROJECT}[tool.trueup.lock]\n{settings}"})
    assert request(tmp_path).default == default


def test_limited_to_some_options(tmp_path: Path) -> None:
    limits = '[tool.trueup.lock]\nextras = ["cpu"]\ngroups = []\n'
    conflicts = 'conflicts = [[{ extra = "cpu" }, { extra = "cu126" }]]\n'
    write(tmp_path, {"pyproject.toml": PROJECT + limits + conflicts})
    found = request(tmp_path)
    assert found.options == {extra("cpu")}
    assert found.conflicts == ()


def test_conflicts(tmp_path: Path) -> None:
    table = (
        "[tool.trueup.lock]\nconflicts = ["
        '[{ project = "App", extra = "cpu" }, { extra = "cu126" }],'
        '[{ project = "lib", extra = "x" }, { group = "docs" }]]\nmembers = ["lib"]\n'
    )
    write(tmp_path, {"pyproject.toml": PROJECT + table})
    write(
        tmp_path,
        {"lib/pyproject.toml": '[project]\nname="lib"\noptional-dependencies={x=["y"]}'},
    )
    member = Option(kind=OptionKind.EXTRA, name="x", project="lib")  # type: ignore[arg-type]
    assert request(tmp_path).conflicts == (
        frozenset({extra("cpu"), extra("cu126")}),
        frozenset({member, group("docs")}),
    )
    assert request(tmp_path, "flask").conflicts == ()


def test_members_and_folders(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "app"\ndependencies = ["lib"]\n'
            '[tool.trueup.lock]\nmembers = ["libs/*"]\noutput = "locks/pylock.toml"',
            "libs/lib/pyproject.toml": '[project]\nname = "lib"\ndependencies = ["x"]',
        },
    )
    found = request(tmp_path)
    (local,) = found.local
    assert (local.project, local.path, local.editable) == ("lib", "../libs/lib", True)
    assert found.roots[0].editable
    # Who types the name of a member means the member, too.
    assert request(tmp_path, "lib").local == found.local
    assert [item.path for item in request(tmp_path, "./libs/lib").local] == ["../libs/lib"]


def test_a_workspace_of_uv(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
            "libs/a/pyproject.toml": '[project]\nname = "a"\nrequires-python = ">=3.11"\n'
            'dependencies = ["b"]\n[tool.uv.sources]\nb = {workspace = true}',
            "libs/b/pyproject.toml": '[project]\nname = "b"\nrequires-python = "<3.14"',
        },
    )
    found = request(tmp_path)
    assert (found.project, str(found.requires_python)) == (None, "<3.14,>=3.11")
    assert roots(found) == ["a", "b"]
    assert [item.path for item in found.local] == ["libs/a", "libs/b"]
    of_a_member = request(tmp_path / "libs/a")
    assert roots(of_a_member) == ["b"]
    assert [item.path for item in of_a_member.local] == ["../b"]
    # In a file, the name is that of a project on the index.
    assert request(tmp_path, "b").local == ()


def test_sources_of_our_own_replace_those_of_uv(tmp_path: Path) -> None:
    uv = (
        '[tool.uv.sources]\ntorch = [{index = "uv", marker = "sys_platform == \'linux\'"}]\n'
        'other = [{index = "uv", marker = "sys_platform == \'linux\'"}]\n'
    )
    ours = '[tool.trueup.lock]\nindexes=[{name="c", url="https://index.test/c"}]\n'
    write(tmp_path, {"pyproject.toml": PROJECT + uv})
    with pytest.raises(UsageError, match=r"`\[tool\.uv\.sources\.torch\]` depends on a marker"):
        request(tmp_path)
    write(tmp_path, {"pyproject.toml": PROJECT + uv + ours + 'sources = { torch = "c" }'})
    assert request(tmp_path).assigned == {"torch": "https://index.test/c"}


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "asked", "expected"),
    [
        ("", (), ["cp312-linux-x86_64-glibc2.36"]),
        (
            'targets = ["cp311..cp315-windows-amd64"]',
            (),
            ["cp311-windows-amd64", "cp312-windows-amd64", "cp313-windows-amd64"],
        ),
        ('targets = ["linux"]', ("cp313-windows-x86",), ["cp313-windows-x86"]),
        (
            'python = ">=3.8,<3.13"\nplatforms = ["windows-amd64"]',
            (),
            ["cp311-windows-amd64", "cp312-windows-amd64"],
        ),
        ('python = "==3.12.*"', (), ["cp312-linux-x86_64-glibc2.36"]),
        (
            'platforms = ["windows-amd64", "macos-arm64-15.0"]',
            (),
            [
                "cp311-macos-arm64-15.0",
                "cp311-windows-amd64",
                "cp312-macos-arm64-15.0",
                "cp312-windows-amd64",
                "cp313-macos-arm64-15.0",
                "cp313-windows-amd64",
            ],
        ),
    ],
)
def test_targets(
    settings: str, asked: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    write(tmp_path, {"pyproject.toml": f"{PROJECT}[tool.trueup.lock]\n{settings}"})
    assert targets(request(tmp_path, options=LockOptions(targets=asked))) == expected


@pytest.mark.parametrize(
    ("settings", "first", "count"),
    [
        ('python = "<3.14"', "cp310-windows-amd64", 4),
        ('python = ">=3.8"', "cp38-windows-amd64", 8),
        ("", "cp310-windows-amd64", 6),
    ],
)
def test_without_a_bound_the_maintained_pythons_are_meant(
    settings: str, first: str, count: int, tmp_path: Path
) -> None:
    table = f'[tool.trueup.lock]\n{settings}\nplatforms = ["windows-amd64"]'
    write(tmp_path, {"pyproject.toml": table, "r.in": "a"})
    found = targets(request(tmp_path, requirements=["r.in"]))
    assert (first in found, len(found)) == (True, count)


# --- policies, places and versions ------------------------------------------------------------------

SETTINGS = """
[tool.trueup.lock]
strategy = "newest"
irreconcilable = "refuse"
prereleases = "disallow"
prerelease-projects = ["black"]
exclude-newer = 2026-01-31
only-binary = ["numpy"]
allow-build = ["old"]
exclude = ["pywin32"]
constraints = ["urllib3<3"]
overrides = ["six>=1"]
find-links = ["wheelhouse"]
indexes = ["https://index.test/simple",
           { name = "cpu", url = "https://index.test/cpu", explicit = true }]
sources = { torch = "cpu" }
require-all-targets = true
"""


def test_settings_hold(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + SETTINGS, "wheelhouse/x": ""})
    found = request(tmp_path)
    assert found.strategy is Strategy.NEWEST
    assert found.irreconcilable is Irreconcilable.REFUSE
    assert found.prereleases is Prereleases.DISALLOW
    assert found.prerelease_projects == {"black"}
    assert found.exclude_newer == datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert found.only_binary == {"numpy"}
    assert found.allow_build == {"old"}
    assert found.excluded == {"pywin32"}
    assert [str(item) for item in (*found.constraints, *found.overrides)] == ["urllib3<3", "six>=1"]
    assert found.find_links == (str(tmp_path / "wheelhouse"),)
    assert found.indexes == ("https://index.test/simple",)
    assert found.assigned == {"torch": "https://index.test/cpu"}
    assert found.require_all_targets


def test_the_command_line_wins(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + SETTINGS, "limits.txt": "idna<4"})
    write(tmp_path, {"wheelhouse/x": "", "wheels/x": ""})
    options = LockOptions(
        strategy=Strategy.LOWEST,
        irreconcilable=Irreconcilable.UNION,
        prereleases=Prereleases.ALLOW,
        exclude_newer="2025-01-01T00:00:00Z",
        only_binary=frozenset({EVERYTHING}),
        indexes=("https://index.test/other",),
        find_links=("wheels",),
        constraints=(Path("limits.txt"),),
    )
    found = request(tmp_path, options=options)
    assert found.strategy is Strategy.LOWEST
    assert found.irreconcilable is Irreconcilable.UNION
    assert found.prereleases is Prereleases.ALLOW
    assert found.exclude_newer == datetime(2025, 1, 1, tzinfo=UTC)
    assert found.only_binary == {"numpy", EVERYTHING}
    assert found.indexes == ("https://index.test/other",)
    assert found.find_links == (str(tmp_path / "wheels"), str(tmp_path / "wheelhouse"))
    assert [str(item) for item in found.constraints] == ["urllib3<3", "idna<4"]


@pytest.mark.parametrize(
    ("settings", "file", "expected"),
    [
        ("", "", ()),
        ("", "-i https://index.test/a", ("https://index.test/a",)),
        (
            'indexes = ["https://index.test/s"]',
            "--extra-index-url https://index.test/b",
            ("https://index.test/s", "https://index.test/b"),
        ),
        (
            'indexes = ["https://index.test/s"]',
            "-i https://index.test/a\n--extra-index-url https://index.test/b",
            ("https://index.test/a", "https://index.test/b"),
        ),
    ],
)
def test_indexes_that_files_name(
    settings: str, file: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    write(
        tmp_path,
        {"pyproject.toml": f"[tool.trueup.lock]\n{settings}", "r.in": f"{file}\na\n--pre\n"},
    )
    found = request(tmp_path, requirements=["r.in"])
    assert found.indexes == expected
    assert found.prereleases is Prereleases.ALLOW


def test_additional_indexes_come_after_the_configured_ones(tmp_path: Path) -> None:
    write(tmp_path, {"r.in": "a\n--extra-index-url https://index.test/b"})
    configured = {"UV_DEFAULT_INDEX": "https://index.test/simple", "UV_NO_CONFIG": "1"}
    found = request(tmp_path, requirements=["r.in"], environ=configured)
    assert found.indexes[0] == "https://index.test/simple"
    assert found.indexes[-1] == "https://index.test/b"


LOCK = """\
lock-version = "1.0"
[[packages]]
name = "flask"
version = "3.0"
[[packages]]
name = "Flask"
version = "2.3"
[[packages]]
name = "attrs"
version = "25.1"
[[packages]]
name = "app"
[[packages]]
name = "broken"
version = "one"
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LockOptions(), {"flask": {"3.0", "2.3"}, "attrs": {"25.1"}}),
        (LockOptions(upgrade_projects=("Flask",)), {"attrs": {"25.1"}}),
        (LockOptions(upgrade=True), {}),
        (LockOptions(output=Path("pylock.other.toml")), {}),
    ],
)
def test_versions_of_the_lock_that_exists(
    options: LockOptions, expected: dict[str, set[str]], tmp_path: Path
) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "pylock.toml": LOCK})
    preferred = request(tmp_path, options=options).preferred
    assert {name: set(map(str, found)) for name, found in preferred.items()} == expected


VCS = """
[[packages]]
name = "a"
vcs = {type = "git", url = "https://git.test/a", requested-revision = "main", commit-id = "COMMIT"}
[[packages]]
name = "b"
vcs = {type = "git", path = "../b", commit-id = "COMMIT"}
[[packages]]
name = "c"
vcs = {type = "hg", url = "https://hg.test/c", commit-id = "COMMIT"}
[[packages]]
name = "d"
vcs = {type = "git", url = "https://git.test/d", commit-id = "--upload-pack=x"}
""".replace("COMMIT", "a" * 40)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LockOptions(), {"a": "https://git.test/a main", "b": "file:///HERE/../b None"}),
        (LockOptions(upgrade_projects=("A",)), {"b": "file:///HERE/../b None"}),
        (LockOptions(upgrade=True), {}),
    ],
)
def test_commits_of_the_lock_that_exists(
    options: LockOptions, expected: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "pylock.toml": VCS})
    commits = request(tmp_path, options=options).commits
    beside = tmp_path.parent.as_uri()
    assert {name: f"{found.location} {found.requested}" for name, found in commits.items()} == {
        name: text.replace("file:///HERE/..", beside) for name, text in expected.items()
    }
    assert {found.revision for found in commits.values()} <= {"a" * 40}


@pytest.mark.parametrize("lock", ["", "packages = 1", "packages = [1, {name = 2}]"])
def test_a_lock_that_says_nothing_is_no_hindrance(lock: str, tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT, "pylock.toml": lock})
    assert request(tmp_path).preferred == {}


def test_where_the_lock_is_written(tmp_path: Path) -> None:
    settings = LockSettings(output=tmp_path / "ci/pylock.toml")
    assert lock_path(tmp_path, LockSettings(), LockOptions()) == tmp_path / "pylock.toml"
    assert lock_path(tmp_path, settings, LockOptions()) == tmp_path / "ci/pylock.toml"
    option = LockOptions(output=Path("a.toml"))
    assert lock_path(tmp_path, settings, option) == tmp_path / "a.toml"


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, LockOptions(), "nothing to lock: found no `pyproject.toml` in `HERE`"),
        (
            {"pyproject.toml": PROJECT.replace(">=3.11", ">=3.13")},
            LockOptions(),
            "the project does not run in the running environment: "
            "found `cp312-linux-x86_64-glibc2.36`, expected `requires-python = <3.14,>=3.13`",
        ),
        (
            {"pyproject.toml": PROJECT},
            LockOptions(targets=("cp314..cp315-windows-amd64",)),
            "the project runs in none of the targets: "
            "found `cp314-windows-amd64`, `cp315-windows-amd64`, expected `requires-python",
        ),
        (
            {"pyproject.toml": PROJECT},
            LockOptions(targets=("cp312-beos",)),
            "`cp312-beos` names no environment",
        ),
        (
            {"pyproject.toml": PROJECT + '[tool.trueup.lock]\npython = ">=4"'},
            LockOptions(),
            "`HERE/pyproject.toml`: `[tool.trueup.lock] python` holds no version of Python",
        ),
        (
            {"pyproject.toml": PROJECT + '[tool.trueup.lock]\ndefault-groups = ["test"]'},
            LockOptions(),
            "`HERE/pyproject.toml`: `[tool.trueup.lock] default-groups`: found `test`, "
            "expected `dev` or `docs`",
        ),
        (
            {"pyproject.toml": PROJECT + '[tool.trueup.lock]\nextras = ["gpu"]'},
            LockOptions(),
            "`HERE/pyproject.toml`: `[tool.trueup.lock] extras`: found `gpu`, "
            "expected `cpu` or `cu126`",
        ),
        (
            {
                "pyproject.toml": PROJECT
                + '[tool.trueup.lock]\nconflicts = [[{ extra = "gpu" }, { group = "dev" }]]'
            },
            LockOptions(),
            "`HERE/pyproject.toml`: `[tool.trueup.lock] conflicts`: "
            "found the extra `gpu`, which does not exist",
        ),
        (
            {"pyproject.toml": PROJECT},
            LockOptions(exclude_newer="yesterday"),
            "`--exclude-newer`: found `yesterday`, expected a date such as",
        ),
        (
            {"pyproject.toml": PROJECT},
            LockOptions(find_links=("wheels",)),
            "`find-links`: found no folder `wheels`, expected a folder of wheels and sdists",
        ),
        (
            {"pyproject.toml": PROJECT},
            LockOptions(find_links=("https://u:p@files.test/",)),
            "`find-links`: found the address `https://****@files.test/`, expected a folder",
        ),
        (
            {"pyproject.toml": PROJECT},
            LockOptions(upgrade_projects=("flask==3",)),
            "`--upgrade-package`: found name is invalid: 'flask==3', expected the name of a",
        ),
        (
            {"pyproject.toml": PROJECT, "pylock.toml": "[["},
            LockOptions(),
            "`HERE/pylock.toml`: is not valid TOML",
        ),
        (
            {"pyproject.toml": PROJECT + '[tool.trueup.lock]\nmembers = ["lib"]'},
            LockOptions(),
            "`HERE/pyproject.toml`: a member of the workspace is missing: found no `lib/pyproject.toml` in `HERE`",
        ),
    ],
)
def test_what_is_refused(
    files: dict[str, str], options: LockOptions, message: str, tmp_path: Path
) -> None:
    write(tmp_path, files)
    with pytest.raises(TrueupError) as caught:
        request(tmp_path, options=options)
    assert str(caught.value).replace(str(tmp_path), "HERE").startswith(message)


def test_the_way_out_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT.replace(">=3.11", ">=3.13")})
    with pytest.raises(UsageError) as caught:
        request(tmp_path)
    assert "`--for cp313-linux-x86_64`" in (caught.value.hint or "")
    write(tmp_path, {"pylock.toml": "[["})
    with pytest.raises(UsageError) as caught:
        request(tmp_path, "flask")
    assert caught.value.hint == "`--upgrade` locks anew without looking at it"
    write(tmp_path, {"pylock.toml": "<<<<<<< HEAD\n"})
    with pytest.raises(UsageError) as caught:
        request(tmp_path, "flask")
    assert (caught.value.hint or "").startswith("at line 1 a merge conflict begins: keep one side")


def test_the_targets_of_the_lock_that_is_there_stay(tmp_path: Path) -> None:
    lock = '[tool.trueup]\ntargets = ["cp312-windows-amd64"]\n'
    musl = '[tool.trueup]\ntargets = ["cp312-linux-x86_64-musl1.2"]\n'
    write(tmp_path, {"pyproject.toml": PROJECT, "pylock.toml": lock, "pylock.musl.toml": musl})
    assert len(request(tmp_path, options=LockOptions(upgrade=True)).targets) == 2
    assert list(map(str, request(tmp_path).targets)) == [
        "cp312-linux-x86_64-musl1.2",
        "cp312-windows-amd64",
    ]
    assert list(
        map(str, request(tmp_path, options=LockOptions(targets=("cp313-windows-amd64",))).targets)
    ) == ["cp313-windows-amd64"]


@pytest.mark.parametrize(
    ("lock", "beside", "is_profile"),
    [
        ("pylock.toml", "pylock.musl.toml", True),
        ("pylock.toml", "pylock.cp313-linux-x86_64-glibc2_28.toml", True),
        ("pylock.toml", "pylock.docs.toml", False),
        ("pylock.toml", "pylock.dev-musl.toml", False),
        ("pylock.dev.toml", "pylock.dev-musl.toml", True),
        ("pylock.dev.toml", "pylock.musl.toml", False),
    ],
)
def test_profiles_keep_targets_and_versions_and_other_locks_have_no_say(
    lock: str, beside: str, is_profile: bool, tmp_path: Path
) -> None:
    texts = {
        name: f'[tool.trueup]\ntargets = ["{target}"]\n[[packages]]\nname = "app"\nversion = "{version}"\n'
        for name, target, version in (
            (lock, "cp312-windows-amd64", "2"),
            (beside, "cp312-linux-x86_64-musl1.2", "1"),
        )
    }
    write(tmp_path, {"pyproject.toml": PROJECT, **texts})
    found = request(tmp_path, options=LockOptions(output=Path(lock)))
    assert len(found.targets) == 1 + is_profile
    assert list(map(str, found.preferred[NormalizedName("app")])) == ["2"]
    versions = [
        list(map(str, kept[NormalizedName("app")])) for kept in found.preferred_by_profile.values()
    ]
    assert versions == ([["2"], ["1"]] if is_profile else [])
