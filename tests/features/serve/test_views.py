"""What becomes of a release in the corrected view: derived, hidden, yanked, left, or not known yet."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.build import make_sdist, make_wheel, metadata_text
from tests.desks import add, open_desk, publish
from tests.index_server import IndexServer, Sidecar, Status
from trueup.features.serve.desk import Desk, View
from trueup.features.serve.policies import Irreconcilable, Policy, Sdists, ViewPolicy
from trueup.features.serve.view import PATHS, path_of
from trueup.sources.http import Client
from trueup.sources.index import IndexSource
from trueup.sources.store.store import Page
from trueup.sources.transport import HttpSettings, RetryPolicy

LINUX, MACOS, WINDOWS = (
    f"py3-none-{tag}" for tag in ("manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64")
)
OLD, NEW, NEWEST = (f"py3-none-manylinux_{level}_x86_64" for level in ("2_5", "2_28", "2_41"))
DEMO = canonicalize_name("demo")
CORRECTED = View(steps=("corrected",))


def shown(desk: Desk, view: View = CORRECTED, project: str = "demo") -> Page:
    return desk.page(view, canonicalize_name(project), "json")


def files(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(page.body)["files"]
    return found


def names(page: Page) -> list[str]:
    return [file["filename"] for file in files(page)]


def finished(desk: Desk, view: View = CORRECTED, project: str = "demo") -> Page:
    """The page, when everything was looked into."""
    deadline = time.monotonic() + 30
    while "x-trueup-unchecked" in dict((page := shown(desk, view, project)).said):
        assert time.monotonic() < deadline, page.said
        time.sleep(0.05)
    return page


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key", "project"),
    [
        ("/simple/demo/", "main/faithful", "demo"),
        ("/corrected/simple/demo/", "main/corrected", "demo"),
        ("/c/mpi/simple/demo/", "mpi/faithful", "demo"),
        ("/c/mpi/ledger/corrected/simple/demo/", "mpi/ledger/corrected", "demo"),
        ("/corrected/ledger/simple/demo/", "main/corrected/ledger", "demo"),
        ("/corrected/corrected/simple/demo/", None, None),
        ("/c/mpi/corrected/simple/", None, None),
        ("/c/MPI/simple/demo/", None, None),
        ("/other/simple/demo/", None, None),
        ("/simple/demo", None, None),
    ],
)
def test_an_address_names_a_view(path: str, key: str | None, project: str | None) -> None:
    found = path_of(path)
    assert (found and found.view.key, found and found.project) == (key, project)


def test_every_view_has_one_address() -> None:
    views = [path_of(f"/c/mpi{path}/simple/demo/") for path in PATHS]
    assert len({one.view.key for one in views if one is not None}) == len(PATHS) == 5
    assert all(one is not None and one.view.path == f"/c/mpi{one.steps}" for one in views)


# --- many releases ----------------------------------------------------------------------------------


@pytest.fixture
def upstream() -> Iterator[IndexServer]:
    with IndexServer() as found:
        yield found


def behind(upstream: IndexServer) -> IndexSource:
    retry = RetryPolicy(attempts=2, connect_attempts=1, base=0.01)
    return IndexSource([upstream.url], Client(HttpSettings(retry=retry)))


def offer(upstream: IndexServer, folder: Path, version: str, *asks: Sequence[str]) -> None:
    """Two wheels and perhaps more of a version, with sidecars."""
    for tag, requires in zip((LINUX, WINDOWS, MACOS), asks, strict=False):
        path = make_wheel(folder, "demo", version, tags=tag, requires=requires)
        text = metadata_text("demo", version, requires=requires).encode()
        upstream.add(path.name, path.read_bytes(), sidecar=Sidecar.ADVERTISED, metadata=text)


def test_all_releases_are_corrected_and_none_is_looked_into_twice(
    upstream: IndexServer, tmp_path: Path
) -> None:
    versions = [f"1.{number}" for number in range(12)]
    for version in versions:
        offer(upstream, tmp_path, version, ["one", "linux-only"], ["one"])
    folder = tmp_path / "index"
    with open_desk(folder, open_upstream=lambda: behind(upstream), patience=0) as desk:
        first = shown(desk)
        assert "1.11, 1.10, 1.9" in dict(first.said)["x-trueup-unchecked"]
        assert dict(first.said)["x-trueup-unchecked"].endswith(" and 2 more")
        assert len(names(first)) == 24
        complete = finished(desk)
        derived = [name for name in names(complete) if "-1cons-" in name]
        assert len(derived) == 24
        assert names(complete)[:24] == derived, "derived wheels come first"
        asked = upstream.count(path="/files/")
        assert asked == 24 * 2, "each sidecar and each wheel once"
    with open_desk(folder, open_upstream=lambda: behind(upstream), patience=0) as desk:
        desk.store.forget_pages("demo")
        again = shown(desk)
        assert again.body == complete.body
        assert "x-trueup-unchecked" not in dict(again.said)
        assert upstream.count(path="/files/") == asked, "what was found is kept"


def test_two_workers_share_the_work(upstream: IndexServer, tmp_path: Path) -> None:
    for number in range(6):
        offer(upstream, tmp_path, f"1.{number}", ["one", "linux-only"], ["one"])
    folder = tmp_path / "index"
    with (
        open_desk(folder, open_upstream=lambda: behind(upstream), patience=0) as one,
        open_desk(folder, open_upstream=lambda: behind(upstream), patience=0) as other,
    ):
        for desk in (one, other):
            shown(desk)
        pages = [finished(desk) for desk in (one, other)]
        assert len(names(pages[0])) == 24
        assert pages[0].body == pages[1].body
    assert upstream.count(path="/files/") == 6 * 2 * 2, "each sidecar and each wheel once"


def test_nothing_is_asked_of_an_index_that_is_away(upstream: IndexServer, tmp_path: Path) -> None:
    offer(upstream, tmp_path, "1.0", ["one", "linux-only"], ["one"])
    with open_desk(tmp_path / "index", open_upstream=lambda: behind(upstream)) as desk:
        shown(desk, View())
        upstream.fault("/", Status(403), times=1000)
        page = shown(desk)
        assert page.stale
        assert dict(page.said)["x-trueup-unchecked"] == "1.0"
        assert len(names(page)) == 2
    assert upstream.count(path="/files/") == 0


def test_releases_with_one_sidecar_cost_nothing(upstream: IndexServer, tmp_path: Path) -> None:
    for number in range(5):
        offer(upstream, tmp_path, f"1.{number}", ["one"], ["one"], ["one"])
    with open_desk(tmp_path / "index", open_upstream=lambda: behind(upstream)) as desk:
        page = shown(desk)
        assert len(names(page)) == 15
        assert "x-trueup-unchecked" not in dict(page.said)
    assert upstream.count(path="/files/") == 0


def test_the_newest_releases_are_waited_for(upstream: IndexServer, tmp_path: Path) -> None:
    for version in ("1.0", "1.1", "1.2", "2.0rc1"):
        offer(upstream, tmp_path, version, ["one", "linux-only"], ["one"])
    with open_desk(tmp_path / "index", open_upstream=lambda: behind(upstream)) as desk:
        found = {name.split("-")[1] for name in names(shown(desk)) if "-1cons-" in name}
    assert {"1.0", "1.1", "1.2"} <= found


def test_what_cannot_be_read_now_is_said_and_tried_again(
    upstream: IndexServer, tmp_path: Path
) -> None:
    offer(upstream, tmp_path, "1.0", ["one", "linux-only"], ["one"])
    upstream.fault(".metadata", Status(503), times=100)
    moment = [time.time()]
    with open_desk(
        tmp_path / "index",
        open_upstream=lambda: behind(upstream),
        clock=lambda: moment[0],
        patience=30,
    ) as desk:
        page = shown(desk)
        assert dict(page.said)["x-trueup-unchecked"] == "1.0"
        (account,) = desk.accounts(CORRECTED, DEMO)
        assert account.outcome is not None
        assert account.outcome.verdict.value == "failed"
        assert "win_amd64" in account.outcome.said[0] or "manylinux" in account.outcome.said[0]
        upstream.heal()
        assert names(shown(desk)) == names(page), "not at once"
        moment[0] += 1000
        assert len(names(finished(desk))) == 4


def test_a_file_that_says_nothing_is_told(tmp_path: Path, upstream: IndexServer) -> None:
    offer(upstream, tmp_path, "1.0", ["one", "linux-only"])
    upstream.add(
        "demo-1.0-py3-none-win_amd64.whl", b"no zip", sidecar=Sidecar.ADVERTISED, metadata=b"no"
    )
    with open_desk(tmp_path / "index", open_upstream=lambda: behind(upstream)) as desk:
        page = shown(desk)
        assert dict(page.said)["x-trueup-unchecked"] == "1.0"
        assert len(names(page)) == 2
        (account,) = desk.accounts(CORRECTED, DEMO)
        assert account.outcome is not None
        assert account.outcome.verdict.value == "unread"


# --- policies ---------------------------------------------------------------------------------------


def released(
    desk: Desk,
    folder: Path,
    wheels: Mapping[str, Sequence[str]],
    sdist: Sequence[str] | None = None,
) -> None:
    """Publish demo 1.0 with a wheel for each tag."""
    folder.mkdir(exist_ok=True)
    for tag, requires in wheels.items():
        add(desk, make_wheel(folder, "demo", "1.0", tags=tag, requires=requires))
    if sdist is not None:
        text = metadata_text("demo", "1.0", requires=sdist)
        add(desk, make_sdist(folder, "demo", "1.0", pkg_info=text.encode()))
    publish(desk, "demo", "1.0")


@pytest.mark.parametrize(
    ("wheels", "gone"),
    [
        # The older libc is found on no system that is maintained.
        ({OLD: ["one"], NEW: ["one", "gpu"]}, {OLD}),
        ({OLD: ["one", "gpu"], NEW: ["one"]}, {OLD}),
        # The newer one on few.
        ({OLD: ["one"], NEWEST: ["one", "gpu"]}, {NEWEST}),
        # The class counts, not the file: one is taken on macOS and Windows, too.
        (
            {
                OLD: ["one"],
                "py3-none-manylinux_2_36_x86_64": ["gpu"],
                MACOS: ["one"],
                WINDOWS: ["one"],
            },
            {"py3-none-manylinux_2_36_x86_64"},
        ),
        # Both are, and nothing but the Linux wheels of the smaller class has to go.
        ({OLD: ["one"], NEW: ["one", "gpu"], MACOS: ["one", "gpu"], WINDOWS: ["one"]}, {OLD}),
        # Three classes: the smallest goes first, then the next.
        (
            {"py3-none-manylinux_2_31_x86_64": ["three"], OLD: ["one"], NEW: ["two"]},
            {OLD, NEW},
        ),
    ],
)
@pytest.mark.parametrize("policy", list(Irreconcilable))
def test_the_smaller_class_goes(
    policy: Irreconcilable, wheels: Mapping[str, Sequence[str]], gone: set[str], tmp_path: Path
) -> None:
    views = ViewPolicy(irreconcilable=policy)
    lost = {f"demo-1.0-{tag}.whl" for tag in gone}
    with open_desk(tmp_path / "index", policy=Policy.WARN, views=views) as desk:
        released(desk, tmp_path / "dist", wheels)
        faithful, page = shown(desk, View()), shown(desk)
        (account,) = desk.accounts(CORRECTED, DEMO)
        assert account.outcome is not None
    assert all("no marker" in text or "asks for" in text for text in account.outcome.said)
    match policy:
        case Irreconcilable.LEAVE:
            assert names(page) == names(faithful)
            assert dict(page.said)["x-trueup-irreconcilable"] == "1.0 left"
        case Irreconcilable.HIDE_MINORITY:
            assert set(names(faithful)) - set(names(page)) == lost
            assert dict(page.said)["x-trueup-irreconcilable"] == "1.0 hidden"
        case Irreconcilable.YANK:
            yanked = {file["filename"]: file["yanked"] for file in files(page) if file["yanked"]}
            assert yanked.keys() == lost
            assert all("no marker can tell them apart" in reason for reason in yanked.values())
            assert dict(page.said)["x-trueup-irreconcilable"] == "1.0 yanked"


def test_what_stays_after_the_smaller_class_is_corrected(tmp_path: Path) -> None:
    views = ViewPolicy(irreconcilable=Irreconcilable.HIDE_MINORITY)
    wheels = {OLD: ["one"], NEW: ["one", "gpu"], WINDOWS: ["one"]}
    with open_desk(tmp_path / "index", policy=Policy.WARN, views=views) as desk:
        released(desk, tmp_path / "dist", {**wheels, MACOS: ["one", "mac-only"]})
        stays = (MACOS, NEW, WINDOWS)
        assert names(shown(desk)) == [
            *(f"demo-1.0-1cons-{tag}.whl" for tag in stays),
            *(f"demo-1.0-{tag}.whl" for tag in (NEW, WINDOWS, MACOS)),
        ]


@pytest.mark.parametrize(
    ("sdists", "asks", "listed"),
    [
        (Sdists.HIDE, ["one"], False),
        (Sdists.KEEP, ["one"], True),
        (Sdists.HIDE, ["one", "linux_only ; platform_system=='Linux'"], True),
    ],
)
def test_an_sdist_that_contradicts(
    sdists: Sdists, asks: Sequence[str], listed: bool, tmp_path: Path
) -> None:
    views = ViewPolicy(sdists=sdists)
    with open_desk(tmp_path / "index", policy=Policy.WARN, views=views) as desk:
        released(desk, tmp_path / "dist", {LINUX: ["one", "linux-only"], WINDOWS: ["one"]}, asks)
        assert ("demo-1.0.tar.gz" in names(shown(desk))) is listed


def test_another_policy_shows_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    with open_desk(folder, policy=Policy.WARN) as desk:
        released(desk, tmp_path / "dist", {OLD: ["one"], NEW: ["one", "gpu"]})
        assert len(names(shown(desk))) == 2
    views = ViewPolicy(irreconcilable=Irreconcilable.HIDE_MINORITY)
    with open_desk(folder, policy=Policy.WARN, views=views) as desk:
        assert names(shown(desk)) == [f"demo-1.0-{NEW}.whl"]


# --- corrections change -----------------------------------------------------------------------------


def test_an_earlier_correction_stays_on_the_page(tmp_path: Path) -> None:
    """A release gets another wheel, and so another list: locks of the first one still hold."""
    with open_desk(tmp_path / "index", policy=Policy.WARN) as desk:
        released(desk, tmp_path / "dist", {LINUX: ["one", "linux-only"], WINDOWS: ["one"]})
        before = {file["filename"]: file["hashes"]["sha256"] for file in files(shown(desk))}
        path = make_wheel(tmp_path / "dist", "demo", "1.0", tags=MACOS, requires=["one"])
        add(desk, path)
        desk.follow()
        page = shown(desk)
        after = {file["filename"]: file["hashes"]["sha256"] for file in files(page)}
        assert before.items() <= after.items()
        later = [name for name in after if "-1cons02-" in name]
        assert {name.rpartition("-")[2] for name in later} <= {
            "manylinux_2_17_x86_64.whl", "win_amd64.whl", "macosx_11_0_arm64.whl"
        }  # fmt: skip
        for file in files(page):
            found = desk.files.file(file["hashes"]["sha256"], file["filename"])
            assert found.size == file["size"]


def test_two_builds_of_one_wheel_get_names_of_their_own(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index", policy=Policy.WARN) as desk:
        folder = tmp_path / "dist"
        folder.mkdir()
        for build in (None, "1", "2local"):
            add(desk, make_wheel(folder, "demo", "1.0", tags=LINUX, build=build, requires=["one"]))
        add(desk, make_wheel(folder, "demo", "1.0", tags=WINDOWS, requires=["two"]))
        publish(desk, "demo", "1.0")
        found = names(shown(desk))
    assert len(found) == len(set(found)) == 8
    assert found[:4] == [
        f"demo-1.0-1cons-{LINUX}.whl",
        f"demo-1.0-1cons-{WINDOWS}.whl",
        f"demo-1.0-1cons02-{LINUX}.whl",
        f"demo-1.0-2localcons-{LINUX}.whl",
    ]
