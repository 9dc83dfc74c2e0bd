"""Wheels that are not as they usually are, shared: they work as before, or are refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from installer.sources import WheelFile
from uv import find_uv_bin

from tests.build import make_wheel, wheel_text
from tests.compiler import extension_module, needs_compiler, shared_library
from tests.natives import LINUX
from tests.ziprules import broken_rules
from trueup.interfaces.cli.main import main

pytestmark = [needs_compiler]

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAGS = f"{THIS}-{THIS}-{LINUX}"
LIBRARY = "libdeep-0123abcd.so.1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A library, a module with a search path to it, and one without."""
    folder = tmp_path_factory.mktemp("build")
    library = shared_library(folder, LIBRARY, "long deep(void) { return 42; }", soname=LIBRARY)
    body = "extern long deep(void); long compute(void) { return deep(); }"
    found = {"library": library.read_bytes()}
    for name, search in (("led", "$ORIGIN/../demo.libs"), ("lost", None)):
        made = extension_module(folder / name, "fast", body, needs=[library], search=search)
        found[name] = made.read_bytes()
    return found


def split(folder: Path, files: Mapping[str, bytes], *options: str, **made: object) -> int:
    wheels = folder / "dist"
    wheels.mkdir()
    make_wheel(wheels, "demo", "1.0", tags=TAGS, files=files, **made)  # type: ignore[arg-type]
    return main(
        ["split", "--shared", "libdeep", str(wheels), "-o", str(folder / "out"), "-q", *options]
    )


def installed(folder: Path) -> Path:
    out = folder / "out"
    for path in out.iterdir():
        assert broken_rules(path.read_bytes()) == []
        with WheelFile.open(path) as wheel:
            wheel.validate_record()
    command = [find_uv_bin(), "pip", "install", "-q", "--no-index", "--find-links", str(out)]
    site = folder / "site"
    subprocess.run([*command, "--target", str(site), "demo"], check=True, timeout=120)
    return site


def run(site: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def usual(built: dict[str, bytes]) -> dict[str, bytes]:
    return {"demo/fast.abi3.so": built["led"], f"demo.libs/{LIBRARY}": built["library"]}


def test_a_data_folder(built: dict[str, bytes], tmp_path: Path) -> None:
    """Its name changes with the version, and the files in it, the loader among them, with it."""
    files = {
        "demo-1.0.data/platlib/kit/__init__.py": b"# coding: latin-1\nname = '\xe9'\n",
        "demo-1.0.data/platlib/kit/fast.abi3.so": built["led"],
        f"demo.libs/{LIBRARY}": built["library"],
    }
    assert split(tmp_path, files) == 0
    site = installed(tmp_path)
    assert run(site, "import kit.fast; print(kit.fast.value(), len(kit.name))") == "42 1"
    assert (site / "kit/_nl_load.py").is_file()
    assert not (site / "demo.libs").exists()


def test_two_packages_and_one_module_that_relies_on_another(
    built: dict[str, bytes], tmp_path: Path
) -> None:
    files = {
        **usual(built),
        "more/__init__.py": b'"""Doc."""\nimport demo.fast\n',
        "more/fast.abi3.so": built["lost"],
    }
    assert split(tmp_path, files) == 0
    site = installed(tmp_path)
    assert run(site, "import more.fast; print(more.fast.value(), more.__doc__)") == "42 Doc."
    assert sorted(path.parent.name for path in site.glob("*/_nl_load.py")) == ["demo", "more"]


def test_a_module_beside_no_package(built: dict[str, bytes], tmp_path: Path) -> None:
    files = {
        "fast.abi3.so": built["led"].replace(
            b"$ORIGIN/../demo.libs\0", b"$ORIGIN/demo.libs\0\0\0\0"
        ),
        f"demo.libs/{LIBRARY}": built["library"],
    }
    assert split(tmp_path, files) == 0
    assert run(installed(tmp_path), "import fast; print(fast.value())") == "42"


REFUSED = {
    "code names the library": (
        {"demo/load.py": f"import ctypes\nctypes.CDLL('{LIBRARY}')\n".encode()},
        [],
        "code names a library that is to be shared, or its folder: found `demo/load.py`",
    ),
    "code names the folder": (
        {"demo/load.py": b"folder = __name__ + '.libs'\n"},
        [],
        "code names a library that is to be shared, or its folder: found `demo/load.py`",
    ),
    "an introduction without an end": (
        {"demo/__init__.py": b'"""Doc."""; import demo.fast\n'},
        [],
        "its `__init__.py` goes on in the line where its introduction ends",
    ),
    "a label that is none": ({}, ["--local", "a b"], "`--local`: found `a b`"),
    "a library that is not shared": (
        {},
        ["--from", "libother=demo"],
        "`--from` names a library that is not to be shared: found `libother`",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(
    name: str, built: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, options, reason = REFUSED[name]
    wheels = tmp_path / "dist"
    wheels.mkdir()
    members = {**usual(built), **files}
    make_wheel(wheels, "kit", "1.0", tags=TAGS, files=members)
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["--shared", "libdeep", str(wheels), "-o", str(out)]
    assert main(["split", *arguments, *options]) == 2
    assert reason in capsys.readouterr().err
    assert list(out.iterdir()) == []


def test_a_wheel_that_is_pure_by_its_word(
    built: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = [tuple(line.split(": ")) for line in wheel_text([TAGS], pure=True).splitlines()]
    assert split(tmp_path, usual(built), wheel_headers=headers) == 2
    assert "is installed as pure Python, and a library wheel as" in capsys.readouterr().err


def test_twice_named_once_shared_and_never_again(
    built: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert split(tmp_path, usual(built), "--shared", "libdeep") == 0
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "out").iterdir())
    assert names == ["demo", next(name for name in names if name.startswith("nl_deep_"))]
    again = next((tmp_path / "out").glob("demo-*"))
    assert main(["split", "--shared", "libdeep", str(again), "-o", str(tmp_path / "more")]) == 2
    assert "there are wheels that use libraries of other wheels already" in capsys.readouterr().err


def test_companions_of_what_is_left(built: dict[str, bytes], tmp_path: Path) -> None:
    """What is shared first is still expected after the rest has moved out too."""
    rest = tmp_path / "rest"
    other = shared_library(
        rest, "librest-0.so.1", "long rest(void) { return 2; }", soname="librest-0.so.1"
    )
    library = rest / LIBRARY
    library.write_bytes(built["library"])
    body = "extern long deep(void), rest(void); long compute(void) { return deep() + rest(); }"
    made = extension_module(
        rest, "both", body, needs=[library, other], search="$ORIGIN/../demo.libs"
    )
    files = {**usual(built), "demo/both.abi3.so": made.read_bytes()}
    files["demo.libs/librest-0.so.1"] = other.read_bytes()
    assert split(tmp_path, files) == 0
    shared = tmp_path / "out"
    final = tmp_path / "final"
    (wheel,) = shared.glob("demo-*")
    assert main(["split", str(wheel), "-o", str(final), "-q"]) == 0
    with zipfile.ZipFile(final / wheel.name) as archive:
        said = archive.read("demo-1.0+nl.1.dist-info/nativelib.json").decode()
    assert "librest-0.so.1" in said
    assert "_nl/libdeep-" in said
    wheel.unlink()
    for path in final.iterdir():
        shutil.copy(path, shared)
    site = installed(tmp_path)
    assert run(site, "import demo.both; print(demo.both.value())") == "44"


def test_a_library_wheel_that_is_there_already(tmp_path: Path) -> None:
    """The digest in the name of the copy is that of the file in the library wheel."""
    original = shared_library(
        tmp_path / "build", "libdeep.so", "long deep(void) { return 42; }", soname="libdeep.so"
    )
    digest = hashlib.sha256(original.read_bytes()).hexdigest()[:8]
    name = f"libdeep-{digest}.so"
    copy = shared_library(tmp_path / "build", name, "long deep(void) { return 42; }", soname=name)
    body = "extern long deep(void); long compute(void) { return deep(); }"
    made = extension_module(
        tmp_path / "build", "fast", body, needs=[copy], search="$ORIGIN/../demo.libs"
    )
    out = tmp_path / "out"
    out.mkdir()
    provider = make_wheel(
        out, "deep-wheel", "2026.01.0", tags=f"py3-none-{LINUX}",
        files={"deep/lib/libdeep.so": original.read_bytes()},
    )  # fmt: skip
    files = {"demo/fast.abi3.so": made.read_bytes(), f"demo.libs/{name}": copy.read_bytes()}
    wheel = make_wheel(tmp_path, "demo", "1.0", tags=TAGS, files=files)
    assert main(["split", str(wheel), "--onto", str(provider), "-o", str(out), "-q"]) == 0
    use = "import demo.fast; print(demo.fast.value())"
    assert run(installed(tmp_path), use) == "42"
    apart = [tmp_path / "user", tmp_path / "system"]
    for folder, path in zip(apart, (next(out.glob("demo-*")), provider), strict=True):
        command = [find_uv_bin(), "pip", "install", "-q", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, str(path)], check=True, timeout=120)
    both = list(map(str, apart))
    assert run(tmp_path, f"import sys; sys.path[:0] = {both!r}; {use}") == "42"


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink", "clone"])
def test_every_way_in_which_uv_installs(mode: str, built: dict[str, bytes], tmp_path: Path) -> None:
    assert split(tmp_path, usual(built)) == 0
    site = tmp_path / "site"
    command = [find_uv_bin(), "pip", "install", "-q", "--no-index", "--find-links"]
    command += [str(tmp_path / "out"), "--link-mode", mode, "--cache-dir", str(tmp_path / "cache")]
    subprocess.run([*command, "--target", str(site), "demo"], check=True, timeout=120)
    assert run(site, "import demo.fast; print(demo.fast.value())") == "42"


@pytest.mark.parametrize("flag", ["-O", "-OO", "-I"])
def test_every_way_in_which_python_runs(flag: str, built: dict[str, bytes], tmp_path: Path) -> None:
    assert split(tmp_path, usual(built)) == 0
    use = f"import sys; sys.path.insert(0, {str(installed(tmp_path))!r})\n"
    use += "import demo.fast; print(demo.fast.value())"
    done = subprocess.run(
        [sys.executable, flag, "-c", use], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "42\n", done.stderr


def test_a_library_without_a_soname(tmp_path: Path) -> None:
    """Its users ask for it by its file name; shared, it gets a soname of its own."""
    folder = tmp_path / "build"
    library = shared_library(folder, LIBRARY, "long deep(void) { return 42; }")
    stub = shared_library(folder / "stub", LIBRARY, "long deep(void) { return 0; }", soname=LIBRARY)
    body = "extern long deep(void); long compute(void) { return deep(); }"
    made = extension_module(folder, "fast", body, needs=[stub], search="$ORIGIN/../demo.libs")
    files = {"demo/fast.abi3.so": made.read_bytes(), f"demo.libs/{LIBRARY}": library.read_bytes()}
    assert split(tmp_path, files) == 0
    site = installed(tmp_path)
    assert run(site, "import demo.fast; print(demo.fast.value())") == "42"
    with zipfile.ZipFile(next((tmp_path / "out").glob("nl_*"))) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("_nl/")]
        assert name.rpartition("/")[2].encode() in archive.read(name)


def test_a_package_in_a_namespace(built: dict[str, bytes], tmp_path: Path) -> None:
    """The outermost package is the one that gets the loader, which counts its way up."""
    folder = tmp_path / "build"
    library = shared_library(folder, LIBRARY, "long deep(void) { return 42; }", soname=LIBRARY)
    body = "extern long deep(void); long compute(void) { return deep(); }"
    made = extension_module(folder, "fast", body, needs=[library], search="$ORIGIN/../../demo.libs")
    files = {
        "space/kit/__init__.py": b"",
        "space/kit/fast.abi3.so": made.read_bytes(),
        f"demo.libs/{LIBRARY}": built["library"],
    }
    assert split(tmp_path, files) == 0
    site = installed(tmp_path)
    use = "import space.kit.fast; print(space.kit.fast.value())"
    assert run(site, use) == "42"
    shutil.move(site / "_nl", tmp_path / "_nl")
    told = run(site, use)
    assert "is installed as version" in told
    assert "without libdeep-" in told
