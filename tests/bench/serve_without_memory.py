"""An index that keeps no page in memory: `python -m tests.bench.serve_without_memory DATA PORT`.

What it is asked for comes from SQLite each time, so that this can be measured.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from trueup.features.serve.desk import Desk
from trueup.features.serve.policies import PolicyBook
from trueup.interfaces.web.run import Running, listen, run
from trueup.sources.store.blobs import open_blobs
from trueup.sources.store.schema import open_engine
from trueup.sources.store.store import Store

__all__ = ["open_desk"]


def open_desk(data: Path) -> Desk:
    """The index in a folder, without memory for pages."""
    return Desk(
        Store(open_engine(f"sqlite:///{data / 'index.db'}")),
        open_blobs(str(data / "blobs"), data),
        policies=PolicyBook(),
        page_memory=0,
    )


if __name__ == "__main__":
    run(
        partial(open_desk, Path(sys.argv[1])),
        Running(largest=1024**3),
        listen("127.0.0.1", int(sys.argv[2])),
    )
