"""A real index with a private channel: pip and uv read it with a token, and nobody without."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.build import make_wheel
from tests.real.test_serve_clients import PIP, UV, Done, run, shown
from tests.serving import Server, serving, trueup

SETTINGS = """
hosted-only = true
[channel.mpi]
read = "token"
[limits]
failures = "3/hour"
"""
JSON = {"accept": "application/vnd.pypi.simple.v1+json"}


Install = Callable[..., Done]


class Private(NamedTuple):
    server: Server
    token: str


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    """`secret` needs `open`: the one is in the private channel, the other in the public one."""
    folder = tmp_path_factory.mktemp("index")
    data = folder / "data"
    data.mkdir()
    (data / "serve.toml").write_text(SETTINGS)
    token = trueup("serve", "--data", str(data), "token", "me", "--may", "read", "--channel", "mpi")
    with serving(data, cwd=folder) as server:
        for name, requires, channel in (("open", [], ""), ("secret", ["open"], "/c/mpi")):
            path = make_wheel(folder, name, "1.0", requires=requires)
            assert server.upload(path, channel).status_code == 200
            assert server.post(f"{channel}/api/{name}/1.0/publish").status_code == 200
        yield Private(server, token)


def pip(private: Private, folder: Path, user: str = "") -> Done:
    url = private.server.url.replace("://", f"://{user}")
    return run(
        folder, *PIP, "install", "--no-input", "--target", folder / "pip", "--index-url",
        f"{url}/c/mpi/simple/", "secret", NETRC=str(folder / "netrc"),
    )  # fmt: skip


def uv(private: Private, folder: Path, user: str = "") -> Done:
    url = private.server.url.replace("://", f"://{user}")
    return run(
        folder, UV, "pip", "install", "--python", sys.executable, "--target", folder / "uv",
        "--default-index", f"{url}/c/mpi/simple/", "secret", NETRC=str(folder / "netrc"),
        UV_KEYRING_PROVIDER="disabled",
    )  # fmt: skip


@pytest.mark.parametrize("install", [pip, uv])
def test_installers_read_with_a_token(install: Install, private: Private, tmp_path: Path) -> None:
    refused = install(private, tmp_path)
    assert refused.returncode != 0
    done = install(private, tmp_path, f"__token__:{private.token}@")
    assert done.returncode == 0, shown(done)
    assert list(tmp_path.glob("*/secret-1.0.dist-info"))
    assert list(tmp_path.glob("*/open-1.0.dist-info"))


@pytest.mark.parametrize("install", [pip, uv])
def test_installers_read_with_netrc(install: Install, private: Private, tmp_path: Path) -> None:
    text = f"machine 127.0.0.1 login __token__ password {private.token}\n"
    (tmp_path / "netrc").write_text(text)
    (tmp_path / "netrc").chmod(0o600)
    done = install(private, tmp_path)
    assert done.returncode == 0, shown(done)


def test_memory_keeps_no_private_page_for_others(private: Private) -> None:
    url, auth = f"{private.server.url}/c/mpi/simple/secret/", ("__token__", private.token)
    for _ in range(3):
        assert httpx2.get(url, headers=JSON, auth=auth, verify=False).status_code == 200
        assert httpx2.get(url, headers=JSON, verify=False).status_code == 401
    assert private.server.get("/simple/open/").status_code == 200
    assert private.server.get("/simple/secret/").status_code == 404


def test_wrong_tokens_are_slowed_down_where_they_come_from(private: Private) -> None:
    url = f"{private.server.url}/c/mpi/simple/secret/"
    theirs = {**JSON, "x-forwarded-for": "203.0.113.7"}
    statuses = [
        httpx2.get(url, headers=theirs, auth=("__token__", "guess"), verify=False).status_code
        for _ in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    right = ("__token__", private.token)
    answer = httpx2.get(url, headers=theirs, auth=right, verify=False)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 1200
    assert "not known" in answer.reason_phrase
    ours = {**JSON, "x-forwarded-for": "203.0.113.8"}
    assert httpx2.get(url, headers=ours, auth=right, verify=False).status_code == 200
    assert httpx2.get(url, headers=JSON, auth=right, verify=False).status_code == 200
