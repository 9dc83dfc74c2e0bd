"""twine and uv upload attestations, and tools find them where they look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from uv import find_uv_bin

from tests.attestation import attestation
from tests.build import make_wheel
from tests.serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("attested")
    with serving(folder / "data", "--hosted-only", cwd=folder) as found:
        yield found


def attested(folder: Path, project: str, **changes: object) -> tuple[Path, Path]:
    """A wheel, and beside it what is attested of it, by the name that uploaders look for."""
    wheel = make_wheel(folder, project, "1.0")
    beside = folder / f"{wheel.name}.publish.attestation"
    beside.write_text(json.dumps(attestation(wheel, **changes), indent=1), "utf-8")
    return wheel, beside


def run(folder: Path, *command: str | Path, **more: str) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={
            "PATH": os.defpath, "HOME": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "2000",
            "UV_CACHE_DIR": str(folder / "cache"), "UV_NO_CONFIG": "1", "NO_PROXY": "127.0.0.1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "NO_COLOR": "1", **more,
        },
    )  # fmt: skip
    return f"{done.returncode} {' '.join((done.stdout + done.stderr).split())}"


def twine(server: Server, folder: Path, wheel: Path, beside: Path) -> str:
    return run(
        folder, sys.executable, "-m", "twine", "upload", "--non-interactive",
        "--disable-progress-bar", "--attestations", wheel, beside,
        TWINE_REPOSITORY_URL=f"{server.url}/legacy/", TWINE_USERNAME="__token__",
        TWINE_PASSWORD=server.token,
    )  # fmt: skip


def uv(server: Server, folder: Path, wheel: Path, beside: Path) -> str:
    return run(
        folder, find_uv_bin(), "publish", "--publish-url", f"{server.url}/legacy/", wheel, beside,
        UV_PUBLISH_TOKEN=server.token, UV_KEYRING_PROVIDER="disabled",
    )  # fmt: skip


UPLOADERS = {"twine": twine, "uv": uv}


def integrity(server: Server, project: str, name: str, channel: str = "") -> httpx2.Response:
    return server.get(f"{channel}/integrity/{project}/1.0/{name}/provenance")


@pytest.mark.parametrize("client", UPLOADERS)
def test_what_was_attested_is_served_with_the_release(
    client: str, server: Server, tmp_path: Path
) -> None:
    project = f"by-{client}"
    wheel, beside = attested(tmp_path, project)
    said = UPLOADERS[client](server, tmp_path, wheel, beside)
    assert said.startswith("0 "), said
    assert integrity(server, project, wheel.name).status_code == 404, "it is staged"
    assert server.post(f"/api/{project}/1.0/publish").status_code == 200
    answer = integrity(server, project, wheel.name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.pypi.integrity.v1+json"
    assert answer.json() == {
        "version": 1,
        "attestation_bundles": [
            {
                "publisher": {"kind": "token", "claims": {}},
                "attestations": [json.loads(beside.read_text("utf-8"))],
            }
        ],
    }
    # Whoever asks through a channel that has not the project sees what its page shows.
    assert integrity(server, project, wheel.name, "/c/mpi").json() == answer.json()
    link = f'href="/integrity/{project}/1.0/{wheel.name}/provenance"'
    assert link in server.get(f"/p/{project}/1.0").text


@pytest.mark.parametrize("client", UPLOADERS)
def test_what_is_about_another_file_is_refused_with_the_file(
    client: str, server: Server, tmp_path: Path
) -> None:
    project = f"wrong-{client}"
    wheel, beside = attested(tmp_path, project)
    make_wheel(tmp_path, project, "1.0", body="another content")
    said = UPLOADERS[client](server, tmp_path, wheel, beside)
    assert not said.startswith("0 ")
    assert "it is about another content" in said
    assert "was the file changed after it was signed" in said or client == "twine"
    assert "files" not in server.release(project, "1.0")


def test_a_refused_file_leaves_nothing(server: Server, tmp_path: Path) -> None:
    wheel, beside = attested(tmp_path, "twice")
    listed = f"[{beside.read_text('utf-8')}]"
    assert server.upload(wheel, attestations="[]").status_code == 400
    assert server.upload(wheel, name="another", attestations=listed).status_code == 400
    assert server.upload(wheel).status_code == 200
    assert server.upload(wheel, attestations=listed).status_code == 409
    assert server.post("/api/twice/1.0/publish").status_code == 200
    assert integrity(server, "twice", wheel.name).status_code == 404


def test_a_file_without_attestations(server: Server, tmp_path: Path) -> None:
    """uv sends the field, and nothing in it."""
    wheel = make_wheel(tmp_path, "plain", "1.0")
    assert server.upload(wheel, attestations="").status_code == 200
    assert server.post("/api/plain/1.0/publish").status_code == 200
    for path in (wheel.name, "plain-2.0-py3-none-any.whl", "x"):
        assert integrity(server, "plain", path).status_code == 404
    assert server.get("/integrity/plain/x/y/provenance").status_code == 404
    assert server.get("/integrity/absent/1.0/y/provenance").status_code == 404
