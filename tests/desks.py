"""Indexes in the test's own process, without HTTP.

with open_desk(tmp_path / "index") as desk:
    add(desk, make_wheel(tmp_path, "demo", "1.0"))
    publish(desk, "demo", "1.0")
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name

from trueup.features.serve.desk import MAIN, Desk, View
from trueup.features.serve.policies import Policy, PolicyBook, ProjectPolicy, ViewPolicy
from trueup.features.serve.receive import Received
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine, upgrade
from trueup.sources.store.store import Store

__all__ = ["add", "digest", "open_desk", "page", "publish"]


@contextmanager
def open_desk(
    folder: Path,
    *,
    database: str | None = None,
    blobs: str | None = None,
    policy: Policy = Policy.REJECT,
    views: ViewPolicy | None = None,
    **options: Any,
) -> Iterator[Desk]:
    """An index in a folder, or with its database and its blobs elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "index.db"
    if database is None and not file.exists():
        file.write_bytes(_empty())
    engine = open_engine(database or f"sqlite:///{file}")
    if database is not None:
        upgrade(engine)
    desk = Desk(
        Store(engine),
        open_blobs(blobs or str(folder / "blobs"), folder),
        policies=PolicyBook(
            default=ProjectPolicy(contradictions=policy, views=views or ViewPolicy())
        ),
        **options,
    )
    try:
        yield desk
    finally:
        desk.close()


@cache
def _empty() -> bytes:
    """An empty database: its migrations take longer than most tests of it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        engine = open_engine(f"sqlite:///{path}")
        upgrade(engine)
        engine.dispose()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add(desk: Desk, path: Path, channel: str = MAIN) -> Received:
    """Upload a file; it stays where it is."""
    copy = Path(desk.blobs.scratch) / path.name
    shutil.copyfile(path, copy)
    return desk.receiver(channel).receive(
        copy, path.name, sha256=digest(path), size=path.stat().st_size, who="tests"
    )


def publish(desk: Desk, project: str, version: str, channel: str = MAIN) -> None:
    desk.publish(channel, project, version, who="tests")


def page(desk: Desk, project: str, *, corrected: bool = False, form: str = "json") -> bytes:
    """A project's page in the main channel."""
    return desk.page(
        View(steps=("corrected",) if corrected else ()), canonicalize_name(project), form
    ).body
