"""A CI service in miniature: it signs identities, over real HTTP on 127.0.0.1, and rotates its keys.

with Issuer() as issuer:
    token = issuer.token(repository="octo/lattice", …)      # signed with its newest key
    issuer.rotate()
    issuer.configuration = {…}                              # another answer than the true one
"""

from __future__ import annotations

import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

__all__ = ["GITHUB_CLAIMS", "SECRET", "Issuer", "SigningKey", "ec_key", "rsa_key"]

SECRET = "a job's secret"
"""What a job shows to be given its identity, as GitHub's jobs do."""

GITHUB_CLAIMS = {
    "sub": "repo:octo/lattice:environment:release",
    "repository": "octo/lattice",
    "repository_id": "11",
    "repository_owner": "octo",
    "repository_owner_id": "7",
    "workflow_ref": "octo/lattice/.github/workflows/release.yml@refs/tags/v1.0",
    "job_workflow_ref": "octo/lattice/.github/workflows/release.yml@refs/tags/v1.0",
    "ref": "refs/tags/v1.0",
    "sha": "0" * 40,
    "environment": "release",
    "event_name": "push",
    "run_id": "4711",
    "run_attempt": "1",
    "actor": "octocat",
}
"""What GitHub says of a job, by the names of its documentation."""


class SigningKey:
    """A private key, its number and its algorithm."""

    def __init__(
        self, number: str, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    ) -> None:
        self.number = number
        self.private = private
        self.algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, as a set of keys lists it."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            found = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            found = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**found, "kid": self.number, "use": "sig", "alg": self.algorithm}


@cache
def rsa_key(number: str, bits: int = 2048) -> SigningKey:
    """A key of that number: the same one whenever it is asked for."""
    return SigningKey(number, rsa.generate_private_key(public_exponent=65537, key_size=bits))


@cache
def ec_key(number: str) -> SigningKey:
    """The same with elliptic curves."""
    return SigningKey(number, ec.generate_private_key(ec.SECP256R1()))


class Issuer:
    """An issuer in a thread; use it as a context manager. Everything may be changed while it runs.

    ``keys`` are those that it lists, ``configuration`` and ``listed`` replace true answers,
    ``status`` and ``location`` the answer as a whole, for paths that begin with ``failing``.
    """

    def __init__(self, *keys: SigningKey, claims: dict[str, Any] | None = None) -> None:
        self.keys = list(keys) or [rsa_key("first")]
        self.claims = GITHUB_CLAIMS if claims is None else claims
        self.configuration: dict[str, Any] = {}
        self.listed: bytes | None = None
        self.status = 200
        self.failing = "/"
        self.location: str | None = None
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def rotate(self, key: SigningKey) -> None:
        """Sign with another key, and list no other."""
        self.keys = [key]

    def token(
        self, key: SigningKey | None = None, *, header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """An identity for `aud="index"`, valid now; ``changes`` are claims, None takes one away."""
        key, now = key or self.keys[0], int(time.time())
        claims = {
            "iss": self.url, "aud": "index", "iat": now, "nbf": now, "exp": now + 300,
            "jti": str(uuid4()), **self.claims, **changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": key.number, **(header or {})}
        if headers["kid"] is None:
            del headers["kid"]
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers=headers)

    def environ(self) -> dict[str, str]:
        """The environment of a job that may ask for its identity, as GitHub sets it up."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/identity?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET,
        }

    def _answer(self, path: str, query: str, secret: str) -> tuple[int, bytes]:
        if path == "/.well-known/openid-configuration":
            true = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            return 200, json.dumps({**true, **self.configuration}).encode()
        if path == "/keys":
            true_keys = {"keys": [key.jwk for key in self.keys]}
            return 200, json.dumps(true_keys).encode() if self.listed is None else self.listed
        if path == "/identity" and secret.lower() == f"bearer {SECRET}":
            return 200, json.dumps(
                {"value": self.token(aud=parse_qs(query)["audience"][0])}
            ).encode()
        return 404, b"{}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                parts = urlsplit(self.path)
                status, body = issuer._answer(
                    parts.path, parts.query, self.headers.get("authorization", "")
                )
                if issuer.status != 200 and parts.path.startswith(issuer.failing):
                    status, body = issuer.status, b"{}"
                self.send_response(status)
                if issuer.location is not None and status in (301, 302, 307):
                    self.send_header("Location", issuer.location)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """The requests are kept, nobody reads them from a terminal."""

        return Handler
