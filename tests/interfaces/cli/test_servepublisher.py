"""`trueup serve publisher`: who is trusted is said and shown in one line each."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trueup.interfaces.cli.serve import command
from trueup.model.errors import NotFoundError, TrueupError, UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(command, ["--data", "index", "publisher", *words])


def said(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def wrong(*words: str) -> TrueupError:
    error = run(*words).exception
    assert isinstance(error, TrueupError)
    return error


GITHUB = ("add", "github", "octo/lattice", "--workflow", "release.yml", "--project", "lattice")
LINES: dict[str, tuple[tuple[str, ...], str]] = {
    "github": (GITHUB, "github octo/lattice release.yml  ->  lattice"),
    "github, as narrow as can be": (
        (*GITHUB, "--environment", "release", "--owner-id", "7", "--claim", "ref_protected=true"),
        "github octo/lattice release.yml environment=release ref_protected=true "
        "repository_owner_id=7  ->  lattice",
    ),
    "github of one's own": (
        (*GITHUB, "--issuer", "https://git.test/_services/token"),
        "github octo/lattice release.yml at https://git.test/_services/token  ->  lattice",
    ),
    "gitlab": (
        ("add", "gitlab", "group/sub/mesh", "--project", "Mesh", "--project", "knot",
         "--channel", "mpi", "--channel", "cuda"),
        "gitlab group/sub/mesh .gitlab-ci.yml  ->  mesh, knot in mpi, cuda",
    ),
    "gitlab, another file": (
        ("add", "gitlab", "group/mesh", "--workflow", "ci/a.yml", "--project", "mesh",
         "--issuer", "https://git.test"),
        "gitlab group/mesh ci/a.yml at https://git.test  ->  mesh",
    ),
    "any issuer": (
        ("add", "oidc", "--issuer", "https://ci.test", "--claim", "sub=a=b", "--project", "mesh"),
        "oidc sub=a=b at https://ci.test  ->  mesh",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LINES)
def test_who_is_trusted(case: str) -> None:
    words, line = LINES[case]
    assert said(*words) == f"1  {line}\n"
    assert said("list") == f"1  {line}\n"


def test_nobody_is_trusted_any_more() -> None:
    said(*GITHUB)
    assert said("remove", "1") == ""
    result = run("list")
    assert (result.stdout, result.stderr) == ("", "no publisher is trusted\n")
    error = wrong("remove", "1")
    assert isinstance(error, NotFoundError)
    assert str(error) == "there is no such publisher: found `1`"


def test_the_name_of_the_index() -> None:
    made = said("audience")
    assert made.startswith("index-")
    assert said("audience") == made
    assert said("audience", "packages") == said("audience") == "packages\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*GITHUB, "--claim", "ref"), "a claim is malformed or given twice: found `ref`"),
        ((*GITHUB, "--claim", "a=1", "--claim", "a=2"), "a claim is malformed or given twice"),
        ((*GITHUB, "--channel", "A"), "the channel is malformed: found `A`"),
        (("audience", " "), "this can be no audience"),
        (("audience", "a\nb"), "this can be no audience"),
        (("audience", "a" * 257), "this can be no audience"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], told: str) -> None:
    error = wrong(*words)
    assert isinstance(error, UsageError)
    assert str(error).startswith(told)
    assert run("list").stdout == ""
