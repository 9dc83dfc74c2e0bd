"""The command line from outside: a fresh interpreter, exit codes, words on the right stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from trueup import __version__

HEAVY = (
    "httpx2", "rich", "jinja2", "msgspec", "packaging.metadata", "packaging.requirements", "pip",
    "sqlite3", "ssl", "asyncio", "concurrent.futures", "zipfile", "email",
)  # fmt: skip


def run(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from trueup.interfaces.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["check", "--help"], ["cache", "--help"], ["cache", "dir"]],
)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import sys, json\n"
        "from trueup.interfaces.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(result.stderr))
    allowed = {"sqlite3"} if arguments == ["cache", "dir"] else set()
    assert loaded & (set(HEAVY) - allowed) == set()


def test_import_trueup_is_cheap() -> None:
    code = "import sys, trueup; print(len([n for n in sys.modules if n.startswith('trueup')]))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "1\n"


def test_version(tmp_path: Path) -> None:
    result = run("--version", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"trueup {__version__}\n")


def test_help_lists_every_verb(tmp_path: Path) -> None:
    result = run("-h", cwd=tmp_path)
    assert result.returncode == 0
    assert "  cache  " in result.stdout
    assert "  check  " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["chekc"], "error: No such command `chekc`", "`trueup --help` shows what there is"),
        (
            ["check", "--formt", "json"],
            "error: No such option `--formt`",
            "`trueup check --help` shows what there is",
        ),
        (
            ["check", "--fail-on", "fatal"],
            "error: Invalid value for `--fail-on`: `fatal` is not one of `error`, `warning`, "
            "`info`, `never`",
            "`trueup check --help` shows what there is",
        ),
        (
            ["check"],
            "error: nothing to check",
            "name a folder (`trueup check dist/`), a release (`trueup check numpy==2.1.0`) or a "
            "lock (`trueup check --lock uv.lock`)",
        ),
        (
            ["check", "dist/"],
            "error: there is no file or folder `dist/`",
            "a folder, files, `NAME==VERSION`, `NAME` or an address of a file can be checked",
        ),
        (
            ["check", "--lock", "uv.lock"],
            "error: `uv.lock`: no such file",
            None,
        ),
        (
            ["check", "six", "--baseline", "known.json"],
            "error: `known.json`: no such baseline file",
            "create it with `--write-baseline`",
        ),
        (
            ["check", "six", "--severity", "loud"],
            "error: a severity: found `loud`, expected `CODE=LEVEL`",
            None,
        ),
        (
            ["check", "six", "--for", "cp312-amiga-m68k"],
            "error: `cp312-amiga-m68k` names an unknown system: found `amiga`, expected `linux`, "
            "`macos`, `windows`",
            "write `cp312-linux-x86_64-glibc2.28`, `cp313t-macos-arm64-14.0`, "
            "`cp311..cp314-windows-amd64`",
        ),
    ],
)
def test_misuse_says_what_and_what_to_do(
    tmp_path: Path, arguments: list[str], message: str, hint: str | None
) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    # click suggests similar options on the first line, in words that change with its version.
    assert result.stderr.startswith(message)
    assert result.stderr.partition("\n\n")[2] == (f"hint: {hint}\n" if hint else "")


def test_no_verb_shows_the_help(tmp_path: Path) -> None:
    result = run(cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("Usage: trueup")


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_interruption_is_quiet(tmp_path: Path) -> None:
    """Interrupted while it waits for a lock on a named pipe that nobody writes to."""
    pipe = tmp_path / "requirements.txt"
    os.mkfifo(pipe)
    code = (
        "import os, signal, sys, threading\n"
        "from trueup.interfaces.cli.main import main\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.exit(main(['check', '-r', 'requirements.txt']))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 130
    assert result.stderr.strip() == ""
