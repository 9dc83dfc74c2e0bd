"""Files by digest and name: what a page ever listed is served, with its sidecar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.build import make_wheel, metadata_text
from tests.desks import add, open_desk, publish
from tests.index_server import IndexServer, Sidecar
from trueup.features.serve.desk import Desk, View
from trueup.model.errors import NotFoundError, SourceError
from trueup.sources.http import Client
from trueup.sources.index import IndexSource

DEMO = "demo-1.0-py3-none-any.whl"
TEXT = metadata_text("demo", "1.0", requires=["one"]).encode()


@pytest.fixture
def upstream() -> Iterator[IndexServer]:
    with IndexServer() as found:
        yield found


@pytest.fixture
def desk(upstream: IndexServer, tmp_path: Path) -> Iterator[Desk]:
    def behind() -> IndexSource:
        return IndexSource([upstream.url], Client())

    with open_desk(tmp_path / "index", open_upstream=behind) as found:
        yield found


def listed(desk: Desk, project: str = "demo") -> dict[str, dict[str, Any]]:
    page = desk.page(View(), canonicalize_name(project), "json")
    return {file["filename"]: file for file in json.loads(page.body)["files"]}


def wheel(folder: Path) -> bytes:
    return make_wheel(folder, "demo", "1.0", metadata_bytes=TEXT).read_bytes()


@pytest.mark.parametrize(("kind", "requests"), [(Sidecar.ADVERTISED, 1), (Sidecar.WITHOUT_HASH, 2)])
def test_a_sidecar_of_the_index_behind_is_passed_on(
    kind: Sidecar, requests: int, upstream: IndexServer, desk: Desk, tmp_path: Path
) -> None:
    """What has a digest is kept; the wheel is not fetched for it."""
    upstream.add(DEMO, wheel(tmp_path), sidecar=kind, metadata=TEXT)
    digest = listed(desk)[DEMO]["hashes"]["sha256"]
    for _ in range(2):
        assert desk.files.sidecar(digest) == TEXT
    assert upstream.count(path=f"{DEMO}.metadata") == requests
    assert upstream.count(path="/files/") == requests


def test_a_sidecar_that_went_away_is_in_the_wheel(
    upstream: IndexServer, desk: Desk, tmp_path: Path
) -> None:
    upstream.add(DEMO, wheel(tmp_path), sidecar=Sidecar.ADVERTISED, metadata=TEXT)
    digest = listed(desk)[DEMO]["hashes"]["sha256"]
    desk.files.file(digest, DEMO)
    upstream.projects.clear()
    assert desk.files.sidecar(digest) == TEXT


@pytest.mark.parametrize("kind", [Sidecar.NONE, Sidecar.MISSING])
def test_a_sidecar_that_is_not_there(
    kind: Sidecar, upstream: IndexServer, desk: Desk, tmp_path: Path
) -> None:
    upstream.add(DEMO, wheel(tmp_path), sidecar=kind, metadata=TEXT)
    digest = listed(desk)[DEMO]["hashes"]["sha256"]
    if kind is Sidecar.NONE:
        assert desk.files.sidecar(digest) is None
    else:
        with pytest.raises(NotFoundError):
            desk.files.sidecar(digest)


def test_a_sidecar_that_is_another_is_refused(
    upstream: IndexServer, desk: Desk, tmp_path: Path
) -> None:
    upstream.add(
        DEMO, wheel(tmp_path), sidecar=Sidecar.ADVERTISED, metadata=TEXT, metadata_sha256="0" * 64
    )
    with pytest.raises(SourceError, match="the sidecar's sha256 is not the one"):
        desk.files.sidecar(listed(desk)[DEMO]["hashes"]["sha256"])


def test_the_same_bytes_under_two_names_are_served_under_both(
    upstream: IndexServer, desk: Desk, tmp_path: Path
) -> None:
    data, again = wheel(tmp_path), "demo-1.0-1-py3-none-any.whl"
    own = make_wheel(tmp_path, "own", "1.0")
    other = tmp_path / "own-1.0-1-py3-none-any.whl"
    other.write_bytes(own.read_bytes())
    for name in (DEMO, again):
        upstream.add(name, data, sidecar=Sidecar.ADVERTISED, metadata=TEXT)
    for path in (own, other):
        add(desk, path)
    publish(desk, "own", "1.0")
    for project in ("demo", "own"):
        files = listed(desk, project)
        assert len(files) == 2
        (digest,) = {file["hashes"]["sha256"] for file in files.values()}
        for name in files:
            assert desk.files.file(digest, name).filename == name
            assert desk.files.sidecar(digest)
        with pytest.raises(NotFoundError):
            desk.files.file(digest, "other-1.0-py3-none-any.whl")
