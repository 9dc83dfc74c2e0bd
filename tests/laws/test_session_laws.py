"""Whatever is asked of publishing sessions, they answer, and never with an error of their own."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.build import make_wheel
from tests.desks import open_desk
from trueup.interfaces.web.app import make_app
from trueup.sources.store.store import Scope

ANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TYPE = "application/vnd.pypi.upload.v2+json"
META = {"api-version": "2.0"}
GOOD = {"sha256": "0" * 64}


class Shop:
    """An index with an open session, a canceled one and a published one, and files in all states."""

    def __init__(self, client: TestClient, token: str, folder: Path) -> None:
        self.client = client
        self.auth = {"authorization": f"Bearer {token}"}
        self.folder = folder
        self.open = self.opened("demo")
        self.paths = [self.path(link) for link in self.open["links"].values()]
        for name in ("pending", "sent", "completed"):
            self.paths += self.file(name)
        canceled = self.opened("canceled")
        client.delete(canceled["links"]["session"], headers=self.auth)
        published = self.opened("published")
        self.file("completed", published, "published")
        self.ask("POST", published["links"]["publish"], {"meta": META})
        for session in (canceled, published):
            self.paths += [self.path(link) for link in session["links"].values()]

    def path(self, link: str) -> str:
        return link.removeprefix("http://testserver")

    def ask(self, method: str, link: str, body: object) -> Any:
        headers = {**self.auth, "content-type": TYPE}
        return self.client.request(method, link, content=json.dumps(body), headers=headers)

    def opened(self, name: str) -> dict[str, Any]:
        answer = self.ask("POST", "/upload/", {"meta": META, "name": name, "version": "1.0"})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def file(
        self, state: str, session: dict[str, Any] | None = None, name: str = "demo"
    ) -> list[str]:
        wheel = make_wheel(self.folder, name, "1.0", tags=f"py3-none-{state}")
        data = wheel.read_bytes()
        body = {
            "meta": META, "filename": wheel.name, "size": len(data), "mechanism": "http-post-bytes",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
        }  # fmt: skip
        made = self.ask("POST", (session or self.open)["links"]["upload"], body).json()
        if state != "pending":
            self.client.post(made["mechanism"]["file_url"], content=data, headers=self.auth)
        if state == "completed":
            self.ask("POST", made["links"]["complete"], {"meta": META})
        return [
            self.path(link) for link in (made["mechanism"]["file_url"], *made["links"].values())
        ]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory() as name, open_desk(Path(name) / "index") as desk:
        token = desk.store.make("laws", Scope())
        client = TestClient(
            make_app(desk, largest=1024 * 1024, sessions=True),
            raise_server_exceptions=False,
            follow_redirects=False,
        )
        yield Shop(client, token, Path(name))


WORDS = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def mostly(good: object, *others: object) -> st.SearchStrategy[object]:
    return st.one_of(st.just(good), st.just(good), st.sampled_from(others or (None,)), VALUES)


BODIES = st.fixed_dictionaries(
    {},
    optional={
        "meta": mostly(META, {}, {"api-version": "3.0"}, {"api-version": 2}),
        "name": mostly("demo", "new", "a" * 400, "x\0", "\ud800", "..", "published"),
        "version": mostly("1.0", "9" * 5000, "1!2", "v1", "1.0\0", "٣"),
        "filename": mostly(
            "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz", "../demo-1.0.tar.gz", "demo-1.0.zip",
            f"demo-1.0-{'.'.join(map(str, range(99)))}-none-any.whl", "demo-1.0-py3-none-any.whl\0",
        ),
        "size": mostly(10, 0, -1, 2**53, 2**70, 10**400),
        "hashes": mostly(GOOD, {}, {"md5": "0" * 32}, {"sha256": "٣" * 64}, {"x": "y"}),
        "mechanism": mostly("http-post-bytes", "vnd-x-y"),
        "metadata": mostly("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n", "\0", "\ud800", "x"),
        "extend-for": mostly(60, -1, 2**31, 2**80),
    },
)  # fmt: skip
CONTENTS = st.one_of(
    BODIES.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=60),
    st.sampled_from((b"", b"[" * 20_000, b"null", b'{"meta": ', b"\xff")),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            (TYPE, TYPE.upper(), f"{TYPE}; q=1", "", "text/html", "application/json")
        ),
        "accept": st.sampled_from((TYPE, "*/*", "text/html", ",;q", "")),
        "host": st.sampled_from(("x", "[", "a b", "x:y", "é".encode().decode("latin-1"))),
    },
)
METHODS = st.sampled_from(("GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS"))


@ANY
@given(data=st.data(), method=METHODS, content=CONTENTS, headers=HEADERS, trusted=st.booleans())
def test_any_request(
    shop: Shop, data: st.DataObject, method: str, content: bytes, headers: dict[str, str],
    trusted: bool,
) -> None:  # fmt: skip
    """At the addresses that a session gave, and at some that nobody gave."""
    tail = data.draw(
        st.sampled_from(
            ("", "", "", "/", "/publish", "/bytes", "/attestations", "/%00", "/..", "/x")
        )
    )
    path = data.draw(st.sampled_from(["/upload/", "/c/mpi/upload/", *shop.paths])) + tail
    if method == "DELETE" and path == shop.path(shop.open["links"]["session"]):
        path += "x"  # the others need it
    given_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    given_headers += [(b"authorization", shop.auth["authorization"].encode())] * trusted
    answer = shop.client.request(
        method, f"http://testserver{path}", content=content, headers=given_headers
    )
    assert 200 <= answer.status_code < 500, answer.text
    if not trusted and path.startswith("/upload") and answer.status_code < 300:
        raise AssertionError(f"{method} {path} needs no token")


@ANY
@given(body=BODIES, path=st.sampled_from(("", "/files", "/extend")))
def test_any_body(shop: Shop, body: dict[str, object], path: str) -> None:
    """What is refused is refused in the words of the PEP, and the session stays."""
    session = shop.open["links"]["session"]
    answer = shop.ask("POST", "/upload/" if path == "" else f"{session}{path}", body)
    assert 200 <= answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert (told["meta"], told["status"]) == (META, answer.status_code)
    elif path == "":
        shop.client.delete(answer.json()["links"]["session"], headers=shop.auth)


def test_without_the_option_there_are_none(tmp_path: Path) -> None:
    with open_desk(tmp_path / "index") as desk:
        client = TestClient(make_app(desk))
        for path in ("/upload/", "/stage/x/simple/"):
            assert client.get(path).status_code == 404
            assert client.post(path).status_code == 404
