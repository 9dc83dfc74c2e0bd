"""File names of libraries, taken apart."""

from __future__ import annotations

import pytest

from trueup.model.libraryname import known_as, parse_library_name

DELVE = "9b2d98b6da8eded35def7bc3b288ff65"


@pytest.mark.parametrize(
    ("name", "stem", "version", "digest"),
    [
        ("libgmp.so.10", "libgmp", "10", None),
        ("libgmp-a6f47472.so.10.5.0", "libgmp", "10.5.0", "a6f47472"),
        ("demo.libs/libgmp-a6f47472.so.10.5.0", "libgmp", "10.5.0", "a6f47472"),
        ("libscipy_openblas64_-4b78795a.so", "libscipy_openblas64_", "", "4b78795a"),
        # Repaired twice: the second tool saw the name that the first had made.
        ("libgfortran-040039e1-0352e75f.so.5.0.0", "libgfortran", "5.0.0", "0352e75f"),
        # auditwheel puts the digest before the first dot, wherever that is.
        ("libopenblasp-r0-59ffcd50.3.15.so", "libopenblasp-r0", "3.15", "59ffcd50"),
        ("libcrypto-5409cd36.so.1.1.1k", "libcrypto", "1.1.1k", "5409cd36"),
        ("libsqlite3-fiona-83998bda.so.0.8.6", "libsqlite3-fiona", "0.8.6", "83998bda"),
        ("libtcl8.6.so", "libtcl8.6", "", None),
        ("libglib-2.0.so.0", "libglib-2.0", "0", None),
        ("/DLC/gmpy2/.dylibs/libgmp.10.dylib", "libgmp", "10", None),
        ("@rpath/libomp.dylib", "libomp", "", None),
        ("libgmp-10.dll", "libgmp", "10", None),
        (f"libflint.24.0.0-{DELVE}.dll", "libflint", "24.0.0", DELVE),
        (f"MSVCP140-{DELVE.upper()}.dll", "MSVCP140", "", DELVE),
        ("C:\\lib\\geos_c.dll", "geos_c", "", None),
        ("no-library.txt", "no-library.txt", "", None),
    ],
)
def test_a_name_is_taken_apart(name: str, stem: str, version: str, digest: str | None) -> None:
    found = parse_library_name(name)
    assert (found.stem, found.version, found.digest) == (stem, version, digest)


@pytest.mark.parametrize(
    ("name", "library", "major"),
    [
        ("libgmp-a6f47472.so.10.5.0", "gmp", "10"),
        ("libscipy_openblas64_-4b78795a.so", "scipy_openblas64", ""),
        ("GEOS_C.dll", "geos_c", ""),
    ],
)
def test_what_is_compared(name: str, library: str, major: str) -> None:
    found = parse_library_name(name)
    assert (found.library, found.major) == (library, major)


@pytest.mark.parametrize(
    ("library", "names"),
    [
        ("gmp", ("gmp",)),
        ("crypto", ("crypto", "openssl")),
        ("openblasp-r0", ("openblasp-r0", "openblasp", "openblas")),
        ("sqlite3-fiona", ("sqlite3-fiona", "sqlite3", "sqlite")),
    ],
)
def test_a_library_goes_by_the_name_of_its_project_too(
    library: str, names: tuple[str, ...]
) -> None:
    assert known_as(library) == names
