from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.index_server import Drop, Hang, IndexServer, Redirect, Status, Truncate
from trueup.model.errors import LimitError, NotFoundError, SourceError
from trueup.model.watcher import Watcher
from trueup.sources import credentials
from trueup.sources.credentials import Credentials, KeyringProvider, netrc_path
from trueup.sources.http import (
    AnswerError,
    Client,
    HttpSettings,
    Response,
    RetryPolicy,
    UnreachableError,
)
from trueup.sources.url import local_path, redact, without_credentials

NAME = "demo-1.0-py3-none-any.whl"
DATA = bytes(range(256)) * 100


class Time:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.seconds += seconds

    def clock(self) -> float:
        return self.seconds


class Notes(Watcher):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def client(time: Time, notes: Notes) -> Iterator[Client]:
    with make(time, notes) as client:
        yield client


def make(time: Time, notes: Notes | None = None, **options: Any) -> Client:
    return Client(
        options.pop("settings", None) or HttpSettings(timeout=5),
        watcher=notes,
        sleep=time.sleep,
        clock=time.clock,
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        jitter=lambda: 1.0,
        **options,
    )


def body(response: Response) -> bytes:
    return response.body(1_000_000)


def test_a_file(server: IndexServer, client: Client) -> None:
    server.add(NAME, DATA)
    assert client.request(server.file_url(NAME), body) == DATA
    (request,) = server.log
    assert request.headers["user-agent"].startswith("trueup/")
    assert request.headers["accept-encoding"] == "identity"
    assert client.sent == 1


def test_the_http_library_is_imported_with_the_first_request() -> None:
    script = "import sys, trueup.sources.http as h; h.Client(); sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_trying_again_with_growing_pauses(
    server: IndexServer, client: Client, time: Time, notes: Notes, status: int
) -> None:
    server.add(NAME, DATA)
    server.fault(NAME, Status(status), times=3)
    assert client.request(server.file_url(NAME), body) == DATA
    assert time.slept == [0.5, 1.0, 2.0]
    assert len(notes.notes) == 3
    assert f"status {status}" in notes.notes[0]
    assert notes.notes[0].endswith("; trying again in 0.5 s")


@pytest.mark.parametrize(
    ("header", "expected"),
    [("7", 7.0), ("Thu, 01 Jan 2026 00:00:09 GMT", 9.0), ("100000", 60.0), ("soon", 0.5)],
)
def test_retry_after(
    server: IndexServer, client: Client, time: Time, header: str, expected: float
) -> None:
    server.add(NAME, DATA)
    server.fault(NAME, Status(429, {"Retry-After": header}))
    assert client.request(server.file_url(NAME), body) == DATA
    assert time.slept == [expected]


def test_other_requests_wait_too_when_the_server_asks_for_it(
    server: IndexServer, time: Time
) -> None:
    server.add(NAME, DATA)
    server.fault("/busy", Status(429, {"Retry-After": "5"}))
    settings = HttpSettings(retry=RetryPolicy(attempts=1))
    with make(time, settings=settings) as client:
        with pytest.raises(AnswerError):
            client.request(f"{server.origin}/busy", body)
        assert time.slept == []
        assert client.request(server.file_url(NAME), body) == DATA
        assert client.request(server.file_url(NAME), body) == DATA
    assert time.slept == [5.0]


@pytest.mark.parametrize("fault", [Drop(), Truncate(1000)])
def test_dropped_connections(server: IndexServer, client: Client, fault: Drop | Truncate) -> None:
    server.add(NAME, DATA)
    server.fault(NAME, fault, times=2)
    assert client.request(server.file_url(NAME), body) == DATA
    assert server.count(path=NAME) == 3


def told(error: pytest.ExceptionInfo[Any]) -> str:
    return f"{error.value}\n{error.value.hint}"


def test_a_server_that_keeps_failing(server: IndexServer, client: Client) -> None:
    server.add(NAME, DATA)
    server.fault(NAME, Status(503), times=9)
    with pytest.raises(AnswerError) as caught:
        client.request(server.file_url(NAME), body)
    assert told(caught) == (
        f"`{server.file_url(NAME)}`: the server gave no usable answer: found status 503 Service "
        "Unavailable, 5 times\n"
        "try again later, or see whether the address, the network and the proxy are right"
    )
    assert server.count() == 5


def test_silence(server: IndexServer, time: Time) -> None:
    server.add(NAME, DATA)
    server.fault(NAME, Hang(), times=9)
    with make(time, settings=HttpSettings(timeout=0.1)) as client, pytest.raises(SourceError) as c:
        client.request(server.file_url(NAME), body)
    assert str(c.value) == (
        f"`{server.file_url(NAME)}`: the server gave no usable answer: "
        "found silence for 0.1 s, 3 times"
    )
    assert not isinstance(c.value, AnswerError)


def test_nobody_there(client: Client) -> None:
    with IndexServer() as server:
        url = server.url
    with pytest.raises(SourceError) as caught:
        client.request(url, body)
    assert str(caught.value).startswith(
        f"`{url}`: the server gave no usable answer: found no connection ("
    )
    assert str(caught.value).endswith("), 3 times")


def test_a_server_that_is_not_there_is_given_up(client: Client, time: Time) -> None:
    with IndexServer() as server:
        url, file = server.url, server.file_url(NAME)
    with pytest.raises(UnreachableError) as first:
        client.request(url, body)
    sent, slept = client.sent, list(time.slept)
    with pytest.raises(UnreachableError) as second:
        client.request(file, body)
    assert (client.sent, time.slept) == (sent, slept)
    assert first.value.server == second.value.server == server.origin.rstrip("/")
    assert second.value.found == first.value.found
    assert second.value.place == (file,)
    assert first.value.hint == (
        "try again later, see whether the address, the network and the proxy are right, "
        "or name another index with `--index`"
    )
    copy = pickle.loads(pickle.dumps(first.value))
    assert (str(copy), copy.server) == (str(first.value), first.value.server)


def test_a_server_that_never_spoke_is_given_up(server: IndexServer, time: Time) -> None:
    server.fault("/files", Hang(seconds=0.5), times=3)
    with make(time, settings=HttpSettings(timeout=0.1)) as client:
        with pytest.raises(UnreachableError):
            client.request(server.file_url(NAME), body)
        with pytest.raises(UnreachableError):
            client.request(server.file_url(NAME), body)


def test_silence_about_one_file_is_not_silence(server: IndexServer, time: Time) -> None:
    server.add(NAME, DATA)
    with make(time, settings=HttpSettings(timeout=0.1)) as client:
        assert client.request(server.file_url(NAME), body) == DATA
        server.fault("/files", Hang(seconds=0.5), times=3)
        with pytest.raises(SourceError, match="silence"):
            client.request(server.file_url(NAME), body)
        assert client.request(server.file_url(NAME), body) == DATA


@pytest.mark.parametrize(
    ("status", "kind", "message", "hint"),
    [
        (404, NotFoundError, "does not exist: found status 404 Not Found", None),
        (410, NotFoundError, "does not exist: found status 410 Gone", None),
        (418, AnswerError, "the server refuses: found status 418 I'm a Teapot", None),
        (599, AnswerError, "the server refuses: found status 599", None),
        (
            403,
            AnswerError,
            "the server wants a login: found status 403 Forbidden",
            "put a user name and password in the index address, netrc or the keyring",
        ),
    ],
)
def test_refusals(
    server: IndexServer,
    client: Client,
    status: int,
    kind: type[SourceError],
    message: str,
    hint: str | None,
) -> None:
    server.fault("/x", Status(status))
    with pytest.raises(kind) as caught:
        client.request(f"{server.origin}/x", body)
    assert str(caught.value) == f"`{server.origin}/x`: {message}"
    assert caught.value.hint == hint
    assert server.count() == 1


def test_redirects_are_followed(server: IndexServer, client: Client) -> None:
    server.add(NAME, DATA)
    server.fault("/old", Redirect("older"))
    server.fault("/older", Redirect(server.file_url(NAME), 307))
    seen = client.request(f"{server.origin}/old", lambda response: response.url)
    assert seen == server.file_url(NAME)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (
            "file:///etc/passwd",
            "redirects to where an index may not lead: found `file:///etc/passwd`, "
            "expected an http or https address",
        ),
        ("http://[", "redirects to a malformed address: found `http://[`"),
        ("/x", "redirects in circles: found more than 10 redirects"),
    ],
)
def test_redirects_that_are_refused(
    server: IndexServer, client: Client, location: str, message: str
) -> None:
    server.fault("/x", Redirect(location), times=20)
    with pytest.raises(AnswerError) as caught:
        client.request(f"{server.origin}/x", body)
    assert str(caught.value) == f"`{server.origin}/x`: {message}"


def test_a_body_beyond_the_limit_is_not_read_to_its_end(
    server: IndexServer, client: Client
) -> None:
    server.page("/big", b"x" * 100_000, repeat=10_000)
    with pytest.raises(LimitError) as caught:
        client.request(f"{server.origin}/big", lambda response: response.body(300_000))
    assert str(caught.value) == (
        f"`{server.origin}/big`: the answer is too large: found more than 300000 bytes, "
        "expected at most 300000 bytes"
    )


def test_at_most_so_many_requests_at_once(server: IndexServer, time: Time) -> None:
    server.add(NAME, DATA)
    running, most, lock = 0, 0, threading.Lock()

    def read(response: Response) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        response.body(1_000_000)
        with lock:
            running -= 1

    with make(time, settings=HttpSettings(per_host=2)) as client:
        url = server.file_url(NAME)
        threads = [threading.Thread(target=client.request, args=(url, read)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most <= 2
    assert server.count() == 8


def login(url: str) -> str:
    return url.replace("http://", "http://user:p%40ss@")


def test_credentials_of_the_index_address(server: IndexServer, time: Time) -> None:
    server.auth = ("user", "p@ss")
    server.add(NAME, DATA)
    with make(time, credentials=Credentials([login(server.url)])) as client:
        assert client.request(server.file_url(NAME), body) == DATA
    assert server.count() == 1


def test_credentials_of_netrc(server: IndexServer, time: Time, tmp_path: Path) -> None:
    server.auth = ("user", "p@ss")
    server.add(NAME, DATA)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login user password p@ss\n")
    found = netrc_path({"HOME": str(tmp_path)})
    with make(time, credentials=Credentials(netrc_file=found)) as client:
        assert client.request(server.file_url(NAME), body) == DATA


def test_a_broken_netrc_is_told_without_its_text(tmp_path: Path, notes: Notes) -> None:
    path = tmp_path / "n"
    path.write_text("machine x login y pasword hunter2\n")
    assert netrc_path({"NETRC": str(path)}) == path
    given = Credentials(netrc_file=path, watcher=notes, keyring=KeyringProvider.DISABLED)
    assert given.known("https://x/") is None
    assert notes.notes == [f"`{path}`, line 1 cannot be read, so it gives no credentials"]


def test_the_keyring_is_asked_after_a_refusal(
    server: IndexServer, time: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real module of that name, found on the path as a real keyring would be."""
    (tmp_path / "keyring.py").write_text(
        "from types import SimpleNamespace\n"
        "def get_credential(service, user):\n"
        "    if service.endswith('/simple/'):\n"
        "        return SimpleNamespace(username='user', password='p@ss')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    server.auth = ("user", "p@ss")
    server.add(NAME, DATA)
    given = Credentials([server.url], keyring=KeyringProvider.IMPORT)
    with make(time, credentials=given) as client:
        assert client.request(server.file_url(NAME), body) == DATA
        assert client.request(server.file_url(NAME), body) == DATA
    assert [request.status for request in server.log] == [401, 200, 200]
    monkeypatch.delitem(sys.modules, "keyring", raising=False)


@pytest.mark.skipif(sys.platform == "win32", reason="the command is a shell script")
def test_the_keyring_command(
    server: IndexServer, time: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "keyring"
    script.write_text('#!/bin/sh\n[ "$1 $3" = "get user" ] && echo p@ss\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    server.auth = ("user", "p@ss")
    server.add(NAME, DATA)
    url = server.url.replace("http://", "http://user@")
    given = Credentials([url], keyring=KeyringProvider.SUBPROCESS)
    with make(time, credentials=given) as client:
        assert client.request(server.file_url(NAME), body) == DATA


def test_wrong_credentials_are_not_shown(server: IndexServer, time: Time) -> None:
    server.auth = ("user", "other")
    given = Credentials([login(server.url)], keyring=KeyringProvider.DISABLED)
    with make(time, credentials=given) as client, pytest.raises(AnswerError) as caught:
        client.request(login(server.url), body)
    shown = server.url.replace("http://", "http://****@")
    assert told(caught) == (
        f"`{shown}`: the server wants a login: found status 401 Unauthorized\n"
        "the user name or password that was sent is wrong, or may not read this"
    )


def test_credentials_do_not_follow_a_redirect_to_another_server(
    server: IndexServer, time: Time
) -> None:
    with IndexServer() as other, make(time, credentials=Credentials([login(server.url)])) as client:
        server.fault("/x", Redirect(f"{other.origin}/y"))
        with pytest.raises(NotFoundError):
            client.request(f"{server.origin}/x", body)
        assert "authorization" in server.log[0].headers
        assert "authorization" not in other.log[0].headers


def test_the_closest_credentials_win() -> None:
    given = Credentials(["https://a:1@index.test/one/", "https://b:2@index.test/two/simple/"])
    assert given.known("https://index.test/one/simple/x/") == ("a", "1")
    assert given.known("https://index.test/two/simple/x/") == ("b", "2")
    assert given.known("http://index.test/one/") is None
    assert credentials.KeyringProvider("auto") is KeyringProvider.AUTO


def test_certificates_that_are_none(tmp_path: Path, time: Time) -> None:
    settings = HttpSettings(cert=str(tmp_path / "no.pem"))
    with make(time, settings=settings) as client, pytest.raises(SourceError) as caught:
        client.request("https://index.test/", body)
    assert told(caught) == (
        f"`https://index.test/`: the certificates `{tmp_path / 'no.pem'}` cannot be read: "
        "found No such file or directory, expected a file in PEM form\n"
        "see pip's `cert`, `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE`"
    )
    (tmp_path / "empty.pem").write_text("")
    environ = {"SSL_CERT_FILE": str(tmp_path / "empty.pem")}
    with make(time, environ=environ) as client, pytest.raises(SourceError) as caught:
        client.request("https://index.test/", body)
    assert f"the certificates `{tmp_path / 'empty.pem'}` cannot be read" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown", "bare"),
    [
        ("https://u:p@h/x@y", "https://****@h/x@y", "https://h/x@y"),
        ("https://u@h", "https://****@h", "https://h"),
        ("https://h/a", "https://h/a", "https://h/a"),
        ("https://u:p@[bad/a", "https://****@[bad/a", "https://[bad/a"),
        ("nothing", "nothing", "nothing"),
    ],
)
def test_redaction(url: str, shown: str, bare: str) -> None:
    assert redact(url) == shown
    assert without_credentials(url) == bare


def test_local_addresses(tmp_path: Path) -> None:
    path = tmp_path / "a b%.txt"
    assert local_path(path.as_uri()) == path
