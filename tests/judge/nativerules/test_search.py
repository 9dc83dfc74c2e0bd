"""How libraries are found, or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.judge.nativerules.asking import (
    ERROR,
    INFO,
    LIBS,
    MACHO,
    PE,
    WARNING,
    found,
    library,
    module,
    told,
)
from tests.natives import distribution, image, native_file
from trueup.model.finding import Severity
from trueup.model.library import NativeFile


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        ([module(), library("demo.libs/libgmp.so.10")], WARNING),
        ([module(), library("demo.libs/libgmp-00000001.so.10.5.0")], None),
        ([module(), library("demo.libs/libgmp-00000001.so.10.5.0", name="libgmp.so.10")], WARNING),
        # Nobody else has it, as far as is known.
        ([module(), library("demo/libdemo.so.3")], INFO),
        # A library wheel has no other purpose.
        ([library("gmp/lib/libgmp.so.10")], INFO),
        ([module(), library("demo.libs/libgmp-10.dll", format=PE)], WARNING),
        # Windows goes by the name of the file, not by the one inside.
        ([module(), library(f"a.libs/libgmp-{'0' * 32}.dll", name="libgmp-10.dll", format=PE)], None),
        ([module(), library("demo/.dylibs/libgmp.10.dylib", format=MACHO)], None),
    ],
)  # fmt: skip
def test_generic_sonames(files: list[NativeFile], severity: Severity | None) -> None:
    severities = [severity for severity, _ in told("generic-soname", distribution("demo", *files))]
    assert severities == ([severity] if severity else [])


def test_a_name_that_two_packages_bring_is_no_small_matter() -> None:
    wheels = [distribution(name, library(f"{name}/libdemo.so.3")) for name in ("a", "b")]
    assert [one.severity for one in found("generic-soname", *wheels)] == [WARNING, WARNING]
    assert found("generic-soname", *wheels)[0].evidence[0].says == ("also in `a` and `b`",)


RUNPATH = {
    "a generic name": (module(needed=("libgmp.so.10",), rpath=(), runpath=LIBS), "libgmp.so.10", WARNING),
    "a name of its own": (
        module(needed=("libgmp-00000001.so.10",), rpath=(), runpath=LIBS), "libgmp-00000001.so.10", None,
    ),
    "a name that only it has": (module(needed=("libdemo.so",), rpath=(), runpath=LIBS), "libdemo.so", INFO),
    "DT_RPATH": (module(needed=("libgmp.so.10",)), "libgmp.so.10", None),
}  # fmt: skip


@pytest.mark.parametrize(("user", "name", "severity"), RUNPATH.values(), ids=RUNPATH)
def test_runpath(user: NativeFile, name: str, severity: Severity | None) -> None:
    wheel = distribution("demo", user, library(f"demo.libs/{name}"))
    assert [one for one, _ in told("runpath", wheel)] == ([severity] if severity else [])


def test_musl_makes_no_difference_between_the_two_paths() -> None:
    wheel = distribution(
        "demo",
        module(needed=("libgmp.so.10",), rpath=(), runpath=LIBS),
        library("demo.libs/libgmp.so.10"),
        tags="cp312-cp312-musllinux_1_2_x86_64",
    )
    assert told("runpath", wheel) == []


@pytest.mark.parametrize(
    ("rpath", "number"),
    [
        (("/usr/local/lib64",), 1),
        (("$ORIGIN/../demo.libs",), 0),
        (("@loader_path/.dylibs", "/usr/lib/swift"), 0),
    ],
)
def test_fixed_search_paths(rpath: tuple[str, ...], number: int) -> None:
    assert len(told("fixed-search-path", distribution("demo", module(rpath=rpath)))) == number


MISSING = {
    "nobody has it": (module(needed=("libgmp.so.10",), rpath=()), [(ERROR, "nobody provides `libgmp.so.10`")]),
    "a path of the machine that built it": (
        module(needed=("/opt/lib/libgmp.so.10",)),
        [(ERROR, "asks for `/opt/lib/libgmp.so.10`, a path of the machine that built it")],
    ),
    "a package that is not here": (
        module(needed=("libcudart.so.12",), rpath=("$ORIGIN/../nvidia/cuda_runtime/lib",)),
        [(INFO, "`libcudart.so.12` is expected of a package that is not here")],
    ),
    "the folder of a repair tool is no other package": (
        module(needed=("libgmp.so.10",)), [(ERROR, "nobody provides `libgmp.so.10`")],
    ),
    "that of a companion wheel is": (
        module(needed=("libgmp-00000001.so.10",), rpath=("$ORIGIN/../demo_libs",)),
        [(INFO, "`libgmp-00000001.so.10` is expected of a package that is not here")],
    ),
    "its own folder is no other package": (
        module(needed=("libgmp.so.10",), rpath=("$ORIGIN/lib",)),
        [(ERROR, "nobody provides `libgmp.so.10`")],
    ),
    "the folder of library wheels, of which some are here": (
        native_file(
            "_nl/libmpfr-00000001.so.6",
            image("libmpfr-00000001.so.6", needed=("libgmp-00000002.so.10",), rpath=("$ORIGIN",)),
        ),
        [(INFO, "`libgmp-00000002.so.10` is expected of a package that is not here")],
    ),
    "a driver": (module(needed=("libcuda.so.1",)), []),
    "it may be absent": (
        module(needed=("@rpath/x.dylib",), optional=frozenset({"@rpath/x.dylib"}), format=MACHO, rpath=()),
        [(INFO, "nobody provides `@rpath/x.dylib`, which may be absent")],
    ),
    "the system": (module(needed=("libc.so.6", "libGL.so.1")), []),
}  # fmt: skip


@pytest.mark.parametrize(("user", "findings"), MISSING.values(), ids=MISSING)
def test_missing_libraries(user: NativeFile, findings: list[tuple[Severity, str]]) -> None:
    assert told("library-missing", distribution("demo", user)) == findings


def test_a_missing_library_names_the_packages_that_bring_it() -> None:
    (one,) = found(
        "library-missing", distribution("demo", module(needed=("libgmp.so.10",), rpath=()))
    )
    assert one.hint == (
        "repair the wheel so that it brings the library, or install the system's package:"
        " Debian `libgmp10`, Fedora `gmp`, conda-forge `gmp`, Homebrew `gmp`"
    )


def test_a_fixed_folder_of_this_machine_may_hold_it() -> None:
    """Of what is installed nothing more is there; of a wheel, the folder is another machine's."""
    wheel = distribution("demo", module(needed=("libgmp.so.10",), rpath=("/opt/gmp/lib",)))
    installed = replace(wheel, filename="demo-1.0.dist-info")
    assert [severity for severity, _ in told("library-missing", wheel)] == [ERROR]
    (one,) = found("library-missing", installed)
    assert (one.severity, one.hint) == (
        WARNING,
        "this machine may have it in `/opt/gmp/lib`; no other one need have it",
    )


@pytest.mark.parametrize(
    ("owner", "hint"),
    [
        ("demo", "it is found only if the package's own Python code loads it first"),
        ("other", "it is found only if `other` was imported before and has loaded it"),
    ],
)
def test_libraries_to_which_no_path_leads(owner: str, hint: str) -> None:
    files = {"demo": [module(needed=("liba.so",), rpath=())], "other": [module("other/o.so")]}
    files[owner].append(library(f"{owner}/lib/liba.so"))
    wheels = [distribution(name, *members) for name, members in files.items()]
    assert [(one.severity, one.hint) for one in found("library-unreached", *wheels)] == [
        (WARNING, hint)
    ]


@pytest.mark.parametrize(
    ("file", "number"),
    [
        (library("demo.libs/liba-00000001.so.1"), 1),
        (library("demo/.dylibs/liba.1.dylib", format=MACHO), 1),
        # Python code may open it.
        (library("demo/liba.so"), 0),
    ],
)
def test_unused_libraries(file: NativeFile, number: int) -> None:
    assert len(told("unused-library", distribution("demo", module(), file))) == number
