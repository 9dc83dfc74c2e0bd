"""Makes the fat binaries beside it with the real tools, which are rarely at hand.

    python -m tests.cases.gpu.make

needs `nvcc` (CUDA 13.0 or later) for what NVIDIA's devices run, and `clang-offload-bundler` (LLVM
19 or later, `clang-tools-19` in Debian) for the bundles of HIP. Bundles hold a line of text in place
of each code object: the bundler does not look at them, and neither does who reads a bundle. What the
missing one would make is left as it is.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import lief

__all__ = ["BUNDLES", "FAT_BINARIES", "HERE", "make_bundle", "make_fat_binary", "nvcc_release"]

HERE = Path(__file__).parent

_KERNEL = """
extern "C" __global__ void scale(float *x, float by) { x[threadIdx.x] *= by; }
"""


def _codes(*pairs: str) -> list[str]:
    """Options for pairs of virtual architecture and codes: ``90=sm_90,compute_90``."""
    split = [pair.split("=") for pair in pairs]
    return [f"-gencode=arch=compute_{arch},code=[{codes}]" for arch, codes in split]


# File name: (section, options of nvcc). Devices are linked, so each holds two containers.
FAT_BINARIES: Mapping[str, tuple[str, list[str]]] = {
    "several.nv_fatbin": (
        ".nv_fatbin",
        ["-Xfatbin=-compress-all", *_codes("80=sm_80", "90=sm_90,compute_90", "120=sm_120")],
    ),
    "specific.nv_fatbin": (
        ".nv_fatbin",
        ["-Xfatbin=-compress-all", *_codes("90a=sm_90a,compute_90a", "100f=sm_100f,compute_100f")],
    ),
    "plain.nv_fatbin": (".nv_fatbin", ["--no-compress", *_codes("90a=sm_90a,compute_90a")]),
    "ptx.nv_fatbin": (".nv_fatbin", _codes("80=compute_80")),
    "debug.nv_fatbin": (".nv_fatbin", ["-G", *_codes("89=sm_89,compute_89")]),
    "relocatable.nv_relfatbin": (
        "__nv_relfatbin",
        ["-rdc=true", *_codes("80=lto_80", "90=sm_90,compute_90")],
    ),
}

_HOST = "host-x86_64-unknown-linux-gnu-"
_HIP = "hipv4-amdgcn-amd-amdhsa--"
_TARGETS = [
    _HOST,
    *(f"{_HIP}{one}" for one in ("gfx90a:sramecc+:xnack-", "gfx90a:xnack+", "gfx1100")),
    "hip-amdgcn-amd-amdhsa--gfx906",
    f"{_HIP}gfx9-4-generic",
]

# File name: options of the bundler.
BUNDLES: Mapping[str, list[str]] = {
    "plain.hip_fatbin": ["-bundle-align=64"],
    "compressed.hip_fatbin": ["-bundle-align=64", "-compress"],
}


def nvcc_release() -> tuple[int, ...] | None:
    """The release of the `nvcc` on the search path, None without one."""
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        return None
    told = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    release = told.partition("release ")[2].partition(",")[0]
    return tuple(map(int, release.split(".")))


def make_fat_binary(folder: Path, name: str) -> bytes:
    """The section that nvcc makes for one of FAT_BINARIES, out of a linked shared library."""
    section, options = FAT_BINARIES[name]
    source, library = folder / "scale.cu", folder / "libscale.so"
    source.write_text(_KERNEL, "utf-8")
    command = ["nvcc", "-shared", "-Xcompiler=-fPIC", *options, "-o", library.name, source.name]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    binary = lief.ELF.parse(str(library))
    assert binary is not None
    found = binary.get_section(section)
    assert found is not None
    return bytes(found.content)


def make_bundle(folder: Path, name: str) -> bytes:
    """What the bundler makes for one of BUNDLES."""
    inputs = []
    for number, target in enumerate(_TARGETS):
        held = folder / f"{number}.code"
        held.write_text("" if target == _HOST else f"code for {target}\n" * number, "utf-8")
        inputs.append(f"-input={held.name}")
    command = ["clang-offload-bundler", "-type=o", f"-targets={','.join(_TARGETS)}", *inputs]
    command += [*BUNDLES[name], f"-output={name}"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return (folder / name).read_bytes()


def _make_all(tool: str, names: Mapping[str, object], make: Callable[[Path, str], bytes]) -> None:
    if shutil.which(tool) is None:
        print(f"`{tool}` is not here: {', '.join(names)} stay as they are")
        return
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            (HERE / name).write_bytes(make(Path(folder), name))
            print(f"{name}: {(HERE / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    _make_all("nvcc", FAT_BINARIES, make_fat_binary)
    _make_all("clang-offload-bundler", BUNDLES, make_bundle)
