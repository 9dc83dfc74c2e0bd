"""Names of DLLs in PE files: changed, in place or in a section of their own, and nothing else."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest

from tests.zig import dll, object_file, zig
from trueup.model.errors import ArchiveError, TrueupError
from trueup.model.library import Image
from trueup.sources.binary.dllnames import BOUND, CERTIFICATES, read_headers
from trueup.sources.binary.pe import read_pe
from trueup.sources.binedit.elf import DoesNotFitError
from trueup.sources.binedit.pe import checksum, edit_pe

LIBRARY = "int answer = 42;\nint twice(int x) { return 2 * x; }\nint late(int x) { return x; }\n"
DEFINITIONS = "EXPORTS\n answer DATA\n twice\n late\n given = other.function\n"
USER = """
__declspec(dllimport) int twice(int);
__declspec(dllimport) extern int answer;
__declspec(dllexport) int call(void) { return twice(answer); }
"""
BOTH_WAYS = """
__declspec(dllimport) int late(int);
void *__delayLoadHelper2(void *a, void *b) { return 0; }
int call(void) { return late(1); }
"""
LONG = "demo-4e39871015dc1470c682dc512497ee22.dll"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("edited")
    made = {"library": dll(folder, "demo.dll", LIBRARY, definitions=DEFINITIONS)}
    made["user"] = dll(folder, "user.dll", USER, "demo.lib")
    object_file(folder, "late.obj", BOTH_WAYS, "-g0", target="x86_64-windows-gnu")
    for name, option in (("late", "/delayload:demo.dll"), ("summed", "/release")):
        zig(
            folder, "lld-link", "/dll", "/noentry", "/nodefaultlib", option, "/export:call",
            "/Brepro", f"/out:{name}.dll", "late.obj", "demo.lib",
        )  # fmt: skip
        made[name] = (folder / f"{name}.dll").read_bytes()
    return made


def read(data: bytes) -> Image:
    images = read_pe(data)
    assert isinstance(images, tuple), images
    (image,) = images
    return image


def at_headers(data: bytes, where: str, shift: int, layout: str, *values: int) -> bytes:
    headers = read_headers(data)
    assert headers is not None
    copy = bytearray(data)
    struct.pack_into(layout, copy, int(getattr(headers, where)) + shift, *values)
    return bytes(copy)


@pytest.mark.parametrize("new", ["d.dll", "same.dll", LONG])
@pytest.mark.parametrize("name", ["user", "late", "summed"])
def test_an_imported_dll_gets_another_name(files: dict[str, bytes], name: str, new: str) -> None:
    before, after = read(files[name]), read(edit_pe(files[name], needed={"DEMO.dll": new}))
    assert after == replace(
        before,
        needed=(new,),
        optional=frozenset({new} if before.optional else ()),
        imports=tuple(one._replace(source=new) for one in before.imports),
        padding=after.padding,
    )


@pytest.mark.parametrize("new", ["d.dll", LONG])
def test_a_library_calls_itself_otherwise(files: dict[str, bytes], new: str) -> None:
    before, after = read(files["library"]), read(edit_pe(files["library"], name=new))
    assert after == replace(before, name=new, padding=after.padding)


def test_a_name_that_fits_is_written_in_place(files: dict[str, bytes]) -> None:
    before = files["user"]
    after = edit_pe(before, needed={"demo.dll": "new.dll"})
    assert after == before.replace(b"demo.dll\0", b"new.dll\0\0")


def test_a_longer_name_gets_a_section_and_nothing_moves(files: dict[str, bytes]) -> None:
    before = files["user"]
    after = edit_pe(before, needed={"demo.dll": LONG}, name=LONG)
    old, new = read_headers(before), read_headers(after)
    assert old is not None
    assert new is not None
    assert new.sections[:-1] == old.sections
    added = new.sections[-1]
    assert (added.name, added.virtual_size) == (b".dllname", len(LONG) + 1)
    assert added.address % new.section_alignment == 0 == added.offset % new.file_alignment
    assert added.offset + added.raw_size == len(after)
    size = struct.unpack_from("<I", after, new.optional + 56)[0]
    assert size == added.address + new.section_alignment
    # What differs lies in the headers and in the section of the names and of their fields.
    names = next(section for section in old.sections if section.name == b".rdata")
    for start, end in ((512, names.offset), (names.offset + names.raw_size, len(before))):
        start = max(start, old.headers_size)
        assert after[start:end] == before[start:end]


def test_equal_input_gives_equal_output(files: dict[str, bytes]) -> None:
    once, again = (edit_pe(files["user"], needed={"demo.dll": LONG}) for _ in range(2))
    assert once == again
    assert edit_pe(once, needed={"demo.dll": LONG}) is once


def test_nothing_to_change_changes_nothing(files: dict[str, bytes]) -> None:
    assert edit_pe(files["user"], needed={"absent.dll": "other.dll"}) is files["user"]


def test_the_checksum_is_that_of_the_linker_and_is_kept_up(files: dict[str, bytes]) -> None:
    headers = read_headers(files["summed"])
    assert headers is not None
    at = headers.optional + 64
    assert struct.unpack_from("<I", files["summed"], at)[0] == checksum(files["summed"], at) != 0
    after = edit_pe(files["summed"], needed={"demo.dll": LONG})
    assert struct.unpack_from("<I", after, at)[0] == checksum(after, at)
    plain = edit_pe(files["user"], needed={"demo.dll": LONG})
    assert struct.unpack_from("<I", plain, at)[0] == 0


def test_two_fields_that_share_a_text_get_their_own(files: dict[str, bytes]) -> None:
    data = files["user"]
    headers = read_headers(data)
    assert headers is not None
    # The export directory calls the file by the text that the import descriptor refers to.
    imports = headers.offset_of(headers.directory(1)[0])
    exports = headers.offset_of(headers.directory(0)[0])
    assert imports is not None
    assert exports is not None
    shared = bytearray(data)
    shared[exports + 12 : exports + 16] = data[imports + 12 : imports + 16]
    image = read(edit_pe(bytes(shared), needed={"demo.dll": "new.dll"}))
    assert (image.name, image.needed) == ("demo.dll", ("new.dll",))


def without_room(data: bytes) -> bytes:
    """The header's end moved up to the end of the section table."""
    headers = read_headers(data)
    assert headers is not None
    return at_headers(data, "optional", 60, "<I", headers.table + 40 * len(headers.sections))


@pytest.mark.parametrize(
    ("name", "change", "needed", "error", "words"),
    [
        ("user", without_room, {"demo.dll": LONG}, DoesNotFitError, "no room in its headers"),
        (
            "user",
            lambda data: at_headers(data, "directories_at", 8 * CERTIFICATES, "<2I", 512, 8),
            {"demo.dll": "d.dll"}, ArchiveError, "is signed",
        ),
        (
            "user",
            lambda data: at_headers(data, "directories_at", 8 * BOUND, "<2I", 512, 8),
            {"demo.dll": "d.dll"}, ArchiveError, "bound to addresses",
        ),
        ("user", None, {"demo.dll": "naïve.dll"}, ArchiveError, "is no name of a DLL"),
        ("user", None, {"demo.dll": "..\\demo.dll"}, ArchiveError, "is no name of a DLL"),
        ("user", lambda data: data[:900], {"demo.dll": "d.dll"}, ArchiveError, "cut short"),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_is_refused_with_the_reason(
    files: dict[str, bytes], name: str, change: object, needed: dict[str, str],
    error: type[Exception], words: str,
) -> None:  # fmt: skip
    data = files[name] if not callable(change) else change(files[name])
    with pytest.raises(error, match=words):
        edit_pe(data, needed=needed)


def test_an_export_cannot_be_forwarded_to_a_name_that_is_gone(files: dict[str, bytes]) -> None:
    with pytest.raises(ArchiveError, match=r"forwards exports to `other\.dll`"):
        edit_pe(files["library"], name="d.dll", needed={"Other.dll": "new.dll"})


def test_what_exports_nothing_has_no_name_to_change(files: dict[str, bytes]) -> None:
    data = at_headers(files["user"], "directories_at", 0, "<2I", 0, 0)
    with pytest.raises(ArchiveError, match="exports nothing"):
        edit_pe(data, name="d.dll")


def test_damage_is_refused_or_survived(files: dict[str, bytes]) -> None:
    chance, edited = random.Random(3), 0
    for _ in range(1500):
        copy = bytearray(files["user"])
        for _ in range(chance.choice([1, 2, 4])):
            value = chance.choice([0, 1, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, chance.getrandbits(32)])
            struct.pack_into("<I", copy, chance.randrange(4, min(4096, len(copy)) - 4), value)
        try:
            edit_pe(bytes(copy), name=LONG, needed={"demo.dll": f"a-{LONG}"})
            edited += 1
        except TrueupError:
            continue
    assert edited
