"""What is asked for when a lock is corrected."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_wheel
from trueup.features.verify import Verified, verify
from trueup.interfaces.lockfix import fix_request, fixed_path
from trueup.model.condition import Option, OptionKind, parse_condition
from trueup.model.errors import UsageError
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.target import parse_targets
from trueup.sources.folder import FolderSource

APP, SIX, DEMO = map(canonicalize_name, ("app", "six", "demo"))
GPU = Option(kind=OptionKind.EXTRA, name="gpu", project=APP)
DEV = Option(kind=OptionKind.GROUP, name="dev")
TARGETS = parse_targets("cp312-{linux-x86_64,windows-amd64}")


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    make_wheel(tmp_path, "six", "1.16.0")
    make_wheel(tmp_path, "demo", "1.0")
    make_wheel(tmp_path, "demo", "2.0")
    return FolderSource(tmp_path)


def entry(source: FolderSource, project: str, version: str, condition: str = "") -> LockEntry:
    name = canonicalize_name(project)
    files = source.listing(name).files
    return LockEntry(
        project=name,
        version=Version(version),
        origin="pylock.toml:1",
        condition=parse_condition(condition),
        files=tuple(file for file in files if f"-{version}-" in file.filename),
    )


def judged(source: FolderSource, lock: Lock) -> Verified:
    return verify(lock, source_for=None, read=source.read, targets=TARGETS)


def asked(found: Verified) -> list[tuple[str, Option | None]]:
    return [(str(root.requirement), root.option) for root in fix_request(found).roots]


def test_entries_with_their_markers_and_options(source: FolderSource) -> None:
    lock = Lock(
        kind=LockKind.PYLOCK,
        path="pylock.toml",
        entries=(
            entry(source, "six", "1.16.0", "'dev' in dependency_groups and os_name == 'nt'"),
            entry(source, "demo", "1.0", "sys_platform == 'linux'"),
            entry(source, "demo", "2.0", "sys_platform == 'win32'"),
        ),
        options=frozenset({DEV}),
    )
    found = judged(source, lock)
    assert asked(found) == [
        ('six; os_name == "nt"', DEV),
        ('demo==1.0; sys_platform == "linux"', None),
        ('demo==2.0; sys_platform == "win32"', None),
    ]
    request = fix_request(found)
    assert request.targets == TARGETS
    preferred = {
        (project, str(version)): [str(one) for one in conditions]
        for project, versions in request.preferred.items()
        for version, conditions in versions.items()
    }
    assert preferred == {
        (SIX, "1.16.0"): ['"dev" in dependency_groups and os_name == "nt"'],
        (DEMO, "1.0"): ['sys_platform == "linux"'],
        (DEMO, "2.0"): ['sys_platform == "win32"'],
    }


def test_roots_of_a_lock_that_names_them(source: FolderSource) -> None:
    root = LockEntry(
        project=APP,
        version=Version("1"),
        origin="uv.lock:1",
        place=Place(kind=PlaceKind.DIRECTORY, location="."),
        root=True,
        edges=(
            Edge(project=SIX, condition=parse_condition("os_name == 'nt'")),
            Edge(project=DEMO, of_extra=canonicalize_name("gpu"), extras=frozenset({SIX})),
            Edge(project=APP),
        ),
    )
    lock = Lock(
        kind=LockKind.UV,
        path="uv.lock",
        entries=(root, entry(source, "six", "1.16.0"), entry(source, "demo", "1.0")),
        walked=True,
        options=frozenset({GPU}),
    )
    assert asked(judged(source, lock)) == [('six; os_name == "nt"', None), ("demo[six]", GPU)]


def test_what_comes_from_elsewhere(source: FolderSource) -> None:
    place = Place(kind=PlaceKind.VCS, location="https://git.test/demo", revision="abc")
    lock = Lock(
        kind=LockKind.PYLOCK,
        path="pylock.toml",
        entries=(LockEntry(project=DEMO, version=None, origin="pylock.toml:3", place=place),),
    )
    with pytest.raises(
        UsageError, match="`demo` comes from a repository, which `--fix` cannot lock"
    ):
        fix_request(judged(source, lock))


@pytest.mark.parametrize(
    ("lock", "asked", "expected"),
    [
        ("uv.lock", "", "pylock.toml"),
        ("sub/uv.lock", "", "sub/pylock.toml"),
        ("pylock.toml", "", "pylock.fixed.toml"),
        ("sub/pylock.dev.toml", "", "sub/pylock.fixed.toml"),
        ("uv.lock", "out/pylock.new.toml", "out/pylock.new.toml"),
    ],
)
def test_where_it_goes(
    lock: str, asked: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fixed_path(Path(lock), asked) == Path(expected)


@pytest.mark.parametrize("asked", ["uv.lock", "lock.toml", "pylock.a.b.toml", "requirements.txt"])
def test_names_that_no_pylock_has(asked: str) -> None:
    with pytest.raises(UsageError, match=r"`--fix` writes a `pylock\.toml`"):
        fixed_path(Path("uv.lock"), asked)
