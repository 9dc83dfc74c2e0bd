"""Entry points in their text: what is not named keeps its bytes."""

from __future__ import annotations

import pytest

from trueup.judge.entrypoints import edit_entry_points, entry_point, parse_entry_points

TEXT = """\
# written by hand
[console_scripts]
demo = demo:main
demo-gui=demo.gui:main

[demo.plugins]
a = demo.a
"""
SCRIPT = ("console_scripts", "demo")


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        (TEXT, {SCRIPT: "x:y"}, TEXT.replace("demo:main", "x:y")),
        (TEXT, {SCRIPT: "demo:main"}, TEXT),
        (TEXT, {SCRIPT: None}, TEXT.replace("demo = demo:main\n", "")),
        (TEXT, {("console_scripts", "new"): "n:m"},
         TEXT.replace("gui:main\n", "gui:main\nnew = n:m\n")),
        (TEXT, {("z", "b"): "n:m", ("z", "a"): "n:m"}, TEXT + "\n[z]\na = n:m\nb = n:m\n"),
        (TEXT, {("demo.plugins", "a"): None}, TEXT.partition("[demo.p")[0]),
        (TEXT.replace("\n", "\r\n"), {SCRIPT: "x:y"},
         TEXT.replace("demo:main", "x:y").replace("\n", "\r\n")),
        ("[g]\na =\n  demo:main\nb = c", {("g", "a"): "x:y", ("g", "c"): "d"},
         "[g]\na =\n  x:y\nb = c\nc = d\n"),
        ("[g]\na = b\n", {("g", "a"): None}, None),
        (None, {("g", "a"): "b"}, "[g]\na = b\n"),
        (None, {("g", "a"): None}, None),
    ],
)  # fmt: skip
def test_entry_points_are_edited_in_place(
    text: str | None, wanted: dict[tuple[str, str], str | None], expected: str | None
) -> None:
    result = edit_entry_points(text, wanted)
    assert result == expected
    assert edit_entry_points(result, wanted) == expected
    for name, value in wanted.items():
        assert entry_point(result, name) == value


def test_what_is_no_entry_points_file() -> None:
    assert parse_entry_points("a = b") is None
    assert entry_point("a = b", SCRIPT) is None
    assert parse_entry_points(TEXT) == {
        SCRIPT: "demo:main",
        ("console_scripts", "demo-gui"): "demo.gui:main",
        ("demo.plugins", "a"): "demo.a",
    }
