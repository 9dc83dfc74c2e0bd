"""`requirements.txt` with hashes: what is live in one environment, line by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.condition import Option, OptionKind, Selection, parse_condition
from trueup.model.errors import TrueupError
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.sources.lockfiles.read import read_lock
from trueup.sources.lockfiles.writerequirements import live_entries, requirements_text

LINUX = {**{k: str(v) for k, v in default_environment().items()}, "sys_platform": "linux"}
CPU = Option(kind=OptionKind.EXTRA, name="cpu")
NOTHING: Selection = frozenset()


def file(filename: str, digit: str) -> Artifact:
    return Artifact(
        filename=filename,
        url=f"https://files.test/{filename}",
        name=parse_filename(filename),
        hashes={"sha256": digit * 64},
    )


def entry(project: str, **fields: object) -> LockEntry:
    made = LockEntry(
        project=NormalizedName(project),
        version=Version("1.0"),
        origin="",
        files=(file(f"{project}-1.0.tar.gz", "b"), file(f"{project}-1.0-py3-none-any.whl", "a")),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def lock(*entries: LockEntry) -> Lock:
    return Lock(kind=LockKind.PYLOCK, path="pylock.toml", entries=entries)


def place(kind: PlaceKind, location: str | None, **fields: object) -> Place:
    return replace(Place(kind=kind, location=location), **fields)  # type: ignore[arg-type]


HASHES = f" \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}"
LINES = [
    (entry("app"), f"app==1.0{HASHES}"),
    (entry("app", extras=frozenset({NormalizedName("x")})), f"app[x]==1.0{HASHES}"),
    (
        entry(
            "app",
            files=(file("app-1.0.zip", "c"),),
            place=place(PlaceKind.ARCHIVE, "https://files.test/app-1.0.zip"),
        ),
        f"app @ https://files.test/app-1.0.zip \\\n    --hash=sha256:{'c' * 64}",
    ),
    (
        entry("app", files=(), place=place(PlaceKind.VCS, "https://code.test/x", revision="e5")),
        "app @ git+https://code.test/x@e5",
    ),
    (
        entry("app", files=(), place=place(PlaceKind.VCS, "hg+https://code.test/x", revision="e5")),
        "app @ hg+https://code.test/x@e5",
    ),
    (
        entry(
            "app",
            files=(),
            place=place(PlaceKind.VCS, "https://code.test/x", revision="e5", subdirectory="py"),
        ),
        "app @ git+https://code.test/x@e5#subdirectory=py",
    ),
    (entry("app", files=(), place=place(PlaceKind.DIRECTORY, "app")), "./app"),
    (entry("app", files=(), place=place(PlaceKind.DIRECTORY, ".", editable=True)), "-e ."),
]


@pytest.mark.parametrize(("one", "line"), LINES)
def test_a_line(one: LockEntry, line: str) -> None:
    assert requirements_text(lock(one), LINUX, NOTHING).split("\n", 1)[1] == f"{line}\n"


def test_who_asks_is_told_in_order() -> None:
    edges = (Edge(project=NormalizedName("dep")),)
    text = requirements_text(
        lock(entry("two", edges=edges), entry("one", edges=edges), entry("dep")), LINUX, NOTHING
    )
    assert text.splitlines()[1:5][-1] == "    # via one, two"


def test_a_repository_beside_hashes_is_told() -> None:
    vcs = entry("app", files=(), place=place(PlaceKind.VCS, "https://code.test/x", revision="e5"))
    text = requirements_text(lock(vcs, entry("dep")), LINUX, NOTHING)
    assert text.splitlines()[2] == (
        "    # pip has no hash for a repository, and refuses it beside hashes; uv installs it"
    )


@pytest.mark.parametrize(
    ("condition", "selection", "live"),
    [
        ("sys_platform == 'linux'", NOTHING, True),
        ("sys_platform == 'win32'", NOTHING, False),
        ("'cpu' in extras", NOTHING, False),
        ("'cpu' in extras", frozenset({CPU}), True),
        ("'cpu' in extras and sys_platform == 'win32'", frozenset({CPU}), False),
    ],
)
def test_only_live_entries_are_written(condition: str, selection: Selection, live: bool) -> None:
    value = lock(entry("app", condition=parse_condition(condition)))
    assert bool(live_entries(value, LINUX, selection)) is live
    assert ("app==1.0" in requirements_text(value, LINUX, selection)) is live


@pytest.mark.parametrize(
    "value",
    [
        lock(entry("app", version=None)),
        lock(entry("app", files=())),
        lock(entry("app", files=(), place=place(PlaceKind.VCS, "https://code.test/x"))),
        lock(entry("app"), entry("app", version=Version("2"))),
        replace(lock(entry("app")), walked=True),
    ],
)
def test_what_cannot_be_pinned_is_refused(value: Lock) -> None:
    with pytest.raises(TrueupError):
        requirements_text(value, LINUX, NOTHING)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(requirements_text(lock(entry("app")), LINUX, NOTHING), encoding="utf-8")
    (back,) = read_lock(path, environ={}).entries
    assert (back.project, back.version) == ("app", Version("1.0"))
    assert back.digests == {f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"}
