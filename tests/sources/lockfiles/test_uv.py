"""`uv.lock`: a full one, its roots and options, and one fault for each way to be wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.condition import Option, OptionKind
from trueup.model.lock import Lock, LockEntry, LockFault, LockKind, Place, PlaceKind
from trueup.model.metadata import Resolution
from trueup.model.requirement import parse_requirement
from trueup.sources.lockfiles.document import toml_document
from trueup.sources.lockfiles.uv import is_group_entry, read_uv
from trueup.sources.lockfiles.uvmarker import decoded

A = "aa" * 32
INDEX = "https://index.test/simple"
CPU = "https://index.test/whl/cpu"
HEAD = "version = 1\nrevision = 3\n"
APP = '[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n'
TOOL = f'[[package]]\nname = "tool"\nversion = "2"\nsource = {{ registry = "{INDEX}" }}\n'

FULL = f"""\
{HEAD}requires-python = ">=3.11"
resolution-markers = ["sys_platform == 'win32'", "sys_platform != 'win32'"]
supported-markers = ["sys_platform == 'linux'", "sys_platform == 'win32'"]
conflicts = [[{{ package = "app", extra = "cpu" }}, {{ package = "app", extra = "cuda" }}]]

[manifest]
overrides = [{{ name = "never", marker = "sys_platform == 'never'" }}]
constraints = [{{ name = "tool", specifier = "<3" }}]
excludes = ["unwanted"]

[[manifest.dependency-metadata]]
name = "tool"
version = "2"
requires-dist = ["leaf>=1 ; extra == 'x'"]
requires-python = ">=3.9"
provides-extras = ["x"]

[[package]]
name = "app"
version = "1.0"
source = {{ editable = "." }}
dependencies = [
    {{ name = "tool", version = "2", source = {{ registry = "{INDEX}" }}, extra = ["x"], marker = "extra != 'extra-3-app-cpu'" }},
    {{ name = "tool", version = "2+cpu", source = {{ registry = "{CPU}" }}, marker = "extra == 'extra-3-app-cpu'" }},
]

[package.optional-dependencies]
cpu = [{{ name = "leaf" }}]

[package.dev-dependencies]
dev = [{{ name = "leaf", marker = "sys_platform == 'linux'" }}]
docs = [{{ name = "repo" }}]

[package.metadata]
requires-dist = [
    {{ name = "tool", extras = ["x"], specifier = ">=2", index = "{INDEX}" }},
    {{ name = "leaf", marker = "extra == 'cpu'", url = "https://index.test/packages/leaf-1.zip" }},
    {{ name = "repo", git = "https://git.test/repo" }},
]
provides-extras = ["cpu", "cuda"]

[package.metadata.requires-dev]
dev = [{{ name = "leaf", marker = "sys_platform == 'linux'", specifier = "~=1.0" }}]
docs = [{{ name = "repo", git = "https://git.test/repo" }}]

[[package]]
name = "leaf"
version = "1"
source = {{ url = "https://index.test/packages/leaf-1.zip" }}
sdist = {{ hash = "sha256:{A}" }}

[[package]]
name = "repo"
version = "3"
source = {{ git = "https://git.test/repo?rev=main#0a1b" }}
dependencies = [{{ name = "leaf" }}]

[[package]]
name = "tool"
version = "2"
source = {{ registry = "{INDEX}" }}
resolution-markers = ["sys_platform == 'win32' and extra == 'extra-3-app-cuda'", "sys_platform != 'win32'"]
sdist = {{ url = "https://index.test/packages/tool-2.tar.gz", hash = "sha256:{A}", size = 5 }}
wheels = [
    {{ url = "https://index.test/packages/tool-2-py3-none-any.whl", hash = "sha256:{A}", size = 7, upload-time = "2026-01-02T03:04:05Z" }},
]

[package.optional-dependencies]
x = [{{ name = "leaf" }}]

[[package]]
name = "tool"
version = "2+cpu"
source = {{ registry = "{CPU}" }}
wheels = [{{ url = "{CPU}/tool-2%2Bcpu-py3-none-any.whl" }}]
"""


def read(text: str, folder: Path = Path("/nowhere")) -> Lock:
    return read_uv(toml_document("uv.lock", text), project=folder, environ={})


def entry(lock: Lock, title: str) -> LockEntry:
    return next(one for one in lock.entries if one.title == title)


def option(name: str, kind: OptionKind = OptionKind.EXTRA, of: str | None = None) -> Option:
    return Option(kind=kind, name=name, project=NormalizedName(of) if of else None)


def group(name: str, of: str | None = None) -> Option:
    return option(name, OptionKind.GROUP, of)


def asked(*lines: str, extras: tuple[str, ...] = ()) -> Resolution:
    return Resolution(
        requires_dist=frozenset(map(parse_requirement, lines)),
        requires_python=None,
        provides_extra=frozenset(map(NormalizedName, extras)),
    )


def test_the_lock_as_a_whole() -> None:
    lock = read(FULL)
    assert lock.faults == ()
    assert (lock.kind, lock.walked, str(lock.requires_python)) == (LockKind.UV, True, ">=3.11")
    assert [str(one) for one in lock.environments] == [
        'sys_platform == "linux"',
        'sys_platform == "win32"',
    ]
    assert lock.indexes == (INDEX, CPU)
    assert lock.options == {option("cpu"), option("cuda"), group("dev"), group("docs")}
    assert lock.default == {group("dev")}
    assert lock.conflicts == (frozenset({option("cpu"), option("cuda")}),)
    assert lock.overrides == (parse_requirement("never ; sys_platform == 'never'"),)
    assert lock.excluded == {"unwanted"}
    (said,) = lock.given.values()
    assert list(lock.given) == [("tool", Version("2"))]
    assert isinstance(said.resolution, Resolution)
    assert {str(line) for line in said.resolution.requires_dist} == {'leaf>=1; extra == "x"'}
    assert str(said.resolution.requires_python) == ">=3.9"
    assert said.resolution.provides_extra == {"x"}


def test_the_entries_and_their_places() -> None:
    lock = read(FULL)
    assert [(one.title, one.root, is_group_entry(one)) for one in lock.entries] == [
        ("app 1.0", True, False),
        ("leaf 1", False, False),
        ("repo 3", False, False),
        ("tool 2", False, False),
        ("tool 2+cpu", False, False),
        ("app (group dev)", True, True),
        ("app (group docs)", True, True),
    ]
    assert [one.place for one in lock.entries[:5]] == [
        Place(kind=PlaceKind.DIRECTORY, location=".", editable=True),
        Place(kind=PlaceKind.ARCHIVE, location="https://index.test/packages/leaf-1.zip"),
        Place(kind=PlaceKind.VCS, location="https://git.test/repo", revision="0a1b"),
        Place(location=INDEX),
        Place(location=CPU),
    ]
    assert entry(lock, "tool 2").origin == f"uv.lock:{FULL[: FULL.index(WHERE)].count(chr(10)) + 1}"


WHERE = '[[package]]\nname = "tool"'


def test_what_the_project_and_its_groups_ask_for() -> None:
    lock = read(FULL)
    leaf = "leaf @ https://index.test/packages/leaf-1.zip ; extra == 'cpu'"
    assert entry(lock, "app 1.0").own == asked("tool[x]>=2", leaf, "repo", extras=("cpu", "cuda"))
    dev = entry(lock, "app (group dev)")
    assert dev.own == asked("leaf~=1.0 ; sys_platform == 'linux'")
    assert dev.condition.text == '"dev" in dependency_groups'
    assert [(edge.project, edge.condition.text) for edge in dev.edges] == [
        ("leaf", 'sys_platform == "linux"')
    ]
    assert entry(lock, "app (group docs)").own == asked("repo")
    assert entry(lock, "repo 3").own is None


def test_edges_tell_entries_of_one_name_apart() -> None:
    edges = entry(read(FULL), "app 1.0").edges
    assert [
        (edge.project, str(edge.version), edge.location, sorted(edge.extras), edge.condition.text)
        for edge in edges[:2]
    ] == [
        ("tool", "2", INDEX, ["x"], '"cpu" not in extras'),
        ("tool", "2+cpu", CPU, [], '"cpu" in extras'),
    ]
    assert [(edge.project, edge.of_extra) for edge in edges[2:]] == [("leaf", "cpu")]


def test_forks_limit_an_entry() -> None:
    assert entry(read(FULL), "tool 2").condition.text == (
        '(sys_platform == "win32" and "cuda" in extras) or sys_platform != "win32"'
    )


def test_files_of_an_index_and_of_an_address() -> None:
    lock = read(FULL)
    wheel, sdist = entry(lock, "tool 2").files
    assert (wheel.filename, wheel.url, wheel.size, dict(wheel.hashes), wheel.upload_time) == (
        "tool-2-py3-none-any.whl",
        "https://index.test/packages/tool-2-py3-none-any.whl",
        7,
        {"sha256": A},
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert (sdist.filename, sdist.size, sdist.is_sdist) == ("tool-2.tar.gz", 5, True)
    (local,) = entry(lock, "tool 2+cpu").files
    assert (local.filename, dict(local.hashes)) == ("tool-2+cpu-py3-none-any.whl", {})
    (archive,) = entry(lock, "leaf 1").files
    assert (archive.filename, archive.url, dict(archive.hashes)) == (
        "leaf-1.zip",
        "https://index.test/packages/leaf-1.zip",
        {"sha256": A},
    )


def test_paths_of_files(tmp_path: Path) -> None:
    path = tmp_path / "uv.lock"
    text = HEAD + (
        '[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "links" }\n'
        'wheels = [{ path = "a-1-py3-none-any.whl" }]\n'
        '[[package]]\nname = "b"\nversion = "1"\nsource = { path = "b-1-py3-none-any.whl" }\n'
        'wheels = [{ filename = "b-1-py3-none-any.whl" }]\n'
    )
    lock = read_uv(toml_document(str(path), text), project=tmp_path, environ={})
    assert lock.faults == ()
    assert [file.url for one in lock.entries for file in one.files] == [
        (tmp_path / "links" / "a-1-py3-none-any.whl").as_uri(),
        (tmp_path / "b-1-py3-none-any.whl").as_uri(),
    ]


# --- roots and options --------------------------------------------------------------------------

MEMBERS = f"""\
{HEAD}conflicts = [[{{ package = "one", extra = "x" }}, {{ package = "two", group = "dev" }}]]
[manifest]
members = ["one", "two"]
[[package]]
name = "one"
source = {{ editable = "." }}
dependencies = [{{ name = "tool", marker = "extra == 'extra-3-one-x' or extra != 'group-3-two-dev'" }}]
[package.optional-dependencies]
x = [{{ name = "tool" }}]
[package.metadata]
provides-extras = ["x"]
[[package]]
name = "path-only"
source = {{ directory = "../other" }}
[[package]]
name = "two"
source = {{ virtual = "two" }}
[package.dev-dependencies]
dev = [{{ name = "tool" }}]
docs = [{{ name = "tool" }}]
{TOOL}"""


def test_options_of_several_members_carry_their_name() -> None:
    lock = read(MEMBERS)
    assert lock.faults == ()
    assert lock.options == {option("x", of="one"), group("dev", "two"), group("docs", "two")}
    assert lock.default == {group("dev", "two")}
    assert lock.conflicts == (frozenset({option("x", of="one"), group("dev", "two")}),)
    assert [one.project for one in lock.entries if one.root] == [
        "one",
        "two",
        "two (group dev)",
        "two (group docs)",
    ]
    assert entry(lock, "one").edges[0].condition.options == {
        option("x", of="one"),
        group("dev", "two"),
    }
    assert entry(lock, "path-only").own == asked()


@pytest.mark.parametrize(
    ("setting", "default"),
    [
        ('["docs"]', {group("docs", "two")}),
        ('"all"', {group("dev", "two"), group("docs", "two")}),
        ("[]", set()),
    ],
)
def test_a_member_names_its_default_groups(
    tmp_path: Path, setting: str, default: set[Option]
) -> None:
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "pyproject.toml").write_text(f"[tool.uv]\ndefault-groups = {setting}\n")
    assert read(MEMBERS, tmp_path).default == default


def test_a_lock_without_a_project_asks_in_its_manifest() -> None:
    lock = read(
        f"""{HEAD}[manifest]
requirements = [{{ name = "tool", extras = ["x"], specifier = ">=2" }}]
[manifest.dependency-groups]
dev = [{{ name = "tool", marker = "sys_platform == 'linux'" }}]
{TOOL}"""
    )
    assert lock.faults == ()
    assert [(one.project, one.condition.text) for one in lock.entries if one.root] == [
        ("[manifest]", ""),
        ("[manifest] (group dev)", '"dev" in dependency_groups'),
    ]
    (edge,) = entry(lock, "[manifest]").edges
    assert (edge.project, sorted(edge.extras)) == ("tool", ["x"])
    assert entry(lock, "[manifest]").own == asked("tool[x]>=2")
    assert lock.default == lock.options == {group("dev")}


@pytest.mark.parametrize(
    ("folders", "roots"),
    [
        ({"a": "../a"}, ["a"]),
        ({"a": "../a", "b": "."}, ["b"]),
        ({"a": "../a", "b": "../b"}, ["a", "b"]),
    ],
)
def test_the_root_where_no_member_is_listed(folders: dict[str, str], roots: list[str]) -> None:
    packages = [
        f'[[package]]\nname = "{name}"\nsource = {{ editable = "{folder}" }}\n'
        for name, folder in folders.items()
    ]
    assert [one.project for one in read(HEAD + "".join(packages)).entries if one.root] == roots


# --- markers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain", "several"),
    [
        ("extra == 'extra-3-app-cpu'", "'cpu' in extras", "'app:cpu' in extras"),
        ("extra != 'extra-5-a-b-c-d-e'", "'d-e' not in extras", "'a-b-c:d-e' not in extras"),
        (
            "extra == 'group-3-app-dev'",
            "'dev' in dependency_groups",
            "'app:dev' in dependency_groups",
        ),
        ("extra == 'project-3-app'", "python_full_version >= '0'", "python_full_version >= '0'"),
        ("extra != 'project-3-app'", "python_full_version < '0'", "python_full_version < '0'"),
        ("extra == 'extra-9-app-cpu'", "extra == 'extra-9-app-cpu'", "extra == 'extra-9-app-cpu'"),
        ("extra == 'project-9-app'", "extra == 'project-9-app'", "extra == 'project-9-app'"),
        ("os_name == 'nt'", "os_name == 'nt'", "os_name == 'nt'"),
    ],
)
def test_names_of_conflicting_options_are_decoded(text: str, plain: str, several: str) -> None:
    assert decoded(text, several=False) == plain
    assert decoded(text, several=True) == several


# --- faults -------------------------------------------------------------------------------------

BAD_MARKER = "extra == 'extra-9-app-cpu'"


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("version = 2\n", "version", "`2`"),
        (f"{HEAD}[[package]]\nversion = '1'\n", "name", "nothing"),
        (f"{HEAD}[[package]]\nname = 'a'\n", "source", "nothing"),
        (f"{HEAD}[[package]]\nname = 'a'\nsource = {{ x = 1 }}\n", "source", "no known kind of source"),
        (f"{HEAD}{APP}dependencies = [{{ name = 'gone' }}]\n", "dependencies[0].name", "`'gone'`"),
        (f"{HEAD}{APP}dependencies = 1\n", "dependencies", "`1`"),
        (f"{HEAD}{APP}dependencies = [{{ }}]\n", "dependencies[0].name", "nothing"),
        (f"{HEAD}{TOOL}wheels = [{{ hash = 'sha256:{A}' }}]\n", "wheels[0]", "nothing"),
        (
            f"{HEAD}{TOOL}wheels = [{{ path = 'tool-3-py3-none-any.whl' }}]\n",
            "wheels[0]",
            "`tool-3-py3-none-any.whl`",
        ),
        (
            f"{HEAD}{TOOL}sdist = {{ path = 'tool-2.tar.gz', hash = 'x' }}\n",
            "sdist.hash",
            "`'x'` (names no algorithm)",
        ),
        (
            f"{HEAD}{TOOL}resolution-markers = [\"{BAD_MARKER}\"]\n",
            "resolution-markers[0]",
            f'`"{BAD_MARKER}"` (the marker variable `extra` means nothing here)',
        ),
        (
            f"{HEAD}{APP}[package.metadata]\nrequires-dist = [{{ name = 'x', specifier = '!' }}]\n",
            "metadata.requires-dist[0].specifier",
            "`'!'` (Invalid specifier: '!')",
        ),
        (f"{HEAD}{APP}[package.optional-dependencies]\n'-' = []\n", "optional-dependencies.-", "`'-'`"),
    ],
)  # fmt: skip
def test_what_the_format_does_not_allow_is_a_fault(text: str, key: str, found: str) -> None:
    lock = read(text)
    assert [(fault.key, fault.found) for fault in lock.faults] == [(key, found)]
    assert all(isinstance(fault, LockFault) for fault in lock.faults)
