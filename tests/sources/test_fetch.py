"""What one wheel of a release teaches about the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.build import metadata_text, wheel_text, zip_bytes
from tests.index_server import IndexServer
from trueup.model.artifact import Artifact, parse_filename
from trueup.model.metadata import Metadata
from trueup.sources.fetch import ArchiveFetcher
from trueup.sources.http import Client


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(sleep=lambda _: None) as client:
        yield client


def wheel(version: str, members: int) -> bytes:
    """A wheel with that many empty members, each with 80 bytes in the central directory."""
    info = f"demo-{version}.dist-info"
    return zip_bytes(
        [
            ("demo/data", bytes(range(256)) * 1000),
            *((f"demo/{number:029}", b"") for number in range(members)),
            (f"{info}/METADATA", metadata_text("demo", version).encode()),
            (f"{info}/WHEEL", wheel_text(["py3-none-any"]).encode()),
        ],
        compression=0,
    )


def added(server: IndexServer, filename: str, data: bytes) -> Artifact:
    server.add(filename, data)
    return Artifact(filename=filename, url=server.file_url(filename), name=parse_filename(filename))


def test_a_longer_tail_is_asked_for_where_another_wheel_of_the_release_needed_it(
    server: IndexServer, client: Client
) -> None:
    fetcher = ArchiveFetcher(client)
    counts = []
    for number in range(6):
        artifact = added(
            server, f"demo-1.0-{number}-py3-none-any.whl", wheel("1.0", 4000 + 10 * number)
        )
        server.forget()
        assert isinstance(fetcher.wheel(artifact).metadata, Metadata)
        counts.append(server.count())
    assert counts == [2, 1, 1, 1, 1, 1]
    # What they ask for does not grow with each of them.
    assert server.sent() < 500_000
    other = added(server, "demo-2.0-py3-none-any.whl", wheel("2.0", 10))
    server.forget()
    assert isinstance(fetcher.wheel(other).metadata, Metadata)
    assert server.sent() == 131072
