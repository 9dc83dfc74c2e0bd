"""Who may read what: every address of a private channel, with every kind of token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from tests.build import make_wheel
from tests.desks import add, digest, open_desk, publish
from trueup.features.serve.policies import MAIN, Policy, Readers, ReadRules
from trueup.interfaces.web.app import make_app
from trueup.interfaces.web.rates import Limits, Rate
from trueup.sources.store.store import Scope

JSON = {"accept": "application/vnd.pypi.simple.v1+json"}
WINDOWS, MACOS = "py3-none-win_amd64", "py3-none-macosx_11_0_arm64"
MPI_PRIVATE = ReadRules(channels={"mpi": Readers.TOKEN})
MAIN_PRIVATE = ReadRules(channels={MAIN: Readers.TOKEN})
ALL_PRIVATE = ReadRules(default=Readers.TOKEN)

SCOPES = {
    "reader": Scope(actions=("read",)),
    "of mpi": Scope(actions=("read",), channels=("mpi",)),
    "of open": Scope(actions=("read",), projects=("open",)),
    "uploader": Scope(actions=("upload",)),
}


class Shop(NamedTuple):
    client: TestClient
    tokens: dict[str, str]
    files: dict[str, str]

    def get(self, path: str, who: str | None = None) -> int:
        """The status; asked twice, since the second answer may come from memory."""
        path = self.files.get(path, path)
        auth = None if who is None else ("__token__", self.tokens.get(who, who))
        statuses = {self.client.get(path, auth=auth, headers=JSON).status_code for _ in range(2)}
        assert len(statuses) == 1
        return statuses.pop()


@contextmanager
def shop(folder: Path, readers: ReadRules, limits: Limits | None = None) -> Iterator[Shop]:
    """`open` in the main channel; in `mpi` a wheel of its own and one that the main one has too."""
    with open_desk(folder / "index", policy=Policy.WARN) as desk:
        paths = {
            "open": make_wheel(folder, "open", "1.0", tags=WINDOWS, requires=["one"]),
            "other": make_wheel(folder, "open", "1.0", tags=MACOS, requires=["one", "two"]),
            "secret": make_wheel(folder, "secret", "1.0", tags=WINDOWS, requires=["one"]),
            "more": make_wheel(folder, "secret", "1.0", tags=MACOS, requires=["one", "two"]),
        }
        add(desk, paths["open"])
        add(desk, paths["other"])
        for name in ("open", "secret", "more"):
            add(desk, paths[name], "mpi")
        publish(desk, "open", "1.0")
        publish(desk, "open", "1.0", "mpi")
        publish(desk, "secret", "1.0", "mpi")
        tokens = {name: desk.store.make(name, scope) for name, scope in SCOPES.items()}
        files = {name: f"/files/{digest(path)}/{path.name}" for name, path in paths.items()}
        app = make_app(desk, readers=readers, limits=limits)
        client = TestClient(app, raise_server_exceptions=False, client=("203.0.113.7", 1))
        auth = ("__token__", tokens["reader"])
        page = client.get("/c/mpi/corrected/simple/secret/", headers=JSON, auth=auth).json()
        derived = [one["url"] for one in page["files"] if "cons" in one["filename"]]
        files |= {"derived": derived[0], "sidecar": files["secret"] + ".metadata"}
        yield Shop(client, tokens, files)


@pytest.fixture(scope="module", params=["all public", "mpi private", "main private", "private"])
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Shop]]:
    rules = {
        "all public": ReadRules(),
        "mpi private": MPI_PRIVATE,
        "main private": MAIN_PRIVATE,
        "private": ALL_PRIVATE,
    }
    with shop(tmp_path_factory.mktemp("shop"), rules[request.param]) as found:
        yield request.param, found


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("shop"), ALL_PRIVATE) as found:
        yield found


@pytest.fixture(scope="module")
def mpi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("shop"), MPI_PRIVATE) as found:
        yield found


PUBLIC = {"all public": 200, "mpi private": 200, "main private": 401, "private": 401}
OF_MPI = {"all public": 200, "mpi private": 401, "main private": 401, "private": 401}


@pytest.mark.parametrize(
    ("paths", "statuses"),
    [
        (["/simple/open/", "/simple/", "/corrected/simple/open/", "/", "/p/open"], PUBLIC),
        (["open", "other"], PUBLIC),
        (["/c/mpi/simple/open/", "/c/mpi/simple/secret/", "/c/mpi/simple/"], OF_MPI),
        (["/c/mpi/corrected/simple/secret/", "secret", "sidecar", "derived"], OF_MPI),
    ],
)
def test_without_a_token(
    paths: list[str], statuses: dict[str, int], case: tuple[str, Shop]
) -> None:
    name, found = case
    assert {path: found.get(path) for path in paths} == dict.fromkeys(paths, statuses[name])


def test_a_token_that_reads_opens_everything(case: tuple[str, Shop]) -> None:
    _, found = case
    paths = ["/simple/open/", "/simple/", "/c/mpi/simple/secret/", *found.files, "/", "/p/open"]
    assert {path: found.get(path, "reader") for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize("who", ["uploader", "of mpi", "of open"])
def test_a_token_of_something_else_does_not(who: str, private: Shop) -> None:
    closed = {
        "uploader": {"/c/mpi/simple/open/": 403, "/simple/open/": 403, "secret": 404, "open": 404},
        "of mpi": {"/c/mpi/simple/open/": 403, "/simple/open/": 403, "secret": 404, "open": 404},
        "of open": {"/c/mpi/simple/secret/": 403, "/c/mpi/simple/": 403, "secret": 404},
    }
    assert {path: private.get(path, who) for path in closed[who]} == closed[who]
    if who == "of open":
        # What the channel does not have itself may be read by those who may read in it.
        assert private.get("/c/mpi/simple/open/", who) == 200
        assert private.get("/c/mpi/simple/absent/", who) == 404
        assert private.get("open", who) == 200


def test_a_token_of_a_channel_opens_it(mpi: Shop) -> None:
    paths = ["/c/mpi/simple/secret/", "/c/mpi/simple/", "secret", "derived", "sidecar"]
    assert {path: mpi.get(path, "of mpi") for path in paths} == dict.fromkeys(paths, 200)


def test_digests_are_no_oracle(mpi: Shop) -> None:
    """A stranger hears the same of a private file and of one that is not there."""
    absent = f"/files/{'0' * 64}/absent-1.0-py3-none-any.whl"
    assert mpi.get(absent) == mpi.get("secret") == 401
    assert mpi.get(absent, "uploader") == mpi.get("secret", "uploader") == 404
    assert mpi.get("secret", "trueup-nonsense") == 401


@pytest.mark.parametrize(
    "path",
    [
        "/c/mpi/simple/secret",
        "/c/mpi/simple/Secret/",
        "/c/mpi//simple/secret/",
        "/c/mpi/ledger/corrected/simple/secret/",
        "/c/mpi/integrity/secret/1.0/secret-1.0-py3-none-win_amd64.whl/provenance",
        "/c/mpi/simple/secret/%3Fx/",
        "/c/mpi%2Fsimple/secret/",
        "//c/mpi/simple/secret/",
        "/c/mpi/api/secret/1.0",
        "/channels/mpi/secret/1.0",
        "/channels/mpi",
    ],
)
def test_no_way_around(path: str, private: Shop) -> None:
    answer = private.client.get(path, headers=JSON)
    assert answer.status_code in (401, 404)
    assert "secret-1.0" not in answer.text


def test_what_is_private_is_kept_by_no_cache(mpi: Shop) -> None:
    auth = ("__token__", mpi.tokens["reader"])
    for path in ("/c/mpi/simple/secret/", mpi.files["secret"], mpi.files["sidecar"]):
        answer = mpi.client.get(path, headers=JSON, auth=auth)
        assert answer.headers["cache-control"].startswith("private")
        assert "public" not in answer.headers["cache-control"]
        assert "Authorization" in answer.headers["vary"]
        again = {**JSON, "if-none-match": answer.headers.get("etag", "-")}
        if "etag" in answer.headers:
            same = mpi.client.get(path, headers=again, auth=auth)
            assert (same.status_code, same.headers["cache-control"][:7]) == (304, "private")
            assert mpi.client.get(path, headers=again).status_code == 401
    public = mpi.client.get("/simple/open/", headers=JSON).headers
    assert "private" not in public["cache-control"]
    assert "immutable" in mpi.client.get(mpi.files["open"]).headers["cache-control"]
    refused = mpi.client.get("/c/mpi/simple/secret/", headers=JSON)
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert refused.headers["cache-control"] == "private, no-store"


def test_a_session_of_the_pages_opens_the_pages(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index") as desk:
        add(desk, make_wheel(tmp_path, "open", "1.0"))
        publish(desk, "open", "1.0")
        token = desk.store.find(desk.store.make("reader", SCOPES["reader"]))
        assert token is not None
        session = desk.store.log_in(token, seconds=60)
        client = TestClient(
            make_app(desk, readers=ALL_PRIVATE), cookies={"trueup-session": session}
        )
        assert client.get("/p/open").status_code == 200
        # Installers show tokens; a cookie is for people.
        assert client.get("/simple/open/").status_code == 401


def test_a_project_may_be_called_simple(tmp_path: Path) -> None:
    """Its pages for people are none of installers, and its version is no project."""
    with open_desk(tmp_path / "index") as desk:
        add(desk, make_wheel(tmp_path, "simple", "1.0"))
        publish(desk, "simple", "1.0")
        client = TestClient(make_app(desk, readers=ALL_PRIVATE))
        others = ("__token__", desk.store.make("other", SCOPES["of open"]))
        text = desk.store.make("reader", SCOPES["reader"])
        pages = ["/p/simple", "/p/simple/1.0", "/p/simple/views/corrected"]
        assert [client.get(path, auth=others).status_code for path in pages] == [403] * 3
        token = desk.store.find(text)
        assert token is not None
        client.cookies.set("trueup-session", desk.store.log_in(token, seconds=60))
        assert [client.get(path).status_code for path in pages] == [200] * 3
        assert client.get("/simple/simple/").status_code == 401


def test_people_are_asked_to_log_in(tmp_path: Path) -> None:
    browser = {"accept": "text/html,*/*;q=0.8"}
    with shop(tmp_path, ALL_PRIVATE) as found:
        client = TestClient(found.client.app, follow_redirects=False)
        answer = client.get("/p/open", headers=browser)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?to=/p/open")
        assert client.get("/p/open").status_code == 401
        assert client.get("/simple/open/", headers=browser).status_code == 401
        assert client.get("/login?to=/p/open", headers=browser).status_code == 200
        fields = {"token": found.tokens["reader"], "to": "/p/open"}
        answer = client.post("/login", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/p/open")
        page = client.get("/p/open", headers=browser)
        assert page.status_code == 200
        assert page.headers["cache-control"].startswith("private")
        assert client.get("/style.css").status_code == 200
        client.cookies.clear()
        client.cookies.set("trueup-session", "over")
        assert client.get("/p/open", headers=browser).status_code == 303


# --- limits -------------------------------------------------------------------------------------


def limits(**rates: int) -> Limits:
    no: dict[str, Rate | None] = dict.fromkeys(("requests", "uploads", "failures"))
    return Limits(**no | {name: Rate(count=count, seconds=3600) for name, count in rates.items()})


def test_an_address_asks_too_often(tmp_path: Path) -> None:
    with shop(tmp_path, ReadRules(), limits(requests=5)) as found:
        seen = [found.client.get("/simple/open/", headers=JSON).status_code for _ in range(6)]
        assert seen == [200, 200, 200, 200, 429, 429]  # one was asked before
        answer = found.client.get("/simple/open/", headers=JSON)
        assert 700 < int(answer.headers["retry-after"]) <= 720
        assert "too many requests from this address" in answer.json()["detail"]
        here = TestClient(found.client.app, client=("127.0.0.1", 1))
        assert {here.get("/simple/open/").status_code for _ in range(20)} == {200}


def test_a_token_asks_too_often_wherever_it_is(tmp_path: Path) -> None:
    with shop(tmp_path, ALL_PRIVATE, limits(requests=3)) as found:
        here = TestClient(found.client.app, client=("127.0.0.1", 1))
        auth = ("__token__", found.tokens["reader"])
        seen = [here.get("/simple/open/", headers=JSON, auth=auth).status_code for _ in range(4)]
        assert seen == [200, 200, 429, 429]


def test_tokens_cannot_be_tried(tmp_path: Path) -> None:
    with shop(tmp_path, ALL_PRIVATE, limits(failures=3)) as found:
        assert found.get("/simple/open/") == 401  # without a token nothing is tried
        wrong = [found.client.get("/simple/open/", auth=("__token__", "x")) for _ in range(5)]
        assert [one.status_code for one in wrong] == [401, 401, 401, 429, 429]
        auth = ("__token__", found.tokens["reader"])
        assert found.client.get("/simple/open/", auth=auth).status_code == 429
        elsewhere = TestClient(found.client.app, client=("198.51.100.1", 1))
        assert elsewhere.get("/simple/open/", auth=auth).status_code == 200


def test_uploads_are_counted_before_they_are_read(tmp_path: Path) -> None:
    with shop(tmp_path, ReadRules(), limits(uploads=2)) as found:
        here = TestClient(found.client.app, client=("127.0.0.1", 1))
        wheels = [make_wheel(tmp_path, "lots", f"{number}.0") for number in range(3)]
        answers = [
            here.post(
                "/legacy/",
                data={":action": "file_upload"},
                files={"content": (path.name, path.read_bytes())},
                auth=("__token__", found.tokens["uploader"]),
            )
            for path in wheels
        ]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert "too many uploads with this token" in answers[2].json()["detail"]
