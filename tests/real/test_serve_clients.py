"""twine, uv and flit upload to a real index under each policy; pip and uv install what it corrects."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.build import make_wheel
from tests.serving import Server, serving

Done = subprocess.CompletedProcess[str]

LINUX = f"py3-none-manylinux_2_17_{platform.machine()}"
MACOS, WINDOWS = "py3-none-macosx_11_0_arm64", "py3-none-win_amd64"
HERE = {"demo", "one", "linux-only"}
HERE_AND_THERE = ("linux-only", "mac-only", "win-only")
UV = find_uv_bin()
PIP = (sys.executable, "-m", "pip")

glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the wheels here are for Linux with glibc"
)


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    policy = getattr(request, "param", "reject")
    with serving(tmp_path / "data", "--hosted-only", "--policy", policy, cwd=tmp_path) as found:
        yield found


def run(folder: Path, *command: str | Path, **more: str) -> Done:
    """Run a client that knows nothing of this machine's settings."""
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "COLUMNS": "2000",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        **more,
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def passed(folder: Path, *command: str | Path, **more: str) -> str:
    done = run(folder, *command, **more)
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# --- uploading ------------------------------------------------------------------------------------


def twine(server: Server, folder: Path, *arguments: str | Path) -> Done:
    return run(
        folder, sys.executable, "-m", "twine", "upload", "--non-interactive",
        "--disable-progress-bar", *arguments,
        TWINE_REPOSITORY_URL=f"{server.url}/legacy/",
        TWINE_USERNAME="__token__",
        TWINE_PASSWORD=server.token,
    )  # fmt: skip


def uv(server: Server, folder: Path, *paths: str | Path) -> Done:
    return run(
        folder, UV, "publish", *paths,
        UV_PUBLISH_URL=f"{server.url}/legacy/",
        UV_PUBLISH_TOKEN=server.token,
        UV_KEYRING_PROVIDER="disabled",
    )  # fmt: skip


def flit(server: Server, folder: Path, name: str) -> Done:
    """flit builds what it uploads, from a project of its own: a pure wheel and an sdist."""
    project = folder / "project"
    project.mkdir(exist_ok=True)
    (project / f"{name}.py").write_text('"""A demo."""\n', "utf-8")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\ndescription = "A demo"\n'
        'dependencies = ["flit-only"]\n',
        "utf-8",
    )
    return run(
        project, sys.executable, "-m", "flit", "publish", "--no-use-vcs", "--format", "wheel",
        FLIT_INDEX_URL=f"{server.url}/legacy/",
        FLIT_USERNAME="__token__",
        FLIT_PASSWORD=server.token,
    )  # fmt: skip


def shown(done: Done) -> str:
    """All that the user saw, in one line."""
    return " ".join((done.stdout + done.stderr).split())


def pair(folder: Path, name: str = "demo") -> tuple[Path, Path]:
    """Two wheels of one release that ask for different things."""
    folder.mkdir(exist_ok=True)
    return (
        make_wheel(folder, name, "1.0", tags=LINUX, requires=["one"]),
        make_wheel(folder, name, "1.0", tags=WINDOWS, requires=["one", "two"]),
    )


Upload = Callable[[Server, Path, Path], Done]
UPLOADERS: dict[str, Upload] = {
    "twine": twine,
    "uv": uv,
    "flit": lambda server, folder, path: flit(server, folder, path.name.partition("-")[0]),
}
"""Each uploads a file that contradicts the staged one; flit builds its own."""


@pytest.mark.parametrize("server", ["reject"], indirect=True)
def test_a_client_that_is_rejected_says_why(server: Server, tmp_path: Path) -> None:
    for client, upload in UPLOADERS.items():
        first, second = pair(tmp_path / "dist", f"by{client}")
        assert server.upload(first).status_code == 200
        done = upload(server, tmp_path, second)
        assert done.returncode != 0, client
        assert "Requires-Dist: " in shown(done), client
        assert first.name in shown(done), client
        release = server.release(f"by{client}", "1.0")
        assert [file["filename"] for file in release["files"]] == [first.name]
        assert server.post(f"/api/by{client}/1.0/publish").status_code == 200


@pytest.mark.parametrize(
    ("server", "state", "published"),
    [("quarantine", "quarantined", 400), ("warn", "staged", 200)],
    indirect=["server"],
)
def test_other_policies_take_the_file(
    server: Server, state: str, published: int, tmp_path: Path
) -> None:
    for client, upload in UPLOADERS.items():
        first, second = pair(tmp_path / "dist", f"by{client}")
        assert server.upload(first).status_code == 200
        done = upload(server, tmp_path, second)
        assert done.returncode == 0, shown(done)
        release = server.release(f"by{client}", "1.0")
        assert (len(release["files"]), release["state"]) == (2, state), client
        assert server.post(f"/api/by{client}/1.0/publish").status_code == published


def test_uv_shows_both_files(server: Server, tmp_path: Path) -> None:
    first, second = pair(tmp_path / "dist")
    assert uv(server, tmp_path, first).returncode == 0
    done = uv(server, tmp_path, second)
    assert done.returncode != 0
    assert first.name in shown(done)
    assert second.name in shown(done)


def test_a_whole_release_in_one_command(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "dist"
    folder.mkdir()
    for tag in (LINUX, MACOS, WINDOWS):
        make_wheel(folder, "demo", "1.0", tags=tag, requires=["one"])
    done = twine(server, tmp_path, *sorted(folder.glob("*.whl")))
    assert done.returncode == 0, shown(done)
    assert server.get("/simple/demo/").status_code == 404
    server.post("/api/demo/1.0/publish")
    assert len(server.json("demo")) == 3


SKIPPING = """
import sys
from twine.commands.upload import skip_upload
from twine.package import PackageFile
from twine.repository import Repository
url, token, *paths = sys.argv[1:]
for path in paths:
    package = PackageFile.from_filename(path, None)
    answer = Repository(url, "__token__", token).upload(package)
    print("taken", answer.ok, "skipped", skip_upload(answer, True, package))
"""
"""What `--skip-existing` does; the command offers it for the public index alone, and asks that."""


def test_skip_existing_skips_what_is_there_and_nothing_else(server: Server, tmp_path: Path) -> None:
    first, second = pair(tmp_path / "dist")
    other = make_wheel(tmp_path, "demo", "1.0", tags=LINUX, requires=["one"], body="Other bytes")
    answers = passed(
        tmp_path, sys.executable, "-c", SKIPPING, f"{server.url}/legacy/", server.token,
        first, first, second, other,
    )  # fmt: skip
    assert re.findall(r"taken (\w+) skipped (\w+)", answers) == [
        ("True", "False"), ("False", "True"), ("False", "False"), ("False", "False")
    ]  # fmt: skip
    plain = twine(server, tmp_path, other)
    assert plain.returncode != 0
    assert "with other bytes" in shown(plain)


def test_uv_skips_what_is_published_and_nothing_else(server: Server, tmp_path: Path) -> None:
    first, second = pair(tmp_path / "dist")
    assert uv(server, tmp_path, first).returncode == 0
    server.post("/api/demo/1.0/publish")
    check = ("--check-url", f"{server.url}/simple/")
    assert uv(server, tmp_path, *check, first).returncode == 0
    assert uv(server, tmp_path, *check, second).returncode != 0
    assert server.json("demo") == [first.name]


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_a_wrong_token_is_named_as_the_reason(client: str, server: Server, tmp_path: Path) -> None:
    first, _ = pair(tmp_path / "dist")
    stranger = Server(server.url, "unknown", server.process, server.data)
    done = UPLOADERS[client](stranger, tmp_path, first)
    assert done.returncode != 0
    assert "the token is not known" in shown(done)


# --- installing -----------------------------------------------------------------------------------


@pytest.fixture
def corrected(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A published release whose wheels differ by platform; the one for this platform."""
    folder = tmp_path / "dist"
    folder.mkdir()
    needs = {LINUX: ["linux-only"], MACOS: ["mac-only"], WINDOWS: ["win-only>=1"]}
    wheels = [
        make_wheel(folder, "demo", "1.0", tags=tag, requires=["one", *needs[tag]]) for tag in needs
    ]
    with serving(tmp_path / "data", "--hosted-only", "--policy", "warn", cwd=tmp_path) as server:
        wheels += [make_wheel(folder, name, "1.0") for name in ("one", *HERE_AND_THERE)]
        for path in wheels:
            assert server.upload(path).status_code == 200
        for name in ("demo", "one", *HERE_AND_THERE):
            assert server.post(f"/api/{name}/1.0/publish").status_code == 200
        yield server, wheels[0]


def environment(folder: Path) -> Path:
    """A fresh environment; the path of its Python."""
    passed(folder, sys.executable, "-m", "venv", "--without-pip", "env")
    return folder / "env" / "bin" / "python"


def installed(folder: Path, python: Path) -> set[str]:
    """What is installed there, which both pip and uv must find consistent."""
    assert "No broken requirements" in passed(folder, *PIP, "--python", python, "check")
    passed(folder, UV, "pip", "check", "--python", python)
    listed = passed(folder, *PIP, "--python", python, "list", "--format", "json")
    return {item["name"].replace("_", "-") for item in json.loads(listed)}


@glibc
@pytest.mark.parametrize("client", ["pip", "uv"])
def test_the_corrected_view_installs(
    client: str, corrected: tuple[Server, Path], tmp_path: Path
) -> None:
    server, _ = corrected
    url = f"{server.url}/corrected/simple/"
    python = environment(tmp_path)
    commands: dict[str, list[str | Path]] = {
        "pip": [*PIP, "--python", python, "install", "--index-url", url, "demo"],
        "uv": [UV, "pip", "install", "--python", python, "--default-index", url, "demo"],
    }
    passed(tmp_path, *commands[client])
    assert installed(tmp_path, python) == HERE
    (metadata,) = tmp_path.glob("env/lib/python*/site-packages/demo-1.0.dist-info/METADATA")
    for name in HERE_AND_THERE:
        assert f"Requires-Dist: {name}" in metadata.read_text("utf-8")


@glibc
def test_uv_locks_and_syncs_from_the_corrected_view(
    corrected: tuple[Server, Path], tmp_path: Path
) -> None:
    server, _ = corrected
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["demo"]\n',
        "utf-8",
    )
    index = {"UV_DEFAULT_INDEX": f"{server.url}/corrected/simple/"}
    passed(tmp_path, UV, "lock", **index)
    locked = (tmp_path / "uv.lock").read_text("utf-8")
    assert all(f'name = "{name}"' in locked for name in HERE_AND_THERE)
    passed(tmp_path, UV, "sync", "--locked", **index)
    assert installed(tmp_path, tmp_path / ".venv/bin/python") == HERE


@glibc
@pytest.mark.parametrize("client", ["pip", "uv"])
def test_hash_pins_of_the_originals_hold_in_the_corrected_view(
    client: str, corrected: tuple[Server, Path], tmp_path: Path
) -> None:
    """Whoever pinned the file that was uploaded gets that file, byte for byte."""
    server, original = corrected
    url = f"{server.url}/corrected/simple/"
    pins = tmp_path / "pinned.txt"
    pure = (original.parent / f"{name}-1.0-py3-none-any.whl" for name in ("one", "linux_only"))
    pins.write_text(
        "".join(
            f"{path.name.split('-')[0]}==1.0 "
            f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
            for path in (original, *pure)
        ),
        "utf-8",
    )
    python = environment(tmp_path)
    commands: dict[str, list[str | Path]] = {
        "pip": [*PIP, "--python", python, "install", "--index-url", url],
        "uv": [UV, "pip", "install", "--python", python, "--default-index", url],
    }
    passed(tmp_path, *commands[client], "--require-hashes", "-r", pins)
    assert installed(tmp_path, python) == HERE
    (metadata,) = tmp_path.glob("env/lib/python*/site-packages/demo-1.0.dist-info/METADATA")
    with zipfile.ZipFile(original) as wheel:
        assert metadata.read_bytes() == wheel.read("demo-1.0.dist-info/METADATA")
