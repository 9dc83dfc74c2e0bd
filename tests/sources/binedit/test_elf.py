"""Names in ELF files, overwritten in place: what changes, what does not, and what is refused."""

from __future__ import annotations

import mmap
import os
import re
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import lief
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiler import needs_compiler, shared_library
from tests.zig import zig
from trueup.model.errors import ArchiveError, TrueupError, UsageError
from trueup.model.library import Image
from trueup.sources.binary.elf import read_elf
from trueup.sources.binedit.elf import (
    DoesNotFitError,
    ElfEdit,
    applied,
    edit_elf,
    search_path,
)
from trueup.sources.binedit.elfexpected import expected_elf, insist_elf
from trueup.sources.binedit.elftables import ElfTables, UseKind

# Both classes in both byte orders.
TARGETS = {
    "x86_64": "x86_64-linux-gnu",
    "i686": "x86-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "aarch64": "aarch64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
    "ppc": "powerpc-linux-musleabi",
    "s390x": "s390x-linux-gnu",
}
DEEP = "int deep(void) { return 5; }"
USER = "extern int deep(void); int twice(int x) { return 2 * x + deep(); }"
VERSIONS = "V1 { global: deep; local: *; };"
SONAME, NEEDED, PATH = "libuser-0123abcd.so.1", "libdeep-0123abcd.so.1.2", "$ORIGIN/../demo.libs"
ALL = ElfEdit(
    name="libuser-1feb.so.1",
    needed={NEEDED: "libdeep-1feb.so.1"},
    search={PATH: "$ORIGIN/../_nl"},
    rpath=True,
)


def made(folder: Path, target: str, *flags: str) -> bytes:
    """A library for any machine that needs another one, with versions of its own and of that."""
    (folder / "deep.c").write_text(DEEP)
    (folder / "user.c").write_text(USER)
    (folder / "deep.versions").write_text(VERSIONS)
    (folder / "user.versions").write_text(VERSIONS.replace("deep", "twice"))
    common = ("cc", "-target", target, "-shared", "-nostdlib", "-O1", "-g0", "-s")
    script = "-Wl,--version-script="
    zig(
        folder, *common, "-o", "libdeep.so", "deep.c", f"{script}deep.versions",
        f"-Wl,-soname,{NEEDED}",
    )  # fmt: skip
    zig(
        folder, *common, "-o", "user.so", "user.c", "libdeep.so", f"{script}user.versions",
        f"-Wl,-soname,{SONAME}", f"-Wl,-rpath,{PATH}", *flags,
    )  # fmt: skip
    return (folder / "user.so").read_bytes()


class Libraries(dict[str, bytes]):
    """By machine; Hypothesis prints what a test is given."""

    def __repr__(self) -> str:
        return "Libraries"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return Libraries(
        (machine, made(tmp_path_factory.mktemp(machine), target))
        for machine, target in TARGETS.items()
    )


EVERY = pytest.mark.parametrize("machine", TARGETS)


def image(data: bytes) -> Image:
    found = read_elf(data)
    assert isinstance(found, tuple), found
    return found[0]


def edited(data: bytes, edit: ElfEdit) -> bytes:
    """The file with the edit made; read again with LIEF, it shows that and nothing more."""
    patches = edit_elf(data, edit)
    result = applied(data, patches)
    assert len(result) == len(data)
    places = touchable(data)
    for offset, new in patches:
        assert any(offset >= one.start and offset + len(new) <= one.stop for one in places)
    insist_elf(expected_elf(image(data), edit), (image(result),))
    return result


def touchable(data: bytes) -> list[range]:
    """Where patches may lie; of the versions that it defines, the hash of the first."""
    binary = lief.ELF.parse(data)
    assert binary is not None
    return [
        range(section.offset, section.offset + section.size)
        for section in list(binary.sections)
        if section.name in (".dynstr", ".dynamic", ".gnu.version_r", ".gnu.version_d")
    ]


# --- every machine ------------------------------------------------------------------------------


@EVERY
def test_all_names_of_a_library(machine: str, libraries: Libraries) -> None:
    before, after = image(libraries[machine]), image(edited(libraries[machine], ALL))
    assert (before.name, before.needed, before.runpath) == (SONAME, (NEEDED,), (PATH,))
    assert (after.name, after.needed) == ("libuser-1feb.so.1", ("libdeep-1feb.so.1",))
    assert (after.rpath, after.runpath) == (("$ORIGIN/../_nl",), ())
    assert after.needs_versions == (("libdeep-1feb.so.1", "V1"),)
    assert (after.exports, after.core) == (before.exports, before.core)


@EVERY
def test_an_edit_and_its_reverse_change_nothing(machine: str, libraries: Libraries) -> None:
    there = ElfEdit(name="a.so", needed={NEEDED: "b.so"}, search={PATH: "$ORIGIN"})
    back = ElfEdit(name=SONAME, needed={"b.so": NEEDED}, search={"$ORIGIN": PATH})
    assert edited(edited(libraries[machine], there), back) == libraries[machine]


@EVERY
@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_the_hash_table_counts_symbols_where_there_are_no_section_headers(
    machine: str, style: str, tmp_path: Path
) -> None:
    data = made(tmp_path, TARGETS[machine], f"-Wl,--hash-style={style}")
    bare = ElfTables(without_section_headers(data))
    found = {bare.text(offset) for offset in bare.others()}
    assert found >= {b"deep", b"twice", b"V1"}
    assert bare.others() == ElfTables(data).others()


def without_section_headers(data: bytes) -> bytes:
    places = ((40, 8), (60, 2)) if data[4] == 2 else ((32, 4), (48, 2))
    return applied(data, tuple((offset, bytes(size)) for offset, size in places))


def test_a_hash_table_with_words_of_eight_bytes(tmp_path: Path) -> None:
    # As GNU ld writes it for s390x: two words that count, then the buckets, then the chains.
    data = made(tmp_path, TARGETS["s390x"], "-Wl,--hash-style=sysv")
    buckets, count, address = 1, 3, 0x7000_0000
    words = struct.pack(f">{2 + buckets + count}Q", buckets, count, *bytes(buckets + count))
    entry = data.index(struct.pack(">QQ", 4, hash_table(data)))
    changed = with_segment(
        applied(data, ((entry + 8, struct.pack(">Q", address)),)), address, words
    )
    assert ElfTables(without_section_headers(changed)).others() == ElfTables(data).others()


def hash_table(data: bytes) -> int:
    binary = lief.ELF.parse(data)
    assert binary is not None
    section = binary.get_section(".hash")
    assert section is not None
    return section.virtual_address


def with_segment(data: bytes, address: int, content: bytes) -> bytes:
    """A 64-bit big-endian file whose last segment that is not loaded is one with this content."""
    start, (size, number) = (
        struct.unpack_from(">Q", data, 32)[0],
        struct.unpack_from(">HH", data, 54),
    )
    for at in range(start + (number - 1) * size, start, -size):
        if struct.unpack_from(">I", data, at)[0] not in (1, 2):
            header = struct.pack(
                ">IIQQQQQQ", 1, 4, len(data), address, address, len(content), len(content), 1
            )
            return applied(data, ((at, header),)) + content
    raise AssertionError("no segment to spare")


def test_a_file_that_does_not_count_its_symbols_is_refused(tmp_path: Path) -> None:
    data = made(tmp_path, TARGETS["x86_64"], "-Wl,--hash-style=gnu")
    data = without_section_headers(data)
    at = data.index(struct.pack("<Q", 0x6FFFFEF5))
    with pytest.raises(DoesNotFitError, match="does not say how many symbols it has"):
        edit_elf(applied(data, ((at, struct.pack("<Q", 0x6FFFFFF0)),)), ALL)


# --- strings with several users -----------------------------------------------------------------


def library(folder: Path, *names: str, **given: object) -> bytes:
    """A library of this machine that exports functions of any name, even of a library's name."""
    source = "".join(
        f'int f{number}(void) __asm__("\\"{name}\\""); int f{number}(void) {{ return {number}; }}\n'
        for number, name in enumerate(names)
    )
    options: dict[str, object] = {"soname": SONAME, **given}
    return shared_library(folder, "made.so", source, **options).read_bytes()  # type: ignore[arg-type]


SHORTER = "libuser.so.1"


@needs_compiler
@pytest.mark.parametrize(
    ("symbol", "name", "reason"),
    [
        ("unrelated", SHORTER, None),
        ("unrelated", SONAME + "x", "no room for a longer name in place of"),
        (SONAME, SHORTER, "uses the bytes of"),
        (f"x{SONAME}", SHORTER, "uses the bytes of"),  # The soname is its tail.
        ("abcd.so.1", "liba.so", None),  # It is the soname's tail, and stays.
        ("abcd.so.1", "libuser-012", None),
        ("abcd.so.1", "libuser-0123", "uses the bytes of"),  # One byte more.
        ("libquite-another-one.so.1", "libquite-another-one.so.1", None),  # It is there.
        ("libquite-another-one.so.1", "libone.so.1", None),
        (f"x{SONAME}.2", f"{SONAME}.2", None),
    ],
)
def test_a_soname_beside_a_symbol(
    symbol: str, name: str, reason: str | None, tmp_path: Path
) -> None:
    data = library(tmp_path, symbol)
    if reason is None:
        after = image(edited(data, ElfEdit(name=name)))
        assert (after.name, symbol in after.exported) == (name, True)
        return
    with pytest.raises(DoesNotFitError, match=reason) as caught:
        edit_elf(data, ElfEdit(name=name))
    assert SONAME in str(caught.value)


@needs_compiler
def test_an_error_tells_the_room_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFitError) as caught:
        edit_elf(library(tmp_path), ElfEdit(name="x" * 40))
    assert (caught.value.found, caught.value.expected) == ("40 bytes", "at most 21")


@needs_compiler
def test_an_error_names_what_is_too_long_and_not_what_else_changes(tmp_path: Path) -> None:
    # The path would fit where the two other names are, and then one of them would not.
    edit = ElfEdit(
        name="libuser-4567abcd.so.1", needed={"libc.so.6": "libc.so.7"}, search={PATH: "p" * 31}
    )
    with pytest.raises(DoesNotFitError, match="no room for a longer name") as caught:
        edit_elf(library(tmp_path, search=PATH), edit)
    assert PATH in str(caught.value)


@needs_compiler
def test_what_one_name_leaves_serves_another(tmp_path: Path) -> None:
    data = library(tmp_path, search="$ORIGIN/../a-rather-long-folder.libs")
    longer = SONAME + ".2.3"
    edit = ElfEdit(name=longer, search={"$ORIGIN/../a-rather-long-folder.libs": "$ORIGIN"})
    assert image(edited(data, edit)).name == longer


@needs_compiler
def test_only_one_of_two_users_of_a_string(tmp_path: Path) -> None:
    # It asks for a library that is called as it is itself.
    other = shared_library(tmp_path / "other", "other.so", DEEP, soname=SONAME)
    data = library(tmp_path, needs=[other], search="$ORIGIN/../demo.libs")
    with pytest.raises(DoesNotFitError, match="for another name as well"):
        edit_elf(data, ElfEdit(needed={SONAME: SHORTER}))
    # The search path leaves room for it.
    edit = ElfEdit(needed={SONAME: SHORTER}, search={PATH: "$ORIGIN"})
    assert SHORTER in image(edited(data, edit)).needed
    both = ElfEdit(name=SHORTER, needed={SONAME: SHORTER})
    assert image(edited(data, both)).name == SHORTER
    exchanged = ElfEdit(name="libuser-4567abcd.so.1", needed={SONAME: "libuser-89ababcd.so.1"})
    with pytest.raises(DoesNotFitError):
        edit_elf(data, exchanged)


@needs_compiler
def test_two_names_change_places(tmp_path: Path) -> None:
    needs = [
        shared_library(tmp_path, f"{name}.so", DEEP, soname=name)
        for name in ("lib-first", "lib-second")
    ]
    data = library(tmp_path, needs=needs)
    edit = ElfEdit(needed={"lib-first": "lib-second", "lib-second": "lib-first"})
    assert image(edited(data, edit)).needed[:2] == ("lib-second", "lib-first")


@needs_compiler
def test_a_name_that_ends_like_another_new_one_needs_no_room(tmp_path: Path) -> None:
    data = library(tmp_path, needs=[shared_library(tmp_path, "m.so", DEEP, soname="m")])
    edit = ElfEdit(name="libuser-0123abcd.mm.1", needed={"m": "mm.1"})
    assert image(edited(data, edit)).needed[0] == "mm.1"


@needs_compiler
@pytest.mark.parametrize("option", ["--auxiliary", "--filter", "--audit", "--depaudit"])
def test_an_entry_of_another_kind_keeps_its_string(option: str, tmp_path: Path) -> None:
    data = library(tmp_path, options=[f"-Wl,{option}={SONAME}"])
    with pytest.raises(DoesNotFitError, match="uses the bytes of"):
        edit_elf(data, ElfEdit(name=SHORTER))


@needs_compiler
@pytest.mark.parametrize("defined", [True, False])
def test_a_version_keeps_its_name(defined: bool, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("abcd.so.1 { global: deep; };")
    option = [f"-Wl,--version-script={script}"]
    if defined:
        path = shared_library(tmp_path, "made.so", DEEP, soname=SONAME, options=option)
    else:
        deep = shared_library(tmp_path / "deep", "deep.so", DEEP, soname="deep", options=option)
        path = shared_library(tmp_path, "made.so", USER, soname=SONAME, needs=[deep])
    data = path.read_bytes()
    assert image(edited(data, ElfEdit(name="libuser-012"))).name == "libuser-012"
    with pytest.raises(DoesNotFitError, match="uses the bytes of"):
        edit_elf(data, ElfEdit(name="libuser-0123"))


@needs_compiler
def test_an_empty_string_that_something_uses_stays_empty(tmp_path: Path) -> None:
    data = library(tmp_path)
    shorter = edited(data, ElfEdit(name="lib.so"))
    assert edited(shorter, ElfEdit(name=SONAME)) == data
    tables = ElfTables(shorter)
    place = tables.strings.index(b"lib.so\0\0") + 10
    slot, auxiliary = tables.free[0], 0x7FFFFFFD
    used = applied(shorter, ((slot.tag, struct.pack("<QQ", auxiliary, place)),))
    assert image(edited(used, ElfEdit(name="libu.so.1"))).name == "libu.so.1"
    with pytest.raises(DoesNotFitError, match="no room"):
        edit_elf(used, ElfEdit(name="libuse.so.1"))  # Ten bytes are before it, eleven behind.


@needs_compiler
@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("the names of sections", "uses its dynamic string table for something else"),
        ("the full symbol table", "uses its dynamic string table for something else"),
        ("prelink", "is prelinked"),
    ],
)
def test_unknown_users_of_the_table_are_not_risked(what: str, reason: str, tmp_path: Path) -> None:
    data = library(tmp_path)
    binary = lief.ELF.parse(data)
    assert binary is not None
    names = [section.name for section in list(binary.sections)]
    ours = struct.pack("<I", names.index(".dynstr"))
    header = struct.unpack_from("<Q", data, 40)[0] + 64 * names.index(".symtab")
    patch = {
        "the names of sections": (62, ours[:2]),
        "the full symbol table": (header + 40, ours),
        "prelink": (ElfTables(data).free[0].tag, struct.pack("<QQ", 0x6FFFFEF9, 1)),
    }[what]
    with pytest.raises(DoesNotFitError, match=reason):
        edit_elf(applied(data, (patch,)), ElfEdit(name=SHORTER))


@needs_compiler
def test_the_base_version_is_called_like_the_soname(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(VERSIONS)
    data, linked = (
        shared_library(
            tmp_path / name, name, DEEP, soname=name, options=[f"-Wl,--version-script={script}"]
        ).read_bytes()
        for name in ("libdeep-0123abcd.so.1", "libdeep.so.1")
    )
    result = edited(data, ElfEdit(name="libdeep.so.1"))
    assert versions(result) == versions(linked) != versions(data)


def versions(data: bytes) -> list[tuple[int, list[str | bytes]]]:
    binary = lief.ELF.parse(data)
    assert binary is not None
    return [
        (one.hash, [auxiliary.name for auxiliary in one.auxiliary_symbols])
        for one in binary.symbols_version_definition
    ]


# --- search paths -------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize(
    ("search", "edit", "expected"),
    [
        ("one:two", ElfEdit(search={"two": "2"}), ("one", "2")),
        ("one:two", ElfEdit(search={"one": ""}), ("two",)),
        ("one:two", ElfEdit(search={"one": "two"}), ("two",)),
        ("one:two:one", ElfEdit(search={"two": "2"}), ("one", "2")),
        ("one:two:one", ElfEdit(search={"else": "2"}), ("one", "two", "one")),
        ("one:two", ElfEdit(path=("x", "y", "z")), ("x", "y", "z")),
        ("one:two", ElfEdit(path=("o",), search={"one": "not heeded"}), ("o",)),
        ("one:two", ElfEdit(path=()), ()),
        (None, ElfEdit(path=()), ()),
        (None, ElfEdit(search={"one": "1"}), ()),
        # A linker leaves free entries, and the soname leaves its bytes.
        (None, ElfEdit(name="lib.so", path=("$ORIGIN",)), ("$ORIGIN",)),
    ],
)
@pytest.mark.parametrize("runpath", [True, False])
def test_search_paths(
    search: str | None, edit: ElfEdit, expected: tuple[str, ...], runpath: bool, tmp_path: Path
) -> None:
    data = library(tmp_path, search=search, runpath=runpath)
    result = edited(data, edit)
    assert search_path(result) == expected
    if search and expected:
        kept = image(result)
        assert (kept.runpath if runpath else kept.rpath) == expected


@needs_compiler
def test_a_file_that_has_both_kinds_ends_with_one(tmp_path: Path) -> None:
    data = library(tmp_path, "two", search="one:two", runpath=True)
    tables = ElfTables(data)
    slot, tail = tables.free[0], tables.strings.index(b"two\0")
    data = applied(data, ((slot.tag, struct.pack("<QQ", 15, tail)),))
    assert (image(data).rpath, search_path(data)) == (("two",), ("one", "two"))
    result = edited(data, ElfEdit(rpath=True))
    assert search_path(result) == ("one", "two")
    assert (set(image(result).rpath), image(result).runpath) == ({"one", "two"}, ())


@needs_compiler
def test_no_room_for_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFitError, match=r"has no room for `\$ORIGIN`"):
        edit_elf(library(tmp_path), ElfEdit(path=("$ORIGIN",)))
    nameless = library(tmp_path, soname=None, search="one:two")
    assert image(edited(nameless, ElfEdit(name="li", path=("a", "b")))).name == "li"
    full = applied(nameless, tuple((one.tag, b"\x15") for one in ElfTables(nameless).free))
    with pytest.raises(DoesNotFitError, match="has no soname, and no room for one"):
        edit_elf(full, ElfEdit(name="li"))


def test_nothing_to_change_is_no_patch(libraries: Libraries) -> None:
    for edit in (ElfEdit(), ElfEdit(name=SONAME, needed={"libother.so": "x"}, path=(PATH,))):
        assert edit_elf(libraries["aarch64"], edit) == ()


@pytest.mark.parametrize("name", ["lib\0.so", "x" * 20_000])
def test_names_that_no_file_can_hold(name: str, libraries: Libraries) -> None:
    for edit in (ElfEdit(name=name), ElfEdit(needed={NEEDED: name}), ElfEdit(path=(name,))):
        with pytest.raises(UsageError, match="cannot be a name in an ELF file"):
            edit_elf(libraries["x86_64"], edit)


# --- executed -----------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("rpath", [True, False])
def test_the_loader_takes_the_copy_that_the_edit_names(rpath: bool, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(VERSIONS)
    option = [f"-Wl,--version-script={script}"]
    before = shared_library(tmp_path / "demo.libs", NEEDED, DEEP, soname=NEEDED, options=option)
    user = shared_library(
        tmp_path / "app", "user.so", USER, soname=SONAME, needs=[before], search=PATH, runpath=True
    )
    # Afterwards the library lies elsewhere under another name; another one is called so, too.
    for folder, answer in (("_nl", 7), ("hijack", 100)):
        shared_library(
            tmp_path / folder, "libdeep.so.1", DEEP.replace("5", str(answer)),
            soname="libdeep.so.1", options=option,
        )  # fmt: skip
    before.unlink()
    edit = ElfEdit(
        name="libuser.so.1",
        needed={NEEDED: "libdeep.so.1"},
        search={PATH: "$ORIGIN/../_nl"},
        rpath=rpath,
    )
    user.write_bytes(edited(user.read_bytes(), edit))
    answer, trace = run(user, LD_LIBRARY_PATH=str(tmp_path / "hijack"))
    assert answer == (2 + 7 if rpath else 2 + 100)
    folder = "_nl" if rpath else "hijack"
    assert re.search(rf"calling init: \S*/{folder}/libdeep\.so\.1$", trace, re.MULTILINE)


def run(user: Path, **environ: str) -> tuple[int, str]:
    code = f"import ctypes; print(ctypes.CDLL({str(user)!r}).twice(1))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LD_DEBUG": "libs", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout), done.stderr


# --- laws, damage and cost ----------------------------------------------------------------------

NAMES = st.text("abcdeflibsox.-1", min_size=1, max_size=26)


@given(
    st.sampled_from(sorted(TARGETS)), st.none() | NAMES, st.none() | NAMES, st.none() | NAMES,
    st.booleans(),
)  # fmt: skip
def test_an_edit_makes_what_it_says_or_nothing(
    libraries: Libraries,
    machine: str,
    name: str | None,
    needed: str | None,
    path: str | None,
    rpath: bool,
) -> None:
    data = libraries[machine]
    edit = ElfEdit(
        name=name,
        needed={} if needed is None else {NEEDED: needed},
        search={} if path is None else {PATH: path},
        rpath=rpath,
    )
    try:
        result = edited(data, edit)
    except DoesNotFitError:
        assert any(map(len, filter(None, (name, needed, path))))
        return
    back = ElfEdit(
        name=SONAME,
        needed={} if needed is None else {needed: NEEDED},
        search={} if path is None else {path: PATH},
    )
    again = edited(result, back)
    assert image(again).name == SONAME
    assert image(again).needed == image(data).needed
    assert search_path(again) == search_path(data)


@given(
    st.sampled_from(sorted(TARGETS)),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=8)), max_size=6),
    st.none() | st.integers(0, 3000),
)
def test_damage_is_an_error_of_ours(
    libraries: Libraries,
    machine: str,
    damage: list[tuple[int, bytes]],
    length: int | None,
) -> None:
    data = bytearray(libraries[machine])
    for place, new in damage:
        start = place % len(data)
        data[start : start + len(new)] = new
    damaged = bytes(data[:length])
    with suppress(TrueupError):
        search_path(damaged)
    with suppress(TrueupError):
        for offset, new in edit_elf(damaged, ALL):
            assert 0 <= offset <= len(damaged) - len(new)


def entry(data: bytes, tag: int) -> int:
    """Where the value of a dynamic entry lies, in a 64-bit little-endian file."""
    return data.index(struct.pack("<Q", tag), ElfTables(data).names()[0].tag or 0) + 8


def endless_needs(data: bytes) -> bytes:
    """65,535 versions of one file, each of which is followed by itself."""
    first = next(use for use in ElfTables(data).names() if use.kind is UseKind.VERSION_NEED)
    start = first.field - 4
    return applied(data, ((start + 2, b"\xff\xff"), (start + 16 + 12, bytes(4))))


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "versions without end": endless_needs,
    "more version needs than there are bytes": lambda data: applied(
        data, ((entry(data, 0x6FFFFFFF), struct.pack("<Q", 1 << 40)),)
    ),
    "a table of strings beyond the file": lambda data: applied(
        data, ((entry(data, 10), b"\xff" * 8),)
    ),
    "tables at no address": lambda data: applied(data, ((entry(data, 5), b"\xff" * 8),)),
    "65,535 segments of no size": lambda data: applied(data, ((54, b"\0\0\xff\xff"),)),
    "65,535 segments": lambda data: applied(data, ((56, b"\xff\xff"),)),
    "65,535 sections of one byte": lambda data: applied(data, ((58, b"\1\0\xff\xff"),)),
    "no table of strings": lambda data: applied(data, ((entry(data, 5) - 8, b"\x15"),)),
    "no end": lambda data: data[:60],
    "another format": lambda data: b"MZ" + data[2:],
    "a class that does not exist": lambda data: applied(data, ((4, b"\3"),)),
    "nothing": lambda data: b"",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_tables_are_told_soon(what: str, libraries: Libraries) -> None:
    data = HOSTILE[what](libraries["x86_64"])
    started = time.monotonic()
    with pytest.raises((ArchiveError, DoesNotFitError)):
        edit_elf(data, ALL)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("length", "number", "patches"),
    [
        (40_000, 19_000, 1),  # Each entry begins somewhere in one long string.
        (4_000_000, 19_000, None),
        (10, 25_000, None),
        (10, 19_000, 1),
    ],
)
def test_many_names_take_linear_time(length: int, number: int, patches: int | None) -> None:
    data = needing(b"\0x\0" + b"y" * length + b"\0", number)
    started = time.monotonic()
    if patches is None:
        with pytest.raises(ArchiveError):
            edit_elf(data, ElfEdit(needed={"x": "z"}))
    else:
        assert len(edit_elf(data, ElfEdit(needed={"x": "z"}))) == patches
    assert time.monotonic() - started < 5


def needing(strings: bytes, number: int) -> bytes:
    """A file with many DT_NEEDED, the first of `x`, the others of strings throughout its table."""
    start = 64 + 2 * 56
    entries = [(1, 1), *((1, 3 + index * (len(strings) - 4) // number) for index in range(number))]
    entries += [(5, start), (10, len(strings)), (0, 0)]
    dynamic, length = start + len(strings), 16 * len(entries)
    header = struct.pack(
        "<4sBBBBQHHIQQQIHHHHHH",
        b"\x7fELF",
        2,
        1,
        1,
        0,
        0,
        3,
        62,
        1,
        0,
        64,
        0,
        0,
        64,
        56,
        2,
        0,
        0,
        0,
    )
    size = dynamic + length
    segments = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, size, size, 1)
    segments += struct.pack("<IIQQQQQQ", 2, 4, dynamic, dynamic, 0, length, length, 1)
    return header + segments + strings + b"".join(struct.pack("<QQ", *one) for one in entries)


def test_a_large_file_is_mapped_and_not_read(libraries: Libraries, tmp_path: Path) -> None:
    path = tmp_path / "large.so"
    path.write_bytes(libraries["x86_64"])
    os.truncate(path, 500_000_000)  # Sparse: it takes no disk.
    tracemalloc.start()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert edit_elf(data, ALL) == edit_elf(libraries["x86_64"], ALL)
        with pytest.raises(DoesNotFitError):  # And the map can be closed after an error.
            edit_elf(data, ElfEdit(name="x" * 99))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
