"""Requirements as text: on the command line, and on the lines of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.model.errors import TrueupError, UsageError
from trueup.model.lockrequest import EVERYTHING, Root
from trueup.sources.asked import COMMAND_LINE, asked_root
from trueup.sources.askedfiles import AskedFiles, read_asked_files
from trueup.sources.workspace import Workspace

FILES = {
    "lib/pyproject.toml": '[project]\nname = "My.Lib"\n[project.optional-dependencies]\nx = []',
    "old/setup.py": "",
    "pkg-1.0-py3-none-any.whl": "",
    "dist/pkg-1.0.tar.gz": "",
    "dist/strange.whl": "",
    "requirements.txt": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, FILES)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def here(folder: Path) -> Workspace:
    return Workspace(lock_folder=folder, directory=folder)


def shown(root: Root, folder: Path) -> str:
    text = str(root.requirement).replace(folder.as_uri(), "HERE")
    return text + (" (editable)" if root.editable else "")


def locals_of(workspace: Workspace) -> list[str]:
    return [f"{item.project} at {item.path}" for item in workspace.local]


@pytest.mark.parametrize(
    ("text", "requirement", "local"),
    [
        ("Flask>=3", "flask>=3", []),
        (" flask [async] ; os_name=='nt' ", 'flask[async]; os_name == "nt"', []),
        ("pkg @ https://files.test/pkg-1.0.zip", "pkg @ https://files.test/pkg-1.0.zip", []),
        ("pkg@git+https://git.test/pkg@v1", "pkg @ git+https://git.test/pkg@v1", []),
        (
            "https://files.test/a/Pkg-1.0-py3-none-any.whl?x=1 ; os_name == 'nt'",
            'pkg @ https://files.test/a/Pkg-1.0-py3-none-any.whl?x=1 ; os_name == "nt"',
            [],
        ),
        ("https://files.test/pkg-1.0.tar.gz", "pkg @ https://files.test/pkg-1.0.tar.gz", []),
        ("https://files.test/get?id=3#egg=pkg[x]", "pkg[x] @ https://files.test/get?id=3", []),
        (
            "git+https://git.test/pkg@main#egg=pkg&subdirectory=py",
            "pkg @ git+https://git.test/pkg@main#subdirectory=py",
            [],
        ),
        ("git+ssh://git@git.test/pkg.git#egg=pkg", "pkg @ git+ssh://git@git.test/pkg.git", []),
        ("./lib", "my-lib", ["my-lib at lib"]),
        ("lib/", "my-lib", ["my-lib at lib"]),
        ("./lib[x] ; os_name == 'nt'", 'my-lib[x]; os_name == "nt"', ["my-lib at lib"]),
        ("dist/../lib", "my-lib", ["my-lib at lib"]),
        ("my_lib @ ./lib", "my-lib", ["my-lib at lib"]),
        ("old @ ./old", "old", ["old at old"]),
        ("my-lib[x] @ file://HERE/lib", "my-lib[x]", ["my-lib at lib"]),
        ("file://HERE/lib", "my-lib", ["my-lib at lib"]),
        ("pkg-1.0-py3-none-any.whl", "pkg @ HERE/pkg-1.0-py3-none-any.whl", []),
        ("./dist/pkg-1.0.tar.gz[x]", "pkg[x] @ HERE/dist/pkg-1.0.tar.gz", []),
        ("pkg @ dist/pkg-1.0.tar.gz", "pkg @ HERE/dist/pkg-1.0.tar.gz", []),
        ("file://HERE/dist/pkg-1.0.tar.gz", "pkg @ HERE/dist/pkg-1.0.tar.gz", []),
    ],
)
def test_what_can_be_asked_for(text: str, requirement: str, local: list[str], folder: Path) -> None:
    workspace = here(folder)
    text = text.replace("file://HERE", folder.as_uri())
    root = asked_root(text, origin=COMMAND_LINE, directory=folder, workspace=workspace)
    assert shown(root, folder) == requirement
    assert (root.origin, root.option) == ("command line", None)
    assert locals_of(workspace) == local


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flask=3", "is no requirement: Expected"),
        ("", "is no requirement: Expected package name"),
        ("flask; extra == 'x'", "is no requirement: nothing is asked of an extra here"),
        ("./nowhere", "leads to no project: found no folder `HERE/nowhere`, expected a folder"),
        ("./dist", "leads to no project: found `HERE/dist`, without a `pyproject.toml`"),
        ("./old", "the name of a project is not known before it is built"),
        ("other @ ./lib", "the folder holds another project: found `my-lib` in `HERE/lib`"),
        ("./dist/strange.whl", "is no requirement: not a wheel file name"),
        ("./requirements.txt", "is no requirement: neither a wheel nor an sdist"),
        ("git+https://u:secret@git.test/x", "an address does not tell the name of its project: "
            "found `git+https://****@git.test/x`"),
        ("https://files.test/x", "an address does not tell the name of its project"),
        ("https://files.test/x.whl", "is no requirement: not a wheel file name"),
        ("./lib[a b]", "is no requirement: "),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str, folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        asked_root(text, origin=COMMAND_LINE, directory=folder, workspace=here(folder))
    assert str(caught.value).replace(str(folder), "HERE").startswith(f"`command line`: {message}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "requirements.txt",
            "a requirements file is given with `-r`: `trueup lock -r requirements.t",
        ),
        ("pyproject.toml", "the project in this folder is locked by `trueup lock` alone"),
    ],
)
def test_files_that_hold_requirements(text: str, hint: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="is a file, not a requirement") as caught:
        asked_root(text, origin=COMMAND_LINE, directory=folder, workspace=here(folder))
    assert (caught.value.hint or "").startswith(hint)


# --- files --------------------------------------------------------------------------------------


def read(
    folder: Path,
    text: str,
    *,
    files: Mapping[str, str] | None = None,
    constraints: Sequence[str] = (),
    workspace: Workspace | None = None,
) -> AskedFiles:
    write(folder, {"requirements.in": text, **(files or {})})
    return read_asked_files(
        [Path("requirements.in")],
        constraints=[Path(name) for name in constraints],
        directory=folder,
        environ={"TOKEN": "secret"},
        workspace=workspace or here(folder),
    )


def test_every_line_that_can_be_followed(folder: Path) -> None:
    workspace = here(folder)
    asked = read(
        folder,
        """\
# what the site needs
--index-url https://index.test/old
-i https://${TOKEN}@index.test/simple
--extra-index-url=https://index.test/extra
-f wheels
-f elsewhere
--find-links https://files.test/list.html
--only-binary numpy,Sci.Py
--pre
--prefer-binary
--trusted-host index.test
-r sub/more.txt
-c limits.txt
flask>=3 \\
  --hash=sha256:00  # a comment
-e ./lib[x]
./dist/pkg-1.0.tar.gz
-e git+https://git.test/x#egg=x
""",
        workspace=workspace,
        files={
            "sub/more.txt": "requests\n-c ../limits2.txt\n",
            "limits.txt": "urllib3<3\n",
            "limits2.txt": "idna<4 ; os_name == 'nt'\n",
            "wheels/x": "",
        },
    )
    assert [(shown(root, folder), root.origin) for root in asked.roots] == [
        ("requests", "sub/more.txt:1"),
        ("flask>=3", "requirements.in:14"),
        ("my-lib[x] (editable)", "requirements.in:16"),
        ("pkg @ HERE/dist/pkg-1.0.tar.gz", "requirements.in:17"),
        ("x @ git+https://git.test/x (editable)", "requirements.in:18"),
    ]
    assert [str(item) for item in asked.constraints] == ['idna<4; os_name == "nt"', "urllib3<3"]
    assert asked.index == "https://secret@index.test/simple"
    assert asked.extra_indexes == ["https://index.test/extra"]
    assert asked.find_links == [
        str(folder / "wheels"),
        str(folder / "elsewhere"),
        "https://files.test/list.html",
    ]
    assert asked.only_binary == {"numpy", "sci-py"}
    assert asked.prereleases
    assert [(item.path, item.editable) for item in workspace.local] == [("lib", True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--only-binary :all:", {EVERYTHING}),
        ("--only-binary a\n--only-binary=:none:", set()),
        ("--only-binary :none:,a", {"a"}),
    ],
)
def test_only_binary(text: str, expected: set[str], folder: Path) -> None:
    assert read(folder, text).only_binary == expected


def test_constraints_of_the_command_line(folder: Path) -> None:
    asked = read(
        folder, "a\n", constraints=["c.txt"], files={"c.txt": "a<2\n-r d.txt", "d.txt": "b<3"}
    )
    assert [str(item) for item in asked.constraints] == ["a<2", "b<3"]
    assert [shown(root, folder) for root in asked.roots] == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n\nb=3", "`requirements.in:3`: is no requirement: Expected"),
        ("-e", "`requirements.in:1`: `--editable` cannot be followed: found `-e`, expected a val"),
        ("-e ./nowhere", "`requirements.in:1`: leads to no project: found no folder"),
        ("-e a>=1", "`requirements.in:1`: leads to no project: found no folder `HERE/a>=1`"),
        ("-r nowhere.txt", "`requirements.in:1`: `nowhere.txt`: no such file"),
        ("-r lib", "`requirements.in:1`: `lib`: cannot be read: Is a directory"),
        (
            "-r https://files.test/r.txt",
            "`requirements.in:1`: `--requirement` cannot be followed: "
            "found `-r https://files.test/r.txt`, expected a path: files at an address are not read",
        ),
        (
            "--no-binary :all:",
            "`requirements.in:1`: `--no-binary` cannot be followed: found `--no-binary :all:`, "
            "expected an option that a lock can follow: `--requirement`, ",
        ),
        ("--no-index", "`requirements.in:1`: `--no-index` cannot be followed"),
        ("--only-binary a/b", "`requirements.in:1`: `--only-binary` cannot be followed"),
        ("-c c.txt", "`c.txt:1`: is no constraint: names no project: found `./lib`, expected a pr"),
        ("-c d.txt", "`d.txt:1`: a constraint has no extras: found `a[x]<2`"),
        ("-c e.txt", "`e.txt:1`: is no constraint: Expected"),
        ("-i 'x", "`requirements.in:1`: is no option: No closing quotation"),
    ],
)
def test_lines_that_are_refused(text: str, message: str, folder: Path) -> None:
    files = {"c.txt": "./lib", "d.txt": "a[x]<2", "e.txt": "a<"}
    with pytest.raises(TrueupError) as caught:
        read(folder, text, files=files)
    assert str(caught.value).replace(str(folder), "HERE").startswith(message)


def test_files_that_cannot_be_read(folder: Path) -> None:
    (folder / "latin.txt").write_bytes(b"a\n# caf\xe9\n")
    with pytest.raises(TrueupError, match=r"`latin\.txt:2`: is not UTF-8"):
        read(folder, "-r latin.txt")
    with pytest.raises(UsageError, match=r"`c\.txt:1`: `--pre` cannot be followed"):
        read(folder, "", constraints=["c.txt"], files={"c.txt": "--pre"})


PIECES = [
    "a", "@", " ", ";", "[x]", "./", "lib", "file:", "//", "git+", "https://files.test/", "#egg=",
    "-e", "-r ", "--hash=", "b-1-py3-none-any.whl", "\\", "C:", "[", "'", "${A}", "::", "\n", "\0",
    "os_name == 'nt'",
]  # fmt: skip


@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=20))
def test_any_text_is_understood_or_refused(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write(tmp_path_factory.getbasetemp() / "any", FILES)
    (folder / "requirements.in").write_bytes(text.encode("utf-8", "surrogatepass"))
    typed = refusal(
        lambda: asked_root(text, origin=COMMAND_LINE, directory=folder, workspace=here(folder))
    )
    in_file = refusal(
        lambda: read_asked_files(
            [Path("requirements.in")], directory=folder, environ={}, workspace=here(folder)
        )
    )
    assert typed is None or "command line" in typed.place or "is a file" in typed.what
    assert in_file is None or in_file.place[0].startswith("requirements.in")


def refusal(ask: Callable[[], object]) -> TrueupError | None:
    try:
        ask()
    except TrueupError as error:
        return error
    return None
