"""Copies of a library, in honest degrees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.natives import distribution, image, native_file
from trueup.judge.duplicates import duplicates_of, version_of
from trueup.judge.layouts import layouts_of
from trueup.model.library import Distribution, NativeFile, Witness
from trueup.model.nativereport import Degree, Scope

LINUX = "manylinux_2_28_x86_64"


def library(path: str, sha: str, *, core: str | None = None, size: int = 100) -> NativeFile:
    name = path.rpartition("/")[2]
    return native_file(path, image(name, core=core, exports=("f",)), sha256=sha, size=size)


def told(*wheels: Distribution) -> set[tuple[Scope, Degree, int, int]]:
    return {
        (one.scope, one.degree, len(one.copies), one.wasted)
        for one in duplicates_of(wheels, layouts_of(wheels))
    }


def two(a: NativeFile, b: NativeFile) -> tuple[Distribution, Distribution]:
    return distribution("a", a), distribution("b", b)


P, B, V, L = Scope.PACKAGES, Degree.BYTES, Degree.VERSION, Degree.LIBRARY
PAIRS = {
    "the same bytes": (
        library("a.libs/libz-00000001.so.1.3", "x"),
        library("b.libs/libz-00000001.so.1.3", "x"),
        {B, Degree.BUILD, V, L},
    ),
    "the same build: auditwheel's digest": (
        library("a.libs/libz-00000001.so.1.3", "x"),
        library("b.libs/libz-00000001.so.1.3", "y"),
        {Degree.BUILD, V, L},
    ),
    "the same build: equal code, exports and needs": (
        library("a.libs/libz-00000001.so.1.3", "x", core="c"),
        library("b.libs/libz-00000002.so.1.3", "y", core="c"),
        {Degree.BUILD, V, L},
    ),
    "the same version": (
        library("a.libs/libz-00000001.so.1.3", "x", core="c"),
        library("b.libs/libz-00000002.so.1.3", "y", core="d"),
        {V, L},
    ),
    "the same library": (
        library("a.libs/libz-00000001.so.1.3", "x"),
        library("b.libs/libz-00000002.so.1.2", "y"),
        {L},
    ),
    "one number is no version": (
        library("a.libs/libz-00000001.so.1", "x"),
        library("b.libs/libz-00000002.so.1", "y"),
        {L},
    ),
    "another library": (
        library("a.libs/libz-00000001.so.1", "x"),
        library("b.libs/liby-00000002.so.1", "y"),
        set(),
    ),
}


@pytest.mark.parametrize(("one", "other", "degrees"), PAIRS.values(), ids=PAIRS)
def test_degrees(one: NativeFile, other: NativeFile, degrees: set[Degree]) -> None:
    assert told(*two(one, other)) == {(P, degree, 2, 100) for degree in degrees}


def test_the_largest_copy_is_not_wasted() -> None:
    wheels = (
        distribution("a", library("a.libs/libz-00000001.so.1.3", "x", size=100)),
        distribution("b", library("b.libs/libz-00000002.so.1.3", "y", size=300)),
        distribution("c", library("c.libs/libz-00000003.so.1.2", "z", size=70)),
    )
    assert told(*wheels) == {(P, V, 2, 100), (P, L, 3, 170)}


def test_across_the_wheels_of_a_release_and_across_releases() -> None:
    def wheel(python: str, version: str, sha: str) -> Distribution:
        return distribution(
            "a",
            library("a.libs/libz-00000001.so.1.3", sha),
            tags=f"{python}-{python}-{LINUX}",
            version=version,
        )

    wheels = wheel("cp312", "1.0", "x"), wheel("cp313", "1.0", "x"), wheel("cp313", "1.1", "x")
    found = {(scope, copies) for scope, degree, copies, _ in told(*wheels) if degree is B}
    # In the scope of releases, a copy per release counts, not one per wheel.
    assert found == {(Scope.RELEASE, 2), (Scope.RELEASES, 2)}


def test_extension_modules_and_programs_are_no_libraries() -> None:
    module = native_file("a/x.so", image(exports=("PyInit_x",)), sha256="x")
    program = native_file("a/tool", image(), sha256="y")
    assert told(distribution("a", module, program), distribution("b", module, program)) == set()


@pytest.mark.parametrize(
    ("path", "witness", "version"),
    [
        ("a.libs/libz-00000001.so.1.3.1", None, "1.3.1"),
        ("a.libs/libcrypto-00000001.so.3", None, None),
        (
            "a.libs/libcrypto-00000001.so.3",
            Witness("openssl", "version", "OpenSSL 3.5.1"),
            "OpenSSL 3.5.1",
        ),
        # Text of another library says nothing of this one.
        ("a.libs/libcurl-00000001.so.4", Witness("openssl", "version", "OpenSSL 3.5.1"), None),
    ],
)
def test_versions(path: str, witness: Witness | None, version: str | None) -> None:
    file = library(path, "x")
    if witness is not None:
        file = replace(file, images=tuple(replace(i, witnesses=(witness,)) for i in file.readable))
    assert version_of(file) == version
