"""A form is taken apart as it arrives, in whatever pieces; the file lies on the disk, hashed."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trueup.features.serve.receive import RefusedError
from trueup.interfaces.web.upload import Form, read_form

BOUNDARY = "7f3b"
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    about = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return f"--{BOUNDARY}\r\nContent-Disposition: {about}\r\n\r\n".encode() + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def read(
    body: bytes, folder: Path, *, pieces: int = 65536, limit: int = 10**9, kind: str = KIND
) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), pieces):
            yield body[at : at + pieces]
            await asyncio.sleep(0)

    async def work() -> Form:
        return await read_form(chunks(), kind, folder, limit=lambda filename: limit)

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("size", "pieces"),
    [(0, 1), (1, 1), (300, 7), (5000, 100), (1_048_576, 65536), (1_048_577, 4096),
     (9_000_000, 65536), (9_000_000, 3_000_001), (9_000_000, 10**9)],
)  # fmt: skip
def test_the_pieces_in_which_it_arrives_do_not_matter(
    size: int, pieces: int, tmp_path: Path
) -> None:
    data = random.Random(size).randbytes(size)
    body = form(
        part("name", b"demo"), part("requires_dist", b"one"), part("content", data, "demo.whl"),
        part("requires_dist", "zw\u00f6lf".encode()),
    )  # fmt: skip
    found = read(body, tmp_path, pieces=pieces)
    assert found.fields == {"name": ["demo"], "requires_dist": ["one", "zw\u00f6lf"]}
    assert (found.filename, found.size) == ("demo.whl", size)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.path is not None
    assert found.path.read_bytes() == data


LARGE = bytes(3_000_000)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (form(part("content", LARGE, "a.whl")), 413, "`a.whl` is too large"),
        (form(part("content", b"", "a.whl"), part("content", b"", "b.whl")), 400, "more than one"),
        (form(part("content", LARGE[:2_000_000], "a.whl"))[:-30], 400, "the form ends before"),
        (form(part("content", b"x", "../a.whl")), 400, "a name with a folder in it"),
        (form(part("name", bytes(4_200_000))), 413, "the fields of the form are too large"),
        (form(*[part("name", b"")] * 2001), 413, "the form has too many fields"),
        (form(part("content", LARGE[:2_000_000], "a.whl")) + b"--x", None, ""),
        (b"--another\r\n", 400, "the form is malformed"),
    ],
    ids=["large", "two files", "cut off", "folder", "long field", "fields", "epilogue", "no form"],
)  # fmt: skip
def test_what_is_no_upload(body: bytes, status: int | None, words: str, tmp_path: Path) -> None:
    if status is None:
        assert read(body, tmp_path, limit=2_500_000).size == 2_000_000
        return
    with pytest.raises(RefusedError, match=words) as caught:
        read(body, tmp_path, limit=2_500_000)
    assert caught.value.status == status


def test_a_boundary_may_be_too_long(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="the form is malformed"):
        read(b"", tmp_path, kind=f"multipart/form-data; boundary={'b' * 5000}")


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files is not limited there")
@pytest.mark.parametrize("size", [600_000, 9_000_000], ids=["in the end", "on the way"])
def test_a_disk_that_takes_no_more(size: int, tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(
            RefusedError, match=r"`a\.whl` cannot be kept: File too large"
        ) as caught:
            read(form(part("content", bytes(size), "a.whl")), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.status == 507


def test_an_upload_that_is_given_up_leaves_nobody_writing(tmp_path: Path) -> None:
    class GoneError(Exception):
        """The client."""

    async def chunks() -> AsyncIterator[bytes]:
        yield form(part("content", bytes(8_000_000), "a.whl"))[:-100]
        await asyncio.sleep(0)
        raise GoneError

    async def work() -> None:
        with pytest.raises(GoneError):
            await read_form(chunks(), KIND, tmp_path, limit=lambda filename: 10**9)
        # What had arrived was written to its end before the file was closed.
        assert (tmp_path / "upload").stat().st_size > 7_900_000

    asyncio.run(work())
