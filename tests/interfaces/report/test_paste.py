"""The merged list in the form of a `pyproject.toml`."""

from __future__ import annotations

import tomllib

import pytest

from tests.samples import EVIL
from trueup.interfaces.report.paste import pyproject
from trueup.model.finding import Merged


def _merged(
    *lines: str, python: str | None = None, extras: tuple[str, ...] = ()
) -> dict[str, object]:
    text = pyproject(Merged(requires_dist=lines, requires_python=python, provides_extra=extras))
    table = tomllib.loads(text)["project"]
    assert isinstance(table, dict)
    return table


@pytest.mark.parametrize(
    ("lines", "dependencies", "extras"),
    [
        ([], [], {}),
        (["a>=1"], ["a>=1"], {}),
        (['a; extra == "x"'], [], {"x": ["a"]}),
        (['a; python_version < "3.9"'], ['a; python_version < "3.9"'], {}),
        (
            ['a; extra == "x" and python_version < "3.9"'],
            [],
            {"x": ['a; python_version < "3.9"']},
        ),
        (
            ['a; python_version < "3.9" or extra == "x"'],
            ['a; python_version < "3.9"'],
            {"x": ["a"]},
        ),
        (['a; extra == "x" or extra == "y"'], [], {"x": ["a"], "y": ["a"]}),
        (
            ['a; extra == "x" and (os_name == "nt" or os_name == "java")'],
            [],
            {"x": ['a; os_name == "nt" or os_name == "java"']},
        ),
        (
            ['a; (os_name == "nt" or python_version < "3") and python_version > "2"'],
            ['a; (os_name == "nt" or python_version < "3") and python_version > "2"'],
            {},
        ),
        (['a; extra != "x"'], ["a"], {}),
        (
            ['a @ https://index.test/a.whl ; extra == "x"'],
            [],
            {"x": ["a @ https://index.test/a.whl"]},
        ),
        (["not a requirement !"], ["not a requirement !"], {}),
    ],
)
def test_requirements(
    lines: list[str], dependencies: list[str], extras: dict[str, list[str]]
) -> None:
    table = _merged(*lines)
    assert table["dependencies"] == dependencies
    assert {key: items for key, items in _extras(table).items() if items} == extras


def _extras(table: dict[str, object]) -> dict[str, list[str]]:
    extras = table.get("optional-dependencies", {})
    assert isinstance(extras, dict)
    return extras


def test_extras_without_requirements_stay() -> None:
    assert _extras(_merged("a", extras=("empty",))) == {"empty": []}


def test_requires_python() -> None:
    assert _merged("a", python=">=3.9,<4")["requires-python"] == ">=3.9,<4"
    assert "requires-python" not in _merged("a")


@pytest.mark.parametrize("value", [EVIL, "a'b\"c\\d", "'", '"', "\\", "##[group]", "\n", "\x7f"])
def test_any_value_survives(value: str) -> None:
    table = _merged(value, python=value, extras=(value,))
    assert table["requires-python"] == value
    assert table["dependencies"] == [value]
    assert _extras(table) == {value: []}
    text = pyproject(Merged(requires_dist=(value,), requires_python=None, provides_extra=()))
    assert "##[" not in text
    assert all(character == "\n" or character.isprintable() for character in text)


def test_half_a_character_is_shown_as_its_escape() -> None:
    assert _merged("a\udcff")["dependencies"] == ["a\\udcff"]
