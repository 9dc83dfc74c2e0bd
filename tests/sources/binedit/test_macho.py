"""Names in Mach-O files: changed, signed again, and nothing else touched."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from repairwheel.macos.machosign import ad_hoc_sign

from tests.zig import dylib
from trueup.model.errors import ArchiveError, TrueupError
from trueup.model.library import Image
from trueup.sources.binary.macho import read_macho
from trueup.sources.binedit.elf import DoesNotFitError
from trueup.sources.binedit.macho import edit_macho, signature_faults
from trueup.sources.binedit.signature import read_signature

SYSTEM = "/usr/lib/libSystem.B.dylib"
OLD, NEW = "@loader_path/.dylibs/libdemo.dylib", "@loader_path/../_nl/libdemo-1feb0759.dylib"
LIBRARY = "int answer = 42;\nint twice(int x) { return 2 * x + answer; }\n"
USER = "extern int twice(int), answer;\nint call(void) { return twice(answer); }\n"
ROOM = "-headerpad_max_install_names"
SIGNATURE, SEGMENT = 0x1D, 0x19
ARM64, X86_64 = 0x0100_000C, 0x0100_0007


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("edited")
    made: dict[str, bytes] = {}
    for machine in ("x86_64", "aarch64"):
        made[f"library {machine}"] = dylib(
            folder, "libdemo.dylib", LIBRARY, ROOM, "-install_name", OLD, machine=machine
        )
        made[f"user {machine}"] = dylib(
            folder, "user.so", USER, ROOM, "-L.", "-ldemo",
            "-Wl,-rpath,@loader_path/one", "-Wl,-rpath,@loader_path/two", machine=machine,
        )  # fmt: skip
        made[f"tight {machine}"] = dylib(folder, "tight.so", USER, "-L.", "-ldemo", machine=machine)
    made["both"] = universal((X86_64, made["user x86_64"]), (ARM64, made["user aarch64"]))
    return made


def universal(*slices: tuple[int, bytes]) -> bytes:
    head, body, offset = struct.pack(">II", 0xCAFEBABE, len(slices)), b"", 0x4000
    for cpu, data in slices:
        head += struct.pack(">IIIII", cpu, 0, offset, len(data), 14)
        padded = data.ljust(-(-len(data) // 0x4000) * 0x4000, b"\0")
        body, offset = body + padded, offset + len(padded)
    return head.ljust(0x4000, b"\0") + body


def images(data: bytes) -> tuple[Image, ...]:
    found = read_macho(data)
    assert isinstance(found, tuple), found
    return found


def place(data: bytes, kind: int) -> int:
    """Where the first load command of a kind begins."""
    at = 32
    for _ in range(struct.unpack_from("<I", data, 16)[0]):
        found, size = struct.unpack_from("<2I", data, at)
        if found == kind:
            return at
        at += size
    raise AssertionError(f"no load command {kind:#x}")


def signature_of(data: bytes) -> tuple[int, int]:
    offset, size = struct.unpack_from("<2I", data, place(data, SIGNATURE) + 8)
    return offset, size


BOTH = pytest.mark.parametrize("machine", ["aarch64", "x86_64"])


@BOTH
def test_a_library_gets_another_install_name(files: dict[str, bytes], machine: str) -> None:
    before = files[f"library {machine}"]
    (image,) = images(edit_macho(before, name="@rpath/libdemo-1feb0759.dylib"))
    (old,) = images(before)
    assert image == replace(old, name="@rpath/libdemo-1feb0759.dylib")


@BOTH
def test_a_user_gets_another_library_and_all_else_stays(
    files: dict[str, bytes], machine: str
) -> None:
    before = files[f"user {machine}"]
    (image,) = images(edit_macho(before, needed={OLD: NEW, "absent.dylib": "other.dylib"}))
    (old,) = images(before)
    assert image.needed == (SYSTEM, NEW)
    assert {one.name: one.source for one in image.imports if one.source == NEW} == {
        "twice": NEW,
        "answer": NEW,
    }
    assert (image.exports, image.core, image.build_id) == (old.exports, old.core, old.build_id)


@BOTH
@pytest.mark.parametrize(
    "paths", [(), ("@loader_path/../_nl",), ("@loader_path/a", "@loader_path/b", "@loader_path/c")]
)
def test_search_paths_are_replaced(
    files: dict[str, bytes], machine: str, paths: tuple[str, ...]
) -> None:
    (image,) = images(edit_macho(files[f"user {machine}"], rpath=paths))
    assert image.rpath == paths
    (image,) = images(edit_macho(files[f"library {machine}"], rpath=(*paths, *paths)))
    assert image.rpath == paths


def test_only_load_commands_and_the_signature_change(files: dict[str, bytes]) -> None:
    before = files["user aarch64"]
    after = edit_macho(before, needed={OLD: NEW})
    first, (last, _) = 0x4000, signature_of(before)
    header = 32 + struct.unpack_from("<I", after, 20)[0]
    assert header < first
    assert signature_of(after)[0] == last
    assert after[header:last].lstrip(b"\0") == before[header:last].lstrip(b"\0")


@BOTH
def test_what_was_signed_is_signed_again_under_its_identifier(
    files: dict[str, bytes], machine: str
) -> None:
    before = files[f"user {machine}"]
    after = edit_macho(before, needed={OLD: NEW})
    assert signature_faults(after) == []
    if machine == "x86_64":
        with pytest.raises(AssertionError, match="no load command"):
            place(after, SIGNATURE)
        return
    offset, size = signature_of(after)
    assert offset + size == len(after)
    signature = read_signature(after, offset, size)
    assert (signature.identifier, signature.certified) == ("user.so", False)
    limit = struct.unpack_from(">I", signature.directories[0], 32)[0]
    assert limit == offset
    segment = after.index(b"__LINKEDIT") - 8
    start, held = struct.unpack_from("<2Q", after, segment + 40)
    assert start + held == len(after)


def test_another_signer_signs_to_the_byte_alike(files: dict[str, bytes], tmp_path: Path) -> None:
    ours = edit_macho(files["user aarch64"], needed={OLD: NEW}, rpath=("@loader_path/new",))
    path = tmp_path / "user.so"
    path.write_bytes(ours)
    ad_hoc_sign(str(path))
    assert path.read_bytes() == ours


def test_every_page_is_covered_by_the_signature(files: dict[str, bytes]) -> None:
    after = edit_macho(files["user aarch64"], needed={OLD: NEW})
    limit = signature_of(after)[0]
    for at in (40, 4096, limit // 2, limit - 1):
        damaged = bytearray(after)
        damaged[at] ^= 1
        if at == 40:
            damaged[at] ^= 1
            damaged[7000] ^= 1
            at = 7000
        assert signature_faults(bytes(damaged)) == [f"page {at // 4096}"]
    requirements = after.index(bytes.fromhex("fade0c01"), limit)
    damaged = bytearray(after)
    damaged[requirements + 11] ^= 1
    assert signature_faults(bytes(damaged)) == ["slot 2"]


def test_the_linkers_own_signature_holds(files: dict[str, bytes]) -> None:
    assert [signature_faults(files[f"{name} aarch64"]) for name in ("user", "library")] == [[], []]


def test_each_slice_of_a_universal_file_is_edited(files: dict[str, bytes]) -> None:
    before = files["both"]
    after = edit_macho(before, needed={OLD: NEW}, rpath=("@loader_path/new",))
    assert images(after) == (
        *images(edit_macho(files["user x86_64"], needed={OLD: NEW}, rpath=("@loader_path/new",))),
        *images(edit_macho(files["user aarch64"], needed={OLD: NEW}, rpath=("@loader_path/new",))),
    )
    assert signature_faults(after) == []
    for number in range(2):
        offset, size = struct.unpack_from(">2I", after, 8 + 20 * number + 8)
        assert offset % 0x4000 == 0
        assert offset + size <= len(after)


def test_equal_input_gives_equal_output(files: dict[str, bytes]) -> None:
    for name in ("user aarch64", "both"):
        once, again = (edit_macho(files[name], needed={OLD: NEW}) for _ in range(2))
        assert once == again
        assert edit_macho(once, needed={OLD: NEW}) == once


def test_back_and_forth_is_where_it_began(files: dict[str, bytes]) -> None:
    before = files["user x86_64"]
    assert edit_macho(edit_macho(before, needed={OLD: NEW}), needed={NEW: OLD}) == before


def test_nothing_to_change_changes_nothing(files: dict[str, bytes]) -> None:
    for data in files.values():
        assert edit_macho(data, needed={"absent.dylib": "other.dylib"}) is data


def certified(data: bytes) -> bytes:
    """The signature with a wrapper that is not empty, where a developer's certificate stands."""
    offset, size = signature_of(data)
    signature = read_signature(data, offset, size)
    directory = signature.directories[0]
    wrapper = struct.pack(">2I", 0xFADE_0B01, 24) + b"certificates here"[:16]
    head = struct.pack(">3I", 0xFADE_0CC0, 28 + len(directory) + 24, 2)
    head += struct.pack(">4I", 0, 28, 0x10000, 28 + len(directory))
    blob = head + directory + wrapper
    grown = bytearray(data[:offset] + blob)
    struct.pack_into("<I", grown, place(data, SIGNATURE) + 12, len(blob))
    segment = data.index(b"__LINKEDIT") - 8
    start = struct.unpack_from("<Q", data, segment + 40)[0]
    struct.pack_into("<Q", grown, segment + 48, len(grown) - start)
    return bytes(grown)


@pytest.mark.parametrize(
    ("name", "change", "edit", "error", "words"),
    [
        ("tight aarch64", None, {"needed": {OLD: NEW * 500}}, DoesNotFitError, "load commands"),
        ("user aarch64", certified, {"needed": {OLD: NEW}}, ArchiveError, "certificate"),
        ("user aarch64", None, {"needed": {OLD: "a\0b"}}, ArchiveError, "is no name"),
        ("user aarch64", None, {"rpath": ("",)}, ArchiveError, "is no name"),
        ("user aarch64", lambda data: data[:9000], {"rpath": ()}, ArchiveError, "cut short"),
        (
            "user aarch64",
            lambda data: data[: signature_of(data)[0]].ljust(len(data), b"\0"),
            {"rpath": ()},
            ArchiveError,
            "signature that is damaged",
        ),
    ],
)
def test_what_cannot_be_edited_is_refused_with_the_reason(
    files: dict[str, bytes], name: str, change: object, edit: dict[str, object],
    error: type[Exception], words: str,
) -> None:  # fmt: skip
    data = files[name] if not callable(change) else change(files[name])
    with pytest.raises(error, match=words):
        edit_macho(data, **edit)  # type: ignore[arg-type]


def test_a_bundle_has_no_install_name(files: dict[str, bytes]) -> None:
    data = files["library x86_64"]
    identity = place(data, 0xD)
    bundle = bytearray(data)
    # LC_SOURCE_VERSION of the same length, which nobody reads.
    struct.pack_into("<I", bundle, identity, 0x2A)
    with pytest.raises(ArchiveError, match="no install name to change"):
        edit_macho(bytes(bundle), name="@rpath/x.dylib")


def test_damage_is_refused_or_survived(files: dict[str, bytes]) -> None:
    chance, edited = random.Random(3), 0
    for _ in range(300):
        copy = bytearray(files["user aarch64"])
        for _ in range(chance.choice([1, 2, 4])):
            value = chance.choice([0, 1, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, chance.getrandbits(32)])
            struct.pack_into("<I", copy, chance.randrange(4, min(4096, len(copy)) - 4), value)
        try:
            edit_macho(bytes(copy), needed={OLD: NEW}, rpath=("@loader_path/new",))
            edited += 1
        except TrueupError:
            continue
    assert edited
