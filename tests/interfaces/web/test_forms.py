"""Forms: who logs in, what they may send, and what no other site can."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.build import make_wheel
from tests.serving import Server, serving, trueup

COOKIE = "trueup-session"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("forms")
    with serving(folder / "data", "--hosted-only") as found:
        yield found


class Browser:
    """As much of one as forms need: it keeps cookies, and follows no redirects."""

    def __init__(self, server: Server) -> None:
        self._client = httpx2.Client(base_url=server.url, verify=False)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> httpx2.Response:
        return self._client.get(path)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.post(path, data=fields, headers=named)

    def log_in(self, token: str, to: str = "/waiting") -> httpx2.Response:
        answer = self.post("/login", {"token": token, "to": to})
        assert answer.status_code == 303
        return answer

    @property
    def key(self) -> str:
        """What the forms of this session carry."""
        found = re.search(r'name="key" value="([0-9a-f]{64})"', self.get("/").text)
        assert found is not None
        return found[1]


@pytest.fixture
def browser(server: Server) -> Iterator[Browser]:
    found = Browser(server)
    yield found
    found.close()


@pytest.fixture
def staged(server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The page of a release that waits, of a project for this test alone."""
    project = re.sub(r"[^a-z0-9]+", "-", request.node.name).strip("-")
    wheel = make_wheel(tmp_path, project, "1.0")
    assert server.upload(wheel).status_code == 200
    return f"/channels/main/{project}/1.0"


def test_a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends(
    server: Server, browser: Browser
) -> None:
    answer = browser.log_in(server.token)
    assert answer.headers["location"] == "/waiting"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert server.token not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert browser.get("/waiting").status_code == 200
    secure = browser.post(
        "/login", {"token": server.token, "to": "/"}, x_forwarded_proto="https"
    ).headers["set-cookie"]
    assert "Secure" in secure


@pytest.mark.parametrize("token", ["", "trueup-invented", "é", "a" * 10_000])
def test_who_has_no_token_is_not_let_in(browser: Browser, token: str) -> None:
    answer = browser.post("/login", {"token": token})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("to", "leads"),
    [
        ("/p/demo", "/p/demo"),
        ("", "/"),
        ("https://index.test/", "/"),
        ("//index.test/", "/"),
        ("/\\index.test", "/"),
        ("/a\nb", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_logging_in_leads_to_pages_of_this_server_only(
    server: Server, browser: Browser, to: str, leads: str
) -> None:
    assert browser.log_in(server.token, to).headers["location"] == leads


def test_who_logs_out_is_gone_everywhere(server: Server, browser: Browser) -> None:
    session = browser.log_in(server.token).cookies[COOKIE]
    assert browser.post("/logout", {"key": browser.key}).headers["location"] == "/"
    answer = server.get("/waiting", cookie=f"{COOKIE}={session}")
    assert answer.status_code == 401


def test_an_invented_session_is_nobody(server: Server) -> None:
    assert server.get("/waiting", cookie=f"{COOKIE}=invented").status_code == 401
    assert server.get("/", cookie=f"{COOKIE}=invented").status_code == 200


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({}, {}, 403),
        ({"key": ""}, {}, 403),
        ({"key": "0" * 64}, {}, 403),
        ({"key": "é"}, {}, 403),
        ({"key": "KEY"}, {"sec_fetch_site": "cross-site"}, 403),
        ({"key": "KEY"}, {"sec_fetch_site": "same-site"}, 403),
        ({"key": "KEY", "more": "x" * 70_000}, {}, 413),
        ({"key": "KEY", **{f"f{number}": "x" for number in range(200)}}, {}, 400),
        ({"key": "KEY"}, {"sec_fetch_site": "same-origin"}, 303),
    ],
)
def test_what_changes_anything_is_a_form_of_our_own_page(
    server: Server, browser: Browser, staged: str,
    fields: dict[str, str], headers: dict[str, str], status: int,
) -> None:  # fmt: skip
    browser.log_in(server.token)
    key = browser.key
    sent = {name: key if value == "KEY" else value for name, value in fields.items()}
    answer = browser.post(f"{staged}/close", sent, **headers)
    assert answer.status_code == status
    project = staged.split("/")[3]
    assert server.release(project, "1.0")["closed"] is (status == 303)


def test_a_form_needs_a_session_not_just_a_token(server: Server, staged: str) -> None:
    answer = httpx2.post(
        f"{server.url}{staged}/publish", auth=("__token__", server.token), verify=False
    )
    assert answer.status_code == 401
    assert server.get(f"{staged}/publish").status_code == 405


def test_a_release_is_published_closed_yanked_and_deleted(
    server: Server, browser: Browser, staged: str
) -> None:
    browser.log_in(server.token)
    form = {"key": browser.key}
    project = staged.split("/")[3]
    name = f"{project.replace('-', '_')}-1.0-py3-none-any.whl"
    steps = [
        ("publish", {}, "The release is published"),
        ("close", {}, "takes no further files"),
        ("open", {}, "takes files again"),
        ("yank", {"file": "*", "reason": "bad\n build"}, "What was chosen is yanked"),
        ("unyank", {"file": name}, "is not yanked any more"),
    ]
    for action, fields, said in steps:
        answer = browser.post(f"{staged}/{action}", {**form, **fields})
        assert answer.headers["location"] == f"{staged}?done={action}"
        assert said in browser.get(answer.headers["location"]).text
    assert server.json(project) == [name]
    log = browser.get(f"/audit?project={project}").text
    assert "<td>tests</td><td>yank</td>" in log
    assert "bad build" in log
    answer = browser.post(f"{staged}/delete", form)
    assert answer.headers["location"] == "/waiting?done=delete"
    assert server.get(f"/simple/{project}/").status_code == 404
    assert browser.get(staged).status_code == 404


@pytest.mark.parametrize(
    ("action", "fields", "said"),
    [
        ("yank", {}, "no file of this release was chosen"),
        ("yank", {"file": "other.whl"}, "no file of this release was chosen"),
        ("yank", {"file": "*", "reason": "x" * 1001}, "the reason is too long"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page(
    server: Server, browser: Browser, staged: str, action: str, fields: dict[str, str], said: str
) -> None:
    browser.log_in(server.token)
    answer = browser.post(f"{staged}/{action}", {"key": browser.key, **fields})
    assert answer.status_code == 400
    assert said in answer.text
    assert 'role="alert"' in answer.text


def test_a_token_does_no_more_by_form_than_it_may(
    server: Server, browser: Browser, staged: str
) -> None:
    project = staged.split("/")[3]
    narrow = trueup(
        "serve", "--data", str(server.data), "token", "uploader", "--may", "upload",
        "--project", project,
    )  # fmt: skip
    browser.log_in(narrow)
    assert f'action="{staged}' not in browser.get(staged).text
    answer = browser.post(f"{staged}/publish", {"key": browser.key})
    assert answer.status_code == 403
    assert "may not publish" in answer.text
    for path in ("/channels/main/none/1.0", "/channels/other/demo/1.0", "/channels/A/demo/1.0"):
        assert browser.post(f"{path}/publish", {"key": browser.key}).status_code == 404
