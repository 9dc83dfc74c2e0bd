"""What holds for every file that is committed."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MEBIBYTE = 1024 * 1024

# Written in two halves, so that this file does not contain what it forbids.
INDEX_HOSTS = [
    "pypi" + ".org",
    "pypi" + ".python.org",
    "python" + "hosted.org",
    "pypi" + ".io",
    "download" + ".pytorch.org",
    "pypi" + ".nvidia.com",
    "pypi" + ".anaconda.org",
]
MACHINE_PATHS = ["/" + "work/", "/" + "root/", "/" + "tmp/", "/" + "home/"]

# Past these sizes a module or function is a question; here are the answers.
MAX_MODULE = 400
MAX_FUNCTION = 50
LONG_MODULES: dict[str, str] = {}
"""A module that has to be longer, with the reason."""
LONG_FUNCTIONS: dict[str, str] = {}
"""A function that has to be longer, with the reason."""


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


FILES = committed()


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts() -> Iterator[tuple[str, str]]:
    for path in FILES:
        try:
            yield name_of(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # Archives and the like, which the size limit looks at.


def test_there_is_something_to_look_at() -> None:
    assert {"README.md", "pyproject.toml", ".ci/run"} <= {name_of(path) for path in FILES}


@pytest.mark.parametrize("host", INDEX_HOSTS)
def test_no_file_names_the_host_of_an_index(host: str) -> None:
    assert [name for name, text in texts() if host in text.lower()] == []


@pytest.mark.parametrize("prefix", MACHINE_PATHS)
def test_no_source_or_document_holds_a_path_of_one_machine(prefix: str) -> None:
    path = re.compile(rf"(?<![\w.:/\]}}]){re.escape(prefix)}\w")
    assert [
        f"{name}: {match[0]}"
        for name, text in texts()
        if not name.startswith("tests/")
        for match in path.finditer(text)
    ] == []


def test_no_lock_of_ours_is_committed() -> None:
    assert [name_of(path) for path in FILES if path.parent == ROOT and path.suffix == ".lock"] == []


def test_only_recorded_cases_are_large() -> None:
    assert [
        name_of(path)
        for path in FILES
        if path.stat().st_size > MEBIBYTE and not name_of(path).startswith("tests/cases/")
    ] == []


def modules() -> Iterator[tuple[str, str]]:
    for name, text in texts():
        if name.startswith("src/") and name.endswith(".py"):
            yield name, text


def test_modules_are_short_or_say_why() -> None:
    long = {name for name, text in modules() if len(text.splitlines()) > MAX_MODULE}
    assert long - LONG_MODULES.keys() == set()


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function, without its docstring."""
    assert function.end_lineno is not None
    documented = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - len((documented or "").splitlines())


def test_functions_are_short_or_say_why() -> None:
    long = {
        f"{name}:{function.name}"
        for name, text in modules()
        for function in functions(text)
        if length(function) > MAX_FUNCTION
    }
    assert long - LONG_FUNCTIONS.keys() == set()


def test_every_module_says_what_it_is() -> None:
    assert [name for name, text in modules() if not ast.get_docstring(ast.parse(text))] == []


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_both_licences_are_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE-APACHE").read_text()
    assert "MIT License" in (ROOT / "LICENSE-MIT").read_text()
    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        assert "the trueup authors" in (ROOT / name).read_text()
