"""`trueup serve` where it does not serve: what would hold, and tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trueup.interfaces.cli.main import main

Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs `trueup serve` in an empty folder; returns what it prints, as one text."""
    monkeypatch.chdir(tmp_path)

    def said(*arguments: str, code: int = 0) -> str:
        assert main(["serve", *arguments]) == code
        output = capsys.readouterr()
        return output.out + output.err

    return said


SETTINGS = """
hosted-only = true
[[policy]]
projects = "aside-*"
contradictions = "quarantine"
quiet-period = 300
closed-after-days = 14
severity = { late-upload = "error" }
[[policy]]
channels = ["nightly"]
fail-on = "never"
[channel.mpi]
read = "token"
[limits]
uploads = false
"""


def test_check_config_looks_and_changes_nothing(say: Say, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "serve.toml").write_text(SETTINGS)
    said = say("--data", "data", "--check-config")
    assert "settings: `data/serve.toml`" in said
    assert "database: SQLite, `data/index.db`: will be made" in said
    assert "blobs: folder `data/blobs`: will be made" in said
    assert "index behind: none" in said
    assert "reading: public; channel `mpi`: by token" in said
    assert "limits: requests = 60000/minute, uploads = no limit, failures = 60/minute" in said
    assert "policy 1, project `aside-*`: contradictions = quarantine" in said
    assert "policy 2, channel `nightly`: contradictions = reject" in said
    assert "channel `nightly`: has no release yet" in said
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["serve.toml"]

    say("--data", "data", "token", "somebody")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    assert "`data/index.db`: is up to date" in say("--data", "data", "--check-config")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == before


def test_which_policy_holds_and_why(say: Say, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SETTINGS)

    def why(*arguments: str) -> list[str]:
        return say("--config", "own.toml", "--check-config", *arguments).splitlines()

    found = why("--project", "Aside_Two", "--channel", "nightly")
    assert found == [
        "`aside-two` in channel `nightly`: policy 1 is the first about it (project `aside-*`)",
        "contradictions = quarantine",
        "classes = [mergeable, irreconcilable, unknown]",
        "fail-on = error",
        "severity = { late-upload = error }",
        "declarations = honoured",
        "proof = optional",
        "quiet-period = 300",
        "closed-after-days = 14",
    ]
    assert (
        "policy 2 is the first about it (channel `nightly`)"
        in why("--project", "other", "--channel", "nightly")[0]
    )
    assert why("--project", "other")[0].endswith(
        "no `[[policy]]` is about it, so the defaults hold"
    )
    assert "found `a b`, expected the name of a project" in say(
        "--check-config", "--project", "a b", code=2
    )
    assert "`--project` goes with `--check-config`" in say("--project", "x", code=2)


def test_the_command_line_wins_over_the_environment_over_the_file(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.toml").write_text('hosted-only = true\nport = 1\nworkers = 3\nhost = "::1"\n')
    monkeypatch.setenv("TRUEUP_SERVE_PORT", "2")
    monkeypatch.setenv("TRUEUP_SERVE_WORKERS", "4")
    monkeypatch.setenv("TRUEUP_SERVE_CONFIG", "own.toml")
    said = say("--data", "d", "--check-config", "--workers", "5")
    assert "listens on: http://[::1]:2/, 5 workers" in said


WRONG = {
    'policy = "reject"': "`policy`: found `reject`, expected a list of tables",
    "prot = 1": "has no key `prot`",
    'database = "postgresql://u:secret@127.0.0.1:1/x"': "the database does not answer",
    'blobs = "serve.toml"': "is no folder",
    'database = "mysql://127.0.0.1/x"': "the database cannot be opened",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_and_the_exit_code_is_2(text: str, say: Say, tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text(f"{text}\nhosted-only = true\n")
    said = say("--data", str(tmp_path), "--check-config", code=2)
    assert WRONG[text] in said
    assert "secret" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["serve.toml"]


def test_tokens_are_listed_and_revoked(say: Say) -> None:
    text = say("--data", "d", "token", "laptop", "--may", "read", "--channel", "mpi").strip()
    say("--data", "d", "token", "make", "list", "--days", "1", "--project", "A_b")
    lines = say("--data", "d", "token", "list").splitlines()
    assert lines[0].split() == ["number", "name", "may", "projects", "channels", "until"]
    assert lines[1].split() == ["1", "laptop", "read", "all", "mpi", "it", "is", "revoked"]
    assert lines[2].split()[:6] == ["2", "list", "upload,", "publish", "a-b", "all"]
    assert len(lines) == 3
    assert text not in "".join(lines)
    assert say("--data", "d", "token", "revoke", "1") == "revoked 1: laptop\n"
    assert len(say("--data", "d", "token", "list").splitlines()) == 2
    assert "there is no token 1, 7" in say("--data", "d", "token", "revoke", "2", "7", "1", code=2)
    assert len(say("--data", "d", "token", "list").splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--project", "a/b"), "this is no name of a project"),
        (("--project", "*"), "this is no name of a project"),
        (("--channel", "MPI"), "the channel is malformed: found `MPI`"),
        (("--channel", "*"), "the channel is malformed: found `*`"),
    ],
)
def test_a_token_for_what_cannot_be_is_not_made(
    say: Say, words: tuple[str, str], said: str
) -> None:
    assert said in say("--data", "d", "token", "build", *words, code=2)
    assert len(say("--data", "d", "token", "list").splitlines()) == 1
