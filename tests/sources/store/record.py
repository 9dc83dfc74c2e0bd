"""Records the database of an index that was used, as tests/cases/store has one of each step:

    python -m tests.sources.store.record tests/cases/store/0009.sql

A recording is made once, by the version of trueup that has the step as its newest, and never changed.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.build import make_sdist, make_wheel
from tests.index_server import IndexServer
from tests.serving import Server, serving

__all__ = ["record"]

JSON = "application/vnd.pypi.simple.v1+json"


def record(target: Path) -> None:
    """Use an index for everything that leaves something, and write its database down."""
    with TemporaryDirectory() as name, IndexServer() as upstream:
        folder = Path(name)
        public = make_wheel(folder, "public", "1.0")
        upstream.add(public.name, public.read_bytes())
        options = ("--policy", "warn", "--index", upstream.url)
        with serving(folder / "data", *options, cwd=folder) as server:
            _use(server, folder)
        with closing(sqlite3.connect(folder / "data" / "index.db")) as database:
            lines = "\n".join(database.iterdump())
        # The address of the test's own server says nothing later.
        origin = upstream.url.removesuffix("/").removesuffix("/simple")
        target.write_text(lines.replace(origin, "https://index.test") + "\n")


def _use(server: Server, folder: Path) -> None:
    for number, tag in enumerate(("py3-none-manylinux_2_17_x86_64", "py3-none-win_amd64")):
        wheel = make_wheel(folder, "demo", "1.0", tags=tag, requires=[f"r{number}"])
        assert server.upload(wheel).status_code == 200
    assert server.post("/api/demo/1.0/publish").status_code == 200
    assert server.get("/corrected/simple/demo/", accept=JSON).status_code == 200
    assert server.post(f"/api/demo/yank/{wheel.name}?reason=broken").status_code == 200
    assert server.post("/api/demo/1.0/close").status_code == 200
    assert server.upload(make_sdist(folder, "demo", "2.0")).status_code == 200
    local = make_wheel(folder, "demo", "1.0", requires_python=">=3.9")
    assert server.upload(local, "/c/mpi").status_code == 200
    assert server.post("/c/mpi/api/demo/1.0/publish").status_code == 200
    for page in (
        "/simple/demo/",
        "/corrected/simple/demo/",
        "/c/mpi/simple/demo/",
        "/simple/public/",
    ):
        for form in (JSON, "text/html"):
            assert server.get(page, accept=form).status_code == 200


if __name__ == "__main__":
    record(Path(sys.argv[1]))
