"""Fixtures for everything that talks to an index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.index_server import IndexServer


@pytest.fixture
def server() -> Iterator[IndexServer]:
    """An empty test index."""
    with IndexServer() as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test index is on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
