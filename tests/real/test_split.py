"""The companion tier on compiled code: installed, upgraded, downgraded, removed, by pip and uv."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from installer.sources import WheelFile
from uv import find_uv_bin

from tests.compiler import needs_compiler
from tests.natives import LINUX, native_wheel
from tests.ziprules import broken_rules
from trueup.interfaces.cli.main import main

pytestmark = [needs_compiler]

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
LIBRARY = "demo_libs/libdeep-0123abcd.so.1.2.3"


def split(folder: Path, *arguments: str | Path, into: str = "out") -> Path:
    target = folder / into
    assert main(["split", *map(str, arguments), "-o", str(target), "-q"]) == 0
    return target


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The wheels of one release for two Pythons, which bundle the same library."""
    dist = tmp_path / "dist"
    for python in (f"{THIS}-{THIS}", "cp310-cp310"):
        native_wheel(dist, python=python)
    return dist


def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def raw(wheel: Path, name: str) -> bytes:
    """The bytes of a member as they are stored, compressed."""
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo(name)
    data = wheel.read_bytes()
    start = info.header_offset + 30 + len(name)
    return data[start : start + info.compress_size]


def test_the_wheels_and_their_companion(release: Path, tmp_path: Path) -> None:
    out = split(tmp_path, release)
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        f"demo-1.0-cp310-cp310-{LINUX}.whl",
        f"demo-1.0-{THIS}-{THIS}-{LINUX}.whl",
        f"demo_libs-1.0-py3-none-{LINUX}.whl",
    ]
    for path in out.iterdir():
        assert broken_rules(path.read_bytes()) == []
        with WheelFile.open(path) as wheel:
            wheel.validate_record()
    companion = members(out / names[2])
    original = release / names[1]
    assert companion[LIBRARY] == members(original)["demo.libs/libdeep-0123abcd.so.1.2.3"]
    assert raw(out / names[2], LIBRARY) == raw(original, "demo.libs/libdeep-0123abcd.so.1.2.3")
    main_wheel = members(out / names[1])
    assert b"Requires-Dist: demo-libs==1.0\n" in main_wheel["demo-1.0.dist-info/METADATA"]
    assert not any(name.startswith("demo.libs/") for name in main_wheel)
    module = main_wheel["demo/fast.abi3.so"]
    assert b"$ORIGIN/../demo_libs\0" in module
    assert len(module) == len(members(original)["demo/fast.abi3.so"])


def test_the_result_is_identical_for_every_reader(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = split(tmp_path, release)
    capsys.readouterr()
    assert main(["check", str(out), "--no-cache"]) == 0
    told = capsys.readouterr().out
    assert "demo 1.0: identical; 2 wheels" in told
    assert "demo-libs 1.0: identical; 1 wheel" in told


def test_the_same_input_gives_the_same_bytes(release: Path, tmp_path: Path) -> None:
    first, second = split(tmp_path, release), split(tmp_path, release, into="again")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_an_unchanged_companion_is_reused(release: Path, tmp_path: Path) -> None:
    first = split(tmp_path, release)
    later = tmp_path / "later"
    for python in (f"{THIS}-{THIS}", "cp310-cp310"):
        native_wheel(later, "1.1", python=python, files={"demo/new.py": b"x = 1\n"})
    out = split(tmp_path, later, "--previous", first, into="later-out")
    assert [path.name.partition("-")[0] for path in out.iterdir()] == ["demo", "demo"]
    for path in out.iterdir():
        assert b"Requires-Dist: demo-libs==1.0\n" in members(path)["demo-1.1.dist-info/METADATA"]


def test_originals_stay_and_a_refusal_writes_nothing(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {
        path.name: hashlib.sha256(path.read_bytes()).digest()
        for path in release.iterdir()
        if path.is_file()
    }
    native_wheel(release, python="cp39-cp39", answer=7)
    assert main(["split", str(release), "-o", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert "bundle different libraries" in " ".join(capsys.readouterr().err.split())
    for name, digest in before.items():
        assert hashlib.sha256((release / name).read_bytes()).digest() == digest


@pytest.fixture
def python(tmp_path: Path) -> Path:
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    return tmp_path / "venv" / "bin" / "python"


def install(tool: str, python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check"]
    if tool == "uv":
        command = [find_uv_bin(), "pip", "--offline", "--no-config"]
    verb, *rest = arguments
    options = ["--python", str(python)] if tool == "uv" else []
    if tool == "pip" and verb == "uninstall":
        options = ["-y"]
    done = subprocess.run(
        [*command, verb, *options, *rest], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def value(python: Path) -> str:
    done = subprocess.run(
        [python, "-c", "import demo.fast; print(demo.fast.value())"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.splitlines()[-1]


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_upgrade_downgrade_and_uninstall(tool: str, python: Path, tmp_path: Path) -> None:
    """From the release before the split to it and back: the library is there at every step."""
    index = tmp_path / "index"
    native_wheel(index, "1.0", python=f"{THIS}-{THIS}", answer=1)
    new = tmp_path / "new"
    native_wheel(new, "2.0", python=f"{THIS}-{THIS}", answer=2)
    newer = tmp_path / "newer"
    native_wheel(newer, "3.0", python=f"{THIS}-{THIS}", answer=3)
    for release in (new, newer):
        for path in split(tmp_path, release, into=f"{release.name}-out").iterdir():
            shutil.copy(path, index)
    shutil.rmtree(index / f"build-1.0-{THIS}-{THIS}-1")
    offline = ("--no-index", "--find-links", str(index))
    install(tool, python, "install", *offline, "demo==1.0")
    assert value(python) == "1"
    install(tool, python, "install", *offline, "--upgrade", "demo==2.0")
    assert value(python) == "2"
    install(tool, python, "install", *offline, "--upgrade", "demo")
    assert value(python) == "3"
    install(tool, python, "check")
    install(tool, python, "install", *offline, "demo==2.0")
    assert value(python) == "2"
    install(tool, python, "install", *offline, "demo==1.0")
    assert value(python) == "1"
    install(tool, python, "install", *offline, "demo==2.0")
    assert value(python) == "2"
    install(tool, python, "uninstall", "demo", "demo-libs")
    site = next((tmp_path / "venv/lib").glob("python3*/site-packages"))
    assert not list(site.glob("demo*"))
