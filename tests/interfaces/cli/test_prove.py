"""`trueup prove` as a user runs it: an sdist, a folder, a release on a real HTTP server."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.backend import make_backend, make_project
from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.sandboxed import sandbox_or_skip
from trueup.interfaces.cli.main import cli, main
from trueup.model.errors import SourceError
from trueup.sources.proofrecord import read_proof

SDIST = "demo-1.0.tar.gz"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    (work / "wheels").mkdir(parents=True)
    make_backend(work / "wheels")
    monkeypatch.chdir(work)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return work


@pytest.fixture
def index(workspace: Path) -> Iterator[IndexServer]:
    with IndexServer() as server:
        yield server


def run(*arguments: str) -> Result:
    sandbox_or_skip()
    words = ["prove", *arguments, "--wheelhouse", "wheels"]
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["prove", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_it_holds(workspace: Path) -> None:
    make_project(workspace, requires=["a"])
    result = run(SDIST, "--condition", "again,path")
    assert result.exit_code == 0, result.output
    first, sandbox, *rest = result.stdout.splitlines()
    assert first == f"demo 1.0: holds; 4 builds of `{SDIST}`"
    assert sandbox.startswith("  sandbox: bubblewrap without network, ")
    assert rest == ["", "reproducible: Requires-Dist, Name, Version"]


def test_it_does_not_hold(workspace: Path) -> None:
    code = "import os\nif os.environ.get('MPI'): requires.append('mpi4py>=3; extra == \"mpi\"')"
    make_project(workspace, code)
    result = run(SDIST, "--condition", "variable", "--vary", "MPI=ON")
    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines()[3:] == [
        "Requires-Dist: broken promise (static)",
        '  beside PKG-INFO, variable MPI=ON: more `mpi4py>=3; extra == "mpi"`',
        "  varies with an environment variable",
        '    variable MPI=ON: more `mpi4py>=3; extra == "mpi"`',
        "  likely: project.py:4: if os.environ.get('MPI'): requires.append('mpi4py>=3;"
        ' extra == "mpi"\') (uses `environ`)',
        "",
        "reproducible: Name, Version",
        "",
        "Every list that may appear, as a declaration for `pyproject.toml`:",
        "",
        "[tool.trueup.dynamic]",
        "may-add = [",
        "  'mpi4py>=3; extra == \"mpi\"',",
        "]",
    ]


def test_json_and_the_record_are_one(workspace: Path) -> None:
    sdist = make_project(workspace, requires=["a", "b"], promised=["a"])
    result = run(SDIST, "--condition", "again", "--format", "json", "--record", "proof.json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document == json.loads(Path("proof.json").read_text())
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    assert document["schema"] == "trueup.proof/1"
    assert document["sdist"]["sha256"] == digest
    assert document["fields"][0] == {
        "field": "Requires-Dist",
        "promise": "static",
        "verdict": "broken promise",
        "varies-with": [],
        "breaks": [{"run": "baseline", "more": ["b"], "without": []}],
        "beyond": [],
        "written-differently": [],
    }
    first = document["runs"][0]
    assert first["condition"] == {"name": "baseline", "value": None, "simulated": False}
    assert first["metadata"]["requires-dist"] == ["a", "b"]
    (backend,) = first["build-requirements"]
    wheel = workspace / "wheels/tinybuild-2.0-py3-none-any.whl"
    assert backend == {
        "name": "tinybuild",
        "version": "2.0",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
    }
    proof = read_proof(Path("proof.json"))
    assert (proof.project, proof.version, proof.holds) == ("demo", "1.0", False)
    assert (proof.sha256, proof.requires_dist) == (digest, (("a", "b"),))
    assert proof.may_add == ("b",)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "other/1"}', "[]"])
def test_what_is_no_record(workspace: Path, text: str) -> None:
    path = workspace / "proof.json"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        read_proof(path)
    assert str(caught.value).startswith(f"`{path}`: is no proof")


def test_a_release_beside_its_wheels(workspace: Path, index: IndexServer) -> None:
    make_project(workspace, requires=["a"])
    for tag, requires in (("cp312-cp312-win_amd64", ["a"]), ("py3-none-any", ["a", "libdemo"])):
        make_wheel(workspace, "demo", "1.0", tags=tag, requires=requires)
    index.add_folder(workspace)
    result = run("demo==1.0", "--index", index.url, "--condition", "again", "--wheels")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-4:] == [
        "1 of 2 published wheels say what the sdist gives",
        "  demo-1.0-py3-none-any.whl",
        "    does not say so; another build or a repair step changed:",
        "    Requires-Dist: more `libdemo`",
    ]


def test_a_limit_that_is_met(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox_or_skip()
    make_project(workspace, "while True: pass")
    assert failure(capsys, SDIST, "--wheelhouse", "wheels", "--time", "1") == (
        "error: its backend did not say what it needs: it took more than 1 s\n\n"
        "hint: `--time` allows more\n"
    )


def test_without_a_sandbox(
    workspace: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_project(workspace, requires=["a"])
    words = ["prove", SDIST, "--condition", "again", "--wheelhouse", "wheels"]
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        assert failure(capsys, *words[1:]).startswith(
            "error: foreign code is run in a sandbox only, and `bwrap` and `setpriv` and "
            "`prlimit` cannot be found\n\nhint: install bubblewrap"
        )
    assert main([*words, "--no-sandbox"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "warning: the code of the sdist runs with your rights\n"
    assert "sandbox: none: the code runs with your rights" in captured.out


def test_misuse(workspace: Path, capsys: pytest.CaptureFixture[str], index: IndexServer) -> None:
    sandbox_or_skip()
    wheel = make_wheel(workspace, "demo", "1.0")
    assert "is no sdist, expected a file" in failure(capsys, wheel.name)
    index.add_folder(workspace)
    assert "has no sdist, so there is nothing to build" in failure(
        capsys, "demo==1.0", "--index", index.url
    )
    make_project(workspace)
    assert "there is no condition `moon`" in failure(
        capsys, SDIST, "--condition", "moon", "--wheelhouse", "wheels"
    )
    assert "expected `NAME=VALUE,…`" in failure(capsys, SDIST, "--vary", "x")
    assert "expected `NAME==VERSION`" in failure(capsys, "--explain", SDIST)


# --- explanations -------------------------------------------------------------------------------

MANUAL = """
[build-system]
requires = ["setuptools>=77", "Cython>=3"]
build-backend = "setuptools.build_meta"

[external]
build-requires = ["virtual:compiler/c"]
host-requires = ["pkg:generic/openblas"]

[tool.trueup.sdist]
build = "manual"
reason = "needs OpenBLAS"
"""


def explained(index: IndexServer, *arguments: str) -> Result:
    words = ["prove", "--explain", "demo==1.0", "--index", index.url, *arguments]
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def test_why_it_would_be_built(workspace: Path, index: IndexServer) -> None:
    make_wheel(workspace, "demo", "1.0", tags="cp312-cp312-win_amd64")
    make_sdist(workspace, "demo", "1.0", pyproject=MANUAL, files={"src/a.c": b"", "src/b.c": b""})
    index.add_folder(workspace)
    result = explained(index, "--for", "cp312-linux-x86_64-glibc2.28")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "demo 1.0 on cp312-linux-x86_64-glibc2.28: an installer would build it",
        "  why: its one wheel is for `cp312` on `win_amd64`",
        f"  sdist: {SDIST}",
        '  `[tool.trueup.sdist] build = "manual"` says not to build it by default: needs OpenBLAS',
        "  needs: setuptools.build_meta, with `setuptools>=77`, `Cython>=3`",
        "  needs: a C compiler (`Cython>=3` among the build requirements)",
        "  needs: build-requires: virtual:compiler/c, by `[external]`",
        "  needs: host-requires: pkg:generic/openblas, by `[external]`",
    ]
    fits = explained(index, "--for", "cp312-windows-amd64", "--format", "json")
    assert fits.exit_code == 0
    (one,) = json.loads(fits.stdout)["environments"]
    assert (one["builds"], one["wheels"]) == (False, ["demo-1.0-cp312-cp312-win_amd64.whl"])


def test_environments_that_are_alike_are_told_once_and_what_fits_in_a_part(
    workspace: Path, index: IndexServer
) -> None:
    make_wheel(workspace, "demo", "1.0", tags="py3-none-manylinux_2_28_x86_64")
    index.add_folder(workspace)
    result = explained(index, "--for", "cp312..cp313-linux-x86_64", "--for", "cp312-windows-amd64")
    assert result.stdout.splitlines() == [
        "demo 1.0 on cp312-linux-x86_64-glibc2.17, cp313-linux-x86_64-glibc2.17: "
        "an installer would not build it",
        "  why: its one wheel fits in a part of these environments only: it is for `py3` on "
        "`manylinux_2_28_x86_64`, and there is no sdist: it cannot be installed in the rest",
        "  wheels: demo-1.0-py3-none-manylinux_2_28_x86_64.whl",
        "",
        "demo 1.0 on cp312-windows-amd64: an installer would not build it",
        "  why: its one wheel is for `py3` on `manylinux_2_28_x86_64`, and there is no sdist: "
        "it cannot be installed there",
    ]


def test_what_lies_among_tests_is_not_compiled(workspace: Path, index: IndexServer) -> None:
    names = ("src/a.c", "vendored/meson/test cases/cuda/1 simple/prog.cu", "Tests/b.rs")
    make_sdist(
        workspace, "demo", "1.0", pyproject="[build-system]\n", files=dict.fromkeys(names, b"")
    )
    index.add_folder(workspace)
    result = explained(index, "--for", "cp312-linux-x86_64")
    needs = [line for line in result.stdout.splitlines() if "compiler" in line]
    assert needs == ["  needs: a C compiler (`src/a.c`)"]


def test_where_nothing_can_be_installed(workspace: Path, index: IndexServer) -> None:
    make_sdist(workspace, "demo", "1.0", requires_python=">=3.13", pyproject="[build-system]\n")
    index.add_folder(workspace)
    result = explained(index, "--for", "cp312-linux-x86_64")
    assert result.exit_code == 2
    assert result.stdout.splitlines()[1] == (
        "  why: the release has no wheels, and the sdist is for Python >=3.13: "
        "it cannot be installed there"
    )
    shutil.rmtree(workspace / "wheels")
    assert explained(index, "--for", "cp313-linux-x86_64").exit_code == 1
