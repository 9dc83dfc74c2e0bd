"""What is read out of wheels and sdists, and what is said of those that cannot be read."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from tests.build import make_sdist, make_wheel, tar_bytes, zip_bytes
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.declaration import Declaration
from trueup.model.errors import ArchiveError
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import How
from trueup.sources.archive import (
    SdistContents,
    WheelContents,
    read_sdist,
    read_wheel,
    reading_of_sdist,
    reading_of_wheel,
)
from trueup.sources.limits import Limits

WHEEL = "demo-1.0-py3-none-any.whl"
SDIST = "demo-1.0.tar.gz"
METADATA = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n"
INFO = "demo-1.0.dist-info"
DECLARATION = '[tool.trueup.wheels]\nrequires = ["libdemo==2"]\n'
Members = Sequence[tuple[str, bytes]]


def wheel_of(members: Members, filename: str = WHEEL) -> WheelContents:
    return read_wheel(io.BytesIO(zip_bytes(members)), filename=filename)


def sdist_of(
    members: Sequence[tuple[str | tarfile.TarInfo, bytes]], **limits: int
) -> SdistContents:
    data = tar_bytes(members)
    return read_sdist(io.BytesIO(data), filename=SDIST, limits=Limits(**limits))


def artifact(path: Path) -> Artifact:
    return Artifact(filename=path.name, url=str(path), name=parse_filename(path.name))


# --- wheels -------------------------------------------------------------------------------------


def test_a_wheel(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path, "demo", "1.0", tags=["cp311-cp311-linux_x86_64", "cp312-cp312-linux_x86_64"],
        build="2", requires=["numpy>=1"],
    )  # fmt: skip
    with path.open("rb") as file:
        reading = reading_of_wheel(file, artifact(path))
    assert isinstance(reading.metadata, Metadata)
    assert reading.metadata.fields["requires-dist"] == ("numpy>=1",)
    assert (reading.how, reading.verified, reading.dist_info) == (How.FILE, False, INFO)
    assert reading.wheel_headers is not None
    assert reading.wheel_headers["build"] == ("2",)
    assert reading.wheel_headers["tag"] == (
        "cp311-cp311-linux_x86_64", "cp311-cp312-linux_x86_64",
        "cp312-cp311-linux_x86_64", "cp312-cp312-linux_x86_64",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("filename", "folders", "expected"),
    [
        pytest.param(WHEEL, ["Demo-1.0.dist-info"], "Demo-1.0.dist-info", id="other case"),
        pytest.param(WHEEL, ["other-2.dist-info"], "other-2.dist-info", id="the only one"),
        pytest.param(
            "foo_bar-1.0-py3-none-any.whl",
            ["Foo.Bar-1.0.0.dist-info", "foo-1.0.dist-info"],
            "Foo.Bar-1.0.0.dist-info",
            id="of two the one that the file name means",
        ),
        pytest.param(
            "demo-1.0-3-py3-none-any.whl",
            ["demo-1.0.dist-info", "demo-1.0.1.dist-info"],
            "demo-1.0.dist-info",
            id="build tag",
        ),
        pytest.param(
            "demo-1.0-py3-none-any-cu126.whl",
            ["demo-1.0.dist-info", "x-1.dist-info"],
            "demo-1.0.dist-info",
            id="variant label",
        ),
    ],
)
def test_the_dist_info_folder_is_found(filename: str, folders: list[str], expected: str) -> None:
    members = [(f"{folder}/METADATA", folder.encode()) for folder in folders]
    contents = wheel_of(members, filename)
    assert (contents.dist_info, contents.metadata) == (expected, expected.encode())


def test_the_dist_infos_of_vendored_packages_do_not_count() -> None:
    vendored = [
        (f"demo/_vendor/{name}.dist-info/{file}", b"not this")
        for name in ("demo-1.0", "six-1.16")
        for file in ("METADATA", "WHEEL")
    ]
    contents = wheel_of([*vendored, (f"{INFO}/METADATA", METADATA), (f"{INFO}/WHEEL", b"Tag: x\n")])
    assert contents == WheelContents(
        metadata=METADATA, dist_info=INFO, wheel_headers={"tag": ("x",)}
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        pytest.param(
            [("demo.py", b"")], "has no `*.dist-info` folder at its top", id="no dist-info"
        ),
        pytest.param(
            [("a/b-1.dist-info/METADATA", b"")],
            "has no `*.dist-info` folder at its top",
            id="only a vendored one",
        ),
        pytest.param(
            [(f"{INFO}/WHEEL", b"")], "has no `demo-1.0.dist-info/METADATA`", id="no METADATA"
        ),
        pytest.param(
            [(f"{INFO}\\METADATA", b"")],
            "has no `*.dist-info` folder at its top",
            id="backslashes",
        ),
        pytest.param(
            [("a-1.dist-info/METADATA", b""), ("b-1.dist-info/METADATA", b"")],
            "has 2 dist-info folders, and not exactly one fits the file name: "
            "`a-1.dist-info`, `b-1.dist-info`",
            id="several, none fits",
        ),
        pytest.param(
            [("Demo-1.0.dist-info/METADATA", b""), ("demo-1.0.0.dist-info/METADATA", b"")],
            "has 2 dist-info folders, and not exactly one fits the file name: "
            "`Demo-1.0.dist-info`, `demo-1.0.0.dist-info`",
            id="several fit",
        ),
    ],
)
def test_a_wheel_whose_metadata_cannot_be_found(members: Members, reason: str) -> None:
    contents = wheel_of(members)
    assert isinstance(contents.metadata, Unreadable)
    assert contents.metadata.reason == reason
    assert contents.metadata.hint is not None


def test_a_wheel_with_two_entries_for_its_metadata() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        contents = wheel_of([(f"{INFO}/METADATA", METADATA), (f"{INFO}/METADATA", b"Name: evil\n")])
    assert contents.metadata == Unreadable(
        reason=f"holds `{INFO}/METADATA` 2 times",
        hint="build it again; which of them counts depends on the installer",
    )


def changed(data: bytes, old: bytes, new: bytes, *, last: bool = False) -> bytes:
    """The bytes with one place changed: the first, or the last, which is in the directory."""
    at = data.rfind(old) if last else data.find(old)
    assert at >= 0
    assert len(old) == len(new)
    return data[:at] + new + data[at + len(old) :]


def entry(data: bytes, name: bytes, offset: int, new: bytes) -> bytes:
    """The bytes with ``new`` at ``offset`` of the central directory's entry for ``name``."""
    at = data.rfind(name) - 46 + offset
    return data[:at] + new + data[at + len(new) :]


ZIP = zip_bytes([(f"{INFO}/METADATA", METADATA)], compression=zipfile.ZIP_STORED)
NAME = f"{INFO}/METADATA".encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(
            changed(ZIP, b"Name: demo", b"Name: evil"),
            f"`{INFO}/METADATA` is damaged: its checksum does not fit",
            id="changed bytes",
        ),
        pytest.param(
            changed(ZIP, NAME, NAME[:-1] + b"B"),
            f"`{INFO}/METADATA` has another name in the header before its bytes",
            id="local header with another name",
        ),
        pytest.param(
            changed(ZIP, b"PK\x03\x04", b"PK\x03\x05"),
            f"`{INFO}/METADATA` is damaged (Bad magic number for file header)",
            id="no local header",
        ),
        pytest.param(
            entry(ZIP, NAME, 8, b"\x01\x00"), f"`{INFO}/METADATA` is encrypted", id="encrypted"
        ),
        pytest.param(
            entry(ZIP, NAME, 10, b"\x0e\x00"),
            f"`{INFO}/METADATA` is compressed by a method that not every installer knows: "
            "found LZMA, expected stored or deflated",
            id="LZMA",
        ),
        pytest.param(
            entry(ZIP, NAME, 10, b"\x63\x00"),
            f"`{INFO}/METADATA` is compressed by a method that not every installer knows: "
            "found method 99, expected stored or deflated",
            id="unknown method",
        ),
        pytest.param(
            entry(ZIP, NAME, 24, b"\x00\x00\x00\xf0"),
            f"`{INFO}/METADATA` is too large: found 3840 MiB, expected at most 16 MiB",
            id="claims 4 GB",
        ),
    ],
)
def test_metadata_that_cannot_be_unpacked(data: bytes, reason: str) -> None:
    contents = read_wheel(io.BytesIO(data), filename=WHEEL)
    assert isinstance(contents.metadata, Unreadable)
    assert contents.metadata.reason == reason
    assert contents.dist_info == INFO


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is no zip archive, or is cut off", id="empty"),
        pytest.param(b"<html>Not found</html>", "is no zip archive, or is cut off", id="HTML"),
        pytest.param(ZIP[:-30], "is no zip archive, or is cut off", id="cut off"),
        pytest.param(
            changed(ZIP, b"PK\x01\x02", b"PK\x01\x03"),
            "central directory is damaged (Bad magic number for central directory)",
            id="damaged directory",
        ),
        pytest.param(
            zip_bytes([("../x.dist-info/METADATA", METADATA)]),
            "holds a path that leads out of it: `../x.dist-info/METADATA`",
            id="path upwards",
        ),
        pytest.param(
            zip_bytes([("/x.dist-info/METADATA", METADATA)]),
            "holds a path that leads out of it: `/x.dist-info/METADATA`",
            id="absolute path",
        ),
        pytest.param(
            zip_bytes([("a\\..\\..\\x", b"")]),
            "holds a path that leads out of it: `a\\..\\..\\x`",
            id="backslashes upwards",
        ),
        pytest.param(
            zip_bytes([("c:\\x", b"")]), "holds a path that leads out of it: `c:\\x`", id="drive"
        ),
        pytest.param(
            zip_bytes([("../\x1b[31m\n", b"")]),
            "holds a path that leads out of it: `../\\x1b[31m\\n`",
            id="terminal escapes are shown, not sent",
        ),
    ],
)
def test_no_sound_zip_archive(data: bytes, message: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        read_wheel(io.BytesIO(data), filename=WHEEL)
    assert str(caught.value) == message
    assert caught.value.hint is not None


@pytest.mark.parametrize("data", [None, b"no header at all", b""])
def test_a_wheel_file_that_cannot_be_read_leaves_the_metadata(data: bytes | None) -> None:
    wheel = [] if data is None else [(f"{INFO}/WHEEL", data)]
    contents = wheel_of([(f"{INFO}/METADATA", METADATA), *wheel])
    assert contents == WheelContents(metadata=METADATA, dist_info=INFO, wheel_headers=None)


class Counted(io.BytesIO):
    """Counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_little_is_read_of_a_large_wheel(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path, "demo", "1.0", files={"demo/data": bytes(range(256)) * 4096},
        compression=zipfile.ZIP_STORED,
    )  # fmt: skip
    file = Counted(path.read_bytes())
    assert isinstance(read_wheel(file, filename=path.name).metadata, bytes)
    assert file.count < 2000


# --- sdists -------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "zip"])
@pytest.mark.parametrize("pkg_info_last", [False, True])
def test_an_sdist(tmp_path: Path, format: str, pkg_info_last: bool) -> None:  # noqa: A002
    path = make_sdist(
        tmp_path, "demo", "1.0", format=format, requires=["numpy"], pyproject=DECLARATION,
        pkg_info_last=pkg_info_last,
        files={"src/demo.py": b"x" * 70_000, "src/demo.egg-info/PKG-INFO": b"Name: other\n"},
    )  # fmt: skip
    with path.open("rb") as file:
        reading = reading_of_sdist(file, artifact(path))
    assert isinstance(reading.metadata, Metadata)
    assert reading.metadata.fields["requires-dist"] == ("numpy",)
    assert (reading.how, reading.verified, reading.dist_info) == (How.FILE, False, None)
    assert isinstance(reading.declaration, Declaration)
    assert [str(item) for item in reading.declaration.wheels_require] == ["libdemo==2"]


def test_a_legacy_sdist_without_pyproject_declares_nothing(tmp_path: Path) -> None:
    path = make_sdist(tmp_path, "demo", "1.0", metadata_version="1.1", files={"setup.py": b""})
    with path.open("rb") as file:
        contents = read_sdist(file, filename=path.name)
    assert contents.declaration is None
    assert contents.pkg_info == b"Metadata-Version: 1.1\nName: demo\nVersion: 1.0\n"


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([("./demo-1.0/PKG-INFO", METADATA)], id="./"),
        pytest.param([("Demo/PKG-INFO", METADATA)], id="top folder of another name"),
        pytest.param([("pax_global_header", b""), ("d/PKG-INFO", METADATA)], id="file at the top"),
        pytest.param([("._d", b"x"), ("d/._PKG-INFO", b"x"), ("d/PKG-INFO", METADATA)], id="macOS"),
        pytest.param([("d/" + "x" * 300, b""), ("d/PKG-INFO", METADATA)], id="long names"),
        pytest.param([("d/\xe9t\xe9", b""), ("d/PKG-INFO", METADATA)], id="names in UTF-8"),
        pytest.param([("d/PKG-INFO", METADATA), ("d/PKG-INFO", METADATA)], id="twice the same"),
    ],
)
@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_pkg_info_is_found(members: Members, tar_format: int) -> None:
    data = tar_bytes(members, tar_format=tar_format)
    contents = read_sdist(io.BytesIO(data), filename=SDIST)
    assert contents == SdistContents(pkg_info=METADATA, declaration=None)


@pytest.mark.parametrize("format", ["tar.gz", "zip"])
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        pytest.param([("d/setup.py", b"")], "has no `PKG-INFO` in its top folder", id="none"),
        pytest.param(
            [("d/d.egg-info/PKG-INFO", METADATA)],
            "has no `PKG-INFO` in its top folder (`d/d.egg-info/PKG-INFO` does not count)",
            id="only that of egg-info",
        ),
        pytest.param(
            [("PKG-INFO", METADATA)],
            "has no `PKG-INFO` in its top folder (`PKG-INFO` does not count)",
            id="outside of a folder",
        ),
        pytest.param(
            [("a/PKG-INFO", METADATA), ("b/PKG-INFO", METADATA)],
            "has more than one `PKG-INFO`: `a/PKG-INFO`, `b/PKG-INFO`",
            id="two top folders",
        ),
    ],
)
def test_an_sdist_whose_metadata_cannot_be_found(
    members: Members,
    reason: str,
    format: str,  # noqa: A002
) -> None:
    data = zip_bytes(members) if format == "zip" else tar_bytes(members)
    contents = read_sdist(io.BytesIO(data), filename=f"demo-1.0.{format}")
    assert isinstance(contents.pkg_info, Unreadable)
    assert contents.pkg_info.reason == reason


def test_two_different_pkg_infos_of_one_name() -> None:
    contents = sdist_of([("d/PKG-INFO", METADATA), ("d/PKG-INFO", b"Name: evil\n")])
    assert contents.pkg_info == Unreadable(
        reason="holds `d/PKG-INFO` more than once, with different contents",
        hint="build it again; which of them counts depends on the installer",
    )


def linked(kind: bytes, name: str = "d/PKG-INFO") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.DIRTYPE, "a folder"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
    ],
)
def test_a_pkg_info_that_is_no_file(kind: bytes, what: str) -> None:
    contents = sdist_of([(linked(kind), b"")])
    assert contents.pkg_info == Unreadable(reason=f"`d/PKG-INFO` is {what}, not an ordinary file")


def test_a_sparse_pkg_info_of_the_newer_format() -> None:
    info = tarfile.TarInfo("d/PKG-INFO")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    contents = sdist_of([(info, METADATA)])
    assert contents.pkg_info == Unreadable(
        reason="`d/PKG-INFO` is a sparse file, not an ordinary file"
    )


@pytest.mark.parametrize(
    ("pyproject", "reason"),
    [
        (b"[tool", "is not valid TOML: Expected ']' at the end of a table declaration"),
        (b"a = " + b"[" * 100_000, "is not valid TOML: it is nested too deeply"),
        (b"a = " + b"1" * 5000, "is not valid TOML: it holds a number of too many digits"),
        (b"a = 1\nb = '\xe9'", "is not UTF-8 at line 2"),
        (b"a" + b".a" * 2001 + b" = 1", "has a line with more than 2,000 dots"),
        (b"#" * 524_289, "`d/pyproject.toml` is too large: found 524,289 bytes, expected at most 512 KiB"),
        (
            b"[tool.trueup.wheels]\nrequires = 1",
            "`[tool.trueup.wheels] requires`: found 1, expected a list of strings",
        ),
        (
            b"[tool.trueup.sdist]\nbuild = 'never'",
            "`[tool.trueup.sdist] build`: found 'never', expected \"auto\" or \"manual\"",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("format", ["tar.gz", "zip"])
def test_a_declaration_that_cannot_be_read(
    pyproject: bytes,
    reason: str,
    format: str,  # noqa: A002
) -> None:
    members = [("d/PKG-INFO", METADATA), ("d/pyproject.toml", pyproject)]
    data = zip_bytes(members) if format == "zip" else tar_bytes(members)
    contents = read_sdist(io.BytesIO(data), filename=f"demo-1.0.{format}")
    assert contents.pkg_info == METADATA
    assert isinstance(contents.declaration, Unreadable)
    assert contents.declaration.reason.startswith(reason)


class Forward(io.RawIOBase):
    """A stream as it comes from a server: no seeking, short reads; counts what was taken."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data
        self.taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        part = self.data[self.taken : self.taken + min(size, 777)]
        self.taken += len(part)
        return part


@pytest.mark.parametrize("format", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_stream_is_read_forward_and_no_further_than_needed(format: str) -> None:  # noqa: A002
    noise = bytes(hash((n, n * n)) % 256 for n in range(300_000))
    members = [
        ("d/PKG-INFO", METADATA),
        ("d/pyproject.toml", DECLARATION.encode()),
        ("d/z", noise),
    ]
    stream = Forward(tar_bytes(members, format=format))
    contents = read_sdist(cast(BinaryIO, stream), filename=f"demo-1.0.{format}")
    assert contents.pkg_info == METADATA
    assert isinstance(contents.declaration, Declaration)
    # bzip2 unpacks blocks of 900 kB, so nothing comes out before the end of this one.
    assert stream.taken < 100_000 or format == "tar.bz2"


def test_pyproject_is_looked_for_behind_pkg_info_only_so_far() -> None:
    members: Members = [
        ("d/PKG-INFO", METADATA),
        ("d/data", bytes(300_000)),
        ("d/e", b""),
        ("d/pyproject.toml", DECLARATION.encode()),
    ]
    assert isinstance(sdist_of(members, after_pkg_info=400_000).declaration, Declaration)
    contents = sdist_of(members, after_pkg_info=200 * 1024)
    assert contents.pkg_info == METADATA
    assert contents.declaration == Unreadable(
        reason="was not met in the 200 KiB after `PKG-INFO`, and the rest was not read",
        hint="put `pyproject.toml` before large files, as in sorted archives",
    )


TAR = tar_bytes([("d/setup.py", b"x" * 3000), ("d/PKG-INFO", METADATA)], format="tar")


@pytest.mark.parametrize(
    ("filename", "data", "message"),
    [
        pytest.param(SDIST, b"", "is empty", id="empty"),
        pytest.param(SDIST, b"<html>", "is no tar archive", id="HTML"),
        pytest.param(SDIST, bytes(10_240), "is an empty tar archive", id="only zeros"),
        pytest.param(
            SDIST,
            zip_bytes([("d/PKG-INFO", METADATA)]),
            "is a zip archive, and its name says that it is a tar archive",
            id="zip",
        ),
        pytest.param(
            "demo-1.0.tar.Z",
            b"\x1f\x9d\x90xyz",
            "is compressed with `compress` (`.tar.Z`), which is not supported",
            id="compress",
        ),
        pytest.param(
            SDIST,
            b"\x28\xb5\x2f\xfdxyz",
            "is compressed with `zstd`, which is not supported",
            id="zstd",
        ),
        pytest.param(
            SDIST,
            tar_bytes([("d/a", b"")])[:-20],
            "is cut off: the compressed data stops before its end",
            id="cut off, gzip",
        ),
        pytest.param(
            SDIST,
            tar_bytes([("d/a", bytes(range(256)))], format="tar.xz")[:200],
            "is cut off: the compressed data stops before its end",
            id="cut off, xz",
        ),
        pytest.param(
            SDIST, TAR[:2000], "is cut off: the archive stops before its end", id="cut off, in a file"
        ),
        pytest.param(
            SDIST,
            TAR[:3700],
            "is cut off: the archive stops before its end",
            id="cut off, in a header",
        ),
        pytest.param(
            SDIST,
            TAR[:3584],
            "is cut off: the archive stops before its end",
            id="cut off, between members",
        ),
        pytest.param(
            SDIST, changed(TAR, b"d/PKG-INFO", b"e/PKG-INFO"), "has a damaged header at byte 3,584", id="damaged"
        ),
        pytest.param(
            SDIST,
            gzip.compress(TAR)[:20] + b"garbage" * 9,
            "holds damaged compressed data (Error -3 while decompressing data: invalid bit length repeat)",
            id="gzip with garbage inside",
        ),
        pytest.param(
            SDIST,
            gzip.compress(TAR[:512]) + b"garbage",
            "has other data after the end of its compressed data",
            id="gzip with garbage behind",
        ),
        pytest.param(
            SDIST,
            tar_bytes([("../d/PKG-INFO", METADATA)]),
            "holds a path that leads out of it: `../d/PKG-INFO`",
            id="path upwards",
        ),
        pytest.param(
            SDIST,
            tar_bytes([("d/../PKG-INFO", METADATA)]),
            "holds a path that leads out of it: `d/../PKG-INFO`",
            id="path up and down",
        ),
        pytest.param(
            SDIST,
            tar_bytes([("/d/PKG-INFO", METADATA)]),
            "holds a path that leads out of it: `/d/PKG-INFO`",
            id="absolute path",
        ),
    ],
)  # fmt: skip
def test_no_sound_sdist(filename: str, data: bytes, message: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        read_sdist(io.BytesIO(data), filename=filename)
    assert str(caught.value) == message
    reading = reading_of_sdist(
        io.BytesIO(data), Artifact(filename=filename, url="", name=parse_filename(filename))
    )
    assert reading.metadata == Unreadable(reason=message, hint=caught.value.hint)


def test_damage_behind_pkg_info_leaves_only_the_declaration_unknown() -> None:
    data = tar_bytes([("d/PKG-INFO", METADATA), ("d/data", bytes(9000))], format="tar")[:5000]
    contents = read_sdist(io.BytesIO(data), filename=SDIST)
    assert contents == SdistContents(
        pkg_info=METADATA,
        declaration=Unreadable(
            reason="is cut off: the archive stops before its end",
            hint="build or download it again",
        ),
    )


def test_a_failing_disk_is_a_reason_too() -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def tell(self) -> int:
            return 1000

        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    file = cast(BinaryIO, Failing())
    with pytest.raises(ArchiveError, match=r"^cannot be read: Input/output error$"):
        read_wheel(file, filename=WHEEL)
    with pytest.raises(ArchiveError, match=r"^cannot be read: Input/output error$"):
        read_sdist(file, filename=SDIST)
