"""What people look through: projects, releases, the log, a page at a time; and who is logged in."""

from __future__ import annotations

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.sources.store.catalogue import FoundProject
from trueup.sources.store.store import HostedFile, Scope, State, Store

ONE = Version("1.0")


def stage(
    store: Store,
    project: str,
    name: str,
    *,
    channel: str = "main",
    size: int = 5,
    version: Version = ONE,
) -> None:
    named = NormalizedName(project)
    file = HostedFile(
        filename=name, sha256="0" * 64, size=size, core_metadata=None, requires_python=None,
        yanked=None, uploaded=float(size), uploader="somebody",
    )  # fmt: skip
    store.add_file(
        channel, named, version, file, verdict={"class": "identical"}, state=State.STAGED,
        beside=store.release(channel, named, version),
    )  # fmt: skip


def publish(store: Store, project: str, *, channel: str = "main") -> None:
    found = store.release(channel, NormalizedName(project), ONE)
    assert found is not None
    store.publish(found, who="me", verdict={"class": "identical"})


@pytest.fixture
def filled(store: Store) -> Store:
    """Published: num, numpy, xnum; staged: num-staged; behind: numpy, num-behind; mpi: num-mpi."""
    for project in ("numpy", "num", "xnum"):
        stage(store, project, f"{project}-1.whl")
        stage(store, project, f"{project}-2.whl", size=7)
        publish(store, project)
    stage(store, "num-staged", "staged.whl")
    stage(store, "num-mpi", "mpi.whl", channel="mpi")
    publish(store, "num-mpi", channel="mpi")
    for project in ("numpy", "num-behind"):
        store.keep_remote(project, b"{}", [])
    return store


@pytest.mark.parametrize(
    ("text", "total", "names"),
    [
        ("", 4, ["num", "num-behind", "numpy", "xnum"]),
        ("num", 4, ["num", "num-behind", "numpy", "xnum"]),
        ("numpy", 1, ["numpy"]),
        ("nump%", 0, []),
        ("n_m", 0, []),
        ("mpi", 0, []),
    ],
)
def test_projects_are_found_by_a_part_of_their_name(
    filled: Store, text: str, total: int, names: list[str]
) -> None:
    number, found = filled.find_projects("main", text, limit=10)
    assert (number, [one.name for one in found]) == (total, names)


def test_the_one_of_that_name_comes_first_then_what_begins_so(filled: Store) -> None:
    stage(filled, "a-num", "a.whl")
    publish(filled, "a-num")
    _, found = filled.find_projects("main", "num", limit=10)
    assert [one.name for one in found] == ["num", "num-behind", "numpy", "a-num", "xnum"]
    total, found = filled.find_projects("main", "num", offset=2, limit=2)
    assert (total, [one.name for one in found]) == (5, ["numpy", "a-num"])


def test_a_project_is_counted(filled: Store) -> None:
    _, [numpy] = filled.find_projects("main", "numpy", limit=10)
    _, [behind] = filled.find_projects("main", "behind", limit=10)
    assert numpy == FoundProject(
        name=NormalizedName("numpy"), releases=1, files=2, size=12, newest=7.0, behind=True
    )
    assert (numpy.hosted, behind.hosted, behind.newest) == (True, False, None)


def test_releases_are_summed_up(filled: Store) -> None:
    numpy = NormalizedName("numpy")
    filled.set_yanked("main", numpy, "numpy-1.whl", "broken", who="me")
    [found] = filled.summaries(project=numpy)
    assert (found.files, found.size, found.yanked) == (2, 12, 1)
    assert filled.verdicts([found.id, 999]) == {found.id: {"class": "identical"}}
    waiting = filled.summaries(states=[State.STAGED, State.QUARANTINED])
    assert [one.project for one in waiting] == ["num-staged"]
    assert [one.project for one in filled.summaries(channel="mpi")] == ["num-mpi"]
    assert len(filled.summaries(limit=2)) == 2


def test_the_history_of_a_release_has_what_was_done_to_its_files(filled: Store) -> None:
    numpy = NormalizedName("numpy")
    filled.set_yanked("main", numpy, "numpy-1.whl", "broken", who="me")
    stage(filled, "numpy", "other.whl", version=Version("2.0"))
    filled.set_yanked("main", numpy, "other.whl", "not of it", who="me")
    found = filled.history("main", numpy, ONE, ["numpy-1.whl", "numpy-2.whl"])
    assert [one["action"] for one in found] == ["yank", "publish", "upload", "upload"]
    assert filled.history("mpi", numpy, ONE, ["numpy-1.whl"]) == ()


def test_the_log_is_filtered_and_read_page_by_page(filled: Store) -> None:
    everything = filled.log(limit=100)
    assert len(everything) == 12
    first = filled.log(limit=5)
    rest = filled.log(before=first[-1]["id"], limit=100)
    assert (*first, *rest) == everything
    uploads = filled.log(project="numpy", action="upload", who="somebody", limit=100)
    assert [one["filename"] for one in uploads] == ["numpy-2.whl", "numpy-1.whl"]
    assert filled.log(who="nobody", limit=100) == ()


def test_a_session_ends_with_its_hours_its_token_or_when_somebody_logs_out(store: Store) -> None:
    now = 1000.0
    store.clock = lambda: now
    store.make("other", Scope())
    token = store.find(store.make("build", Scope(projects=("demo",)), seconds=500))
    assert token is not None
    short, long, left = (store.log_in(token, seconds=each) for each in (100, 9000, 9000))
    assert store.visitor(short) == token
    assert store.visitor("invented") is None
    store.log_out(left)
    assert store.visitor(left) is None
    now = 1100.0
    assert (store.visitor(short), store.visitor(long)) == (None, token)
    now = 1500.0
    assert store.visitor(long) is None
    now = 1400.0
    assert store.visitor(long) == token
    store.revoke(token.id)
    assert store.visitor(long) is None
