"""The native files of a wheel, small ones unpacked in memory and large ones on disk."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.build import make_wheel
from tests.compiler import needs_compiler, shared_library
from tests.natives import LINUX
from trueup.model.errors import SourceError
from trueup.model.library import Distribution
from trueup.model.metadata import Unreadable
from trueup.sources import nativewheel
from trueup.sources.binary.read import read_images
from trueup.sources.nativewheel import read_native_wheel

pytestmark = [needs_compiler]

MEBIBYTE = 1024 * 1024


def library(folder: Path, size: int) -> bytes:
    """A library with so many bytes of data, which compress by less than the limit allows."""
    blob = folder / "blob"
    blob.write_bytes(os.urandom(MEBIBYTE // 8) * (8 * size // MEBIBYTE))
    source = f'__asm__(".data\\n.incbin \\"{blob}\\"\\n.text"); long one(void) {{ return 1; }}'
    return shared_library(folder, f"lib{size}.so", source, soname=f"lib{size}.so").read_bytes()


def read(wheel: Path) -> Distribution:
    with wheel.open("rb") as file:
        return read_native_wheel(file, wheel.name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Libraries of 0, 9 and 33 MiB: in memory, on disk, and more than is unpacked ahead."""
    folder = tmp_path_factory.mktemp("made")
    files = {f"demo/lib{n}.so": library(folder, n * MEBIBYTE) for n in (0, 9, 33)}
    tags, stored = f"py3-none-{LINUX}", zipfile.ZIP_STORED
    return make_wheel(folder, "demo", "1.0", tags=tags, files=files, compression=stored), files


@pytest.fixture
def wheel(made: tuple[Path, dict[str, bytes]], tmp_path: Path) -> tuple[Path, dict[str, bytes]]:
    return Path(shutil.copy(made[0], tmp_path)), made[1]


def test_large_and_small_members_read_alike(wheel: tuple[Path, dict[str, bytes]]) -> None:
    path, files = wheel
    found = {file.path: file for file in read(path).files}
    assert found.keys() == files.keys()
    for name, data in files.items():
        assert found[name].sha256 == hashlib.sha256(data).hexdigest()
        assert found[name].size == len(data)
        assert found[name].images == read_images(data) == read_images(io.BytesIO(data))
        assert not isinstance(found[name].images, Unreadable)


def test_a_large_member_that_is_damaged(wheel: tuple[Path, dict[str, bytes]]) -> None:
    path, _ = wheel
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("demo/lib9.so")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
    path.write_bytes(data)
    images = {file.path: file.images for file in read(path).files}
    assert isinstance(images["demo/lib9.so"], Unreadable)
    assert "is damaged" in images["demo/lib9.so"].reason
    assert not isinstance(images["demo/lib33.so"], Unreadable)


def test_a_disk_that_is_full_is_no_damage(
    wheel: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        """A file on it."""

        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(nativewheel, "TemporaryFile", lambda **_: Full())
    with pytest.raises(SourceError, match=r"`demo/lib9\.so` cannot be unpacked: No space left"):
        read(wheel[0])
