"""`pylock.toml` as it is written: read back by us and by `packaging`, the same for equal locks."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.condition import Option, OptionKind, parse_condition
from trueup.model.errors import TrueupError, UsageError
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.document import toml_document
from trueup.sources.lockfiles.pylock import read_pylock
from trueup.sources.lockfiles.write import pylock_text, write_pylock

FOLDER = Path("/locks")
CPU = Option(kind=OptionKind.EXTRA, name="cpu")
CUDA = Option(kind=OptionKind.EXTRA, name="cuda")
DEV = Option(kind=OptionKind.GROUP, name="dev")


def file(filename: str, *, url: str | None = None) -> Artifact:
    return Artifact(
        filename=filename,
        url=url if url is not None else f"https://files.test/{filename}",
        name=parse_filename(filename),
        size=7,
        hashes={"sha256": "ab" * 32},
        upload_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def entry(project: str, version: str | None = "1.0", **fields: object) -> LockEntry:
    made = LockEntry(
        project=NormalizedName(project),
        version=Version(version) if version is not None else None,
        origin="",
        files=(file(f"{project}-{version}-py3-none-any.whl"),),
        place=Place(location="https://index.test/simple"),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def lock(*entries: LockEntry, **fields: object) -> Lock:
    made = Lock(kind=LockKind.PYLOCK, path="pylock.toml", entries=entries)
    return replace(made, **fields)  # type: ignore[arg-type]


def text_of(value: Lock) -> str:
    return pylock_text(value, relative_to=FOLDER)


def read_back(text: str) -> Lock:
    document = toml_document(str(FOLDER / "pylock.toml"), text)
    return read_pylock(document, project=FOLDER, environ={})


APP = entry(
    "app",
    requires_python=SpecifierSet(">=3.11"),
    condition=parse_condition("'cpu' in extras and sys_platform == 'linux'"),
    files=(file("app-1.0-py3-none-any.whl"), file("app-1.0.tar.gz")),
    recorded={"app-1.0-py3-none-any.whl": "cd" * 32},
    promise="static",
)
ENTRIES = {
    "wheel, sdist and what is known of them": APP,
    "an archive": entry(
        "arc",
        files=(file("arc-1.0.zip"),),
        place=Place(kind=PlaceKind.ARCHIVE, location="https://files.test/arc-1.0.zip"),
    ),
    "a local archive": entry(
        "arc",
        files=(file("arc-1.0.zip", url="file:///locks/files/arc-1.0.zip"),),
        place=Place(kind=PlaceKind.ARCHIVE, location="files/arc-1.0.zip"),
    ),
    "a local wheel": entry(
        "loc",
        files=(file("loc-1.0-py3-none-any.whl", url="file:///locks/up/loc-1.0-py3-none-any.whl"),),
    ),
    "a Git repository": entry(
        "git",
        files=(),
        place=Place(kind=PlaceKind.VCS, location="https://code.test/git", revision="a" * 40),
    ),
    "a Mercurial repository": entry(
        "hg",
        files=(),
        place=Place(kind=PlaceKind.VCS, location="hg+https://code.test/hg", revision="b" * 40),
    ),
    "an editable folder": entry(
        "dir",
        None,
        files=(),
        place=Place(kind=PlaceKind.DIRECTORY, location="../dir", editable=True),
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_read_back_as_it_was(name: str) -> None:
    text = text_of(lock(ENTRIES[name], options=frozenset({CPU})))
    back = read_back(text)
    assert back.faults == ()
    assert [replace(one, origin="") for one in back.entries] == [ENTRIES[name]]
    assert "file:" not in text
    Pylock.from_dict(tomllib.loads(text))


def test_options_targets_and_roots_are_written() -> None:
    value = lock(
        APP,
        options=frozenset({CPU, CUDA, DEV}),
        default=frozenset({DEV}),
        conflicts=(frozenset({CUDA, CPU}),),
        targets=("cp312-linux-x86_64-glibc2.28",),
        roots=("app[cpu]>=1",),
    )
    back = read_back(text_of(value))
    assert (back.options, back.default, back.targets) == (
        value.options,
        value.default,
        value.targets,
    )
    tool = tomllib.loads(text_of(value))["tool"]["trueup"]
    assert tool["roots"] == ["app[cpu]>=1"]
    assert tool["conflicts"] == [[{"extra": "cpu"}, {"extra": "cuda"}]]


def test_a_file_outside_of_the_folder_of_the_lock_has_a_path_relative_to_it() -> None:
    wheel = file("app-1.0-py3-none-any.whl", url="file:///up/my%20app/app-1.0-py3-none-any.whl")
    (package,) = tomllib.loads(text_of(lock(entry("app", files=(wheel,)))))["packages"]
    assert package["wheels"][0]["path"] == "../up/my app/app-1.0-py3-none-any.whl"


def test_a_path_is_not_taken_for_an_address() -> None:
    wheel = file("app-1.0-py3-none-any.whl", url="file:///locks/ab%3Ac/app-1.0-py3-none-any.whl")
    text = text_of(lock(entry("app", files=(wheel,))))
    assert tomllib.loads(text)["packages"][0]["wheels"][0]["path"].startswith("./ab:c/")
    assert read_back(text).entries[0].files == (wheel,)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_sdists_the_standard_format_is_written(order: tuple[int, int]) -> None:
    sdists = (file("app-1.0.zip"), file("app-1.0.tar.gz"))
    text = text_of(lock(entry("app", files=tuple(sdists[place] for place in order))))
    assert tomllib.loads(text)["packages"][0]["sdist"]["name"] == "app-1.0.tar.gz"


def test_an_empty_lock_is_a_lock() -> None:
    assert read_back(text_of(lock())).entries == ()


def test_versions_are_in_their_own_order_and_dependencies_say_no_more_than_they_must() -> None:
    one = Edge(project=NormalizedName("one"), version=Version("1"))
    two = Edge(project=NormalizedName("two"), version=Version("10"))
    value = lock(
        entry("two", "10"), entry("two", "9"), entry("one"), entry("app", edges=(two, one, one))
    )
    packages = tomllib.loads(text_of(value))["packages"]
    assert [(p["name"], p["version"]) for p in packages] == [
        ("app", "1.0"),
        ("one", "1.0"),
        ("two", "9"),
        ("two", "10"),
    ]
    assert packages[0]["dependencies"] == [{"name": "one"}, {"name": "two", "version": "10"}]


@given(st.permutations(list(ENTRIES.values())))
def test_the_order_of_entries_does_not_matter(entries: list[LockEntry]) -> None:
    options = frozenset({CPU})
    assert text_of(lock(*entries, options=options)) == text_of(
        lock(*ENTRIES.values(), options=options)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        entry("app", files=()),
        entry("app", files=(file("app-1.0-py3-none-any.whl", url=""),)),
        entry("app", files=(), place=Place(kind=PlaceKind.ARCHIVE)),
        entry("app", files=(), place=Place(kind=PlaceKind.VCS, location="https://code.test/x")),
    ],
)
def test_what_cannot_be_a_lock_is_not_written(wrong: LockEntry) -> None:
    with pytest.raises(TrueupError):
        text_of(lock(wrong))


def test_a_file_is_written_under_a_name_that_the_standard_allows(tmp_path: Path) -> None:
    path = tmp_path / "pylock.dev.toml"
    write_pylock(path, lock(APP, options=frozenset({CPU})))
    assert tomllib.loads(path.read_text(encoding="utf-8"))["lock-version"] == "1.0"
    with pytest.raises(UsageError, match="is no name for a lock"):
        write_pylock(tmp_path / "lock.toml", lock())
