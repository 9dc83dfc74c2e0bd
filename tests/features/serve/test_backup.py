"""An index in a folder: whole, added to, and made an index again; or an error that says why not."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.build import make_wheel
from tests.desks import add, digest, open_desk, page, publish
from tests.stores import Postgres, postgres, postgres_bin
from trueup.features.serve.backup import back_up, restore_from
from trueup.features.serve.desk import Desk
from trueup.features.serve.fsck import check_store
from trueup.features.serve.policies import Policy
from trueup.interfaces.web.metrics import CountedBlobs
from trueup.model.errors import SourceError, TrueupError, UsageError
from trueup.sources.store.failures import StoreError
from trueup.sources.store.store import HostedRelease

TAGS = ("py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64")


def fill(desk: Desk, folder: Path, *names: str) -> list[Path]:
    """Published releases of two wheels each, that differ."""
    paths = []
    for name in names:
        for number, tag in enumerate(TAGS):
            requires = [f"r{number}"]
            paths.append(make_wheel(folder, name, "1.0", tags=tag, requires=requires))
            add(desk, paths[-1])
        publish(desk, name, "1.0")
    return paths


def pages(desk: Desk, *names: str) -> list[bytes]:
    return [page(desk, name, corrected=view) for name in names for view in (False, True)]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    return tmp_path / "dist"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def test_what_is_restored_is_the_same_to_the_byte(tmp_path: Path, dist: Path, backup: Path) -> None:
    with open_desk(tmp_path / "one", policy=Policy.WARN) as desk:
        paths = fill(desk, dist, "alpha", "beta")
        add(desk, make_wheel(dist, "staged", "1.0"))
        before = pages(desk, "alpha", "beta")
        done = back_up(desk.store, desk.blobs, backup)
    assert (done.files, done.copied, done.lost) == (5, 5, ())
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", next(backup.glob("files-*.txt")).name],
        cwd=backup, check=False, capture_output=True,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    with open_desk(tmp_path / "two") as desk:
        restored = restore_from(backup, desk.store, desk.blobs)
        assert (restored.files, restored.lost) == (5, ())
        assert check_store(desk.store, desk.blobs) == ((), (), (), (), 0)
        assert pages(desk, "alpha", "beta") == before
        for path in paths:
            size = path.stat().st_size
            assert b"".join(desk.blobs.read(digest(path), 0, size)) == path.read_bytes()
        # The same again, made anew.
        desk.store.forget_pages("alpha")
        assert pages(desk, "alpha") == before[:2]
        # And it goes on.
        publish(desk, "staged", "1.0")


def test_a_second_backup_copies_what_is_new(tmp_path: Path, dist: Path, backup: Path) -> None:
    with open_desk(tmp_path / "one", policy=Policy.WARN) as desk:
        fill(desk, dist, "alpha")
        assert back_up(desk.store, desk.blobs, backup).copied == 2
        assert back_up(desk.store, desk.blobs, backup).copied == 0
        fill(desk, dist, "beta")
        done = back_up(desk.store, desk.blobs, backup)
        assert (done.files, done.copied) == (4, 2)
        assert sorted(path.name.split("-")[0] for path in backup.iterdir()) == [
            "backup.json",
            "blobs",
            "files",
            "index",
        ]
        release = desk.store.releases("main")[0]
        desk.store.remove(release, who="tests")
        kept = len(list((backup / "blobs").glob("??/??/*")))
        assert back_up(desk.store, desk.blobs, backup).files == 2
        assert len(list((backup / "blobs").glob("??/??/*"))) == kept
        assert back_up(desk.store, desk.blobs, backup, prune=True).removed == 2
        assert len(list((backup / "blobs").glob("??/??/*"))) == kept - 2


@pytest.mark.skipif(os.name == "nt", reason="files are shared by hard links")
def test_files_on_one_disk_can_be_shared(tmp_path: Path, dist: Path, backup: Path) -> None:
    with open_desk(tmp_path / "one") as desk:
        path = make_wheel(dist, "alpha", "1.0")
        add(desk, path)
        back_up(desk.store, desk.blobs, backup, link=True)
        kept = desk.blobs.path(digest(path))
    assert kept is not None
    assert kept.stat().st_nlink == 2


def test_what_is_lost_in_the_index_is_said_and_the_rest_is_there(
    tmp_path: Path, dist: Path, backup: Path
) -> None:
    with open_desk(tmp_path / "one", policy=Policy.WARN) as desk:
        gone, damaged, *_ = fill(desk, dist, "alpha", "beta")
        desk.blobs.delete(digest(gone))
        path = desk.blobs.path(digest(damaged))
        assert path is not None
        path.write_bytes(b"x" * path.stat().st_size)
        done = back_up(desk.store, desk.blobs, backup)
    assert sorted(done.lost) == [
        f"{gone.name} ({digest(gone)}): missing",
        f"{damaged.name} ({digest(damaged)}): other bytes",
    ]
    assert done.files == 2
    with open_desk(tmp_path / "two") as desk:
        restore_from(backup, desk.store, desk.blobs)
        assert len(check_store(desk.store, desk.blobs).lost) == 2


class Emptied(CountedBlobs):
    """Blobs of an index in which somebody deletes a release while it is copied, and cleans up."""

    desk: Desk
    release: HostedRelease

    def size(self, sha256: str) -> int | None:
        if sha256 in {file.sha256 for file in self.release.files}:
            if self.desk.store.releases("main", self.release.project):
                self.desk.store.remove(self.release, who="tests")
            self.delete(sha256)
        return super().size(sha256)


def test_a_file_that_is_deleted_meanwhile_has_it_begin_anew(
    tmp_path: Path, dist: Path, backup: Path
) -> None:
    with open_desk(tmp_path / "one", policy=Policy.WARN) as desk:
        fill(desk, dist, "alpha", "beta")
        blobs = Emptied(desk.blobs, lambda: None)
        blobs.desk, blobs.release = desk, desk.store.releases("main")[0]
        done = back_up(desk.store, blobs, backup)
    assert (done.files, done.lost) == (2, ())


def _rewrite(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda b: (b / "backup.json").unlink(), "has no backup: expected|has no backup"),
        (lambda b: (b / "backup.json").write_text("{"), "backup.json`: cannot be read"),
        (lambda b: _rewrite(b / "backup.json", **{"trueup-backup": 2}), "has another format"),
        (lambda b: _rewrite(b / "backup.json", kind="postgresql"), "another kind of database"),
        (lambda b: _rewrite(b / "backup.json", schema="9999"), "by a newer trueup"),
        (lambda b: _cut(next(b.glob("index-*"))), "is damaged: found sha256"),
        (lambda b: next(b.glob("index-*")).unlink(), "cannot be read: No such file"),
        (lambda b: _cut(next(b.glob("files-*"))), "is damaged: its sha256"),
        (lambda b: _cut(next(b.glob("blobs/??/??/*"))), "1 of 2 files of the backup are missing"),
        (
            lambda b: next(b.glob("blobs/??/??/*")).unlink(),
            "1 of 2 files of the backup are missing",
        ),
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_is_restored(
    tmp_path: Path, dist: Path, backup: Path, damage: object, said: str
) -> None:
    with open_desk(tmp_path / "one", policy=Policy.WARN) as desk:
        fill(desk, dist, "alpha")
        back_up(desk.store, desk.blobs, backup)
    damage(backup)  # type: ignore[operator]
    with open_desk(tmp_path / "two") as desk:
        with pytest.raises(TrueupError, match=said):
            restore_from(backup, desk.store, desk.blobs)
        assert desk.store.releases("main") == ()


def test_part_of_a_damaged_backup_is_taken_if_that_is_wanted(
    tmp_path: Path, dist: Path, backup: Path
) -> None:
    with open_desk(tmp_path / "one", policy=Policy.WARN) as desk:
        fill(desk, dist, "alpha")
        back_up(desk.store, desk.blobs, backup)
    gone = next(backup.glob("blobs/??/??/*"))
    gone.unlink()
    with open_desk(tmp_path / "two") as desk:
        with pytest.raises(SourceError):
            restore_from(backup, desk.store, desk.blobs)
        # What came before the damaged one is there, and is not copied again.
        done = restore_from(backup, desk.store, desk.blobs, partly=True)
        assert (done.files, done.lost) == (1, (gone.name,))
        assert len(check_store(desk.store, desk.blobs).lost) == 1


def test_an_index_with_something_in_it_is_not_overwritten(
    tmp_path: Path, dist: Path, backup: Path
) -> None:
    with open_desk(tmp_path / "one") as desk:
        back_up(desk.store, desk.blobs, backup)
        add(desk, make_wheel(dist, "alpha", "1.0"))
        with pytest.raises(UsageError, match="the index is not empty"):
            restore_from(backup, desk.store, desk.blobs)


def test_a_folder_with_other_things_in_it_is_no_place_for_a_backup(
    tmp_path: Path, dist: Path
) -> None:
    (dist / "thesis.txt").write_text("years of work")
    with open_desk(tmp_path / "one") as desk:
        with pytest.raises(UsageError, match="is no folder of backups"):
            back_up(desk.store, desk.blobs, dist)
        with pytest.raises(UsageError, match="is no folder of backups"):
            back_up(desk.store, desk.blobs, dist / "thesis.txt")
    assert [path.name for path in dist.iterdir()] == ["thesis.txt"]


def test_a_backup_says_when_it_was_made(tmp_path: Path, backup: Path) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    with open_desk(tmp_path / "one") as desk:
        back_up(desk.store, desk.blobs, backup, now=noon)
    assert next(backup.glob("index-*")).name.startswith("index-20261121T120000-")
    with open_desk(tmp_path / "two") as desk:
        assert restore_from(backup, desk.store, desk.blobs).made == "2026-11-21T12:00:00+00:00"


# --- a database that is a server, and files in an object store --------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    if postgres_bin() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres() as found:
        yield found


def test_what_is_far_is_backed_up_as_well(
    server: Postgres, tmp_path: Path, dist: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = server.new(), server.new()
    far = "memory:///"
    with open_desk(tmp_path / "one", database=one, blobs=far, policy=Policy.WARN) as desk:
        fill(desk, dist, "alpha")
        before = pages(desk, "alpha")
        assert back_up(desk.store, desk.blobs, backup, link=True).copied == 2
        assert back_up(desk.store, desk.blobs, backup).copied == 0
        with pytest.raises(UsageError, match="the index is not empty"):
            restore_from(backup, desk.store, desk.blobs)
    with open_desk(tmp_path / "two", database=two, blobs=far) as desk:
        restored = restore_from(backup, desk.store, desk.blobs)
        assert restored.files == 2
        assert check_store(desk.store, desk.blobs) == ((), (), (), (), 0)
        assert pages(desk, "alpha") == before
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match="`pg_dump` is not installed"):
            back_up(desk.store, desk.blobs, backup)
    said = "another kind of database: found postgresql"
    with open_desk(tmp_path / "three") as desk, pytest.raises(UsageError, match=said):
        restore_from(backup, desk.store, desk.blobs)


def test_a_server_that_refuses_is_quoted_without_its_password(
    server: Postgres, tmp_path: Path, backup: Path
) -> None:
    with open_desk(tmp_path / "one", database=server.new()) as desk:
        wrong = make_url(server.new()).set(password="hunter2", username="nobody")
        desk.store.engine.url = wrong
        with pytest.raises(StoreError, match=r"`pg_dump` failed: .*nobody") as caught:
            back_up(desk.store, desk.blobs, backup)
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
