"""What the files of a wheel hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.judge.nativerules.asking import INFO, WARNING, found, library, module, told
from tests.natives import distribution, native_file
from trueup.model.library import Distribution, NativeFile, Witness

OPENSSL = (Witness("openssl", "version", "OpenSSL 3.5.1"),)
STATIC = {
    "linked into a module": (module(witnesses=OPENSSL), True),
    "the library itself": (library("demo.libs/libcrypto-00000001.so.3", witnesses=OPENSSL), False),
    "text of a header": (module(witnesses=OPENSSL, needed=("libssl-00000001.so.3",)), False),
    "linked into another library": (library("demo.libs/libcurl-00000001.so.4", witnesses=OPENSSL), True),
    "how it was configured": (module(witnesses=(Witness("configure", "configuration", "--prefix=/x"),)), False),
    "a path alone": (module(witnesses=(Witness("openssl", "installation path", "/etc/ssl"),)), False),
}  # fmt: skip


@pytest.mark.parametrize(("file", "static"), STATIC.values(), ids=STATIC)
def test_static_copies(file: NativeFile, static: bool) -> None:
    message = "`openssl` cannot be split off: linked into other files"
    assert told("static-copy", distribution("demo", file)) == ([(INFO, message)] if static else [])


MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("padding", "size", "number"),
    [
        (2 * MEBIBYTE, 3 * MEBIBYTE, 1),
        (2 * MEBIBYTE, 5 * MEBIBYTE, 0),
        (MEBIBYTE, MEBIBYTE, 0),
    ],
)
def test_padding(padding: int, size: int, number: int) -> None:
    file = replace(library("demo.libs/liba-00000001.so.1", padding=padding), size=size)
    assert len(told("padding", distribution("demo", file))) == number


def test_debug_information_counts_by_wheel() -> None:
    def wheel(*sizes: int) -> Distribution:
        return distribution(
            "demo", *(module(f"demo/m{n}.so", debug=s) for n, s in enumerate(sizes))
        )

    assert told("debug-information", wheel(MEBIBYTE)) == []
    (one,) = found("debug-information", wheel(MEBIBYTE, 200_000, 90_000))
    assert [(e.files[0], e.says) for e in one.evidence[1:]] == [
        ("demo/m0.so", ("1.0 MB",)),
        ("demo/m1.so", ("200 kB",)),
    ]
    installed = replace(wheel(2 * MEBIBYTE), filename="demo-1.0.dist-info")
    assert told("debug-information", installed) == []


def test_unreadable_binaries() -> None:
    file = native_file("demo/x.so", unreadable="begins like an ELF file and cannot be parsed")
    assert told("unreadable-binary", distribution("demo", file)) == [
        (WARNING, "`demo/x.so` begins like an ELF file and cannot be parsed")
    ]
