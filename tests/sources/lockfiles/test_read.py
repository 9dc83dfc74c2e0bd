"""Telling formats apart by their content, and refusing what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.model.errors import NotFoundError, SourceError, TrueupError, UsageError
from trueup.model.lock import LockKind
from trueup.sources.lockfiles.read import read_lock

PYLOCK = """\
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "six"
version = "1.17.0"
sdist = { url = "https://files.test/six-1.17.0.tar.gz", hashes = { sha256 = "%s" } }
""" % ("aa" * 32)
PIPFILE = '{"_meta": {}, "default": {"six": {"version": "==1.17.0"}}}'
PACKAGE = '[[package]]\nname = "six"\nversion = "1.17.0"\n'
POETRY = f'{PACKAGE}[metadata]\nlock-version = "2.1"\n'
PDM = f'[metadata]\nlock_version = "4.5.0"\n{PACKAGE}'
REQUIREMENTS = "# pinned\n\nsix==1.17.0\n"
UV = (
    'version = 1\n[[package]]\nname = "six"\nversion = "1.17.0"\n'
    'source = { registry = "https://index.test/simple" }\n'
)
INDENTED = "\n  --no-binary=six\nsix===1.17.0"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("pylock.toml", PYLOCK, LockKind.PYLOCK),
        ("pylock.gpu.toml", PYLOCK.partition("\n")[2], LockKind.PYLOCK),
        ("renamed", f"# a comment\n{PYLOCK}", LockKind.PYLOCK),
        ("renamed.lock", PYLOCK, LockKind.PYLOCK),
        ("poetry.lock", POETRY, LockKind.POETRY),
        ("renamed.toml", POETRY, LockKind.POETRY),
        ("pdm.lock", PDM, LockKind.PDM),
        ("pdm.linux.lock", PDM, LockKind.PDM),
        ("uv.lock", UV, LockKind.UV),
        ("renamed.lock", UV, LockKind.UV),
        ("Pipfile.lock", PIPFILE, LockKind.PIPFILE),
        ("renamed.txt", f"\n{PIPFILE}", LockKind.PIPFILE),
        ("requirements.txt", REQUIREMENTS, LockKind.REQUIREMENTS),
        ("requirements.lock", REQUIREMENTS, LockKind.REQUIREMENTS),
        ("renamed", INDENTED, LockKind.REQUIREMENTS),
    ],
)
def test_the_content_tells_the_format(tmp_path: Path, name: str, text: str, kind: LockKind) -> None:
    (tmp_path / name).write_text(text)
    lock = read_lock(tmp_path / name)
    assert lock.kind is kind
    assert lock.path == str(tmp_path / name)
    assert [entry.title for entry in lock.entries] == ["six 1.17.0"]


def test_a_requirements_file_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# nothing yet\n")
    assert read_lock(tmp_path / "requirements.txt").entries == ()


def test_variables_come_from_the_environment_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("-i https://${TOKEN}@index.test/simple\nsix==1.17.0\n")
    assert read_lock(path).indexes == ("https://${TOKEN}@index.test/simple",)
    assert read_lock(path, environ={"TOKEN": "x"}).indexes == ("https://x@index.test/simple",)


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "Pipfile.lock"])
def test_a_merge_conflict_is_told_as_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\n<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> theirs\n")
    with pytest.raises(SourceError) as caught:
        read_lock(tmp_path / name)
    assert (caught.value.hint or "").startswith("at line 2 a merge conflict begins: keep one side")


@pytest.mark.parametrize(
    ("name", "text", "kind", "message"),
    [
        ("absent.lock", None, NotFoundError, "no such file"),
        (
            "pylock.toml",
            "lock-version = '1.0'\nname = = 2\n",
            SourceError,
            "is not valid TOML: Invalid value (at line 2, column 8)",
        ),
        ("uv.lock", "<<<<<<< HEAD\n", SourceError, "is not valid TOML: Invalid statement (at line"),
        ("Pipfile.lock", "", SourceError, "is not valid JSON: Expecting value (at line 1, column"),
        ("Pipfile.lock", "[]", SourceError, "is no lock: found `[]`, expected an object"),
        ("a.json", "{}", UsageError, "is no `Pipfile.lock`, expected a `_meta` table"),
        (
            "pyproject.toml",
            '[project]\nname = "x"\n',
            UsageError,
            "is no lock that is understood, expected a",
        ),
        ("empty.lock", "", UsageError, "is no lock that is understood, expected a"),
        (
            "pylock.toml",
            "lock-version = '1.0'\npackages = 'all'\n",
            SourceError,
            "`packages`: found `'all'`, expected an array of tables",
        ),
    ],
)
def test_what_is_no_lock_is_refused(
    tmp_path: Path, name: str, text: str | None, kind: type[TrueupError], message: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(kind) as caught:
        read_lock(path)
    assert str(caught.value).startswith(f"`{path}`: {message}")
