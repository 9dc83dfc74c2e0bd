"""Fat binaries and bundles as the real tools write them, and as nobody should."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases.gpu.make import (
    BUNDLES,
    FAT_BINARIES,
    HERE,
    make_bundle,
    make_fat_binary,
    nvcc_release,
)
from trueup.model.library import GpuCode, GpuKind
from trueup.sources.binary.fatbin import fatbin_pieces
from trueup.sources.binary.gpu import GPU_SECTIONS, gpu_pieces, read_gpu
from trueup.sources.binary.offload import Inflate, bundle_pieces, zstd_inflate

FAT = struct.pack("<I", 0xBA55ED50)
BUNDLE = b"__CLANG_OFFLOAD_BUNDLE__"
HIP = "hipv4-amdgcn-amd-amdhsa--"
BINARY, PTX, LTO, SPIRV, UNREAD = (
    GpuKind.BINARY, GpuKind.PTX, GpuKind.LTO, GpuKind.SPIRV, GpuKind.UNREAD
)  # fmt: skip

needs_nvcc = pytest.mark.skipif(
    (nvcc_release() or (0,)) < (13,), reason="there is no nvcc 13.0 or later here"
)
needs_bundler = pytest.mark.skipif(
    shutil.which("clang-offload-bundler") is None, reason="there is no clang-offload-bundler here"
)

# File: (module, target) as read. nvcc puts what it linked, here nothing, into a container first.
READ = {
    "several.nv_fatbin": [
        (0, "sm_80"), (0, "sm_90"), (0, "sm_120"),
        (1, "sm_80"), (1, "sm_90"), (1, "compute_90"), (1, "sm_120"),
    ],
    "specific.nv_fatbin": [
        (0, "sm_90a"), (0, "sm_100f"),
        (1, "sm_90a"), (1, "compute_90a"), (1, "sm_100f"), (1, "compute_100f"),
    ],
    "plain.nv_fatbin": [(0, "sm_90a"), (1, "sm_90a"), (1, "compute_90a")],
    "ptx.nv_fatbin": [(0, "compute_80")],
    "debug.nv_fatbin": [(0, "sm_89"), (1, "sm_89"), (1, "compute_89")],
    "relocatable.nv_relfatbin": [(0, "lto_80"), (0, "sm_90"), (0, "compute_90")],
    "plain.hip_fatbin": [
        (0, "gfx90a:sramecc+:xnack-"), (0, "gfx90a:xnack+"), (0, "gfx1100"), (0, "gfx906"),
        (0, "gfx9-4-generic"),
    ],
}  # fmt: skip
KINDS = {"sm": BINARY, "compute": PTX, "lto": LTO}


def section_of(name: str) -> str:
    return FAT_BINARIES[name][0] if name in FAT_BINARIES else ".hip_fatbin"


def content_of(name: str) -> bytes:
    return (HERE / name).read_bytes()


def read(name: str, content: bytes) -> list[tuple[int, str]]:
    return [(code.module, code.target) for code in read_gpu([(section_of(name), content)])]


def overhead(name: str, content: bytes) -> int:
    """Bytes that are no code, after checking that none is counted twice or lost."""
    pieces = list(gpu_pieces(section_of(name), content))
    assert sum(piece.size for piece in pieces) == len(content)
    return sum(piece.size for piece in pieces if piece.target is None)


@pytest.mark.parametrize("name", READ)
def test_what_real_tools_wrote(name: str) -> None:
    codes = read_gpu([(section_of(name), content_of(name))])
    assert [(code.module, code.target) for code in codes] == READ[name]
    assert {code.vendor for code in codes} == {"amd" if "hip" in name else "nvidia"}
    assert all(code.relocatable is name.endswith("nv_relfatbin") for code in codes)
    for code in codes:
        assert code.kind is KINDS.get(code.target.partition("_")[0], BINARY)


@pytest.mark.parametrize("name", FAT_BINARIES)
def test_fat_binaries_are_covered_to_the_byte(name: str) -> None:
    content = content_of(name)
    assert overhead(name, content) == 16 * content.count(FAT)


def test_the_target_is_the_one_that_the_code_names() -> None:
    """PTX that is not compressed says it in words."""
    content = content_of("plain.nv_fatbin")
    assert content.count(b"\n.target sm_90a\n") == content.count(b"\n.target ") == 1


@needs_nvcc
@pytest.mark.parametrize("name", FAT_BINARIES)
def test_fresh_fat_binaries(name: str, tmp_path: Path) -> None:
    content = make_fat_binary(tmp_path, name)
    assert read(name, content) == READ[name]
    assert overhead(name, content) == 16 * content.count(FAT)


@needs_bundler
@pytest.mark.parametrize("name", BUNDLES)
def test_fresh_bundles(name: str, tmp_path: Path) -> None:
    content = make_bundle(tmp_path, name)
    overhead(name, content)
    assert read(name, content) == read(name, content_of(name))


def test_sections_with_device_code_and_no_others() -> None:
    content = content_of("ptx.nv_fatbin")
    assert len(read_gpu((name, content) for name in GPU_SECTIONS - {".hip_fatbin", ".hip_fat"}))
    assert read_gpu([(".nvFatBinSegment", content), (".text", content)]) == ()
    assert read_gpu([(".nv_fatbin", b""), (".hip_fatbin", b"")]) == ()
    # The names of sections in PE files are cut off after eight letters.
    assert read_gpu([(".nv_fatb", memoryview(content))]) == read_gpu([(".nv_fatbin", content)])


def test_modules_that_offer_the_same_are_summed() -> None:
    several, ptx = content_of("several.nv_fatbin"), content_of("ptx.nv_fatbin")
    once = read_gpu([(".nv_fatbin", several)])
    content = several + bytes(40) + ptx + several
    assert overhead("several.nv_fatbin", content) == 40 + 16 * content.count(FAT)
    codes = read_gpu([(".nv_fatbin", content), (".nv_fatbin", several)])
    assert [(code.target, code.size) for code in codes if code.module < 2] == [
        (code.target, 3 * code.size) for code in once
    ]
    assert [code.target for code in codes if code.module == 2] == ["compute_80"]


def bundle(entries: Iterable[tuple[str, bytes]], align: int = 1) -> bytes:
    """A bundle as LLVM documents it."""
    named = [(name.encode("ascii", "surrogateescape"), held) for name, held in entries]
    table, body = b"", b""
    first = len(BUNDLE) + 8 + sum(24 + len(name) for name, _ in named)
    for name, held in named:
        body += bytes(-(first + len(body)) % align)
        table += struct.pack("<QQQ", first + len(body), len(held), len(name)) + name
        body += held
    return BUNDLE + struct.pack("<Q", len(named)) + table + body


def compressed(version: int, content: bytes, method: int = 0, whole: int | None = None) -> bytes:
    """A compressed bundle; only versions from 2 on tell how long it is."""
    packed = content if method else zlib.compress(content)
    size = len(content) if whole is None else whole
    layout = {1: "<I", 2: "<II", 3: "<QQ"}[version]
    told = [] if version == 1 else [16 + struct.calcsize(layout) + len(packed)]
    sizes = struct.pack(layout, *told, size)
    return b"CCOB" + struct.pack("<HH", version, method) + sizes + bytes(8) + packed


TWO = bundle([("host-x86_64-unknown-linux-gnu-", b""), (f"{HIP}gfx1100", b"x" * 3000),
              (f"{HIP}gfx90a:xnack+", b"y" * 1000)])  # fmt: skip


def amd(content: bytes, zstd: Inflate | None = None) -> list[tuple[str, GpuKind, int]]:
    pieces = list(bundle_pieces(memoryview(content), zstd))
    assert sum(piece.size for piece in pieces) == len(content)
    return [(piece.target, piece.kind, piece.size) for piece in pieces if piece.target is not None]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_compressed_bundle_is_shared_out_among_its_targets(version: int) -> None:
    content = compressed(version, TWO)
    assert [target for target, _, _ in amd(content)] == ["gfx1100", "gfx90a:xnack+"]
    large, small = (size for _, _, size in amd(content))
    assert large + small == len(content)
    assert large == len(content) * 3000 // 4000
    # The first of version 1 cannot end before the next begins.
    both = content + bytes(100) + compressed(3, TWO)
    assert len(amd(both)) == 4
    assert sum(size for _, _, size in amd(both)) == len(both) - (100 if version > 1 else 0)


def test_zstd_is_read_where_python_can_and_reported_where_not() -> None:
    name = "compressed.hip_fatbin"
    content = content_of(name)
    assert amd(content) == [("compressed (zstd)", UNREAD, len(content))]
    plain = amd(content_of("plain.hip_fatbin"))
    inflate = zstd_inflate()
    if inflate is None:
        assert read(name, content) == [(0, "compressed (zstd)")]
    else:
        assert [one[0] for one in amd(content, inflate)] == [one[0] for one in plain]
        assert sum(one[2] for one in amd(content, inflate)) == len(content)
        assert amd(compressed(2, b"no zstd", method=1), inflate)[0][0] == "unreadable (zstd)"
    # Whatever undoes it is asked for the beginning alone.
    asked: list[int] = []

    def stored(packed: memoryview, most: int) -> bytes:
        asked.append(most)
        return bytes(packed[:most])

    assert [one[0] for one in amd(compressed(3, TWO, method=1), stored)] == [
        "gfx1100", "gfx90a:xnack+"
    ]  # fmt: skip
    assert asked == [16 * 1024]


def test_a_bomb_is_not_inflated() -> None:
    entry = struct.pack("<QQQ", 4096, 1 << 33, len(HIP) + 7) + f"{HIP}gfx1100".encode()
    table = BUNDLE + struct.pack("<Q", 1) + entry
    content = compressed(3, table + bytes(50_000_000), whole=1 << 40)
    assert amd(content) == [("gfx1100", BINARY, len(content))]


@pytest.mark.parametrize(
    ("identity", "target", "kind"),
    [
        ("hip-amdgcn-amd-amdhsa-gfx906", "gfx906", BINARY),
        ("hipv4-amdgcn-amd-amdhsa-unknown-gfx90a:xnack-", "gfx90a:xnack-", BINARY),
        (f"{HIP}gfx10-3-generic", "gfx10-3-generic", BINARY),
        ("hip-spirv64-amd-amdhsa--amdgcnspirv", "amdgcnspirv", SPIRV),
        ("openmp-nvptx64-nvidia-cuda--sm_70", "unreadable (openmp-nvptx64-nvidia-cuda--sm_70)",
         UNREAD),
        ("", "unreadable ()", UNREAD),
        ("\udcff", "unreadable (\\xff)", UNREAD),
    ],
)  # fmt: skip
def test_bundle_entry_ids(identity: str, target: str, kind: GpuKind) -> None:
    assert amd(bundle([(identity, b"code")])) == [(target, kind, 4)]


def test_code_of_the_host_is_none_for_a_gpu() -> None:
    host = ("host-x86_64-unknown-linux-gnu-", b"host code")
    assert amd(bundle([host])) == amd(compressed(2, bundle([host]))) == []
    assert amd(compressed(2, bundle([]))) == []
    content = bundle([host, (f"{HIP}gfx1100", b"code")], align=4096) + bytes(96) + TWO
    assert amd(content) == [("gfx1100", BINARY, 4), *amd(TWO)]


def container(*entries: tuple[int, int, int, bytes], size: int | None = None) -> bytes:
    """A container of (kind, architecture, flags, code)."""
    body = b"".join(
        struct.pack("<HHIQ3IIIIQQQ", kind, 0x101, 64, len(code), 0, 0, 0, number, 0, 0, flags, 0, 0)
        + code
        for kind, number, flags, code in entries
    )
    return FAT + struct.pack("<HHQ", 1, 16, len(body) if size is None else size) + body


def nvidia(content: bytes) -> list[tuple[str, int]]:
    pieces = list(fatbin_pieces(memoryview(content)))
    assert sum(piece.size for piece in pieces) == len(content)
    return [(piece.target, piece.size) for piece in pieces if piece.target is not None]


WHOLE = container((2, 80, 0, b"c" * 8), (1, 90, 0, b"p" * 16))


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (WHOLE, [("sm_80", 72), ("compute_90", 80)]),
        (container(), []),
        # Cut off: what fits is read, the rest is told.
        (WHOLE[:-1], [("sm_80", 72), ("unreadable", 79)]),
        (WHOLE[:100], [("sm_80", 72), ("unreadable", 12)]),
        (WHOLE + WHOLE[:15], [*nvidia(WHOLE), ("unreadable", 15)]),
        (FAT, [("unreadable", 4)]),
        # Something else before, between and after.
        (b"before" + WHOLE + b"after", [("unreadable", 6), *nvidia(WHOLE), ("unreadable", 5)]),
        (WHOLE + bytes(99) + WHOLE, nvidia(WHOLE) * 2),
        # A container that claims more or less than it has.
        (container((2, 80, 0, b""), size=1 << 60), [("sm_80", 64)]),
        (container((2, 80, 0, b"12345678"), size=70), [("unreadable", 72)]),
        (container((2, 80, 0, b""), size=0), [("unreadable", 64)]),
        # A version, kinds and architectures that nobody knows.
        (FAT + struct.pack("<HHQ", 2, 16, 0), [("unreadable", 16)]),
        (FAT + struct.pack("<HHQ", 1, 0, 0), [("unreadable", 16)]),
        (container((64, 100, 0, b"")), [("unreadable (kind 64)", 64)]),
        (container((2, 1 << 31, 0, b"")), [("unreadable (architecture 2147483648)", 64)]),
        (container((1, 90, 1 << 20, b""), (2, 103, 1 << 21, b""), (8, 120, 1 << 21, b"")),
         [("compute_90a", 64), ("sm_103f", 64), ("lto_120f", 64)]),
    ],
)  # fmt: skip
def test_fat_binaries_as_nobody_writes_them(content: bytes, codes: list[tuple[str, int]]) -> None:
    assert nvidia(content) == codes


NO_TABLE = BUNDLE + struct.pack("<Q", 1 << 60)


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (TWO[:-1], [("gfx1100", BINARY, 3000), ("unreadable", UNREAD, 999)]),
        (TWO[:50], [("unreadable", UNREAD, 32), ("unreadable", UNREAD, 18)]),
        (BUNDLE, [("unreadable", UNREAD, 24)]),
        (NO_TABLE + TWO, [("unreadable", UNREAD, 32), *amd(TWO)]),
        # Two entries with the same code.
        (BUNDLE + struct.pack("<Q", 2) + struct.pack("<QQQ", 80, 8, 0) * 2 + b"the code",
         [("unreadable ()", UNREAD, 8)]),
        (b"before" + TWO + b"after",
         [("unreadable", UNREAD, 6), *amd(TWO), ("unreadable", UNREAD, 5)]),
        (compressed(2, TWO)[:-1],
         [("unreadable", UNREAD, 8), ("unreadable", UNREAD, len(compressed(2, TWO)) - 9)]),
        (b"CCOB\1\0\0\0", [("unreadable", UNREAD, 8)]),
        (compressed(3, b"no bundle"), [("unreadable (zlib)", UNREAD, 49)]),
        (compressed(3, NO_TABLE), [("unreadable (zlib)", UNREAD, len(compressed(3, NO_TABLE)))]),
        (compressed(3, TWO, whole=2000), [("unreadable (zlib)", UNREAD, len(compressed(3, TWO)))]),
        (b"CCOB\2\0\0\0" + struct.pack("<IIQ", 29, 9, 0) + b"lumps",
         [("unreadable (zlib)", UNREAD, 29)]),
    ],
)  # fmt: skip
def test_bundles_as_nobody_writes_them(
    content: bytes, codes: list[tuple[str, GpuKind, int]]
) -> None:
    assert amd(content) == codes


def test_too_many_different_modules_are_summed_as_unread() -> None:
    content = b"".join(
        container((2, first, 0, b""), (2, second, 0, b""))
        for first in range(10, 60)
        for second in range(100, 160)
    )
    codes = read_gpu([(".nv_fatbin", content)])
    assert len({code.module for code in codes}) == 2001
    rest = GpuCode(
        vendor="nvidia", target="further targets", kind=UNREAD, size=1000 * 128, module=2000
    )
    assert codes[-1] == rest


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Real sections, or what their readers look for, cut and overwritten at will."""
    marks = st.sampled_from([FAT, FAT + b"\1\0\x10\0", BUNDLE, b"CCOB\2\0\0\0", b"CCOB\3\0\1\0"])
    real = st.sampled_from([*READ, *BUNDLES]).map(content_of)
    parts = draw(st.lists(st.one_of(marks, real, st.binary(max_size=80)), max_size=4))
    content = bytearray(b"".join(parts))
    for _ in range(draw(st.integers(0, 6))):
        if content:
            at = draw(st.integers(0, len(content) - 1))
            content[at : at + 8] = draw(st.binary(min_size=1, max_size=8))
    return bytes(content[draw(st.integers(0, 40)) :])


@given(damaged())
def test_whatever_it_is_every_byte_is_accounted_for(content: bytes) -> None:
    for name in sorted(GPU_SECTIONS):
        pieces = list(gpu_pieces(name, content))
        assert all(piece.size >= 0 for piece in pieces)
        assert sum(piece.size for piece in pieces) == len(content)
        held = sum(piece.size for piece in pieces if piece.target is not None)
        assert sum(code.size for code in read_gpu([(name, content)])) == held
