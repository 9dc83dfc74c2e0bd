"""PE files as a linker writes them, and as nobody should."""

from __future__ import annotations

import random
import struct

import pytest

from tests.zig import dll, object_file, zig
from trueup.model.library import Export, Image, Import, SymbolKind, Witness
from trueup.model.metadata import Unreadable
from trueup.sources.binary.bounds import LONGEST_NAME
from trueup.sources.binary.dllnames import EXPORTS, IMPORTS, read_headers
from trueup.sources.binary.pe import read_pe

LIBRARY = """
int answer = 42;
const char words[] = "OpenSSL 3.5.1 1 Jul 2025";
int twice(int x) { return x * 2; }
int late(int x) { return x + words[x]; }
int nameless(int x) { return x + 1; }
"""
DEFINITIONS = """EXPORTS
 answer DATA
 twice
 late
 nameless @7 NONAME
 given = other.function
"""
EXTENSION = """
__declspec(dllimport) int twice(int), nameless(int);
__declspec(dllimport) extern int answer;
__declspec(dllexport) int *PyInit_use(void) {
  static int value; value = twice(answer) + nameless(1); return &value;
}
"""
DELAYED = """
__declspec(dllimport) int late(int);
void *__delayLoadHelper2(void *a, void *b) { return 0; }
int call(void) { return late(1); }
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("pe")
    made = {"library": dll(folder, "demo.dll", LIBRARY, definitions=DEFINITIONS)}
    made["extension"] = dll(folder, "use.pyd", EXTENSION, "demo.lib")
    made["other"] = dll(folder, "demo2.dll", LIBRARY.replace("x * 2", "x * 5"))
    made["debug"] = dll(folder, "debug.dll", LIBRARY, "-g")
    for machine in ("aarch64", "x86"):
        made[machine] = dll(folder, f"{machine}.dll", LIBRARY, machine=machine)
    object_file(folder, "late.obj", DELAYED, "-g0", target="x86_64-windows-gnu")
    zig(
        folder, "lld-link", "/dll", "/noentry", "/nodefaultlib", "/delayload:demo.dll",
        "/export:call", "/Brepro", "/out:late.dll", "late.obj", "demo.lib",
    )  # fmt: skip
    made["late"] = (folder / "late.dll").read_bytes()
    return made


def read(data: bytes) -> Image:
    images = read_pe(data)
    assert isinstance(images, tuple), images
    (image,) = images
    return image


def reason(data: bytes) -> str:
    found = read_pe(data)
    assert isinstance(found, Unreadable)
    return found.reason


def changed(data: bytes, at: int, layout: str, *values: int) -> bytes:
    copy = bytearray(data)
    struct.pack_into(layout, copy, at, *values)
    return bytes(copy)


def test_a_library(files: dict[str, bytes]) -> None:
    image = read(files["library"])
    assert (image.machine, image.name, image.needed, image.floor) == (
        "AMD64", "demo.dll", (), ("windows", (6, 0)),
    )  # fmt: skip
    assert image.witnesses == (Witness("openssl", "version", "OpenSSL 3.5.1 1 Jul 2025"),)
    assert (image.debug, image.symbols, image.build_id) == (0, False, None)
    assert image.padding > 0


def test_exports_are_called_by_name_or_number_and_may_lie_elsewhere(
    files: dict[str, bytes],
) -> None:
    assert set(read(files["library"]).exports) == {
        Export("answer", SymbolKind.DATA),
        Export("twice", SymbolKind.FUNCTION),
        Export("late", SymbolKind.FUNCTION),
        Export("#7", SymbolKind.FUNCTION),
        Export("given", SymbolKind.INDIRECT),
    }


def test_an_extension_names_the_library_of_each_import(files: dict[str, bytes]) -> None:
    image = read(files["extension"])
    assert (image.modules, image.needed) == (("use",), ("demo.dll",))
    assert set(image.imports) == {
        Import("twice", source="demo.dll"),
        Import("answer", source="demo.dll"),
        Import("#7", source="demo.dll"),
    }


def test_what_is_loaded_when_first_called_may_be_absent(files: dict[str, bytes]) -> None:
    image = read(files["late"])
    assert (image.needed, image.optional) == (("demo.dll",), frozenset({"demo.dll"}))
    assert image.imports == (Import("late", source="demo.dll", weak=True),)


@pytest.mark.parametrize(("name", "machine"), [("aarch64", "ARM64"), ("x86", "x86")])
def test_machines_are_named_as_windows_names_them(
    files: dict[str, bytes], name: str, machine: str
) -> None:
    assert read(files[name]).machine == machine


def test_the_build_is_known_by_its_pdb(files: dict[str, bytes]) -> None:
    data = files["debug"]
    at = data.index(b"RSDS")
    one, two, three = struct.unpack_from("<IHH", data, at + 4)
    age = struct.unpack_from("<I", data, at + 20)[0]
    rest = data[at + 12 : at + 20].hex()
    assert read(data).build_id == f"{one:08x}{two:04x}{three:04x}{rest}{age:x}"


def with_section(data: bytes, name: bytes, content: bytes) -> bytes:
    """The last section moved to the end of the file, renamed and with other bytes."""
    headers = read_headers(data)
    assert headers is not None
    last = headers.table + 40 * (len(headers.sections) - 1)
    padded = content.ljust(-(-len(content) // 512) * 512, b"\0")
    copy = bytearray(data.ljust(-(-len(data) // 512) * 512, b"\0"))
    copy[last : last + 8] = name.ljust(8, b"\0")
    address = headers.sections[-1].address
    struct.pack_into("<4I", copy, last + 8, len(content), address, len(padded), len(copy))
    return bytes(copy) + padded


def test_debug_information_of_gcc_is_counted_by_its_long_names(files: dict[str, bytes]) -> None:
    # COFF symbols and, behind them, the names of sections that have more than eight bytes.
    table = struct.pack("<8sIhHBB", b"twice", 0, 1, 0, 2, 0)
    names = struct.pack("<I", 4 + 12) + b".debug_info\0"
    data = with_section(files["library"], b"/4", b"DWARF" * 200)
    headers = read_headers(data)
    assert headers is not None
    image = read(changed(data, headers.coff + 8, "<2I", len(data), 1) + table + names)
    assert (image.debug, image.symbols) == (1024, True)


def test_the_core_leaves_names_of_libraries_aside(files: dict[str, bytes]) -> None:
    for name in ("library", "extension", "late"):
        core = read(files[name]).core
        renamed = read(files[name].replace(b"demo.dll\0", b"new.dll\0\0"))
        assert "new.dll" in (renamed.name, *renamed.needed)
        assert core is not None
        assert renamed.core == core, name
    assert read(files["other"]).core != read(files["library"]).core


def test_the_core_sees_which_symbols_are_wanted(files: dict[str, bytes]) -> None:
    data = files["extension"]
    assert read(data.replace(b"twice\0", b"thric\0")).core != read(data).core


def test_every_shorter_file_is_cut_short(files: dict[str, bytes]) -> None:
    for name in ("library", "extension"):
        for length in range(2, len(files[name]), 61):
            assert isinstance(read_pe(files[name][:length]), Unreadable), length


def with_exports(data: bytes, *, addresses: int, name: int) -> bytes:
    """A table of so many addresses, with one name of that length, repeated for each."""
    headers = read_headers(data)
    assert headers is not None
    start = headers.sections[-1].address
    table, names = start + 40, start + 40 + 4 * addresses
    text = names + 4 * addresses
    content = struct.pack("<12xI", text)
    content += struct.pack("<6I", 1, addresses, addresses, table, names, text)
    content += struct.pack("<I", 0x1000) * addresses + struct.pack("<I", text) * addresses
    data = with_section(data, b".edata", content + b"x" * name + b"\0")
    return changed(data, headers.directories_at + 8 * EXPORTS, "<2I", start, len(content))


def with_imports(data: bytes, *, libraries: int, symbols: int) -> bytes:
    """So many descriptors that all refer to one list of so many symbols."""
    headers = read_headers(data)
    assert headers is not None
    start = headers.sections[-1].address
    thunks = start + 20 * (libraries + 1)
    text = thunks + 8 * (symbols + 1)
    content = struct.pack("<5I", thunks, 0, 0, text, thunks) * libraries + bytes(20)
    content += struct.pack("<Q", text) * symbols + bytes(8) + b"  a.dll\0"
    data = with_section(data, b".idata", content)
    return changed(data, headers.directories_at + 8 * IMPORTS, "<2I", start, len(content))


def test_tables_of_a_likely_size_are_read(files: dict[str, bytes]) -> None:
    image = read(with_imports(files["library"], libraries=3, symbols=5))
    assert [one.name for one in image.imports] == ["a.dll"] * 15
    assert len(read(with_exports(files["library"], addresses=9, name=40)).exports) == 9


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda data: data[:0x3C], "no whole PE header"),
        (lambda data: data.replace(b"PE\0\0", b"LE\0\0"), "no whole PE header"),
        (lambda data: with_imports(data, libraries=600, symbols=600), "more than 250,000 imports"),
        (lambda data: with_exports(data, addresses=70_000, name=9), "more than 131,072 exports"),
        (lambda data: with_exports(data, addresses=9, name=LONGEST_NAME), "more than 4,096 bytes"),
        (lambda data: with_exports(data, addresses=30_000, name=4000), "names take more than"),
    ],
)
def test_what_is_no_library_is_unreadable_with_the_reason(
    files: dict[str, bytes], make: object, expected: str
) -> None:
    assert callable(make)
    assert expected in reason(make(files["library"]))


def test_no_damage_crashes_it(files: dict[str, bytes]) -> None:
    chance = random.Random(5)
    for name in ("library", "extension", "late", "debug"):
        for _ in range(700):
            copy = bytearray(files[name])
            for _ in range(chance.choice([1, 2, 8])):
                at = chance.randrange(4, len(copy) - 4)
                value = chance.choice(
                    [0, 1, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, chance.getrandbits(32)]
                )
                struct.pack_into("<I", copy, at, value)
            assert isinstance(read_pe(bytes(copy)), tuple | Unreadable)


def test_nothing_is_printed(files: dict[str, bytes], capfd: pytest.CaptureFixture[str]) -> None:
    read_pe(files["library"][:1500])
    read_pe(files["library"][:1024].ljust(4096, b"\xff"))
    assert capfd.readouterr() == ("", "")
