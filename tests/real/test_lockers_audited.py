"""`trueup verify` finds what a real uv and a real Poetry leave out of their locks, exactly that, and nothing else."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.real.test_lock_clients import LOCK, Site, verified
from tests.tools import client

PYTHON = f"{sys.version_info.major}{sys.version_info.minor}"
LINUX, MACOS = f"cp{PYTHON}-linux-x86_64-glibc2.17", f"cp{PYTHON}-macos-arm64-14.0"
NEWER, OLDER = "py3-none-manylinux_2_28_x86_64", "py3-none-manylinux2014_x86_64"
WINDOWS = "py3-none-win_amd64"
NCCL = "nvidia-nccl-cu12; platform_system == 'Linux' and platform_machine != 'aarch64'"


@dataclass(frozen=True, kw_only=True)
class Style:
    """One release whose files differ, by tags, `sdist` for the sdist.

    ``asked`` is all that those of its files ask for that some of the targets would install.
    """

    files: Mapping[str, tuple[str, ...]]
    targets: str
    asked: frozenset[str]


STYLES = {
    # As xgboost 3.0.5: one of two wheels for Linux needs a library, and no marker tells them apart.
    "xgboost": Style(
        files={NEWER: ("numpy", NCCL), OLDER: ("numpy",), "sdist": ("numpy", NCCL)},
        targets=LINUX,
        asked=frozenset({"numpy", "nvidia-nccl-cu12"}),
    ),
    "xgboost, the other way round": Style(
        files={NEWER: ("numpy",), OLDER: ("numpy", NCCL), "sdist": ("numpy",)},
        targets=LINUX,
        asked=frozenset({"numpy", "nvidia-nccl-cu12"}),
    ),
    # As nmslib 2.1.1: the sdist, which is built where no wheel fits, asks for something else.
    "nmslib": Style(
        files={OLDER: ("numpy", "psutil"), "sdist": ("numpy", "pybind11<2.6.2")},
        targets=f"{LINUX},{MACOS}",
        asked=frozenset({"numpy", "psutil", "pybind11"}),
    ),
    "nmslib, with wheels for other systems": Style(
        files={WINDOWS: ("numpy", "psutil"), "sdist": ("numpy", "pybind11<2.6.2")},
        targets=f"{LINUX},cp{PYTHON}-windows-amd64",
        asked=frozenset({"numpy", "psutil", "pybind11"}),
    ),
}


def publish(folder: Path, style: Style) -> None:
    for tags, requires in style.files.items():
        if tags == "sdist":
            make_sdist(folder, "demo", "1.0", requires=requires)
        else:
            make_wheel(folder, "demo", "1.0", tags=tags, requires=requires)
    for name, version in (("numpy", "2.0"), ("nvidia-nccl-cu12", "2.32"), ("psutil", "7.0")):
        make_wheel(folder, name, version)
    make_wheel(folder, "pybind11", "2.6.1")


def lock_with_uv(site: Site) -> None:
    uv = find_uv_bin()
    site.passed(uv, "lock", "--python", sys.executable)
    site.passed(
        uv, "export", "--quiet", "--frozen", "--no-emit-project", "--python", sys.executable,
        "--format", "pylock.toml", "-o", LOCK,
    )  # fmt: skip


def lock_with_poetry(site: Site) -> None:
    poetry = client("poetry")
    (site.folder / "poetry.toml").write_text("[virtualenvs]\ncreate = false\n", encoding="utf-8")
    with (site.folder / "pyproject.toml").open("a", encoding="utf-8") as project:
        project.write(
            "\n[tool.poetry]\npackage-mode = false\n\n[[tool.poetry.source]]\n"
            f'name = "local"\nurl = "{site.server.url}"\npriority = "primary"\n'
        )
    site.passed(poetry, "lock", "--no-interaction")
    site.passed(poetry, "export", "--no-interaction", "--format", "pylock.toml", "--output", LOCK)


LOCKERS = {"uv": lock_with_uv, "poetry": lock_with_poetry}
"""Each writes its own lock and exports that as `pylock.toml`."""


@pytest.fixture
def project(name: str, locker: str, tmp_path: Path) -> Iterator[Site]:
    """A project that asks for `demo`, locked."""
    files, home = tmp_path / "files", tmp_path / "home"
    files.mkdir()
    home.mkdir()
    publish(files, STYLES[name])
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (home / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "0"\ndependencies = ["demo"]\n'
        f'requires-python = "=={version}.*"\n',
        encoding="utf-8",
    )
    with IndexServer() as server:
        server.add_folder(files)
        site = Site(folder=home, server=server, files=files)
        LOCKERS[locker](site)
        yield site


def lacking(report: dict[str, Any]) -> set[tuple[str, str]]:
    """Who asks for which project in vain, of all errors: these must be missing requirements."""
    errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
    assert {finding["code"] for finding in errors} <= {"missing-requirement"}
    return {
        (finding["project"], Requirement(says).name)
        for finding in errors
        for evidence in finding["evidence"]
        for says in evidence["says"]
    }


def projects(site: Site, lock: str) -> set[str]:
    """The names in a lock."""
    document = tomllib.loads((site.folder / lock).read_text("utf-8"))
    return {package["name"] for key in ("package", "packages") for package in document.get(key, ())}


@pytest.mark.parametrize("locker", LOCKERS)
@pytest.mark.parametrize("name", STYLES)
def test_what_is_missing_in_a_lock_is_found(name: str, locker: str, project: Site) -> None:
    style = STYLES[name]
    for lock in (f"{locker}.lock", LOCK):
        report = verified(project, "--for", style.targets, lock=lock)
        assert lacking(report) == {("demo", one) for one in style.asked - projects(project, lock)}
