"""Wheels with compiled code in them, as a repair tool leaves them, and values for pure tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.build import make_wheel
from tests.compiler import extension_module, shared_library
from trueup.model.library import BinaryFormat, Distribution, Export, Image, Import, NativeFile
from trueup.model.metadata import Unreadable

__all__ = ["LINUX", "distribution", "image", "native_file", "native_wheel"]

LINUX = "manylinux_2_17_x86_64"
_LIBRARY = "libdeep-0123abcd.so.1.2.3"


def native_wheel(
    folder: Path,
    version: str = "1.0",
    *,
    python: str = "cp311-cp311",
    platform: str = LINUX,
    answer: int = 42,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """`demo`: a package whose module asks a bundled library; ``demo.fast.value()`` is ``answer``."""
    build = folder / f"build-{version}-{python}-{answer}"
    library = shared_library(
        build / "demo.libs", _LIBRARY, f"long deep(void) {{ return {answer}; }}", soname=_LIBRARY
    )
    module = extension_module(
        build / "demo",
        "fast",
        "extern long deep(void); long compute(void) { return deep(); }",
        needs=[library],
        search="$ORIGIN/../demo.libs",
    )
    members = {
        "demo/fast.abi3.so": module.read_bytes(),
        f"demo.libs/{_LIBRARY}": library.read_bytes(),
        **(files or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return make_wheel(folder, "demo", version, tags=f"{python}-{platform}", files=members)


def image(
    name: str | None = None,
    *,
    needed: tuple[str, ...] = (),
    rpath: tuple[str, ...] = (),
    runpath: tuple[str, ...] = (),
    exports: tuple[Export | str, ...] = (),
    imports: tuple[Import | str, ...] = (),
    machine: str = "x86_64",
    kind: BinaryFormat = BinaryFormat.ELF,
    core: str | None = None,
) -> Image:
    """An image for tests that need no file; plain strings become functions."""
    return Image(
        format=kind,
        machine=machine,
        name=name,
        needed=needed,
        rpath=rpath,
        runpath=runpath,
        exports=tuple(Export(one) if isinstance(one, str) else one for one in exports),
        imports=tuple(Import(one) if isinstance(one, str) else one for one in imports),
        core=core,
    )


def native_file(
    path: str,
    *images: Image,
    sha256: str | None = None,
    size: int = 1000,
    unreadable: str | None = None,
) -> NativeFile:
    """A file with these images; its sha256 is made up from its path unless given."""
    return NativeFile(
        path=path,
        size=size,
        packed=size // 2,
        sha256=sha256 or f"sha256 of {path}",
        images=images if unreadable is None else Unreadable(reason=unreadable),
    )


def distribution(
    name: str,
    *files: NativeFile,
    version: str = "1.0",
    tags: str = f"cp312-cp312-{LINUX}",
    external: tuple[str, ...] = (),
) -> Distribution:
    """A wheel with these files."""
    return Distribution(
        project=canonicalize_name(name),
        version=Version(version),
        filename=f"{name}-{version}-{tags}.whl",
        origin=f"{name}-{version}-{tags}.whl",
        tags=parse_tag(tags),
        files=files,
        size=sum(file.packed or 0 for file in files),
        external=external,
    )
