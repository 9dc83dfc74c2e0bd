"""Archives made to hurt: a clear error, in bounded memory, and never anything but our own errors."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.build import compressed, metadata_text, tar_bytes, zip_bytes
from trueup.model.declaration import Declaration
from trueup.model.errors import ArchiveError, LimitError
from trueup.model.metadata import Unreadable
from trueup.sources.archive import SdistContents, WheelContents, read_sdist, read_wheel
from trueup.sources.limits import Limits
from trueup.sources.untar import Untar

WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"
INFO = "demo-1.0.dist-info"
METADATA = metadata_text("demo", "1.0", requires=["numpy"]).encode()
MIB = 1024**2


def zeros(compress: Callable[[bytes], bytes], count: int) -> bytes:
    """``count`` MiB of zeros, compressed piece by piece: every format takes a series of streams."""
    return compress(bytes(MIB)) * count


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def directory_of(count: int) -> bytes:
    """A zip of nothing but a central directory with that many entries."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, *[0] * 15) + b"a"
    entry = entry[:28] + b"\x01\x00" + entry[30:]
    size = len(entry) * count
    return entry * count + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, size, 0, 0
    )


def claims_directory(size: int) -> bytes:
    """A small zip that claims a central directory of ``size`` bytes (zip64)."""
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFFF, 0, 0)
    return end64 + locator + end


def hostile() -> Iterator[tuple[str, str, bytes, str]]:
    """A name, the file's name, its bytes, and the beginning of what is said of it."""
    bomb = zip_bytes([(f"{INFO}/METADATA", bytes(64 * MIB))])
    yield (
        "METADATA of 64 MiB in 64 kB",
        WHEEL,
        bomb,
        f"`{INFO}/METADATA` is too large: found 64 MiB, expected at most 16 MiB",
    )
    at = bomb.rfind(f"{INFO}/METADATA".encode()) - 46 + 24
    lying = bomb[:at] + struct.pack("<L", 100) + bomb[at + 4 :]
    yield (
        "METADATA larger than it claims",
        WHEEL,
        lying,
        f"`{INFO}/METADATA` is damaged: its checksum does not fit",
    )
    yield (
        "a million members",
        WHEEL,
        directory_of(1_000_000),
        "has too many members: found more than 200,000, expected at most 200,000",
    )
    yield (
        "a claimed directory of 1 EiB",
        WHEEL,
        claims_directory(1 << 60),
        "central directory is damaged (Bad offset for central directory)",
    )
    yield (
        "PKG-INFO that claims 10 GB",
        SDIST,
        gzip.compress(header("d/PKG-INFO", 10**10)),
        "`d/PKG-INFO` is too large: found 10,000,000,000 bytes, expected at most 16 MiB",
    )
    yield (
        "PKG-INFO of 10 GB, real",
        SDIST,
        gzip.compress(header("d/PKG-INFO", 10**10)) + zeros(gzip.compress, 512),
        "`d/PKG-INFO` is too large: found 10,000,000,000 bytes, expected at most 16 MiB",
    )
    for name, compress in (("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)):
        yield (
            f"{name} bomb",
            SDIST,
            compress(header("d/data", 10**10)) + zeros(compress, 200),
            "unpacks to far more than it is: found ",
        )
    for kind, name in (
        (tarfile.XHDTYPE, "pax header"),
        (tarfile.GNUTYPE_LONGNAME, "long name"),
        (tarfile.XGLTYPE, "global header"),
    ):
        yield (
            f"a {name} of 8 GB",
            SDIST,
            gzip.compress(header("d/x", 8 * 1024**3 - 1, kind)),
            "the sum of its extended headers is too large: "
            "found 8,589,934,591 bytes, expected at most 64 MiB",
        )
    digits = b"1" * MIB
    yield (
        "a pax header of digits",
        SDIST,
        gzip.compress(header("d/x", MIB, tarfile.XHDTYPE) + digits),
        "has a malformed extended header",
    )
    overlapping = b"2 " * (MIB // 2)
    yield (
        "a pax header of overlapping records",
        SDIST,
        gzip.compress(header("d/x", MIB, tarfile.XHDTYPE) + overlapping),
        "has a malformed extended header",
    )
    yield (
        "nested extended headers",
        SDIST,
        gzip.compress(header("d/x", 0, tarfile.XHDTYPE) * 10_000),
        "is cut off: the archive stops before its end",
    )
    yield (
        "a path for all members",
        SDIST,
        gzip.compress(header("x", 16, tarfile.XGLTYPE) + b"16 path=d/a/bcd\n".ljust(512, b"\x00")),
        "gives all its members the same `path`",
    )
    yield (
        "a negative size",
        SDIST,
        tar_with_size(-512),
        "has a damaged header at byte 0",
    )
    yield (
        "many top folders", SDIST,
        tar_bytes([(f"d{n}/pyproject.toml", b"") for n in range(40)]),
        "is no sdist: it holds more than 32 of `PKG-INFO` and `pyproject.toml`",
    )  # fmt: skip


def tar_with_size(size: int) -> bytes:
    """A member with a size in base 256, which can be negative."""
    block = bytearray(header("d/x", 0))
    block[124:136] = b"\xff" * 4 + (size & (1 << 64) - 1).to_bytes(8, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block)
    return gzip.compress(bytes(block))


CASES = list(hostile())


def verdict(filename: str, data: bytes) -> str:
    """What is said of the file, whichever way it is said."""
    try:
        if filename.endswith(".whl"):
            metadata = read_wheel(io.BytesIO(data), filename=filename).metadata
        else:
            metadata = read_sdist(io.BytesIO(data), filename=filename).pkg_info
    except ArchiveError as error:
        return str(error)
    assert isinstance(metadata, Unreadable)
    return metadata.reason


@pytest.mark.parametrize(
    ("filename", "data", "beginning"),
    [pytest.param(*case[1:], id=case[0]) for case in CASES],
)
def test_a_clear_error_in_bounded_memory(filename: str, data: bytes, beginning: str) -> None:
    tracemalloc.start()
    try:
        reason = verdict(filename, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reason.startswith(beginning)
    # What the file itself takes up twice: as bytes, and read whole where it is a zip's directory.
    assert peak < 40 * MIB + 2 * len(data)


def test_all_of_them_in_a_process_that_has_little_memory() -> None:
    program = (
        "import resource\n"
        "from tests.sources.test_archive_hostile import CASES, verdict\n"
        "used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (used + 300 * 2**20,) * 2)\n"
        "print(sum(verdict(name, data).startswith(start) for _, name, data, start in CASES))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout.strip(), done.stderr) == (str(len(CASES)), "")


def test_a_bomb_behind_pkg_info_costs_only_the_declaration() -> None:
    data = gzip.compress(header("d/PKG-INFO", 512) + METADATA.ljust(512, b"\n"))
    data += gzip.compress(header("d/data", 10**10)) + zeros(gzip.compress, 512)
    contents = read_sdist(io.BytesIO(data), filename=SDIST)
    assert contents.pkg_info == METADATA.ljust(512, b"\n")
    assert isinstance(contents.declaration, Unreadable)
    assert contents.declaration.reason.startswith("unpacks to far more than it is")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"packed": 1000}, "what was read of it is too large: "),
        ({"unpacked": 70_000}, "what it unpacks to is too large: "),
        ({"ratio": 1, "ratio_from": 1}, "unpacks to far more than it is: "),
        ({"members": 2}, "has too many members: "),
    ],
)
def test_every_limit_can_be_reached(limits: dict[str, int], message: str) -> None:
    data = tar_bytes([(f"d/{n}", bytes(range(256)) * 300) for n in range(4)])
    with pytest.raises(LimitError) as caught:
        read_sdist(io.BytesIO(data), filename=SDIST, limits=Limits(**limits))
    assert str(caught.value).startswith(message)


def test_the_central_directory_is_limited() -> None:
    with pytest.raises(LimitError) as caught:
        read_wheel(io.BytesIO(REAL_WHEEL), filename=WHEEL, limits=Limits(directory=200))
    assert str(caught.value).startswith("its central directory is too large: found ")


def test_xz_tables_are_limited() -> None:
    data = lzma.compress(header("d/x", 0), preset=9)
    with pytest.raises(ArchiveError, match=r"Memory usage limit"):
        read_sdist(io.BytesIO(data), filename=SDIST, limits=Limits(memory=MIB))


# --- fuzz ---------------------------------------------------------------------------------------

REAL_WHEEL = zip_bytes(
    [
        ("demo/__init__.py", b"x = 1\n" * 50),
        ("demo/_vendor/six-1.0.dist-info/METADATA", b"Name: six\n"),
        (f"{INFO}/METADATA", METADATA),
        (f"{INFO}/WHEEL", b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
        (f"{INFO}/RECORD", b""),
    ]
)
PYPROJECT = b"[tool.trueup.wheels]\nrequires = ['x']\n"
MEMBERS = [
    ("demo-1.0/" + "n" * 200, b"x" * 700),
    ("demo-1.0/PKG-INFO", METADATA),
    ("demo-1.0/pyproject.toml", PYPROJECT),
    ("demo-1.0/\xe9", b""),
]
REAL_TARS = [
    tar_bytes(MEMBERS, format="tar", tar_format=tarfile.PAX_FORMAT),
    tar_bytes(MEMBERS, format="tar", tar_format=tarfile.GNU_FORMAT),
]
_EDGES = [b"\x00", b"\xff", b"\xff" * 4, b"\xff" * 8, b"PK", b"\x00" * 512, b"../", b"9999", b"-1"]


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """Real bytes with some replaced, put in, taken out or cut off."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        new = draw(st.one_of(st.sampled_from(_EDGES), st.binary(max_size=8)))
        match draw(st.sampled_from(["replace", "insert", "remove", "cut", "move"])):
            case "replace":
                data = data[:at] + new + data[at + len(new) :]
            case "insert":
                data = data[:at] + new + data[at:]
            case "remove":
                data = data[:at] + data[at + draw(st.integers(1, 64)) :]
            case "cut":
                data = data[:at] if draw(st.booleans()) else data[at:]
            case _:
                data = data[at:] + data[:at]
    return data


def said(error: ArchiveError) -> None:
    """An error has a sentence that a terminal can show."""
    assert str(error).isprintable()


@settings(max_examples=300, deadline=None)
@given(mutated([REAL_WHEEL, directory_of(3), claims_directory(70)]))
def test_whatever_a_wheel_is_nothing_else_is_raised(data: bytes) -> None:
    try:
        contents = read_wheel(io.BytesIO(data), filename=WHEEL)
    except ArchiveError as error:
        said(error)
        return
    assert isinstance(contents, WheelContents)
    assert isinstance(contents.metadata, bytes | Unreadable)


@settings(max_examples=200, deadline=None)
@given(
    mutated(REAL_TARS),
    st.sampled_from(["tar", "tar.gz", "tar.bz2", "tar.xz"]),
    st.booleans(),
)
def test_whatever_an_sdist_is_nothing_else_is_raised(data: bytes, form: str, inside: bool) -> None:
    if inside:
        data = compressed(data, form)  # the archive is damaged, its compression is not
    try:
        contents = read_sdist(io.BytesIO(data), filename=SDIST)
    except ArchiveError as error:
        said(error)
        return
    assert isinstance(contents, SdistContents)
    assert isinstance(contents.pkg_info, bytes | Unreadable)
    assert isinstance(contents.declaration, Declaration | Unreadable | None)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["tar.gz", "tar.bz2", "tar.xz"]), st.data())
def test_whatever_its_compression_is_nothing_else_is_raised(form: str, data: st.DataObject) -> None:
    raw = data.draw(mutated([compressed(REAL_TARS[0], form)]))
    try:
        read_sdist(io.BytesIO(raw), filename=SDIST)
    except ArchiveError as error:
        said(error)


@settings(max_examples=200, deadline=None)
@given(mutated([zip_bytes(MEMBERS)]))
def test_whatever_a_zipped_sdist_is_nothing_else_is_raised(data: bytes) -> None:
    try:
        read_sdist(io.BytesIO(data), filename="demo-1.0.zip")
    except ArchiveError as error:
        said(error)


@settings(max_examples=200, deadline=None)
@given(mutated(REAL_TARS))
def test_members_are_those_that_the_standard_library_sees(data: bytes) -> None:
    """Where both read an archive to its end, they agree on names, sizes and kinds."""
    seen = []
    try:
        archive = Untar(io.BytesIO(data), Limits())
        while (member := archive.next()) is not None:
            seen.append((member.name, member.size, not member.kind))
    except ArchiveError:
        return  # stricter: what is damaged is an error here and the end there
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8") as library:
        expected = [(info.name.rstrip("/"), info.size, _plain(info)) for info in library]
    assert seen == expected


def _plain(info: tarfile.TarInfo) -> bool:
    # `tarfile` extracts kinds that it does not know as files, and so do we read them.
    known = info.type in tarfile.SUPPORTED_TYPES
    return (info.isreg() or not known) and not info.issparse()


def test_zipfile_knows_no_damage_that_is_not_caught() -> None:
    """A version that `zipfile` refuses is one of its rarer errors."""
    at = REAL_WHEEL.rfind(b"PK\x01\x02")
    data = REAL_WHEEL[: at + 6] + b"\xff" + REAL_WHEEL[at + 7 :]
    with pytest.raises(ArchiveError, match=r"^central directory is damaged \(zip file version 25"):
        read_wheel(io.BytesIO(data), filename=WHEEL)
