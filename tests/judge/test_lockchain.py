"""The way from a root of a lock to a package, target by target."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_sdist, make_wheel
from trueup.features.verify import verify
from trueup.judge.lockchain import chains_to
from trueup.model.condition import Option, OptionKind, parse_condition
from trueup.model.lock import Edge, Lock, LockEntry, LockKind, Place, PlaceKind
from trueup.model.target import parse_targets
from trueup.sources.folder import FolderSource

APP, OLD, SIX = map(canonicalize_name, ("app", "old", "six"))
LINUX, WINDOWS = "cp312-linux-x86_64-glibc2.17", "cp312-windows-amd64"
GPU = Option(kind=OptionKind.EXTRA, name="gpu", project=APP)


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    make_sdist(tmp_path, "old", "1.0", metadata_version="2.1")
    make_wheel(tmp_path, "six", "1.16.0")
    return FolderSource(tmp_path)


def ways(source: FolderSource, *edges: Edge, options: frozenset[Option]) -> dict[str, list[str]]:
    """The requirements on the way to `six` in a lock of `app`, `old` and `six`, by target."""
    app = LockEntry(
        project=APP,
        version=None,
        origin="uv.lock:1",
        place=Place(kind=PlaceKind.DIRECTORY, location="."),
        root=True,
        edges=edges,
    )
    old = LockEntry(
        project=OLD,
        version=Version("1.0"),
        origin="uv.lock:5",
        files=tuple(source.listing(OLD).files),
        edges=(Edge(project=SIX, condition=parse_condition("os_name == 'nt'")),),
    )
    six = LockEntry(
        project=SIX,
        version=Version("1.16.0"),
        origin="uv.lock:9",
        files=tuple(source.listing(SIX).files),
    )
    lock = Lock(
        kind=LockKind.UV, path="uv.lock", entries=(app, old, six), walked=True, options=options
    )
    targets = parse_targets(f"{LINUX},{WINDOWS}")
    found = verify(lock, source_for=None, read=source.read, targets=targets)
    return {
        target: [f"{link.parent}: {link.requirement}" for link in links]
        for target, links in chains_to(found.audit, SIX).items()
    }


def test_over_a_file_that_tells_nothing_the_lock_tells_the_way(source: FolderSource) -> None:
    assert ways(source, Edge(project=OLD), options=frozenset()) == {
        LINUX: [],
        WINDOWS: ["app: old", "old 1.0: six"],
    }


def test_with_an_option_where_there_is_no_way_without(source: FolderSource) -> None:
    edge = Edge(project=SIX, of_extra=canonicalize_name("gpu"))
    assert ways(source, edge, options=frozenset({GPU})) == {
        LINUX: ["app: six"],
        WINDOWS: ["app: six"],
    }


def test_nothing_leads_there(source: FolderSource) -> None:
    assert ways(source, options=frozenset()) == {LINUX: [], WINDOWS: []}
