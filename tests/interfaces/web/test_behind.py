"""Pages about what is behind an index, which may be hostile, and away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Status
from tests.serving import Server, serving
from tests.waiting import until

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("behind")


@pytest.fixture(scope="module")
def upstream(folder: Path) -> Iterator[IndexServer]:
    """demo 1.0: two wheels that differ, one of them yanked for a hostile reason, and an sdist."""
    with IndexServer() as found:
        for tag in ("win_amd64", "macosx_11_0_arm64", "manylinux_2_17_x86_64"):
            tags = f"cp312-cp312-{tag}"
            path = make_wheel(folder, "demo", "1.0", tags=tags, requires=[f"{tag[:3]}"])
            yanked = EVIL if tag == "win_amd64" else None
            found.add(path.name, path.read_bytes(), yanked=yanked)
        sdist = make_sdist(folder, "demo", "1.0")
        found.add(sdist.name, sdist.read_bytes())
        for name, link in (
            ("bad-1.0-py3-none-any.whl", "javascript:alert(1)"),
            ("bad-2.0-py3-none-any.whl", "data:text/html,<script>alert(1)</script>"),
        ):
            found.add(name, b"", link=link)
        found.add(f"odd-1.0-{EVIL}.whl", b"", project="odd")
        yield found


@pytest.fixture(scope="module")
def server(folder: Path, upstream: IndexServer) -> Iterator[Server]:
    with serving(folder / "data", "--index", upstream.url, cwd=folder) as found:
        yield found


def seen(server: Server, path: str) -> str:
    """A page, looked at again and again until what it shows is read."""

    def finished() -> str:
        text = server.get(path).text
        return "" if 'id="progress"' in text else text

    return until(finished, f"`{path}` is never finished")


def test_a_project_behind_has_a_page_with_all_its_releases(server: Server) -> None:
    answer = server.get("/p/demo")
    assert answer.status_code == 200
    assert "From the index behind" in answer.text
    assert "/p/demo/1.0" in answer.text
    assert "1 yanked" in answer.text
    assert "/corrected/simple/ demo" in answer.text
    assert "from behind" in server.get("/?q=demo").text


def test_a_release_behind_is_judged_and_shown(server: Server) -> None:
    text = seen(server, "/p/demo/1.0")
    assert "the wheels do not ask for the same" in text
    assert "Nobody asked for the corrected page" in text
    assert re.search(r'href="/files/[0-9a-f]{64}/demo-1.0.tar.gz"', text)
    assert "&lt;script&gt;alert(1)" in text
    assert EVIL not in text
    assert "mergeable" in server.get("/p/demo").text
    assert server.get("/p/demo/1.0").headers["x-robots-tag"] == "noindex, nofollow"
    assert "Files and fields" in server.get("/p/demo/1.0/report").text


def test_a_page_that_watches_is_told_to_load_again_when_all_is_read(server: Server) -> None:
    seen(server, "/p/demo/1.0")
    answer = server.get("/p/demo/1.0", hx_request="true")
    assert (answer.headers["hx-refresh"], answer.text) == ("true", "")


def test_an_address_that_runs_something_is_no_link(server: Server) -> None:
    for path in ("/p/bad", "/p/bad/1.0", "/p/bad/2.0", "/p/odd"):
        text = server.get(path).text
        assert '="javascript:' not in text
        assert '="data:text' not in text
        assert EVIL not in text


@pytest.mark.parametrize("path", ["/p/nothing", "/p/demo/7.0", "/p/nothing/1.0"])
def test_what_is_not_there_either(server: Server, path: str) -> None:
    assert server.get(path).status_code == 404


def test_what_the_corrected_view_made_is_told(server: Server) -> None:
    server.json("demo", "/corrected")
    text = seen(server, "/p/demo/1.0")
    assert "2 derived wheels" in text, "the merged list was not made for the yanked one"
    assert re.search(r'href="/files/[0-9a-f]{64}/demo-1\.0-1cons-', text)
    assert "Not listed" in text


def test_a_channel_shows_what_it_hides(server: Server, tmp_path: Path) -> None:
    seen(server, "/p/demo/1.0")
    wheel = make_wheel(tmp_path, "demo", "1.0", requires=["mpi-lib"])
    assert server.upload(wheel, "/c/mpi").status_code == 200
    assert server.post("/c/mpi/api/demo/1.0/publish").status_code == 200
    who = {"authorization": f"Bearer {server.token}"}
    text = server.get("/channels/mpi", **who).text
    assert "the one of the index behind" in text
    text = server.get("/channels/mpi/demo/1.0", **who).text
    assert "<b>only in mpi</b> <code>mpi-lib</code>" in text
    assert "<b>only in public</b> <code>mac</code>" in text


def test_an_index_behind_that_is_away(tmp_path: Path) -> None:
    with IndexServer() as upstream:
        path = make_wheel(tmp_path, "demo", "1.0")
        upstream.add(path.name, path.read_bytes())
        with serving(tmp_path / "data", "--index", upstream.url, cwd=tmp_path) as server:
            assert server.get("/corrected/simple/demo/").status_code == 200
            upstream.fault("/", Status(403), times=1000)
            project = server.get("/p/demo")
            assert project.status_code == 200
            assert "The index behind does not answer" in project.text
            assert "Not fresh" in server.get("/p/demo/1.0").text
            unknown = server.get("/p/other")
            assert unknown.status_code == 502
            assert "<h1>No good answer from the index behind</h1>" in unknown.text
