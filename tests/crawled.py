"""Crawls of the test index into a folder, and what came out."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer, Sidecar
from trueup.features.survey.crawl import Crawled, Wanted, crawl
from trueup.features.survey.imports import Imports, dataset_buckets
from trueup.features.survey.live import Manner
from trueup.model.filerow import FileRow
from trueup.sources.crawl.fetch import Fetcher
from trueup.sources.crawl.journal import Journal
from trueup.sources.crawl.rate import Bucket
from trueup.sources.dataset import FolderDataset
from trueup.sources.executor import Here
from trueup.sources.filetable import read_rows
from trueup.sources.http import HttpSettings, RetryPolicy

__all__ = ["LINUX", "MAC", "WINDOWS", "all_rows", "crawled", "list_projects", "put", "put_sdist"]

LINUX = "cp312-cp312-manylinux_2_17_x86_64"
MAC = "cp312-cp312-macosx_11_0_arm64"
WINDOWS = "cp312-cp312-win_amd64"
_QUICK = RetryPolicy(attempts=3, connect_attempts=2, base=0.001, cap=0.01)


def put(
    server: IndexServer,
    folder: Path,
    project: str,
    wheels: Mapping[str, Iterable[str]],
    *,
    version: str = "1.0",
    sidecar: Sidecar = Sidecar.ADVERTISED,
    **about: Any,
) -> list[str]:
    """Put wheels on the index, by tags with what they require; their names."""
    folder.mkdir(exist_ok=True)
    names = []
    for tags, requires in wheels.items():
        path = make_wheel(folder, project, version, tags=tags, requires=requires)
        with zipfile.ZipFile(path) as archive:
            metadata = archive.read(f"{project}-{version}.dist-info/METADATA")
        server.add(path.name, path, metadata=metadata, sidecar=sidecar, **about)
        names.append(path.name)
    return names


def put_sdist(
    server: IndexServer, folder: Path, project: str, requires: Iterable[str], **options: Any
) -> str:
    """Put an sdist on the index; its name."""
    folder.mkdir(exist_ok=True)
    path = make_sdist(folder, project, "1.0", requires=requires, **options)
    server.add(path.name, path)
    return path.name


def list_projects(server: IndexServer, *also: str, serials: Mapping[str, int] = {}) -> None:
    """Have the index list its projects."""
    listed = [
        {"name": name, **({"_last-serial": serials[name]} if name in serials else {})}
        for name in sorted([*server.projects, *also])
    ]
    body = json.dumps({"meta": {"api-version": "1.4"}, "projects": listed}).encode()
    server.page("/simple/", body, "application/vnd.pypi.simple.v1+json")


def crawled(
    server: IndexServer,
    folder: Path,
    *names: str,
    newest: int | None = None,
    sdists: bool = False,
    limit: int | None = None,
    timeout: float = 5,
    part: int = 50_000,
    workers: int = 4,
) -> Crawled:
    """Crawl the test index into a dataset; the projects that it lists, if none is named."""
    versions = {
        canonicalize_name(name.partition("==")[0]): (name.partition("==")[2],)
        if "==" in name
        else None
        for name in names
    }
    wanted = Wanted(
        url=server.url,
        names=versions or None,
        manner=Manner(newest=newest, sdists=sdists),
        limit=limit,
        workers=workers,
        part=part,
    )

    async def run() -> Crawled:
        settings = HttpSettings(timeout=timeout, connect_timeout=timeout, per_host=workers)
        async with Fetcher(settings, bucket=Bucket(1_000_000), retry=_QUICK) as fetcher:
            imports = Imports(
                FolderDataset(folder), journal, Here(),
                buckets=dataset_buckets(str(folder), 4), about={"index": server.url},
            )  # fmt: skip
            return await crawl(wanted, journal, fetcher, imports)

    with Journal(folder / "crawl" / "journal.sqlite3", manner=str(wanted.manner)) as journal:
        return asyncio.run(run())


def all_rows(folder: Path) -> dict[str, FileRow]:
    """The rows of a dataset by file name: of every file the newest; none twice in an import."""
    found: dict[str, FileRow] = {}
    origins: dict[str, set[str]] = {}
    for path in sorted(folder.glob("files/*/*.parquet"), key=lambda path: path.name):
        origin = origins.setdefault(path.name.rpartition("-")[0], set())
        for row in read_rows(path):
            assert row.filename not in origin, f"{row.filename} stands there twice"
            origin.add(row.filename)
            found[row.filename] = row
    return found
