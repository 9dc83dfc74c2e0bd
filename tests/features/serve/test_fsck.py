"""What is broken is found; what can be made anew is, and what nothing needs goes."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.build import make_wheel
from tests.desks import add, digest, open_desk, page, publish
from trueup.features.serve.desk import Desk
from trueup.features.serve.fsck import Checked, check_store
from trueup.features.serve.policies import Policy
from trueup.sources.store.tables import DERIVED, FILES, PAGES

HOURS = 3600.0
TAGS = ("py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64")
CLEAN = Checked((), ())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An index with a release of two wheels that differ, and their corrected page."""
    (tmp_path / "dist").mkdir()
    with open_desk(tmp_path / "index", policy=Policy.WARN) as found:
        for number, tag in enumerate(TAGS):
            add(found, wheel(tmp_path, "demo", tag, number))
        publish(found, "demo", "1.0")
        page(found, "demo", corrected=True)
        yield found


def wheel(folder: Path, name: str, tag: str = TAGS[0], number: int = 0) -> Path:
    return make_wheel(folder / "dist", name, "1.0", tags=tag, requires=[f"r{number}"])


def blob(desk: Desk, sha256: str) -> Path:
    path = desk.blobs.path(sha256)
    assert path is not None
    return path


def first(desk: Desk) -> str:
    return desk.store.releases("main")[0].files[0].sha256


def check(desk: Desk, *, repair: bool = False, deep: bool = True, later: float = 0.0) -> Checked:
    return check_store(
        desk.store, desk.blobs, deep=deep, repair=repair, clock=lambda: time.time() + later
    )


def test_nothing_is_wrong_with_what_was_done_right(desk: Desk) -> None:
    assert check(desk) == check(desk, deep=False) == check(desk, repair=True) == CLEAN


@pytest.mark.parametrize(
    ("content", "deep", "said"),
    [
        (None, False, ""),
        (b"short", False, ": 5 bytes instead of "),
        (b"x", True, ": other bytes"),
        (b"x", False, None),
    ],
)
def test_files_that_are_lost(
    desk: Desk, content: bytes | None, deep: bool, said: str | None
) -> None:
    sha256 = first(desk)
    path = blob(desk, sha256)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content * path.stat().st_size if content == b"x" else content)
    # Repairing takes nothing away that was uploaded.
    for repair in (True, False):
        found = check(desk, deep=deep, repair=repair)
        assert [sha256 in name and (said or "") in name for name in found.lost] == (
            [] if said is None else [True]
        )
    assert path.exists() == (content is not None)


def test_a_file_that_the_disk_does_not_give_is_lost_and_the_rest_is_looked_at(desk: Desk) -> None:
    path = blob(desk, first(desk))
    path.unlink()
    path.mkdir()
    (found,) = check(desk).lost
    assert ": " in found
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_bytes(b"")
    (found,) = check(desk).lost
    assert found.endswith(": cannot be read: Not a directory")


def test_blobs_that_nothing_needs_go_after_an_hour(desk: Desk, tmp_path: Path) -> None:
    left = wheel(tmp_path, "left")
    add(desk, left)
    release = desk.store.releases("main", state=None)[1]
    desk.store.remove(release, who="tests")
    assert check(desk).unused == (digest(left),)
    young = check(desk, repair=True, later=0.9 * HOURS)
    assert (young.unused, young.removed) == ((digest(left),), ())
    old = check(desk, repair=True, later=1.1 * HOURS)
    assert (old.removed, old.removed_size) == ((digest(left),), left.stat().st_size)
    assert check(desk) == CLEAN


def test_a_blob_that_is_put_again_is_young_again(desk: Desk, tmp_path: Path) -> None:
    left = wheel(tmp_path, "left")
    add(desk, left)
    desk.store.remove(desk.store.releases("main", state=None)[1], who="tests")
    path = blob(desk, digest(left))
    os.utime(path, (1, 1))
    add(desk, left)
    desk.store.remove(desk.store.releases("main", state=None)[1], who="tests")
    assert check(desk, repair=True).removed == ()
    os.utime(path, (1, 1))
    assert check(desk, repair=True).removed == (digest(left),)


def test_an_upload_meanwhile_has_its_file(desk: Desk, tmp_path: Path) -> None:
    """The same bytes are uploaded over and over while what nothing needs is removed."""
    left = wheel(tmp_path, "left")
    for _ in range(20):
        add(desk, left)
        assert check(desk, repair=True, deep=False, later=2 * HOURS).lost == ()
        desk.store.remove(desk.store.releases("main", state=None)[1], who="tests")
        found = check(desk, repair=True, deep=False, later=2 * HOURS)
        assert found.removed == (digest(left),)


@pytest.mark.parametrize(
    "values",
    [{"packed": b"nothing"}, {"body": b"another"}, {"etag": '"0000"'}],
    ids=["packed", "body", "etag"],
)
def test_pages_that_are_broken_are_made_anew(desk: Desk, values: dict[str, object]) -> None:
    right = page(desk, "demo")
    with desk.store.change() as connection:
        connection.execute(update(PAGES).where(PAGES.c.view == "main/faithful").values(**values))
    assert check(desk, deep=False).broken == ("page main/faithful/demo (json)",)
    assert check(desk, repair=True).broken == ("page main/faithful/demo (json)",)
    assert check(desk) == CLEAN
    desk.follow()
    assert page(desk, "demo") == right


@pytest.mark.parametrize(
    ("values", "deep", "said"),
    [
        ({"recipe": b"\xc1"}, False, "its recipe cannot be used"),
        ({"recipe": b"\x91\x92\x00\x05"}, False, "its recipe makes 5 bytes instead of"),
        ({"recipe": b"\x91\x92\x00\x05", "size": 5}, True, "its recipe makes other bytes"),
        ({"recipe": b"\x91\x92\x00\xce\x7f\xff\xff\xff", "size": 2147483647}, True, "cut off"),
    ],
)
def test_derived_wheels_that_are_broken_are_made_anew(
    desk: Desk, values: dict[str, object], deep: bool, said: str
) -> None:
    right = page(desk, "demo", corrected=True)
    with desk.store.change() as connection:
        connection.execute(
            update(DERIVED).where(DERIVED.c.filename.contains("win_amd64")).values(**values)
        )
    (found,) = check(desk, deep=deep).broken
    assert found.startswith("derived demo-1.0-1cons-py3-none-win_amd64.whl (")
    assert said in found
    check(desk, deep=deep, repair=True)
    desk.follow()
    assert page(desk, "demo", corrected=True) == right
    assert check(desk) == CLEAN
    for file in json.loads(right)["files"]:
        served = desk.files.file(file["hashes"]["sha256"], file["filename"])
        data = b"".join(served.read(0, served.size))
        assert hashlib.sha256(data).hexdigest() == file["hashes"]["sha256"]


def test_a_name_of_a_file_that_never_was_is_lost(desk: Desk) -> None:
    with desk.store.change() as connection:
        connection.execute(
            update(FILES).where(FILES.c.sha256 == first(desk)).values(sha256="0" * 64)
        )
    assert len(check(desk).lost) == 1
