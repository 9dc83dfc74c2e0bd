"""What two libraries in one process do to each other."""

from __future__ import annotations

import pytest

from tests.judge.nativerules.asking import (
    INFO,
    MACHO,
    PE,
    WARNING,
    found,
    imports,
    library,
    module,
    told,
)
from tests.natives import distribution
from trueup.model.finding import Severity
from trueup.model.library import BinaryFormat, Export, Import, NativeFile

A, B = "demo.libs/liba-00000001.so.1", "demo.libs/libb-00000002.so.1"
NEEDS_BOTH = ("liba-00000001.so.1", "libb-00000002.so.1")
WEAK = Export("f", weak=True)
NODE = Export("f", version="B_1")
EXPORTERS: dict[str, tuple[tuple[Export | str, ...], tuple[Export | str, ...], Import, bool]] = {
    "both": (("f",), ("f",), Import("f"), True),
    "nobody uses it": (("f",), ("f",), Import("g"), False),
    "one": (("f",), ("g",), Import("f"), False),
    "weak in both (inline code of C++)": ((WEAK,), (WEAK,), Import("f"), False),
    "weak in one": ((WEAK,), ("f",), Import("f"), True),
    "what linkers leave behind": (("_end",), ("_end",), Import("_end"), False),
    "libgcc that leaked": (("__bid_mul",), ("__bid_mul",), Import("__bid_mul"), False),
    "C++'s run-time": (("_ZSt4f",), ("_ZSt4f",), Import("_ZSt4f"), False),
    "a version that only one has": ((NODE,), (Export("f", version="A_1"),), Import("f", version="B_1"), False),
    "a version that both have": ((NODE,), (NODE,), Import("f", version="B_1"), True),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "used", "clash"), EXPORTERS.values(), ids=EXPORTERS)
def test_two_exporters(
    one: tuple[Export | str, ...], other: tuple[Export | str, ...], used: Import, clash: bool
) -> None:
    def nodes(exports: tuple[Export | str, ...]) -> tuple[str, ...]:
        return tuple(e.version for e in exports if isinstance(e, Export) and e.version)

    wheel = distribution(
        "demo",
        module(needed=NEEDS_BOTH, imports=(used,)),
        library(A, exports=one, defines_versions=nodes(one)),
        library(B, exports=other, defines_versions=nodes(other)),
    )
    assert bool(told("two-exporters", wheel)) is clash


def test_two_exporters_say_who_serves() -> None:
    wheel = distribution(
        "demo",
        module(needed=NEEDS_BOTH, imports=imports("f", "g")),
        library(A, exports=("f", "g", "unused")),
        library(B, exports=("f", "g", "unused")),
    )
    (one,) = found("two-exporters", wheel)
    assert one.message == (
        "`liba-00000001.so.1` and `libb-00000002.so.1` are loaded together and export the same"
        " symbols"
    )
    assert [(e.files, e.says) for e in one.evidence] == [
        ((A,), ("serves 2 symbols: `f` and `g`",)),
        ((B,), ("the other one serves instead",)),
    ]


def test_two_exporters_of_which_either_may_serve() -> None:
    wheel = distribution(
        "demo",
        module(needed=NEEDS_BOTH, imports=imports("f")),
        module("demo/slow.so", needed=NEEDS_BOTH[::-1], imports=imports("f")),
        library(A, exports=("f",)),
        library(B, exports=("f",)),
    )
    (one,) = found("two-exporters", wheel)
    assert "which one serves depends on the module that is imported" in one.message


@pytest.mark.parametrize("kind", [MACHO, PE])
def test_two_exporters_are_no_matter_elsewhere(kind: BinaryFormat) -> None:
    names = (
        ("@loader_path/../demo.libs/a.dylib", "@loader_path/../demo.libs/b.dylib")
        if kind is MACHO
        else ("a.dylib", "b.dylib")
    )
    wheel = distribution(
        "demo",
        module(needed=names, imports=imports("f"), format=kind),
        library("demo.libs/a.dylib", exports=("f",), format=kind),
        library("demo.libs/b.dylib", exports=("f",), format=kind),
    )
    assert told("two-exporters", wheel) == []


GNU, LLVM = ("GOMP_parallel",), ("__kmpc_fork_call", "GOMP_parallel")


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        (library("a.libs/libgomp-00000001.so.1", exports=GNU), None, 0),
        (
            library("a.libs/libgomp-00000001.so.1", exports=GNU),
            library("b.libs/libgomp-00000002.so.1", exports=GNU),
            1,
        ),
        (
            library("a.libs/libgomp-00000001.so.1", exports=GNU),
            library("b/libiomp5.so", exports=LLVM),
            1,
        ),
        # One name is loaded once.
        (
            library("a.libs/libgomp-00000001.so.1", exports=GNU),
            library("b.libs/libgomp-00000001.so.1", exports=GNU),
            0,
        ),
        (library("a/vcomp140.dll", format=PE), library("b/libiomp5md.dll", format=PE), 1),
        # Mach-O loads each path, whatever the name.
        (
            library("a/.dylibs/libomp.dylib", exports=LLVM, format=MACHO),
            library("b/.dylibs/libomp.dylib", exports=LLVM, format=MACHO),
            1,
        ),
    ],
)
def test_two_openmp_runtimes(one: NativeFile, other: NativeFile | None, number: int) -> None:
    wheels = [distribution("a", one), *([distribution("b", other)] if other else [])]
    assert len(told("two-openmp-runtimes", *wheels)) == number


def test_openmp_runtimes_say_whose_they_are() -> None:
    (one,) = found(
        "two-openmp-runtimes",
        distribution("a", library("a.libs/libgomp-00000001.so.1", exports=GNU)),
        distribution("b", library("b/libiomp5.so", exports=LLVM)),
    )
    assert {e.files[0]: e.says for e in one.evidence} == {
        "a.libs/libgomp-00000001.so.1": ("GNU's",),
        "b/libiomp5.so": ("LLVM's or Intel's",),
    }


@pytest.mark.parametrize(
    ("one", "other", "severities"),
    [
        ("a.libs/libhdf5-00000001.so.310", "b.libs/libhdf5-00000002.so.320", [INFO]),
        ("a.libs/libhdf5-00000001.so.310", "b.libs/libhdf5-00000001.so.310", [WARNING]),
        ("a/libhdf5.so.310", "b/libhdf5.so.310", [WARNING]),
        ("a.libs/libhdf5-00000001.so.310", "b.libs/libhdf5_hl-00000002.so.310", []),
        ("a.libs/libz-00000001.so.1", "b.libs/libz-00000002.so.1", []),
    ],
)
def test_two_stateful_copies(one: str, other: str, severities: list[Severity]) -> None:
    wheels = distribution("a", library(one)), distribution("b", library(other))
    assert [severity for severity, _ in told("two-stateful-copies", *wheels)] == severities
