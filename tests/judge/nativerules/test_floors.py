"""What the tags of a wheel promise of the system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.judge.nativerules.asking import ERROR, MACHO, found, module, told
from tests.natives import distribution
from trueup.model.library import NativeFile


def needs(*nodes: str, library: str = "libc.so.6") -> NativeFile:
    return module(needs_versions=tuple((library, node) for node in nodes))


MUSL = "cp312-cp312-musllinux_1_2_x86_64"
MAC = "cp312-cp312-macosx_{}"
FLOORS = {
    "at the floor": (needs("GLIBC_2.2.5", "GLIBC_2.17"), "cp312-cp312-manylinux_2_17_x86_64", None),
    "above": (needs("GLIBC_2.34", "GLIBC_2.18"), "cp312-cp312-manylinux_2_17_x86_64", ("GLIBC_2.34",)),
    "an old name": (needs("GLIBC_2.18"), "cp312-cp312-manylinux2014_x86_64", ("GLIBC_2.18",)),
    "the lowest tag counts": (
        needs("GLIBC_2.18"), "cp312-cp312-manylinux_2_17_x86_64.manylinux_2_28_x86_64", ("GLIBC_2.18",),
    ),
    "the tag of another machine": (needs("GLIBC_2.34"), "cp312-cp312-manylinux_2_17_aarch64", None),
    "no floor in the tag": (needs("GLIBC_2.34"), "cp312-cp312-linux_x86_64", None),
    "C++": (
        needs("GLIBCXX_3.4.29", "CXXABI_1.3.9", library="libstdc++.so.6"),
        "cp312-cp312-manylinux_2_28_x86_64", ("GLIBCXX_3.4.29",),
    ),
    "C++ at the floor": (
        needs("GLIBCXX_3.4.24", "CXXABI_1.3.11", library="libstdc++.so.6"),
        "cp312-cp312-manylinux_2_28_x86_64", None,
    ),
    "a floor between two policies": (
        needs("GLIBCXX_3.4.28", library="libstdc++.so.6"), "cp312-cp312-manylinux_2_32_x86_64", None,
    ),
    "libgcc": (needs("GCC_7.0.0", library="libgcc_s.so.1"), "cp312-cp312-manylinux_2_17_x86_64", ("GCC_7.0.0",)),
    "a bundled library keeps its own count": (
        needs("GLIBCXX_3.4.33", library="libstdc++-00000001.so.6"), "cp312-cp312-manylinux_2_17_x86_64", None,
    ),
    "a node without a number": (needs("GLIBC_PRIVATE"), "cp312-cp312-manylinux_2_17_x86_64", None),
    "relative relocations": (
        needs("GLIBC_ABI_DT_RELR"), "cp312-cp312-manylinux_2_28_x86_64", ("GLIBC_ABI_DT_RELR",),
    ),
    "glibc in a wheel for musl": (module(needed=("libc.so.6",)), MUSL, ("libc.so.6",)),
    "musl": (module(needed=("libc.musl-x86_64.so.1",)), MUSL, None),
    "macOS above": (
        module(format=MACHO, machine="x86_64", floor=("macos", (11, 0))), MAC.format("10_9_x86_64"), ("macOS 11.0",),
    ),
    "macOS at the floor": (
        module(format=MACHO, machine="arm64", floor=("macos", (14,))), MAC.format("14_0_arm64"), None,
    ),
    "arm64 begins with macOS 11": (
        module(format=MACHO, machine="arm64", floor=("macos", (11, 0))), MAC.format("10_9_universal2"), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "tags", "says"), FLOORS.values(), ids=FLOORS)
def test_libc_floors(file: NativeFile, tags: str, says: tuple[str, ...] | None) -> None:
    findings = found("libc-floor", distribution("demo", file, tags=tags))
    assert [(one.severity, one.evidence[0].says) for one in findings] == (
        [(ERROR, says)] if says else []
    )


def test_libc_floors_are_of_wheels() -> None:
    wheel = distribution("demo", needs("GLIBC_2.34"), tags="cp312-cp312-manylinux_2_17_x86_64")
    assert told("libc-floor", replace(wheel, filename="demo-1.0.dist-info")) == []
