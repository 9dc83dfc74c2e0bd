"""The views of `trueup serve`, as real installers and a real index behind it see them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Sidecar
from tests.real.test_serve_clients import (
    LINUX,
    MACOS,
    PIP,
    UV,
    WINDOWS,
    environment,
    glibc,
    installed,
    passed,
    run,
)
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


def add(upstream: IndexServer, path: Path) -> None:
    """Put a file on the index behind, with its METADATA beside it."""
    metadata = None
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            (name,) = (one for one in wheel.namelist() if one.endswith("dist-info/METADATA"))
            metadata = wheel.read(name)
    kind = Sidecar.NONE if metadata is None else Sidecar.ADVERTISED
    upstream.add(path.name, path.read_bytes(), sidecar=kind, metadata=metadata)


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
        asked = upstream.count(path="/files/")
        for name, file in files.items():
            answer = server.get(file["url"])
            assert answer.content == bodies[name]
            assert hashlib.sha256(answer.content).hexdigest() == file["hashes"]["sha256"]
        assert server.get(f"{files[kept.name]['url']}.metadata").content == sidecar
        assert upstream.count(path="/files/") == asked


# --- what installers make of them ---------------------------------------------------------------------

PATCHES = """
[[patch]]
project = "demo"
reason = "the newer one works"
drop-upper = ["one"]
versions = "<2"

[[patch]]
project = "demo"
reason = "no longer there"
remove = ["gone"]
versions = ">=2"
"""


def publish(
    server: Server, folder: Path, wheels: Mapping[str, Sequence[str]], version: str
) -> None:
    folder.mkdir(exist_ok=True)
    for tag, asks in wheels.items():
        path = make_wheel(folder, "demo", version, tags=tag, requires=asks)
        assert server.upload(path).status_code == 200
    assert server.post(f"/api/demo/{version}/publish").status_code == 200


def offer(server: Server, folder: Path, *names: str) -> None:
    """Pure wheels of other projects, named with their versions."""
    folder.mkdir(exist_ok=True)
    for one in names:
        name, _, version = one.partition("==")
        assert server.upload(make_wheel(folder, name, version)).status_code == 200
        assert server.post(f"/api/{name}/{version}/publish").status_code == 200


def installs(client: str, folder: Path, url: str, *wanted: str) -> dict[str, str]:
    """Install into a fresh environment; the versions there, which both clients find consistent."""
    python = environment(folder)
    commands: dict[str, list[str | Path]] = {
        "pip": [*PIP, "--python", python, "install", "--index-url", url],
        "uv": [UV, "pip", "install", "--python", python, "--default-index", url],
    }
    passed(folder, *commands[client], *wanted)
    installed(folder, python)
    found = folder.glob("env/lib/python*/site-packages/*.dist-info")
    return {name: version for one in found for name, version in [one.stem.split("-")]}


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An index with patches: they fit demo 1.0, whose wheels differ, and have drifted from 2.0."""
    folder = tmp_path_factory.mktemp("patched")
    (folder / "patches.toml").write_text(PATCHES, "utf-8")
    options = ("--hosted-only", "--policy", "warn", "--ledger", "patches.toml")
    with serving(folder / "data", *options, cwd=folder) as server:
        here = {LINUX: ["one<2", "linux-only"], MACOS: ["one<2"], WINDOWS: ["one<2", "win-only"]}
        publish(server, folder / "dist", here, "1.0")
        publish(server, folder / "dist", {"py3-none-any": ["one<2"]}, "2.0")
        offer(server, folder / "dist", "one==1.0", "one==2.0", "linux-only==1.0", "win-only==1.0")
        yield server


@glibc
@pytest.mark.parametrize(
    ("client", "view", "one"),
    [
        ("pip", "", "1.0"),
        ("pip", "/ledger", "2.0"),
        ("pip", "/ledger/corrected", "2.0"),
        ("uv", "/ledger/corrected", "2.0"),
    ],
)
def test_patched_metadata_is_what_is_resolved_and_installed(
    client: str, view: str, one: str, patched: Server, tmp_path: Path
) -> None:
    url = f"{patched.url}{view}/simple/"
    found = installs(client, tmp_path, url, "demo<2")
    assert found == {"demo": "1.0", "one": one, "linux_only": "1.0"}


@glibc
def test_what_drifted_is_chosen_by_nobody_and_said_to_who_insists(
    patched: Server, tmp_path: Path
) -> None:
    url = f"{patched.url}/ledger/simple/"
    assert installs("pip", tmp_path, url, "demo")["demo"] == "1.0", "2.0 would be newer"
    done = run(
        tmp_path, *PIP, "--python", tmp_path / "env/bin/python", "install", "--index-url", url,
        "demo==2.0",
    )  # fmt: skip
    assert done.returncode == 0
    assert "not patched, the ledger has drifted: patch 2: `remove gone`" in done.stderr
    answer = patched.get("/ledger/simple/demo/", accept=JSON)
    assert answer.headers["x-trueup-drift"] == "2.0"
    page = patched.get("/p/demo/views/ledger").text
    assert "drifted: not patched, yanked" in page
    assert "upstream has no such thing" in page
    assert patched.get("/p/demo/views/other").status_code == 404
    assert patched.get("/channels/mpi/demo/views/ledger").status_code == 401, "channels ask who"


@glibc
def test_uv_locks_the_corrected_patches_for_every_platform(patched: Server, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["demo<2"]\n',
        "utf-8",
    )
    index = {"UV_DEFAULT_INDEX": f"{patched.url}/ledger/corrected/simple/"}
    passed(tmp_path, UV, "lock", **index)
    locked = (tmp_path / "uv.lock").read_text("utf-8")
    assert all(f'name = "{name}"' in locked for name in ("linux-only", "win-only"))
    assert 'name = "one"\nversion = "2.0"' in locked
    assert "1patchedcons" in locked
    passed(tmp_path, UV, "sync", "--locked", **index)


POLICIES = """
hosted-only = true
contradictions = "warn"

[[policy]]
channels = "hide"
irreconcilable = "hide-minority"

[[policy]]
channels = "yank"
irreconcilable = "yank"
"""


@glibc
def test_installers_leave_the_smaller_class_alone(tmp_path: Path) -> None:
    """Both wheels fit here, and installers would take the one for the newer libc: the policy has
    them take the other, because it says what those for macOS and Windows say.
    """
    data, dist = tmp_path / "data", tmp_path / "dist"
    for folder in (data, dist):
        folder.mkdir()
    (data / "serve.toml").write_text(POLICIES, "utf-8")
    newer = LINUX.replace("2_17", "2_36")
    gone = f"demo-1.0-{newer}.whl"
    wheels = {newer: ["one"], LINUX: [], MACOS: [], WINDOWS: []}
    with serving(data, cwd=tmp_path) as server:
        for channel in ("hide", "yank"):
            for tag, asks in wheels.items():
                path = make_wheel(dist, "demo", "1.0", tags=tag, requires=asks)
                assert server.upload(path, f"/c/{channel}").status_code == 200
            assert server.post(f"/c/{channel}/api/demo/1.0/publish").status_code == 200
            view = f"/c/{channel}/corrected"
            files = {file["filename"]: file["yanked"] for file in listed(server, "demo", view)}
            assert (gone in files) is (channel == "yank")
            assert sum(bool(yanked) for yanked in files.values()) == (channel == "yank")
            for client in ("pip", "uv"):
                folder = tmp_path / client / channel
                folder.mkdir(parents=True)
                url = f"{server.url}{view}/simple/"
                assert installs(client, folder, url, "demo") == {"demo": "1.0"}
