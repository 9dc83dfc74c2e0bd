"""Archives that installers would unpack differently, made from a real wheel, are refused."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.build import make_wheel
from trueup.features.serve.framing import check_framing
from trueup.model.errors import ArchiveError


@pytest.fixture
def wheel(tmp_path: Path) -> bytes:
    return make_wheel(tmp_path, "demo", "1.0", files={"demo/more.py": b"more = 1"}).read_bytes()


def unnamed(wheel: bytes) -> bytes:
    """Without the last member's record in the central directory; its header and bytes stay."""
    end = wheel.rindex(b"PK\x05\x06")
    count, _, start = struct.unpack("<HII", wheel[end + 10 : end + 20])
    last = wheel.rindex(b"PK\x01\x02", 0, end)
    counts = struct.pack("<HHII", count - 1, count - 1, last - start, start)
    return wheel[:last] + wheel[end : end + 8] + counts + wheel[end + 20 :]


def commented(wheel: bytes) -> bytes:
    return wheel[:-2] + struct.pack("<H", 5) + b"hello"


def linked(wheel: bytes) -> bytes:
    data = io.BytesIO(wheel)
    with zipfile.ZipFile(data, "a") as archive:
        link = zipfile.ZipInfo("demo/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/hosts")
    return data.getvalue()


class _Stream(io.RawIOBase):
    """Takes bytes and never goes back: archives written so have data descriptors."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)


def streamed(names: Sequence[str]) -> bytes:
    parts: list[bytes] = []
    with zipfile.ZipFile(_Stream(parts), "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, os.urandom(100))
    return b"".join(parts)


def test_ordinary_archives_pass(wheel: bytes) -> None:
    for data in (wheel, commented(wheel), streamed(["a", "b/", "b/c"])):
        check_framing(io.BytesIO(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (unnamed, "that are no member"),
        (lambda wheel: b"#!/bin/sh\n" + wheel, "before its first member"),
        (lambda wheel: wheel + wheel, "before its first member"),
        (lambda wheel: wheel + b"\n", "after its end"),
        (lambda wheel: commented(wheel)[:-2], "after its end"),
        (linked, "a symbolic link: `demo/link`"),
    ],
    ids=[
        "an unnamed member",
        "a script before",
        "two archives",
        "bytes after",
        "cut off",
        "a link",
    ],
)
def test_others_are_refused(change: Callable[[bytes], bytes], message: str, wheel: bytes) -> None:
    with pytest.raises(ArchiveError, match=message):
        check_framing(io.BytesIO(change(wheel)))
