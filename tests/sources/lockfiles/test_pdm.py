"""`pdm.lock`: with metadata inherited and without, entries of extras, targets, and its faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.model.condition import Option, OptionKind
from trueup.model.lock import Lock, LockEntry, LockFault, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.document import toml_document
from trueup.sources.lockfiles.pdm import read_pdm

A = "aa" * 32
HEAD = """\
[metadata]
groups = ["default", "dev", "cli"]
strategy = ["inherit_metadata"]
lock_version = "4.5.0"
"""

LOCK = f"""\
{HEAD}
[[metadata.targets]]
requires_python = ">=3.10"

[[package]]
name = "demo"
version = "1.0"
requires_python = ">=3.9"
groups = ["default", "dev"]
marker = "python_version < '3.12'"
dependencies = ["tool>=1; os_name == 'nt'"]
files = [
    {{file = "demo-1.0-py3-none-any.whl", hash = "sha256:{A}"}},
    {{url = "https://files.test/demo-1.0.tar.gz#x", hash = "sha256:{A}"}},
]

[[package]]
name = "demo"
version = "1.0"
extras = ["fast", "small"]
groups = ["dev"]
dependencies = ["demo==1.0", "speedy[c]"]

[[package]]
name = "tool"
version = "1.0"
groups = ["dev", "cli"]
"""

PROJECT = """\
[project]
name = "app"
requires-python = ">=3.11"
dependencies = ["demo>=1"]
optional-dependencies = { cli = ["tool"], gui = ["window"] }

[dependency-groups]
dev = ["app[cli]"]

[tool.pdm.dev-dependencies]
dev = ["demo[fast]", "-e file:///${PROJECT_ROOT}/part#egg=part"]
late = ["other"]
"""


def read(text: str, folder: Path, project: str | None = None) -> Lock:
    if project is not None:
        (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    return read_pdm(toml_document("pdm.lock", text), project=folder, environ={})


def describe(fault: LockFault) -> str:
    return f"{fault.origin} `{fault.key}`: {fault.found}, expected {fault.expected}"


def edges(entry: LockEntry) -> list[tuple[str | None, str, str, str]]:
    return [
        (edge.of_extra, edge.project, ",".join(edge.extras), str(edge.condition))
        for edge in entry.edges
    ]


def group(name: str) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


CLI = Option(kind=OptionKind.EXTRA, name="cli")


def test_inherited_metadata_says_when_each_entry_is_installed(tmp_path: Path) -> None:
    lock = read(LOCK, tmp_path, PROJECT)
    assert lock.faults == ()
    assert (lock.kind, lock.walked, lock.complete_roots) == (LockKind.PDM, False, True)
    assert str(lock.requires_python) == ">=3.10"
    assert lock.options == {CLI, group("dev")}
    assert lock.default == {group("dev")}
    assert {entry.title: str(entry.condition) for entry in lock.entries} == {
        "app": "",
        "app (group dev)": '"dev" in dependency_groups',
        "demo 1.0": 'python_version < "3.12" or "dev" in dependency_groups',
        "tool 1.0": '"cli" in extras or "dev" in dependency_groups',
    }


def test_the_project_asks_for_what_is_locked(tmp_path: Path) -> None:
    app, dev = read(LOCK, tmp_path, PROJECT).entries[:2]
    assert edges(app) == [
        (None, "demo", "", ""),
        ("cli", "tool", "", ""),
        ("gui", "window", "", ""),
    ]
    assert edges(dev) == [
        (None, "app", "cli", ""),
        (None, "demo", "fast", ""),
        (None, "part", "", ""),
    ]
    assert app.own is not None
    assert sorted(map(str, app.own.requires_dist)) == [
        "demo>=1",
        'tool; extra == "cli"',
        'window; extra == "gui"',
    ]
    assert str(app.own.requires_python) == ">=3.11"


def test_an_entry_of_extras_is_one_with_its_project(tmp_path: Path) -> None:
    demo, tool = read(LOCK, tmp_path).entries
    assert (demo.title, demo.origin, tool.title) == ("demo 1.0", "pdm.lock:9", "tool 1.0")
    assert str(demo.requires_python) == ">=3.9"
    assert edges(demo) == [
        (None, "tool", "", 'os_name == "nt"'),
        ("fast", "speedy", "c", ""),
        ("small", "speedy", "c", ""),
    ]
    assert [(file.filename, file.url) for file in demo.files] == [
        ("demo-1.0-py3-none-any.whl", ""),
        ("demo-1.0.tar.gz", "https://files.test/demo-1.0.tar.gz#x"),
    ]
    assert dict(demo.files[0].hashes) == {"sha256": A}


def test_a_lone_lock_knows_no_extras(tmp_path: Path) -> None:
    lock = read(LOCK, tmp_path)
    assert (lock.faults, lock.complete_roots) == ((), False)
    assert lock.options == lock.default == {group("dev"), group("cli")}


def test_without_inherited_metadata_the_project_is_followed(tmp_path: Path) -> None:
    lock = read(
        """
        [metadata]
        groups = ["default", "late"]
        lock_version = "4.3"
        [[package]]
        name = "demo"
        version = "1.0"
        [[package]]
        name = "demo"
        version = "0.5"
        """,
        tmp_path,
        PROJECT,
    )
    assert (lock.faults, lock.walked) == ((), True)
    assert str(lock.requires_python) == ">=3.11"
    assert lock.default == {group("late")}
    app, late = lock.entries[:2]
    assert [str(edge.version) for edge in app.edges if edge.project == "demo"] == ["1.0"]
    assert edges(late) == [(None, "other", "", "")]


@pytest.mark.parametrize(
    ("line", "place", "files"),
    [
        (
            'git = "https://git.test/repo"\nrevision = "c0ffee"',
            Place(kind=PlaceKind.VCS, location="https://git.test/repo", revision="c0ffee"),
            0,
        ),
        (
            'path = "./part"\neditable = true',
            Place(kind=PlaceKind.DIRECTORY, location="./part", editable=True),
            0,
        ),
        (
            'path = "./dist/demo-1.0.tar.gz"',
            Place(kind=PlaceKind.ARCHIVE, location="./dist/demo-1.0.tar.gz"),
            1,
        ),
        (
            'url = "https://files.test/demo-1.0.tar.gz"',
            Place(kind=PlaceKind.ARCHIVE, location="https://files.test/demo-1.0.tar.gz"),
            1,
        ),
    ],
)
def test_places(tmp_path: Path, line: str, place: Place, files: int) -> None:
    lock = read(f'{HEAD}[[package]]\nname = "demo"\nversion = "1.0"\n{line}\n', tmp_path)
    (entry,) = lock.entries
    assert (lock.faults, entry.place, len(entry.files)) == ((), place, files)


@pytest.mark.parametrize(
    ("targets", "python", "environments"),
    [
        (['requires_python = ">=3.9"'], ">=3.9", []),
        (
            ['platform = "manylinux_2_17_x86_64"', 'platform = "windows_arm64"'],
            "None",
            [
                'sys_platform == "linux" and platform_machine == "x86_64"',
                'sys_platform == "win32" and platform_machine == "ARM64"',
            ],
        ),
        (
            ['requires_python = ">=3.9"\nplatform = "macos_14_0_arm64"\nimplementation = "pypy"'],
            ">=3.9",
            [
                'sys_platform == "darwin" and platform_machine == "arm64" '
                'and implementation_name == "pypy"'
            ],
        ),
        (
            ['requires_python = "==3.9.*"\nplatform = "linux"', 'requires_python = ">=3.10"'],
            "None",
            [
                'sys_platform == "linux" and python_version == "3.9.*"',
                'python_version >= "3.10"',
            ],
        ),
    ],
)
def test_targets(tmp_path: Path, targets: list[str], python: str, environments: list[str]) -> None:
    lock = read(HEAD + "\n".join(f"[[metadata.targets]]\n{one}" for one in targets), tmp_path)
    assert lock.faults == ()
    assert str(lock.requires_python) == python
    assert [marker.text for marker in lock.environments] == environments


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("marker = 'os == 1'", "pdm.lock:8 `marker`: `'os == 1'`"),
        ("groups = [1]", "pdm.lock:8 `groups[0]`: `1`, expected the name of a group"),
        ("extras = ['-']", "pdm.lock:8 `extras[0]`: `'-'`, expected the name of an extra"),
        ("requires_python = '>>3'", "pdm.lock:8 `requires_python`: `'>>3'`"),
        ("dependencies = ['x y']", "pdm.lock:8 `dependencies[0]`: `'x y'`"),
        ("files = [{hash = 'x'}]", "pdm.lock:8 `files[0].file`: nothing, expected the name"),
        ("files = [{file = 'a', hash = 'x'}]", "pdm.lock:8 `files[0].hash`: `'x'`"),
        ("git = 'https://git.test/x'", "pdm.lock:5 `revision`: nothing, expected text"),
    ],
)
def test_faults(tmp_path: Path, line: str, wanted: str) -> None:
    lock = read(f'{HEAD}[[package]]\nname = "demo"\nversion = "1.0"\n{line}\n', tmp_path)
    assert [entry.title for entry in lock.entries] == ["demo 1.0"]
    assert [describe(fault).startswith(wanted) for fault in lock.faults][:1] == [True], [
        describe(fault) for fault in lock.faults
    ]


def test_a_fault_of_the_project_names_its_file(tmp_path: Path) -> None:
    lock = read(HEAD, tmp_path, '[dependency-groups]\ndev = [{ include-group = "dev" }]\n')
    assert [describe(fault) for fault in lock.faults] == [
        f"{tmp_path / 'pyproject.toml'}:1 `dependency-groups.dev[0]`: "
        "`{'include-group': 'dev'}`, expected a requirement or a group to include"
    ]
    assert [entry.title for entry in lock.entries] == ["pyproject.toml"]
