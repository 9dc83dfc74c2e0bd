"""The pages for people: public ones show what is published, the others ask for a token."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import httpx2
import pytest

from tests.build import make_wheel
from tests.serving import Server, serving, trueup

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAGS = (f"{THIS}-{THIS}-manylinux_2_17_x86_64", f"{THIS}-{THIS}-win_amd64")
EVIL = 'evil; platform_system == "<script>alert(1)</script>"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """demo 1.0 is published and differs, demo 2.0 and other 1.0 wait, channel mpi has its own."""
    folder = tmp_path_factory.mktemp("pages")
    with serving(folder / "data", "--hosted-only", "--policy", "warn") as found:
        for tag, asks in zip(TAGS, (["one", "two"], ["one", EVIL]), strict=True):
            wheel = make_wheel(folder, "demo", "1.0", tags=tag, requires=asks)
            assert found.upload(wheel).status_code == 200
        assert found.post("/api/demo/1.0/publish").status_code == 200
        assert found.upload(make_wheel(folder, "demo", "2.0")).status_code == 200
        assert found.upload(make_wheel(folder, "other", "1.0")).status_code == 200
        local = make_wheel(folder, "demo", "1.0", requires=["one", "mpi-lib"])
        assert found.upload(local, "/c/mpi").status_code == 200
        yield found


def private(server: Server, path: str) -> httpx2.Response:
    return httpx2.get(f"{server.url}{path}", auth=("__token__", server.token), verify=False)


@pytest.mark.parametrize(
    ("path", "there", "absent"),
    [
        ("/", "demo", "other"),
        ("/?q=DE_MO", "0 projects", "/p/demo"),
        ("/?q=Dem", "/p/demo", "other"),
        ("/?q=%3Cscript%3E", "&lt;script&gt;", "<script"),
        ("/p/demo", "/p/demo/1.0", "2.0"),
        ("/p/demo/1.0", "Requires-Dist", "<script"),
        ("/p/demo/1.0", "One list that serves every wheel", "mpi-lib"),
        ("/p/Demo/1.0/report", "Files and fields", "<script>alert"),
    ],
)
def test_public_pages(server: Server, path: str, there: str, absent: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 200
    assert there in answer.text
    assert absent not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/p/other", "/p/other/1.0", "/p/demo/2.0", "/p/demo/2.0/report", "/p/demo/latest"]
)
def test_what_is_not_published_is_not_there(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/waiting", "/channels/main/demo/2.0"),
        ("/channels", "/channels/mpi"),
        ("/channels/mpi", "/channels/mpi/demo/1.0"),
        ("/channels/main/other/1.0", "staged in channel main"),
        ("/channels/main/other/1.0/report", "Files and fields"),
        ("/channels/mpi/demo/1.0", "<b>only in mpi</b> <code>mpi-lib</code>"),
        ("/audit", "publish"),
    ],
)
def test_private_pages_ask_for_a_token(server: Server, path: str, there: str) -> None:
    refused = server.get(path)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert there not in refused.text
    answer = private(server, path)
    assert answer.status_code == 200
    assert there in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/waiting", "/channels", "/channels/main", "/audit"])
def test_a_token_shows_no_more_than_it_may_change(server: Server, path: str) -> None:
    token = trueup("serve", "--data", str(server.data), "token", "narrow", "--channel", "mpi")
    text = httpx2.get(f"{server.url}{path}", auth=("__token__", token), verify=False).text
    assert "demo/2.0" not in text
    assert "<td>main</td>" not in text
    assert "/channels/main" not in text
    other = f"{server.url}/channels/main/other/1.0"
    assert httpx2.get(other, auth=("__token__", token), verify=False).status_code == 404


def test_the_style_sheet_is_the_only_thing_a_page_loads(server: Server) -> None:
    assert server.get("/style.css").headers["content-type"].startswith("text/css")
    assert "style-src 'self'" in server.get("/").headers["content-security-policy"]
