"""Which files go where, and what becomes of those beside one that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueup.features.upload import found_files, upload
from trueup.model.errors import UsageError
from trueup.sources.uploadindex import RemoteFile, RemoteSession, SessionLinks, UploadError, root_of

WHEEL, SDIST, OTHER = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "mesh-2.0.tar.gz"


def session(name: str, files: dict[str, RemoteFile], status: str = "open") -> RemoteSession:
    links = SessionLinks(session=f"https://index.test/upload/{name}")
    return RemoteSession(links=links, status=status, expires_at="2030-01-01T00:00:00Z", files=files)


class Shelf:
    """An index that takes everything but what it was told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.files: dict[str, dict[str, RemoteFile]] = {}
        self.published: list[str] = []

    def open(self, project: str, version: str) -> RemoteSession:
        if project in self.refused:
            raise UploadError("is published", status=409)
        return session(f"{project}-{version}", self.files.setdefault(f"{project}-{version}", {}))

    def status(self, known: RemoteSession) -> RemoteSession:
        return known

    def send(self, known: RemoteSession, path: Path) -> RemoteFile:
        if path.name in self.refused:
            raise UploadError("is no wheel", status=400)
        path.read_bytes()
        known.files[path.name] = RemoteFile(status="completed", link="", notices=("told",))
        return known.files[path.name]

    def publish(self, known: RemoteSession) -> RemoteSession:
        name = known.links.session.rpartition("/")[2]
        if name in self.refused:
            raise UploadError("they contradict", status=422)
        self.published.append(name)
        return session(name, known.files, "published")


def made(folder: Path, *names: str) -> tuple[Path, ...]:
    for name in names:
        (folder / name).write_bytes(b"")
    return tuple(folder / name for name in names)


def test_files_are_found_in_folders(tmp_path: Path) -> None:
    made(tmp_path, SDIST, WHEEL, "notes.txt", "demo-1.0.tar.gz.publish.attestation")
    assert [path.name for path in found_files([tmp_path])] == [WHEEL, SDIST]
    assert found_files([tmp_path / SDIST, tmp_path]) == (tmp_path / SDIST, tmp_path / WHEEL)


def test_what_cannot_be_uploaded_is_said(tmp_path: Path) -> None:
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    other.mkdir()
    [note] = made(tmp_path, "notes.txt")
    made(tmp_path, SDIST)
    made(other, SDIST)
    for places, words in (
        ([empty], "nothing to upload"),
        ([note], "cannot be uploaded"),
        ([tmp_path, other], f"`{SDIST}` is there twice"),
    ):
        with pytest.raises(UsageError, match=words):
            found_files(places)


def test_each_release_has_a_session_and_is_published_by_itself(tmp_path: Path) -> None:
    shelf = Shelf()
    sent = upload(made(tmp_path, WHEEL, OTHER, SDIST), shelf, publish=True)
    assert shelf.published == ["demo-1.0", "mesh-2.0"]
    assert [[file.path.name for file in one.files] for one in sent] == [[WHEEL, SDIST], [OTHER]]
    assert all(one.holds and one.published for one in sent)
    assert {file.notices for one in sent for file in one.files} == {("told",)}


CASES = {
    "a file": (WHEEL, ["mesh-2.0"], (False, True)),
    "a session": ("mesh", ["demo-1.0"], (True, False)),
    "publishing": ("demo-1.0", ["mesh-2.0"], (False, True)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_fails_does_not_stop_the_rest(tmp_path: Path, case: str) -> None:
    refused, published, holds = CASES[case]
    shelf = Shelf(refused)
    sent = upload(made(tmp_path, WHEEL, SDIST, OTHER), shelf, publish=True)
    assert shelf.published == published
    assert tuple(one.holds for one in sent) == holds
    assert SDIST in shelf.files["demo-1.0"], "the other files of the release are sent"


def test_nothing_is_published_unless_it_is_asked_for(tmp_path: Path) -> None:
    shelf = Shelf()
    [sent] = upload(made(tmp_path, WHEEL), shelf, publish=False)
    assert (shelf.published, sent.published, sent.holds) == ([], False, True)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    [path] = made(tmp_path, WHEEL)
    path.unlink()
    [sent] = upload([path], Shelf(), publish=True)
    assert (sent.published, sent.holds) == (False, False)
    assert "cannot be read" in str(sent.files[0].error)


def test_the_root_of_sessions() -> None:
    for address in (
        "https://index.test",
        "https://index.test/upload/",
        "https://index.test/simple/",
    ):
        assert root_of(address) == "https://index.test/upload/"
    assert root_of("https://index.test/c/mpi/") == "https://index.test/c/mpi/upload/"
    with pytest.raises(UsageError, match="no address of an index"):
        root_of("index.test")
