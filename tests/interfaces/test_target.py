"""What the words on the command line mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.interfaces.target import AskedAddress, AskedPath, AskedRelease, parse_target
from trueup.model.errors import UsageError


@pytest.mark.parametrize(
    ("text", "project", "version"),
    [
        ("nmslib==2.1.1", "nmslib", "2.1.1"),
        ("Flask.SQLAlchemy == 3.0", "flask-sqlalchemy", "3.0"),
        ("six===1.16.0", "six", "1.16.0"),
        ("torch==2.4.0+cpu", "torch", "2.4.0+cpu"),
        ("flask[async]==3.1.3", "flask", "3.1.3"),
        ("six", "six", None),
    ],
)
def test_releases(tmp_path: Path, text: str, project: str, version: str | None) -> None:
    assert parse_target(text, directory=tmp_path) == AskedRelease(
        project=canonicalize_name(project),
        version=None if version is None else Version(version),
        text=text,
    )


def test_what_exists_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "six").mkdir()
    (tmp_path / "demo-1.0.tar.gz").touch()
    assert parse_target("six", directory=tmp_path) == AskedPath(path=Path("six"))
    assert parse_target("demo-1.0.tar.gz", directory=tmp_path) == AskedPath(
        path=Path("demo-1.0.tar.gz")
    )
    assert parse_target(str(tmp_path), directory=Path("/")) == AskedPath(path=tmp_path)


def test_addresses(tmp_path: Path) -> None:
    url = "https://files.test/demo-1.0-py3-none-any.whl"
    assert parse_target(url, directory=tmp_path) == AskedAddress(url=url)


FORMS = "a folder, files, `NAME==VERSION`, `NAME` or an address of a file can be checked"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("dist/", "there is no file or folder `dist/`", FORMS),
        (
            "dist",
            "there is no file or folder `dist`",
            f"for the project of this name on an index, write `dist==VERSION`; {FORMS}",
        ),
        (
            "uv.lock",
            "`uv.lock` is a lock, not a release",
            "a lock is given with `--lock`: `trueup check --lock uv.lock`",
        ),
        (
            "requirements.txt",
            "`requirements.txt` is a requirements file, not a release",
            "a requirements file is given with `-r`: `trueup check -r requirements.txt`",
        ),
        ("", "there is no file or folder ``", FORMS),
        ("x-1.0-py3-none-any.whl", "there is no file or folder `x-1.0-py3-none-any.whl`", FORMS),
        (
            "six>=1.0",
            "`six>=1.0` names no single version",
            "name one, `six==VERSION`, or take the newest, `six`",
        ),
        (
            "six==1.*",
            "`six==1.*` names no single version",
            "name one, `six==VERSION`, or take the newest, `six`",
        ),
        (
            "six 1.16",
            "`six 1.16` is neither a path nor a release",
            f"write a release as `numpy==2.1.0`; {FORMS}",
        ),
        (
            "six==1; python_version < '3'",
            "`six==1; python_version < '3'` is no release",
            "write a release as `numpy==2.1.0`",
        ),
        (
            "ftp://files.test/x.whl",
            "an address: found `ftp://files.test/x.whl`, expected one that starts with `https://`",
            None,
        ),
    ],
)
def test_refusals(tmp_path: Path, text: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text, directory=tmp_path)
    assert str(caught.value) == message
    assert caught.value.hint == hint


FOLDERS = (
    "artifacts", "build", "dist", "out", "output", "packages", "sdist", "sdists", "target",
    "wheelhouse", "wheels", "Wheelhouse",
)  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_the_name_of_a_folder_that_was_not_built_is_no_project(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"there is no file or folder `{name}`"):
        parse_target(name, directory=tmp_path)
    assert isinstance(parse_target(f"{name}==1.0", directory=tmp_path), AskedRelease)
    (tmp_path / name).mkdir()
    assert parse_target(name, directory=tmp_path) == AskedPath(path=Path(name))


LISTS = (
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pylock.dev.toml",
    "locks/uv.lock", "requirements.txt", "requirements-dev.txt", "dev-requirements.txt",
    "requirements.in", "constraints.txt",
)  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_names_releases_is_no_target(tmp_path: Path, name: str, exists: bool) -> None:
    if exists:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=", not a release") as caught:
        parse_target(name, directory=tmp_path)
    assert f" {name}`" in (caught.value.hint or "")


def test_a_project_whose_name_resembles_a_list_is_a_project(tmp_path: Path) -> None:
    for name in ("requirements-parser", "constraints", "uv", "poetry-lock"):
        assert isinstance(parse_target(name, directory=tmp_path), AskedRelease)
