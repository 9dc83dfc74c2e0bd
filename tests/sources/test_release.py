from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, parse_filename
from trueup.model.errors import NotFoundError, SourceError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.release import How, Reading, Release
from trueup.model.watcher import Watcher
from trueup.sources.release import (
    gather,
    gather_all,
    known_identical,
    newest,
    version_of,
    versions,
)
from trueup.sources.source import Listing

DEMO = canonicalize_name("demo")


def artifact(filename: str, *, yanked: str | None = None, sidecar: str | None = None) -> Artifact:
    return Artifact(
        filename=filename,
        url=f"https://index.test/{filename}",
        name=parse_filename(filename, DEMO),
        yanked=yanked,
        core_metadata={"sha256": sidecar} if sidecar else None,
    )


class Shelf:
    """A source in memory: its files, and which of them were read in which order."""

    def __init__(self, files: Iterable[Artifact], *, dead: bool = False) -> None:
        self.files = tuple(files)
        self.dead = dead
        self.read_names: list[str] = []
        self._lock = threading.Lock()

    def listing(self, project: NormalizedName) -> Listing:
        if project != DEMO:
            raise NotFoundError("does not exist", place=(project,))
        return Listing(project=project, files=self.files, origin="shelf", status="active")

    def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
        with self._lock:
            self.read_names.append(artifact.filename)
        if self.dead:
            raise SourceError("does not answer")
        metadata = parse_metadata(f"Name: demo\nSummary: {artifact.filename}\n".encode())
        return Reading(metadata=metadata, how=How.FILE if deep else How.RANGE)


def shelf(*names: str) -> Shelf:
    return Shelf(artifact(name) for name in names)


def readings(release: Release) -> dict[str, str]:
    return {
        file.filename: file.reading.metadata.reason
        if isinstance(file.reading.metadata, Unreadable)
        else file.reading.how.value
        for file in release.files
    }


class Steps(Watcher):
    def __init__(self) -> None:
        self.expected, self.steps = 0, list[str]()

    def expect(self, count: int) -> None:
        self.expected += count

    def done(self, what: str) -> None:
        self.steps.append(what)


FILES = (
    "demo-1.0-cp311-cp311-win32.whl",
    "demo-1.0.tar.gz",
    "demo-1.0-py2.7.egg",
    "demo-1.0.win32-py2.7.exe",
    "demo-1.0-cp311-cp311-win_amd64.whl",
    "demo-2.0a1.tar.gz",
    "demo-1.0+cpu-cp311-cp311-win32.whl",
    "demo-0.9.zip",
    "demo-nonsense.whl",
    "unrelated.txt",
)


def test_the_files_of_one_version_in_the_order_of_the_listing() -> None:
    source, steps = shelf(*FILES), Steps()
    release = gather(source, "Demo", Version("1.0.0"), watcher=steps)
    assert release.project == "demo"
    assert release.version == Version("1.0")
    assert release.origin == "shelf"
    assert release.status == "active"
    assert readings(release) == {
        "demo-1.0-cp311-cp311-win32.whl": "range",
        "demo-1.0.tar.gz": "range",
        "demo-1.0-py2.7.egg": "eggs are no longer installed by any installer",
        "demo-1.0.win32-py2.7.exe": "a Windows installer",
        "demo-1.0-cp311-cp311-win_amd64.whl": "range",
    }
    assert [file.filename for file in release.files] == list(FILES[:5])
    assert steps.expected == 3
    assert sorted(steps.steps) == sorted(source.read_names)


def test_deep_is_passed_on() -> None:
    assert set(readings(gather(shelf("demo-1.0.zip"), "demo", deep=True)).values()) == {"file"}


def test_all_versions_newest_first() -> None:
    source = shelf(*FILES)
    expected = ["2.0a1", "1.0+cpu", "1.0", "0.9"]
    assert [str(version) for version in versions(source, "demo")] == expected
    assert [str(release.version) for release in gather_all(source, "demo")] == expected


@pytest.mark.parametrize(
    ("names", "yanked", "expected"),
    [
        (["demo-1.0.zip", "demo-1.1.zip", "demo-2.0rc1.zip"], [], "1.1"),
        (["demo-2.0rc1.zip", "demo-1.0.dev1.zip"], [], "2.0rc1"),
        (["demo-1.0.zip", "demo-1.1.zip"], ["demo-1.1.zip"], "1.0"),
        (["demo-1.0rc1.zip", "demo-1.1.zip"], ["demo-1.1.zip"], "1.0rc1"),
        (["demo-1.0.zip", "demo-1.1.zip"], ["demo-1.0.zip", "demo-1.1.zip"], "1.1"),
        (["demo-1.1.zip", "demo-1.1.tar.gz", "demo-1.0.zip"], ["demo-1.1.zip"], "1.1"),
        (["demo-1.0.zip", "demo-1.1-py2.7.egg"], [], "1.0"),
        (["demo-1.0.zip", "demo-1.0.post1.zip"], [], "1.0.post1"),
    ],
)
def test_the_newest(names: list[str], yanked: list[str], expected: str) -> None:
    source = Shelf(artifact(name, yanked="" if name in yanked else None) for name in names)
    assert newest(source, "demo") == Version(expected)
    assert gather(source, "demo").version == Version(expected)


def test_a_version_that_does_not_exist() -> None:
    names = [f"demo-{major}.{minor}.zip" for major in (1, 2) for minor in range(5)]
    with pytest.raises(NotFoundError) as caught:
        gather(shelf(*names, "demo-1.3.post1.zip"), "demo", Version("1.3.1"))
    assert str(caught.value) == "`demo`: `shelf`: has no version `1.3.1`"
    assert caught.value.hint == (
        "the newest of its 11 versions are 2.4, 2.3, 2.2, 2.1, 2.0; close to it are 1.3.post1, 1.3"
    )
    with pytest.raises(NotFoundError) as caught:
        gather(shelf("demo-1.0.zip"), "demo", Version("1.3"))
    assert caught.value.hint == "its only version is 1.0"


def test_a_project_without_files() -> None:
    with pytest.raises(NotFoundError) as caught:
        gather(shelf(), "demo")
    assert str(caught.value) == (
        "`demo`: `shelf`: has no release: found an empty list of files, "
        "expected at least one wheel or sdist"
    )
    with pytest.raises(NotFoundError) as caught:
        gather(shelf("unrelated.txt"), "demo", Version("1"))
    assert caught.value.hint == "it has no release at all"


def test_a_source_that_does_not_answer_is_not_asked_on_and_on() -> None:
    source = Shelf((artifact(f"demo-1.0-{n}-py3-none-any.whl") for n in range(1, 200)), dead=True)
    with pytest.raises(SourceError, match="does not answer"):
        gather(source, "demo", workers=2)
    assert len(source.read_names) < 200


WHEELS = ("demo-1.0-py3-none-any.whl", "demo-1.0-cp311-cp311-win32.whl")


def test_known_identical() -> None:
    same = [artifact(name, sidecar="aa") for name in WHEELS]
    sdist = artifact("demo-1.0.tar.gz")
    assert known_identical([*same, sdist])
    assert not known_identical([same[0], artifact(WHEELS[1], sidecar="bb")])
    assert not known_identical([same[0], artifact(WHEELS[1])])
    assert not known_identical([artifact(name) for name in WHEELS])
    assert not known_identical([sdist])


def test_for_the_class_alone_nothing_is_read_that_can_tell_nothing() -> None:
    source = Shelf([*(artifact(n, sidecar="aa") for n in WHEELS), artifact("demo-1.0.zip")])
    release = gather(source, "demo", for_class_only=True)
    assert source.read_names == []
    assert readings(release) == {
        WHEELS[0]: "not read: the index gives all wheels the same metadata hash",
        WHEELS[1]: "not read: the index gives all wheels the same metadata hash",
        "demo-1.0.zip": "not read: only the wheels were asked for",
    }
    assert all(file.reading.how is How.NOT_READ for file in release.files)
    assert known_identical(file.artifact for file in release.files)
    different = Shelf([artifact(WHEELS[0], sidecar="aa"), artifact(WHEELS[1], sidecar="bb")])
    gather(different, "demo", for_class_only=True)
    assert sorted(different.read_names) == sorted(WHEELS)


def test_the_first_file_of_a_hash_is_read_before_the_others() -> None:
    class Slow(Shelf):
        def read(self, artifact: Artifact, *, deep: bool = False) -> Reading:
            time.sleep(0.01 if artifact.filename == FIRST else 0)
            return super().read(artifact, deep=deep)

    FIRST = "demo-1.0-1-py3-none-any.whl"  # noqa: N806
    names = [f"demo-1.0-{number}-py3-none-any.whl" for number in range(1, 9)]
    source = Slow(artifact(name, sidecar="aa") for name in names)
    gather(source, "demo")
    assert source.read_names[0] == FIRST
    assert sorted(source.read_names) == sorted(names)


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo-1.0-py2.7.egg", "1.0"),
        ("demo-1.0.linux-x86_64.tar", "1.0"),
        ("demo-1.0.macosx-10.9-x86_64.exe", "1.0"),
        ("demo-1.0-bad.whl", "1.0"),
        ("Demo-1.0.msi", "1.0"),
        ("other-1.0.msi", None),
        ("demo-x.msi", None),
        ("demo", None),
    ],
)
def test_versions_in_names_of_other_files(filename: str, expected: str | None) -> None:
    found = version_of(artifact(filename), DEMO)
    assert found == (Version(expected) if expected else None)
