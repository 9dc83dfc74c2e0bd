"""The views of `trueup serve`, as real installers and a real index behind it see them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Sidecar
from tests.serving import Server, serving

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def upstream() -> Iterator[IndexServer]:
    with IndexServer() as found:
        yield found


def listed(server: Server, project: str, view: str = "") -> list[dict[str, Any]]:
    """The files of a project's page."""
    answer = server.get(f"{view}/simple/{project}/", accept=JSON)
    assert answer.status_code == 200, answer.text
    files: list[dict[str, Any]] = answer.json()["files"]
    return files


def add(upstream: IndexServer, path: Path, sidecar: Sidecar = Sidecar.ADVERTISED) -> bytes | None:
    """Put a file on the index behind, with its METADATA beside it; returns that."""
    metadata = None
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            (name,) = (one for one in wheel.namelist() if one.endswith("dist-info/METADATA"))
            metadata = wheel.read(name)
    kind = sidecar if metadata is not None else Sidecar.NONE
    upstream.add(path.name, path.read_bytes(), sidecar=kind, metadata=metadata)
    return metadata


@pytest.mark.parametrize("sidecar", [Sidecar.ADVERTISED, Sidecar.WITHOUT_HASH])
def test_sidecars_of_the_index_behind_are_passed_on(
    sidecar: Sidecar, upstream: IndexServer, tmp_path: Path
) -> None:
    metadata = add(upstream, make_wheel(tmp_path, "demo", "1.0", requires=["one"]), sidecar)
    with serving(tmp_path / "data", "--index", upstream.url, cwd=tmp_path) as server:
        (file,) = listed(server, "demo")
        assert server.get(f"{file['url']}.metadata").content == metadata
        assert server.get(f"{file['url']}.metadata").content == metadata
        (wheel,) = (one for one in upstream.projects["demo"].values())
        assert upstream.count(path=f"{wheel.filename}.metadata") == (
            1 if sidecar is Sidecar.ADVERTISED else 2
        ), "what has a digest is fetched once"
        assert upstream.count(path="/files/") == upstream.count(path=".metadata"), (
            "the wheel itself is not fetched for it"
        )


def test_a_deletion_upstream_breaks_no_lock(upstream: IndexServer, tmp_path: Path) -> None:
    """What was served once is served by its digest for good: the file, and its sidecar."""
    kept = make_wheel(tmp_path, "demo", "1.0", requires=["one"])
    gone = make_wheel(tmp_path, "demo", "1.1", requires=["two"])
    for path in (kept, gone, make_sdist(tmp_path, "demo", "1.0")):
        add(upstream, path)
    with serving(tmp_path / "data", "--index", upstream.url, cwd=tmp_path) as server:
        files = {file["filename"]: file for file in listed(server, "demo")}
        bodies = {name: server.get(file["url"]).content for name, file in files.items()}
        sidecar = server.get(f"{files[kept.name]['url']}.metadata").content
    upstream.projects["demo"] = {gone.name: upstream.projects["demo"][gone.name]}
    with serving(tmp_path / "data", "--index", upstream.url, cwd=tmp_path) as server:
        for name, file in files.items():
            answer = server.get(file["url"])
            assert answer.content == bodies[name]
            assert hashlib.sha256(answer.content).hexdigest() == file["hashes"]["sha256"]
        assert server.get(f"{files[kept.name]['url']}.metadata").content == sidecar
    upstream.projects.clear()
    with serving(tmp_path / "data", "--hosted-only", cwd=tmp_path) as server:
        assert server.get(files[kept.name]["url"]).content == bodies[kept.name]
        assert server.get(f"{files[kept.name]['url']}.metadata").content == sidecar


def test_the_same_bytes_under_two_names_are_served_under_both(
    upstream: IndexServer, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, "demo", "1.0")
    again = tmp_path / "demo-1.0-1-py3-none-any.whl"
    again.write_bytes(wheel.read_bytes())
    for path in (wheel, again):
        add(upstream, path)
    own = make_wheel(tmp_path, "own", "1.0")
    with serving(tmp_path / "data", "--index", upstream.url, cwd=tmp_path) as server:
        for name in (own.name, "own-1.0-1-py3-none-any.whl"):
            path = tmp_path / name
            path.write_bytes(own.read_bytes())
            assert server.upload(path).status_code == 200
        server.post("/api/own/1.0/publish")
        for project in ("demo", "own"):
            files = listed(server, project)
            assert len({file["url"] for file in files}) == 2
            assert len({file["hashes"]["sha256"] for file in files}) == 1
            for file in files:
                assert server.get(file["url"]).status_code == 200
                assert server.get(f"{file['url']}.metadata").status_code == 200
            digest = files[0]["hashes"]["sha256"]
            assert server.get(f"/files/{digest}/other-1.0-py3-none-any.whl").status_code == 404
