"""Certificates, with a real server that has one made a moment ago; needs `openssl`."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index_server import IndexServer, Redirect
from trueup.model.errors import SourceError
from trueup.sources.http import AnswerError, Client, HttpSettings, Response

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs `openssl`")

NAME = "demo-1.0.tar.gz"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate with its key in one file, signed by itself."""
    path = tmp_path / "cert.pem"
    key = tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with IndexServer(tls=context) as server:
        server.add(NAME, b"data")
        yield server


def body(response: Response) -> bytes:
    return response.body(100)


def test_an_unknown_certificate_is_refused(server: IndexServer) -> None:
    with Client() as client, pytest.raises(SourceError) as caught:
        client.request(server.file_url(NAME), body)
    assert str(caught.value).startswith(
        f"`{server.file_url(NAME)}`: the server's certificate cannot be verified: found "
    )
    assert caught.value.hint == (
        "name your certificate authorities with `SSL_CERT_FILE` or pip's setting `cert`"
    )
    assert client.sent == 1, "trying again would not help"


def test_a_certificate_that_is_named(server: IndexServer, certificate: Path) -> None:
    with Client(HttpSettings(cert=str(certificate))) as client:
        assert client.request(server.file_url(NAME), body) == b"data"
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        with Client(environ={variable: str(certificate)}) as client:
            assert client.request(server.file_url(NAME), body) == b"data"


def test_trusted_hosts_are_not_asked(server: IndexServer) -> None:
    with Client(HttpSettings(trusted_hosts=frozenset({"127.0.0.1"}))) as client:
        assert client.request(server.file_url(NAME), body) == b"data"


def test_our_own_certificate(server: IndexServer, certificate: Path) -> None:
    settings = HttpSettings(cert=str(certificate), client_cert=str(certificate))
    with Client(settings) as client:
        assert client.request(server.file_url(NAME), body) == b"data"


def test_no_redirect_to_where_everyone_may_listen(server: IndexServer, certificate: Path) -> None:
    server.fault(NAME, Redirect("http://127.0.0.1:9/x"))
    with Client(HttpSettings(cert=str(certificate))) as client, pytest.raises(AnswerError) as c:
        client.request(server.file_url(NAME), body)
    assert str(c.value) == (
        f"`{server.file_url(NAME)}`: redirects from https to http, where everyone may listen: "
        "found `http://127.0.0.1:9/x`, expected an https address"
    )
