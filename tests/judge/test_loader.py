"""Which copy each loader takes; `tests/real/test_loader.py` asks the real one of Linux."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.natives import distribution, image, native_file
from trueup.judge.loader import closures, tree_of
from trueup.model.library import BinaryFormat, Distribution, Image, NativeFile
from trueup.model.loading import Closure, Found, Layout, Link

MACHO, PE = BinaryFormat.MACHO, BinaryFormat.PE
ENTRY = "demo/fast.so"


def module(**options: Any) -> Image:
    return image(exports=("PyInit_fast",), **options)


def loaded(
    images: Mapping[str, Image],
    *,
    library_path: tuple[str, ...] = (),
    tags: str = "cp312-cp312-manylinux_2_28_x86_64",
) -> Closure:
    """The closure of `demo/fast…`, among these files of one wheel."""
    wheel = distribution("demo", *(native_file(p, i) for p, i in images.items()), tags=tags)
    tree = tree_of(Layout(label="", distributions=(wheel,)), library_path)
    return next(one for one in closures(tree) if one.entry.startswith("demo/fast"))


def link(closure: Closure, wanted: str, user: str | None = None) -> Link:
    return next(
        one for one in closure.links if one.wanted == wanted and one.user == (user or closure.entry)
    )


A, B = "demo.libs/liba.so", "other/liba.so"


@pytest.mark.parametrize(
    ("entry", "library_path", "found", "path"),
    [
        (module(needed=("liba.so",), rpath=("$ORIGIN/../demo.libs",)), (), Found.RPATH, A),
        (module(needed=("liba.so",), rpath=("${ORIGIN}/../demo.libs",)), (), Found.RPATH, A),
        (module(needed=("liba.so",), rpath=("$ORIGIN/../demo.libs/.",)), (), Found.RPATH, A),
        (module(needed=("liba.so",), rpath=("$ORIGINAL/../demo.libs",)), (), Found.ELSEWHERE, A),
        (module(needed=("liba.so",), rpath=("/opt/lib",)), (), Found.ELSEWHERE, A),
        (module(needed=("liba.so",), runpath=("$ORIGIN/../demo.libs",)), (), Found.RUNPATH, A),
        # DT_RPATH goes before LD_LIBRARY_PATH, and DT_RUNPATH after it.
        (module(needed=("liba.so",), rpath=("$ORIGIN/../demo.libs",)), ("other",), Found.RPATH, A),
        (
            module(needed=("liba.so",), runpath=("$ORIGIN/../demo.libs",)),
            ("other/",),
            Found.LIBRARY_PATH,
            B,
        ),
        # Beside a DT_RUNPATH, DT_RPATH does not count.
        (
            module(
                needed=("liba.so",), rpath=("$ORIGIN/../demo.libs",), runpath=("$ORIGIN/../other",)
            ),
            (),
            Found.RUNPATH,
            B,
        ),
        (
            module(needed=("liba.so",), rpath=("$ORIGIN/nowhere", "$ORIGIN/../other")),
            (),
            Found.RPATH,
            B,
        ),
        (module(needed=("$ORIGIN/../other/liba.so",)), (), Found.PATH, B),
    ],
)
def test_the_search_of_glibc(
    entry: Image, library_path: tuple[str, ...], found: Found, path: str
) -> None:
    closure = loaded(
        {ENTRY: entry, A: image("liba.so"), B: image("liba.so")}, library_path=library_path
    )
    one = closure.links[0]
    assert (one.found, one.path) == (found, path)


@pytest.mark.parametrize(
    ("entry", "library", "found"),
    [
        # The DT_RPATH of whoever loaded it is inherited …
        ({"rpath": ("$ORIGIN/../demo.libs",)}, {}, Found.RPATH),
        # … but not by a library that has a DT_RUNPATH of its own …
        ({"rpath": ("$ORIGIN/../demo.libs",)}, {"runpath": ("$ORIGIN/x",)}, Found.ELSEWHERE),
        # … and a DT_RUNPATH is inherited by nobody.
        ({"runpath": ("$ORIGIN/../demo.libs",)}, {}, Found.ELSEWHERE),
        ({"runpath": ("$ORIGIN/../demo.libs",)}, {"rpath": ("$ORIGIN",)}, Found.RPATH),
    ],
)
def test_who_inherits_a_search_path(
    entry: Mapping[str, Any], library: Mapping[str, Any], found: Found
) -> None:
    files = {
        ENTRY: module(needed=("liba.so",), **entry),
        A: image("liba.so", needed=("libb.so",), **library),
        "demo.libs/libb.so": image("libb.so"),
    }
    assert link(loaded(files), "libb.so", A).found is found


def test_inherited_entries_are_those_of_their_owner() -> None:
    files = {
        ENTRY: module(needed=("liba.so",), rpath=("$ORIGIN/../demo.libs",)),
        A: image("liba.so", needed=("libb.so",)),
        "demo.libs/libb.so": image("libb.so"),
    }
    one = link(loaded(files), "libb.so", A)
    assert (one.through, one.owner) == ("$ORIGIN/../demo.libs", ENTRY)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("cp312-cp312-manylinux_2_28_x86_64", Found.ELSEWHERE),
        ("cp312-cp312-musllinux_1_2_x86_64", Found.RUNPATH),
    ],
)
def test_musl_inherits_a_runpath(tags: str, found: Found) -> None:
    files = {
        ENTRY: module(needed=("liba.so",), runpath=("$ORIGIN/../demo.libs",)),
        A: image("liba.so", needed=("libb.so",)),
        "demo.libs/libb.so": image("libb.so"),
    }
    assert link(loaded(files, tags=tags), "libb.so", A).found is found


def test_musl_searches_library_path_first() -> None:
    files = {
        ENTRY: module(needed=("liba.so", "libc.musl-x86_64.so.1"), rpath=("$ORIGIN/../demo.libs",)),
        A: image("liba.so"),
        B: image("liba.so"),
    }
    closure = loaded(files, library_path=("other",))
    assert link(closure, "liba.so").path == B


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        # glibc knows a library again by its soname, musl by the name that was asked for.
        ("cp312-cp312-manylinux_2_28_x86_64", Found.LOADED),
        ("cp312-cp312-musllinux_1_2_x86_64", Found.RPATH),
    ],
)
def test_what_is_loaded_already(tags: str, found: Found) -> None:
    files = {
        ENTRY: module(
            needed=("libfirst.so", "libreal.so"), rpath=("$ORIGIN/../demo.libs", "$ORIGIN/../other")
        ),
        "demo.libs/libfirst.so": image("libreal.so"),
        "other/libreal.so": image("libreal.so"),
    }
    assert link(loaded(files, tags=tags), "libreal.so").found is found


def test_a_library_of_another_machine_is_passed_over() -> None:
    files = {
        ENTRY: module(needed=("liba.so",), rpath=("$ORIGIN/../demo.libs", "$ORIGIN/../other")),
        A: image("liba.so", machine="aarch64"),
        B: image("liba.so"),
    }
    assert link(loaded(files), "liba.so").path == B


@pytest.mark.parametrize("folder", ["lib", "lib64"])
def test_lib_stands_for_what_most_systems_have(folder: str) -> None:
    path = f"demo/{folder}/liba.so"
    files = {ENTRY: module(needed=("liba.so",), rpath=("$ORIGIN/$LIB",)), path: image("liba.so")}
    assert link(loaded(files), "liba.so").path == path


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("libc.so.6", Found.SYSTEM),
        ("libGL.so.1", Found.SYSTEM),
        ("libgmp.so.10", Found.MISSING),
        ("/opt/lib/libgmp.so.10", Found.OUTSIDE),
    ],
)
def test_what_is_not_there(wanted: str, found: Found) -> None:
    one = link(loaded({ENTRY: module(needed=(wanted,))}), wanted)
    assert (one.found, one.path) == (found, None)


def test_the_order_is_breadth_first() -> None:
    search = ("$ORIGIN/../demo.libs",)
    files = {
        ENTRY: module(needed=("liba.so", "libb.so"), rpath=search),
        A: image("liba.so", needed=("libc1.so",)),
        "demo.libs/libb.so": image("libb.so"),
        "demo.libs/libc1.so": image("libc1.so"),
    }
    assert loaded(files).order == (ENTRY, A, "demo.libs/libb.so", "demo.libs/libc1.so")


MAC = "demo/fast.so"
DYLIB = "demo/.dylibs/liba.1.dylib"


@pytest.mark.parametrize(
    ("wanted", "rpath", "found", "path"),
    [
        ("@loader_path/.dylibs/liba.1.dylib", (), Found.PATH, DYLIB),
        ("@rpath/liba.1.dylib", ("/opt/lib", "@loader_path/.dylibs"), Found.RPATH, DYLIB),
        ("@rpath/.dylibs/liba.1.dylib", ("@loader_path/",), Found.RPATH, DYLIB),
        ("@rpath/liba.1.dylib", (), Found.ELSEWHERE, DYLIB),
        # The program is Python, and where that is nobody knows.
        ("@executable_path/liba.1.dylib", (), Found.ELSEWHERE, DYLIB),
        ("/usr/lib/libSystem.B.dylib", (), Found.SYSTEM, None),
        ("/opt/homebrew/lib/liba.1.dylib", (), Found.OUTSIDE, None),
    ],
)
def test_the_search_of_dyld(
    wanted: str, rpath: tuple[str, ...], found: Found, path: str | None
) -> None:
    files = {
        MAC: module(needed=(wanted,), rpath=rpath, kind=MACHO, machine="arm64"),
        DYLIB: image("/DLC/liba.1.dylib", kind=MACHO, machine="arm64"),
    }
    one = link(loaded(files), wanted)
    assert (one.found, one.path) == (found, path)


def test_rpaths_of_dyld_are_a_stack() -> None:
    """An `@rpath` of a library is looked for in its own entries, then in those of its users."""
    other = "demo/.dylibs/libb.dylib"
    files = {
        MAC: module(
            needed=("@rpath/liba.1.dylib",),
            rpath=("@loader_path/.dylibs",),
            kind=MACHO,
            machine="arm64",
        ),
        DYLIB: image(
            "@rpath/liba.1.dylib", needed=("@rpath/libb.dylib",), kind=MACHO, machine="arm64"
        ),
        other: image("@rpath/libb.dylib", kind=MACHO, machine="arm64"),
    }
    one = link(loaded(files), "@rpath/libb.dylib", DYLIB)
    assert (one.found, one.path, one.owner) == (Found.RPATH, other, MAC)


def test_each_machine_of_a_universal_file_has_its_own_closure() -> None:
    wanted = "@loader_path/.dylibs/liba.1.dylib"
    both = [module(needed=(wanted,), kind=MACHO, machine=m) for m in ("arm64", "x86_64")]
    wheel = distribution(
        "demo",
        native_file(MAC, *both),
        native_file(DYLIB, image("/DLC/liba.1.dylib", kind=MACHO, machine="arm64")),
    )
    found = closures(tree_of(Layout(label="", distributions=(wheel,))))
    assert {one.machine: one.links[0].found for one in found} == {
        "arm64": Found.PATH,
        "x86_64": Found.MISSING,
    }


def windows(*needed: str, name: str | None = None) -> Image:
    exports = () if name else ("PyInit_fast",)
    return image(name, needed=needed, exports=exports, kind=PE, machine="AMD64")


@pytest.mark.parametrize(
    ("wanted", "place", "found"),
    [
        ("liba-1.dll", "demo/liba-1.dll", Found.BESIDE),
        ("LIBA-1.dll", "demo/liba-1.DLL", Found.BESIDE),
        ("liba-1.dll", "demo.libs/liba-1.dll", Found.DLL_FOLDER),
        ("KERNEL32.dll", "demo.libs/liba-1.dll", Found.SYSTEM),
        ("libb-1.dll", "demo.libs/liba-1.dll", Found.MISSING),
        # The name inside a DLL is that of its import library; the file's decides.
        ("inside.dll", "demo.libs/liba-1.dll", Found.MISSING),
    ],
)
def test_the_search_of_windows(wanted: str, place: str, found: Found) -> None:
    files = {"demo/fast.pyd": windows(wanted), place: windows(name="inside.dll")}
    assert link(loaded(files), wanted).found is found


def test_windows_looks_beside_what_python_opens_and_not_beside_each_dll() -> None:
    files = {
        "demo/fast.pyd": windows("a.dll"),
        "demo.libs/a.dll": windows("b.dll", name="a.dll"),
        "demo.libs/b.dll": windows(name="b.dll"),
    }
    assert link(loaded(files), "b.dll", "demo.libs/a.dll").found is Found.DLL_FOLDER


def test_windows_loads_one_name_once() -> None:
    files = {
        "demo/fast.pyd": windows("a.dll", "b.dll"),
        "demo/a.dll": windows("B.DLL", name="a.dll"),
        "demo/b.dll": windows(name="b.dll"),
    }
    closure = loaded(files)
    assert link(closure, "B.DLL", "demo/a.dll").found is Found.LOADED
    assert closure.order == ("demo/fast.pyd", "demo/a.dll", "demo/b.dll")


def test_entries_are_modules_programs_and_what_nobody_asks_for() -> None:
    def file(path: str, one: Image) -> NativeFile:
        return native_file(path, one)

    wheel: Distribution = distribution(
        "demo",
        file(ENTRY, module(needed=("liba.so",), rpath=("$ORIGIN/../demo.libs",))),
        file(A, image("liba.so")),
        file("demo/libopened.so", image("libopened.so")),
        file("demo/tool", image()),
    )
    found = closures(tree_of(Layout(label="", distributions=(wheel,))))
    assert [one.entry for one in found] == [ENTRY, "demo/tool", "demo/libopened.so"]
