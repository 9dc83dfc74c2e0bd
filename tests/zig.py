"""Compiles small C sources for machines that are not this one, with the compiler of `ziglang`.

dylib(folder, "libdemo.dylib", "int twice(int x) { return 2 * x; }", "-install_name", "@rpath/…")
dll(folder, "demo.dll", "int twice(int x) { return 2 * x; }", definitions="EXPORTS\n twice\n")

Nothing links a C library, so that each takes a tenth of a second. What comes out is never run here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["dll", "dylib", "object_file", "zig"]

_SHARED = ("-shared", "-nostdlib", "-O1")
_ENTRY = "int DllMainCRTStartup(void) { return 1; }\n"


def zig(folder: Path, *arguments: str) -> None:
    """Run the compiler in a folder, which also keeps its cache."""
    environ = dict(
        os.environ,
        ZIG_GLOBAL_CACHE_DIR=str(folder / ".zig"),
        ZIG_LOCAL_CACHE_DIR=str(folder / ".zig"),
    )
    done = subprocess.run(
        [sys.executable, "-m", "ziglang", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def dylib(
    folder: Path, name: str, source: str, *flags: str, machine: str = "aarch64", macos: str = "11.0"
) -> bytes:
    """A Mach-O library, signed ad hoc by the linker where the machine asks for that (arm64)."""
    (folder / f"{name}.c").write_text(source)
    target = f"{machine}-macos.{macos}"
    zig(folder, "cc", "-target", target, *_SHARED, "-g0", "-o", name, f"{name}.c", *flags)
    return (folder / name).read_bytes()


def object_file(folder: Path, name: str, source: str, *flags: str, target: str) -> bytes:
    """What the compiler hands to a linker."""
    (folder / f"{name}.c").write_text(source)
    zig(folder, "cc", "-target", target, "-O1", "-c", "-o", name, f"{name}.c", *flags)
    return (folder / name).read_bytes()


def dll(
    folder: Path,
    name: str,
    source: str,
    *flags: str,
    machine: str = "x86_64",
    definitions: str | None = None,
) -> bytes:
    """A PE library without a C runtime; ``definitions`` are the lines of a `.def` file.

    With definitions there is an import library for it afterwards, named like it but for the end.
    """
    (folder / f"{name}.c").write_text(source + _ENTRY)
    inputs = [f"{name}.c"]
    stem = name.rpartition(".")[0]
    if definitions is not None:
        (folder / f"{stem}.def").write_text(f"LIBRARY {name}\n{definitions}")
        zig(folder, "dlltool", "-m", "i386:x86-64", "-d", f"{stem}.def", "-l", f"{stem}.lib")
        inputs.append(f"{stem}.def")
    target = f"{machine}-windows-gnu"
    debug = () if "-g" in flags else ("-g0", "-s")
    zig(folder, "cc", "-target", target, *_SHARED, *debug, "-o", name, *inputs, *flags)
    return (folder / name).read_bytes()
