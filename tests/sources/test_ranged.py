from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator

import pytest

from tests.index_server import Drop, IndexServer, Ranges, Status, Truncate
from trueup.model.errors import LimitError, NotFoundError
from trueup.sources.http import AnswerError, Client
from trueup.sources.ranged import RangedFile, RangeLimits

NAME = "demo-1.0-py3-none-any.whl"
SMALL = RangeLimits(tail=1000, together=4000, slack=100)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(sleep=lambda _: None) as client:
        yield client


def archive(*members: tuple[str, int]) -> bytes:
    """A zip of members with so many bytes that do not compress."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, size in members:
            target.writestr(name, os.urandom(size))
    return file.getvalue()


def wheel_at_the_start(padding: int, *, members: int = 0) -> bytes:
    """METADATA and WHEEL first, so that the tail does not hold them."""
    return archive(
        ("demo-1.0.dist-info/METADATA", 2000),
        ("demo-1.0.dist-info/licenses/LICENSE", 500),
        ("demo-1.0.dist-info/WHEEL", 100),
        ("demo/data", padding),
        ("demo/vendor/other-1.dist-info/METADATA", 10),
        *((f"demo/{number}", 0) for number in range(members)),
    )


def read_both(file: RangedFile, data: bytes) -> None:
    with zipfile.ZipFile(file) as got, zipfile.ZipFile(io.BytesIO(data)) as expected:
        for name in ("METADATA", "WHEEL"):
            name = f"demo-1.0.dist-info/{name}"
            assert got.read(name) == expected.read(name)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
@pytest.mark.parametrize(
    "ranges", [Ranges.ALL, Ranges.NO_SUFFIX, Ranges.NO_SUFFIX_501, Ranges.IGNORED]
)
def test_it_is_the_file(server: IndexServer, client: Client, size: int, ranges: Ranges) -> None:
    data = os.urandom(size)
    server.add(NAME, data)
    server.ranges = ranges
    with RangedFile(client, server.file_url(NAME), limits=SMALL) as file:
        assert file.size == size
        assert file.readable()
        assert file.seekable()
        honest = io.BytesIO(data)
        for offset, whence, count in (
            (-10, io.SEEK_END, 5),
            (0, io.SEEK_SET, 7),
            (3, io.SEEK_CUR, 10),
            (1, io.SEEK_SET, 0),
            (0, io.SEEK_SET, -1),
            (10, io.SEEK_END, 3),
        ):
            if whence == io.SEEK_END and size + offset < 0:
                continue
            assert file.seek(offset, whence) == honest.seek(offset, whence)
            assert file.read(count) == honest.read(count)
            assert file.tell() == honest.tell()
        file.seek(0)
        assert io.BufferedReader(file).read() == data


def test_negative_positions(server: IndexServer, client: Client) -> None:
    server.add(NAME, b"x")
    with (
        RangedFile(client, server.file_url(NAME)) as file,
        pytest.raises(OSError, match="negative"),
    ):
        file.seek(-2, io.SEEK_END)


def test_one_request_where_the_tail_holds_all(server: IndexServer, client: Client) -> None:
    data = archive(
        ("demo/data", 1_000_000),
        ("demo-1.0.dist-info/METADATA", 9000),
        ("demo-1.0.dist-info/WHEEL", 100),
    )
    server.add(NAME, data)
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
        assert not file.whole
    (request,) = server.log
    assert request.headers["range"] == "bytes=-131072"
    assert request.sent == 131072


def test_two_requests_where_metadata_lies_at_the_start(server: IndexServer, client: Client) -> None:
    data = wheel_at_the_start(1_000_000)
    server.add(NAME, data)
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
    assert server.count() == 2
    assert server.sent() < 131072 + 8192


def test_three_requests_where_the_directory_is_longer_than_the_tail(
    server: IndexServer, client: Client
) -> None:
    data = wheel_at_the_start(1_000_000, members=4000)
    server.add(NAME, data)
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
    assert server.count() == 3


def test_two_requests_where_metadata_lies_before_a_long_directory(
    server: IndexServer, client: Client
) -> None:
    data = archive(
        ("demo/data", 1_000_000),
        *((f"demo/{number}", 0) for number in range(4000)),
        ("demo-1.0.dist-info/METADATA", 2000),
        ("demo-1.0.dist-info/WHEEL", 100),
    )
    server.add(NAME, data)
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
    assert server.count() == 2


def test_members_far_apart_are_fetched_one_by_one(server: IndexServer, client: Client) -> None:
    data = archive(
        ("demo-1.0.dist-info/METADATA", 2000),
        ("demo/data", 300_000),
        ("demo-1.0.dist-info/WHEEL", 100),
        ("demo/more", 300_000),
    )
    server.add(NAME, data)
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
    assert server.count() == 3
    assert server.sent() < 150_000


@pytest.mark.parametrize("ranges", [Ranges.NO_SUFFIX, Ranges.NO_SUFFIX_501])
def test_without_suffix_ranges(server: IndexServer, client: Client, ranges: Ranges) -> None:
    data = wheel_at_the_start(1_000_000)
    server.add(NAME, data)
    server.ranges = ranges
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
    assert [request.method for request in server.log] == ["GET", "HEAD", "GET", "GET"]
    assert server.sent() < 200_000


@pytest.mark.parametrize("status", [403, 405])
def test_without_suffix_ranges_and_without_head(
    server: IndexServer, client: Client, status: int
) -> None:
    data = wheel_at_the_start(1_000_000)
    server.add(NAME, data)
    server.ranges = Ranges.NO_SUFFIX
    server.fault(NAME, Status(416))
    server.fault(NAME, Status(status))
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
    assert [request.headers.get("range") for request in server.log[:3]] == [
        "bytes=-131072",
        None,
        "bytes=0-0",
    ]
    assert server.sent() < 200_000


def test_without_ranges_the_answer_is_the_file(server: IndexServer, client: Client) -> None:
    data = wheel_at_the_start(1_000_000)
    server.add(NAME, data)
    server.ranges = Ranges.IGNORED
    with RangedFile(client, server.file_url(NAME), limits=RangeLimits(in_memory=1000)) as file:
        read_both(file, data)
        assert file.whole
        assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert server.count() == 1


@pytest.mark.parametrize("fault", [Drop(), Truncate(500)])
@pytest.mark.parametrize("ranges", [Ranges.ALL, Ranges.IGNORED])
def test_dropped_connections(
    server: IndexServer, client: Client, fault: Drop | Truncate, ranges: Ranges
) -> None:
    data = wheel_at_the_start(300_000)
    server.add(NAME, data)
    server.ranges = ranges
    server.fault(NAME, fault, times=2)
    with RangedFile(client, server.file_url(NAME)) as file:
        read_both(file, data)
        assert file.size == len(data)


def test_a_server_that_sends_something_else(server: IndexServer, client: Client) -> None:
    server.add(NAME, os.urandom(5000))
    server.ranges = Ranges.WRONG
    with pytest.raises(AnswerError) as caught:
        RangedFile(client, server.file_url(NAME), limits=SMALL)
    assert str(caught.value) == (
        f"`{server.file_url(NAME)}`: the server answers a range request with something else: "
        "found `Content-Range: bytes 0-499/5000`, expected the range that was asked for"
    )


@pytest.mark.parametrize("etags", [True, False])
def test_a_file_that_changes(server: IndexServer, client: Client, etags: bool) -> None:
    server.etags = etags
    server.add(NAME, wheel_at_the_start(20_000))
    with RangedFile(client, server.file_url(NAME), limits=SMALL) as file:
        server.add(NAME, wheel_at_the_start(20_001))
        with pytest.raises(AnswerError) as caught, zipfile.ZipFile(file) as got:
            got.read("demo-1.0.dist-info/METADATA")
    assert f"`{server.file_url(NAME)}`: the file changed while it was read: found" in str(
        caught.value
    )
    assert caught.value.hint == "run the check again"


def test_limits(server: IndexServer, client: Client) -> None:
    server.add(NAME, os.urandom(50_000))
    limits = RangeLimits(tail=1000, ranges=20_000, whole=30_000)
    with RangedFile(client, server.file_url(NAME), limits=limits) as file:
        file.seek(0)
        with pytest.raises(LimitError) as caught:
            file.read()
    assert str(caught.value) == (
        f"`{server.file_url(NAME)}`: reading the metadata takes too much of the file: "
        "found more than 20000 bytes, expected at most 20000 bytes"
    )
    server.ranges = Ranges.IGNORED
    with pytest.raises(LimitError) as caught:
        RangedFile(client, server.file_url(NAME), limits=limits)
    assert str(caught.value) == (
        f"`{server.file_url(NAME)}`: the file is too large: "
        "found more than 30000 bytes, expected at most 30000 bytes"
    )


def test_a_file_that_is_not_there(server: IndexServer, client: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        RangedFile(client, server.file_url(NAME))
    assert str(caught.value) == (
        f"`{server.file_url(NAME)}`: does not exist: found status 404 Not Found"
    )
