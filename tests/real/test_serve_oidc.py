"""Jobs of a CI service publish without a token: uv and twine, over TLS, with a real issuer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from uv import find_uv_bin

from tests.attestation import attestation
from tests.build import make_wheel
from tests.issuer import Issuer, SigningKey, rsa_key
from tests.serving import Server, serving, trueup
from tests.tls import secured

JSON = "application/vnd.pypi.pytp.v1+json"
AUDIENCE = "packages"


@dataclass(frozen=True)
class Shop:
    """An index with TLS before it, and a CI service that it trusts."""

    server: Server
    url: str
    authority: Path
    issuer: Issuer

    def post(self, path: str, body: object) -> httpx2.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx2.post(f"{self.server.url}{path}", content=data, verify=False, timeout=30)

    def mint(self, token: str, channel: str = "") -> httpx2.Response:
        return self.post(f"{channel}/_/oidc/mint-token", {"token": token})

    def token(self, key: SigningKey | None = None, **changes: Any) -> str:
        return self.issuer.token(key, **{"aud": AUDIENCE, **changes})

    def trust(self, *words: str) -> str:
        return trueup("serve", "--data", str(self.server.data), "publisher", *words)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    environ = {"NO_PROXY": "127.0.0.1"}
    with (
        Issuer() as issuer,
        serving(folder / "data", "--hosted-only", cwd=folder, environ=environ) as server,
        secured(server.url, folder) as (url, authority),
    ):
        found = Shop(server, url, authority, issuer)
        found.trust("audience", AUDIENCE)
        found.trust(
            "add", "github", "octo/lattice", "--workflow", "release.yml", "--issuer", issuer.url,
            "--environment", "release", "--project", "lattice", "--project", "mesh",
        )  # fmt: skip
        yield found


def job(shop: Shop, folder: Path, *command: str | Path, **more: str) -> str:
    """Run an uploader as a job that has nothing but its identity; returns what it says."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={
            "PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
            "COLUMNS": "2000", "UV_CACHE_DIR": str(folder / "cache"), "UV_NO_CONFIG": "1",
            "SSL_CERT_FILE": str(shop.authority), "REQUESTS_CA_BUNDLE": str(shop.authority),
            "NO_PROXY": "127.0.0.1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            **shop.issuer.environ(), **more,
        },
    )  # fmt: skip
    return f"{done.returncode} {' '.join((done.stdout + done.stderr).split())}"


def uv(shop: Shop, folder: Path, path: Path, **more: str) -> str:
    return job(
        shop, folder, find_uv_bin(), "publish", "--trusted-publishing", "always",
        "--publish-url", f"{shop.url}/legacy/", path, **more,
    )  # fmt: skip


TWINE = """
import sys
from twine.auth import CredentialInput, Resolver
from twine.package import PackageFile
from twine.repository import Repository
url, *paths = sys.argv[1:]
resolver = Resolver({"repository": url}, CredentialInput("__token__"))
token = resolver.make_trusted_publishing_token()
for path in paths:
    answer = Repository(url, "__token__", token).upload(PackageFile.from_filename(path, None))
    print(answer.status_code, answer.text)
    answer.raise_for_status()
"""
"""What `twine upload` does without a password; the command does so for the public index alone."""


def twine(shop: Shop, folder: Path, path: Path, **more: str) -> str:
    return job(shop, folder, sys.executable, "-c", TWINE, f"{shop.url}/legacy/", path, **more)


def uploader(shop: Shop, project: str, version: str) -> str:
    """Who uploaded a release, by the audit log."""
    page = httpx2.get(
        f"{shop.server.url}/audit", auth=("__token__", shop.server.token), verify=False
    )
    assert page.status_code == 200, page.text
    assert shop.server.release(project, version)["files"]
    return page.text


@pytest.mark.parametrize(("client", "upload"), [("uv", uv), ("twine", twine)])
def test_a_job_uploads_with_nothing_but_its_identity(
    client: str, upload: Any, shop: Shop, tmp_path: Path
) -> None:
    version = {"uv": "1.0", "twine": "2.0"}[client]
    said = upload(shop, tmp_path, make_wheel(tmp_path, "lattice", version))
    assert said.startswith("0 "), said
    assert "github: octo/lattice release.yml run 4711" in uploader(shop, "lattice", version)


@pytest.mark.parametrize("upload", [uv, twine])
def test_it_may_not_upload_another_project(upload: Any, shop: Shop, tmp_path: Path) -> None:
    said = upload(shop, tmp_path, make_wheel(tmp_path, "other", "1.0"))
    assert not said.startswith("0 ")
    assert "may not upload `other`" in said


@pytest.mark.parametrize("upload", [uv, twine])
def test_a_job_that_is_not_trusted_is_told_why(upload: Any, shop: Shop, tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "lattice", "9.0")
    claims = shop.issuer.claims
    shop.issuer.claims = {**claims, "environment": "test"}
    try:
        said = upload(shop, tmp_path, path)
    finally:
        shop.issuer.claims = claims
    assert not said.startswith("0 ")
    assert "invalid-publisher" in said
    assert "`environment`: found `test`, expected `release`" in said


def test_a_pipeline_of_gitlab_with_uv(shop: Shop, tmp_path: Path) -> None:
    """Its identity is in a variable that is named after the audience."""
    shop.trust(
        "add", "gitlab", "group/mesh", "--issuer", shop.issuer.url, "--project", "mesh",
    )  # fmt: skip
    host = shop.issuer.url.removeprefix("http://")
    identity = shop.token(
        project_path="group/mesh", ref_path="refs/tags/v1", sha="1" * 40, repository=None,
        ci_config_ref_uri=f"{host}/group/mesh//.gitlab-ci.yml@refs/tags/v1", pipeline_id="99",
    )  # fmt: skip
    said = uv(
        shop, tmp_path, make_wheel(tmp_path, "mesh", "1.0"), GITHUB_ACTIONS="", GITLAB_CI="true",
        PACKAGES_ID_TOKEN=identity,
    )  # fmt: skip
    assert said.startswith("0 "), said
    assert "gitlab: group/mesh .gitlab-ci.yml run 99" in uploader(shop, "mesh", "1.0")


# --- by hand --------------------------------------------------------------------------------------


def test_discovery(shop: Shop) -> None:
    """PEP 807, "Trusted Publishing Discovery"."""

    def ask(path: str, accept: str = JSON) -> httpx2.Response:
        return httpx2.get(
            f"{shop.server.url}/.well-known/pytp", params={"discover": path},
            headers={"accept": accept}, verify=False,
        )  # fmt: skip

    found = ask("/legacy/")
    assert (found.status_code, found.headers["content-type"]) == (200, JSON)
    assert found.json() == {
        "audience-endpoint": f"{shop.server.url}/_/oidc/audience",
        "token-mint-endpoint": f"{shop.server.url}/_/oidc/mint-token",
        "features": ["multi-use-token"],
        "default-features": ["multi-use-token"],
    }
    channel = ask("/c/mpi/legacy/").json()
    assert channel["token-mint-endpoint"] == f"{shop.server.url}/c/mpi/_/oidc/mint-token"
    assert ask("/legacy/", "text/html").status_code == 406
    for path in ("", "/", "/legacy", "/simple/", "/c/NO/legacy/", "/c/mpi/legacy/?", "//x/legacy/"):
        answer = ask(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert httpx2.get(f"{shop.server.url}/_/oidc/audience", verify=False).json() == {
        "audience": AUDIENCE
    }


def test_a_minted_token_publishes_and_ends(shop: Shop, tmp_path: Path) -> None:
    answer = shop.mint(shop.token())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    minted = answer.json()
    assert minted["success"] is True
    assert isinstance(minted["expires"], int)
    server = Server(shop.server.url, minted["token"], shop.server.process, shop.server.data)
    wheel = make_wheel(tmp_path, "mesh", "5.0")
    listed = json.dumps([attestation(wheel)])
    assert server.upload(wheel, attestations=listed).status_code == 200
    assert server.post("/api/mesh/5.0/publish").status_code == 200
    provenance = server.get(f"/integrity/mesh/5.0/{wheel.name}/provenance").json()
    [bundle] = provenance["attestation_bundles"]
    assert bundle["publisher"] == {
        "kind": "GitHub", "claims": {}, "repository": "octo/lattice", "workflow": "release.yml",
        "environment": "release",
    }  # fmt: skip
    assert server.post("/api/mesh/5.0/delete").status_code == 403
    assert shop.post("/_/oidc/burn-token", {"token": minted["token"]}).status_code == 202
    assert server.upload(make_wheel(tmp_path, "mesh", "6.0")).status_code == 401


def test_nobody_can_burn_the_token_of_a_person(shop: Shop) -> None:
    assert shop.post("/_/oidc/burn-token", {"token": shop.server.token}).status_code == 202
    assert httpx2.get(
        f"{shop.server.url}/waiting", auth=("__token__", shop.server.token), verify=False
    ).is_success


def refusal(answer: httpx2.Response, status: int, code: str) -> str:
    """A refusal in both shapes that clients read; returns its description."""
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["title"] == body["message"] == "Token request failed"
    [error] = body["errors"]
    assert (error["code"], error["description"]) == (code, body["detail"])
    return str(error["description"])


PAYLOADS: list[bytes] = [
    b"", b"{", b"[]", b"null", b"7", b"{}", b'{"token": 7}', b'{"token": "\xc3\xa9"}', b"[" * 50_000,
    b'{"token": "a.b.c", "features": ["single-use-token"]}', b'{"token": "a", "features": 7}',
    b'{"token": "a.b.c"}', b'{"token": ""}', b'{"token": "' + b"a" * 70_000 + b'"}', b"\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_bodies_that_are_no_requests(shop: Shop, number: int) -> None:
    refusal(shop.post("/_/oidc/mint-token", PAYLOADS[number]), 422, "invalid-payload")


@pytest.mark.parametrize("path", ["/_/oidc/mint-token", "/_/oidc/github/mint-token"])
def test_a_body_without_a_type_will_do(shop: Shop, path: str) -> None:
    """`curl -d` says that it is a form; the longer address is that of older uploaders."""
    answer = httpx2.post(
        f"{shop.server.url}{path}",
        content=json.dumps({"token": shop.token()}),
        headers={"content-type": "application/x-www-form-urlencoded"}, verify=False,
    )  # fmt: skip
    assert answer.status_code == 200


def test_why_an_identity_is_refused(shop: Shop) -> None:
    used = shop.token()
    assert shop.mint(used).status_code == 200
    told = refusal(shop.mint(used), 422, "invalid-reuse-token")
    assert told == "this identity was exchanged for a token before"
    stranger = shop.token(repository="evil/lattice")
    assert "`evil/lattice`" in refusal(shop.mint(stranger), 422, "invalid-publisher")
    told = refusal(shop.mint(shop.token(), channel="/c/mpi"), 422, "invalid-publisher")
    assert told == "the publisher may not publish in channel `mpi`"
    refusal(shop.mint(shop.token(aud="other")), 422, "invalid-token")
    refusal(shop.mint(shop.token(rsa_key("stranger"))), 422, "invalid-token")
    refusal(shop.mint(shop.token(iss=f"{shop.issuer.url}/")), 422, "invalid-payload")
    reason = shop.mint(shop.token(aud="other")).reason_phrase
    assert reason == "the token is meant for somebody else (`aud`)"


def test_an_issuer_that_is_down_is_no_fault_of_the_token(shop: Shop) -> None:
    with Issuer() as other:
        shop.trust("add", "oidc", "--issuer", other.url, "--claim", "sub=x", "--project", "mesh")
    told = refusal(shop.mint(shop.token(iss=other.url)), 503, "issuer-unavailable")
    assert other.url in told


def test_publishers_come_and_go_while_it_runs(shop: Shop) -> None:
    with Issuer(claims={"sub": "builder"}) as other:
        line = shop.trust(
            "add", "oidc", "--issuer", other.url, "--claim", "sub=builder", "--project", "knot",
        )  # fmt: skip
        number = line.split()[0]
        assert line == f"{number}  oidc sub=builder at {other.url}  ->  knot"
        assert line in shop.trust("list")
        minted = shop.mint(other.token(aud=AUDIENCE)).json()["token"]
        page = f"{shop.server.url}/waiting"
        who = ("__token__", minted)
        assert httpx2.get(page, auth=who, verify=False).status_code == 200
        shop.trust("remove", number)
        assert httpx2.get(page, auth=who, verify=False).status_code == 401
        told = refusal(shop.mint(other.token(aud=AUDIENCE)), 422, "invalid-payload")
        assert re.match("no publisher here is trusted by the word of this issuer", told)


def test_an_index_that_trusts_nobody_has_no_trusted_publishing(tmp_path: Path) -> None:
    """Uploaders then use what else they have."""
    with serving(tmp_path / "data", "--hosted-only", cwd=tmp_path, token="none") as server:
        for path in ("/_/oidc/audience", "/.well-known/pytp?discover=%2Flegacy%2F"):
            answer = server.get(path)
            refusal(answer, 404, "not-enabled")
