"""What uv locked, compared with what is there: whole, changed by hand, and built into something else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from trueup.features.env import env
from trueup.model.condition import Option, OptionKind
from trueup.model.finding import Severity
from trueup.sources.installed import read_environment
from trueup.sources.lockfiles.read import read_lock
from trueup.sources.place import place_of_python

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


_BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = "demo-1.0.dist-info"
    wants = os.environ.get("DEMO_WANTS")
    text = "Metadata-Version: 2.2\\nName: demo\\nVersion: 1.0\\n"
    text += f"Requires-Dist: {wants}\\n" if wants else ""
    with zipfile.ZipFile(os.path.join(folder, "demo-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr(f"{info}/METADATA", text)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", f"{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
    return "demo-1.0-py3-none-any.whl"
"""
"""A build backend in the tree of its project: what its wheel asks for depends on the machine."""


class Site:
    """A project, the index that it is locked from, and its environment."""

    def __init__(self, folder: Path, index: str) -> None:
        self.folder = folder
        self.environ = {
            **os.environ,
            "UV_DEFAULT_INDEX": index,
            "UV_CACHE_DIR": str(folder / "cache"),
            "UV_PYTHON": sys.executable,
            "UV_NO_CONFIG": "1",
        }

    def pip(self, verb: str, *arguments: str) -> None:
        """`uv pip`, of the project's own environment."""
        self.uv("pip", verb, "--python", str(self.folder / ".venv"), *arguments)

    def uv(self, *arguments: str) -> None:
        command = [find_uv_bin(), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def told(self, *extras: str) -> list[tuple[str, str, str]]:
        place = place_of_python(self.folder / ".venv", {})
        lock = read_lock(self.folder / "uv.lock")
        options = {
            one for one in lock.options if one.kind is OptionKind.EXTRA and one.name in extras
        }
        report = env(
            read_environment(place.where, place.sites, place.runtime, prefix=place.prefix),
            lock=lock,
            selection=frozenset[Option]({*lock.default, *options}),
        )
        return [
            (one.code, one.project, one.message)
            for one in report.findings
            if one.severity is not Severity.INFO
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    files, home = tmp_path / "files", tmp_path / "home"
    files.mkdir()
    home.mkdir()
    for name, version, requires in (
        ("web", "1.0", ["sessions>=1", "only-windows; sys_platform == 'win32'"]),
        ("sessions", "1.4", []),
        ("sessions", "1.5", []),
        ("only-windows", "1.0", []),
        ("fast", "1.0", []),
        ("baz", "1.0", []),
        ("stray", "1.0", []),
    ):
        make_wheel(files, name, version, requires=requires)
    make_sdist(
        files,
        "demo",
        "1.0",
        pyproject='[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        files={"backend.py": _BACKEND.encode()},
    )
    (home / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\n'
        'dependencies = ["web", "sessions<1.5", "demo"]\n'
        f'requires-python = "=={MINOR}.*"\n[project.optional-dependencies]\nquick = ["fast"]\n'
    )
    with IndexServer() as server:
        for path in files.iterdir():
            server.add(path.name, path.read_bytes())
        found = Site(home, server.url)
        found.uv("lock")
        found.uv("sync")
        yield found


def test_what_was_synced_is_what_was_locked(site: Site) -> None:
    assert site.told() == []
    assert site.told("quick") == [
        ("locked-missing", "fast", "is locked for this environment, and not installed")
    ]


def test_what_was_changed_by_hand(site: Site) -> None:
    site.pip("install", "sessions==1.5", "stray")
    site.pip("uninstall", "web")
    assert sorted(site.told()) == [
        ("locked-missing", "web", "is locked for this environment, and not installed"),
        ("not-locked", "stray", "is installed, and not locked for this environment"),
        ("other-than-locked", "sessions", "is installed, and sessions 1.4 is locked"),
    ]


def test_a_build_that_asks_for_something_new(
    site: Site,
) -> None:
    """The sdist that was locked asked for nothing; the wheel that is built from it here does."""
    site.environ["DEMO_WANTS"] = "baz"
    site.pip("install", "--no-deps", "--reinstall", "--no-cache", "demo==1.0")
    assert sorted(site.told()) == [
        ("requirement-not-installed", "demo", "asks for `baz`, which is not installed"),
        ("unlocked-requirement", "demo",
         "asks for `baz`, which is not locked for this environment"),
    ]  # fmt: skip


def test_a_wheel_where_another_is_locked(site: Site, tmp_path: Path) -> None:
    other = make_wheel(tmp_path, "web", "1.0", tags="py2-none-any", requires=["sessions"])
    renamed = other.with_name("web-1.0-py3-none-any.whl")
    other.rename(renamed)
    site.pip("install", "--no-deps", "--reinstall", str(renamed))
    ((code, project, message),) = (one for one in site.told() if one[0] == "other-than-locked")
    assert (code, project) == ("other-than-locked", "web")
    assert message == "is none of the locked files: a wheel for py2-none-any"
