"""Why a package is in a lock, as text for a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.interfaces.report.lockshow import show_why
from trueup.model.condition import parse_condition
from trueup.model.errors import UsageError
from trueup.model.lock import Edge, Lock, LockEntry, LockKind


def entry(project: str, *edges: Edge, marker: str = "") -> LockEntry:
    return LockEntry(
        project=NormalizedName(project),
        version=Version("1.5"),
        origin="",
        condition=parse_condition(marker),
        edges=edges,
    )


def ask(project: str, marker: str = "", *extras: str) -> Edge:
    return Edge(
        project=NormalizedName(project),
        condition=parse_condition(marker),
        extras=frozenset(map(NormalizedName, extras)),
    )


LOCK = Lock(
    kind=LockKind.PYLOCK,
    path="pylock.toml",
    entries=(
        entry("app", ask("web", "sys_platform == 'win32'", "socks", "brotli"), ask("cli")),
        entry("web", ask("colour"), marker="sys_platform == 'win32'"),
        entry("cli", ask("colour")),
        entry("colour"),
        entry("console", marker="sys_platform == 'win32'"),
        entry("checker", ask("plug"), marker="'dev' in dependency_groups"),
        entry("plug", marker="'dev' in dependency_groups"),
        entry("bare"),
    ),
    targets=("cp312-linux-x86_64-glibc2.28", "cp313-linux-x86_64-glibc2.28", "cp312-windows-amd64"),
    roots=("app>=1", "console", "bare"),
)
LOCK = replace(LOCK, options=parse_condition("'dev' in dependency_groups").options)


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (
            "Colour",
            """\
colour 1.5: 0 files

cp312..cp313-linux-x86_64-glibc2.28:
  app 1.5 (asked for: `app>=1`)
  └─ cli 1.5
     └─ colour 1.5

cp312-windows-amd64:
  app 1.5 (asked for: `app>=1`)
  └─ web[brotli,socks] 1.5 ; sys_platform == "win32"
     └─ colour 1.5
  also asked for by cli 1.5
""",
        ),
        (
            "console",
            """\
console 1.5: 0 files, where `sys_platform == "win32"`

cp312..cp313-linux-x86_64-glibc2.28:
  not installed

cp312-windows-amd64:
  console 1.5
""",
        ),
        (
            "plug",
            """\
plug 1.5: 0 files, where `"dev" in dependency_groups`
installed only with group `dev`

in all 3 targets:
  checker 1.5
  └─ plug 1.5
""",
        ),
        ("bare", "bare 1.5: 0 files\n\nin all 3 targets:\n  bare 1.5\n"),
    ],
)
def test_why(package: str, expected: str) -> None:
    assert show_why(LOCK, package) == expected


def test_a_lock_without_targets_has_one_answer() -> None:
    lock = replace(LOCK, targets=())
    assert show_why(lock, "console").splitlines()[2:] == ["  console 1.5"]


def test_a_long_marker_is_cut() -> None:
    marker = " or ".join(f"python_version == '3.{minor}'" for minor in range(30))
    lock = replace(LOCK, targets=(), entries=(entry("app", ask("web", marker)), entry("web")))
    line = show_why(lock, "web").splitlines()[3]
    assert line.startswith('  └─ web 1.5 ; python_version == "3.0" or python_version == "3.1" or')
    assert line.endswith("…")
    assert len(line) < 120


def test_a_circle_that_nobody_asks_for_is_said_to_be_one() -> None:
    circle = (entry("a", ask("b")), entry("b", ask("a")))
    text = show_why(replace(LOCK, entries=circle, roots=()), "a")
    assert text.splitlines()[3:] == [
        "  the lock does not say who asks for it",
        "  also asked for by b 1.5",
    ]


@pytest.mark.parametrize(
    ("package", "hint"),
    [("colr", "it has `colour`"), ("checkers", "it has `checker`"), ("zzz", None)],
)
def test_an_unknown_package_is_an_error_with_near_names(package: str, hint: str | None) -> None:
    with pytest.raises(UsageError, match="is not in the lock") as caught:
        show_why(LOCK, package)
    assert (caught.value.place, caught.value.hint) == (("pylock.toml",), hint)


def test_a_target_that_is_none_names_its_place() -> None:
    with pytest.raises(UsageError, match="names no environment") as caught:
        show_why(replace(LOCK, targets=("vax",)), "app")
    assert caught.value.place == ("pylock.toml", "targets")


def test_control_characters_of_a_lock_are_shown_not_obeyed() -> None:
    lock = replace(LOCK, roots=("app",), entries=(entry("a\x1b[2j"),))
    assert "\x1b" not in show_why(lock, "a\x1b[2j")
