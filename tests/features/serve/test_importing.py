"""Releases of another index: taken whole or not shown, again without effect, and no fault stops the rest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_sdist, make_wheel
from tests.desks import add, open_desk, publish
from trueup.features.serve.desk import Desk
from trueup.features.serve.fsck import check_store
from trueup.features.serve.importing import ImportedRelease, import_releases
from trueup.features.serve.policies import Policy
from trueup.sources.collected import Collected, collect
from trueup.sources.store.failures import StoreError
from trueup.sources.store.store import HostedRelease

LINUX, WINDOWS = "py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    return tmp_path / "dist"


def pair(folder: Path, name: str = "quarrel", version: str = "1.0", *, differ: bool) -> None:
    for number, tag in enumerate((LINUX, WINDOWS)):
        make_wheel(folder, name, version, tags=tag, requires=[f"r{number if differ else 0}"])


def bring(
    desk: Desk, dist: Path, *, channel: str = "main", rehearse: bool = False
) -> list[ImportedRelease]:
    return list(import_releases(desk, channel, collect(dist).files, rehearse=rehearse))


def words(done: Sequence[ImportedRelease]) -> list[str]:
    """What became of releases and files, in words."""
    return [
        f"{one.project} {one.version} {one.state.value if one.state else None}: "
        + ", ".join(file.outcome.value for file in one.files)
        for one in done
    ]


def kept(desk: Desk, name: str = "quarrel", channel: str = "main") -> HostedRelease:
    found = desk.store.release(channel, canonicalize_name(name), Version("1.0"))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("policy", "differ", "first", "again"),
    [
        (Policy.REJECT, False, "published: taken, taken", "published: there already, there already"),
        (Policy.REJECT, True, "quarantined: taken, refused",
         "quarantined: there already, refused"),
        (Policy.QUARANTINE, True, "quarantined: taken, taken",
         "quarantined: there already, there already"),
        (Policy.WARN, True, "published: taken, taken", "published: there already, there already"),
    ],
)  # fmt: skip
def test_the_policy_decides_and_a_second_run_takes_nothing(
    tmp_path: Path, dist: Path, policy: Policy, differ: bool, first: str, again: str
) -> None:
    pair(dist, differ=differ)
    with open_desk(tmp_path / "index", policy=policy) as desk:
        assert words(bring(desk, dist, rehearse=True)) == [f"quarrel 1.0 {first}"]
        assert desk.store.channels() == ()
        assert list(desk.blobs.all()) == []
        done = bring(desk, dist)
        assert words(done) == [f"quarrel 1.0 {first}"]
        for one in done:
            assert one.whole == (one.reason is None) == first.startswith("published")
        assert words(bring(desk, dist)) == [f"quarrel 1.0 {again}"]
        assert words(bring(desk, dist, rehearse=True)) == [f"quarrel 1.0 {again}"]
        assert check_store(desk.store, desk.blobs).lost == ()


def test_what_cannot_be_read_is_named_and_stops_nothing(tmp_path: Path, dist: Path) -> None:
    make_wheel(dist, "alpha", "1.0")
    pair(dist, "broken", differ=False)
    (dist / f"broken-1.0-{WINDOWS}.whl").write_bytes(b"MZ")
    (dist / "gone-1.0-py3-none-any.whl").symlink_to(dist / "nowhere")
    (dist / "folder-1.0-py3-none-any.whl").mkdir()
    os.mkfifo(dist / "pipe-1.0-py3-none-any.whl")
    make_wheel(dist, "other", "1.0").rename(dist / "wrong-1.0-py3-none-any.whl")
    make_wheel(dist, "zeta", "1.0")
    with open_desk(tmp_path / "index") as desk:
        done = bring(desk, dist)
        assert words(done) == [
            "alpha 1.0 published: taken",
            "broken 1.0 staged: taken, refused",
            "gone 1.0 None: unreadable",
            "pipe 1.0 None: unreadable",
            "wrong 1.0 None: refused",
            "zeta 1.0 published: taken",
        ]
        reasons = [file.reason or "" for one in done for file in one.files if file.reason]
        for said, reason in zip(
            ("no zip archive", "No such file", "is no regular file", "Name"), reasons, strict=True
        ):
            assert said in reason
        # Mended, it is taken where it stopped.
        pair(dist, "broken", differ=False)
        assert words(bring(desk, dist))[1] == "broken 1.0 published: there already, taken"


def test_what_was_said_there_stays(tmp_path: Path, dist: Path) -> None:
    pair(dist, differ=False)
    files = [
        replace(file, uploaded=1e9 + number, yanked="broken" if number else None)
        for number, file in enumerate(collect(dist).files)
    ]
    with open_desk(tmp_path / "index") as desk:
        list(import_releases(desk, "main", files))
        said = [(file.uploaded, file.yanked) for file in kept(desk).files]
        assert said == [(1e9, None), (1e9 + 1, "broken")]
        # Somebody changed their mind since: that counts.
        name = kept(desk).files[1].filename
        desk.store.set_yanked("main", canonicalize_name("quarrel"), name, None, who="tests")
        list(import_releases(desk, "main", files))
        assert kept(desk).files[1].yanked is None
        log = [(one["who"], one["action"]) for one in desk.store.audit()]
        assert log[::-1] == [
            ("import", "upload"), ("import", "upload"), ("import", "yank"), ("import", "publish"),
            ("tests", "unyank"),
        ]  # fmt: skip


def test_an_import_that_was_interrupted_goes_on(tmp_path: Path, dist: Path) -> None:
    pair(dist, differ=False)
    make_sdist(dist, "quarrel", "1.0", requires=["r0"])
    files = [replace(file, yanked="broken") for file in collect(dist).files]
    with open_desk(tmp_path / "index") as desk:
        add(desk, dist / "quarrel-1.0.tar.gz")
        done = list(import_releases(desk, "main", files))
        assert words(done) == ["quarrel 1.0 published: there already, taken, taken"]
        assert [file.yanked for file in kept(desk).files] == ["broken"] * 3


@pytest.mark.parametrize(
    ("hashes", "outcome", "reason"),
    [
        ({"sha256": "0" * 64}, "refused", "is damaged: its sha256 is "),
        ({"md5": "0" * 32, "sha256": ""}, "refused", "is damaged: its md5 is "),
    ],
)
def test_a_file_that_is_not_what_was_said_is_refused(
    tmp_path: Path, dist: Path, hashes: dict[str, str], outcome: str, reason: str
) -> None:
    make_wheel(dist, "quarrel", "1.0")
    files = [replace(f, hashes={k: v for k, v in hashes.items() if v}) for f in collect(dist).files]
    with open_desk(tmp_path / "index") as desk:
        (done,) = import_releases(desk, "main", files)
    assert (done.files[0].outcome, done.state) == (outcome, None)
    assert (done.files[0].reason or "").startswith(reason)


def test_what_somebody_else_staged_is_not_shown_by_an_import(tmp_path: Path, dist: Path) -> None:
    pair(dist, differ=False)
    with open_desk(tmp_path / "index") as desk:
        add(desk, make_wheel(tmp_path, "quarrel", "1.0", requires=["r0"]))
        (done,) = bring(desk, dist)
        assert (done.state, done.reason) == (
            "staged", "it has files that do not come from here",
        )  # fmt: skip


def test_a_published_release_takes_further_files(tmp_path: Path, dist: Path) -> None:
    pair(dist, differ=False)
    with open_desk(tmp_path / "index") as desk:
        add(desk, next(iter(sorted(dist.iterdir()))))
        publish(desk, "quarrel", "1.0")
        assert words(bring(desk, dist)) == ["quarrel 1.0 published: there already, taken"]
        desk.store.close(kept(desk), who="tests")
        make_sdist(dist, "quarrel", "1.0", requires=["r0"])
        (done,) = bring(desk, dist)
        assert done.files[0].reason == "quarrel 1.0 takes no further files"


def test_a_channel_of_its_own(tmp_path: Path, dist: Path) -> None:
    pair(dist, differ=False)
    with open_desk(tmp_path / "index") as desk:
        bring(desk, dist, channel="old")
        assert desk.store.channels() == ("old",)


def test_a_store_that_takes_nothing_more_ends_it(tmp_path: Path, dist: Path) -> None:
    pair(dist, differ=False)
    with open_desk(tmp_path / "index") as desk:
        files: list[Collected] = list(collect(dist).files)
        desk.store.engine.dispose()
        (tmp_path / "index" / "index.db").unlink()
        (tmp_path / "index" / "index.db").mkdir()
        with pytest.raises(StoreError):
            list(import_releases(desk, "main", files))
