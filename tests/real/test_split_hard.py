"""Wheels that are not as they usually are: split, they work as before, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from installer.sources import WheelFile
from uv import find_uv_bin

from tests.build import make_wheel, metadata_text, wheel_text
from tests.compiler import extension_module, needs_compiler, shared_library
from tests.natives import LINUX
from tests.ziprules import broken_rules
from trueup.interfaces.cli.main import main

pytestmark = [needs_compiler]

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAGS = f"{THIS}-{THIS}-{LINUX}"
LIBRARY = "libdeep-0123abcd.so.1"
USE = "import demo.fast; print(demo.fast.value())"


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


def library(build: Path, *, search: str | None = None) -> bytes:
    """The bytes of a library whose `deep()` is 42."""
    folder = build / f"library-{search}".replace("/", "_")
    source = "long deep(void) { return 42; }"
    return shared_library(folder, LIBRARY, source, soname=LIBRARY, search=search).read_bytes()


def module(build: Path, search: str | None, *, runpath: bool = False) -> bytes:
    """The bytes of a module that asks the library, with this search path."""
    folder = build / f"module-{search}-{runpath}".replace("/", "_")
    path = shared_library(folder, LIBRARY, "long deep(void) { return 42; }", soname=LIBRARY)
    body = "extern long deep(void); long compute(void) { return deep(); }"
    return extension_module(
        folder, "fast", body, needs=[path], search=search, runpath=runpath
    ).read_bytes()


def split(folder: Path, *arguments: str | Path, into: str = "out") -> Path:
    target = folder / into
    assert main(["split", *map(str, arguments), "-o", str(target), "-q"]) == 0
    for path in target.iterdir():
        assert broken_rules(path.read_bytes()) == []
        with WheelFile.open(path) as wheel:
            wheel.validate_record()
    return target


def installed(folder: Path, wheels: Path) -> Path:
    """The wheels in a folder of their own, as uv installs them."""
    site = folder / "site"
    command = [find_uv_bin(), "pip", "install", "-q", "--offline", "--no-deps", "--target"]
    paths = sorted(map(str, wheels.glob("*.whl")))
    subprocess.run([*command, str(site), *paths], check=True, timeout=120)
    return site


def run(site: Path, code: str = USE) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def dist(folder: Path, files: Mapping[str, bytes], **options: object) -> Path:
    """A folder with one wheel of these files."""
    path = folder / "dist"
    path.mkdir()
    make_wheel(path, "demo", "1.0", tags=TAGS, files=files, **options)  # type: ignore[arg-type]
    return path


LAYOUTS = {
    "RPATH": ("demo/fast.abi3.so", "demo.libs", "$ORIGIN/../demo.libs", False),
    "RUNPATH": ("demo/fast.abi3.so", "demo.libs", "$ORIGIN/../demo.libs", True),
    "several entries": (
        "demo/fast.abi3.so",
        "demo.libs",
        "$ORIGIN:$ORIGIN/../nothing.libs:$ORIGIN/../demo.libs:/usr/lib/demo",
        False,
    ),
    "a slash at the end": ("demo/fast.abi3.so", "demo.libs", "$ORIGIN/../demo.libs/", False),
    "ORIGIN in braces": ("demo/fast.abi3.so", "demo.libs", "${ORIGIN}/../demo.libs", False),
    "a folder in the folder": (
        "demo/fast.abi3.so",
        "demo.libs/sub",
        "$ORIGIN/../demo.libs/sub",
        False,
    ),
    "up and down": (
        "demo/fast.abi3.so",
        "demo.libs",
        "$ORIGIN/../demo.libs/../demo.libs",
        False,
    ),
    "a data folder": (
        "demo-1.0.data/platlib/demo/fast.abi3.so",
        "demo.libs",
        "$ORIGIN/../demo.libs",
        False,
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_search_paths_are_followed(name: str, build: Path, tmp_path: Path) -> None:
    member, folder, search, runpath = LAYOUTS[name]
    files = {
        member: module(build, search, runpath=runpath),
        f"{folder}/{LIBRARY}": library(build),
    }
    wheels = dist(tmp_path, files)
    before = tmp_path / "before"
    before.mkdir()
    assert run(installed(before, wheels)) == "42"
    site = installed(tmp_path, split(tmp_path, wheels))
    assert run(site) == "42"
    assert (site / folder.replace("demo.libs", "demo_libs") / LIBRARY).is_file()
    assert not (site / "demo.libs").exists()


def test_a_module_beside_no_package(build: Path, tmp_path: Path) -> None:
    files = {
        "fast.abi3.so": module(build, "$ORIGIN/demo.libs"),
        f"demo.libs/{LIBRARY}": library(build),
    }
    site = installed(tmp_path, split(tmp_path, dist(tmp_path, files)))
    assert run(site, "import fast; print(fast.value())") == "42"


def test_a_module_that_relies_on_another_one(build: Path, tmp_path: Path) -> None:
    """It has no search path; the library is loaded when it comes."""
    files = {
        "demo/__init__.py": b"from demo import fast\n",
        "demo/fast.abi3.so": module(build, "$ORIGIN/../demo.libs"),
        "demo/more/fast.abi3.so": module(build, None),
        f"demo.libs/{LIBRARY}": library(build),
    }
    wheels = tmp_path / "dist"
    wheels.mkdir()
    make_wheel(wheels, "other", "1.0", tags=TAGS, files=files)
    site = installed(tmp_path, split(tmp_path, wheels))
    assert run(site, "import demo.more.fast; print(demo.more.fast.value())") == "42"


@pytest.fixture
def usual(build: Path) -> dict[str, bytes]:
    return {
        "demo/fast.abi3.so": module(build, "$ORIGIN/../demo.libs"),
        f"demo.libs/{LIBRARY}": library(build),
    }


def infos(wheel: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info for info in archive.infolist()}


def text(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode(errors="surrogateescape")


def test_modes_dates_and_files_of_any_kind_stay(usual: dict[str, bytes], tmp_path: Path) -> None:
    """What lies beside the libraries goes with them; every mode and date is as it was."""
    extra = {"demo.libs/.load-order-demo": b"x\n", "demo.libs/data/table.bin": b"\0" * 99}
    wheels = dist(tmp_path, {**usual, **extra, "demo/run.sh": b"#!/bin/sh\n"})
    (path,) = wheels.iterdir()
    changed = tmp_path / "changed.whl"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for number, info in enumerate(old.infolist()):
            info.external_attr = (0o100755 if number % 2 else 0o100640) << 16
            info.date_time = (2001, 1, 1 + number, 4, 5, 6)
            new.writestr(info, old.read(info.filename))
        new.mkdir("demo.libs/")
    changed.replace(path)
    out = split(tmp_path, wheels)
    before = infos(path)
    after = infos(out / path.name) | infos(out / f"demo_libs-1.0-py3-none-{LINUX}.whl")
    for name, info in before.items():
        if ".dist-info/" in name or name.endswith("/"):
            continue
        moved = after[name.replace("demo.libs/", "demo_libs/")]
        assert (moved.external_attr, moved.date_time) == (info.external_attr, info.date_time)
    site = installed(tmp_path, out)
    assert (site / "demo_libs/data/table.bin").read_bytes() == b"\0" * 99
    assert (site / "demo_libs/.load-order-demo").is_file()
    assert bool((site / "demo/run.sh").stat().st_mode & stat.S_IXUSR) is bool(
        before["demo/run.sh"].external_attr >> 16 & stat.S_IXUSR
    )


METADATA = {
    "CRLF": "Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\nAuthor: A\r\n\r\nText\r\n",
    "no newline at the end": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: A",
    "fields without text": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nHome-page: \n"
    "License:\nAuthor: A\n",
    "a vertical tab": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nLicense: B\x0bC\nAuthor: A\n",
    "a version that is none": "Metadata-Version: 2.\udcde\nName: demo\nVersion: 1.0\nAuthor: A\n",
    "a folded licence": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nLicense: B\n        C\n"
    "Author: A\n\nText",
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_of_any_kind(name: str, usual: dict[str, bytes], tmp_path: Path) -> None:
    wheels = dist(tmp_path, usual, metadata_bytes=METADATA[name].encode(errors="surrogateescape"))
    out = split(tmp_path, wheels)
    companion = out / f"demo_libs-1.0-py3-none-{LINUX}.whl"
    assert "\nAuthor: A\n" in text(companion, "demo_libs-1.0.dist-info/METADATA")
    metadata = text(next(out.glob("demo-*")), "demo-1.0.dist-info/METADATA")
    assert metadata.count("Requires-Dist: demo-libs==1.0") == 1
    assert metadata.replace("Requires-Dist: demo-libs==1.0", "").split() == METADATA[name].split()
    assert main(["check", str(out), "--no-cache", "-q"]) == 0


@pytest.mark.parametrize("place", ["LICENSE", "licenses/LICENSE"])
def test_the_licence_comes_along(place: str, usual: dict[str, bytes], tmp_path: Path) -> None:
    """Before metadata 2.4 it lies in the dist-info folder itself."""
    files = {**usual, f"demo-1.0.dist-info/{place}": b"Do as you like.\n"}
    wheels = dist(tmp_path, files, headers=[("License-File", "LICENSE")])
    companion = split(tmp_path, wheels) / f"demo_libs-1.0-py3-none-{LINUX}.whl"
    assert text(companion, f"demo_libs-1.0.dist-info/{place}") == "Do as you like.\n"
    assert "License-File: LICENSE\n" in text(companion, "demo_libs-1.0.dist-info/METADATA")


@pytest.mark.parametrize(
    ("filename", "version", "companion"),
    [
        ("Demo.Kit-1!2.0rc1-{}.whl", "1!2.0rc1", "demo_kit_libs-1!2.0rc1-py3-none-{}.whl"),
        ("demo_kit-1.0+cu128-{}.whl", "1.0+cu128", "demo_kit_libs-1.0+cu128-py3-none-{}.whl"),
        ("demo_kit-1.0-7-{}.whl", "1.0", "demo_kit_libs-1.0-py3-none-{}.whl"),
        ("demo_kit-01.0.0-{}.whl", "01.0.0", "demo_kit_libs-1.0.0-py3-none-{}.whl"),
    ],
)
def test_names_and_versions(
    filename: str, version: str, companion: str, usual: dict[str, bytes], tmp_path: Path
) -> None:
    wheels = tmp_path / "dist"
    wheels.mkdir()
    make_wheel(
        wheels, "demo.kit", version, tags=TAGS, files={**usual, "demo/__init__.py": b""},
        filename=filename.format(TAGS),
    )  # fmt: skip
    out = split(tmp_path, wheels)
    assert (out / filename.format(TAGS)).is_file()
    assert (out / companion.format(LINUX)).is_file()
    target = tmp_path / "target"
    name = "demo.kit" if "Demo.Kit" not in filename else "demo-kit"
    subprocess.run(
        [find_uv_bin(), "pip", "install", "-q", "--no-index", "--find-links", str(out), "--target",
         str(target), "--prerelease=allow", name], check=True, timeout=120,
    )  # fmt: skip
    assert run(target) == "42"


def test_a_library_with_a_search_path_is_expected_as_it_becomes(
    build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its bytes change with the folder, and it is the new ones that are compared."""
    files = {
        "demo/fast.abi3.so": module(build, "$ORIGIN/../demo.libs"),
        f"demo.libs/{LIBRARY}": library(build, search="$ORIGIN/../demo.libs"),
    }
    out = split(tmp_path, dist(tmp_path, files))
    capsys.readouterr()
    environment = tmp_path / "venv"
    subprocess.run([find_uv_bin(), "venv", "-q", str(environment)], check=True, timeout=60)
    subprocess.run(
        [find_uv_bin(), "pip", "install", "-q", "--python", str(environment), "--no-index",
         "--find-links", str(out), "demo"], check=True, timeout=120,
    )  # fmt: skip
    assert main(["libs", "--python", str(environment), "--check", "-q"]) == 0


def test_a_pure_wheel_gets_a_pure_companion(usual: dict[str, bytes], tmp_path: Path) -> None:
    """Else the two come to lie in two folders where those for pure Python and others differ."""
    headers = [tuple(line.split(": ")) for line in wheel_text([TAGS], pure=True).splitlines()]
    out = split(tmp_path, dist(tmp_path, usual, wheel_headers=headers))
    companion = out / f"demo_libs-1.0-py3-none-{LINUX}.whl"
    assert "Root-Is-Purelib: true\n" in text(companion, "demo_libs-1.0.dist-info/WHEEL")


@pytest.mark.parametrize(
    "source",
    [
        b"import ctypes; ctypes.CDLL('demo.libs/libdeep.so')\n",
        b"folder = f'{__name__}.libs'\n",
        b"folder = __name__ + '.libs'\n",
        b"glob('*.libs')\n",
    ],
)
def test_code_that_names_the_folder(
    source: bytes, usual: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = dist(tmp_path, {**usual, "demo/load.py": source})
    assert main(["split", str(wheels), "-o", str(tmp_path / "out")]) == 2
    assert "code names the folder of the libraries, which moves" in capsys.readouterr().err


def test_code_that_names_another_folder_is_no_reason(
    usual: dict[str, bytes], tmp_path: Path
) -> None:
    source = b"import os\nx = os.path.join('demo', '.libs')\nself.libs = config.libs\n"
    out = split(tmp_path, dist(tmp_path, {**usual, "demo/load.py": source}))
    assert len(list(out.iterdir())) == 2


def test_the_folder_of_the_wheels_is_not_that_for_results(
    usual: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = dist(tmp_path, usual)
    before = sorted(path.name for path in wheels.iterdir())
    link = tmp_path / "link"
    link.symlink_to(wheels)
    assert main(["split", str(wheels), "-o", str(link)]) == 2
    assert sorted(path.name for path in wheels.iterdir()) == before
    assert "lies in the folder for the results" in capsys.readouterr().err


def test_linked_wheels_and_wheels_named_twice(usual: dict[str, bytes], tmp_path: Path) -> None:
    wheels = dist(tmp_path, usual)
    (path,) = wheels.iterdir()
    links = tmp_path / "links"
    links.mkdir()
    shutil.move(path, tmp_path / "blob")
    (links / path.name).symlink_to(tmp_path / "blob")
    out = split(tmp_path, links, links / path.name)
    assert len(list(out.iterdir())) == 2
    assert run(installed(tmp_path, out)) == "42"
    assert (links / path.name).is_symlink()


def test_an_error_leaves_nothing(
    usual: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last wheel cannot be rewritten: the companion is not there either, nor the others."""
    wheels = dist(tmp_path, usual)
    metadata = metadata_text("demo", "1.0").encode()
    make_wheel(wheels, "demo", "1.0", tags=f"cp39-cp39-{LINUX}", files=usual,
               metadata_bytes=metadata)  # fmt: skip
    broken = next(wheels.glob("*cp39*"))
    with zipfile.ZipFile(broken, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("demo-1.0.dist-info/RECORD", b"")
    out = tmp_path / "out"
    out.mkdir()
    (out / "kept.txt").write_text("kept", "utf-8")
    assert main(["split", str(wheels), "-o", str(out)]) == 2
    assert [path.name for path in out.iterdir()] == ["kept.txt"]
    assert broken.name in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink", "clone"])
def test_every_way_in_which_uv_installs(mode: str, usual: dict[str, bytes], tmp_path: Path) -> None:
    """Linked into a store, a module is still looked for beside where it was imported from."""
    out = split(tmp_path, dist(tmp_path, usual))
    site = tmp_path / "site"
    command = [find_uv_bin(), "pip", "install", "-q", "--no-index", "--find-links", str(out)]
    command += ["--link-mode", mode, "--cache-dir", str(tmp_path / "cache"), "--target", str(site)]
    subprocess.run([*command, "demo"], check=True, timeout=120)
    assert run(site) == "42"
