"""What is expected of the system, and which package brings it."""

from __future__ import annotations

import pytest

from tests.judge.nativerules.asking import INFO, found, module, told
from tests.natives import distribution
from trueup.judge.nativerules.external_undeclared import is_declared
from trueup.judge.systempackages import driver_of, system_package


@pytest.mark.parametrize(
    ("wanted", "external", "names"),
    [
        ("libGL.so.1", (), ["libGL.so.1"]),
        ("libGL.so.1", ("dep:generic/libgl",), []),
        ("libcuda.so.1", (), ["libcuda.so.1"]),
        ("libc.so.6", (), []),
        # Told of only where others are declared.
        ("libz.so.1", (), []),
        ("libz.so.1", ("dep:generic/libgl",), ["libz.so.1"]),
    ],
)
def test_undeclared_externals(wanted: str, external: tuple[str, ...], names: list[str]) -> None:
    wheel = distribution("demo", module(needed=(wanted,)), external=external)
    assert told("external-undeclared", wheel) == [
        (INFO, f"expects `{name}` of the system and does not declare it") for name in names
    ]


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("dep:generic/zlib", True),
        ("dep:generic/zlib@>=1.2; sys_platform == 'linux'", True),
        ("pkg:generic/zlib", True),
        ("zlib (>=1.2)", True),
        ("zlib1g", True),
        ("libz", True),
        ("dep:generic/zstd", False),
        ("C", False),
    ],
)
def test_what_counts_as_declared(line: str, declared: bool) -> None:
    assert is_declared("libz.so.1", [line]) is declared


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("libgmp.so.10", "Debian `libgmp10`, Fedora `gmp`, conda-forge `gmp`, Homebrew `gmp`"),
        # Debian's name has the number of another soname; nobody made one for this one.
        ("libgmp.so.99", "conda-forge `gmp`, Homebrew `gmp`"),
        ("/opt/homebrew/lib/libgmp.10.dylib", "Debian `libgmp10`, Fedora `gmp`, conda-forge `gmp`, Homebrew `gmp`"),
        ("libEGL.so.1", "Debian `libegl1`, Fedora `libglvnd-egl`, conda-forge `libegl`"),
        ("libunheard-of.so.1", None),
    ],
)  # fmt: skip
def test_system_packages(wanted: str, words: str | None) -> None:
    package = system_package(wanted)
    assert (package.words if package else None) == words


@pytest.mark.parametrize(
    ("wanted", "driver"),
    [
        ("libcuda.so.1", "NVIDIA's driver"),
        ("libnvidia-ml.so.1", "NVIDIA's driver"),
        ("nvcuda.dll", "NVIDIA's driver"),
        ("libcudart.so.12", None),
    ],
)
def test_drivers(wanted: str, driver: str | None) -> None:
    assert driver_of(wanted) == driver


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("libGL.so.1", "declare it: `dep:generic/libgl`"),
        ("libcuda.so.1", "declare it: `Requires-External`"),
        (
            "libpython3.12.so.1.0",
            "link modules without it: what loads them has its symbols (PEP 513)",
        ),
    ],
)
def test_what_to_do_about_an_external_library(wanted: str, hint: str) -> None:
    (one,) = found("external-undeclared", distribution("demo", module(needed=(wanted,))))
    assert one.hint == hint
