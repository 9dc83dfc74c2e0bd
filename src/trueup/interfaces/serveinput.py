"""What `trueup serve` is told, made into a store and a desk."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.interfaces.serveconfig import ServeOptions, data_folder
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from trueup.features.serve.desk import Desk
    from trueup.sources.store.store import Store

__all__ = ["ServeOptions", "data_folder", "open_desk", "open_store"]


def open_store(options: ServeOptions) -> Store:
    """The database, brought to the newest version of its tables; raises UsageError, StoreError."""
    try:
        from trueup.sources.store.schema import open_engine, upgrade
        from trueup.sources.store.store import Store
    except ModuleNotFoundError as error:
        raise UsageError(
            "`serve` needs the extra `serve`", hint="install it with `pip install 'trueup[serve]'`"
        ) from error
    folder = data_folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(options.database or f"sqlite:///{folder / 'index.db'}")
    upgrade(engine)
    return Store(engine)


def open_desk(options: ServeOptions) -> Desk:
    """The index of the command line; raises UsageError, StoreError."""
    store = open_store(options)
    from trueup.features.serve.desk import Desk
    from trueup.sources.config import index_config
    from trueup.sources.index import IndexSource, open_index
    from trueup.sources.ledger import read_ledger
    from trueup.sources.store.blobs import open_blobs
    from trueup.sources.transport import RetryPolicy

    folder = data_folder(options)
    blobs = open_blobs(options.blobs or str(folder / "blobs"), folder)

    def upstream() -> IndexSource:
        found = index_config(options.index, environ=os.environ, directory=Path.cwd())
        # Somebody waits for the answer, and would rather have the last good page.
        http = replace(
            found.http,
            retry=RetryPolicy(attempts=2, connect_attempts=1, base=0.2, retry_after_cap=1),
        )
        return open_index(replace(found, http=http), environ=os.environ)

    return Desk(
        store,
        blobs,
        policies=options.policies,
        ledger=None if options.ledger is None else read_ledger(Path(options.ledger)),
        open_upstream=None if options.hosted_only else upstream,
    )
