"""The loader and the judge of `just packse`, on scenarios of our own; packse itself is not here."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import yaml
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.packse.page import PAGE, Column, between, render_counts, render_scope
from tests.packse.run import ask
from tests.packse.scenario import Scenario, load, publish, read_scenarios
from tests.packse.scope import OTHERWISE, OUT_OF_SCOPE, expected, targets
from tests.packse.tools import Answer
from tests.packse.verdict import faults
from tests.scenarios.written import Entry, entry, write_lock

LINUX = "linux-x86_64-glibc2.17"


def written(**changes: Any) -> dict[str, Any]:
    """A scenario as its file has it: `a` asks for a `b` that is not the newest."""
    return {
        "name": "demo",
        "root": {"requires": ["a[fast]>=1; sys_platform == 'linux'"]},
        "expected": {"satisfiable": True, "packages": {"a": "1.0.0", "b": "1.0.0"}},
        "packages": {
            "a": {"versions": {"1.0.0": {"requires": ["b<2"]}}},
            "b": {"versions": {"1.0.0": {}, "2.0.0": {}}},
        },
        **changes,
    }


def scenario(**changes: Any) -> Scenario:
    (loaded,) = load(json.dumps(written(**changes)), ".json", group="group")
    return loaded


def pins(**versions: str) -> Mapping[NormalizedName, Version]:
    return {NormalizedName(f"demo-{name}"): Version(text) for name, text in versions.items()}


# --- loading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".json", json.dumps(written())),
        (".toml", tomli_w.dumps(written())),
        (".yaml", yaml.safe_dump([written()])),
    ],
)
def test_three_formats_say_the_same(suffix: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "group").mkdir()
    (tmp_path / f"group/demo{suffix}").write_text(text, "utf-8")
    (tmp_path / "group/README.md").write_text("no scenario", "utf-8")
    assert read_scenarios(tmp_path) == [scenario()]


def test_names_are_those_of_the_index() -> None:
    loaded = scenario()
    assert loaded.roots == ('demo-a[fast]>=1; sys_platform == "linux"',)
    assert loaded.packages == pins(a="1.0.0", b="1.0.0")
    assert [(item.project, str(item.version)) for item in loaded.releases] == [
        ("demo-a", "1.0.0"),
        ("demo-b", "1.0.0"),
        ("demo-b", "2.0.0"),
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, [f"cp312-{LINUX}"]),
        ({"environment": {"python": "3.9"}}, [f"cp39-{LINUX}"]),
        ({"environment": {"python": "3.9.21"}}, [f"cp39-{LINUX}"]),
        (
            {"environment": {"python": "3.9"}, "resolver_options": {"python": "3.11"}},
            [f"cp311-{LINUX}"],
        ),
        (
            {"resolver_options": {"universal": True}},
            [
                f"cp3{minor}-{system}"
                for minor in (12, 13, 14)
                for system in (LINUX, "macos-arm64-14.0", "windows-amd64")
            ],
        ),
    ],
)
def test_what_a_scenario_is_asked_for(changes: dict[str, Any], wanted: list[str]) -> None:
    assert list(targets(scenario(**changes))) == wanted


def test_a_project_may_begin_in_the_middle_of_a_python() -> None:
    options = {"universal": True}
    root = {"requires_python": ">=3.13.1", "requires": []}
    found = targets(scenario(resolver_options=options, root=root))
    assert {target.split("-")[0] for target in found} == {"cp313", "cp314"}


def test_a_patch_release_is_judged_as_such() -> None:
    loaded = scenario(environment={"python": "3.13.0"})
    found = {
        machine.environment["python_full_version"] for machine in loaded.machines(loaded.targets)
    }
    assert found == {"3.13.0"}


# --- the judge ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make_wheel(folder, "demo-a", "1.0.0", requires=["demo-b<2"])
    for version in ("1.0.0", "2.0.0"):
        make_wheel(folder, "demo-b", version)
    make_sdist(folder, "demo-b", "2.0.0")
    make_wheel(folder, "elsewhere-a", "1.0.0")
    return folder


A = entry("demo-a 1.0.0")
B1 = entry("demo-b 1.0.0")
B2 = entry("demo-b 2.0.0")


def judged(
    entries: list[Entry],
    files: Path,
    folder: Path,
    *,
    code: int = 0,
    said: str = "",
    **changes: Any,
) -> list[str]:
    """The faults of an answer; no entries: no lock was written."""
    loaded = scenario(**changes)
    lock = write_lock(folder / "pylock.toml", files, entries) if entries else None
    satisfiable, packages = expected(loaded, "trueup")
    answer = Answer(code=code, said=said, lock=lock)
    return faults(
        loaded, answer, files, targets(loaded), satisfiable=satisfiable, packages=packages
    )


NONE_NAMED = {"expected": {"satisfiable": True}}
UNSATISFIABLE = {"expected": {"satisfiable": False}}
YANKED = {
    "packages": {
        "a": {"versions": {"1.0.0": {}}},
        "b": {"versions": {"1.0.0": {"yanked": True}}},
    }
}


@pytest.mark.parametrize(
    ("entries", "changes", "fault"),
    [
        ([A, B1], {}, None),
        ([A, B1], NONE_NAMED, None),
        ([A, B2], {}, "asks for `demo-b<2`, not 2.0.0"),
        ([A, B2], NONE_NAMED, "asks for `demo-b<2`, not 2.0.0"),
        ([A], {}, "which is not there"),
        ([B1], {}, "the user asks for `demo-a"),
        (
            [A, B1],
            {"expected": {"satisfiable": True, "packages": {"a": "1.0.0"}}},
            "locked demo-a 1.0.0, demo-b 1.0.0",
        ),
        # PEP 592: a yanked release is right only where the scenario says so.
        ([A, B1], YANKED, None),
        ([A, B1], {**YANKED, **NONE_NAMED}, "was yanked"),
        ([], {}, "exit code 0"),
    ],
)
def test_a_lock_is_judged_by_the_files_and_the_named_versions(
    entries: list[Entry], changes: dict[str, Any], fault: str | None, files: Path, tmp_path: Path
) -> None:
    found = judged(entries, files, tmp_path, **changes)
    assert found == [] if fault is None else any(fault in line for line in found), found


@pytest.mark.parametrize(
    ("code", "said", "entries", "wrong"),
    [
        (1, "nothing meets `demo-b<1`", [], []),
        (2, "nothing meets `demo-b<1`", [], []),
        (1, "no versions", [], ["no package is named: no versions"]),
        (1, "", [], ["no package is named: it said nothing"]),
        (3, "demo-a", [], ["exit code 3, not 1 or 2: demo-a"]),
        (1, "Traceback (most recent call last): demo-a", [], ["a crash"]),
        (1, "demo-a", [A, B1], ["a lock was written"]),
        (0, "demo-a", [A, B1], ["exit code 0, not 1 or 2", "a lock was written"]),
    ],
)
def test_a_refusal_is_judged_by_its_words(
    code: int, said: str, entries: list[Entry], wrong: list[str], files: Path, tmp_path: Path
) -> None:
    found = judged(entries, files, tmp_path, code=code, said=said, **UNSATISFIABLE)
    assert len(found) == len(wrong)
    assert all(line.startswith(start) for line, start in zip(found, wrong, strict=True))


# --- the whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"expected": {"satisfiable": True, "packages": {"a": "1.0.0", "b": "2.0.0"}}}, False),
        ({"root": {"requires": ["a", "b>=2"]}, **UNSATISFIABLE}, True),
        (UNSATISFIABLE, False),
    ],
)
def test_a_tool_is_really_asked(changes: dict[str, Any], right: bool, files: Path) -> None:
    loaded = scenario(**changes)
    with IndexServer() as server:
        publish([loaded], files, server)
        assert set(server.projects) == {"demo-a", "demo-b"}
        asked = ask("uv", loaded, server.url, files, sys.executable)
    assert (asked.faults == ()) is right, asked


def test_pages_say_what_the_scenario_says(files: Path) -> None:
    about = {"requires_python": ">=3.13", "yanked": True}
    loaded = scenario(packages={"b": {"versions": {"1.0.0": about, "2.0.0": {}}}})
    with IndexServer() as server:
        publish([loaded], files, server)
        served = server.projects["demo-b"].values()
    assert {(file.filename, file.requires_python, file.yanked) for file in served} == {
        ("demo_b-1.0.0-py3-none-any.whl", ">=3.13", ""),
        ("demo_b-2.0.0-py3-none-any.whl", ">=3.12", None),
        ("demo_b-2.0.0.tar.gz", ">=3.12", None),
    }


# --- the scope and the page ---------------------------------------------------------------------


def test_no_scenario_is_both_left_out_and_answered_otherwise() -> None:
    assert not set(OUT_OF_SCOPE) & set(OTHERWISE)


def test_another_answer_is_expected_of_trueup_alone() -> None:
    loaded = scenario(name="python-less-than-current", expected={"satisfiable": True})
    assert expected(loaded, "uv") == (True, {})
    assert expected(loaded, "trueup") == (False, {})


def test_the_page_shows_the_scope() -> None:
    """`just packse --write` writes both parts."""
    text = PAGE.read_text("utf-8")
    assert between(text, "scope") == render_scope()
    assert "| all | 150 | " in between(text, "counts")


def test_counts_are_of_those_that_are_asked() -> None:
    left_out = next(iter(OUT_OF_SCOPE))
    everything = [scenario(), scenario(name="other"), scenario(name=left_out)]
    column = Column(tool="uv 1", wrong=frozenset({"other"}))
    assert render_counts("1.0", everything, [column]).splitlines() == [
        "| packse 1.0 | scenarios | asked | as expected: uv 1 |",
        "|---|---:|---:|---:|",
        "| `group` | 3 | 2 | 1 |",
        "| all | 3 | 2 | 1 |",
        "",
        "Not as expected, uv 1: `other`.",
    ]
