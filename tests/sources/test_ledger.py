"""`patches.toml`: what it may say, and how it is told what is wrong with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from trueup.model.errors import UsageError
from trueup.sources.ledger import parse_ledger, read_ledger

FULL = """
[[patch]]
project = "SciPy"
versions = ">=1.11,<2"
reason = "We build with NumPy 2.4"
until = 2027-06-30
expects = ["numpy<2.3,>=1.22.4"]
accept-drift = true
drop-upper = ["numpy"]
drop-lower = "pooch"
set-upper = ["pybind11<4"]
set-lower = ["meson[ninja]>=1.2; os_name == 'nt'"]
drop-preemptive = true
remove = ["importlib-resources"]
add = ["tomli>=1.1; python_version < '3.11'"]
replace = { pkg-resources = "setuptools>=60" }
set-marker = { colorama = "sys_platform=='win32'", six = "" }
move-to-extra = { Matplotlib = "Plot_All" }
requires-python = { set = ">=3.9", expects = ">=3.8" }
summary = { set = "Short" }
license = { remove = true }
license-expression = { set = "mit or apache-2.0" }
description = { remove = true }
extras = { set = ["all"], remove = ["gui"] }

[patch.entry-points.set.console_scripts]
demo = "demo.cli:main"

[patch.entry-points.remove]
gui_scripts = ["demo-gui"]

[[patch]]
project = "pooch"
reason = "not packaged"
until = ">=2"
remove = ["platformdirs"]
"""


def test_everything_that_a_ledger_can_say() -> None:
    first, second = parse_ledger(FULL).patches
    assert (first.number, first.project, first.reason) == (1, "scipy", "We build with NumPy 2.4")
    assert (str(first.versions), first.until, first.accept_drift) == (
        "<2,>=1.11",
        date(2027, 6, 30),
        True,
    )
    assert [item.text for item in first.expects] == ["numpy<2.3,>=1.22.4"]
    assert [str(operation) for operation in first.operations] == [
        "drop-upper numpy",
        "drop-lower pooch",
        "remove importlib-resources",
        "set-upper pybind11 to <4",
        'set-lower meson[ninja]; os_name == "nt" to >=1.2',
        "drop-preemptive of all that upstream names",
        'set-marker of colorama to sys_platform == "win32"',
        "set-marker of six to none",
        "move-to-extra matplotlib to plot-all",
        "replace pkg-resources by setuptools>=60",
        "add tomli>=1.1; python_version < '3.11'",
        "set requires-python to >=3.9",
        "set summary to Short",
        "remove license",
        "set license-expression to MIT OR Apache-2.0",
        "remove description",
        "set extras all",
        "remove extras gui",
        "set entry-points console_scripts demo to demo.cli:main",
        "remove entry-points gui_scripts demo-gui",
    ]
    assert (second.number, str(second.until), str(second.versions)) == (2, ">=2", "")


LEAST = '[[patch]]\nproject = "demo"\nreason = "why"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LEAST, "patch 1 (`demo`): says nothing to do; expected at least one operation"),
        (LEAST.replace('reason = "why"', 'remove = ["x"]'), "patch 1 (`demo`): `reason`: is missing"),
        ('[[patch]]\nreason = "x"\nremove = ["x"]', "patch 1: `project`: is missing"),
        (LEAST + 'drop_upper = ["x"]', "`drop_upper`: no such key; meant is perhaps `drop-upper`"),
        (LEAST + 'versions = "1.2"', '`versions`: found "1.2", expected a version range'),
        (LEAST + 'until = "soon"', '`until`: found "soon", expected a date such as'),
        (LEAST + "until = 2027-01-01T00:00:00", "expected a date such as 2027-06-30"),
        (LEAST + 'drop-upper = ["numpy<2"]', 'found "numpy<2", expected a project without a version'),
        (LEAST + "drop-upper = []", "found `[]`, expected a list that is not empty"),
        (LEAST + "drop-upper = { numpy = 2 }", "found a table, expected a list of texts"),
        (LEAST + "remove = [3]", "`remove`: found `3`, expected a project without a version"),
        (LEAST + 'set-upper = ["numpy"]', "expected a project with one upper bound, such as `numpy<3`"),
        (LEAST + 'set-upper = ["numpy>=3"]', "expected a project with one upper bound"),
        (LEAST + 'set-lower = ["numpy>=3,<4"]', "expected a project with one lower bound"),
        (LEAST + "drop-preemptive = false", "found false, expected true, or a list of projects"),
        (LEAST + 'add = ["numpy=>2"]', "expected a requirement ("),
        (LEAST + 'replace = ["a"]', "expected a table of projects and what replaces them"),
        (LEAST + 'replace = { "a>1" = "b" }', 'found "a>1", expected a project without a version'),
        (LEAST + 'set-marker = { a = "linux" }', 'found "linux", expected a marker, or "" for none'),
        (LEAST + 'move-to-extra = { a = "b c" }', 'found "b c", expected the name of an extra'),
        (LEAST + 'requires-python = ">=3"', "expected a table with `set` or `remove`"),
        (LEAST + 'requires-python = { to = ">=3" }', "expected a table with `set` or `remove`"),
        (LEAST + 'requires-python = { set = ">=3", was = "" }', 'found "was", expected `expects` or'),
        (LEAST + 'summary = { set = "a", remove = true }', "expected either `set` or `remove`"),
        (LEAST + "summary = { remove = false }", "found false, expected `remove = true`"),
        (LEAST + 'summary = { set = "a\\nb" }', "expected one line of text"),
        (LEAST + 'license-expression = { set = "Foo Bar" }', "expected an SPDX licence expression"),
        (LEAST + 'entry-points = { set = { g = ["a"] } }', "expected a table of groups"),
        (LEAST + 'entry-points = { set = { g = { a = "b c" } } }', "expected an object reference"),
        (LEAST + 'accept-drift = "yes"', 'found "yes", expected true or false'),
        ("", "is no ledger: found nothing, expected `[[patch]]` tables and nothing else"),
        ("[patch]\na = 1", "is no ledger: found a table, expected `[[patch]]` tables"),
        ("[[patches]]\na = 1", "is no ledger: found the key `patches`"),
        ("a = ", "is not valid TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_ledger(text)
    assert message in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "patches.toml"
    path.write_text(
        '[[patch]]\nproject = "a b"\ndrop-upper = ["numpy<2"]\n'
        '[[patch]]\nproject = "c"\nreason = " "\nremove = ["x"]\n'
    )
    with pytest.raises(UsageError) as caught:
        read_ledger(path)
    assert str(caught.value).splitlines() == [
        f"`{path}`: 4 faults",
        '  patch 1 (`a b`): `project`: found "a b", expected the name of a project',
        "  patch 1 (`a b`): `reason`: is missing",
        '  patch 1 (`a b`): `drop-upper`: found "numpy<2", expected a project without a version, '
        "with a marker if only lines under it are meant",
        '  patch 2 (`c`): `reason`: found " ", expected a text',
    ]
    assert caught.value.hint is not None


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "patches.toml"
    with pytest.raises(UsageError, match=f"`{path}`: no such ledger"):
        read_ledger(path)
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=f"`{path}`: is not valid TOML"):
        read_ledger(path)
    with pytest.raises(UsageError, match=f"`{tmp_path}`: cannot be read"):
        read_ledger(tmp_path)
