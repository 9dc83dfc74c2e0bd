"""Work-arounds for users: valid TOML whatever stands in the metadata."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.releases import release, wheel
from trueup.judge.release import judge_release
from trueup.judge.workaround import toml_list, toml_string


def test_uv_gets_the_merged_metadata() -> None:
    files = [
        wheel("cp312-cp312-win_amd64", ["colorama"], python=">=3.9", extras=["x"]),
        wheel("cp312-cp312-manylinux_2_17_x86_64", python=">=3.9", extras=["x"]),
    ]
    ((purpose, text),) = judge_release(release(*files), suggest=True).workarounds
    assert purpose == "uv, in `pyproject.toml`: use this metadata for every file"
    assert tomllib.loads(text)["tool"]["uv"]["dependency-metadata"] == [
        {
            "name": "demo",
            "version": "1.0",
            "requires-dist": ['colorama; sys_platform == "win32"'],
            "requires-python": ">=3.9",
            "provides-extra": ["x"],
        }
    ]


def test_an_irreconcilable_release_is_left_out() -> None:
    files = [
        wheel("cp312-cp312-manylinux_2_28_x86_64", ["a"]),
        wheel("cp312-cp312-manylinux_2_17_x86_64"),
    ]
    report = judge_release(release(*files), suggest=True)
    assert report.workarounds == (
        ("a constraint that leaves this release out (for any installer)", "demo!=1.0"),
    )


def test_a_sound_release_needs_none() -> None:
    assert judge_release(release(wheel("py3-none-any")), suggest=True).workarounds == ()


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_toml_string(text: str) -> None:
    assert tomllib.loads(f"a = {toml_string(text)}") == {"a": text}


@pytest.mark.parametrize("items", [(), ("a",), ("it's", 'say "so"', "both ' and \"")])
def test_any_items_are_a_toml_list(items: tuple[str, ...]) -> None:
    assert tomllib.loads(f"a = {toml_list(items)}") == {"a": list(items)}
