"""The pages for people: public ones show what is published, the others ask for a token."""

from __future__ import annotations

import re
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
    """demo 1.0 and apart 1.0 are published and differ, demo 2.0 and other 1.0 wait, channel mpi has its own."""
    folder = tmp_path_factory.mktemp("pages")
    with serving(folder / "data", "--hosted-only", "--policy", "warn") as found:
        for tag, asks in zip(TAGS, (["one", "two"], ["one", EVIL]), strict=True):
            wheel = make_wheel(folder, "demo", "1.0", tags=tag, requires=asks)
            assert found.upload(wheel).status_code == 200
        assert found.post("/api/demo/1.0/publish").status_code == 200
        for level, needed in ((17, "one"), (28, "two")):
            tags = f"{THIS}-{THIS}-manylinux_2_{level}_x86_64"
            wheel = make_wheel(folder, "apart", "1.0", tags=tags, requires=[needed])
            assert found.upload(wheel).status_code == 200
        assert found.post("/api/apart/1.0/publish").status_code == 200
        assert found.upload(make_wheel(folder, "demo", "0.9")).status_code == 200
        assert found.post("/api/demo/0.9/publish").status_code == 200
        yanked = "/api/demo/yank/demo-0.9-py3-none-any.whl?reason=%3Cscript%3Ealert(2)"
        assert found.post(yanked).status_code == 200
        assert found.upload(make_wheel(folder, "demo", "2.0")).status_code == 200
        assert found.upload(make_wheel(folder, "other", "1.0")).status_code == 200
        local = make_wheel(folder, "demo", "1.0", requires=["one", "mpi-lib"])
        assert found.upload(local, "/c/mpi").status_code == 200
        yield found


def private(server: Server, path: str, token: str | None = None) -> httpx2.Response:
    who = ("__token__", token or server.token)
    return httpx2.get(f"{server.url}{path}", auth=who, verify=False)


@pytest.mark.parametrize(
    ("path", "there", "absent"),
    [
        ("/", "/p/demo", "other"),
        ("/?q=DE_MO", "0 projects", "/p/demo"),
        ("/?q=Dem", "/p/demo", "other"),
        ("/?q=%3Cscript%3E", "&lt;script&gt;", "<script>"),
        ("/?page=7", "/p/demo", "other"),
        ("/?page=x", "/p/demo", "other"),
        ("/p/demo", "/p/demo/1.0", "2.0"),
        ("/p/demo", "/corrected/simple/ demo", "mpi"),
        ("/p/demo/1.0", "Requires-Dist", "<script>alert"),
        ("/p/demo/1.0", "One list that serves every wheel", "mpi-lib"),
        ("/p/demo/0.9", "&lt;script&gt;alert(2)", "<script>alert"),
        ("/p/demo/0.9", '<b class="warned">yanked</b>', "1 yanked"),
        ("/p/demo/1.0", "To see it by hand", "<th scope=\"col\">Who</th>"),
        ("/p/demo/1.0", "2 derived wheels", "<h3>Why</h3>"),
        ("/p/apart/1.0", "no list serves all", "derived wheel"),
        ("/p/apart/1.0", "<h3>Why</h3>", "<script>alert"),
        ("/p/Demo/1.0/report", "Files and fields", "<script>alert"),
        ("/login", 'type="password"', "Log out"),
    ],
)  # fmt: skip
def test_public_pages(server: Server, path: str, there: str, absent: str) -> None:
    answer = server.get(path)
    assert answer.status_code == 200
    assert there in answer.text
    assert absent not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_project_has_one_address(server: Server) -> None:
    answer = server.get("/p/DE_mo")
    assert (answer.status_code, answer.headers["location"]) == (301, "/p/de-mo")


@pytest.mark.parametrize(
    "path",
    [
        "/p/demo/{}",
        "/channels/main/demo/{}",
        "/api/demo/{}",
        "/integrity/demo/{}/demo-1.0-py3-none-any.whl/provenance",
    ],
)
def test_no_version_has_so_many_digits(server: Server, path: str) -> None:
    """Python converts no number of more than 4,300 digits."""
    assert private(server, path.format("1" * 4301)).status_code == 404
    publish = server.post(f"/api/demo/{'1' * 4301}/publish")
    assert (publish.status_code, "is no version" in publish.text) == (400, True)
    assert len(publish.text) < 1000


@pytest.mark.parametrize(
    "path",
    ["/p/other", "/p/other/1.0", "/p/demo/2.0", "/p/demo/2.0/report", "/p/demo/latest", "/p/-x-"],
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
        ("/channels/main/other/1.0", "It can be published"),
        ("/channels/main/other/1.0/report", "Files and fields"),
        ("/channels/mpi/demo/1.0", "<b>only in mpi</b> <code>mpi-lib</code>"),
        ("/channels/main/demo/1.0", "by tests"),
        ("/audit", "publish"),
        ("/p/demo", "/channels/main/demo/2.0"),
    ],
)
def test_private_pages_ask_for_a_token(server: Server, path: str, there: str) -> None:
    refused = server.get(path)
    if not path.startswith("/p/"):
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert 'name="token"' in refused.text
    assert there not in refused.text
    answer = private(server, path)
    assert answer.status_code == 200
    assert there in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.fixture(scope="module")
def narrow(server: Server) -> str:
    """A token for one channel."""
    return trueup("serve", "--data", str(server.data), "token", "narrow", "--channel", "mpi")


@pytest.mark.parametrize("path", ["/waiting", "/channels", "/channels/mpi", "/audit", "/p/demo"])
def test_a_token_shows_no_more_than_it_may_change(server: Server, narrow: str, path: str) -> None:
    text = private(server, path, narrow).text
    assert "demo/2.0" not in text
    assert path == "/p/demo" or "<td>main</td>" not in text
    assert "/channels/main" not in text
    assert private(server, "/channels/main/other/1.0", narrow).status_code == 404
    assert private(server, "/channels/main", narrow).status_code == 404


def test_who_may_only_read_sees_what_is_published_and_nothing_else(server: Server) -> None:
    scope = ("--may", "read", "--may", "metrics")
    token = trueup("serve", "--data", str(server.data), "token", "reader", *scope)
    assert "demo/1.0" in private(server, "/channels/main", token).text
    assert "tests" not in private(server, "/channels/main/demo/1.0", token).text
    for path in ("/waiting", "/channels/main", "/audit", "/p/demo"):
        text = private(server, path, token).text
        assert "2.0" not in text
        assert "<td>tests</td>" not in text
    assert private(server, "/channels/mpi", token).status_code == 404, "nothing is published there"
    assert private(server, "/channels/main/demo/2.0", token).status_code == 404


@pytest.mark.parametrize(
    ("filtered", "there", "absent"),
    [
        ("project=demo&action=yank", "yank", "<td>upload</td>"),
        ("project=DEMO&action=publish", "<td>publish</td>", "<td>upload</td>"),
        ("who=tests", "<td>tests</td>", "Nothing was written that fits"),
        ("who=nobody", "Nothing was written that fits", "<td>tests</td>"),
        ("before=1", "Newest", "<td>publish</td>"),
        ("before=x", "<td>publish</td>", "Newest"),
    ],
)
def test_the_log_is_filtered(server: Server, filtered: str, there: str, absent: str) -> None:
    text = private(server, f"/audit?{filtered}").text
    assert there in text
    assert absent not in text


def test_pages_load_nothing_from_elsewhere(server: Server) -> None:
    text = server.get("/").text
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert {one.partition("?")[0] for one in loaded if not one.startswith("/p/")} >= {
        "/style.css", "/report.js", "/htmx.js",
    }  # fmt: skip
    assert all(one.startswith(("/", "data:,", "#")) for one in loaded)
    for path in (one for one in loaded if "?v=" in one):
        answer = server.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in server.get("/style.css").headers["cache-control"]
    policy = server.get("/").headers["content-security-policy"]
    assert "script-src 'self'; style-src 'self'" in policy


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("index.test:8600", "http://index.test:8600/corrected/simple/ --trusted-host"),
        ('x"><script>', "/corrected/simple/ demo"),
        ("x;curl", "/corrected/simple/ demo"),
    ],
)
def test_commands_name_the_address_that_the_visitor_used(
    server: Server, host: str, shown: str
) -> None:
    text = server.get("/p/demo", host=host).text
    assert shown in text
    assert "x&" not in text
    assert "x;curl" not in text
    assert '"><script>' not in text
