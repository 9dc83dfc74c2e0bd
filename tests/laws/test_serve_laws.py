"""Whatever is asked of the index, it answers, and never with an error of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.build import make_sdist, make_wheel
from trueup.features.serve.desk import Desk
from trueup.features.serve.policies import Policy, PolicyBook, ProjectPolicy
from trueup.interfaces.web.app import make_app
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import Scope, Store

Shop = tuple[TestClient, str, list[str]]

ANY = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
METHODS = st.sampled_from(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.one_of(st.integers(-3, 10**6).map(str), st.just("9" * 5000), st.just("٣"))


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """An index with one published release and one staged one; a token, and paths that exist."""
    engine = open_engine(f"sqlite:///{folder / 'index.db'}")
    upgrade(engine)
    desk = Desk(
        Store(engine),
        open_blobs(str(folder / "blobs"), folder),
        policies=PolicyBook(default=ProjectPolicy(contradictions=Policy.WARN)),
    )
    actions = ("upload", "publish", "yank", "close", "delete")
    token = desk.store.make("laws", Scope(projects=("*",), channels=("*",), actions=actions))
    client = TestClient(
        make_app(desk, largest=1024 * 1024), raise_server_exceptions=False, follow_redirects=False
    )
    try:
        files = [
            make_wheel(folder, "demo", "1.0", tags="py3-none-win_amd64", requires=["one"]),
            make_wheel(folder, "demo", "1.0", tags="py3-none-macosx_11_0_arm64"),
            make_sdist(folder, "staged", "1.0"),
        ]
        for path in files:
            answer = client.post(
                "/legacy/",
                data={":action": "file_upload"},
                files={"content": (path.name, path.read_bytes())},
                auth=("__token__", token),
            )
            assert answer.status_code == 200, answer.text
        desk.publish("main", "demo", "1.0", who="laws")
        accept = {"accept": "application/vnd.pypi.simple.v1+json"}
        page = client.get("/corrected/simple/demo/", headers=accept).json()
        yield client, token, [file["url"] for file in page["files"]]
    finally:
        desk.close()


@pytest.fixture(scope="module")
def index() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory() as folder, shop(Path(folder)) as found:
        yield found


# --- what is drawn --------------------------------------------------------------------------------

PARTS = st.one_of(
    st.sampled_from(
        (
            "simple", "corrected", "c", "main", "mpi", "legacy", "api", "demo", "Demo", "staged",
            "1.0", "1", "yank", "publish", "close", "files", "health", "a" * 64, "..", ".", "",
            "%00", "demo-1.0.tar.gz", "demo.metadata", "demo-1.0-py3-none-win_amd64.whl",
        )
    ),
    WORDS.map(lambda word: quote(word, safe="")),
)  # fmt: skip
PATHS = st.lists(PARTS, max_size=7).map(lambda parts: "/" + "/".join(parts))
KNOWN = st.sampled_from(
    (
        "/simple/demo/", "/corrected/simple/demo/", "/c/mpi/simple/demo/", "/simple/",
        "/c/mpi/corrected/simple/demo/", "/", "/?q=%00%ff", "/p/demo", "/p/demo/1.0", "/waiting", "/p/demo/1.0/report",
        "/audit", "/channels", "/channels/main", "/channels/main/staged/1.0", "/api/demo/1.0", "/api/staged/1.0", "/health", "/legacy/",
        "/api/nothing/1.0/publish", "/api/demo/1.0/close", "/api/demo/yank/nothing.whl",
    )
)  # fmt: skip
RANGES = st.one_of(
    st.tuples(NUMBERS | st.just(""), NUMBERS | st.just("")).map(lambda p: f"bytes={p[0]}-{p[1]}"),
    WORDS,
)
VALUES = {
    "accept": st.one_of(
        st.lists(
            st.tuples(
                st.sampled_from(("text/html", "application/vnd.pypi.simple.v1+json", "*/*", "x")),
                st.sampled_from(("", ";q=", ";q=.", ";q=1.1.1", ";q=0.5", ";q=" + "9" * 5000)),
            ).map("".join),
            max_size=4,
        ).map(",".join),
        WORDS,
    ),
    "range": RANGES,
    "if-none-match": st.one_of(st.sampled_from(("*", '"', 'W/"x"')), WORDS),
    "accept-encoding": st.one_of(st.sampled_from(("gzip", "identity", "gzip;q=0")), WORDS),
    "authorization": st.one_of(
        st.sampled_from(("Basic", "Basic ====", "Basic Og==", "Bearer", "Basic \xff")), WORDS
    ),
    "content-type": st.one_of(
        st.sampled_from(("multipart/form-data", "multipart/form-data; boundary=", "; ;;=")), WORDS
    ),
    "content-length": NUMBERS,
}
HEADERS = st.fixed_dictionaries({}, optional=VALUES).map(
    lambda chosen: [(name.encode(), value.encode()) for name, value in chosen.items()]
)


def never_at_fault(status: int) -> bool:
    return 200 <= status < 500


@ANY
@given(method=METHODS, path=PATHS | KNOWN, headers=HEADERS, trusted=st.booleans())
def test_any_request(
    index: Shop, method: str, path: str, headers: list[tuple[bytes, bytes]], trusted: bool
) -> None:
    client, token, _ = index
    if trusted:
        headers = [*headers, (b"authorization", f"Bearer {token}".encode())]
    answer = client.request(method, f"http://testserver{path}", headers=headers)
    assert never_at_fault(answer.status_code), answer.text


@ANY
@given(header=VALUES["authorization"])
def test_any_credentials(index: Shop, header: str) -> None:
    client, _, _ = index
    answer = client.post("/legacy/", headers=[(b"authorization", header.encode())])
    assert answer.status_code == 401


@ANY
@given(number=st.integers(0, 3), asked=RANGES, method=st.sampled_from(("GET", "HEAD")))
def test_any_range_of_a_file(index: Shop, number: int, asked: str, method: str) -> None:
    """Of originals and of derived wheels: what is sent is as long as it is said to be."""
    client, _, urls = index
    answer = client.request(method, urls[number], headers=[(b"range", asked.encode())])
    assert answer.status_code in (200, 206, 416)
    whole = client.get(urls[number]).content
    if method == "GET" and answer.status_code != 416:
        assert len(answer.content) == int(answer.headers["content-length"])
        assert answer.content in whole


# --- uploads --------------------------------------------------------------------------------------

NAMES = st.one_of(
    st.sampled_from(
        (
            ":action", "name", "version", "content", "sha256_digest", "trueup_expected",
            "protocol_version", "filetype", "",
        )
    ),
    WORDS,
)  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(
        (b"file_upload", b"demo", b"1.0", b"[]", b'["x"]', b"[" * 5000, b"PK\x05\x06" + bytes(18))
    ),
)
FILENAMES = st.one_of(
    st.none(),
    st.sampled_from(
        (
            "new-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl", "new-1.0.tar.gz", "new-1.0.zip",
            "new.whl", "..", "-1.0.tar.gz", "new-1!0.tar.gz", "new-1.0-1-py3-none-any.whl",
        )
    ),
    WORDS,
)  # fmt: skip


def part(name: str, filename: str | None, content: bytes) -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return b"--edge\r\n" + head.encode() + content + b"\r\n"


FORMS = st.lists(st.builds(part, NAMES, FILENAMES, CONTENTS), max_size=5).map(
    lambda parts: b"".join(parts) + b"--edge--\r\n"
)


@ANY
@given(body=FORMS | st.binary(max_size=300), cut=st.integers(0, 400), whole=st.booleans())
def test_any_form(index: Shop, body: bytes, cut: int, whole: bool) -> None:
    client, token, _ = index
    answer = client.post(
        "/legacy/",
        content=body if whole else body[:cut],
        headers={
            "authorization": f"Bearer {token}",
            "content-type": "multipart/form-data; boundary=edge",
        },
    )
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture(scope="module")
def wheel() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make_wheel(Path(folder), "torn", "1.0", requires=["one"]).read_bytes()


@ANY
@given(data=st.data(), filename=st.sampled_from(("torn-1.0-py3-none-any.whl", "torn-1.0.tar.gz")))
def test_any_damaged_file(index: Shop, wheel: bytes, data: st.DataObject, filename: str) -> None:
    """A wheel with some bytes changed is refused, or is still a wheel."""
    client, token, _ = index
    damaged = bytearray(wheel)
    for at in data.draw(st.lists(st.integers(0, len(wheel) - 1), min_size=1, max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    answer = client.post(
        "/legacy/",
        data={":action": "file_upload"},
        files={"content": (filename, bytes(damaged))},
        auth=("__token__", token),
    )
    assert never_at_fault(answer.status_code), answer.text
