"""Projects in folders: members, path dependencies, and where uv takes projects from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from trueup.model.errors import UsageError
from trueup.model.lockrequest import LocalProject, Root
from trueup.sources.members import WorkspaceFolder, find_workspace
from trueup.sources.project import read_project
from trueup.sources.workspace import Workspace

ROOT = '[project]\nname = "app"\n'


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def workspace(folder: Path, *members: str, **indexes: str) -> Workspace:
    return Workspace(
        lock_folder=folder,
        directory=folder,
        members=WorkspaceFolder(folder=folder, members=members) if members else None,
        indexes=indexes,
    )


def shown(root: Root) -> str:
    text = str(root.requirement) + (" (editable)" if root.editable else "")
    return text if root.option is None else f"{text} <- {root.option.kind} {root.option.name}"


def local(project: LocalProject) -> str:
    requires = project.requires_dist
    text = f"{project.project} at {project.path}: "
    text += "unknown" if requires is None else ", ".join(map(str, requires))
    return text + (" (editable)" if project.editable else "")


CASES: dict[str, tuple[dict[str, str], tuple[str, ...], list[str], list[str]]] = {
    "nothing in folders": (
        {"pyproject.toml": f'{ROOT}dependencies = ["flask"]'},
        (),
        ["flask"],
        [],
    ),
    "options": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["flask"]\n'
            '[project.optional-dependencies]\nx = ["a"]\n'
            '[dependency-groups]\ndev = ["b", "app[x]"]'
        },
        (),
        ["flask", "a <- extra x", "b <- group dev", "a <- group dev"],
        [],
    ),
    "a member that is asked for, one that is not": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["Lib.A[x]>=1"]',
            "libs/a/pyproject.toml": '[project]\nname = "lib-a"\nversion = "1.0"\n'
            'dependencies = ["requests"]\n[project.optional-dependencies]\nx = ["y; os_name==\'nt\'"]',
            "libs/b/pyproject.toml": '[project]\nname = "lib-b"',
            "libs/readme/README.md": "",
        },
        ("libs/*",),
        ["lib-a[x]>=1 (editable)"],
        ['lib-a at libs/a: requests, y; os_name == "nt" and extra == "x" (editable)'],
    ),
    "members that ask for each other and for the root": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["a"]',
            "a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["b"]',
            "b/pyproject.toml": '[project]\nname = "b"\ndependencies = ["a", "app"]',
        },
        ("a", "b"),
        ["a (editable)"],
        ["a at a: b (editable)", "app at .: a (editable)", "b at b: a, app (editable)"],
    ),
    "a member of its own folder, and one found twice": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["a", "app"]',
            "a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["app"]',
        },
        (".", "a", "*", "a/../a"),
        ["a (editable)"],
        ["a at a: app (editable)", "app at .: a (editable)"],
    ),
    "a root that is no project": (
        {
            "pyproject.toml": '[dependency-groups]\ndev = ["pytest"]',
            "libs/a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["x"]',
            "libs/b/pyproject.toml": '[project]\nname = "b"\ndynamic = ["dependencies"]',
        },
        ("libs/*",),
        ["a (editable)", "b (editable)", "pytest <- group dev"],
        ["a at libs/a: x (editable)", "b at libs/b: unknown (editable)"],
    ),
    "a root whose dependencies only a build tells": (
        {
            "pyproject.toml": f'{ROOT}dynamic = ["dependencies"]\n'
            '[project.optional-dependencies]\nx = ["y"]'
        },
        (),
        ["app (editable)", "app[x] (editable) <- extra x"],
        ["app at .: unknown (editable)"],
    ),
    "uv: paths": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["a", "b>=1; os_name == \'nt\'"]\n'
            '[tool.uv.sources]\na = {path = "../a"}\nb = {path = "../b", editable = true}',
            "../a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["c"]\n'
            '[tool.uv.sources]\nc = {path = "../c"}',
            "../b/setup.py": "",
            "../c/pyproject.toml": '[project]\nname = "c"',
        },
        (),
        ["a", 'b>=1; os_name == "nt" (editable)'],
        ["a at ../a: c", "b at ../b: unknown (editable)", "c at ../c: "],
    ),
    "uv: addresses": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["a[x]>=1; os_name == \'nt\'", "b", "c"]\n'
            '[tool.uv.sources]\na = {git = "https://git.test/a", tag = "v1", subdirectory = "py"}\n'
            'b = {git = "https://git.test/b"}\nc = {url = "https://files.test/c-1.tar.gz"}'
        },
        (),
        [
            'a[x] @ git+https://git.test/a@v1#subdirectory=py ; os_name == "nt"',
            "b @ git+https://git.test/b",
            "c @ https://files.test/c-1.tar.gz",
        ],
        [],
    ),
    "uv: by extra": (
        {
            "pyproject.toml": f'{ROOT}dependencies = ["a"]\n'
            '[project.optional-dependencies]\nx = ["a"]\n[dependency-groups]\ng = ["a"]\n'
            '[tool.uv.sources]\na = [{url = "https://files.test/x/a-1.zip", extra = "X"},\n'
            '{url = "https://files.test/g/a-1.zip", group = "g"}]'
        },
        (),
        [
            "a",
            "a @ https://files.test/x/a-1.zip <- extra x",
            "a @ https://files.test/g/a-1.zip <- group g",
        ],
        [],
    ),
    "an address of a folder on this machine": (
        {
            "pyproject.toml": f"{ROOT}dependencies = [\"a[x] @ file://HERE/a ; os_name == 'nt'\"]",
            "a/pyproject.toml": '[project]\nname = "a"',
        },
        (),
        ['a[x]; os_name == "nt"'],
        ["a at a: "],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_project_asks_for(case: str, tmp_path: Path) -> None:
    files, members, roots, locals_ = CASES[case]
    folder = tmp_path / "app"
    write(folder, {name: text.replace("HERE", str(folder)) for name, text in files.items()})
    gathered = workspace(folder, *members)
    project = read_project(folder / "pyproject.toml", shown="pyproject.toml")
    assert [shown(root) for root in gathered.roots(project)] == roots
    assert [local(project) for project in gathered.local] == locals_


def test_limited_to_some_options(tmp_path: Path) -> None:
    text = f'{ROOT}[project.optional-dependencies]\nx=["a"]\ny=["b"]\n[dependency-groups]\ng=["c"]'
    project = read_project(write(tmp_path, {"pyproject.toml": text}) / "pyproject.toml")
    extras = {name for name in project.extras if name == "y"}
    roots = workspace(tmp_path).roots(project, extras=extras, groups=())
    assert [shown(root) for root in roots] == ["b <- extra y"]


def test_a_file_at_a_path_is_an_address(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": f'{ROOT}dependencies = ["a"]\n'
            '[tool.uv.sources]\na = {path = "a-1.tar.gz"}',
            "a-1.tar.gz": "",
        },
    )
    (root,) = workspace(tmp_path).roots(read_project(tmp_path / "pyproject.toml"))
    assert root.requirement.url == (tmp_path / "a-1.tar.gz").as_uri()


def test_indexes_of_uv_are_assigned(tmp_path: Path) -> None:
    text = (
        f'{ROOT}dependencies = ["torch", "x", "y"]\n'
        '[tool.uv.sources]\ntorch = {index = "cpu"}\nx = {index = "ours"}\ny = {index = "folder"}\n'
        '[[tool.uv.index]]\nname = "cpu"\nurl = "https://index.test/cpu"\nexplicit = true\n'
        '[[tool.uv.index]]\nname = "folder"\nurl = "pages"\n'
    )
    project = read_project(write(tmp_path, {"pyproject.toml": text}) / "pyproject.toml")
    gathered = workspace(tmp_path, ours="https://index.test/ours")
    gathered.roots(project)
    assert gathered.assigned == {
        "torch": "https://index.test/cpu",
        "x": "https://index.test/ours",
        "y": str(tmp_path / "pages"),
    }


UV = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\nexclude = ["libs/old"]\n'
    '[tool.uv.sources]\nb = {workspace = true}\nc = {git = "https://git.test/c"}',
    "libs/a/pyproject.toml": '[project]\nname = "a"\ndependencies = ["b", "c"]',
    "libs/b/pyproject.toml": '[project]\nname = "b"',
    "libs/old/pyproject.toml": '[project]\nname = "b"',
    "other/pyproject.toml": '[project]\nname = "other"',
}


def test_a_workspace_of_uv(tmp_path: Path) -> None:
    write(tmp_path, UV)
    found = find_workspace(tmp_path / "libs/a")
    assert found == find_workspace(tmp_path)
    assert find_workspace(tmp_path / "other") is None
    assert find_workspace(tmp_path / "libs/old") is None
    write(tmp_path, {"libs/broken/pyproject.toml": "[["})
    assert find_workspace(tmp_path / "other") is None
    (tmp_path / "libs/broken/pyproject.toml").unlink()
    gathered = Workspace(lock_folder=tmp_path, directory=tmp_path, members=found)
    assert list(gathered.members) == ["a", "b"]
    roots = gathered.roots(gathered.members["a"])  # type: ignore[index]
    # What the root says of sources holds for its members.
    assert [shown(root) for root in roots] == ["b (editable)", "c @ git+https://git.test/c"]
    assert [local(project) for project in gathered.local] == ["b at libs/b:  (editable)"]


@pytest.mark.parametrize(
    ("files", "members", "message"),
    [
        (
            {"pyproject.toml": ROOT},
            ("libs/a",),
            "`HERE/pyproject.toml`: a member of the workspace is missing: found no `libs/a/pyproject.toml` in `HERE`, "
            "expected a folder of a project",
        ),
        (
            {"pyproject.toml": ROOT},
            ("/libs",),
            "`HERE/pyproject.toml`: the members of the workspace: found `/libs`, expected relative",
        ),
        (
            {"pyproject.toml": ROOT},
            ("",),
            "`HERE/pyproject.toml`: the members of the workspace: found ``, expected relative",
        ),
        (
            {"pyproject.toml": ROOT, "a/pyproject.toml": ""},
            ("a",),
            "`HERE/a/pyproject.toml`: is a member of the workspace without a name",
        ),
        (
            {
                "pyproject.toml": ROOT,
                "a/pyproject.toml": '[project]\nname = "x"',
                "b/pyproject.toml": '[project]\nname = "X"',
            },
            ("*",),
            "two members of the workspace are `x`: found `HERE/a` and `HERE/b`",
        ),
        (
            {"pyproject.toml": ROOT, "a/pyproject.toml": '[project]\nname = "a b"'},
            ("a",),
            "`a/pyproject.toml`: `[project] name`: found `a b`",
        ),
        (
            {"pyproject.toml": f"{ROOT}[tool.uv.sources]\nx = 1"},
            (),
            "`pyproject.toml`: `[tool.uv.sources] x`: found `1`, expected a table",
        ),
        (
            {"pyproject.toml": f"{ROOT}[tool.uv.sources]\nx = {{}}"},
            (),
            "`pyproject.toml`: `[tool.uv.sources.x]`: found none of them, expected one of "
            "`workspace`, `path`, `git`, `url`, `index`",
        ),
        (
            {"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{path = "x", tag = "1"}}'},
            (),
            "`pyproject.toml`: `[tool.uv.sources.x]` has no key `tag`",
        ),
        (
            {
                "pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{git = "https://g.test", tag = "1", rev = "2"}}'
            },
            (),
            "`pyproject.toml`: `[tool.uv.sources.x] git`: found `https://g.test`, expected only one",
        ),
        (
            {"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{url = "../x.zip"}}'},
            (),
            "`pyproject.toml`: `[tool.uv.sources.x] url`: found `../x.zip`, expected an address",
        ),
        (
            {
                "pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{git = "https://g.test", rev = "a b"}}'
            },
            (),
            "`pyproject.toml`: `[tool.uv.sources.x] git`: found `git+https://g.test@a b`, expected",
        ),
        (
            {"pyproject.toml": f"{ROOT}[tool.uv.sources]\nx = {{workspace = false}}"},
            (),
            "`pyproject.toml`: `[tool.uv.sources.x] workspace`: found `false`, expected `true`",
        ),
        (
            {"pyproject.toml": f"{ROOT}[tool.uv.sources]\nx = {{workspace = true}}"},
            (),
            "`pyproject.toml`: `[tool.uv.sources] x` is no member of the workspace",
        ),
        (
            {"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{index = "i", marker = "m"}}'},
            (),
            "`pyproject.toml`: `[tool.uv.sources.x]` depends on a marker, which `trueup lock`",
        ),
        (
            {"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{index = "i"}}'},
            (),
            "`pyproject.toml`: `[tool.uv.sources] x` names an index that is not there: found `i`",
        ),
        (
            {"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = [{{url = "a:b"}}, {{url = "a:c"}}]'},
            (),
            "`pyproject.toml`: `[tool.uv.sources] x` has several places that apply together",
        ),
        (
            {"pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{path = "nowhere"}}'},
            (),
            "`pyproject.toml:3`: leads to no project: found no folder `HERE/nowhere`",
        ),
        (
            {
                "pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{path = "y"}}',
                "y/pyproject.toml": '[project]\nname = "y"',
            },
            (),
            "`pyproject.toml:3`: the folder holds another project: found `y` in `HERE/y`, "
            "expected `x`",
        ),
        (
            {
                "pyproject.toml": f'{ROOT}[tool.uv.sources]\nx = {{path = "x"}}\ny = {{path="y"}}',
                "x/pyproject.toml": '[project]\nname = "x"',
                "y/pyproject.toml": '[project]\nname = "y"\ndependencies = ["x"]\n'
                '[tool.uv.sources]\nx = {path = "../x2"}',
                "x2/pyproject.toml": '[project]\nname = "x"',
            },
            (),
            "`y/pyproject.toml:3`: `x` comes from two folders: found `x` and `x2`",
        ),
    ],
)
def test_what_is_refused(
    files: dict[str, str], members: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    head = f'{ROOT}dependencies = ["x", "y"]\n'
    write(tmp_path, {name: text.replace(ROOT, head) for name, text in files.items()})
    project = read_project(tmp_path / "pyproject.toml", shown="pyproject.toml")
    with pytest.raises(UsageError) as caught:
        workspace(tmp_path, *members).roots(project)
    assert str(caught.value).replace(str(tmp_path), "HERE").startswith(message)


def test_a_folder_whose_name_nobody_knows(tmp_path: Path) -> None:
    write(tmp_path, {"old/setup.py": "", "empty/README.md": ""})
    with pytest.raises(UsageError, match="the name of a project is not known before it is built"):
        workspace(tmp_path).add(tmp_path / "old", origin="command line")
    with pytest.raises(UsageError, match=r"leads to no project.*without a `pyproject\.toml`"):
        workspace(tmp_path).add(tmp_path / "empty", origin="command line")
