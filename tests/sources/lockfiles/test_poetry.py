"""`poetry.lock`: with a project beside it and without, of every lock version, and its faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from trueup.model.condition import Option, OptionKind
from trueup.model.lock import Lock, LockEntry, LockFault, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.constraint import parse_constraint, python_marker
from trueup.sources.lockfiles.document import toml_document
from trueup.sources.lockfiles.poetry import read_poetry

A = "aa" * 32
END = '[metadata]\nlock-version = "2.1"\npython-versions = "^3.10"\ncontent-hash = "00"\n'

LOCK = f"""\
[[package]]
name = "demo"
version = "1.0"
optional = false
python-versions = ">=3.8, !=3.9.*"
groups = ["main", "dev"]
markers = {{main = "os_name == \\"nt\\"", dev = "python_version < \\"3.12\\""}}
files = [
    {{file = "demo-1.0-py3-none-any.whl", hash = "sha256:{A}"}},
    {{file = "demo-1.0.tar.gz", hash = "sha256:{A}"}},
]

[package.dependencies]
Tool = [
    {{version = "^2.0", markers = "python_version < \\"3.12\\""}},
    {{version = ">=3", markers = "python_version >= \\"3.12\\""}},
]
speedy = {{version = "*", extras = ["c"], optional = true, markers = "extra == \\"fast\\""}}
lost = {{version = "*", optional = true}}

[package.extras]
fast = ["speedy[c]"]
all = ["demo[fast]"]

[[package]]
name = "tool"
version = "2.5"
groups = ["main"]
markers = "extra == \\"cli\\" and python_version < \\"3.12\\""

[[package]]
name = "tool"
version = "3.0"
groups = ["dev", "docs"]

[[package]]
name = "repo"
version = "1"
develop = true

[package.source]
type = "git"
url = "https://git.test/repo"
reference = "main"
resolved_reference = "c0ffee"

[extras]
cli = ["tool"]

{END}"""

PROJECT = """\
[project]
name = "My.App"
requires-python = ">=3.10"

[tool.poetry.dependencies]
python = "^3.10"
demo = { version = "^1.0", extras = ["fast"], python = "<3.13" }
tool = { version = "^2 || ^3", optional = true }

[tool.poetry.extras]
cli = ["tool"]

[tool.poetry.group.dev.dependencies]
tool = "~3.0"

[tool.poetry.group.docs]
optional = true

[tool.poetry.group.docs.dependencies]
repo = { git = "https://git.test/repo" }
"""


def read(text: str, folder: Path, project: str | None = None) -> Lock:
    if project is not None:
        (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    return read_poetry(toml_document("poetry.lock", text), project=folder, environ={})


def describe(fault: LockFault) -> str:
    return f"{fault.origin} `{fault.key}`: {fault.found}, expected {fault.expected}"


def edges(entry: LockEntry) -> list[tuple[str | None, str, str, str]]:
    return [
        (edge.of_extra, edge.project, str(edge.version or ""), str(edge.condition))
        for edge in entry.edges
    ]


def group(name: str) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


CLI = Option(kind=OptionKind.EXTRA, name="cli")


def test_a_lock_beside_its_project_is_followed_from_there(tmp_path: Path) -> None:
    lock = read(LOCK, tmp_path, PROJECT)
    assert lock.faults == ()
    assert (lock.kind, lock.walked, lock.complete_roots) == (LockKind.POETRY, True, True)
    assert str(lock.requires_python) == "<4,>=3.10"
    assert lock.options == {CLI, group("dev"), group("docs")}
    assert lock.default == {group("dev")}
    assert [entry.title for entry in lock.entries if entry.root] == [
        "my-app",
        "my-app (group dev)",
        "my-app (group docs)",
    ]


def test_the_project_asks_with_its_extras_and_groups(tmp_path: Path) -> None:
    app, dev, docs = read(LOCK, tmp_path, PROJECT).entries[:3]
    assert edges(app) == [
        (None, "demo", "", 'python_version < "3.13"'),
        ("cli", "tool", "2.5", ""),
        ("cli", "tool", "3.0", ""),
    ]
    assert app.edges[0].extras == {"fast"}
    assert [edge.requirement for edge in app.edges[1:]] == [None, None]
    assert app.own is not None
    assert sorted(map(str, app.own.requires_dist)) == [
        'demo[fast]<2,>=1.0; python_version < "3.13"',
        'tool; extra == "cli"',
    ]
    assert (str(dev.condition), edges(dev)) == (
        '"dev" in dependency_groups',
        [(None, "tool", "3.0", "")],
    )
    assert edges(docs) == [(None, "repo", "", "")]


def test_an_entry(tmp_path: Path) -> None:
    demo, old, new, repo = read(LOCK, tmp_path).entries
    assert (demo.title, demo.origin) == ("demo 1.0", "poetry.lock:1")
    assert str(demo.condition) == (
        'os_name == "nt" or ("dev" in dependency_groups and python_version < "3.12")'
    )
    assert str(demo.requires_python) == "!=3.9.*,>=3.8"
    assert [(file.filename, file.url, dict(file.hashes)) for file in demo.files] == [
        ("demo-1.0-py3-none-any.whl", "", {"sha256": A}),
        ("demo-1.0.tar.gz", "", {"sha256": A}),
    ]
    assert edges(demo) == [
        (None, "tool", "2.5", 'python_version < "3.12"'),
        (None, "tool", "3.0", 'python_version >= "3.12"'),
        ("fast", "speedy", "", ""),
        ("all", "demo", "", ""),
    ]
    assert demo.edges[3].extras == {NormalizedName("fast")}
    assert str(old.condition) == '"cli" in extras and python_version < "3.12"'
    assert str(new.condition) == '"dev" in dependency_groups or "docs" in dependency_groups'
    assert repo.place == Place(
        kind=PlaceKind.VCS, location="https://git.test/repo", revision="c0ffee", editable=True
    )


def test_a_lone_lock_is_told_by_its_entries(tmp_path: Path) -> None:
    lock = read(LOCK, tmp_path)
    assert (lock.faults, lock.walked, lock.complete_roots) == ((), False, False)
    assert lock.options == {CLI, group("dev"), group("docs")}
    assert lock.default == {group("dev"), group("docs")}


def test_the_first_lock_version_lists_files_apart(tmp_path: Path) -> None:
    lock = read(
        f"""
        [[package]]
        name = "demo"
        version = "1.0"
        category = "dev"
        [[package]]
        name = "demo"
        version = "2.0"
        category = "main"
        [metadata]
        lock-version = "1.1"
        python-versions = "~3.8 || ^3.10"
        [metadata.files]
        Demo = [
            {{file = "demo-1.0.tar.gz", hash = "sha256:{A}"}},
            {{file = "demo-2.0.tar.gz", hash = "sha256:{A}"}},
        ]
        """,
        tmp_path,
    )
    assert lock.faults == ()
    assert [[file.filename for file in entry.files] for entry in lock.entries] == [
        ["demo-1.0.tar.gz"],
        ["demo-2.0.tar.gz"],
    ]
    assert str(lock.entries[0].condition) == '"dev" in dependency_groups'
    assert lock.requires_python is None
    assert [marker.text for marker in lock.environments] == [
        'python_version < "3.9" and python_version >= "3.8" or '
        'python_version < "4" and python_version >= "3.10"'
    ]


def test_the_category_dev_stands_for_every_group_of_the_project(tmp_path: Path) -> None:
    """Poetry 1.2 to 1.4 wrote it for all groups, whatever their names."""
    (tmp_path / "pyproject.toml").write_text(
        """
        [tool.poetry]
        name = "app"
        [tool.poetry.group.test.dependencies]
        demo = "*"
        [tool.poetry.group.docs.dependencies]
        other = "*"
        """
    )
    lock = read(
        """
        [[package]]
        name = "demo"
        version = "1.0"
        category = "dev"
        [metadata]
        lock-version = "2.0"
        """,
        tmp_path,
    )
    assert lock.faults == ()
    condition = lock.entries[-1].condition
    assert condition.options <= lock.options
    assert condition.under(frozenset({group("test")})) is True
    assert condition.under(frozenset()) is False


@pytest.mark.parametrize(
    ("source", "kind", "location"),
    [
        ("legacy", PlaceKind.INDEX, "https://index.test/simple"),
        ("directory", PlaceKind.DIRECTORY, "../part"),
        ("file", PlaceKind.ARCHIVE, "dist/demo-1.0.tar.gz"),
        ("url", PlaceKind.ARCHIVE, "https://files.test/demo-1.0.tar.gz"),
    ],
)
def test_sources(tmp_path: Path, source: str, kind: PlaceKind, location: str) -> None:
    lock = read(
        '[[package]]\nname = "demo"\nversion = "1.0"\n[package.source]\n'
        f'type = "{source}"\nurl = "{location}"\n{END}',
        tmp_path,
    )
    (entry,) = lock.entries
    assert lock.faults == ()
    assert entry.place == Place(kind=kind, location=location)
    assert len(entry.files) == (1 if kind is PlaceKind.ARCHIVE else 0)


def test_standard_tables_come_before_those_of_poetry(tmp_path: Path) -> None:
    lock = read(
        END,
        tmp_path,
        """
        [project]
        name = "app"
        dependencies = ["demo (>=1,<2)"]
        optional-dependencies = { cli = ["tool; os_name == 'nt'"] }
        [dependency-groups]
        dev = ["pytest", { include-group = "lint" }]
        lint = ["ruff"]
        [tool.poetry.dependencies]
        demo = { source = "own" }
        """,
    )
    assert lock.faults == ()
    asked = {entry.title: [edge.project for edge in entry.edges] for entry in lock.entries}
    assert asked == {
        "app": ["demo", "tool"],
        "app (group dev)": ["pytest", "ruff"],
        "app (group lint)": ["ruff"],
    }


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("markers = 'os == 1'", "poetry.lock:4 `markers`: `'os == 1'`"),
        ("markers = 4", "poetry.lock:4 `markers`: `4`, expected an environment marker"),
        ("python-versions = '>>3'", "poetry.lock:4 `python-versions`: `'>>3'`"),
        ("groups = 'main'", "poetry.lock:4 `groups`: `'main'`, expected a list"),
        ("files = [{hash = 'x'}]", "poetry.lock:4 `files[0].file`: nothing, expected text"),
        ("source = {type = 'ftp', url = 'x'}", "poetry.lock:4 `source.type`: `'ftp'`"),
        ("dependencies = {x = 3}", "poetry.lock:4 `dependencies.x`: `3`, expected a version"),
        ("dependencies = {x = '^a'}", "poetry.lock:4 `dependencies.x.version`: `'^a'`"),
        ("dependencies = {x = '===a || 1'}", "poetry.lock:4 `dependencies.x.version`: `'===a || "),
        ("dependencies = {'-' = '1'}", "poetry.lock:4 `dependencies.-`: `'-'`, expected a"),
        ("extras = {x = ['?']}", "poetry.lock:4 `extras.x[0]`: `'?'` (names no project)"),
    ],
)
def test_faults(tmp_path: Path, line: str, wanted: str) -> None:
    lock = read(f'[[package]]\nname = "demo"\nversion = "1.0"\n{line}\n{END}', tmp_path)
    assert [entry.title for entry in lock.entries] == ["demo 1.0"]
    assert [describe(fault).startswith(wanted) for fault in lock.faults][:1] == [True], [
        describe(fault) for fault in lock.faults
    ]


def test_an_extra_that_none_can_be_called_is_never_chosen(tmp_path: Path) -> None:
    markers = r"extra == \"it" + r"'s\" or os_name == \"nt\""
    line = f'dependencies = {{x = {{version = "1", markers = "{markers}"}}}}'
    lock = read(f'[[package]]\nname = "demo"\nversion = "1.0"\n{line}\n{END}', tmp_path)
    assert (lock.faults, edges(lock.entries[0])) == ((), [(None, "x", "", 'os_name == "nt"')])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("*", [""]),
        ("1.2", ["==1.2"]),
        ("1.*", ["==1.*"]),
        ("^1.2.3", ["<2,>=1.2.3"]),
        ("^0.2.3", ["<0.3,>=0.2.3"]),
        ("^0.0.3", ["<0.0.4,>=0.0.3"]),
        ("^0.0", ["<0.1,>=0.0"]),
        ("^0", ["<1,>=0"]),
        ("~1.2.3", ["<1.3,>=1.2.3"]),
        ("~1", ["<2,>=1"]),
        ("~=1.4.2", ["~=1.4.2"]),
        (">=1 <2, !=1.5", ["!=1.5,<2,>=1"]),
        ("(>=1,<2)", ["<2,>=1"]),
        ("==1 || ==2", ["==1", "==2"]),
    ],
)
def test_constraints(text: str, wanted: list[str]) -> None:
    assert [str(one) for one in parse_constraint(text)] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("*", ""),
        ("^3.10", "python_version < '4' and python_version >= '3.10'"),
        (">=3.10.2", "python_full_version >= '3.10.2'"),
        ("<=3.11", "python_full_version <= '3.11'"),
        ("3.11.*", "python_version == '3.11.*'"),
    ],
)
def test_a_constraint_on_python_is_a_marker(text: str, wanted: str) -> None:
    assert python_marker(parse_constraint(text)) == wanted
