"""Mach-O files as a linker writes them, and as nobody should."""

from __future__ import annotations

import random
import struct

import pytest

from tests.zig import dylib, object_file
from trueup.model.library import Export, Image, Import, SymbolKind, Witness
from trueup.model.metadata import Unreadable
from trueup.sources.binary.bounds import MOST_NAMES
from trueup.sources.binary.macho import read_macho

SYSTEM = "/usr/lib/libSystem.B.dylib"
LIBRARY = """
int answer = 42;
const char words[] = "OpenBLAS 0.3.99 NO_LAPACKE MAX_THREADS=64";
__thread int mine;
__attribute__((weak)) int maybe(void) { return 1; }
__attribute__((visibility("hidden"))) int hidden(int x) { return x + answer; }
static __attribute__((noinline)) int inner(int x) { return x * 3 + mine; }
int twice(int x) { return inner(x) + hidden(x); }
int __two(void) { return 2; }
"""
EXTENSION = """
extern int twice(int), PyLong_Type, answer;
extern int maybe(void) __attribute__((weak_import));
int call(void) { return twice(answer) + PyLong_Type + (maybe ? maybe() : 0); }
int *PyInit_use(void) { return &answer; }
"""
UUID, LOAD, REEXPORT = 0x1B, 0xC, 0x8000_001F
SYMTAB, SEGMENT, BUILD, VERSION_MIN = 0x2, 0x19, 0x32, 0x24


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("macho")
    made: dict[str, bytes] = {}
    for machine in ("aarch64", "x86_64"):
        made[machine] = dylib(
            folder, "libdemo.dylib", LIBRARY, "-install_name", "@rpath/libdemo.dylib",
            machine=machine, macos="10.13.4" if machine == "x86_64" else "11.0",
        )  # fmt: skip
    dylib(folder, "libdemo.dylib", LIBRARY, "-install_name", "@rpath/libdemo.dylib")
    asking = ("-undefined", "dynamic_lookup", "-L.")
    paths = ("-Wl,-rpath,@loader_path/.dylibs", "-Wl,-rpath,@loader_path/..")
    made["extension"] = dylib(folder, "use.so", EXTENSION, "-ldemo", *paths, *asking)
    made["weak"] = dylib(folder, "weak.so", EXTENSION, "-weak-ldemo", *asking)
    made["other"] = dylib(
        folder, "other.dylib", LIBRARY.replace("x * 3", "x * 5"),
        "-install_name", "@rpath/libdemo.dylib",
    )  # fmt: skip
    made["object"] = object_file(folder, "demo.o", LIBRARY, "-g", target="aarch64-macos.11.0")
    return made


def read(data: bytes) -> Image:
    images = read_macho(data)
    assert isinstance(images, tuple), images
    (image,) = images
    return image


def reason(data: bytes) -> str:
    found = read_macho(data)
    assert isinstance(found, Unreadable)
    return found.reason


def command(data: bytes, kind: int) -> int:
    """Where the first load command of a kind begins, in a thin 64-bit file."""
    at = 32
    for _ in range(struct.unpack_from("<I", data, 16)[0]):
        found, size = struct.unpack_from("<2I", data, at)
        if found == kind:
            return at
        at += size
    raise AssertionError(f"no load command {kind:#x}")


def changed(data: bytes, at: int, layout: str, *values: int) -> bytes:
    copy = bytearray(data)
    struct.pack_into(layout, copy, at, *values)
    return bytes(copy)


def universal(*slices: tuple[int, bytes], long: bool = False) -> bytes:
    """A universal file of slices with their machines, as `lipo` would write it."""
    layout = ">IIQQII" if long else ">IIIII"
    head = struct.pack(">II", 0xCAFEBABF if long else 0xCAFEBABE, len(slices))
    body, offset = b"", 0x4000
    for cpu, data in slices:
        place = (cpu, 0, offset, len(data), 14)
        head += struct.pack(layout, *place, *((0,) if long else ()))
        padded = data.ljust(-(-len(data) // 0x4000) * 0x4000, b"\0")
        body, offset = body + padded, offset + len(padded)
    return head.ljust(0x4000, b"\0") + body


ARM64, X86_64 = 0x0100_000C, 0x0100_0007


@pytest.mark.parametrize(
    ("name", "machine", "floor"),
    [
        ("aarch64", "arm64", ("macos", (11, 0))),
        ("x86_64", "x86_64", ("macos", (10, 13, 4))),
    ],
)
def test_a_library(
    files: dict[str, bytes], name: str, machine: str, floor: tuple[str, tuple[int, ...]]
) -> None:
    image = read(files[name])
    assert (image.machine, image.name, image.needed, image.floor) == (
        machine, "@rpath/libdemo.dylib", (SYSTEM,), floor,
    )  # fmt: skip
    assert image.witnesses == (
        Witness("openblas", "configuration", "OpenBLAS 0.3.99 NO_LAPACKE MAX_THREADS=64"),
    )
    at = command(files[name], UUID)
    assert image.build_id == files[name][at + 8 : at + 24].hex()
    assert image.padding > 0 == image.debug


def test_exports_have_the_names_and_kinds_of_the_source(files: dict[str, bytes]) -> None:
    image = read(files["aarch64"])
    ours = ("answer", "words", "mine", "maybe", "twice", "__two", "hidden", "inner")
    assert {export for export in image.exports if export.name in ours} == {
        Export("answer", SymbolKind.DATA),
        Export("words", SymbolKind.DATA),
        Export("mine", SymbolKind.THREAD_LOCAL),
        Export("maybe", SymbolKind.FUNCTION, weak=True),
        Export("twice", SymbolKind.FUNCTION),
        Export("__two", SymbolKind.FUNCTION),
    }


def test_an_extension_names_the_library_of_each_import(files: dict[str, bytes]) -> None:
    image = read(files["extension"])
    assert image.modules == ("use",)
    assert image.needed == (SYSTEM, "@rpath/libdemo.dylib")
    assert image.optional == frozenset()
    assert image.rpath == ("@loader_path/.dylibs", "@loader_path/..")
    assert {one for one in image.imports if one.name != "dyld_stub_binder"} == {
        Import("twice", source="@rpath/libdemo.dylib"),
        Import("answer", source="@rpath/libdemo.dylib"),
        Import("maybe", source="@rpath/libdemo.dylib", weak=True),
        Import("PyLong_Type"),
    }


def test_a_weak_library_may_be_absent(files: dict[str, bytes]) -> None:
    image = read(files["weak"])
    assert image.needed == (SYSTEM, "@rpath/libdemo.dylib")
    assert image.optional == {"@rpath/libdemo.dylib"}


def test_a_library_that_is_exported_again_is_needed(files: dict[str, bytes]) -> None:
    data = files["extension"]
    again = read(changed(data, command(data, LOAD), "<I", REEXPORT))
    assert again.needed == read(data).needed


def test_without_the_two_level_namespace_any_library_may_serve(files: dict[str, bytes]) -> None:
    flags = struct.unpack_from("<I", files["extension"], 24)[0]
    image = read(changed(files["extension"], 24, "<I", flags & ~0x80))
    assert {one.source for one in image.imports} == {None}


@pytest.mark.parametrize("long", [False, True])
def test_a_universal_file_has_an_image_for_each_machine(
    files: dict[str, bytes], long: bool
) -> None:
    both = universal((X86_64, files["x86_64"]), (ARM64, files["aarch64"]), long=long)
    assert read_macho(both) == (read(files["x86_64"]), read(files["aarch64"]))


def test_the_core_leaves_names_and_places_of_libraries_aside(files: dict[str, bytes]) -> None:
    core = read(files["aarch64"]).core
    assert core is not None
    renamed = read(files["aarch64"].replace(b"@rpath/libdemo", b"@rpath/renamed"))
    assert (renamed.name, renamed.core) == ("@rpath/renamed.dylib", core)
    assert read(files["other"]).core != core
    assert read(files["x86_64"]).core != core


def stripped(data: bytes) -> bytes:
    """Without the local symbols, which stand first: what `strip -x` leaves."""
    at = command(data, SYMTAB)
    symbols, count = struct.unpack_from("<2I", data, at + 8)
    kinds = [data[symbols + number * 16 + 4] for number in range(count)]
    local = next(number for number, kind in enumerate(kinds) if kind & 1)
    return changed(data, at + 8, "<2I", symbols + local * 16, count - local)


def test_a_stripped_library_keeps_what_it_offers_and_wants(files: dict[str, bytes]) -> None:
    full, rest = read(files["aarch64"]), read(stripped(files["aarch64"]))
    assert (full.symbols, rest.symbols) == (True, False)
    assert (rest.exports, rest.imports, rest.core) == (full.exports, full.imports, full.core)


def test_debug_information_is_counted(files: dict[str, bytes]) -> None:
    image = read(files["object"])
    assert image.debug > 500
    assert "twice" in image.exported


def test_the_lowest_system_stands_in_one_command_or_another(files: dict[str, bytes]) -> None:
    # Linkers changed with macOS 10.14; both files were read above.
    assert command(files["x86_64"], VERSION_MIN)
    assert command(files["aarch64"], BUILD)


def test_a_platform_nobody_knows_is_called_by_its_number(files: dict[str, bytes]) -> None:
    data = files["aarch64"]
    image = read(changed(data, command(data, BUILD) + 8, "<I", 77))
    assert image.floor == ("platform77", (11, 0))


def test_machines_are_named_as_platform_tags_name_them(files: dict[str, bytes]) -> None:
    data = files["aarch64"]
    for cpu, subtype, name in (
        (0x0100_000C, 2, "arm64e"), (0x0100_0007, 8, "x86_64h"), (7, 3, "i386"), (99, 0, "cpu99"),
    ):  # fmt: skip
        assert read(changed(data, 4, "<2I", cpu, subtype)).machine == name


def test_every_shorter_file_is_cut_short(files: dict[str, bytes]) -> None:
    for name in ("aarch64", "extension"):
        for length in [*range(0, 4096, 61), *range(4096, len(files[name]), 997)]:
            assert isinstance(read_macho(files[name][:length]), Unreadable), length
    both = universal((X86_64, files["x86_64"]), (ARM64, files["aarch64"]))
    assert "is cut short" in reason(both[: len(both) - 0x4000])


def with_symbols_of_one_name(data: bytes) -> bytes:
    """A file that is small, and whose symbols all have one name of a megabyte."""
    at = command(data, SYMTAB)
    strings, count, long = len(data), 1_000, MOST_NAMES // 500
    symbols = strings + long + 1
    grown = data + b"x" * long + b"\0" + struct.pack("<I12x", 0) * count
    return changed(grown, at + 8, "<4I", symbols, count, strings, long + 1)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda data: changed(data, 16, "<I", 5000), "has 5,000 load commands"),
        (lambda data: changed(data, 20, "<I", 0xFFFF_FFF0), "cut short in its load commands"),
        (lambda data: changed(data, command(data, SEGMENT) + 48, "<Q", len(data)), "overlap"),
        (with_symbols_of_one_name, "names take more than 67,108,864 bytes"),
        (lambda data: data.replace(b"@rpath/lib", b"@rpath/\xff\xfeb"), "not UTF-8"),
        (lambda data: universal((ARM64, data[:200])), "cut short"),
        (lambda data: universal(*[(ARM64, data)] * 31), "31 machines"),
        (lambda data: changed(universal((1, data), (2, data)), 36, ">I", 0x4000), "overlap"),
        (lambda data: universal((ARM64, b"!<arch>\n")), "no Mach-O header at byte 16,384"),
        (lambda _: b"\xca\xfe\xba\xbe", "0 machines"),
        (lambda data: data[:20], "cut short in its header"),
    ],
)
def test_what_is_no_library_is_unreadable_with_the_reason(
    files: dict[str, bytes], make: object, expected: str
) -> None:
    assert callable(make)
    assert expected in reason(make(files["aarch64"]))


def test_no_damage_crashes_it(files: dict[str, bytes]) -> None:
    chance = random.Random(5)
    for _ in range(1500):
        copy = bytearray(files["extension"])
        for _ in range(chance.choice([1, 2, 8])):
            at = chance.randrange(4, 4096 if chance.random() < 0.7 else len(copy) - 4)
            value = chance.choice([0, 1, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, chance.getrandbits(32)])
            struct.pack_into("<I", copy, at, value)
        assert isinstance(read_macho(bytes(copy)), tuple | Unreadable)


def test_nothing_is_printed(files: dict[str, bytes], capfd: pytest.CaptureFixture[str]) -> None:
    read_macho(files["aarch64"][:3000])
    read_macho(changed(files["aarch64"], 16, "<I", 5000))
    assert capfd.readouterr() == ("", "")
