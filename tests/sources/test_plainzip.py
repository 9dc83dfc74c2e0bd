"""Archives that are plain, and those of which nothing is said."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

from tests.build import zip_bytes
from trueup.sources.limits import Limits
from trueup.sources.plainzip import PlainZip

NAME = "demo-1.0.dist-info/METADATA"
TEXT = b"Name: demo\n" * 20
SOUND = zip_bytes([("demo/a.py", b"x"), (NAME, TEXT), ("demo/b.py", b"y" * 99)])
ENTRY = SOUND.rindex(b"PK\x01\x02", 0, SOUND.rindex(NAME.encode()))
LOCAL = SOUND.index(NAME.encode()) - 30


def opened(data: bytes, limits: Limits | None = None) -> PlainZip | None:
    return PlainZip.open(io.BytesIO(data), limits or Limits())


def put(at: int, new: bytes) -> bytes:
    return SOUND[:at] + new + SOUND[at + len(new) :]


def written(change: Callable[[zipfile.ZipFile], object]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(NAME, TEXT)
        change(archive)
    return buffer.getvalue()


def with_extra(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("a")
    info.extra = struct.pack("<HHB", 0x5455, 1, 0)
    archive.writestr(info, b"")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_plain_archive(compression: int) -> None:
    members = [("a-1.dist-info/x", b""), ("b/c-1.dist-info/x", b""), (NAME, TEXT)]
    archive = opened(zip_bytes(members, compression=compression))
    assert archive is not None
    assert archive.folders(".dist-info") == {"a-1.dist-info", "demo-1.0.dist-info"}
    assert archive.read(NAME, 1000) == TEXT
    assert archive.read(NAME, len(TEXT) - 1) is None
    assert archive.read("missing", 1000) is None
    assert archive.read("a-1.dist-info/x", 1000) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SOUND[:-1],
        b"#!/bin/sh\n" + SOUND,
        SOUND + b"\x00",
        put(len(SOUND) - 12, b"\xff\xff\xff\xff"),
        put(len(SOUND) - 14, b"\x07\x00"),
        put(ENTRY + 6, b"\x40"),
        put(ENTRY + 42, b"\xff\xff\xff\xff"),
        written(lambda archive: setattr(archive, "comment", b"hello")),
        written(with_extra),
        written(lambda archive: archive.writestr("../a", b"")),
        written(lambda archive: archive.writestr("/a", b"")),
        written(lambda archive: archive.writestr("c:a", b"")),
        written(lambda archive: archive.writestr("é", b"")),
        written(lambda archive: archive.writestr("a\\b", b"")),
        SOUND[:-22] + b"PK\x06\x07" + bytes(16) + SOUND[-22:],
    ],
)
def test_an_archive_that_is_not_plain(data: bytes) -> None:
    assert opened(data) is None


@pytest.mark.parametrize(
    "data",
    [
        put(ENTRY + 8, b"\x01"),
        put(ENTRY + 10, b"\x0c"),
        put(ENTRY + 16, b"\x00\x00\x00\x00"),
        put(ENTRY + 20, b"\x01"),
        put(ENTRY + 20, b"\xff"),
        put(ENTRY + 24, b"\x01"),
        put(LOCAL, b"PX"),
        put(LOCAL + 26, b"\x01"),
        put(LOCAL + 28, b"\xff"),
        put(LOCAL + 30, b"X"),
        put(LOCAL + 30 + len(NAME), b"\xff\xff"),
    ],
)
def test_a_member_that_is_not_plain(data: bytes) -> None:
    archive = opened(data)
    assert archive is not None
    assert archive.read(NAME, 1000) is None


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_nothing_is_said() -> None:
    archive = opened(zip_bytes([(NAME, TEXT), (NAME, TEXT)]))
    assert archive is not None
    assert archive.read(NAME, 1000) is None


@pytest.mark.parametrize("limits", [Limits(members=2), Limits(directory=100)])
def test_the_limits(limits: Limits) -> None:
    assert opened(SOUND, limits) is None
    assert opened(SOUND) is not None
