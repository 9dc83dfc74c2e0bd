"""`Pipfile.lock`: categories as groups, addresses from its sources, one fault per wrong value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.version import Version

from trueup.model.condition import Option, OptionKind
from trueup.model.errors import UsageError
from trueup.model.lock import Lock, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.document import json_document
from trueup.sources.lockfiles.pipfile import read_pipfile_lock

A, B = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32
INDEX = "https://index.test/simple"
META = {
    "sources": [
        {"name": "main", "url": INDEX, "verify_ssl": True},
        {"name": "cpu", "url": "https://${TOKEN}:$UNSET@other.index.test/whl/cpu"},
    ],
    "requires": {"python_version": "3.11"},
}
DEVELOP = Option(kind=OptionKind.GROUP, name="develop")
LOCK: dict[str, object] = {
    "_meta": META,
    "default": {
        "Attrs": {"hashes": [A.upper(), B], "version": "==25.1.0", "markers": "os_name == 'nt'"},
        "torch": {"index": "cpu", "version": "==2.4.0+cpu", "hashes": [A]},
        "repo": {"git": "https://git.test/repo", "ref": "c0ffee", "editable": True},
        "here": {"path": ".", "editable": True},
        "wheel": {"path": "./wheels/wheel-1.0-py3-none-any.whl"},
        "zipped": {"file": "https://files.test/zipped-2.zip", "hashes": [A]},
    },
    "develop": {
        "Attrs": {"hashes": [B], "version": "==25.1.0", "markers": "os_name == 'posix'"},
        "pytest": {"hashes": [A], "version": "==8.0", "extras": ["X_y"]},
        "colour": {"version": "==1.0", "markers": "os_name == 'nt'"},
        "torch": {"index": "cpu", "version": "==2.5.0"},
    },
}


def read(values: object, path: str = "Pipfile.lock") -> Lock:
    document = json_document(path, json.dumps(values, indent=4))
    return read_pipfile_lock(document, project=Path(), environ={"TOKEN": "secret"})


def test_the_whole_lock() -> None:
    lock = read(LOCK)
    assert lock.faults == ()
    assert (lock.kind, lock.walked, lock.complete_roots) == (LockKind.PIPFILE, False, False)
    assert str(lock.requires_python) == "==3.11.*"
    assert (lock.options, lock.default) == (frozenset({DEVELOP}), frozenset())
    assert lock.indexes == (INDEX, "https://secret:$UNSET@other.index.test/whl/cpu")
    assert [(entry.title, str(entry.condition), entry.origin) for entry in lock.entries] == [
        (
            "attrs 25.1.0",
            'os_name == "nt" or ("develop" in dependency_groups and os_name == "posix")',
            "Pipfile.lock:19",
        ),
        ("torch 2.4.0+cpu", "", "Pipfile.lock:27"),
        ("repo", "", "Pipfile.lock:34"),
        ("here", "", "Pipfile.lock:39"),
        ("wheel", "", "Pipfile.lock:43"),
        ("zipped", "", "Pipfile.lock:46"),
        ("pytest 8.0", '"develop" in dependency_groups', "Pipfile.lock:61"),
        ("colour 1.0", '"develop" in dependency_groups and os_name == "nt"', "Pipfile.lock:70"),
        ("torch 2.5.0", '"develop" in dependency_groups', "Pipfile.lock:74"),
    ]


def test_places_and_hashes(tmp_path: Path) -> None:
    lock = read(LOCK, str(tmp_path / "Pipfile.lock"))
    entries = {entry.title: entry for entry in lock.entries}
    attrs, torch = entries["attrs 25.1.0"], entries["torch 2.4.0+cpu"]
    assert attrs.place == Place(location=INDEX)
    assert attrs.digests == {A, B}
    assert (attrs.files, attrs.complete) == ((), False)
    assert torch.place.location == lock.indexes[1]
    assert entries["pytest 8.0"].extras == {"x-y"}
    assert entries["repo"].place == Place(
        kind=PlaceKind.VCS, location="https://git.test/repo", revision="c0ffee", editable=True
    )
    assert entries["here"].place == Place(kind=PlaceKind.DIRECTORY, location=".", editable=True)
    wheel, zipped = entries["wheel"], entries["zipped"]
    assert (wheel.place.kind, wheel.complete) == (PlaceKind.ARCHIVE, True)
    assert wheel.files[0].url == (tmp_path / "wheels/wheel-1.0-py3-none-any.whl").as_uri()
    assert wheel.files[0].is_wheel
    assert zipped.files[0].url == "https://files.test/zipped-2.zip"
    assert zipped.files[0].hashes == {"sha256": "aa" * 32}


@pytest.mark.parametrize(
    ("requires", "wanted"),
    [
        ({}, None),
        ({"python_version": "3.12"}, "==3.12.*"),
        ({"python_version": "3.12", "python_full_version": "3.12.4"}, "==3.12.4"),
    ],
)
def test_requires(requires: dict[str, str], wanted: str | None) -> None:
    found = read({"_meta": {"requires": requires}}).requires_python
    assert (str(found) if found is not None else None) == wanted


@pytest.mark.parametrize(
    ("section", "faults"),
    [
        ({"six": {"version": "*"}}, ["`version`: `'*'` (is not pinned), expected `==` and one"]),
        ({"six": {"version": "==1.x"}}, ["`version`: `'==1.x'` (names no version), expected"]),
        ({"six": {"version": 1}}, ["`version`: `1`, expected `==` and one version"]),
        ({"six": {}}, ["`version`: nothing, expected `==` and one version"]),
        ({}, []),
        ({"six": 1}, ["`default.six`: `1`, expected a table"]),
        ({"-": {"version": "==1"}}, ["`name`: `'-'`, expected a project name"]),
        (
            {"six": {"version": "==1", "hashes": ["sha256:0", 1]}},
            ["`hashes[1]`: `1`, expected a hash", "`hashes[0]`: `'sha256:0'` (has 1 digits"],
        ),
        ({"six": {"version": "==1", "hashes": "x"}}, ["`hashes`: `'x'`, expected a list"]),
        ({"six": {"version": "==1", "extras": [2]}}, ["`extras[0]`: `2`, expected the name of an"]),
        ({"six": {"version": "==1", "index": "no"}}, ["`index`: `'no'`, expected the name of a"]),
        ({"six": {"version": "==1", "markers": "x"}}, ["`markers`: `'x'` (Expected"]),
        ({"six": {"git": "https://git.test/x"}}, ["`ref`: nothing, expected text"]),
        ([], ["`default`: `[]`, expected a table"]),
    ],
)
def test_each_fault(section: object, faults: list[str]) -> None:
    lock = read({"_meta": META, "default": section})
    found = [f"`{fault.key}`: {fault.found}, expected {fault.expected}" for fault in lock.faults]
    assert len(found) == len(faults), found
    assert all(
        one.startswith(start) for one, start in zip(sorted(found), sorted(faults), strict=True)
    )
    assert all(fault.origin.startswith("Pipfile.lock:") for fault in lock.faults)


def test_a_fault_has_the_line_of_its_key_and_its_project() -> None:
    (fault,) = read({"_meta": {}, "default": {"six": {"version": "==1", "hashes": "x"}}}).faults
    assert (fault.origin, fault.project, fault.version) == ("Pipfile.lock:6", "six", Version("1"))


def test_names_that_are_not_found_in_the_text_have_the_line_of_their_category() -> None:
    text = '{"_meta": {},\n"default": {\n"six": {"version": "==1"},\n"\\u0061": {}}}'
    lock = read_pipfile_lock(json_document("x", text), project=Path(), environ={})
    assert [entry.origin for entry in lock.entries] == ["x:3", "x:2"]


def test_categories_and_sources_that_are_wrong() -> None:
    lock = read(
        {"_meta": {"sources": [{"name": "x"}], "requires": {"python_version": "x"}}, "-": {}}
    )
    assert [f"{fault.key}: {fault.found}" for fault in lock.faults] == [
        "_meta.sources[0].url: nothing",
        "-: `'-'`",
        "_meta.requires.python_version: `'x'`",
    ]


def test_other_json_is_no_lock() -> None:
    with pytest.raises(UsageError, match=r"is no `Pipfile\.lock`, expected a `_meta` table"):
        read({"name": "a package"})
