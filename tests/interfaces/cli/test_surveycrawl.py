"""`trueup survey crawl` as a user runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawled import LINUX, WINDOWS, all_rows, list_projects, put
from tests.index_server import IndexServer, Status
from trueup.interfaces.cli.main import main


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    """An empty test index; it is on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with IndexServer() as running:
        yield running


def told(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    found = main(["survey", "crawl", *map(str, arguments)])
    captured = capsys.readouterr()
    assert found == code, captured.err
    return captured.out if code != 2 else captured.err


def test_a_crawl_and_what_it_says(
    server: IndexServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(server, tmp_path / "files", "demo", {LINUX: ["a"], WINDOWS: []})
    put(server, tmp_path / "files", "other", {LINUX: ["a"]})
    list_projects(server, "gone")
    server.page("/simple/bad/", b"garbage")
    names = tmp_path / "names.txt"
    names.write_text("# ours\ndemo\n\nOther==1.0  # one release\nbad\ngone\n")
    options = [
        "--index",
        server.url,
        "--rate",
        1000,
        "--contact",
        "me@example.test",
        "--buckets",
        4,
    ]
    text = told(capsys, tmp_path / "d", "--from", names, *options, code=1)
    first, second, *problems = text.splitlines()
    assert first == "4 projects: 2 read, 0 as they were, 1 gone, 1 unread; 6 requests"
    assert second.endswith("-crawl: 3 files of 2 projects: 3 from the sidecar or its digest")
    assert problems[0].startswith("unread: bad: `http://127.0.0.1:")
    assert problems[1].startswith("gone: gone: `http://127.0.0.1:")
    assert len(all_rows(tmp_path / "d")) == 3
    assert {one.headers["user-agent"].partition(" ")[2] for one in server.log} == {
        "(survey; +me@example.test)"
    }


def test_an_index_that_gives_no_list(
    server: IndexServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.fault("/simple/", Status(403))
    text = told(capsys, tmp_path / "d", "--index", server.url, code=2)
    assert "the server wants a login" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--index", "https://index.test/simple/"], "all projects of the index"),
        (["--index", "https://index.test/simple/", *map("p{}".format, range(201))], "201 projects"),
        (["--index", "file:///x", "demo"], "`trueup survey walk` reads folders"),
        (["--index", "http://127.0.0.1:9/", "demo", "--contact", "me\r\nX: y"], "a mail address"),
        (["--index", "http://127.0.0.1:9/", "../demo"], "`NAME` or `NAME==VERSION`"),
        (["--index", "http://127.0.0.1:9/", "demo=="], "`NAME` or `NAME==VERSION`"),
    ],
)  # fmt: skip
def test_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    text = told(capsys, tmp_path / "d", *arguments, code=2)
    assert words in " ".join(text.split())
    assert not (tmp_path / "d").exists()


def test_a_line_that_is_no_project_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("demo\nnumpy>=1\n")
    text = told(capsys, tmp_path / "d", "--from", names, "--index", "http://127.0.0.1:9/", code=2)
    assert "line 2" in text
    assert "`numpy>=1`" in text


def test_a_sample_is_drawn_once_and_told_of(
    server: IndexServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        put(server, tmp_path / "files", f"p{number}", {LINUX: ["a"] if number < 4 else []})
    list_projects(server)
    options = ["--index", server.url, "--rate", 1000, "--buckets", 4, "--sample", 5]
    text = told(capsys, tmp_path / "d", *options, "--seed", 3)
    assert text.startswith("5 projects: 5 read")
    drawn = {row.project for row in all_rows(tmp_path / "d").values()}
    assert len(drawn) == 5
    told(capsys, tmp_path / "d", *options, "--seed", 3)
    assert {row.project for row in all_rows(tmp_path / "d").values()} == drawn
    assert "holds another sample" in told(capsys, tmp_path / "d", *options, "--seed", 4, code=2)
    assert "`--sample` draws from all projects" in told(
        capsys, tmp_path / "d", "p1", *options, code=2
    )
    assert main(["survey", "audit", str(tmp_path / "d")]) == 0
    capsys.readouterr()
    assert main(["survey", "report", str(tmp_path / "d")]) == 0
    assert "5 projects of 12 were drawn (seed 3)" in capsys.readouterr().out
