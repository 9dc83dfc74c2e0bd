"""A real index with a `serve.toml`: each project and channel has its policy, in several workers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.backend import make_backend, make_project
from tests.build import make_sdist, make_wheel
from tests.real.test_serve_clients import shown, twine, uv
from tests.sandboxed import sandbox_or_skip
from tests.serving import Server, serving
from tests.waiting import until
from trueup.interfaces.cli.main import main

LINUX, OLD = "py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_17_x86_64"
WINDOWS = "py3-none-win_amd64"

SETTINGS = """
hosted-only = true
workers = 2
log = "none"

[[policy]]
projects = "aside-*"
contradictions = "quarantine"

[[policy]]
channels = ["nightly"]
contradictions = "warn"
quiet-period = 0.3

[[policy]]
projects = ["lenient"]
classes = ["irreconcilable"]

[[policy]]
projects = ["undeclared"]
declarations = "ignored"
severity = { undeclared-difference = "error" }

[[policy]]
projects = ["small"]
largest = "1 KiB"

[[policy]]
projects = ["demo"]
channels = ["proven"]
proof = "required"

[[policy]]
projects = ["closing"]
closed-after-days = 0.000001
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("index")
    (folder / "data").mkdir()
    (folder / "data" / "serve.toml").write_text(SETTINGS)
    with serving(folder / "data", cwd=folder) as found:
        yield found


def wheel(folder: Path, name: str, tags: str, *requires: str) -> Path:
    return make_wheel(folder, name, "1.0", tags=tags, requires=requires)


@pytest.mark.parametrize(
    ("name", "channel", "tags", "status", "state"),
    [
        ("strict", "", WINDOWS, 400, "quarantined"),
        ("aside-one", "", WINDOWS, 200, "quarantined"),
        ("lenient", "", WINDOWS, 200, "staged"),
        ("lenient", "", OLD, 400, "quarantined"),
    ],
)
def test_a_contradiction_by_project(
    name: str, channel: str, tags: str, status: int, state: str, server: Server, tmp_path: Path
) -> None:
    server.upload(wheel(tmp_path, name, LINUX, "one"), channel)
    answer = server.upload(wheel(tmp_path, name, tags, "one", "two"), channel)
    assert (answer.status_code, server.release(name, "1.0")["state"]) == (status, state)


def test_a_channel_has_its_policy_and_its_quiet_period(server: Server, tmp_path: Path) -> None:
    for tags, requires in ((LINUX, "one"), (WINDOWS, "two")):
        path = wheel(tmp_path, "strict", tags, requires)
        assert server.upload(path, "/c/nightly").status_code == 200
    until(lambda: server.get("/c/nightly/simple/strict/").status_code == 200)
    assert len(server.json("strict", "/c/nightly")) == 2


def test_a_declaration_that_is_ignored(server: Server, tmp_path: Path) -> None:
    for name, status in (("undeclared", 400), ("declared", 200)):
        text = '[tool.trueup.wheels]\nrequires = ["two"]\n'
        source = make_sdist(tmp_path, name, "1.0", requires=["one"], pyproject=text)
        assert server.upload(source).status_code == 200
        answer = server.upload(wheel(tmp_path, name, LINUX, "one", "two"))
        assert answer.status_code == status, answer.text


def test_a_release_that_is_closed(server: Server, tmp_path: Path) -> None:
    assert server.upload(wheel(tmp_path, "closing", LINUX)).status_code == 200
    assert server.post("/api/closing/1.0/publish").status_code == 200
    time.sleep(0.1)
    answer = server.upload(wheel(tmp_path, "closing", WINDOWS))
    assert answer.status_code == 400
    assert "takes no further files, it was published more than 1e-06 days ago" in answer.text


def test_a_proof_is_demanded_made_and_sent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox_or_skip()
    sdist = make_project(tmp_path, requires=["one"])
    (tmp_path / "wheels").mkdir()
    make_backend(tmp_path / "wheels")
    assert server.upload(sdist, "/c/proven").status_code == 200
    refused = server.post("/c/proven/api/demo/1.0/publish")
    assert refused.status_code == 400
    assert "`trueup prove demo-1.0.tar.gz --record proof.json` makes one" in refused.text
    assert "send it to `POST /c/proven/api/demo/1.0/proof`" in refused.json()["detail"]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_CACHE_DIR", str(tmp_path / "cache"))
    prove = ["prove", sdist.name, "--record", "proof.json", "--wheelhouse", "wheels"]
    assert main([*prove, "--condition", "again"]) == 0
    url = f"{server.url}/c/proven/api/demo/1.0/proof"
    data = Path("proof.json").read_bytes()
    assert httpx2.post(url, content=data, verify=False).status_code == 401
    auth = ("__token__", server.token)
    wrong = httpx2.post(url, content=data[:-9], auth=auth, verify=False)
    assert (wrong.status_code, wrong.json()["detail"][:25]) == (400, "`the record`: is no proof")
    taken = httpx2.post(url, content=data, auth=auth, verify=False)
    assert (taken.status_code, taken.json()["filename"]) == (200, sdist.name)
    assert httpx2.get(url, auth=auth, verify=False).json() == {sdist.name: json.loads(data)}
    assert server.post("/c/proven/api/demo/1.0/publish").status_code == 200
    assert server.json("demo", "/c/proven") == [sdist.name]


def test_clients_say_that_a_file_is_too_large(server: Server, tmp_path: Path) -> None:
    path = make_wheel(tmp_path, "small", "1.0", files={"small/data": bytes(range(256)) * 8})
    for client in (twine, uv):
        done = client(server, tmp_path, path)
        assert done.returncode != 0
        assert "is too large, expected at most 1 KiB" in shown(done)
