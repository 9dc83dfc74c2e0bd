"""One library for two projects, on compiled code: shared, refused, hijacked, installed apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from installer.sources import WheelFile
from uv import find_uv_bin

from tests.build import make_wheel
from tests.compiler import extension_module, needs_compiler, shared_library
from tests.natives import LINUX
from tests.ziprules import broken_rules
from trueup.interfaces.cli.main import main

pytestmark = [needs_compiler]

THIS = f"cp{sys.version_info.major}{sys.version_info.minor}"
DEEP = "long deep(void) { return 40; } long deep_more(long x) { return x + deep(); }"
DECLARED = """
[library.libdeep]
version = "1.2.3"
family = "1"
soname-major = "1"
"""
DIGESTS = {"one": "11111111", "two": "22222222"}


def project(
    folder: Path,
    name: str,
    source: str = DEEP,
    *,
    body: str = "extern long deep_more(long); long compute(void) { return deep_more(2); }",
    soname: str | None = None,
    base: str | None = None,
    options: tuple[str, ...] = (),
) -> Path:
    """A wheel whose module uses a bundled libdeep of its own; ``base`` is what that needs."""
    build = folder / f"build-{name}"
    libs = build / f"{name}.libs"
    soname = soname or f"libdeep-{DIGESTS[name]}.so.1.2.3"
    needs: list[Path] = []
    if base is not None:
        called = f"libbase-{DIGESTS[name]}.so.1"
        needs = [shared_library(libs, called, base, soname=called)]
    library = shared_library(
        libs, soname, source, soname=soname, needs=needs, search="$ORIGIN", options=options
    )
    module = extension_module(
        build / name, "fast", body, needs=[library], search=f"$ORIGIN/../{name}.libs"
    )
    members = {f"{name}/fast.abi3.so": module.read_bytes()}
    for file in sorted(libs.iterdir()):
        members[f"{name}.libs/{file.name}"] = file.read_bytes()
    return make_wheel(folder, name, "1.0", tags=f"{THIS}-{THIS}-{LINUX}", files=members)


def split(folder: Path, *wheels: Path, abi: str = DECLARED, libraries: str = "libdeep") -> int:
    file = folder / "abi.toml"
    file.write_text(abi, "utf-8")
    shared = [word for name in libraries.split() for word in ("--shared", name)]
    return main(
        ["split", *shared, *map(str, wheels), "--abi", str(file), "-o", str(folder / "out"), "-q"]
    )


@pytest.fixture
def shared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Two projects split: their libraries are two builds of one recipe."""
    wheels = [
        project(tmp_path, "one"),
        project(tmp_path, "two", options=("-O2", "-fno-ident")),
    ]
    assert split(tmp_path, *wheels) == 0
    capsys.readouterr()
    return tmp_path / "out"


def run(python: str | Path, code: str, **environ: str) -> str:
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environ},
    )  # fmt: skip
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


USE = """
import one.fast, two.fast
print(one.fast.value(), two.fast.value())
maps = {line.split()[-1] for line in open('/proc/self/maps') if 'libdeep' in line}
print(len(maps))
"""


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_two_projects_one_library(tool: str, shared: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=tool == "pip", symlinks=True)
    python = tmp_path / "venv/bin/python"
    offline = ["--no-index", "--find-links", str(shared), "one", "two"]
    if tool == "pip":
        command = [str(python), "-m", "pip", "install", "-q", *offline]
    else:
        command = [find_uv_bin(), "pip", "install", "-q", "--python", str(python), *offline]
    subprocess.run(command, check=True, timeout=120)
    assert run(python, USE).split() == ["42", "42", "1"]
    assert main(["libs", "--python", str(tmp_path / "venv"), "--check", "-q"]) == 0
    site = next((tmp_path / "venv/lib").glob("python3*/site-packages"))
    library = next((site / "_nl").iterdir())
    library.write_bytes(library.read_bytes() + b"\0")
    assert main(["libs", "--python", str(tmp_path / "venv"), "--check", "-q"]) == 1


def test_what_is_written(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = sorted(
        path.name.partition("-py3")[0].partition(f"-{THIS}")[0] for path in shared.iterdir()
    )
    assert names[1:] == ["one-1.0+nl.1", "two-1.0+nl.1"]
    assert names[0].startswith("nl_deep_")
    for path in shared.iterdir():
        assert broken_rules(path.read_bytes()) == []
        with WheelFile.open(path) as wheel:
            wheel.validate_record()
    assert main(["check", str(shared), "--no-cache"]) == 0
    assert capsys.readouterr().out.count(": identical") == 3


def test_the_same_input_gives_the_same_bytes(shared: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in shared.iterdir()}
    shutil.rmtree(shared)
    assert split(tmp_path, *sorted(tmp_path.glob("*.whl"))) == 0
    assert {path.name: path.read_bytes() for path in shared.iterdir()} == before


def test_site_packages_in_two_places(shared: Path, tmp_path: Path) -> None:
    """The library lies in another folder than its users: the generated loader finds it there."""
    folders = {}
    for path in shared.iterdir():
        name = "system" if path.name.startswith("nl_") else "user"
        folder = folders[name] = tmp_path / name
        command = [
            find_uv_bin(),
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            str(folder),
            str(path),
        ]
        subprocess.run(command, check=True, timeout=120)
    both = f"{folders['user']}:{folders['system']}"
    assert run(sys.executable, USE, PYTHONPATH=both).split() == ["42", "42", "1"]
    told = run(sys.executable, USE, PYTHONPATH=str(folders["user"]))
    distribution = next(shared.glob("nl_*")).name.partition("-")[0].replace("_", "-")
    assert told.startswith(
        f"ImportError: the distribution {distribution}==1.2.3, which brings libdeep-"
    )
    assert told.endswith(f"install it with: pip install {distribution}==1.2.3")


def test_a_generic_soname_is_hijacked_and_a_unique_one_is_not(tmp_path: Path) -> None:
    """Whatever loaded `libdeep.so.1` first wins for everybody who asks for that name."""
    wheel = project(tmp_path, "one", soname="libdeep.so.1")
    old = shared_library(
        tmp_path / "system", "libdeep.so.1", "long deep(void) { return 1; }", soname="libdeep.so.1"
    )
    use = f"import ctypes; ctypes.CDLL({str(old)!r}); import one.fast; print(one.fast.value())"
    before = tmp_path / "before"
    shutil.unpack_archive(wheel, before, "zip")
    assert "undefined symbol: deep_more" in run(sys.executable, use, PYTHONPATH=str(before))
    assert split(tmp_path, wheel) == 0
    after = tmp_path / "after"
    for path in (tmp_path / "out").iterdir():
        shutil.unpack_archive(path, after, "zip")
    assert run(sys.executable, use, PYTHONPATH=str(after)) == "42"


TABLE = "char blas_quick_divide_table[SIZE] = {1};\n" + DEEP
REFUSED: dict[str, tuple[list[dict[str, Any]], str, str]] = {
    "not declared": (
        [{}, {"options": ("-O2", "-fno-ident")}],
        "",
        "the symbols may be there, and no recipe is declared",
    ),
    "LP64 and ILP64": (
        [{"source": TABLE.replace("SIZE", "260")}, {"source": TABLE.replace("SIZE", "520")}],
        DECLARED,
        "the size of `blas_quick_divide_table`: 260 against 520 bytes",
    ),
    "a struct that an option widened": (
        [
            {"source": f"struct options {{ long level; {extra} }} settings_of[0];\n"
                       "long use(struct options *o) { return o->level; }\n" + DEEP,
             "options": ("-g",)}
            for extra in ("", "long width;")
        ],
        DECLARED,
        "the layout of `struct options`: 8 bytes (level at 0) against 16 bytes "
        "(level at 0, width at 8)",
    ),
    "half of a closure": (
        [
            {"source": "extern long low(void); long deep_more(long x) { return x + low(); }",
             "base": "long low(void) { return 40; }"},
        ] * 2,
        DECLARED,
        "`libdeep` needs libraries that would stay with one 1.0: half of what belongs together "
        "would be shared",
    ),
    "a symbol that is missing": (
        [
            {"source": "long deep_more(long x) { return x + 40; }"},
            {"body": "extern long deep(void); long compute(void) { return deep() + 2; }"},
        ],
        DECLARED + '[[assertion]]\nlibrary = "libdeep"\nconsumer = "two"\nreason = "r"\nby = "b"\n',
        "`deep` is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, abi, reason = REFUSED[name]
    wheels = [
        project(tmp_path, project_name, **options)
        for project_name, options in zip(("one", "two"), made, strict=True)
    ]
    assert split(tmp_path, *wheels, abi=abi) == 2
    assert reason in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_a_whole_closure_is_shared(tmp_path: Path) -> None:
    """What a shared library needs is shared with it, and found beside it."""
    source = "extern long low(void); long deep_more(long x) { return x + low(); }"
    wheels = [
        project(tmp_path, name, source, base="long low(void) { return 40; }")
        for name in ("one", "two")
    ]
    abi = DECLARED + 'depends = ["libbase"]\n[library.libbase]\nversion = "1"\nfamily = "1"\n'
    assert split(tmp_path, *wheels, abi=abi, libraries="libdeep libbase") == 0
    site = tmp_path / "site"
    for path in (tmp_path / "out").iterdir():
        shutil.unpack_archive(path, site, "zip")
    assert run(sys.executable, USE, PYTHONPATH=str(site)).split() == ["42", "42", "1"]
