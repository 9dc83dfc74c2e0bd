"""`pylock.toml`: a full one, and one fault for each way to be wrong (PEP 751)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import SdistName, WheelName
from trueup.model.condition import Option, OptionKind
from trueup.model.errors import SourceError
from trueup.model.lock import Lock, LockFault, LockKind, Place, PlaceKind
from trueup.model.metadata import Resolution
from trueup.model.requirement import parse_requirement
from trueup.sources.lockfiles.document import toml_document
from trueup.sources.lockfiles.pylock import read_pylock

A, B = "aa" * 32, "bb" * 32
HASH = f'hashes = {{ sha256 = "{A}" }}'
TIME = "upload-time = 2026-01-02T03:04:05Z"
TWO = f'hashes = {{ sha256 = "{A.upper()}", md5 = "{"0" * 32}" }}'
HEAD = 'lock-version = "1.0"\ncreated-by = "a test"\n'
ENTRY = '[[packages]]\nname = "demo"\nversion = "1.0"\n'
WHEEL = f'name = "demo-1.0-py3-none-any.whl", url = "https://files.test/x", {HASH}'

FULL = f"""\
lock-version = "1.0"
environments = ["sys_platform == 'linux'", "sys_platform == 'win32'"]
requires-python = ">=3.11"
extras = ["cpu"]
dependency-groups = ["dev"]
default-groups = ["default"]
created-by = "a test"

[[packages]]
name = "demo"
version = "1.0"
marker = "'default' in dependency_groups or 'cpu' in extras"
requires-python = ">=3.12"
index = "https://index.test/simple"
dependencies = [{{ name = "tool", version = "2", index = "https://other.index.test/simple" }}]
sdist = {{ url = "https://files.test/a%2Bb/demo-1.0.tar.gz#x", {HASH} }}
wheels = [
  {{ name = "demo-1.0-py3-none-any.whl", url = "https://files.test/x", size = 7, {TIME}, {TWO} }},
  {{ path = "wheels/demo-1.0-cp312-cp312-win_amd64.whl", {HASH} }},
]

[packages.tool.trueup]
sdist = "static"
requires-dist = ["tool>=2; extra == 'x'"]
metadata = {{ "demo-1.0-py3-none-any.whl" = "sha256:{B.upper()}" }}

[[packages]]
name = "tool"
version = "2"
archive = {{ url = "https://files.test/tool-2.zip", {HASH} }}

[[packages]]
name = "repo"
vcs = {{ type = "git", url = "https://git.test/repo", commit-id = "c0ffee" }}

[[packages]]
name = "here"
directory = {{ path = ".", editable = true }}

[tool.trueup]
targets = ["cp312-linux-x86_64-glibc2.28"]
"""


def read(text: str, path: str = "pylock.toml") -> Lock:
    return read_pylock(toml_document(path, text), project=Path(), environ={})


def describe(fault: LockFault) -> str:
    return f"{fault.origin} `{fault.key}`: {fault.found}, expected {fault.expected}"


def group(name: str) -> Option:
    return Option(kind=OptionKind.GROUP, name=name)


def test_the_whole_lock() -> None:
    lock = read(FULL)
    assert lock.faults == ()
    assert (lock.kind, lock.walked, lock.complete_roots) == (LockKind.PYLOCK, False, True)
    assert [marker.text for marker in lock.environments] == [
        'sys_platform == "linux"',
        'sys_platform == "win32"',
    ]
    assert str(lock.requires_python) == ">=3.11"
    assert lock.options == {Option(kind=OptionKind.EXTRA, name="cpu"), group("dev")}
    assert lock.default == {group("default")}
    assert lock.indexes == ("https://index.test/simple",)
    assert lock.targets == ("cp312-linux-x86_64-glibc2.28",)


def test_an_entry_and_its_files(tmp_path: Path) -> None:
    demo = read(FULL, str(tmp_path / "pylock.toml")).entries[0]
    assert (demo.title, demo.origin) == ("demo 1.0", f"{tmp_path / 'pylock.toml'}:9")
    assert demo.condition.under(frozenset({group("default")})) is True
    assert demo.condition.under(frozenset()) is False
    assert str(demo.requires_python) == ">=3.12"
    assert demo.place == Place(location="https://index.test/simple")
    assert (demo.complete, demo.promise) == (True, "static")
    assert demo.own == Resolution(
        requires_dist=frozenset({parse_requirement("tool>=2; extra == 'x'")}),
        requires_python=None,
        provides_extra=frozenset({NormalizedName("x")}),
    )
    assert dict(demo.recorded) == {"demo-1.0-py3-none-any.whl": B}
    pure, windows, sdist = demo.files
    assert (pure.url, pure.size) == ("https://files.test/x", 7)
    assert pure.upload_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert pure.hashes == {"sha256": A, "md5": "0" * 32}
    assert windows.filename == "demo-1.0-cp312-cp312-win_amd64.whl"
    assert windows.url == (tmp_path / "wheels" / windows.filename).as_uri()
    assert isinstance(windows.name, WheelName)
    assert (sdist.filename, type(sdist.name)) == ("demo-1.0.tar.gz", SdistName)
    (edge,) = demo.edges
    assert (edge.project, edge.version) == ("tool", Version("2"))
    assert edge.location == "https://other.index.test/simple"


def test_other_places() -> None:
    _, tool, repo, here = read(FULL).entries
    assert tool.place == Place(kind=PlaceKind.ARCHIVE, location="https://files.test/tool-2.zip")
    assert [file.filename for file in tool.files] == ["tool-2.zip"]
    assert tool.files[0].hashes == {"sha256": A}
    assert repo.version is None
    assert repo.place == Place(
        kind=PlaceKind.VCS, location="https://git.test/repo", revision="c0ffee"
    )
    assert here.place == Place(kind=PlaceKind.DIRECTORY, location=".", editable=True)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (HEAD + ENTRY + f"wheels = [{{ {WHEEL} }}]", []),
        ("lock-version = '1.0'\npackages = []", ["`created-by`: Missing required value, PEP"]),
        (
            "lock-version = '2.0'\ncreated-by = 'x'\npackages = []",
            ["pylock.toml:1 `lock-version`: pylock version 2.0 is not"],
        ),
        (
            "lock-version = '1.1'\ncreated-by = 'x'\npackages = []",
            ["pylock.toml:1 `lock-version`: `'1.1'`, expected `1.0`, the version that is"],
        ),
        (
            HEAD + 'environments = ["python =", 3]\npackages = []',
            [
                "pylock.toml:3 `environments[0]`: `'python ='` (Expected a marker variable",
                "pylock.toml:3 `environments[1]`: `3`, expected an environment marker",
            ],
        ),
        (
            HEAD + 'requires-python = ">>3"\npackages = []',
            ["pylock.toml:3 `requires-python`: `'>>3'` (Invalid specifier: '>>3'), expected"],
        ),
        (
            HEAD + 'default-groups = ["nobody"]\npackages = []',
            ["pylock.toml:3 `default-groups`: group `nobody`, expected a group that is declared"],
        ),
        (HEAD + 'extras = ["-"]\npackages = []', ["pylock.toml:3 `extras[0]`: `'-'`, expected a"]),
        (HEAD + "[[packages]]\n", ["pylock.toml:3 `name`: nothing, expected a project name"]),
        (
            HEAD + f'[[packages]]\nname = "De.Mo"\nsdist = {{ path = "de_mo-1.zip", {HASH} }}',
            ["pylock.toml:4 `name`: `'De.Mo'`, expected the normalised name `de-mo`"],
        ),
        (
            HEAD + ENTRY.replace("1.0", "one") + f"wheels = [{{ {WHEEL} }}]",
            ["pylock.toml:5 `version`: `'one'`, expected a version"],
        ),
        (
            HEAD + ENTRY + f"marker = \"'dev' in extras\"\nwheels = [{{ {WHEEL} }}]",
            ["pylock.toml:6 `marker`: extra `dev`, expected an extra or group that the lock"],
        ),
        (
            HEAD + ENTRY + f'marker = "nothing == 1"\nwheels = [{{ {WHEEL} }}]',
            ["pylock.toml:6 `marker`: `'nothing == 1'` (Expected"],
        ),
        (HEAD + ENTRY, ["pylock.toml:3 `wheels`: nothing, expected `wheels`, `sdist`, `archive`"]),
        (
            HEAD + ENTRY + f"wheels = [\n{{ {WHEEL} }},\n{{ {WHEEL.replace(A, B)} }}]",
            ["pylock.toml:6 `wheels`: `demo-1.0-py3-none-any.whl` 2 times, expected each file"],
        ),
        (
            HEAD + ENTRY + f"wheels = [{{ {WHEEL.replace('-any.whl', '.whl')} }}]",
            ["pylock.toml:6 `wheels[0]`: `demo-1.0-py3-none.whl`, expected the file name of a"],
        ),
        (
            HEAD + ENTRY + f"wheels = [{{ {WHEEL.replace('demo', 'other')} }}]",
            ["`wheels[0]`: `other-1.0-py3-none-any.whl`, expected a file of `demo`"],
        ),
        (
            HEAD + ENTRY + f"wheels = [{{ {WHEEL.replace('1.0', '2.0')} }}]",
            ["`wheels[0]`: `demo-2.0-py3-none-any.whl`, expected a file of `demo 1.0`"],
        ),
        (
            HEAD + ENTRY + f"wheels = [{{ {WHEEL.replace('url', 'uri')} }}]",
            ["`wheels[0]`: `demo-1.0-py3-none-any.whl` without an address, expected a `url` or"],
        ),
        (HEAD + ENTRY + f"sdist = {{ {HASH} }}", ["`sdist`: nothing, expected a `name`, `path`"]),
        (
            HEAD + ENTRY + f"sdist = {{ {WHEEL} }}",
            ["`sdist`: `demo-1.0-py3-none-any.whl`, expected the file name of an sdist"],
        ),
        (
            HEAD + ENTRY + "wheels = [{ " + WHEEL.replace(HASH, "hashes = {}") + " }]",
            ["`wheels[0].hashes`: nothing, expected at least one hash"],
        ),
        (
            HEAD + ENTRY + "wheels = [{ " + WHEEL.replace(A, "x") + " }]",
            ["`wheels[0].hashes.sha256`: `'x'` (is not hexadecimal), expected the hexadecimal"],
        ),
        (
            HEAD + ENTRY + "wheels = [{ " + WHEEL.replace(f'"{A}"', "3") + " }]",
            ["`wheels[0].hashes.sha256`: `3`, expected the hexadecimal digits of a hash"],
        ),
        (HEAD + ENTRY + "wheels = 'all'", ["pylock.toml:6 `wheels`: `'all'`, expected a list"]),
        (
            HEAD + ENTRY + 'vcs = { url = "https://git.test/x" }',
            ["`vcs.type`: nothing, expected text", "`vcs.commit-id`: nothing, expected text"],
        ),
        (HEAD + ENTRY + "directory = {}", ["`directory.path`: nothing, expected text"]),
        (
            HEAD + ENTRY + f"vcs = {{ type = 'git', url = 'x', commit-id = 'y' }}\n"
            f"wheels = [{{ {WHEEL} }}]",
            [
                "pylock.toml:3 `packages`: None of vcs, directory, archive must be set if sdist or wheels"
            ],
        ),
        (
            HEAD + ENTRY + f"wheels = [{{ {WHEEL} }}]\n[packages.tool.trueup]\n"
            'metadata = { a = "md5:00112233445566778899aabbccddeeff", b = 1 }',
            [
                "`tool.trueup.metadata.a`: `'md5:00112233445566778899aabbccddeeff'` (is a hash",
                "`tool.trueup.metadata.b`: `1`, expected `sha256:` and 64 hexadecimal digits",
            ],
        ),
        (
            HEAD + f"packages = [{{ name = 'demo', version = '1.0', wheels = [{{ {WHEEL}, "
            "size = '3' }] }]",
            ["pylock.toml:3 `packages[0].wheels[0].size`: `'3'`, expected a whole number"],
        ),
    ],
)
def test_each_fault(text: str, faults: list[str]) -> None:
    found = [describe(fault) for fault in read(text).faults]
    assert len(found) == len(faults), found
    for fault, wanted in zip(found, faults, strict=True):
        assert wanted.removesuffix(", PEP") in fault


def test_what_packaging_accepts_has_no_fault_and_what_it_refuses_has_one() -> None:
    document = toml_document("pylock.toml", FULL)
    Pylock.from_dict(document.values)
    for key in document.values:
        changed = toml_document("pylock.toml", FULL)
        values = {**document.values, key: 5}
        object.__setattr__(changed, "values", values)
        if key == "packages":
            with pytest.raises(SourceError, match="expected an array of tables"):
                read_pylock(changed, project=Path(), environ={})
        else:
            assert read_pylock(changed, project=Path(), environ={}).faults != (), key


def test_a_fault_names_the_project_it_is_about() -> None:
    (fault,) = read(HEAD + ENTRY).faults
    assert (fault.project, fault.version) == ("demo", Version("1.0"))
