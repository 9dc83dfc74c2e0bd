"""What `trueup lock` writes is what uv and pip install: real clients, real files, a local index."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pip
import pytest
from packaging.version import Version
from uv import find_uv_bin

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from trueup.sources.running import this_target

pytestmark = [
    pytest.mark.skipif(
        platform.libc_ver()[0] != "glibc", reason="the wheels here are for Linux with glibc"
    ),
    pytest.mark.skipif(
        Version(pip.__version__) < Version("26.3"),
        reason="older versions of pip do not read all of a `pylock.toml`",
    ),
]

FOREIGN = ("cp313-macos-arm64-14.0", "cp312-windows-amd64")
LINUX = f"py3-none-manylinux_2_17_{platform.machine()}"
MACOS, WINDOWS = "py3-none-macosx_11_0_arm64", "py3-none-win_amd64"

PROJECT = """\
[project]
name = "app"
version = "0"
requires-python = ">=3.11"
dependencies = ["demo[fast]>=1", "source", "Spelled.Oddly"]

[project.optional-dependencies]
cpu = ["engine==1"]
gpu = ["engine==2"]

[dependency-groups]
dev = ["tester"]
docs = ["writer; sys_platform != 'win32'", "painter; sys_platform == 'win32'"]

[tool.trueup.lock]
conflicts = [[{ extra = "cpu" }, { extra = "gpu" }]]
"""
BASE = {
    "demo": "1.1", "fast-lib": "1.0", "lin-only": "1.0", "shared": "1.0", "source": "1.0",
    "deep": "1.0", "spelled-oddly": "1.0",
}  # fmt: skip
DEV = {"tester": "1.0"}
"""The group `dev` is installed unless the user says otherwise."""
IN_TREE = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
BACKEND = b"""
import base64, hashlib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, info = "source-1.0-py3-none-any.whl", "source-1.0.dist-info"
    text = b"Metadata-Version: 2.4\\nName: source\\nVersion: 1.0\\nRequires-Dist: deep\\n"
    members = {"source.py": b"", info + "/METADATA": text}
    members[info + "/WHEEL"] = b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    lines = []
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{member},sha256={digest},{len(data)}\\n")
        wheel.writestr(info + "/RECORD", "".join(lines) + f"{info}/RECORD,,\\n")
    return name
"""


def publish(folder: Path) -> None:
    """The files of the index: what `demo` needs depends on the platform, `source` has no wheel."""
    needs = {LINUX: ["lin-only"], MACOS: ["mac-only"], WINDOWS: ["win-only>=1"]}
    for tags, requires in needs.items():
        fast = "fast-lib; extra == 'fast'"
        make_wheel(folder, "demo", "1.1", tags=tags, requires=[*requires, fast], extras=["fast"])
        make_wheel(folder, "demo", "1.0", tags=tags)
    for name in ("lin-only", "mac-only", "win-only"):
        make_wheel(folder, name, "1.0", requires=["shared>=1"])
    for name in ("fast-lib", "shared", "deep", "tester", "writer", "painter", "spelled-oddly"):
        make_wheel(folder, name, "1.0")
    for version in ("1", "2"):
        make_wheel(folder, "engine", version)
    make_sdist(
        folder,
        "source",
        "1.0",
        requires=["deep"],
        pyproject=IN_TREE,
        files={"own.py": BACKEND},
    )


@dataclass(frozen=True, kw_only=True)
class Site:
    """A project with its lock, the index that it came from, and settings of its own."""

    folder: Path
    server: IndexServer
    files: Path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command without any of the settings of this machine."""
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.server.url,
            "PIP_NO_CACHE_DIR": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "TRUEUP_CACHE_DIR": str(self.folder / "trueup-cache"),
            "UV_CACHE_DIR": str(self.folder / "uv-cache"),
            "UV_DEFAULT_INDEX": self.server.url,
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip

    def passed(self, *command: str | Path) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def trueup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(Path(sys.executable).with_name("trueup"), *arguments)

    def lock(self, *targets: str) -> None:
        wanted = [word for target in targets for word in ("--for", target)]
        done = self.trueup("lock", "--require-all-targets", *wanted, "--requirements-txt", "pinned")
        assert done.returncode == 0, done.stderr

    def environment(self, name: str) -> Path:
        """A fresh environment; the path of its Python."""
        self.passed(sys.executable, "-m", "venv", "--without-pip", "--clear", name)
        return self.folder / name / "bin" / "python"

    def installed(self, python: Path) -> dict[str, str]:
        """What is installed there, which must fit together."""
        assert "No broken requirements" in self.passed(*PIP, "--python", python, "check")
        listed = self.passed(*PIP, "--python", python, "list", "--format", "json")
        return {item["name"].replace("_", "-"): item["version"] for item in json.loads(listed)}


def site(folder: Path, server: IndexServer, project: str = PROJECT) -> Site:
    files, home = folder / "files", folder / "home"
    files.mkdir()
    home.mkdir()
    publish(files)
    server.add_folder(files)
    (home / "pyproject.toml").write_text(project, encoding="utf-8")
    return Site(folder=home, server=server, files=files)


PIP = (sys.executable, "-m", "pip")
UV = (find_uv_bin(), "pip")
LOCK = "pylock.toml"


def uv_sync(python: Path, extras: Sequence[str], groups: Sequence[str]) -> list[str | Path]:
    return [*UV, "sync", "--python", python, LOCK, *_uv_options(extras, groups)]


def uv_install(python: Path, extras: Sequence[str], groups: Sequence[str]) -> list[str | Path]:
    return [*UV, "install", "--python", python, "-r", LOCK, *_uv_options(extras, groups)]


def _uv_options(extras: Sequence[str], groups: Sequence[str]) -> list[str]:
    named = [word for group in groups for word in ("--group", group)]
    return [*(word for extra in extras for word in ("--extra", extra)), *named]


def pip_install(python: Path, extras: Sequence[str], groups: Sequence[str]) -> list[str | Path]:
    lock = f"{LOCK}[{','.join(extras)}]" if extras else LOCK
    named = [word for group in groups for word in ("--group", f"{LOCK}:{group}")]
    return [*PIP, "--python", python, "install", "-r", lock, *named]


Client = Callable[[Path, Sequence[str], Sequence[str]], list[str | Path]]
CLIENTS: dict[str, Client] = {
    "uv pip sync": uv_sync,
    "uv pip install": uv_install,
    "pip install": pip_install,
}
every_client = pytest.mark.parametrize("client", CLIENTS)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A lock for the running environment and two others."""
    with IndexServer() as server:
        made = site(tmp_path_factory.mktemp("locked"), server)
        made.lock(str(this_target()), *FOREIGN)
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A project to spoil, not locked yet."""
    with IndexServer() as server:
        yield site(tmp_path, server)


@every_client
def test_exactly_what_is_needed_here_is_installed(locked: Site, client: str) -> None:
    python = locked.environment("plain")
    locked.passed(*CLIENTS[client](python, (), ()))
    assert locked.installed(python) == BASE | DEV


OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]] = {
    "one extra": (("cpu",), (), {"engine": "1"}),
    "its rival": (("gpu",), (), {"engine": "2"}),
    "a group": ((), ("docs",), {"writer": "1.0"}),
    "both": (("gpu",), ("docs",), {"engine": "2", "writer": "1.0"}),
}


@every_client
@pytest.mark.parametrize("name", OPTIONS)
def test_extras_and_groups_select_what_they_should(locked: Site, client: str, name: str) -> None:
    extras, groups, more = OPTIONS[name]
    python = locked.environment("options")
    locked.passed(*CLIENTS[client](python, extras, groups))
    # Where groups are named uv leaves out those that are the default, and pip does not.
    expected = [BASE | DEV | more, *([BASE | more] if groups else [])]
    assert locked.installed(python) in expected


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_hashed_requirements_install_the_same(locked: Site, tool: str) -> None:
    python = locked.environment("hashed")
    file = f"pinned/requirements.{this_target()}.txt"
    start = (
        (*PIP, "--python", python, "install")
        if tool == "pip"
        else (*UV, "install", "--python", python)
    )
    locked.passed(*start, "--require-hashes", "-r", file)
    assert locked.installed(python) == BASE | DEV


@every_client
def test_a_file_that_is_another_than_was_locked_is_refused(own: Site, client: str) -> None:
    own.lock(str(this_target()), *FOREIGN)
    name = "fast_lib-1.0-py3-none-any.whl"
    data = bytearray((own.files / name).read_bytes())
    data[10] ^= 1  # the time of its first member, so that it is a wheel of the same size
    own.server.add(name, bytes(data))
    python = own.environment("refused")
    done = own.run(*CLIENTS[client](python, (), ()))
    assert done.returncode != 0
    assert re.search(r"fast[-_]lib", done.stderr)
    assert re.search(r"do not match the hashes|hash mismatch", done.stderr, re.IGNORECASE)
    assert "fast-lib" not in own.installed(python)


@every_client
def test_a_lock_for_other_platforms_ends_with_a_clear_error(own: Site, client: str) -> None:
    own.lock(*FOREIGN)
    python = own.environment("elsewhere")
    done = own.run(*CLIENTS[client](python, (), ()))
    assert done.returncode != 0
    assert re.search(r"environment.*(not supported|does not satisfy)", done.stderr, re.IGNORECASE)
    assert "Traceback" not in done.stderr
    assert own.installed(python) == {}


def verified(own: Site, *arguments: str, lock: str = LOCK) -> dict[str, Any]:
    """What `trueup verify` reports of a lock."""
    done = own.trueup("verify", lock, "--format", "json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    (report,) = json.loads(done.stdout)["locks"]
    found: dict[str, Any] = report
    return found


def missing(report: dict[str, Any]) -> set[tuple[str, str]]:
    """(project, requirement) of all findings, which must be missing requirements."""
    assert {finding["code"] for finding in report["findings"]} <= {"missing-requirement"}
    return {
        (finding["project"], says)
        for finding in report["findings"]
        for evidence in finding["evidence"]
        for says in evidence["says"]
    }


DROPPED = {
    "win-only": {("demo", "win-only>=1")},
    "lin-only": {("demo", "lin-only")},
    "shared": {(name, "shared>=1") for name in ("lin-only", "mac-only", "win-only")},
    "deep": {("source", "deep")},
    "fast-lib": {("demo", 'fast-lib; extra == "fast"')},
    "spelled-oddly": {("your requirements", "spelled-oddly")},
    "tester": {("your requirements", 'tester; extra == "group-dev"')},
}


def without(name: str, text: str) -> str:
    """The text of a lock less one of its entries."""
    pattern = rf'\n\[\[packages\]\]\nname = "{name}"\n.*?(?=\n\[\[packages|\n\[tool)'
    left, found = re.subn(pattern, "", text, flags=re.DOTALL)
    assert found == 1
    return left


def test_a_lock_is_sound_until_an_entry_is_dropped(own: Site) -> None:
    own.lock(str(this_target()), *FOREIGN)
    sound = verified(own)
    assert (sound["verdict"], sound["findings"], sound["not_proven"]) == ("sound", [], [])
    assert sorted(sound["targets"]) == sorted([str(this_target()), *FOREIGN])
    path = own.folder / LOCK
    text = path.read_text("utf-8")
    for name, expected in DROPPED.items():
        path.write_text(without(name, text), encoding="utf-8")
        assert missing(verified(own)) == expected
        assert own.trueup("verify", LOCK).returncode == 1


@every_client
def test_files_beside_the_lock_are_installed_from_there(own: Site, client: str) -> None:
    folder = own.folder / "it's a wheel house"
    folder.mkdir()
    make_wheel(folder, "beside", "1.0", requires=["deep"])
    (own.folder / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\ndependencies = ["beside"]\n'
        'requires-python = ">=3.11"\n\n[tool.trueup.lock]\nfind-links = ["it\'s a wheel house"]\n',
        encoding="utf-8",
    )
    own.lock(str(this_target()), *FOREIGN)
    assert "file:" not in (own.folder / LOCK).read_text("utf-8")
    python = own.environment("local")
    own.passed(*CLIENTS[client](python, (), ()))
    assert own.installed(python) == {"beside": "1.0", "deep": "1.0"}
    assert verified(own, "--find-links", folder.name)["verdict"] == "sound"


@pytest.mark.parametrize("client", ["uv pip sync", "uv pip install"])
def test_a_project_in_a_folder_is_installed_from_there(own: Site, client: str) -> None:
    """pip refuses what has no hash beside files that have one, and so every lock with a folder."""
    member = own.folder / "libs" / "source"
    member.mkdir(parents=True)
    (member / "own.py").write_bytes(BACKEND + b"\nbuild_editable = build_wheel\n")
    (member / "pyproject.toml").write_text(
        '[project]\nname = "source"\nversion = "1.0"\ndependencies = ["deep"]\n\n' + IN_TREE,
        encoding="utf-8",
    )
    (own.folder / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\ndependencies = ["source"]\n'
        'requires-python = ">=3.11"\n\n[tool.trueup.lock]\nmembers = ["libs/*"]\n',
        encoding="utf-8",
    )
    own.lock(str(this_target()), *FOREIGN)
    python = own.environment("folder")
    own.passed(*CLIENTS[client](python, (), ()))
    assert own.installed(python) == {"source": "1.0", "deep": "1.0"}
    assert verified(own)["verdict"] in ("sound", "not proven")
