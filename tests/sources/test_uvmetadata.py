"""Metadata for uv, put into files that people keep."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from trueup.model.errors import SourceError, UsageError
from trueup.sources.uvmetadata import write_uv_metadata

XGBOOST = """\
[[tool.uv.dependency-metadata]]
name = "xgboost"
version = "3.0.5"
requires-dist = [
  "numpy",
  'nvidia-nccl-cu12; sys_platform == "linux"',
]
requires-python = ">=3.10\""""
TORCH = """\
[[tool.uv.dependency-metadata]]
name = "torch"
version = "2.0.0"
requires-dist = [
  "filelock",
]
provides-extra = [
  "opt",
]"""


def tables(text: str) -> list[dict[str, object]]:
    found = tomllib.loads(text)["tool"]["uv"]["dependency-metadata"]
    assert isinstance(found, list)
    return found


WANTED = [tables(text)[0] for text in (XGBOOST, TORCH)]


@pytest.mark.parametrize(
    "before",
    [
        '[project]\nname = "app"\n',
        '[project]\nname = "app"\n\n\n# the end',
        "",
        '[project]\r\nname = "app"\r\n',
        "[tool.uv]\ndev-dependencies = [ 'ruff' ] # a comment\n\n[tool.other]\nx   =   1\n",
        "[tool.other]\nx = 1\n[tool.uv.sources]\na = { git = 'g' }\n[tool.zzz]\n",
        "[tool]\n[tool.uv]\npackage = false\n",
    ],
)
def test_added_to_a_project(tmp_path: Path, before: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(before.encode())
    assert write_uv_metadata(path, [XGBOOST, TORCH]) == 2
    after = path.read_bytes().decode()
    assert tables(after) == WANTED
    for line in before.splitlines():
        assert line in after
    rest = tomllib.loads(after)
    del rest["tool"]["uv"]["dependency-metadata"]
    old = tomllib.loads(before)
    assert rest.get("project") == old.get("project")
    assert rest["tool"] == {"uv": {}, **old.get("tool", {})}


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[project]\nname = 'app'\n")
    write_uv_metadata(path, [XGBOOST, TORCH])
    once = path.read_bytes()
    assert write_uv_metadata(path, [XGBOOST, TORCH]) == 0
    assert path.read_bytes() == once


def test_the_same_release_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    before = """\
[project]   # odd   spacing
name="app"

[[tool.uv.dependency-metadata]]
name = "XGBoost" # ours
version = "3.0.5"
requires-dist = [ "numpy" ]
provides-extra = ["gone"]

[[tool.uv.dependency-metadata]]
name = "xgboost"
version = "2.0"
requires-dist = []

[tool.ruff]
line-length=88
"""
    path = tmp_path / "pyproject.toml"
    path.write_text(before)
    assert write_uv_metadata(path, [XGBOOST, TORCH]) == 2
    after = path.read_text()
    first, second, third = tables(after)
    assert first == {**WANTED[0], "name": "XGBoost"}
    assert second == {"name": "xgboost", "version": "2.0", "requires-dist": []}
    assert third == WANTED[1]
    for line in ('[project]   # odd   spacing\nname="app"\n', "# ours", "line-length=88\n"):
        assert line in after


def test_uv_toml_has_no_lead_and_may_be_new(tmp_path: Path) -> None:
    path = tmp_path / "uv.toml"
    assert write_uv_metadata(path, [XGBOOST]) == 1
    assert tomllib.loads(path.read_text()) == {"dependency-metadata": WANTED[:1]}
    assert write_uv_metadata(path, [XGBOOST, TORCH]) == 1
    assert tomllib.loads(path.read_text()) == {"dependency-metadata": WANTED}


def test_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "metadata.toml"
    path.write_text("what was there")
    assert write_uv_metadata(path, [XGBOOST, TORCH]) == 2
    assert path.read_text() == (
        f"# Metadata for uv: put this into `pyproject.toml`.\n\n{XGBOOST}\n\n{TORCH}\n"
    )
    assert tables(path.read_text()) == WANTED


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.toml", "metadata.toml"])
def test_nothing_to_say_leaves_the_file_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("# mine\n")
    assert write_uv_metadata(path, []) == 0
    assert path.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[tool.uv]\ndependency-metadata = [{ name = 'a' }]\n", "`tool.uv.dependency-metadata`"),
        ("[tool.uv]\ndependency-metadata = 1\n", "`tool.uv.dependency-metadata`"),
        ("[tool]\nuv = 1\n", "`tool.uv.dependency-metadata`"),
        ("tool = 1\n", "`tool.uv.dependency-metadata`"),
        ("[tool", "is not valid TOML"),
    ],
)
def test_what_cannot_be_edited_stays(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        write_uv_metadata(path, [XGBOOST])
    assert str(caught.value).startswith(f"`{path}`: {what}")
    assert path.read_text() == text


def test_a_project_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        write_uv_metadata(tmp_path / "pyproject.toml", [XGBOOST])


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(SourceError, match="is not UTF-8"):
        write_uv_metadata(path, [XGBOOST])
