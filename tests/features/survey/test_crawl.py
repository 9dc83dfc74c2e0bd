"""A crawl of a real server: what it asks for, what it writes, what it says of what goes wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawled import LINUX, MAC, WINDOWS, all_rows, crawled, list_projects, put, put_sdist
from tests.index_server import Drop, Fault, Hang, IndexServer, Redirect, Sidecar, Status, Truncate
from tests.surveyed import audited, results
from trueup.model.errors import SourceError
from trueup.model.filerow import Provenance
from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.records import Tally

SAME = {LINUX: ["a"], WINDOWS: ["a"], MAC: ["a"]}
DIFFER = {LINUX: ["a", "b"], WINDOWS: ["a"], MAC: ["a", "b"]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    """An empty test index; it is on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with IndexServer() as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


def asked(server: IndexServer) -> list[str]:
    """What was asked for since last time, in short."""
    found = sorted(f"{request.path.removeprefix('/')}" for request in server.requests())
    server.forget()
    return [path.removeprefix("files/") for path in found]


@pytest.mark.parametrize(
    ("wheels", "sidecar", "requests", "said"),
    [
        (SAME, Sidecar.ADVERTISED, 0, ("identical", "same", "sidecar")),
        (DIFFER, Sidecar.ADVERTISED, 2, ("mergeable", "differs", "sidecar")),
        (DIFFER, Sidecar.WITHOUT_HASH, 3, ("mergeable", "differs", "sidecar")),
        (DIFFER, Sidecar.UNADVERTISED, 3, ("mergeable", "differs", "sidecar")),
        (SAME, Sidecar.NONE, 4, ("identical", "same", "archive")),
        (DIFFER, Sidecar.NONE, 4, ("mergeable", "differs", "archive")),
        # The index gives the digest, so equal ones are a proof although nobody has the file.
        (SAME, Sidecar.MISSING, 0, ("identical", "same", "sidecar")),
        (DIFFER, Sidecar.MISSING, 4, ("mergeable", "differs", "archive+sidecar")),
    ],
)  # fmt: skip
def test_the_minimum_is_asked_for(
    server: IndexServer, files: Path, dataset: Path,
    wheels: dict[str, list[str]], sidecar: Sidecar, requests: int, said: tuple[str, ...],
) -> None:  # fmt: skip
    put(server, files, "demo", wheels, sidecar=sidecar)
    found = crawled(server, dataset, "demo")
    assert found.tally == Tally(wanted=1, read=1)
    assert server.count(path="/files/") == requests
    audited(dataset)
    assert results(dataset, "releases", "class, as_written, evidence") == [said]


def test_rows_say_what_check_would_read(server: IndexServer, files: Path, dataset: Path) -> None:
    names = put(server, files, "demo", DIFFER, requires_python=">=3.8", yanked="broken",
                upload_time="2026-01-02T03:04:05.678901Z")  # fmt: skip
    put_sdist(server, files, "demo", ["a"], headers=[("Dynamic", "requires-dist")])
    server.add("demo-1.0.win32.exe", b"MZ", project="demo")
    crawled(server, dataset, "demo", sdists=True)
    rows = all_rows(dataset)
    linux, sdist = rows[names[0]], rows["demo-1.0.tar.gz"]
    assert (linux.project, linux.version, linux.requires_dist) == ("demo", "1.0", ("a", "b"))
    assert (linux.index_requires_python, linux.yanked) == (">=3.8", "broken")
    assert str(linux.uploaded) == "2026-01-02 03:04:05.678901+00:00"
    assert linux.sha256 == server.projects["demo"][names[0]].digest
    assert (sdist.source, sdist.dynamic) == (Provenance.ARCHIVE, ("Requires-Dist",))
    other = rows["demo-1.0.win32.exe"]
    assert (other.source, other.version, other.problem) == (Provenance.UNREAD, "1.0", None)


def test_sdists_are_compared_on_request(server: IndexServer, files: Path, dataset: Path) -> None:
    put(server, files, "demo", {"py3-none-any": ["a"]})
    put_sdist(server, files, "demo", [])
    crawled(server, dataset, "demo")
    assert asked(server) == ["simple/demo/"]
    crawled(server, dataset, "demo", sdists=True)
    assert asked(server) == [
        "demo-1.0-py3-none-any.whl.metadata",
        "demo-1.0.tar.gz",
        "simple/demo/",
    ]
    audited(dataset)
    assert results(dataset, "releases", "class, promise, sdist") == [
        ("identical", "static", "differs")
    ]


def test_pages_in_html(server: IndexServer, files: Path, dataset: Path) -> None:
    server.as_json = False
    put(server, files, "demo", DIFFER)
    crawled(server, dataset, "demo")
    assert server.count(path="/files/") == 2
    assert len(all_rows(dataset)) == 3


def test_all_that_the_index_lists(server: IndexServer, files: Path, dataset: Path) -> None:
    for number in range(30):
        put(server, files, f"p{number:02}", {"py3-none-any": []})
    list_projects(server, "gone", "../bad")
    found = crawled(server, dataset)
    assert found.tally == Tally(wanted=31, read=30, gone=1)
    assert [problem[:2] for problem in found.problems] == [("../bad", "unread"), ("gone", "gone")]
    assert len(all_rows(dataset)) == 30
    # It is in the dataset, too, for whoever reads that.
    (record,) = (json.loads(path.read_bytes()) for path in dataset.glob("imports/*.json"))
    assert (record["rows"], [one["project"] for one in record["problems"]]) == (
        30, ["../bad", "gone"]
    )  # fmt: skip


def test_one_release_and_the_newest(server: IndexServer, files: Path, dataset: Path) -> None:
    for version in ("1.0", "1.1", "2.0", "3.0a1"):
        put(server, files, "demo", {"py3-none-any": []}, version=version)
    crawled(server, dataset, "demo==1.1", newest=1)
    assert {row.version for row in all_rows(dataset).values()} == {"1.1", "2.0"}
    found = crawled(server, dataset, "demo==7.0")
    assert [problem[2] for problem in found.problems] == ["has no `7.0`"]


def test_the_next_crawl_asks_only_for_what_has_changed(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    put(server, files, "old", DIFFER)
    put(server, files, "new", DIFFER)
    serials = {"old": 1, "new": 2}
    list_projects(server, serials=serials)
    crawled(server, dataset)
    server.forget()
    assert crawled(server, dataset).tally == Tally(wanted=2, same=2)
    assert asked(server) == ["simple/"]
    # A new file of it: what was read before is not read again.
    put(server, files, "new", {"cp313-cp313-win_amd64": ["c"]})
    list_projects(server, serials={**serials, "new": 3})
    assert crawled(server, dataset).tally == Tally(wanted=2, read=1, same=1)
    assert asked(server) == ["new-1.0-cp313-cp313-win_amd64.whl.metadata", "simple/", "simple/new/"]
    assert len(all_rows(dataset)) == 7
    # Without serial numbers the pages are asked for, and answered without a body.
    list_projects(server)
    assert crawled(server, dataset).tally == Tally(wanted=2, same=2)
    assert server.count(status=304) == 2
    audited(dataset)
    assert results(dataset, "releases", "project, files") == [("new", 4), ("old", 3)]


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"under construction", "text/html", "neither JSON nor HTML"),
        (b"<a href='/login'>log in</a>", "text/html", "no file of any release"),
        (b'{"files": 3}', "application/vnd.pypi.simple.v1+json", "not the JSON"),
        (b"\x89PNG", "image/png", "unexpected content type"),
        (b'{"files": [{"filename": "../x", "url": "x"}]}', "application/json", "malformed name"),
    ],
)  # fmt: skip
def test_a_page_that_is_garbage_is_named(
    server: IndexServer, files: Path, dataset: Path, body: bytes, kind: str, words: str
) -> None:
    put(server, files, "good", DIFFER)
    server.page("/simple/bad/", body, kind)
    found = crawled(server, dataset, "bad", "good")
    assert found.tally == Tally(wanted=2, read=1, unread=1)
    ((project, outcome, problem),) = found.problems
    assert (project, outcome) == ("bad", "unread")
    assert words in problem


def test_a_page_without_end_is_given_up(
    server: IndexServer, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.features.survey.live.MAX_PAGE_BYTES", 1_000_000)
    server.page("/simple/bad/", b"x" * 100_000, repeat=10_000)
    found = crawled(server, dataset, "bad")
    assert "too large" in found.problems[0][2]
    assert server.left_early.wait(5)


@pytest.mark.parametrize(
    "fault", [Status(503), Status(429, {"Retry-After": "0"}), Drop(), Truncate(20), Hang()]
)
@pytest.mark.parametrize("path", ["/simple/demo/", ".metadata"])
def test_what_passes_is_waited_for(
    server: IndexServer, files: Path, dataset: Path, path: str, fault: Fault
) -> None:
    put(server, files, "demo", DIFFER)
    server.fault(path, fault, times=2 if not isinstance(fault, Hang) else 1)
    found = crawled(server, dataset, "demo", timeout=0.3)
    assert found.problems == []
    assert {row.source for row in all_rows(dataset).values()} == {Provenance.SIDECAR}


def test_a_project_that_cannot_be_had_now_is_tried_once_more_at_the_end(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    put(server, files, "demo", DIFFER)
    put(server, files, "other", DIFFER)
    server.fault("/simple/demo/", Status(502), times=4)
    assert crawled(server, dataset, "demo", "other").tally == Tally(wanted=2, read=2)


@pytest.mark.parametrize("path", ["/simple/demo/", ".metadata"])
def test_what_stays_unread_is_named_and_asked_for_next_time(
    server: IndexServer, files: Path, dataset: Path, path: str
) -> None:
    put(server, files, "demo", DIFFER)
    list_projects(server, serials={"demo": 1})
    server.fault(path, Status(503), times=99)
    if path == ".metadata":
        server.fault(".whl", Status(503), times=99)
    found = crawled(server, dataset)
    ((project, _, problem),) = found.problems
    assert project == "demo"
    assert "503" in problem
    server.heal()
    assert crawled(server, dataset).tally == Tally(wanted=1, read=1)
    assert {row.source for row in all_rows(dataset).values()} == {Provenance.SIDECAR}


def test_wrong_sidecars_are_named_and_the_files_read(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    names = put(server, files, "demo", DIFFER)
    put(server, files, "demo", {LINUX: ["a", "b"]}, metadata_sha256="00" * 32)
    found = crawled(server, dataset, "demo")
    row = all_rows(dataset)[names[0]]
    assert (row.source, row.requires_dist) == (Provenance.ARCHIVE, ("a", "b"))
    assert "sha256 is not the one" in (row.problem or "")
    assert names[0] in found.problems[0][2]


def test_damaged_files_are_unread_and_the_rest_is_read(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    names = put(server, files, "demo", DIFFER, sidecar=Sidecar.NONE)
    server.projects["demo"][names[0]].data = b"no zip"
    crawled(server, dataset, "demo")
    rows = all_rows(dataset)
    assert (rows[names[0]].source, bool(rows[names[0]].problem)) == (Provenance.UNREAD, True)
    assert [row.source for row in rows.values()].count(Provenance.ARCHIVE) == 2
    audited(dataset)
    assert results(dataset, "releases", "at_least, unread") == [(True, 1)]


def test_links_that_lead_out_are_not_followed(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    put(server, files, "demo", DIFFER, link="file:///etc/passwd")
    crawled(server, dataset, "demo")
    assert {row.source for row in all_rows(dataset).values()} == {Provenance.UNREAD}


def test_a_project_that_moved_to_another_host(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    with IndexServer() as other:
        put(other, files, "demo", DIFFER)
        server.fault("/simple/demo/", Redirect(f"{other.url}demo/"))
        crawled(server, dataset, "demo")
        assert other.count(path=".metadata") == 2
    assert len(all_rows(dataset)) == 3


def test_a_server_that_stops_answering_stops_the_crawl(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    for number in range(40):
        put(server, files, f"p{number:02}", {"py3-none-any": []})
    list_projects(server)
    server.fault("/simple/p", Status(503), times=10_000)
    with pytest.raises(SourceError, match="does not answer any more") as caught:
        crawled(server, dataset)
    assert "same command" in (caught.value.hint or "")
    server.heal()
    server.forget()
    assert crawled(server, dataset).tally == Tally(wanted=40, read=40)
    assert "simple/" not in asked(server), "the list was read"


@pytest.mark.parametrize("body", [b" ", b"<p>none</p>", b"{"])
def test_an_index_without_a_list(server: IndexServer, dataset: Path, body: bytes) -> None:
    server.page(
        "/simple/", body, "application/vnd.pypi.simple.v1+json" if body == b"{" else "text/html"
    )
    with pytest.raises(SourceError, match="list of projects"):
        crawled(server, dataset)


def test_a_crawl_in_small_pieces(server: IndexServer, files: Path, dataset: Path) -> None:
    """With a limit, and with parts of the dataset written on the way: nothing lost, nothing twice."""
    for number in range(20):
        put(server, files, f"p{number:02}", DIFFER)
    list_projects(server)
    left = [crawled(server, dataset, limit=6, part=2).tally.left for _ in range(4)]
    assert left == [14, 8, 2, 0]
    assert len(all_rows(dataset)) == 60
    assert server.count(path="/simple/p") == 20
    assert server.count(path=".metadata") == 40


def test_the_same_bytes_whoever_is_first(server: IndexServer, files: Path, tmp_path: Path) -> None:
    for number in range(8):
        put(server, files, f"p{number}", DIFFER)
    list_projects(server)
    seen = []
    for workers in (1, 7):
        folder = tmp_path / str(workers)
        crawled(server, folder, workers=workers)
        seen.append([path.read_bytes() for path in sorted(folder.glob("files/*/*.parquet"))])
    assert seen[0] == seen[1]


def test_an_import_that_was_interrupted_is_written_before_anything_else(
    server: IndexServer, files: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the next crawl is another one, which reads the very projects again."""
    for number in range(6):
        put(server, files, f"p{number}", DIFFER)
    list_projects(server)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "forget", killed)
        with pytest.raises(KeyboardInterrupt):
            crawled(server, dataset)
    found = crawled(server, dataset, sdists=True)
    assert [written.rows for _, written in found.written] == [18, 18]
    assert len(all_rows(dataset)) == 18


def killed(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_a_dataset_that_was_removed_is_read_again(
    server: IndexServer, files: Path, dataset: Path
) -> None:
    put(server, files, "demo", DIFFER)
    list_projects(server, serials={"demo": 1})
    crawled(server, dataset)
    for part in dataset.iterdir():
        if part.name != "crawl":
            shutil.rmtree(part) if part.is_dir() else part.unlink()
    assert crawled(server, dataset).tally == Tally(wanted=1, read=1)
    assert len(all_rows(dataset)) == 3
