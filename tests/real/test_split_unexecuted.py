"""Sharing on Mach-O and PE: cross-compiled, rewritten, read again; never executed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.build import make_wheel
from tests.zig import dll, dylib
from trueup.interfaces.cli.main import main
from trueup.model.abi import parse_abi
from trueup.model.library import Image
from trueup.sources.binary.read import read_images
from trueup.sources.binedit.macho import signature_faults

DECLARED = '[library.libdeep]\nversion = "1.2.3"\nfamily = "1"\n'
UNIQUE = f"libdeep-{parse_abi(DECLARED).abi_id('libdeep')[:8]}"
DEEP = "int deep(void) { return 40; }\n"
MODULE = "extern int deep(void); void *PyInit_fast(void) { return (void *)(long)deep(); }\n"


def macos(folder: Path, name: str) -> Path:
    """A wheel as delocate leaves it."""
    build = folder / name
    build.mkdir()
    called = "@loader_path/.dylibs/libdeep.1.dylib"
    library = dylib(build, "libdeep.1.dylib", DEEP, "-install_name", called, "-Wl,-headerpad,0x400")
    module = dylib(
        build, "fast.abi3.so", MODULE, "libdeep.1.dylib", "-install_name", "fast",
        "-Wl,-headerpad,0x400",
    )  # fmt: skip
    files = {f"{name}/.dylibs/libdeep.1.dylib": library, f"{name}/fast.abi3.so": module}
    return make_wheel(folder, name, "1.0", tags="cp312-abi3-macosx_11_0_arm64", files=files)


def windows(folder: Path, name: str) -> Path:
    """A wheel as delvewheel leaves it."""
    build = folder / name
    build.mkdir()
    called = f"libdeep-{('1' if name == 'one' else '2') * 32}.dll"
    library = dll(build, called, DEEP, definitions="EXPORTS\n deep\n")
    module = dll(
        build, "fast.pyd", MODULE, f"{called.removesuffix('.dll')}.lib",
        definitions="EXPORTS\n PyInit_fast\n",
    )  # fmt: skip
    files = {f"{name}.libs/{called}": library, f"{name}/fast.pyd": module}
    return make_wheel(folder, name, "1.0", tags="cp312-abi3-win_amd64", files=files)


def split(folder: Path, wheels: list[Path], *options: str) -> int:
    (folder / "abi.toml").write_text(DECLARED, "utf-8")
    return main(
        ["split", "--shared", "libdeep", "--abi", str(folder / "abi.toml"), *map(str, wheels),
         "-o", str(folder / "out"), "-q", *options]
    )  # fmt: skip


def image(folder: Path, wheel: str, member: str) -> tuple[Image, bytes]:
    (path,) = (folder / "out").glob(f"{wheel}[-_]*")
    with zipfile.ZipFile(path) as archive:
        data = archive.read(member)
    images = read_images(data)
    assert isinstance(images, tuple)
    return images[0], data


@pytest.mark.parametrize("make", [macos, windows])
def test_it_is_not_done_unasked(
    make: Callable[[Path, str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = [make(tmp_path, name) for name in ("one", "two")]
    assert split(tmp_path, wheels) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "was checked by reading it again, and never executed" in told
    assert not (tmp_path / "out").exists()


def test_macos(tmp_path: Path) -> None:
    wheels = [macos(tmp_path, name) for name in ("one", "two")]
    assert split(tmp_path, wheels, "--unexecuted-platforms") == 0
    library, data = image(tmp_path, "nl_deep", f"_nl/{UNIQUE}.1.dylib")
    assert library.name == f"@rpath/{UNIQUE}.1.dylib"
    assert signature_faults(data) == []
    for name in ("one", "two"):
        module, data = image(tmp_path, name, f"{name}/fast.abi3.so")
        assert f"@loader_path/../_nl/{UNIQUE}.1.dylib" in module.needed
        assert signature_faults(data) == []


def test_windows(tmp_path: Path) -> None:
    wheels = [windows(tmp_path, name) for name in ("one", "two")]
    assert split(tmp_path, wheels, "--unexecuted-platforms") == 0
    library, _ = image(tmp_path, "nl_deep", f"_nl/{UNIQUE}.dll")
    assert "deep" in library.exported
    for name in ("one", "two"):
        module, _ = image(tmp_path, name, f"{name}/fast.pyd")
        assert f"{UNIQUE}.dll" in module.needed
        (path,) = (tmp_path / "out").glob(f"{name}-*")
        with zipfile.ZipFile(path) as archive:
            assert b"os.add_dll_directory" in archive.read(f"{name}/_nl_load.py")
