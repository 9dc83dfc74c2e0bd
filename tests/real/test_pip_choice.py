"""Law 8: the file that the newest pip would download is among the chosen, as pip itself says."""

from __future__ import annotations

import json
import platform
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.build import make_wheel
from tests.releases import release, wheel
from trueup.judge.reconcile import classify
from trueup.model.target import parse_targets

TAGS = (
    "py3-none-any",
    "py2.py3-none-any",
    "py39-none-any",
    "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp310-abi3-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_17_x86_64",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp311-cp311-manylinux_2_99_x86_64",
    "cp311-cp311-linux_x86_64",
    "cp311-cp311-musllinux_1_2_x86_64",
    "cp311-none-manylinux1_x86_64",
    "py3-none-manylinux2014_x86_64",
    "py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp313-cp313-manylinux_2_17_x86_64",
    "cp313-cp313t-manylinux_2_17_x86_64",
    "pp310-pypy310_pp73-manylinux_2_17_x86_64",
    "cp311-cp311-win_amd64",
    "cp311-cp311-win32",
    "cp38-abi3-win_amd64",
    "py3-none-win_amd64",
    "py3-none-win32",
    "cp311-cp311-macosx_11_0_arm64",
    "cp311-cp311-macosx_10_9_universal2",
    "cp311-cp311-macosx_13_0_x86_64",
    "py3-none-macosx_10_9_x86_64.macosx_11_0_arm64",
)
FOLDERS = 10

SIMULATED = {
    "cp311-windows-amd64": ("3.11", "win_amd64"),
    "cp311-windows-x86": ("3.11", "win32"),
    "cp311-macos-arm64-14.0": ("3.11", "macosx_14_0_arm64"),
    "cp311-macos-x86_64-12.0": ("3.11", "macosx_12_0_x86_64"),
}
"""Targets that pip can pretend to be; libc levels it cannot, for which real interpreters stand."""


def drawn(number: int) -> list[tuple[str, str | None]]:
    """The tags and build tags of one folder."""
    chance = random.Random(number)
    tags = chance.sample(TAGS, chance.randint(3, 9))
    return [(tag, chance.choice([None, None, None, "1", "2"])) for tag in tags]


def chosen(wheels: list[tuple[str, str | None]], target: str) -> set[str]:
    files = [wheel(tag, build=build or "") for tag, build in wheels]
    (found,) = classify(release(*files), parse_targets(target))
    return {
        file.filename
        for file, points in zip(found.wheels, found.choice.chosen, strict=True)
        if points
    }


def pip_takes(folder: Path, *options: str) -> str | None:
    """The file that pip would install; None if it finds none."""
    command = [
        sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *options[:2],
        "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", "--no-index",
        "--find-links", str(folder), "--report", "-", *options[2:], "demo==1.0",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        assert "No matching distribution found" in done.stderr
        return None
    (item,) = json.loads(done.stdout)["install"]
    return str(item["download_info"]["url"]).rpartition("/")[2]


@pytest.fixture(scope="module", params=range(FOLDERS))
def folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[tuple[str, str | None]]]:
    wheels = drawn(request.param)
    path = tmp_path_factory.mktemp("wheels")
    for tag, build in wheels:
        make_wheel(path, "demo", "1.0", tags=tag, build=build)
    return path, wheels


def interpreters() -> list[str]:
    """The Pythons on this machine, the one that runs the tests among them."""
    found = {f"{sys.version_info.major}{sys.version_info.minor}": sys.executable}
    for minor in range(9, 16):
        path = shutil.which(f"python3.{minor}")
        if path is None:
            continue
        code = "import sys; print('%d%d' % sys.version_info[:2])"
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() == f"3{minor}":
            found.setdefault(f"3{minor}", path)
    return [f"{number}={path}" for number, path in sorted(found.items())]


@pytest.mark.parametrize("interpreter", interpreters(), ids=lambda text: text.split("=")[0])
def test_a_real_interpreter(
    folder: tuple[Path, list[tuple[str, str | None]]], interpreter: str
) -> None:
    libc, level = platform.libc_ver()
    if libc != "glibc" or platform.machine() != "x86_64":
        pytest.skip("the wheels here are for Linux x86_64 with glibc")
    path, wheels = folder
    number, _, executable = interpreter.partition("=")
    major, minor = level.split(".")[:2]
    expected = chosen(wheels, f"cp{number}-linux-x86_64-glibc{major}.{minor}")
    taken = pip_takes(path, "--python", executable)
    assert (taken in expected) if expected else taken is None


@pytest.mark.parametrize("target", SIMULATED)
def test_a_pretended_platform(
    folder: tuple[Path, list[tuple[str, str | None]]], target: str, tmp_path: Path
) -> None:
    path, wheels = folder
    python, tag = SIMULATED[target]
    taken = pip_takes(
        path, "--python", sys.executable, "--target", str(tmp_path), "--only-binary", ":all:",
        "--implementation", "cp", "--python-version", python, "--platform", tag,
    )  # fmt: skip
    expected = chosen(wheels, target)
    assert (taken in expected) if expected else taken is None
