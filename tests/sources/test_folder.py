"""A folder of artifacts as a source of releases."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_sdist, make_wheel
from trueup.model.artifact import OtherName, SdistName
from trueup.model.errors import NotFoundError, TrueupError, UsageError
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import How, Reading
from trueup.sources.folder import FolderSource
from trueup.sources.release import gather, versions
from trueup.sources.source import Source

DEMO = canonicalize_name("demo")


def names(source: FolderSource, project: str) -> list[str]:
    return [file.filename for file in source.listing(canonicalize_name(project)).files]


def touch(folder: Path, *filenames: str) -> None:
    for filename in filenames:
        (folder / filename).parent.mkdir(exist_ok=True)
        (folder / filename).write_bytes(b"x")


def only_reading(folder: Path) -> Reading:
    source = FolderSource(folder)
    (file,) = source.listing(DEMO).files
    return source.read(file)


def test_a_folder_of_releases(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0", requires=["numpy"])
    make_wheel(tmp_path, "demo", "1.1")
    make_sdist(tmp_path, "demo", "1.0", requires=["numpy"])
    make_wheel(tmp_path, "My.Other", "2")
    source = FolderSource(tmp_path)
    port: Source = source
    assert source.projects() == ("demo", "my-other")
    assert versions(port, "demo") == (Version("1.1"), Version("1.0"))
    listing = source.listing(DEMO)
    assert (listing.project, listing.origin, listing.status) == ("demo", str(tmp_path), None)
    assert names(source, "demo") == [
        "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "demo-1.1-py3-none-any.whl",
    ]  # fmt: skip
    release = gather(port, "demo", Version("1.0"))
    assert len(release.wheels) == len(release.sdists) == 1
    for file in release.files:
        assert isinstance(file.reading.metadata, Metadata)
        assert file.reading.metadata.fields["requires-dist"] == ("numpy",)


def test_what_is_known_of_a_file(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "demo", "1.0")
    (file,) = FolderSource(tmp_path).listing(DEMO).files
    assert (file.filename, file.url, file.size) == (path.name, str(path), path.stat().st_size)
    assert (dict(file.hashes), file.upload_time, file.core_metadata) == ({}, None, None)


@pytest.mark.parametrize("deep", [False, True])
def test_a_reading_is_of_the_file_and_unverified(tmp_path: Path, deep: bool) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    source = FolderSource(tmp_path)
    (file,) = source.listing(DEMO).files
    reading = source.read(file, deep=deep)
    assert (reading.how, reading.verified, reading.sidecar) == (How.FILE, False, None)
    assert reading.dist_info == "demo-1.0.dist-info"


def test_unrelated_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    touch(
        tmp_path, "README.txt", ".gitignore", "demo-1.0-py3-none-any.whl.asc", "SHA256SUMS",
        "demo-1.0-py3-none-any.whl.metadata", "demo-1.0.tar.gz.provenance", "demo-1.0.json",
    )  # fmt: skip
    (tmp_path / "demo-2.0-py3-none-any.whl").mkdir()
    make_wheel(tmp_path / "demo-2.0-py3-none-any.whl", "deeper", "1.0")
    source = FolderSource(tmp_path)
    assert names(source, "demo") == ["demo-1.0-py3-none-any.whl"]
    assert source.projects() == ("demo",)
    assert source.unplaced() == ()


def test_eggs_and_installers_are_listed_and_not_read(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    touch(tmp_path, "demo-1.0-py2.7.egg", "demo-1.0.win32-py2.7.exe", "other-1.0-py2.7.egg")
    source = FolderSource(tmp_path)
    egg, wheel, installer = source.listing(DEMO).files
    assert wheel.is_wheel
    assert egg.name == OtherName(reason="eggs are no longer installed by any installer")
    assert installer.name == OtherName(reason="a Windows installer")
    assert source.read(egg) == Reading(
        metadata=Unreadable(reason="eggs are no longer installed by any installer"),
        how=How.NOT_READ,
    )
    assert [file.filename for file in source.unplaced()] == ["other-1.0-py2.7.egg"]


def test_misnamed_files_are_not_placed_by_guessing(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    touch(tmp_path, "demo-1.0.whl", "demo-one-py3-none-any.whl", "demo.tar.gz")
    source = FolderSource(tmp_path)
    assert names(source, "demo") == ["demo-1.0-py3-none-any.whl"]
    assert [(file.filename, file.name) for file in source.unplaced()] == [
        (
            "demo-1.0.whl",
            OtherName(
                reason="not a wheel file name: "
                "Invalid wheel filename (wrong number of parts): 'demo-1.0'"
            ),
        ),
        (
            "demo-one-py3-none-any.whl",
            OtherName(
                reason="not a wheel file name: "
                "Invalid wheel filename (invalid version): 'demo-one-py3-none-any'"
            ),
        ),
        (
            "demo.tar.gz",
            OtherName(reason="not an sdist file name: Invalid sdist filename: 'demo.tar.gz'"),
        ),
    ]


@pytest.mark.parametrize(
    ("wheel", "project", "version"),
    [("demo", "demo", "1.0.post2"), ("other", "demo-1-0", "2")],
    ids=["wheels tell the project", "nothing tells it"],
)
def test_a_legacy_sdist_name(tmp_path: Path, wheel: str, project: str, version: str) -> None:
    make_wheel(tmp_path, wheel, "1.0.post2")
    make_sdist(tmp_path, "demo", "1.0.post2", filename="demo-1.0-2.tar.gz")
    (sdist,) = (
        file
        for file in FolderSource(tmp_path).listing(canonicalize_name(project)).files
        if file.is_sdist
    )
    assert sdist.name == SdistName(project=canonicalize_name(project), version=Version(version))


# --- several paths ------------------------------------------------------------------------------


def test_files_by_their_paths(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    make_wheel(tmp_path, "demo", "2.0")
    assert names(FolderSource([wheel]), "demo") == [wheel.name]
    assert FolderSource(wheel).listing(DEMO).origin == str(tmp_path)


def test_a_release_that_is_spread_over_folders(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    wheel, sdist = make_wheel(one, "demo", "1.0"), make_sdist(two, "demo", "1.0")
    source = FolderSource([one, two, wheel, tmp_path / "two" / ".." / "two" / sdist.name])
    assert names(source, "demo") == [wheel.name, sdist.name]
    assert source.listing(DEMO).origin.startswith(f"{one}, {two}")


def test_two_files_of_one_name(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first, second = make_wheel(one, "demo", "1.0"), make_wheel(two, "demo", "1.0")
    with pytest.raises(UsageError) as caught:
        FolderSource([one, two])
    assert str(caught.value) == (
        f"two files have the name `demo-1.0-py3-none-any.whl`: found `{first}` and `{second}`, "
        "expected one, as in every release"
    )


# --- what is not there --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filenames", "path", "kind", "message", "hint"),
    [
        pytest.param(
            [], "gone", NotFoundError, "`{}`: no such file or folder", None, id="nothing there"
        ),
        pytest.param(
            ["x"], "x/y.whl", NotFoundError, "`{}`: no such file or folder", None, id="below a file"
        ),
        pytest.param(
            [],
            ".",
            NotFoundError,
            "`{}`: holds no wheel and no sdist: found an empty folder",
            "build the project first, or name the folder that holds its files",
            id="empty folder",
        ),
        pytest.param(
            ["README"],
            ".",
            NotFoundError,
            "`{}`: holds no wheel and no sdist: found 1 other file",
            "build the project first, or name the folder that holds its files",
            id="one other file",
        ),
        pytest.param(
            ["a", "b"],
            ".",
            NotFoundError,
            "`{}`: holds no wheel and no sdist: found 2 other files",
            "build the project first, or name the folder that holds its files",
            id="other files",
        ),
        pytest.param(
            ["linux/a.whl", "mac/b.whl", "README"],
            ".",
            NotFoundError,
            "`{}`: holds no wheel and no sdist: found 1 other file and 2 folders",
            "build the project first, or name the folder that holds its files; folders in it are "
            "not looked into",
            id="folders",
        ),
        pytest.param(
            ["setup.py"],
            "setup.py",
            UsageError,
            "`{}`: is neither a wheel nor an sdist",
            "wheels end in `.whl`, sdists in `.tar.gz` or `.zip`",
            id="no artifact",
        ),
    ],
)
def test_a_path_that_is_no_source(
    tmp_path: Path,
    filenames: list[str],
    path: str,
    kind: type[TrueupError],
    message: str,
    hint: str | None,
) -> None:
    touch(tmp_path, *filenames)
    with pytest.raises(kind) as caught:
        FolderSource(tmp_path / path)
    assert str(caught.value) == message.format(tmp_path / path)
    assert caught.value.hint == hint


def test_a_project_that_is_not_there(tmp_path: Path) -> None:
    make_wheel(tmp_path, "demo", "1.0")
    with pytest.raises(NotFoundError) as caught:
        FolderSource(tmp_path).listing(canonicalize_name("other"))
    assert str(caught.value) == f"`{tmp_path}`: holds no file of `other`"
    assert caught.value.hint == "there are files of `demo`"


# --- what cannot be read ------------------------------------------------------------------------


def test_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "demo-1.0.tar.gz").symlink_to(tmp_path / "gone")
    (file,) = FolderSource(tmp_path).listing(DEMO).files
    assert file.size is None
    assert only_reading(tmp_path) == Reading(
        metadata=Unreadable(reason="cannot be opened: No such file or directory"), how=How.NOT_READ
    )


def test_a_link_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.symlink_to(path)
    reading = only_reading(tmp_path)
    assert reading.metadata == Unreadable(
        reason="cannot be opened: Too many levels of symbolic links"
    )


def test_a_link_to_a_file_is_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    dist = tmp_path / "dist"
    elsewhere.mkdir()
    dist.mkdir()
    wheel = make_wheel(elsewhere, "demo", "1.0")
    (dist / wheel.name).symlink_to(wheel)
    assert isinstance(only_reading(dist).metadata, Metadata)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "demo-1.0.tar.gz")
    assert only_reading(tmp_path).metadata == Unreadable(reason="is no regular file")


def test_a_socket_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's whole path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("demo-1.0.zip")
        assert only_reading(tmp_path).metadata == Unreadable(reason="is no regular file")


def test_a_file_that_vanished(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "demo", "1.0")
    source = FolderSource(tmp_path)
    (file,) = source.listing(DEMO).files
    path.unlink()
    assert source.read(file).metadata == Unreadable(
        reason="cannot be opened: No such file or directory"
    )


@pytest.mark.parametrize(
    ("filename", "reason"),
    [
        ("demo-1.0-py3-none-any.whl", "is no zip archive, or is cut off"),
        ("demo-1.0.zip", "is no zip archive, or is cut off"),
        ("demo-1.0.tar.gz", "is no tar archive"),
    ],
)
def test_a_file_that_is_no_archive(tmp_path: Path, filename: str, reason: str) -> None:
    touch(tmp_path, filename)
    reading = only_reading(tmp_path)
    assert isinstance(reading.metadata, Unreadable)
    assert (reading.metadata.reason, reading.how) == (reason, How.FILE)


_WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from trueup.model.errors import TrueupError
from trueup.sources.folder import FolderSource
if os.geteuid() == 0:
    os.setuid(65534)
for path in map(Path, sys.argv[1:]):
    try:
        source = FolderSource(path)
        for file in source.listing("demo").files:
            print(source.read(file).metadata.reason)
    except TrueupError as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike those that pytest makes."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_what_the_user_may_not_read(public_folder: Path) -> None:
    """In a process of its own, which gives up the rights of an administrator if it has them."""
    dist, closed = public_folder / "dist", public_folder / "closed"
    dist.mkdir()
    closed.mkdir()
    make_wheel(dist, "demo", "1.0").chmod(0)
    wheel = make_wheel(closed, "demo", "1.0")
    closed.chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_RIGHTS, str(dist), str(closed), str(wheel)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    closed.chmod(0o755)
    assert done.stdout.splitlines() == [
        "cannot be opened: Permission denied",
        f"SourceError `{closed}`: cannot be listed: Permission denied",
        f"SourceError `{wheel}`: cannot be looked at: Permission denied",
    ], done.stderr
