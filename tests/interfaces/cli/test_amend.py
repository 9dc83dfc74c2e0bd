"""`trueup amend` as a user runs it, on real wheels and a real HTTP server."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.build import make_sdist, make_wheel, metadata_text
from tests.index_server import IndexServer
from trueup.interfaces.cli.main import cli, main

LINUX, MACOS = "cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-macosx_14_0_arm64"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    (work / "dist").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    return work


@pytest.fixture
def dist(workspace: Path) -> Path:
    """A release whose Linux wheel alone needs one thing more."""
    dist = Path("dist")
    make_wheel(dist, "demo", "1.0", tags=LINUX, requires=["numpy>=1", "uvloop"])
    make_wheel(dist, "demo", "1.0", tags=MACOS, requires=["numpy>=1"])
    return dist


@pytest.fixture
def index(dist: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        server.add_folder(dist)
        yield server


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["amend", *arguments], catch_exceptions=False)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["amend", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_reconcile_then_check(dist: Path) -> None:
    before = files()
    result = run("dist", "--reconcile")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"dist/amended/demo-1.0-{MACOS}.whl",
        f"dist/amended/demo-1.0-{LINUX}.whl",
    ]
    checked = CliRunner().invoke(cli, ["check", "dist/amended"], catch_exceptions=False)
    assert checked.exit_code == 0
    assert "demo 1.0: identical" in checked.stdout
    assert set(before) < set(files())
    again = run("dist/amended", "--reconcile")
    assert again.exit_code == 0
    assert again.stdout == ""
    assert f"nothing to do: `dist/amended/demo-1.0-{LINUX}.whl`" in again.stderr


def test_a_preview_is_shown_again_when_the_results_are_there(
    dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = run("dist", "--reconcile", "--diff").stdout
    assert shown
    assert run("dist", "--reconcile").exit_code == 0
    assert run("dist", "--reconcile", "--diff").stdout == shown
    assert "is there already" in failure(capsys, "dist", "--reconcile")


def test_a_name_without_a_version_is_said_to_be_taken_from_the_index(
    index: IndexServer, workspace: Path
) -> None:
    result = run("demo", "--add-requires", "six", "--diff", "--index", index.url)
    assert result.exit_code == 0
    assert "note: no folder `demo` here; amending the newest `demo` on the index" in result.stderr


def test_specifiers_that_are_none(dist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failure(capsys, "dist", "--set-requires-python", "3.x") == (
        "error: `--set-requires-python`: found `3.x`, "
        "expected version specifiers, as in `>=3.9` (PEP 440)\n"
    )


def test_a_preview_writes_nothing(dist: Path) -> None:
    before = files()
    result = run("dist", "--reconcile", "--diff", "-q")
    assert result.exit_code == 0
    assert '+Requires-Dist: uvloop; sys_platform == "linux"\n' in result.stdout
    assert result.stderr == ""
    assert files() == before


def test_the_last_step_of_a_repair(workspace: Path) -> None:
    """Wheels in a folder of their own, the declaration in the tree."""
    Path("pyproject.toml").write_text('[tool.trueup.wheels]\nrequires = ["openblas==0.3"]\n')
    wheel = make_wheel(Path("dist"), "demo", "1.0", tags=LINUX, requires=["numpy"])
    result = run(str(wheel), "--declared", "--from", ".", "--in-place")
    assert result.stdout == f"{wheel}\n"
    assert result.stderr == "note: declared in `pyproject.toml`\n"
    metadata = zipfile.ZipFile(wheel).read("demo-1.0.dist-info/METADATA").decode()
    assert metadata.endswith("Requires-Dist: numpy\nRequires-Dist: openblas==0.3\n")
    assert files() == [str(wheel), "pyproject.toml"]


def test_as_built_reads_the_build_environment(workspace: Path) -> None:
    Path("pyproject.toml").write_text('[tool.trueup.wheels]\nas-built = ["torch"]\n')
    info = Path("env/torch-2.5.1.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text(metadata_text("torch", "2.5.1"))
    wheel = make_wheel(Path("dist"), "demo", "1.0")
    assert run("dist", "--declared", "--build-env", "env", "--in-place").exit_code == 0
    assert b"Requires-Dist: torch==2.5.1" in zipfile.ZipFile(wheel).read(
        "demo-1.0.dist-info/METADATA"
    )


def test_explicit_fields(dist: Path) -> None:
    result = run(
        "dist", "--remove-requires", "numpy", "--add-requires", "numpy<3", "--set-requires-python",
        ">=3.12", "--local", "nl.1", "-o", "out",
    )  # fmt: skip
    assert sorted(path.name for path in Path("out").iterdir()) == [
        f"demo-1.0+nl.1-{MACOS}.whl",
        f"demo-1.0+nl.1-{LINUX}.whl",
    ]
    assert "the public index accepts no local version such as `1.0+nl.1`" in result.stderr


def test_what_an_index_lists_gets_a_build_tag(dist: Path, index: IndexServer) -> None:
    result = run("dist", "--reconcile", "--index", index.url)
    assert [Path(line).name for line in result.stdout.splitlines()] == [
        f"demo-1.0-1-{MACOS}.whl",
        f"demo-1.0-1-{LINUX}.whl",
    ]
    assert "note: the public index closes a release" in result.stderr


def test_a_release_on_an_index(dist: Path, index: IndexServer) -> None:
    result = run("demo==1.0", "--reconcile", "--index", index.url, "--output", "new")
    assert result.exit_code == 0
    assert sorted(path.name for path in Path("new").iterdir()) == [
        f"demo-1.0-1-{MACOS}.whl",
        f"demo-1.0-1-{LINUX}.whl",
    ]
    run("demo", "--add-requires", "scipy", "--index", index.url)
    assert len(list(Path("amended").iterdir())) == 2


def test_an_index_that_lists_wrong_hashes(
    dist: Path, index: IndexServer, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"demo-1.0-{LINUX}.whl"
    index.add(name, (dist / name).read_bytes(), sha256="0" * 64)
    error = failure(capsys, "demo==1.0", "--add-requires", "x", "--index", index.url)
    assert "sha256 is not the one that the listing gives" in error
    assert not Path("amended").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dist"], "nothing to do"),
        (["dist", "--accept-residue"], "`--accept-residue` goes with `--reconcile`"),
        (["dist", "--from", "x"], "`--from` goes with `--declared`"),
        (["dist", "--build-env", "x"], "`--build-env` goes with `--declared`"),
        (["dist", "--reconcile", "--in-place", "-o", "x"], "exclude each other"),
        (["dist", "--reconcile", "--local", "x", "--identity", "keep"], "exclude each other"),
        (["https://index.test/a-1-py3-none-any.whl", "--reconcile"], "cannot be amended"),
        (["demo==1.0", "--reconcile", "--in-place"], "cannot be amended in place"),
        (["dist", "--declared"], "there is no declaration"),
    ],
)
def test_misuse(
    arguments: list[str], message: str, dist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files()
    assert message in failure(capsys, *arguments)
    assert files() == before


def test_a_release_without_wheels(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with IndexServer() as server:
        sdist = make_sdist(Path("dist"), "demo", "1.0")
        server.add(sdist.name, sdist.read_bytes())
        error = failure(capsys, "demo==1.0", "--add-requires", "x", "--index", server.url)
    assert "`demo==1.0`: has no wheel to amend" in error
